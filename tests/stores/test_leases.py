"""One process runs a node, and the others wait for its value; never for ever."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import dug
from dug.stores import Store, _writer
from dug.stores._sqlite import SqliteBackend
from dug.stores._store import AnyStore
from dug.stores._writer import Writer

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

RAN: list[int] = []
"""The arguments of the bodies that ran; only ever appended to, so that it is a log."""


def hold(number):
    """Say that a body runs, and wait until it may go on."""
    if hold.gates is not None:
        begun, go_on = hold.gates
        begun.set()
        assert go_on.wait(20)
    return number


hold.gates = None


@dug.memoize
def slow(number):
    """Return a number when the test lets it."""
    RAN.append(number)
    return hold(number)


@dug.memoize
def failing(number):
    """Fail."""
    RAN.append(number)
    raise LookupError(number)


@dug.source
def scenario():
    """Return what scenarios tweak."""
    return 0


@dug.memoize
def itself(number):
    """Ask for the same node in another scenario, from inside."""
    RAN.append(number)
    if scenario():
        return 1
    with dug.Context({scenario.node(): 1}):
        return itself(number)


@dug.memoize
def through_another_store(number):
    """Ask for the same node in another scenario, from inside, in a context that opens the folder itself."""
    RAN.append(number)
    if scenario():
        return 1
    with dug.Context({scenario.node(): 1}, cache=dug.Cache(), store=through_another_store.other):
        return through_another_store(number)


@dug.memoize
async def slow_async(number):
    """Return a number after a turn of the loop."""
    RAN.append(number)
    await asyncio.sleep(0)
    return number


@pytest.fixture(autouse=True)
def _reset():
    RAN.clear()
    yield
    hold.gates = None


class Time:
    """A clock that sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.then = None
        """Called in each sleep."""
        self.sleeps = 0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        """Sleep."""
        self.sleeps += 1
        assert self.sleeps < 10_000, "somebody waits for ever"
        self.now += seconds
        if self.then is not None:
            self.then()


@pytest.fixture
def clock():
    """Return a clock that stands still."""
    return Time()


@pytest.fixture
def waiting(tmp_path, clock):
    """Return a store whose time is that of the test."""
    backend = SqliteBackend(tmp_path / "kept.store", clock=clock)
    store = AnyStore(backend, min_seconds=0, single_flight=0)
    store.sleep, store.time = clock.sleep, clock
    yield store
    store.close()


def test_who_finds_a_lease_waits_for_the_value(begin, waiting, clock):
    """A process that asks for what another one runs gets its value, and runs nothing."""
    gates = hold.gates = threading.Event(), threading.Event()

    def run_first():
        with begin(single_flight=0) as log:
            del _writer._writers[id(log.store.writer)]  # as that of another process
            slow(1)

    first = threading.Thread(target=run_first)
    first.start()
    assert gates[0].wait(20)

    def let_go():
        gates[1].set()
        first.join()

    clock.then = let_go
    with dug.Context(store=waiting):
        assert slow(1) == 1

    assert RAN == [1]
    assert (waiting.waited, waiting.hits, clock.sleeps) == (1, 1, 1)


def test_a_dead_owner_is_waited_for_until_its_lease_expires(begin, waiting, clock):
    """When the process that has the lease does not answer any more, another one runs the node as soon as the lease is over."""
    with begin(single_flight=0) as log:
        acquire, log.store.writer.acquire = log.store.writer.acquire, lambda at: taken.append(at) or acquire(at)
        taken = []
        slow(1)
        log.store.flush()
    (at,) = taken
    waiting.backend.delete([at])
    assert waiting.backend.acquire(at, "somebody", 5)
    RAN.clear()

    with dug.Context(store=waiting):
        assert slow(1) == 1

    assert RAN == [1]
    assert 5 <= clock.now < 6
    assert waiting.waited == 1
    assert not waiting.backend.acquire(at, "somebody", 5) or waiting.flush() is None


def test_nobody_waits_longer_than_a_lease(begin, waiting, clock):
    """A lease that is renewed again and again is waited for once, and the node runs all the same."""
    taken = []
    with begin(single_flight=0) as log:
        acquire, log.store.writer.acquire = log.store.writer.acquire, lambda at: taken.append(at) or acquire(at)
        slow(1)
        log.store.flush()
    (at,) = taken
    waiting.backend.delete([at])
    waiting.backend.acquire(at, "somebody", 30)
    clock.then = lambda: waiting.backend.renew([at], "somebody", 30)
    RAN.clear()

    with dug.Context(store=waiting):
        assert slow(1) == 1

    assert RAN == [1]
    assert waiting.lease_seconds <= clock.now < waiting.lease_seconds + 1


