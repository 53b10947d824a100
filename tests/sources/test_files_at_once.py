"""Threads and tasks that read files at once: an edit is noticed once, and nobody gets the content of before."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dug
from dug import sources
from dug.executors.threads import ContextThreadPoolExecutor
from dug.testing import EventLog

THREADS = 4


@dug.file_source
def text(path):
    """Reads a file."""
    return Path(path).read_text()


@dug.memoize
def length(path):
    """Reads how long a text is."""
    return len(text(path))


@dug.memoize
async def later(path):
    """Reads a text in a coroutine."""
    await asyncio.sleep(0)
    return text(path)


def test_an_edit_is_noticed_in_every_thread(folder):
    """After an edit all threads get the new content, and its readers run once."""
    path = folder.write("a", "one")
    barrier = threading.Barrier(THREADS)

    def ask(_):
        barrier.wait(20)
        return text(path)

    with dug.Context() as ctx, ContextThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(ask, range(THREADS))) == ["one"] * THREADS
        for number in range(20):
            folder.write("a", str(number))
            with EventLog(ctx) as log:
                assert list(pool.map(ask, range(THREADS))) == [str(number)] * THREADS
            assert log.count(text) >= 1


def test_an_edit_is_noticed_by_threads_with_contexts_of_their_own(folder):
    """A thread that has entered a context over the shared one, and tweaks something else, notices the edit too."""
    path, other = folder.write("a", "one"), folder.write("b", "two")
    base, turns = dug.Context(), threading.Barrier(THREADS + 1)
    seen = [[] for _ in range(THREADS)]

    def ask(number):
        with base, dug.Context({text.node(other): "x" * number}):
            for _ in range(3):
                turns.wait(20)
                seen[number].append((length(path), length(other)))
                turns.wait(20)

    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(ask, number) for number in range(THREADS)]
        for size in (3, 1, 2):
            folder.write("a", "x" * size)
            turns.wait(20)
            turns.wait(20)
        for one in asked:
            one.result(20)

    assert seen == [[(3, number), (1, number), (2, number)] for number in range(THREADS)]


def test_an_edit_during_a_run_is_noticed_by_the_next_call(folder):
    """A call that is computing when another notices an edit returns what it has read, and leaves no memo of it."""
    path = folder.write("a", "one")
    reading, may_end = threading.Event(), threading.Event()

    @dug.memoize
    def slow():
        value = text(path)
        reading.set()
        may_end.wait(20)
        return value

    with dug.Context(), ContextThreadPoolExecutor(1) as pool:
        running = pool.submit(slow)
        reading.wait(20)
        folder.write("a", "two")
        assert text(path) == "two"
        may_end.set()
        assert running.result(20) == "one"
        assert slow() == "two"


def test_tasks_notice_an_edit(folder):
    """After an edit all tasks of a gather get the new content, and the coroutine runs once."""
    path = folder.write("a", "one")

    async def main():
        with dug.Context() as ctx:
            assert await asyncio.gather(*[later(path) for _ in range(10)]) == ["one"] * 10
            folder.write("a", "two")
            with EventLog(ctx) as log:
                assert await asyncio.gather(*[later(path) for _ in range(10)]) == ["two"] * 10
            assert (log.count(later), log.count(text)) == (1, 1)

    asyncio.run(main())


def test_a_task_that_waits_goes_on_with_what_it_has_read(folder):
    """An edit that another task notices does not change a coroutine that runs, which is not remembered."""
    path = folder.write("a", "one")

    async def main():
        gate = asyncio.Event()

        @dug.memoize
        async def slow():
            value = text(path)
            await gate.wait()
            return value

        with dug.Context():
            running = asyncio.create_task(slow.node()())
            await asyncio.sleep(0)
            folder.write("a", "two")
            assert text(path) == "two"
            gate.set()
            assert (await running, await slow()) == ("one", "two")

    asyncio.run(main())


@pytest.mark.slow
def test_many_threads_never_see_an_old_content(folder):
    """While one thread edits and others ask, each gets a content that was there when it asked, or newer."""
    path = folder.write("a", "0")
    newest, done, wrong = [0], threading.Event(), []

    def ask():
        while not done.is_set():
            at_least = newest[0]
            value = int(text(path))
            if value < at_least:
                wrong.append((value, at_least))

    with dug.Context(), ContextThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask) for _ in range(THREADS)]
        for number in range(1, 150):
            beside = folder.path / "beside"
            beside.write_text(str(number))
            beside.replace(path)  # at once: nobody reads half of it
            newest[0] = number
        done.set()
        for one in asking:
            one.result(60)
        assert int(text(path)) == 149

    assert wrong == []


def test_a_thread_in_another_group_looks_for_itself(folder):
    """Two contexts with nothing in common each notice the edit."""
    path = folder.write("a", "one")
    turns, seen = threading.Barrier(2), []

    def ask():
        with dug.Context():
            seen.append(text(path))
            turns.wait(20)
            turns.wait(20)
            seen.append(text(path))

    thread = threading.Thread(target=ask)
    thread.start()
    with dug.Context() as ctx:
        text(path)
        turns.wait(20)
        folder.write("a", "two")
        assert text(path) == "two"
        assert sources.find_changed(ctx) == ()
        turns.wait(20)
        thread.join()

    assert seen == ["one", "two"]
