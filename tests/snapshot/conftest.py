"""A saved book, shared by the tests of snapshots."""

from __future__ import annotations

import kept_book
import pytest

import dug
from dug import snapshot


@pytest.fixture
def ran():
    """The list of runs, empty to begin with."""
    kept_book.RAN.clear()
    return kept_book.RAN


@pytest.fixture
def saved(tmp_path, ran):
    """A file with a computed report and a failure."""
    path = tmp_path / "book.dug"
    with dug.Context() as ctx:
        kept_book.report()
        with pytest.raises(KeyError):
            kept_book.position("X")
        snapshot.save(ctx, path)
    ran.clear()
    return path


@pytest.fixture
def load():
    """A function that loads a file, which is closed at the end."""
    opened = []

    def load(*args, **kwargs):
        opened.append(snapshot.load(*args, **kwargs))
        return opened[-1]

    yield load
    for one in opened:
        one.close()
