"""Saving: one step, whatever happens, and a report of the omitted parts."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import kept_book
import kill_saves
import pytest

import dug
from dug import snapshot
from dug._portable import errors

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked and killed")

FULL_DISK = """
import resource, sys
sys.path[:0] = {paths!r}
import dug, kept_book
from dug import snapshot
path = {path!r}
with dug.Context() as ctx:
    kept_book.book()
    snapshot.save(ctx, path)
    before = open(path, "rb").read()
    kept_book.blob(4_000_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        snapshot.save(ctx, path)
    except snapshot.SnapshotError as exc:
        print(exc)
    assert open(path, "rb").read() == before
"""


def test_the_report_says_what_was_saved_and_what_was_not(tmp_path, ran):
    """A report counts nodes, values and failures, and names the omitted parts with the reason."""
    with dug.Context() as ctx:
        kept_book.report()
        with pytest.raises(KeyError):
            kept_book.position("X")
        report = snapshot.save(ctx, tmp_path / "x.dug")

    assert (report.nodes, report.values, report.failures) == (9, 6, 2)
    assert [one.what for one in report.absent] == ["kept_book:handle()"]
    assert "left out: 1" in str(report)
    assert report.size_bytes == (tmp_path / "x.dug").stat().st_size


def test_some_nodes_are_saved_with_what_they_rest_on(tmp_path, ran):
    """``nodes=`` saves these and their ancestors, and notes those that did not run."""
    with dug.Context() as ctx:
        kept_book.report()
        snapshot.save(ctx, tmp_path / "x.dug", nodes=[kept_book.position.node("A"), kept_book.position.node("C")])

    with snapshot.look(tmp_path / "x.dug") as looked:
        states = {node: looked[node].state for node in looked.nodes()}
    assert states == {
        "kept_book:price('A')": "computed",
        "kept_book:position('A', 10)": "computed",
        "kept_book:position('C', 10)": "not-run",
    }


def test_listing_failures_reads_no_more_than_them(tmp_path, ran, monkeypatch):
    """Failures are listed without reading the other nodes."""
    with dug.Context() as ctx:
        for quantity in range(300):
            kept_book.position("A", quantity)
        with pytest.raises(KeyError):
            kept_book.position("X")
        snapshot.save(ctx, tmp_path / "x.dug")
    rows = []
    real = snapshot._file.SavedFile._select
    monkeypatch.setattr(snapshot._file.SavedFile, "_select", lambda *args: (rows.append(row) or row for row in real(*args)))

    with snapshot.look(tmp_path / "x.dug") as looked:
        assert len(looked.failures()) == 2
    assert len(rows) < 12


def test_a_masked_node_is_noted_as_masked(tmp_path, ran):
    """A node that is known outside and masked here is in the picture, without a value."""
    with dug.Context():
        kept_book.book()
        with dug.Context(tweaks={kept_book.price.node("A"): 2.0}) as ctx:
            snapshot.save(ctx, tmp_path / "x.dug")

    with snapshot.look(tmp_path / "x.dug") as looked:
        assert looked["kept_book:book()"].state == "masked"
        assert looked["kept_book:price('A')"].state == "tweaked"
        assert looked["kept_book:price('B')"].state == "computed"
        assert (looked.tweaks[0].target, looked.tweaks[0].text) == ("kept_book:price('A')", "2.0")


def test_what_a_user_s_object_does_cannot_make_a_save_fail(tmp_path):
    """A repr, an argument or an exception that raises is left out, and the rest is saved."""

    class Rude(Exception):
        __hash__ = object.__hash__  # its identity is what counts

        def __repr__(self):
            raise RuntimeError("no")

        __str__ = __reduce__ = __getstate__ = __repr__

    rude = Rude()

    @dug.memoize(name="kept_book:polite")
    def polite(what):
        if what is None:
            raise rude
        return rude

    with dug.Context() as ctx:
        polite(1)
        polite(rude)
        with pytest.raises(Rude):
            polite(None)
        report = snapshot.save(ctx, tmp_path / "x.dug", allow_pickle=True)

    assert (report.nodes, report.values, report.failures) == (3, 0, 1)
    with snapshot.look(tmp_path / "x.dug") as looked:
        assert "cannot be shown" in looked.failures()[0].text


def test_progress_is_told(tmp_path, ran):
    """``progress=`` hears of each node."""
    told = []
    with dug.Context() as ctx:
        kept_book.book()
        snapshot.save(ctx, tmp_path / "x.dug", progress=lambda done, total: told.append((done, total)))

    assert told == [(number, 5) for number in range(1, 6)]


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is POSIX's")
@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file(tmp_path):
    """Where the new file does not fit, the error says so, the old file is as it was and nothing else is left."""
    code = FULL_DISK.format(paths=[path for path in sys.path if path], path=str(tmp_path / "x.dug"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["x.dug"]


def test_an_error_while_writing_leaves_the_old_file(tmp_path, ran, monkeypatch):
    """An interrupt in the middle of a save leaves the old file and nothing beside it."""
    path = tmp_path / "x.dug"
    with dug.Context() as ctx:
        kept_book.book()
        snapshot.save(ctx, path)
        before = path.read_bytes()

        def interrupt(done, total):
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            snapshot.save(ctx, path, progress=interrupt)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@needs_fork
@pytest.mark.slow
def test_a_few_killed_savers_leave_whole_files():
    """A saver that is killed leaves the old file or the new one."""
    assert len(kill_saves.run(5, seed=3)) == 5


@needs_fork
@pytest.mark.slow
def test_two_hundred_killed_savers_leave_whole_files():
    """None of 200 savers killed at random moments leaves half a file."""
    assert len(set(kill_saves.run(200, seed=4))) > 20


def test_a_link_stays_one_and_its_file_keeps_its_mode(tmp_path, ran):
    """A save through a link replaces its target, and opens it to nobody else."""
    file, link = tmp_path / "1.dug", tmp_path / "latest.dug"
    with dug.Context() as ctx:
        snapshot.save(ctx, file)
        file.chmod(0o600)
        link.symlink_to(file.name)
        kept_book.report()
        snapshot.save(ctx, link)

    assert link.is_symlink()
    assert snapshot.look(file).info.nodes > 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_error_that_many_passed_on_is_told_once(tmp_path, monkeypatch):
    """A traceback is as long as the chain of nodes that it went through: it is not made again for each of them."""

    @dug.memoize(name="kept_book:step")
    def step(number):
        if not number:
            raise ValueError(number)
        return step(number - 1)

    told, real = [], errors.arguments_of
    monkeypatch.setattr(errors, "arguments_of", lambda error: told.append(error) or real(error))
    with dug.Context() as ctx:
        with pytest.raises(ValueError, match="0"):
            step(20)
        report = snapshot.save(ctx, tmp_path / "x.dug")

    assert report.failures == 21
    assert len(told) == 1


def test_a_file_in_the_place_of_a_context_is_said(tmp_path):
    """A caller that mixes up the arguments gets their order."""
    with dug.Context() as ctx, pytest.raises(TypeError, match=r"Write snapshot.save\(ctx, path\)"):
        snapshot.save(tmp_path / "x.dug", ctx)
    with dug.Context() as ctx:
        for one in (kept_book.book.node(), "", b""):
            with pytest.raises(TypeError, match=r"Write nodes=\[f.node\(x\)\]"):
                snapshot.save(ctx, tmp_path / "x.dug", nodes=one)


def test_a_file_may_have_the_longest_name(tmp_path):
    """The file written beside the old one has a name that the file system allows."""
    place = tmp_path / ("x" * 251 + ".dug")
    with dug.Context() as ctx:
        snapshot.save(ctx, place)

    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_the_error_names_the_file_and_not_the_one_beside_it(tmp_path):
    """The error names only the given path."""
    with dug.Context() as ctx, pytest.raises(snapshot.SnapshotError) as raised:
        snapshot.save(ctx, tmp_path / "nowhere" / "x.dug")

    assert "No such file or directory. The old file is as it was" in str(raised.value)
    assert ".saving" not in str(raised.value)


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes, pipes and names of bytes are POSIX's")


def make_special(kind, path):
    """Put something that is not a regular file at a path; return what must be kept alive."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        bound = socket.socket(socket.AF_UNIX)
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket must be short
        try:
            bound.bind(path.name)
        finally:
            os.chdir(here)
        return bound
    elif kind == "link to a pipe":
        os.mkfifo(path.with_name("pipe"))
        path.symlink_to("pipe")
    elif kind == "link to a device":
        path.symlink_to("/dev/null")
    elif kind == "link to itself":
        path.symlink_to(path.name)
    return None


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "link to a pipe", "link to a device", "link to itself"])
def test_what_is_no_regular_file_is_refused_and_left_alone(tmp_path, ran, kind):
    """A save replaces a regular file and nothing else, and says so before anything is written; so does a read."""
    path = tmp_path / "x.dug"
    kept = make_special(kind, path)
    before = {one.name: (one.lstat().st_mode, one.lstat().st_ino) for one in tmp_path.iterdir()}
    with dug.Context() as ctx:
        kept_book.book()
        with pytest.raises(snapshot.SnapshotError, match=r"x\.dug cannot be written"):
            snapshot.save(ctx, path)

    for read in (snapshot.look, snapshot.load):
        with pytest.raises(snapshot.SnapshotError, match=r"x\.dug (is not a snapshot: it is a|cannot be read: .*symbolic links)"):
            read(path)
    assert {one.name: (one.lstat().st_mode, one.lstat().st_ino) for one in tmp_path.iterdir()} == before
    if kept is not None:
        kept.close()