def test_a_run_that_fails_gives_its_lease_back(waiting, clock):
    """Nobody waits for a run that left nothing."""
    with dug.Context(store=waiting), pytest.raises(LookupError):
        failing(1)
    with dug.Context(store=waiting), pytest.raises(LookupError):
        failing(1)
    assert RAN == [1, 1]
    with waiting.backend._using() as db:
        assert db.execute("SELECT count(*) FROM lease").fetchone() == (0,)


def test_a_lease_is_given_back_with_the_row(waiting, monkeypatch):
    """A lease is held until the row is there, and no longer."""
    monkeypatch.setattr(waiting.writer, "_work", lambda: None)  # no thread writes
    with dug.Context(store=waiting):
        slow(1)
        with waiting.backend._using() as db:
            assert db.execute("SELECT count(*) FROM lease").fetchone() == (1,)
    with waiting.backend._using() as db:
        assert db.execute("SELECT count(*) FROM lease").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM trace").fetchone() == (1,)


def test_a_run_does_not_wait_for_itself(waiting, clock):
    """A run that asks for its own node in another scenario has the lease already."""
    with dug.Context(store=waiting):
        assert itself(1) == 1
    assert clock.sleeps == 0
    assert RAN == [1, 1]


def test_a_run_does_not_wait_for_another_store_of_its_process(tmp_path, waiting, clock):
    """A run that opens its store once more, by another path, and asks for its own node, does not wait for itself."""
    (tmp_path / "link").symlink_to(tmp_path / "kept.store")
    other = AnyStore(SqliteBackend(tmp_path / "link", clock=clock), min_seconds=0, single_flight=0)
    other.sleep, other.time = clock.sleep, clock
    through_another_store.other = other

    with dug.Context(store=waiting):
        assert through_another_store(1) == 1

    other.close()
    assert clock.sleeps == other.waited == 0
    assert RAN == [1, 1]


@needs_fork
def test_a_forked_child_has_no_leases(tmp_path, clock):
    """In a forked child nobody takes a lease of the parent for its own, whichever store it is of."""
    first, second = (Writer(SqliteBackend(tmp_path / "kept.store", clock=clock), 8, clock) for _ in range(2))
    assert first.acquire(b"a")
    assert second.has(b"a")

    child = os.fork()
    if child == 0:
        try:
            os._exit(first.has(b"a") or second.has(b"a") or second.acquire(b"a"))
        finally:  # whatever is raised, the tests go on in the parent only
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    first.close()
    second.close()


def test_short_runs_need_no_lease(begin):
    """A function whose runs are known to be short takes a lease for the first one only."""
    taken = []
    with begin(single_flight=1000) as log:
        acquire, log.store.writer.acquire = log.store.writer.acquire, lambda at: taken.append(at) or acquire(at)
        for number in range(3):
            slow(number)
    assert len(taken) == 1
    with begin(single_flight=1000) as log:
        acquire, log.store.writer.acquire = log.store.writer.acquire, lambda at: taken.append(at) or acquire(at)
        slow(5)
    assert len(taken) == 1


def test_a_task_waits_without_its_loop(begin, waiting, clock):
    """While a task waits for another process the other tasks of its loop go on."""
    taken = []
    with begin(single_flight=0) as log:
        acquire, log.store.writer.acquire = log.store.writer.acquire, lambda at: taken.append(at) or acquire(at)
        asyncio.run(ask(1))
        log.store.flush()
        (row,) = log.store.backend.list_rows()
        found = log.store.get(row.at)
    waiting.backend.delete([row.at])
    waiting.backend.acquire(row.at, "somebody", 30)
    RAN.clear()

    async def both():
        asked = asyncio.create_task(ask(1))
        while not waiting.waited:  # noqa: ASYNC110  nothing tells of a wait
            await asyncio.sleep(0)
        waiting.backend.put([row._replace(data=found.data)])
        return await asked

    with dug.Context(store=waiting):
        assert asyncio.run(both()) == 1
    assert RAN == []
    assert clock.sleeps == 0


async def ask(number):
    """Await a node."""
    return await slow_async(number)


