"""The five policies: what happens to pushes that come faster than ticks are taken, and what is counted."""

from __future__ import annotations

import anyio
import pytest
from support.live_book import show, watch_waits
from support.sync_points import Worker, in_thread

import dug
from dug.live import BacklogError, Counters, InputCounters


@pytest.fixture
def stepped(book, make):
    """Push, step until nothing waits, and return what two outputs have shown."""

    def play(pushes, **options):
        live = make(**options)
        live.output(book.twice.node("A"))
        live.output(book.twice.node("B"))
        live.step()
        for push in pushes:
            live.push({book.spot.node(name): value for name, value in push.items()})
        shown = [show(live.step()) for _ in range(len(live._backlog))]
        assert not len(live._backlog)
        return live, shown

    def play_in_thread(pushes, **options):  # one that waits for room for ever fails, and hangs nobody
        return in_thread(lambda: play(pushes, **options))

    return play_in_thread


PUSHES = [{"A": 2}, {"B": 3}, {"A": 4}, {"A": 5}]


def test_latest_takes_all_that_waits_as_one_tick(stepped, book):
    """Each node has its last value, and the values in between are counted as conflated."""
    live, shown = stepped(PUSHES, policy="latest")

    assert shown == [[(1, 10), (1, 6)]]
    assert live.counters == Counters(
        pushes=4, pushed=4, conflated=2, dropped=0, ticks=1, dropped_ticks=0, refreshed=4, skipped=0, behind=0,
        inputs={book.spot.node("A"): InputCounters(3, 2, 0), book.spot.node("B"): InputCounters(1, 0, 0)},
        outputs={book.twice.node(name): dug.live.OutputCounters(2, 0, 0) for name in "AB"},
    )  # fmt: skip


def test_the_counters_of_all_inputs_count_values_as_those_of_each_do(stepped):
    """Pushes are counted as pushes; what is pushed and conflated is values, however many were in a push."""
    live, _ = stepped([{"A": 2, "B": 2}, {"A": 3, "B": 3}, {"A": 4, "B": 4}], policy="latest")

    counters = live.counters
    assert (counters.pushes, counters.pushed, counters.conflated) == (3, 6, 4)


def test_batch_joins_pushes_and_leaves_no_value_out(stepped):
    """Pushes share a tick as long as they say values of different nodes."""
    live, shown = stepped(PUSHES, policy="batch")

    assert shown == [[(1, 4), (1, 6)], [(2, 8)], [(3, 10)]]
    assert (live.counters.pushed, live.counters.conflated, live.counters.ticks) == (4, 0, 3)


def test_a_batch_splits_no_push(stepped):
    """A push of two nodes goes into one tick, also where one of them could join the tick before."""
    _, shown = stepped([{"A": 2}, {"A": 3, "B": 3}], policy="batch")

    assert shown == [[(1, 4)], [(2, 6), (2, 6)]]


def test_block_takes_each_push_as_a_tick(stepped):
    """Each push is a tick, in the order of the pushes."""
    live, shown = stepped(PUSHES, policy="block")

    assert shown == [[(1, 4)], [(2, 6)], [(3, 8)], [(4, 10)]]
    assert (live.counters.pushed, live.counters.conflated, live.counters.ticks) == (4, 0, 4)


def test_drop_oldest_drops_ticks_and_no_value_for_good(stepped, book):
    """Beyond the size the oldest tick is left out; what it alone says goes into the next one."""
    live, shown = stepped(PUSHES, policy="drop_oldest", size=2)

    assert shown == [[(1, 8), (1, 6)], [(2, 10)]]
    counters = live.counters
    assert (counters.pushed, counters.conflated, counters.dropped, counters.ticks, counters.dropped_ticks) == (4, 1, 1, 2, 2)
    assert live.counters.inputs[book.spot.node("A")] == InputCounters(3, 1, 1)


def test_error_refuses_a_push_by_name(stepped, book):
    """Beyond the size a push is refused as a whole, and nothing of it is counted."""
    live, _ = stepped([], policy="error", size=2)
    live.push(book.spot.node("A"), 2)
    live.push(book.spot.node("A"), 3)

    with pytest.raises(BacklogError, match=r"The push of .*spot\('A'\)> and 1 more was refused: 2 ticks wait"):
        live.push({book.spot.node("A"): 4, book.spot.node("B"): 4})

    assert live.counters.pushed == 2
    assert [show(live.step()), show(live.step()), show(live.step())] == [[(1, 4)], [(2, 6)], []]


def test_one_tick_waits(book, make):
    """The text of a refused push counts one tick in the singular."""
    live = make(policy="error", size=1)
    live.push(book.spot.node("A"), 2)

    with pytest.raises(BacklogError, match=r"was refused: 1 tick waits in <dug\.live\.Live"):
        live.push(book.spot.node("A"), 3)


