"""A source that failed fails again with the class of its error, or is refused."""

from __future__ import annotations

import pytest

import dug
from dug import replay


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


class FeedError(Exception):
    """An error of a program, with arguments of its own."""

    def __init__(self, code):
        super().__init__(f"feed error {code}")
        self.code = code


def record_failure(path, error):
    """Record a source that fails; return it."""

    @dug.source
    def feed():
        raise error

    ctx = dug.Context()
    with replay.record(ctx, path), ctx, pytest.raises(type(error)):
        feed()
    return feed


def test_an_error_of_a_class_of_the_program_is_caught_again(path):
    """A source that failed with an error of the program's own class fails with that class, and what is in it."""
    feed = record_failure(path, FeedError(7))
    recording = replay.open(path)

    assert recording.missing(feed.node()) == ()
    with recording.replay():
        with pytest.raises(FeedError, match="feed error 7") as caught:
            feed()
    assert caught.value.code == 7


def test_an_error_that_cannot_be_made_again_is_named(path):
    """Where the class of an error cannot be found, its node is refused by name: no reader gets what it does not catch."""

    class LocalError(Exception):
        pass

    feed = record_failure(path, LocalError("gone"))
    recording = replay.open(path)

    assert recording.missing(feed.node()) == (str(feed.node()),)
    with recording.replay(), pytest.raises(replay.UncoveredError, match="LocalError, which cannot be made here"):
        feed()


def test_a_recording_that_names_another_class_runs_nothing(path, monkeypatch):
    """A file makes nothing but exceptions of modules that are loaded: no other class, and no ``__init__``, runs."""
    ran = []
    feed = record_failure(path, FeedError(7))
    monkeypatch.setattr(FeedError, "__init__", lambda *args: ran.append(args))
    text = path.read_text()
    assert f"{__name__}:FeedError" in text

    with replay.open(path).replay(), pytest.raises(FeedError):
        feed()
    path.write_text(text.replace(f"{__name__}:FeedError", "subprocess:Popen"))
    with replay.open(path).replay(), pytest.raises(replay.UncoveredError):
        feed()

    assert ran == []
