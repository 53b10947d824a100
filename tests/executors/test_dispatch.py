"""What a sweep sends and when, and what it does about losses: on a pool that answers in this process when it is asked for."""

from __future__ import annotations

import gc
from concurrent.futures import Future

import pytest
from remote_book import book, mood, risky, spot, trade

import dug
from dug import ContextError, WorkerLostError, replay
from dug.executors._dispatch import BatchSize
from dug.executors._pools import AnyPool, OverdueError
from dug.executors._worker import answer
from dug.executors.processes import Processes


class Lost(Exception):
    """A worker has ended."""


class Answer(Future):
    """Answers its message when somebody waits for it."""

    def __init__(self, pool, message):
        super().__init__()
        self.pool, self.message = pool, message

    def result(self, timeout=None):
        if not self.done():
            self.set_running_or_notify_cancel()
            self.pool.answer(self)
        return super().result(timeout)


class Held(AnyPool):
    """A pool of two workers that nobody runs; `loses` and `is_slow` say which scenarios end their worker, and take too long."""

    workers, pickles, can_retry, knows_session = 2, False, True, True

    def __init__(self, loses=lambda text: False, is_slow=lambda text: False):
        self.loses, self.is_slow, self.sent, self.interrupts, self.seconds = loses, is_slow, [], [], None
        self.alone = []

    def _as_pool(self):
        return self

    def submit(self, message):
        self.sent.append(Answer(self, message))
        return self.sent[-1]

    def submit_alone(self, message):
        self.alone.append(len(self.sent))
        return self.submit(message)

    def answer(self, future):
        if self.interrupts:
            error = self.interrupts.pop()
            future._state = "PENDING"
            raise error
        slow = [number for number, text in enumerate(future.message["scenarios"]) if self.seconds and self.is_slow(text)]
        if slow:
            future.set_exception(OverdueError(slow[0], f"It took longer than {self.seconds} seconds"))
        elif any(map(self.loses, future.message["scenarios"])):
            future.set_exception(Lost("it was killed"))
        else:
            future.set_result(answer(future.message))

    def is_loss(self, error):
        return isinstance(error, Lost)

    def limit(self, seconds):
        self.seconds = seconds

    @property
    def batches(self):
        """How many scenarios each message had."""
        return [len(future.message["scenarios"]) for future in self.sent]


def scenarios(count):
    """Return scenarios that differ."""
    return [{spot.node(0): 200.0 + number} for number in range(count)]


def test_four_batches_a_worker_are_ahead():
    """Nothing is sent before it is asked for; then eight batches, and one more for each that was answered."""
    pool = Held()
    with dug.Context():
        iterator = iter(dug.sweep(book.node(), scenarios(100), executor=pool, batch=3))
        assert pool.sent == []
        next(iterator)
        assert len(pool.sent) == 8 + 1
        next(iterator), next(iterator)
        assert len(pool.sent) == 8 + 1
        next(iterator)
        assert len(pool.sent) == 8 + 2


def test_cancelling_and_dropping_cancel_what_waits():
    """Both cancel every future that has not begun; a cancelled sweep has the results that were taken."""
    for end in ("cancel", "drop"):
        pool = Held()
        with dug.Context():
            sweep = dug.sweep(book.node(), scenarios(100), executor=pool)
            next(iter(sweep))
            if end == "cancel":
                sweep.cancel()
                assert len(list(sweep)) == len(sweep) == 1
            del sweep
            gc.collect()
        assert [future.cancelled() for future in pool.sent] == [False] + [True] * (len(pool.sent) - 1)


def test_a_lost_batch_is_asked_again_one_by_one():
    """Each scenario of it goes alone, in its place; the guilty one twice more, and no other one is lost."""
    pool = Held(loses=lambda text: "204.0" in text)
    with dug.Context():
        results = list(dug.sweep(trade.node(0), scenarios(9), executor=pool, batch=3))

    assert [result.value if result.error is None else type(result.error) for result in results] == [
        WorkerLostError if number == 4 else 3.0 * (200.0 + number) for number in range(9)
    ]
    assert [result.attempts for result in results] == [1, 1, 1, 2, 3, 2, 1, 1, 1]
    assert pool.batches == [3, 3, 3, 1, 1, 1, 1]
    assert pool.alone == [3, 4, 5, 6]
    assert str(results[4].error).endswith("lost all 3 of its workers. it was killed. Nothing else is concerned. " + REMEDY)


REMEDY = "Compute it by itself, in a process that can be lost."


def test_the_failed_scenarios_of_workers_are_given_to_the_next_sweep():
    """failed() has what was lost, what raised and what was not possible; a sweep of that in a loop gives the values there are."""
    pool = Held(loses=lambda text: "201.0" in text)
    told = {"good": {}, "lost": {spot.node(0): 201.0}, "raises": {mood.node(): "value"}, "no": {"no node": 1}}
    with dug.Context():
        failed = dug.sweep([trade.node(0), risky.node()], told, executor=pool).failed()
        again = dug.sweep([trade.node(0), risky.node()], failed)

        assert list(failed) == [result.name for result in again] == ["lost", "raises", "no"]
        assert [type(result.error) for result in again] == [type(None), ValueError, dug.TweakError]


