"""A child that is forked while a thread of its parent holds a lock of a store does not stand still."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from support.servers import serving

from dug.errors import StoreError
from dug.stores import Store
from dug.stores._outage import Outage, Seldom
from dug.stores.redis import RedisStore
from dug.testing._backend import make_row

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

PATIENCE_S = 20
"""When a child that stands still is ended; only a failing test takes as long."""


def fork(work):
    """Return how a forked child ended that did some work: 0 when all went well."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(PATIENCE_S)
            os._exit(0 if work() else 1)
        finally:  # whatever is raised, the tests go on in the parent only
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fail():
    """Be a server that does not answer."""
    raise StoreError("gone")


def no_server():
    """Be a server to which there is no connection."""
    raise ConnectionError("gone")


def test_a_pause_begins_in_a_child():
    """A child notes and tells a failure although its parent was doing just that."""
    outage = Outage("it", (StoreError,))

    with outage._lock, outage._told._lock:
        ended = fork(lambda: outage.ask(fail, 1) == 1 and outage.is_paused)

    assert ended == 0
    assert not outage.has_failed


def test_something_is_told_in_a_child():
    """What is told once a minute is told in a child although its parent was telling it."""
    seldom = Seldom(lambda: 1.0)

    with seldom._lock:
        ended = fork(seldom.is_due)

    assert ended == 0


def test_a_store_works_in_a_child(tmp_path):
    """A child keeps, finds and flushes rows although its parent was writing some."""
    store = Store(tmp_path / "kept")
    mine, theirs = make_row("book:parent"), make_row("book:child")
    store.writer.put(mine)

    def work():
        store.writer.put(theirs)
        store.flush()
        return store.writer.written == 1 and store.get(theirs.at) is not None

    with store.writer._writing, store.writer._lock, store.backend._outage._lock:
        ended = fork(work)

    assert ended == 0
    store.flush()
    assert {row.function for row in store.backend.list_rows()} == {"book:parent", "book:child"}
    store.close()


def test_a_server_is_used_in_a_child(tmp_path):
    """A child of a process with a server asks it by itself, although its parent was noting a failure."""
    with serving("redis", tmp_path / "redis") as running:
        store, row = RedisStore(running.url), make_row("book:server")
        store.backend.put([row])

        with store.backend._outage._lock:
            ended = fork(lambda: store.backend.get(row.at).data == row.data and store.backend._outage.ask(no_server, 1) == 1)

        assert ended == 0
        assert store.backend.get(row.at).data == row.data
        store.close()