def test_a_path_through_a_folder_that_is_not_there_is_refused(tmp_path, ran):
    """A saved file can be opened by the path it was saved to."""
    with dug.Context() as ctx:
        kept_book.book()
        with pytest.raises(snapshot.SnapshotError, match="No such file or directory"):
            snapshot.save(ctx, tmp_path / "missing" / ".." / "x.dug")

    assert list(tmp_path.iterdir()) == []


@posix_only
def test_what_became_no_regular_file_meanwhile_is_left_alone(tmp_path, ran):
    """A pipe that was made in the place of the file during a save is not replaced either."""
    path = tmp_path / "x.dug"
    with dug.Context() as ctx:
        kept_book.book()
        with pytest.raises(snapshot.SnapshotError, match="named pipe"):
            snapshot.save(ctx, path, progress=lambda done, total: done == total and os.mkfifo(path))

    assert [one.name for one in tmp_path.iterdir()] == ["x.dug"]
    assert path.is_fifo()


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444, 0o664, None])
def test_what_is_written_is_never_open_to_more_than_the_file_that_it_replaces(tmp_path, ran, mode):
    """A file keeps its mode; while it is written nobody but its owner reads it; a new one has the mode that the umask says."""
    path, seen = tmp_path / "x.dug", set()
    before = os.umask(0o027)
    try:
        with dug.Context() as ctx:
            kept_book.blob(20_000)
            if mode is not None:
                path.touch()
                path.chmod(mode)
            others = lambda: {one for one in tmp_path.iterdir() if one != path}  # noqa: E731
            snapshot.save(ctx, path, progress=lambda *_: seen.update(one.stat().st_mode & 0o777 for one in others()))
    finally:
        os.umask(before)

    assert seen == ({0o640} if mode is None else {0o600})
    assert path.stat().st_mode & 0o7777 == (0o640 if mode is None else mode)


