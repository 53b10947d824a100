"""A process that is forked while threads compute has all memos, begins runs in flight again, and waits for nobody."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from types import SimpleNamespace

import pytest

import dug
from dug import snapshot
from dug._core.facts.function import Function
from dug._core.state.walks import Walk
from dug._core.steps import scope
from dug.testing import EventLog

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),  # that it works is the point
]

DEEP = 3_000
STUCK_S = 30


@dug.memoize(name="test_fork:leaf")
def leaf(x):
    """Return a number."""
    return x * 7 % 11


@dug.memoize(name="test_fork:tree")
def tree(layer, place):
    """Return a number made of three of the layer below."""
    if not layer:
        return leaf(place)
    return sum(tree(layer - 1, (place * 3 + i) % 20) for i in range(3)) % 1_000


def in_child(call):
    """Return the result of a call in a forked process, which is killed when it hangs."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(STUCK_S)
        try:
            told = pickle.dumps((True, call()))
        except BaseException:  # noqa: BLE001  told to the parent
            told = pickle.dumps((False, traceback.format_exc()))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    status = os.waitpid(pid, 0)[1]
    assert told, f"the child hangs or was killed (status {status})"
    is_well, value = pickle.loads(told)
    assert is_well, value
    return value


class Gate:
    """Blocks a body in the process that made it, until it may end."""

    def __init__(self):
        self.process = os.getpid()
        self.began, self.may_end = threading.Event(), threading.Event()

    def stand(self):
        """Stand still, but not in a child."""
        if os.getpid() == self.process:
            self.began.set()
            assert self.may_end.wait(STUCK_S)


@pytest.fixture
def gate():
    """A gate that is open afterwards, whatever the outcome."""
    made = Gate()
    yield made
    made.may_end.set()


def test_a_run_of_another_thread_is_begun_anew(gate):
    """The child computes the nodes that another thread was computing at the fork; the parent goes on undisturbed."""

    @dug.memoize
    def slow(x):
        gate.stand()
        return x + 1

    @dug.memoize
    def above():
        return slow(1) * 10

    with dug.Context() as ctx, EventLog(ctx) as log, concurrent.futures.ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(ctx.run, slow, 1), pool.submit(ctx.run, above)
        gate.began.wait()

        assert in_child(lambda: (slow(1), above(), slow(1))) == (2, 20, 2)
        gate.may_end.set()
        assert (one.result(), two.result()) == (2, 20)
        assert log.computed == [slow.node(1), above.node()]


def test_what_is_known_answers_in_the_child(gate):
    """Nothing that was computed before the fork runs again, in any of the contexts in force."""
    ran = []

    @dug.memoize
    def known(x):
        ran.append(x)
        return x

    with dug.Context(), dug.Context(tweaks={leaf.node(1): 5}):
        assert (known(1), leaf(1)) == (1, 5)

        assert in_child(lambda: (known(1), leaf(1), len(ran), known(2), len(ran))) == (1, 5, 1, 2, 2)


def test_the_runs_around_a_fork_go_on_in_both():
    """A body that forks ends in the child too, and is filed there, though threads of the parent wait for it."""
    began = threading.Event()

    @dug.memoize
    def forking():
        began.set()
        while not forking_run().waits:
            time.sleep(0.001)
        pipe = os.pipe()
        pid = os.fork()
        told.append((pid, *pipe))
        return leaf(3)

    def forking_run():
        return dug._core.steps.frame.current.get()

    told = []
    with dug.Context() as ctx, concurrent.futures.ThreadPoolExecutor(1) as pool:

        def wait():
            began.wait(STUCK_S)
            return ctx.run(forking)

        def main():
            future = pool.submit(wait)
            return forking(), future

        parent = os.getpid()
        value, future = main()
        if os.getpid() != parent:
            signal.alarm(STUCK_S)
            is_right = value == 10 and forking() == 10 and tree(1, 1) == tree.__wrapped__(1, 1)
            os.write(told[0][2], b"y" if is_right else b"n")
            os._exit(0)
        pid, reading, writing = told[0]
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            assert pipe.read() == b"y"
        os.waitpid(pid, 0)
        assert value == future.result() == 10


