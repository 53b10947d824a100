"""`dug.testing.Clock`: time that goes on when a test says so."""

from __future__ import annotations

import anyio
import pytest
from support.sync_points import settle

from dug.testing import Clock


def test_a_clock_stands_still_until_it_is_advanced():
    """The time is that of the last advance."""
    clock = Clock(10)
    clock.advance(2.5)

    assert (clock(), clock(), repr(clock)) == (12.5, 12.5, "<dug.testing.Clock at 12.5 s>")


def test_calls_are_made_in_the_order_of_their_moments():
    """Each call that is due on the way finds the clock at its own moment."""
    clock, calls = Clock(), []
    for moment in (3, 1, 2, 1):
        clock.call_at(moment, lambda: calls.append(clock()))
    clock.advance(2.5)

    assert calls == [1, 1, 2]
    assert clock() == 2.5


def test_a_call_may_set_the_next_one():
    """A call that is set on the way and due on the way is made on the way."""
    clock, calls = Clock(), []

    def beat():
        calls.append(clock())
        clock.call_at(clock() + 1, beat)

    clock.call_at(1, beat)
    clock.advance(3)

    assert calls == [1, 2, 3]


def test_a_moment_that_is_over_calls_at_once():
    """A call for now is made before call_at returns."""
    clock, calls = Clock(5), []
    clock.call_at(5, lambda: calls.append(1))

    assert calls == [1]


def test_a_cancelled_alarm_makes_no_call():
    """What was cancelled is left out, also by a jump."""
    clock, calls = Clock(), []
    clock.call_at(1, lambda: calls.append(1)).cancel()
    clock.call_at(2, lambda: calls.append(2))

    assert clock.jump()
    assert (calls, clock(), clock.jump()) == ([2], 2, False)


def test_a_cancelled_alarm_is_not_kept():
    """A clock keeps nothing of an alarm that was cancelled, however far off its moment is."""
    clock = Clock()
    kept = clock.call_at(3600, list)
    for _ in range(9):
        clock.call_at(3600, list).cancel()

    assert [alarm for _, _, alarm in clock._alarms] == [kept]


def test_an_alarm_that_is_set_while_time_goes_on_is_not_lost(monkeypatch):
    """An alarm that another thread sets just after the last one on the way has rung, for a moment on the way, rings."""
    clock, calls = Clock(), []
    take = clock._take

    def take_and_set(until):
        alarm = take(until)
        clock.call_at(1, lambda: calls.append(clock()))  # as another thread would, here
        return alarm

    monkeypatch.setattr(clock, "_take", take_and_set)
    clock.advance(2)

    assert calls == [2]


@pytest.mark.parametrize("wrong", [-1, float("nan"), "1"])
def test_time_does_not_go_back(wrong):
    """A clock goes on by a number of seconds from 0 on."""
    with pytest.raises(ValueError, match=r"clock\.advance"):
        Clock().advance(wrong)


def test_a_sleep_lasts_until_the_clock_says_so(run):
    """A task sleeps by the clock, on both loops, and a cancelled sleep leaves no alarm."""

    async def main():
        clock, woken = Clock(), []

        async def sleep(seconds):
            await clock.sleep(seconds)
            woken.append(seconds)

        async with anyio.create_task_group() as group:
            for seconds in (2, 1, 9):
                group.start_soon(sleep, seconds)
            await settle()
            clock.advance(1)
            await settle()
            first = list(woken)
            clock.advance(1)
            await settle()
            group.cancel_scope.cancel()

        assert (first, woken) == ([1], [1, 2])
        assert not clock.jump()

    run(main)
