"""A store that somebody else has locked stands in nobody's way: what runs goes on without it, and asks again after a pause."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

import pytest

import dug
from dug.stores import _sqlite
from dug.stores._backend import StoreError
from dug.stores._sqlite import SqliteBackend
from dug.stores._store import AnyStore


@pytest.fixture
def backend(tmp_path, clock, monkeypatch):
    """Return a backend that waits for a lock as long as a test likes."""
    monkeypatch.setattr(_sqlite, "_BRIEF_S", 0.001)
    monkeypatch.setattr(_sqlite, "_BEHIND_S", 0.002)
    made = SqliteBackend(tmp_path / "kept", clock=clock, timer=clock)
    yield made
    made.close()


@pytest.fixture
def locked(tmp_path):
    """Return a function that holds the lock of the backend, as another program does."""

    @contextmanager
    def locked():
        db = sqlite3.connect(tmp_path / "kept" / "dug.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            db.close()

    return locked


@dug.memoize
def double(number):
    """Return twice a number."""
    return 2 * number


def acquire(backend):
    """Say whether a lease can be had; None where the backend does not answer."""
    try:
        return backend.acquire(b"a", "me", 30)
    except StoreError:
        return None


def test_a_locked_store_is_asked_again_after_a_pause(backend, clock, locked):
    """After a failure nobody asks for a second, and the first lease after that is had."""
    with locked():
        assert acquire(backend) is None

    assert acquire(backend) is None
    clock.advance(1)
    assert acquire(backend) is True


def test_the_pause_of_a_locked_store_grows(backend, clock, locked):
    """A second failure makes the pause twice as long, and success makes it a second again."""
    with locked():
        assert acquire(backend) is None
        clock.advance(1)
        assert acquire(backend) is None

    clock.advance(1)
    assert acquire(backend) is None
    clock.advance(1)
    assert acquire(backend) is True
    assert not backend._outage.has_failed


def test_what_a_user_asks_for_is_done_in_a_pause(backend, locked):
    """Rows are removed although the store was locked a moment ago: otherwise the next process would take them."""
    with locked():
        assert acquire(backend) is None

    backend.delete([b"a"])

    assert acquire(backend) is True


def test_a_lease_is_not_waited_for(backend, locked):
    """A run asks for the lock as briefly as it can, and not as long as the writer does."""
    with locked():
        assert acquire(backend) is None

    (db,) = backend._free
    assert db.execute("PRAGMA busy_timeout").fetchone() == (int(1000 * _sqlite._BRIEF_S),)


def test_a_locked_store_can_be_opened(tmp_path, backend, locked):
    """A process that begins while a store is locked reads what is there."""
    with locked():
        again = SqliteBackend(tmp_path / "kept", clock=backend._clock)
        assert again.get(b"a") is None
        assert again._outage.failed == 0
        again.close()


def test_a_locked_store_stops_no_run(backend, clock, locked, caplog):
    """While a store is locked everything is computed, the lock is asked for once, and the log tells of it once."""
    store = AnyStore(backend, min_seconds=0, single_flight=0)

    with locked(), dug.Context(store=store):
        assert [double(number) for number in range(20)] == list(range(0, 40, 2))

    assert backend._outage.failed == 1
    assert len([told for told in caplog.messages if "does not answer" in told]) == 1
    assert store.refused == {}
    store.close()


def test_a_store_that_was_locked_keeps_runs_again(backend, clock, locked):
    """What ends after a lock is kept with its definition, which could not be told before."""
    store = AnyStore(backend, min_seconds=0, single_flight=0)
    with locked(), dug.Context(store=store):
        double(1)
    clock.advance(1)

    with dug.Context(store=store):
        double(2)

    assert [row.arguments for row in backend.list_rows()] == ["[[2],{}]"]
    assert ["def double" in seen.source for seen in backend.list_seen()] == [True]
    store.close()
