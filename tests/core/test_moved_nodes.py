"""When a function is in doubt, all nodes move to another table: no node is left behind, and no doubt is forgotten, in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

import pytest
from attrs import define
from interrupts import Interrupter
from support.marks import pure_only

import dug

OUTSIDE = [1]
RAN: Counter[str] = Counter()


@dug.source
def source(_: object) -> int:
    """Read what is outside."""
    RAN["source"] += 1
    return OUTSIDE[0]


@dug.memoize
def f(argument: object) -> int:
    """Read the source."""
    RAN["f"] += 1
    return source(argument)


@dug.memoize
def other() -> int:
    """Stand for a function that is in doubt."""
    return 0


OTHER = other.node()._key[0]


@pytest.fixture(autouse=True)
def _count_anew():
    OUTSIDE[0] = 1
    RAN.clear()


@define(eq=False)
class Meddler:
    """An argument that acts when it is hashed for the n-th time from now."""

    left: int
    act: Callable[[], object] = int

    def __hash__(self) -> int:
        self.left -= 1
        if self.left == 0:
            self.act()
        return 1


def test_no_node_is_left_behind():
    """A node that comes in meanwhile is in the new table: an invalidation reaches all that depends on it."""
    for place in count(1):
        OUTSIDE[0] = 1
        RAN.clear()
        with dug.Context(cache=dug.Cache()) as ctx:
            argument = Meddler(place)
            argument.act = lambda ctx=ctx: ctx.cache.group.doubt(OTHER, lambda _: None)
            assert f(argument) == 1
            if argument.left > 0:
                assert place > 3
                return
            assert f(argument) == 1
            assert RAN == {"f": 1, "source": 1}
            OUTSIDE[0] = 2
            ctx.invalidate(source.node(argument))
            assert f(argument) == 2


@pure_only
def test_a_move_that_is_interrupted_is_completed():
    """Wherever an interrupt strikes, the table that open contexts have is that of the cache, or an empty one."""
    for number in count(1):
        with dug.Context(cache=dug.Cache()) as ctx:
            f(0)
            cache, homes = ctx.cache, ctx.cache.homes
            with suppress(KeyboardInterrupt), Interrupter(number, "line") as interrupter:
                cache.group.doubt(OTHER, lambda _: None)
            assert cache.homes is homes or not homes, interrupter.place
            assert {key[1] for key, _ in cache.list_homes()} == {0}
        if not interrupter.has_struck:
            assert number > 10
            return


def test_a_doubt_that_comes_while_another_one_is_settled():
    """The function is in doubt again, and calls go on to come to the engine."""
    settled = []
    with dug.Context(cache=dug.Cache()) as ctx:
        f(0)
        group = ctx.cache.group

        def settle(_: object) -> None:
            settled.append(group)
            if len(settled) < 3:
                group.doubt(OTHER, partial(settle))  # another one

        group.doubt(OTHER, settle)
        f(0)
        assert len(settled) == 3


def test_a_doubt_that_comes_when_others_were_settled():
    """It is settled at the next lookup: it was not taken for one of those."""
    settled, looks = [], []
    with dug.Context(cache=dug.Cache()) as ctx:
        f(0)
        group = ctx.cache.group

        class Notice:
            """A notice that is looked at once all doubts are settled."""

            @property
            def __class__(self) -> type:
                if not looks:
                    group.doubt(OTHER, lambda _: settled.append(group))
                looks.append(len(settled))
                return Notice

        group.doubt(OTHER, lambda _: None)
        group.released.append(Notice())
        f(0)
        assert looks[0] == 0
        f(0)
        assert settled == [group]


@dug.source
def doubted() -> int:
    """Read what is outside, which nobody says has changed."""
    return OUTSIDE[0]


@dug.memoize
def doubting(_: int) -> int:
    """Bring the function above in doubt, which turns out to have changed."""
    if OUTSIDE[0] == 2:
        group = dug.current_context().cache.group
        group.doubt(doubted.node()._key[0], lambda function: group.forget([function]))
    return 0


@dug.memoize
def above() -> int:
    """Read both."""
    return doubting(0) + doubted()


def test_a_doubt_that_comes_in_the_middle_of_a_verification():
    """It is settled before the next read is verified."""
    with dug.Context(cache=dug.Cache()) as ctx:
        assert above() == 1
        OUTSIDE[0] = 2
        ctx.invalidate(doubting.node(0))
        assert above() == 2


@dug.memoize
def doubted_tweaked() -> int:
    """Read a tweak, too."""
    return doubted() + other()


@dug.memoize
def above_tweaked() -> int:
    """Read both."""
    return doubting(0) + doubted_tweaked()


def test_a_doubt_that_comes_in_the_middle_of_a_verification_under_tweaks():
    """The same for a memo that reads a tweak."""
    with dug.Context(cache=dug.Cache()), dug.Context({other.node(): 1}):
        assert above_tweaked() == 2
        OUTSIDE[0] = 2
        dug.current_context().invalidate(doubting.node(0))
        assert above_tweaked() == 3