@pytest.mark.parametrize("where", ["in the walk", "after the walk"])
def test_an_invalidation_that_was_under_way_holds_in_the_child(gate, monkeypatch, where):
    """Memos that another thread forgets do not answer in the child, though they were at hand in the scenarios in force."""
    outside = [1]
    is_inside = where == "in the walk"
    # asked to trust its functions when all is forgotten
    owner, name = (Walk, "touch_roots") if is_inside else (scope, "Function")
    real = Walk.touch_roots if is_inside else Function.trust

    def act(*args, **options):
        if is_inside:
            gate.began.set()
            time.sleep(0.01)  # the fork waits for the lock, and so for the end of the walk
        real(*args, **options)
        if not is_inside:
            gate.stand()

    @dug.source
    def source():
        return outside[0]

    @dug.memoize
    def charge():
        return source() + leaf(1)

    def ask():
        return source(), charge()

    with dug.Context() as ctx, dug.Context({leaf.node(1): 100}):
        assert ask() == ask() == (1, 101)
        monkeypatch.setattr(owner, name, act if is_inside else SimpleNamespace(trust=act))
        outside[0] = 2
        thread = threading.Thread(target=ctx.invalidate, args=(source,))
        thread.start()
        gate.began.wait()

        assert in_child(ask) == (2, 102)
        gate.may_end.set()
        thread.join()
        assert ask() == (2, 102)


def test_a_tweak_that_was_under_way_shows_in_the_child(gate, monkeypatch):
    """A tweak that another thread has begun in a context in force is in force in the child, in the contexts inside too."""
    real = scope.settle_within

    def settle_within(entry):
        if threading.current_thread() is not threading.main_thread():
            gate.stand()
        real(entry)

    monkeypatch.setattr(scope, "settle_within", settle_within)
    with dug.Context() as ctx, dug.Context():
        assert leaf(1) == 7
        thread = threading.Thread(target=ctx.tweak, args=(leaf.node(1), 100))
        thread.start()
        gate.began.wait()

        assert in_child(lambda: (leaf(1), ctx.tweaks[leaf.node(1)])) == (100, 100)
        gate.may_end.set()
        thread.join()
        assert leaf(1) == 100


def test_a_fork_waits_for_a_walk_to_end(gate):
    """A child does not see a first tweak half way: the fork comes after the walk, in which an argument is compared."""

    class Slow:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            if threading.current_thread() is not threading.main_thread():
                walking.set()
                time.sleep(0.01)
            return isinstance(other, Slow)

    walking = threading.Event()

    @dug.memoize
    def of(x):
        return leaf(2)

    with dug.Context() as ctx:
        assert of(Slow()) == 3
        thread = threading.Thread(target=lambda: ctx.tweak(of.node(Slow()), 5))
        thread.start()
        walking.wait(STUCK_S)

        assert in_child(lambda: (of(Slow()), leaf(2))) in [(3, 3), (5, 3)]
        thread.join()


def test_tasks_of_the_loop_around_are_begun_anew():
    """A child that is forked while tasks of its thread compute can ask for the same nodes in a loop of its own."""

    @dug.memoize
    async def slow(x):
        await asyncio.sleep(0.05)
        return leaf(x)

    @dug.memoize
    async def above(x):
        return await slow(x) + await slow(x + 1)

    async def main(ctx):
        tasks = [asyncio.create_task(ctx_call(x)) for x in range(3)]
        await asyncio.sleep(0.01)
        told = in_child(lambda: (asyncio.run(ask()), ctx.run(tree, 1, 1)))
        return told, await asyncio.gather(*tasks)

    async def ctx_call(x):
        return await above(x)

    async def ask():
        return [await above(x) for x in range(3)]

    with dug.Context() as ctx:
        told, own = asyncio.run(main(ctx))

        assert told == (own, tree(1, 1))