@posix_only
def test_the_mode_is_narrow_from_the_moment_that_the_file_is_made(tmp_path, ran, monkeypatch):
    """Nobody can open the new file in the moment before it gets its mode."""
    path, made = tmp_path / "x.dug", []
    path.touch()
    path.chmod(0o600)
    real = os.open

    def note(name, flags, mode=0o777, **more):
        made.append((flags, mode))
        return real(name, flags, mode, **more)

    monkeypatch.setattr(os, "open", note)
    with dug.Context() as ctx:
        snapshot.save(ctx, path)

    assert [mode for flags, mode in made if flags & os.O_CREAT] == [0o600]


@posix_only
def test_a_file_keeps_its_owner_where_that_may_be(tmp_path, ran, monkeypatch):
    """Root gives the new file to the owner of the old; else members of the saver's group get the rights of everybody."""
    path, given = tmp_path / "x.dug", []
    path.touch()
    path.chmod(0o640)
    stat = os.stat_result((0o100640, 1, 1, 1, os.getuid() + 1, os.getgid() + 1, 0, 0, 0, 0))
    monkeypatch.setattr(os, "chown", lambda *said: given.append(said[1:]))  # as where it is not allowed
    made = tmp_path / "made"
    made.touch()
    snapshot._atomic._take_mode(stat, made)

    assert given == [(os.getuid() + 1, -1), (-1, os.getgid() + 1)]
    assert made.stat().st_mode & 0o777 == 0o600


