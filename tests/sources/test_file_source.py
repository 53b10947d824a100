"""`file_source`: a function that reads files is a source that notices their edits, and otherwise the user's own function."""

from __future__ import annotations

import asyncio
import inspect
import pathlib
import pickle
from pathlib import Path

import pytest

import dug
from dug import fingerprint, sources
from dug.testing import EventLog, assert_pure, assert_transparent


def read_text(path):
    """Return the text of a file."""
    return Path(path).read_text()


@dug.file_source
def words(path, mark=" "):
    """Reads the words of a file."""
    return tuple(Path(path).read_text().split(mark))


@dug.memoize
def count(path):
    """Reads how many words there are."""
    return len(words(path))


@dug.file_source(by="content", path=("left", "right"))
def joined(left, right, *, between=""):
    """Reads two files."""
    return Path(left).read_text() + between + Path(right).read_text()


@dug.file_source
async def later(path):
    """Reads a file in a coroutine."""
    await asyncio.sleep(0)
    return read_text(path)


class Desk:
    """Has methods that read files."""

    __hash__ = object.__hash__  # one desk is not another

    @dug.file_source
    def load(self, name):
        """Reads a file."""
        return Path(name).read_text()

    @dug.file_source
    @classmethod
    def kind(cls, name):
        """Reads a file for the class."""
        return cls.__name__ + Path(name).read_text()

    @dug.file_source
    @staticmethod
    def plain(name):
        """Reads a file for nobody."""
        return Path(name).read_text()


def test_an_edit_runs_the_function_again(folder):
    """The function runs for the new content, and what reads an equal value does not."""
    path = folder.write("a", "one two")
    with dug.Context() as ctx:
        assert count(path) == 2
        folder.write("a", "two three")
        with EventLog(ctx) as log:
            assert (count(path), words(path)) == (2, ("two", "three"))
        folder.write("a", "one two three")
        assert count(path) == 3

    assert log.count(words) == log.count(count) == 1


def test_an_equal_value_keeps_what_was_computed_from_it(folder):
    """A file that was written again with its content runs the function, and nothing above it."""
    path = folder.write("a", "one two")
    with dug.Context() as ctx:
        count(path)
        folder.touch("a")
        with EventLog(ctx) as log:
            count(path)

    assert log.computed == [sources.file.node(path), words.node(path)]
    assert log.reused == [count.node(path)]


def test_the_options_are_those_of_every_function(folder):
    """``by=`` and ``path=`` are taken, several paths are watched, and keyword-only parameters go on."""
    left, right = folder.write("l", "1"), folder.write("r", "2")
    with dug.Context() as ctx:
        assert joined(left, right, between="-") == "1-2"
        folder.touch("l")
        with EventLog(ctx) as log:
            assert joined(left, right, between="-") == "1-2"
        assert log.computed == []
        folder.write("r", "3")
        assert joined(left, right, between="-") == "1-3"


def test_the_function_gets_the_path_that_it_was_given(folder, monkeypatch):
    """A relative path, a text and a path object come to the function as they are."""
    seen = []

    @dug.file_source
    def note(path):
        seen.append(path)

    folder.write("a", "one")
    monkeypatch.chdir(folder.path)
    with dug.Context():
        note("a"), note(Path("a"))

    assert seen == ["a", Path("a")]


@pytest.mark.parametrize("form", [str, Path])
def test_a_tweak_of_the_file_leads_to_another_one(folder, form):
    """A tweak to a path has the function read that one, in the form of the first, and watches it; so does one to a file."""
    path, other = folder.write("a", "one two"), folder.write("b", "one two three")
    with dug.Context() as base:
        assert count(form(path)) == 2
        with dug.Context({sources.file.node(path): other}):
            assert count(form(path)) == 3
            folder.write("b", "one")
            assert count(form(path)) == 1
        file = base[sources.file.node(other)] if sources.file.node(other) in base else sources.file(other)
        with dug.Context({sources.file.node(path): file}):
            assert count(form(path)) == 1
        assert count(form(path)) == 2


def test_a_missing_file_names_the_function_too(folder):
    """The error of a missing file has a note that names the node which reads it."""
    path = str(folder.path / "a")
    with dug.Context(), pytest.raises(FileNotFoundError, match="reads a file that is not there") as caught:
        count(path)

    assert caught.value.__notes__ == [f"{words.node(path)} reads this file."]


def test_an_error_of_the_function_is_its_own(folder):
    """An error that the function raises passes untouched, and is tried again by the next call."""
    path = folder.write("a", "x")

    @dug.file_source
    def number(path):
        return int(Path(path).read_text())

    with dug.Context():
        with pytest.raises(ValueError, match="invalid literal") as caught:
            number(path)
        assert not hasattr(caught.value, "__notes__")
        folder.write("a", "5")
        assert number(path) == 5