def test_tasks_of_a_loop_in_another_thread_are_begun_anew(gate):
    """A child begins again the runs of a loop in another thread; a task there that waited is gone."""

    @dug.memoize
    async def slow(x):
        await asyncio.to_thread(gate.stand)
        return x + 1

    ctx = dug.Context()

    async def ask():
        with ctx:
            return await asyncio.gather(slow(1), slow(1))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, ask())
        gate.began.wait()

        assert in_child(lambda: asyncio.run(ask())) == [2, 2]
        gate.may_end.set()
        assert future.result() == [2, 2]


@pytest.mark.slow
def test_a_wait_that_a_signal_interrupts_ends_in_the_child(gate):
    """A child that a signal handler forks in the middle of a wait begins the awaited run again."""

    @dug.memoize
    def slow(x):
        gate.stand()
        return x + 1

    pids = []

    def fork(number, frame):
        pid = os.fork()
        if pid:
            pids.append(pid)
            gate.may_end.set()

    before = signal.signal(signal.SIGUSR1, fork)
    parent = os.getpid()
    with dug.Context() as ctx, concurrent.futures.ThreadPoolExecutor(2) as pool:
        future = pool.submit(ctx.run, slow, 1)
        gate.began.wait()
        main = threading.main_thread().ident
        pool.submit(lambda: (time.sleep(0.05), signal.pthread_kill(main, signal.SIGUSR1)))
        value = slow(1)
        if os.getpid() != parent:
            os._exit(value)
        assert future.result() == value == 2
    signal.signal(signal.SIGUSR1, before)

    assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 2


def test_a_fork_in_the_deep_goes_on():
    """A body that forks deep in an evaluation can compute in the child, which ends there."""

    @dug.memoize
    def chain(n):
        if n:
            return chain(n - 1) + 1
        told.append(in_child(lambda: (below(DEEP), leaf(1))))
        return 0

    @dug.memoize
    def below(n):
        return below(n - 1) + 1 if n else 0

    told = []
    with dug.Context():
        assert chain(DEEP) == DEEP

    assert told == [(DEEP, 7)]