def test_held_leases_are_renewed(tmp_path, clock):
    """A run that takes longer than a lease keeps it."""
    backend = SqliteBackend(tmp_path / "kept.store", clock=clock)
    writer = Writer(backend, 8, clock)
    writer.acquire(b"a")
    for _ in range(5):
        clock.now += 5
        writer._renew()
        assert not backend.acquire(b"a", "you", 8)
    writer.close()
    again = SqliteBackend(tmp_path / "kept.store", clock=clock)
    assert again.acquire(b"a", "you", 8)
    again.close()


@dug.source
def base():
    """Return what scenarios of a crowd tweak."""
    return 0


@dug.memoize
def leaf(number):
    """Return a number after a while, and write down what it has read."""
    with Path(os.environ["DUG_TEST_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"leaf {number} {base() if number % 4 == 0 else 0}\n")
    time.sleep(0.01)
    return number


def ask_in_a_crowd(folder, start, scenario, numbers):
    """Ask for some nodes once the start is given; return how many were taken from the store."""
    store = Store(folder, min_seconds=0, single_flight=0, lease_seconds=600)  # longer than anybody stops a process
    with dug.Context({base.node(): scenario}, store=store):
        os.read(start, 1)
        assert [leaf(number) for number in numbers] == list(numbers)
    store.close()
    assert store.writer.failures == 0
    return store.hits


def run_crowd(tmp_path, crowd):
    """Return what each body that ran in some processes has read, and how many nodes each process took from the store.

    Args:
        tmp_path: where the store is.
        crowd: by process, its scenario and the numbers for which it asks.
    """
    children, (start, gate) = [], os.pipe()
    for place, (scenario, numbers) in enumerate(crowd):
        child = os.fork()
        if child == 0:
            try:
                os.close(gate)
                hits = ask_in_a_crowd(tmp_path / "kept", start, scenario, numbers)
                (tmp_path / str(place)).write_text(str(hits))
                os._exit(0)
            finally:  # whatever is raised, the tests go on in the parent only
                os._exit(1)
        children.append(child)
    os.close(start)
    os.close(gate)  # all begin at once
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)
    hits = [int((tmp_path / str(place)).read_text()) for place in range(len(children))]
    return (tmp_path / "log").read_text().splitlines(), hits


@pytest.fixture
def crowded(tmp_path, monkeypatch):
    """Return a function that runs a crowd on an empty store."""
    monkeypatch.setenv("DUG_TEST_LOG", str(tmp_path / "log"))
    return partial(run_crowd, tmp_path)


@needs_fork
def test_a_killed_owner_is_waited_for_until_its_lease_is_over(tmp_path):
    """When a process is killed in the middle of a run, another one runs the node as soon as the lease is over."""
    Store(tmp_path / "kept").close()
    reading, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            hold.gates = SimpleNamespace(set=lambda: os.write(told, b"!")), threading.Event()
            with dug.Context(store=Store(tmp_path / "kept", single_flight=0, lease_seconds=0.1)):
                slow(1)  # it is killed in here
        finally:
            os._exit(1)
    os.read(reading, 1)
    store, sleeps = Store(tmp_path / "kept", single_flight=0, lease_seconds=50), []
    store.sleep = lambda seconds: sleeps.append(time.sleep(seconds))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    with dug.Context(store=store):
        assert slow(1) == 1

    assert RAN == [1]
    assert len(sleeps) < 500
    os.close(reading)
    os.close(told)
    store.close()


@needs_fork
@pytest.mark.slow
def test_a_cold_crowd_runs_everything_once(crowded):
    """Eight processes that start at once on an empty store, each in a scenario of its own, run nothing twice."""
    ran, hits = crowded([(scenario, range(40)) for scenario in range(8)])

    assert len(ran) == len(set(ran)) == 30 + 8 * 10
    assert sum(hits) == 7 * 30


@needs_fork
@pytest.mark.slow
def test_writers_of_the_same_share_the_work(crowded):
    """Four processes that ask for the same nodes, each in another order, run each of them once."""
    ran, hits = crowded([(0, random.Random(order).sample(range(300), 300)) for order in range(4)])

    assert len(ran) == len(set(ran)) == 300
    assert sum(hits) == 3 * 300


def test_a_store_is_opened_by_each_process(tmp_path):
    """A store cannot be pickled, and says what to do in its place."""
    import pickle

    store = Store(tmp_path / "kept")
    with pytest.raises(TypeError, match="Open it in each process"):
        pickle.dumps(store)
    store.close()
