"""The committed files of each format: every later dug reads them."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import kept_book
import pytest

import dug
from dug import snapshot

FILES = Path(__file__).parent / "golden"
FORMATS = [1, 2]


def path_of(number):
    """Return the path of the file of a format."""
    return FILES / f"format{number}.dug"


@pytest.mark.parametrize("number", FORMATS)
def test_the_file_of_a_format_is_looked_at(number):
    """States, texts, tweaks, failures and sources of each format are there."""
    with snapshot.look(path_of(number)) as looked:
        assert (looked.info.format, looked.info.context, looked.info.nodes) == (number, "golden", 10)
        assert looked["kept_book:book()"].value == "30.0"
        assert [one.node for one in looked.failures()] == ["kept_book:price('X')", "kept_book:position('X', 10)"]
        assert [(one.target, one.text) for one in looked.tweaks] == [("kept_book:price('B')", "scale(2.0)")]
        assert looked.graph().roots[-1] == "kept_book:position('X', 10)"
        assert "def delta(" in "".join(one.source or "" for one in looked.functions)


@pytest.mark.parametrize("number", FORMATS)
def test_the_file_of_a_format_is_loaded(load, ran, number):
    """Values of each format answer, and tweaks over them run their dependents."""
    with load(path_of(number)) as loaded:
        assert (kept_book.book(), kept_book.delta("A")) == (30.0, 10.0)
        assert ran == []
        assert isinstance(loaded.memo(kept_book.price.node("X")).error, KeyError)
        with dug.Context(tweaks={kept_book.price.node("A"): 2.0}):
            assert kept_book.book() == 40.0
    assert ran == ["position(A)", "book"]


def test_the_format_of_the_golden_file_is_what_is_written(tmp_path, ran):
    """A file that is written today has the tables of the golden one: a change of them takes a new format."""
    with dug.Context() as ctx:
        kept_book.book()
        snapshot.save(ctx, tmp_path / "x.dug")
    copy(path_of(FORMATS[-1]), tmp_path / "golden.dug")
    tables = [
        set(snapshot._file.SavedFile(path)._select("SELECT name, sql FROM sqlite_master", ()))
        for path in (tmp_path / "x.dug", tmp_path / "golden.dug")
    ]

    assert tables[0] == tables[1]


@pytest.mark.parametrize("name", ["save", "load", "look", "Snapshot", "Look", "Report", "SnapshotError", "RecordedError"])
def test_a_name_of_the_package_is_documented(name):
    """Each public name has a docstring."""
    assert name in snapshot.__all__
    assert getattr(snapshot, name).__doc__