def test_the_function_keeps_its_name_and_signature():
    """The decorated function looks like the user's, and other processes find it by its name."""
    assert words.__name__ == "words"
    assert str(inspect.signature(words)) == "(path, mark=' ')"
    assert words.__doc__ == "Reads the words of a file."
    assert str(words.node("a")).endswith("test_file_source:words('a', ' ')")
    assert pickle.loads(pickle.dumps(words.node("a"))) == words.node("a")
    assert words._self_function.is_source


def test_outside_of_contexts_it_is_a_plain_function(folder):
    """``__wrapped__`` reads the file, with no cache and no check."""
    assert words.__wrapped__(folder.write("a", "one two")) == ("one", "two")


def test_methods_read_files_too(folder):
    """Methods, class methods and static methods take the path after the instance or class."""
    path = folder.write("a", "one")
    with dug.Context():
        desk = Desk()
        assert (desk.load(path), Desk.kind(path), Desk.plain(path)) == ("one", "Deskone", "one")
        folder.write("a", "two")
        assert (desk.load(path), Desk.kind(path), Desk.plain(path)) == ("two", "Desktwo", "two")


def test_coroutine_functions_read_files_too(folder):
    """A coroutine function is awaited as ever, and notices an edit."""
    path = folder.write("a", "one")

    async def main():
        with dug.Context() as ctx:
            seen = [await later(path), await later(path)]
            folder.write("a", "two")
            with EventLog(ctx) as log:
                seen += await asyncio.gather(later(path), later(path))
            return seen, log.count(later)

    assert asyncio.run(main()) == (["one", "one", "two", "two"], 1)


def test_the_same_definition_keeps_its_memos(folder):
    """A cell that is run again keeps what it knows, and another definition runs."""
    space = {"__name__": "a_module_of_cells", "dug": dug, "pathlib": pathlib}
    cell = "@dug.file_source(name='cells:text')\ndef text(path):\n    return pathlib.Path(path).read_text() + {!r}\n"
    path = folder.write("a", "one")
    with dug.Context() as ctx:
        exec(cell.format("!"), space)
        assert space["text"](path) == "one!"
        with EventLog(ctx) as log:
            exec(cell.format("!"), space)
            assert space["text"](path) == "one!"
        assert log.computed == []
        exec(cell.format("?"), space)
        assert space["text"](path) == "one?"


def test_its_reach_is_that_of_the_function():
    """A fingerprint of the function sees a change of its code, and nothing in it that no other process has."""

    def make(text):
        space = {"dug": dug}
        exec(f"@dug.file_source\ndef f(path):\n    return {text!r}\n", space)
        return space["f"]

    assert fingerprint.reach(words).blind == ()
    assert fingerprint.fingerprint_of(make("a")) == fingerprint.fingerprint_of(make("a")) != fingerprint.fingerprint_of(make("b"))


def test_the_checks_of_dug_testing_take_it(folder):
    """The checks of transparency and purity run it, and ask for its file as a node."""
    path, other = folder.write("a", "one two"), folder.write("b", "one")

    with dug.Context():
        assert_transparent(count.node(path), tweaks={sources.file.node(path): other})
        assert_pure(count.node(path))


def test_what_has_no_path_is_refused():
    """A function without a parameter, or without the one that was named, is a TypeError at once."""
    with pytest.raises(TypeError, match=r"nothing\(\) has no parameter for one"):

        @dug.file_source
        def nothing():
            pass

    with pytest.raises(TypeError, match=r"one\(\) has no parameter 'file' that is a path; its parameters: path"):

        @dug.file_source(path="file")
        def one(path):
            pass

    for wrong in (int, 5):
        with pytest.raises(TypeError, match=r"decorates functions"):
            dug.file_source(wrong)
    with pytest.raises(ValueError, match="by must be 'mtime' or 'content', not 'hash'"):
        dug.file_source(by="hash")
    with pytest.raises(TypeError, match="has no option"):
        dug.file_source(words.__wrapped__, colour="red")


@dug.file_source
def lines(path):
    """Yield the lines of a file."""
    with Path(path).open() as opened:
        for line in opened:
            yield line.strip()


@dug.file_source
async def lines_later(path):
    """Yield the lines of a file, to be awaited."""
    for line in read_text(path).splitlines():
        yield line


@dug.memoize
def count_lines(path):
    """Return how many lines a stream has."""
    return len(lines(path).list())


def test_a_stream_of_a_file_notices_an_edit(tmp_path):
    """A generator that reads a file runs again once the file was edited, and so does what read its stream."""
    path = tmp_path / "lines.txt"
    seen = []

    async def read():
        return await lines_later(str(path)).list()

    with dug.Context():
        for text in ("a\nb\n", "a\nb\nc\n"):
            path.write_text(text)
            seen.append((count_lines(str(path)), lines(str(path)).list(), asyncio.run(read())))

    assert seen == [(2, ["a", "b"], ["a", "b"]), (3, ["a", "b", "c"], ["a", "b", "c"])]