NAMES = [b"caf\xe9.dug", b"\xff\xfe", b"100% ?#&.dug", b"new\nline.dug", "\u202eü.dug".encode()]


@posix_only
@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_have_any_name(tmp_path, ran, load, name):
    """A name need not be text, nor be printable: a file saved under it is looked at and loaded, by bytes too."""
    path = os.fsencode(tmp_path / os.fsdecode(name))
    with dug.Context() as ctx:
        value = kept_book.book()
        report = snapshot.save(ctx, os.fsdecode(path))
        snapshot.save(ctx, path)

    print(report)  # noqa: T201  a name that cannot be printed is shown, not sent
    for one in (path, os.fsdecode(path)):
        with snapshot.look(one) as looked:
            assert looked["kept_book:book()"].value == repr(value)
            assert repr(looked).isprintable()
        with load(one) as loaded:
            assert kept_book.book() == value
            assert repr(loaded).isprintable()
    assert [one.name for one in tmp_path.iterdir()] == [os.fsdecode(name)]


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    """A zero in a name is an error of the save, and of a read."""
    with dug.Context() as ctx, pytest.raises(snapshot.SnapshotError, match="null"):
        snapshot.save(ctx, tmp_path / "x\0.dug")
    with pytest.raises(snapshot.SnapshotError, match="null"):
        snapshot.look(tmp_path / "x\0.dug")


def save_generation(path, generation):
    """Save a context in which everything is of one generation."""
    with dug.Context(name=str(generation)) as ctx:
        kill_saves.cell(generation, 1)
        snapshot.save(ctx, path)


def save_many(path, first, times):
    """Save generation after generation."""
    for generation in range(first, first + times):
        save_generation(path, generation)


PROCESS = multiprocessing.get_context("spawn").Process


@pytest.mark.parametrize("kind", [threading.Thread, pytest.param(PROCESS, marks=pytest.mark.slow)])
def test_savers_of_one_path_do_not_spoil_it(tmp_path, kind):
    """When several processes save at the same time, a whole file of one of them is there at any moment, and no other file."""
    path, seen = tmp_path / "x.dug", set()
    save_generation(path, 0)
    savers = [kind(target=save_many, args=(path, first, 8)) for first in (100, 200, 300)]
    for saver in savers:
        saver.start()
    while any(saver.is_alive() for saver in savers):
        with snapshot.look(path) as looked:
            seen.add(looked.info.context)
            assert looked.nodes() == (f"kills:cell({looked.info.context}, 1)",)
    for saver in savers:
        saver.join()

    with snapshot.look(path) as looked:
        assert looked.info.context in ("107", "207", "307")
    assert len(seen) > 1
    assert [one.name for one in tmp_path.iterdir()] == ["x.dug"]