CHILD_THAT_RETURNS = """
import os, sys, dug
@dug.memoize
def chain(n):
    if n:
        return chain(n - 1)
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    END
with dug.Context():
    print(chain(3000))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("return 0", 1, ["os._exit()", "<Node __main__:chain("]),
        ("raise KeyError(7)", 1, ["os._exit()", "KeyError: 7", "in chain"]),
        ("sys.stderr.close(); return 0", 1, []),
        ("sys.stderr = None; return 0", 1, []),
        ("sys.exit(7)", 7, []),
        ("sys.exit()", 0, []),
    ],
)
def test_a_child_that_has_nowhere_to_return_to_ends(end, status, said):
    """A child of a deep evaluation, whose callers are in its parent, ends with its own status, or names caller and fault."""
    command = [sys.executable, "-W", "ignore", "-c", CHILD_THAT_RETURNS.replace("END", end)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STUCK_S, check=True)

    assert done.stdout == f"{status}\n"
    assert all(part in done.stderr for part in said)
    assert said or not done.stderr


def test_a_pool_of_processes_forks_while_threads_compute(gate):
    """The workers of a pool that is made while threads compute ask for the same nodes, in contexts of their own or around."""

    @dug.memoize
    def slow(x):
        gate.stand()
        return x + 1

    def ask(x):
        return slow(x)

    globals()["ask_in_worker"] = ask
    ask.__module__, ask.__qualname__ = __name__, "ask_in_worker"
    with dug.Context() as ctx, concurrent.futures.ThreadPoolExecutor(1) as threads:
        future = threads.submit(ctx.run, slow, 1)
        gate.began.wait()
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            assert list(pool.map(ask, [1, 2, 1], timeout=STUCK_S)) == [2, 3, 2]
        gate.may_end.set()
        assert future.result() == 2


class TestASnapshotThatIsOpen:
    """A loaded file is read by a connection of its own in each process."""

    @pytest.fixture
    def path(self, tmp_path):
        """A file with some values."""
        with dug.Context() as ctx:
            for place in range(20):
                tree(2, place)
            snapshot.save(ctx, tmp_path / "night.dug")
        return tmp_path / "night.dug"

    def test_it_is_read_in_parent_and_child(self, path):
        """Values that were not asked for are read in the child, in its own child, and in the parent, in any order."""
        with dug.Context():
            expected = [tree(2, place) for place in range(20)]

        def read(places):
            return [tree(2, place) for place in places]

        with snapshot.load(path) as ctx, EventLog(ctx) as log:
            assert in_child(lambda: (read(range(20)), log.computed)) == (expected, [])
            assert in_child(lambda: in_child(lambda: read(range(20)))) == expected
            assert read(range(10)) == expected[:10]
            assert in_child(lambda: read(range(20))) == expected
            assert read(range(20)) == expected

    def test_it_is_read_while_threads_read(self, path):
        """A fork between the reads of threads harms neither."""
        loaded = [snapshot.load(path) for _ in range(4)]

        def read(ctx):
            with ctx:
                return [tree(2, place) for place in range(20)]

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(read, ctx) for ctx in loaded]
            told = in_child(lambda: [read(ctx) for ctx in loaded])
            assert told == [future.result() for future in futures]

    def test_a_file_that_took_its_name_is_refused(self, path):
        """A file that was saved over the loaded one is not read for it in the child; the parent reads on."""
        loaded = snapshot.load(path)
        with dug.Context() as ctx:
            leaf(1)
            snapshot.save(ctx, path)

        def read():
            with pytest.raises(dug.SnapshotError, match="another file"), loaded:
                tree(2, 1)

        in_child(read)
        with loaded:
            assert tree(2, 1) == in_child(lambda: tree(2, 1))

    def test_a_closed_one_stays_closed(self, path):
        """A file that is closed, before or after the fork, says so."""
        loaded = snapshot.load(path)

        def close():
            loaded.close()
            with pytest.raises(dug.SnapshotError, match="was closed"), loaded:
                tree(2, 2)

        in_child(close)
        with loaded:
            assert tree(2, 1) >= 0
        loaded.close()
        in_child(close)


def forget(shared, dice):
    """Invalidate a leaf."""
    shared.invalidate(leaf.node(dice.randrange(20)))


def suppose(shared, dice):
    """Ask under a tweak."""
    with dug.Context(tweaks={leaf.node(dice.randrange(20)): dice.randrange(9)}):
        tree(3, dice.randrange(20))


def ask_apart(shared, dice):
    """Ask in a cache of its own."""
    with dug.Context(cache=dug.Cache()):
        tree(3, dice.randrange(20))


def tweak_open(shared, dice):
    """Tweak and untweak an open context."""
    with dug.Context() as other:
        other.tweak(leaf.node(1), dice.randrange(9))
        tree(2, 1)
        other.untweak(leaf.node(1))


def ask(shared, dice):
    """Ask, nothing else."""
    tree(3, dice.randrange(20))


def storm(rounds, seed):
    """Fork many times while eight threads compute, tweak, invalidate and enter contexts; each child computes all there is."""
    dice = random.Random(seed)
    stop = threading.Event()
    shared = dug.Context()

    def work(number):
        own = random.Random(number)
        while not stop.is_set():
            with shared:
                own.choice([forget, suppose, ask_apart, tweak_open, ask])(shared, own)

    def child():
        with shared:
            return [tree(3, place) for place in range(20)]

    threads = [threading.Thread(target=work, args=(seed * 8 + number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        with dug.Context():
            expected = [tree(3, place) for place in range(20)]
        for _ in range(rounds):
            time.sleep(dice.random() * 0.002)
            assert in_child(child) == expected
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with shared:
        assert [tree(3, place) for place in range(20)] == expected


def test_forks_under_eight_threads():
    """Children of a busy process compute the right values."""
    storm(3, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_storm_of_forks_under_eight_threads(seed):
    """Two hundred children of a busy process compute the right values, and the parent goes on."""
    storm(50, seed)
