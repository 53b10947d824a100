"""What a store says of itself, and what is removed from it."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing
from types import ModuleType

import pytest

import dug
from dug.stores import StoreError, accept, why


@dug.source
def factor():
    """Return a number of the outside."""
    return 2


@dug.memoize
def product(number):
    """Return a product."""
    return number * factor()


@dug.memoize
def text(size):
    """Return a text of some size."""
    return "x" * size


def test_a_report_says_what_is_there_and_what_is_not(begin):
    """`report` counts what is in the store and what this process took, and tells what is not kept."""

    @dug.memoize
    def local():
        return 1

    with begin():
        product(1)
        text(1000)
    with begin() as log:
        product(1)
        product(2)
        local()
        log.store.flush()
        report = log.store.report()

    assert (report.rows, report.values, report.hits, report.misses, report.kept) == (3, 3, 1, 1, 1)
    assert report.size == len('"2"4') + 1000
    assert list(report.refused.values()) == ["no other process can find it by its name"]
    assert str(report).splitlines()[0] == "3 runs, 3 values, 1004 B" or "3 runs, 3 values" in str(report)
    assert "not kept: " in str(report)


def test_a_report_tells_what_fingerprints_cannot_see(begin):
    """The parts that a fingerprint cannot look into are told."""
    with begin() as log:
        assert blind() == 3
        assert any("HANDLE" in part for part in log.store.report().blind[f"{__name__}:blind"])


HANDLE = [threading.Lock(), 1, 2]


@dug.memoize
def blind():
    """Reach a lock."""
    return len(HANDLE)


def test_a_check_names_what_is_damaged(begin, tmp_path):
    """`check` reads everything; with ``fix=True`` what is damaged is removed."""
    with begin() as log:
        product(1)
        product(2)
        log.store.flush()
        assert log.store.check().damaged == ()
        assert str(log.store.check()) == "2 runs, 0 damaged: all whole"
    db = sqlite3.connect(tmp_path / "kept.store" / "dug.db")
    db.execute("UPDATE value SET data = ? WHERE data = ?", (b"5", b"4"))
    db.commit()
    db.close()

    with begin() as log:
        (damaged,) = log.store.check().damaged
        assert "product" in damaged
        assert "[2]" in damaged
        assert log.store.check(fix=True).damaged == (damaged,)
        assert log.store.check().rows == 1


def test_only_what_is_said_is_removed(begin, tmp_path):
    """`gc` removes what saves least for its size, up to a size; a dry run only says how much."""
    with begin() as log:
        for size in (10, 2000, 300):
            text(size)
        log.store.flush()
        with closing(sqlite3.connect(tmp_path / "kept.store" / "dug.db")) as db, db:
            db.execute("UPDATE trace SET own = 1.0, made = 0.0")
        with pytest.raises(TypeError, match="gc\\(\\) removes what you say"):
            log.store.gc()
        assert log.store.gc(max_bytes=1000, dry_run=True).size == 2002
        assert log.store.report().rows == 3
        done = log.store.gc(max_bytes=1000)
        assert (done.rows, done.size, done.done) == (1, 2002, True)
        assert log.store.report().size == 12 + 302
        log.store.now = lambda: 10.0**12
        assert log.store.gc(older_than=3600).rows == 2
        assert log.store.report().rows == 0


def test_other_definitions_are_removed_where_asked(begin, edit):
    """``unreachable=True`` removes the runs of definitions that are not in force."""
    first = edit("return number + 1")
    with begin():
        assert first(1) == 2
    second = edit("return number + 2")
    with begin() as log:
        assert second(1) == 3
        log.store.flush()
        assert log.store.gc(unreachable=True).rows == 1
        assert log.store.report().rows == 1


@pytest.fixture
def edit():
    """Return a function that defines ``edited`` with a body, as another edition of a file would."""
    module = sys.modules["edited_module"] = ModuleType("edited_module")

    def define(body):
        exec(f"import dug\n@dug.memoize\ndef edited(number):\n    {body}\n", vars(module))
        return module.edited

    yield define
    del sys.modules["edited_module"]


def test_why_says_what_is_kept_and_what_is_not(begin, edit):
    """`why` follows the kept runs by what is known, and says where they part, or which edit they are of."""
    edited = edit("return number + 1")
    with begin() as log:
        assert str(why(log.ctx, product.node(1))) == f"No run of {product.node(1)} is kept."
        assert str(why(log.ctx, factor.node())).endswith("each process runs it, and what it gives is compared.")
        product(1)
        edited(1)
        log.store.flush()
        assert str(why(log.ctx, product.node(1))).startswith(f"{product.node(1)} is kept: a run of ")

    edited = edit("return number + 2")
    with begin() as log:
        assert "is not known here" in str(why(log.ctx, product.node(1)))
    with begin({factor.node(): 3}) as log:
        said = str(why(log.ctx, product.node(1)))
        assert f"A kept run has read {factor.node()} with another value." in said
        assert f"No run of {product.node(1)} is kept that read this." in said
        assert "since then changed: its code" in str(why(log.ctx, edited.node(1)))
        assert log.computed == []
    with dug.Context() as ctx, pytest.raises(TypeError, match="not a context with a store"):
        why(ctx, product.node(1))


def test_why_follows_what_is_not_known_to_the_edit(begin, edit):
    """Of a node whose reads are not known here, `why` says why these are not kept, down to the function that was edited."""
    edited = edit("return number + 1")

    @dug.memoize(name="care:above")
    def above(number):
        return sys.modules["edited_module"].edited(number)

    @dug.memoize(name="care:top")
    def top(number):
        return above(number)

    with begin() as log:
        top(1)
        log.store.flush()
    edited = edit("return number + 2")
    with begin() as log:
        first, second, third = why(log.ctx, top.node(1)).lines

    assert f"It has read {above.node(1)}, which is not known here" in first
    assert f"It has read {edited.node(1)}, which is not known here" in second
    assert third.startswith(f"{edited.node(1)} is kept of an older definition; since then changed: its code.")


def test_the_report_counts_what_was_queued(begin):
    """Runs that ended just now are written before they are counted."""
    with begin() as log:
        product(1)
        product(2)

        assert (log.store.report().rows, log.store.report().kept) == (2, 2)


def test_an_edit_that_changed_nothing_can_be_accepted(begin, edit):
    """After `accept` the runs of an older definition serve the new one, and nothing else does."""
    edited = edit("return number + 1")
    with begin() as log:
        edited(1)
        log.store.flush()
        (seen,) = log.store.backend.list_seen()
    edited = edit("return 1 + number")
    with begin() as log:
        assert edited(2) == 3
        with pytest.raises(StoreError, match="knows no older definitions"):
            accept(edited, "nonsense")
        accept(edited, seen.print, note="the sum is the same")
        assert edited(1) == 2
    assert [node.args for node in log.computed] == [(2,)]

    edited = edit("return 2 + number")
    with begin() as log:
        assert edited(1) == 3
    with pytest.raises(TypeError, match="takes a memoised function"):
        accept(len, "x")
    with pytest.raises(dug.NoContextError):
        accept(edited, "x")
    with dug.Context(), pytest.raises(TypeError, match="has no store"):
        accept(edited, "x")