def test_the_error_is_one_of_dug_and_of_a_buffer():
    """Who knows buffers can catch it by the builtin."""
    assert issubclass(BacklogError, dug.DugError)
    assert issubclass(BacklogError, BufferError)


@pytest.mark.parametrize("policy", ["block", "batch"])
def test_a_push_waits_for_room(policy, book, make):
    """A push in another thread waits until a tick was taken, and goes on then."""
    live = make(policy=policy, size=1)
    waits = watch_waits(live)
    live.output(book.twice.node("A"))
    live.push(book.spot.node("A"), 2)
    other = Worker(live.push, book.spot.node("A"), 3)
    waits.wait_here()

    first = show(live.step())
    other.result()

    assert (first, show(live.step())) == ([(1, 4)], [(2, 6)])


def test_a_push_that_waits_is_refused_when_the_live_is_closed(book, make):
    """Closing ends the wait for room with an error."""
    live = make(policy="block", size=1)
    waits = watch_waits(live)
    live.push(book.spot.node("A"), 2)
    other = Worker(live.push, book.spot.node("A"), 3)
    waits.wait_here()

    live.close()

    with pytest.raises(dug.ContextError, match="is closed"):
        other.result()


def test_the_thread_that_takes_ticks_does_not_wait_for_itself(book, make):
    """A push that would wait for ever in the thread that steps is refused, with what to type."""
    live = make(policy="block", size=1)

    def step_and_push():
        live.step()
        live.push(book.spot.node("A"), 2)
        live.push(book.spot.node("A"), 3)

    with pytest.raises(BacklogError, match=r"this thread takes the ticks. Take one first: live.step\(\)"):
        in_thread(step_and_push)


def test_the_only_thread_does_not_wait_for_others(book, make, monkeypatch):
    """A push that would wait before anybody has taken a tick is refused where no other thread is, with what to type."""
    monkeypatch.setattr("dug.live._backlog.active_count", lambda: 1)  # pools of other tests may be alive
    live = make(policy="block", size=1)
    live.push(book.spot.node("A"), 2)

    with pytest.raises(BacklogError, match=r"no other thread that could take one. Take them between the pushes: live.step\(\)"):
        live.push(book.spot.node("A"), 3)


def test_a_push_that_waits_for_the_first_tick_is_logged(book, make, caplog):
    """Where another thread may take ticks, a push waits for the first one, and the log says once that nobody took any."""
    live = make(policy="block", size=1)
    waits = watch_waits(live)
    live.push(book.spot.node("A"), 2)
    other = Worker(live.push, book.spot.node("A"), 3)
    waits.wait_here()
    live.step()
    other.result()

    assert [record.getMessage() for record in caplog.records] == [
        f"A push to {live!r} waits for room, and nobody has ever taken a tick of it."
    ]


def test_a_thread_waits_that_has_the_number_of_one_that_took_a_tick(book, make):
    """A thread that has never taken a tick waits for room, even if the number of one that did, and has ended, was given to it."""
    live = make(policy="block", size=1)
    waits = watch_waits(live)
    taker = Worker(live.step)
    taker.result()
    live.push(book.spot.node("A"), 2)
    other = Worker(live.push, book.spot.node("A"), 3)
    waits.wait_here()
    live.step()
    other.result()

    assert live.counters.pushed == 2


def test_who_asks_for_room_is_called_when_there_is_some(book, make):
    """A caller that waits for room is called at the next tick, and one that comes when there is room, or no more, at once."""
    live, woken = make(policy="block", size=1), []
    live.push(book.spot.node("A"), 2)
    live._backlog.wake_at_room(lambda: woken.append("waited"))
    before = list(woken)
    live.step()
    live._backlog.wake_at_room(lambda: woken.append("there was room"))
    assert woken == ["waited", "there was room"]
    live.push(book.spot.node("A"), 3)
    live.close()
    live._backlog.wake_at_room(lambda: woken.append("it was closed"))

    assert before == []
    assert woken[2:] == ["it was closed"]

def test_a_loop_does_not_wait_for_room(book, make, run):
    """A push that would stop an event loop is refused, with what to type."""
    live = make(policy="block", size=1)
    live.push(book.spot.node("A"), 2)

    async def main():
        await anyio.lowlevel.checkpoint()
        with pytest.raises(BacklogError, match=r"live.feed\(node, async_iterable\)"):
            live.push(book.spot.node("A"), 3)

    run(main)


def test_whoever_reads_the_counters_keeps_nobody_from_pushing(book, make, monkeypatch):
    """The counters of many inputs are made while other threads push."""
    live = make()
    live.push(book.spot.node("A"), 2)

    def count(*numbers):
        in_thread(lambda: live.push(book.spot.node("B"), 3))
        return InputCounters(*numbers)

    monkeypatch.setattr("dug.live._backlog.InputCounters", count)

    assert live.counters.inputs == {book.spot.node("A"): InputCounters(1, 0, 0)}
    assert live.counters.pushes == 2