def test_a_scenario_that_takes_too_long_is_given_up_alone():
    """It is a TimeoutError, sent once; those that were with it are sent again together, as often as it takes."""
    pool = Held(is_slow=lambda text: "204.0" in text or "205.0" in text)
    with dug.Context():
        sweep = dug.sweep(trade.node(0), scenarios(9), executor=pool, batch=3, timeout=2.5)
        results = list(sweep)

    late = "The scenario 'remote_book:spot(0) = 204.0' was given up. It took longer than 2.5 seconds. Nothing else is concerned."
    assert [type(result.error) for result in results[4:6]] == [TimeoutError, TimeoutError]
    assert late in str(results[4].error)
    assert [result.value for result in results if not result.error] == [3.0 * (200 + x) for x in range(9) if x not in {4, 5}]
    assert [result.attempts for result in results] == [1, 1, 1, 3, 1, 2, 1, 1, 1]
    assert pool.batches == [3, 3, 3, 2, 1]
    assert len(sweep.failed()) == 2


def test_a_worker_that_ends_after_a_slow_scenario_has_all_its_retries():
    """What was sent again because of a slow scenario has lost no worker yet."""
    pool = Held(is_slow=lambda text: "200.0" in text or "201.0" in text, loses=lambda text: "202.0" in text)
    with dug.Context():
        *_, lost = dug.sweep(trade.node(0), scenarios(3), executor=pool, batch=3, timeout=1)

    assert (type(lost.error), lost.error.attempts, lost.attempts) == (WorkerLostError, 3, 5)


def test_without_retries_it_is_lost_at_once():
    """``retries=0`` sends a scenario that was alone no second time."""
    pool = Held(loses=lambda text: "201.0" in text)
    with dug.Context():
        results = list(dug.sweep(trade.node(0), scenarios(3), executor=pool, batch=1, retries=0))

    assert ([result.attempts for result in results], pool.batches) == ([1, 1, 1], [1, 1, 1])
    assert type(results[1].error) is WorkerLostError


def test_an_interrupt_loses_nothing():
    """Who is interrupted while he waits may iterate on, and gets the same results; nothing is sent twice."""
    pool = Held()
    pool.interrupts.append(KeyboardInterrupt())
    with dug.Context():
        sweep = dug.sweep(trade.node(0), scenarios(5), executor=pool, batch=1)
        with pytest.raises(KeyboardInterrupt):
            next(iter(sweep))
        values = [result.value for result in sweep]

    assert values == [3.0 * (200.0 + number) for number in range(5)]
    assert pool.batches == [1] * 5


def test_a_batch_is_worth_fifty_milliseconds():
    """One scenario at first; then as many as take 50 ms, and at most so many that each worker gets four batches."""
    size = BatchSize(None, 1_000, Held())
    sizes = [size.next()]
    for count, seconds in [(1, 0.002), (25, 0.5), (2, 1.0), (1, 0.0)]:
        size.note(count, seconds)
        sizes.append(size.next())

    assert sizes == [1, 25, 2, 1, 125]
    assert (BatchSize(7, 1_000, Held()).next(), BatchSize(None, 3, Held()).next()) == (7, 1)


@pytest.mark.parametrize("ship", ["path", "bytes"])
def test_who_sweeps_says_how_the_base_goes(ship):
    """``ship=`` sends a path or the bytes, whatever the executor would do; the results are the same."""
    pool = Held()
    with dug.Context():
        values = [result.value for result in dug.sweep(trade.node(0), scenarios(2), executor=pool, ship=ship)]

    assert values == [600.0, 603.0]
    assert {"path", "bytes"} & pool.sent[0].message["base"].keys() == {ship}


def test_an_impossible_tweak_is_not_sent():
    """It is the error of its scenario, in its place, as in a loop."""
    pool = Held()
    with dug.Context():
        first, second, third = dug.sweep(book.node(), [{}, {"no node": 1}, {}], executor=pool, batch=5)

    assert [first.error, type(second.error), third.error] == [None, dug.TweakError, None]
    assert sum(pool.batches) == 2


def test_what_cannot_go_comes_after_what_could():
    """Results of the scenarios before are given; then the error, again and again."""
    pool = Held()
    with dug.Context():
        sweep = dug.sweep(book.node(), [{}, {spot: dug.bump(lambda value: value)}, {}], executor=pool)
        taken = []
        for _ in range(2):
            with pytest.raises(dug.TweakError, match="cannot go to another process"):
                taken += [result.name for result in sweep]

    assert len(sweep._kept) == 1
    assert sum(pool.batches) == 1


def test_a_class_in_the_place_of_a_pool_is_refused():
    """Who forgets the brackets is told what to type."""
    with dug.Context() as ctx:
        with pytest.raises(TypeError, match=r"Processes is a class, not an executor\. Make one: Processes\(\)"):
            dug.sweep(book.node(), [{}], executor=Processes)
        with pytest.raises(TypeError, match=r"Make one: Processes\(\)"):
            ctx.run_all([book.node()], executor=Processes)


def test_in_a_replay_nothing_is_sent(tmp_path):
    """A replay asks nothing outside, and other processes would: a sweep and a batch on them are refused there."""
    pool, ctx = Held(), dug.Context()
    with replay.record(ctx, tmp_path / "day.dugrec"), ctx:
        book()
    with replay.open(tmp_path / "day.dugrec").replay() as replayed:
        with pytest.raises(ContextError, match="in force, and other processes would ask the outside"):
            dug.sweep(book.node(), [{}], executor=pool)
        with pytest.raises(ContextError, match="in force, and other processes would ask the outside"):
            replayed.run_all([book.node()], executor=pool)

    assert pool.sent == []
