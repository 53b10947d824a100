"""Saving: one step, whatever happens, and a report of what was left out."""

from __future__ import annotations

import os
import subprocess
import sys

import kept_book
import kills
import pytest

import dug
from dug import snapshot

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
    """A report counts nodes, values and failures, and names what was left out with the reason."""
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
    """What failed is listed without reading what did not."""
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
    """What is known outside and masked here is in the picture, without a value."""
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
    assert len(kills.run(5, seed=3)) == 5


@needs_fork
@pytest.mark.slow
def test_two_hundred_killed_savers_leave_whole_files():
    """None of 200 savers killed at random moments leaves half a file."""
    assert len(set(kills.run(200, seed=4))) > 20


def test_a_link_stays_one_and_its_file_keeps_its_mode(tmp_path, ran):
    """A save through a link replaces what it leads to, and opens it to nobody else."""
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
    """A traceback is as long as the chain of nodes that it went through: it is not made anew for each of them."""

    @dug.memoize(name="kept_book:step")
    def step(number):
        if not number:
            raise ValueError(number)
        return step(number - 1)

    told, real = [], snapshot._save.arguments_of
    monkeypatch.setattr(snapshot._save, "arguments_of", lambda error: told.append(error) or real(error))
    with dug.Context() as ctx:
        with pytest.raises(ValueError, match="0"):
            step(20)
        report = snapshot.save(ctx, tmp_path / "x.dug")

    assert report.failures == 21
    assert len(told) == 1


def test_a_file_in_the_place_of_a_context_is_said(tmp_path):
    """Whoever mixes up the arguments reads their order."""
    with dug.Context() as ctx, pytest.raises(TypeError, match=r"Write snapshot.save\(ctx, path\)"):
        snapshot.save(tmp_path / "x.dug", ctx)
    with dug.Context() as ctx, pytest.raises(TypeError, match=r"Write nodes=\[f.node\(x\)\]"):
        snapshot.save(ctx, tmp_path / "x.dug", nodes=kept_book.book.node())


def test_a_file_may_have_the_longest_name(tmp_path):
    """What is written beside the file has a name that the file system allows."""
    place = tmp_path / ("x" * 251 + ".dug")
    with dug.Context() as ctx:
        snapshot.save(ctx, place)

    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_the_error_names_the_file_and_not_the_one_beside_it(tmp_path):
    """Who reads the error knows only the name that was given."""
    with dug.Context() as ctx, pytest.raises(snapshot.SnapshotError) as raised:
        snapshot.save(ctx, tmp_path / "nowhere" / "x.dug")

    assert "No such file or directory. What was there before" in str(raised.value)
    assert ".saving" not in str(raised.value)
