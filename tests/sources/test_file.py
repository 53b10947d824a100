"""Files as nodes: an edited file is noticed by the next outermost call, and nothing else runs again."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from weakref import ref

import pytest

import dug
from dug import sources
from dug.sources import _stamp as stamp
from dug.testing import EventLog


@dug.memoize
def read(path, by="mtime"):
    """Reads a file."""
    return Path(sources.file(path, by=by)).read_text()


@dug.memoize
def length(path, by="mtime"):
    """Reads how long a text is, which many edits leave as it is."""
    return len(read(path, by))


@dug.memoize
def twice(path, by="mtime"):
    """Reads a length."""
    return 2 * length(path, by)


def test_an_edited_file_is_noticed_by_the_next_call(folder):
    """Calls give the content that the file has when they begin."""
    path = folder.write("a", "one")
    with dug.Context():
        seen = [read(path), read(path)]
        folder.write("a", "two")
        seen += [read(path), read(path)]

    assert seen == ["one", "one", "two", "two"]


def test_an_edit_in_the_same_moment_is_noticed(folder):
    """An edit that the clock of the file system cannot tell from the one before is noticed all the same."""
    with dug.Context():
        for number in range(20):
            path = folder.write_now("a", str(number % 10))
            assert read(path) == str(number % 10)


def test_an_unchanged_file_runs_nothing(folder):
    """While a file is as it was, its node and all that read it are answered by their memos."""
    path = folder.write("a", "one")
    with dug.Context() as ctx:
        twice(path)
        with EventLog(ctx) as log:
            twice(path), read(path), sources.file(path)

    assert log.computed == []


def test_an_edit_runs_what_depends_on_the_file(folder):
    """Nodes of other files do not run, nor what reads a value that is the same."""
    path, other = folder.write("a", "one"), folder.write("b", "four")
    with dug.Context() as ctx:
        twice(path), twice(other)
        folder.write("a", "two")
        with EventLog(ctx) as log:
            assert (twice(path), twice(other)) == (6, 8)

    assert log.computed == [sources.file.node(path), read.node(path), length.node(path)]
    assert log.invalidated == [sources.file.node(path)]


def test_by_content_a_file_that_was_written_again_runs_nothing(folder):
    """Where the content counts, another time alone invalidates nothing; with time and size the readers run."""
    path = folder.write("a", "one")
    with dug.Context() as ctx:
        twice(path, "content"), twice(path)
        folder.touch("a")
        with EventLog(ctx) as log:
            twice(path, "content")
            twice(path)

    assert log.computed == [sources.file.node(path), read.node(path)]
    assert read.node(path, "content") not in log.computed


def test_a_failed_read_is_tried_again_by_the_next_call(folder):
    """A file that is not there is an error of this call, and the next one finds it."""
    path = str(folder.path / "a")
    with dug.Context():
        with pytest.raises(FileNotFoundError):
            read(path)
        folder.write("a", "one")
        assert read(path) == "one"
        folder.remove("a")
        with pytest.raises(FileNotFoundError):
            read(path)
        folder.write("a", "one")
        assert read(path) == "one"


def test_a_missing_file_is_named_with_its_node(folder):
    """The error says which node reads which file, and can be caught as the error of any file."""
    path = str(folder.path / "a")
    with dug.Context(), pytest.raises(FileNotFoundError) as caught:
        read(path)

    assert str(caught.value) == f"[Errno 2] dug.sources:file({path!r}, by='mtime') reads a file that is not there: {path!r}"
    assert caught.value.filename == path


def test_a_folder_is_named_with_its_node(folder):
    """What is no file is an error that says so."""
    with dug.Context(), pytest.raises(IsADirectoryError, match=r"dug.sources:file\(.*\) cannot read its file: is a folder"):
        sources.file(folder.path)


def test_a_file_that_may_not_be_read_is_named_with_its_node(folder, monkeypatch):
    """Another error of the system keeps its type."""

    def refuse(where):
        raise PermissionError(13, "Permission denied", where)

    monkeypatch.setattr(stamp, "digest_of", refuse)
    with dug.Context(), pytest.raises(PermissionError, match=r"dug.sources:file\(.*\) cannot read its file: Permission denied"):
        sources.file(folder.write("a", "one"), by="content")


def test_texts_and_path_objects_are_one_node(folder):
    """A path is one node in whichever form it is given."""
    path = folder.write("a", "one")

    assert sources.file.node(path) == sources.file.node(Path(path)) == sources.file.node(os.fsencode(path))
    with dug.Context() as ctx, EventLog(ctx) as log:
        sources.file(path), sources.file(Path(path))
    assert len(log.computed) == 1


def test_a_relative_path_is_looked_up_from_the_current_folder(folder, monkeypatch):
    """When the current folder changes, a relative path is another file."""
    for name in ("one", "two"):
        (folder.path / name).mkdir()
        folder.write(f"{name}/a", name)
    with dug.Context():
        monkeypatch.chdir(folder.path / "one")
        assert read("a") == "one"
        monkeypatch.chdir(folder.path / "two")
        assert read("a") == "two"


def test_no_other_way_to_know_a_file():
    """A misspelt ``by=`` is an error that says what there is."""
    with dug.Context(), pytest.raises(ValueError, match="by must be 'mtime' or 'content', not 'hash'"):
        sources.file("a", by="hash")


def test_what_is_no_path_is_a_type_error():
    """A number is no path."""
    with dug.Context(), pytest.raises(TypeError, match="PathLike"):
        sources.file(5)


def test_a_file_is_a_source():
    """Looks and pictures show files as sources, under a name that another process finds."""
    assert sources.file.node("a").function is sources.file
    assert dug.Node.parse("dug.sources:file('a')") == sources.file.node("a")
    assert sources.file._self_function.is_source


def test_a_plain_call_needs_no_context(folder):
    """``file.__wrapped__`` looks at a file and remembers nothing, as of any source."""
    path = folder.write("a", "one")

    assert sources.file.__wrapped__(path).size == 3


def test_a_call_inside_a_node_without_a_node_of_its_own_is_not_watched(folder):
    """A body that calls ``file.__wrapped__`` reads the outside by itself, and nothing else goes wrong."""
    path = folder.write("a", "one")

    @dug.memoize
    def aside():
        return sources.file.__wrapped__(path).size

    with dug.Context() as ctx:
        assert aside() == 3
        assert ctx.cache.group.check is None


# Tweaks


def test_a_tweak_of_a_file_holds_whatever_becomes_of_the_file(folder):
    """A file that is tweaked to another path is read there, in this context only; edits of the first change nothing there."""
    path, other = folder.write("a", "one"), folder.write("b", "three")
    with dug.Context():
        assert length(path) == 3
        with dug.Context({sources.file.node(path): other}):
            assert length(path) == 5
            folder.write("a", "four")
            assert length(path) == 5
        assert length(path) == 4


def test_a_missing_file_may_be_tweaked(folder):
    """A tweak answers for a file that is not there."""
    other = folder.write("b", "three")
    with dug.Context({sources.file.node("nowhere"): Path(other)}):
        assert length("nowhere") == 5


def test_a_replacement_of_all_files_is_watched(folder):
    """A function in the place of ``file`` reads other files as nodes, and their edits are noticed."""
    path, other = folder.write("a", "one"), folder.write("b", "three")

    def elsewhere(path, *, by="mtime"):
        return sources.file(other, by=by) if path != other else sources.file(path, by=by)

    with dug.Context({sources.file: elsewhere}):
        assert length(path) == 5
        folder.write("b", "fifteen")
        assert length(path) == 7


def test_a_tweak_of_a_reader_hides_the_file(folder):
    """A node that is tweaked to a value does not look at its file; a bump of it follows the file."""
    path = folder.write("a", "one")
    with dug.Context({read.node(path): "tweaked"}):
        assert length(path) == 7
        folder.remove("a")
        assert length(path) == 7
    folder.write("a", "one")
    with dug.Context({read.node(path): dug.shift("!")}):
        assert length(path) == 4
        folder.write("a", "four")
        assert length(path) == 5


def test_contexts_inside_notice_an_edit_for_those_around(folder):
    """A call in a child notices the edit, and the parent, its other children and layered caches have the new value."""
    path = folder.write("a", "one")
    layered, tweaked = dug.Context(cache=dug.Cache()), dug.Context({length.node("other"): 1})
    with dug.Context() as base:
        with layered:
            twice(path)
        with tweaked:
            twice(path)
        folder.write("a", "four")
        with tweaked:
            assert twice(path) == 8
        with EventLog(base) as log:
            assert twice(path) == 8
            with layered:
                assert twice(path) == 8

    assert read.node(path) not in log.computed


def test_a_context_that_a_node_opens_belongs_to_its_call(folder):
    """A file that is edited while a node runs is noticed by the next outermost call."""
    path = folder.write("a", "one")

    @dug.memoize
    def edit():
        before = read(path)
        folder.write("a", "four")
        with dug.Context({length.node("other"): 1}):
            return before, read(path)

    with dug.Context():
        assert edit() == ("one", "one")
        assert read(path) == "four"


# What else looks at files


def test_a_sweep_looks_before_each_scenario(folder):
    """Each scenario of a sweep sees the files as they are when it begins."""
    path = folder.write("a", "one")

    def edit():
        for number in range(3):
            folder.write("a", "x" * number)
            yield {length.node("other"): number}

    with dug.Context():
        assert [result.value for result in dug.sweep(twice.node(path), edit())] == [0, 2, 4]


def test_find_changed_tells_without_forgetting(folder):
    """``find_changed`` names the files that were edited or removed, and leaves it to the next call to notice."""
    path, other = folder.write("a", "one"), folder.write("b", "two")
    with dug.Context() as ctx:
        assert sources.find_changed(ctx) == ()
        read(path), read(other)
        assert sources.find_changed(ctx) == ()
        folder.write("a", "four")
        assert sources.find_changed(ctx) == sources.find_changed(ctx) == (sources.file.node(path),)
        folder.remove("b")

        assert ctx[read.node(path)] == "one"
        assert set(sources.find_changed(ctx)) == {sources.file.node(path), sources.file.node(other)}
        assert read(path) == "four"
        assert sources.find_changed(ctx) == ()


def test_find_changed_takes_a_context():
    """Something else is a TypeError that says what to write."""
    with pytest.raises(TypeError, match=r"5 is not a context. Write find_changed\(ctx\)"):
        sources.find_changed(5)


def test_a_watched_context_is_freed_when_it_is_dropped(folder):
    """What watches the files of a context keeps neither its cache nor the values in it."""

    class Big:
        pass

    @dug.memoize
    def big():
        read(path)
        return Big()

    path, ctx = folder.write("a", "one"), dug.Context()
    with ctx:
        gone = [ref(big()), ref(ctx.cache)]
        folder.write("a", "two")
        gone.append(ref(big()))
    assert [one() is None for one in gone] == [True, False, False]
    del ctx
    gc.collect()

    assert [one() is None for one in gone] == [True, True, True]


def test_a_context_that_was_left_notices_when_it_is_entered_again(folder):
    """An edit between two entries is noticed by the first call of the second."""
    path, ctx = folder.write("a", "one"), dug.Context()
    with ctx:
        read(path)
    folder.write("a", "two")
    with ctx:
        assert read(path) == "two"


def test_an_active_context_notices_an_edit(folder):
    """The default context of a process, as in a notebook, notices an edit."""
    path, ctx = folder.write("a", "one"), dug.Context()
    ctx.activate()
    try:
        assert read(path) == "one"
        folder.write("a", "two")
        assert read(path) == "two"
    finally:
        ctx.deactivate()


def test_invalidated_and_cleared_files_are_looked_at_again(folder):
    """Invalidating a file by hand, or emptying the cache, does no harm to the watch."""
    path = folder.write("a", "one")
    with dug.Context() as ctx:
        read(path)
        ctx.invalidate(sources.file.node(path))
        read(path)
        ctx.clear()
        read(path)
        folder.write("a", "two")
        assert read(path) == "two"


def test_a_thousand_digests_do_not_stay(folder):
    """What is known of files that nobody reads any more is forgotten."""
    with dug.Context() as ctx:
        for number in range(40):
            read(folder.write_now(f"{number}", "x"), "content")
        ctx.clear()
        read(folder.write_now("last", "x"), "content")
        read(str(folder.path / "last"), "content")
        check = ctx.cache.group.check

        assert len(check._listed[1]) == 1
        assert len(check._signatures) == 0
