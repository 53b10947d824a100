"""Arguments whose changes no key shows: dug warns of them, once a class, and of nothing else."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import decimal
import enum
import functools
import gc
import random
import types
import warnings
import weakref

import attrs
import pytest

import dug
from dug._core.facts.equality import find_unseen


class Side(enum.Enum):
    """A member of it is told by its identity, and is one object."""

    BUY = 1


class WithHash:
    """Says what it is told by, and can be changed."""

    def __hash__(self):
        return 1


class OnPurpose:
    """Says that it is told by its identity."""

    __hash__ = object.__hash__


class Empty:
    """Has room for nothing."""

    __slots__ = ()


class Watched:
    """Has room for nothing but what Python needs to refer to it weakly."""

    __slots__ = ("__weakref__",)


class Slot:
    """Has room for one thing."""

    __slots__ = ("part",)


@attrs.frozen
class Frozen:
    """Compares one field and leaves another out."""

    part: object
    note: object = attrs.field(default=None, eq=False)


@dataclasses.dataclass(frozen=True)
class FrozenData:
    """The same, of the standard library."""

    part: object
    note: object = dataclasses.field(default=None, compare=False)


@attrs.frozen(eq=False)
class FrozenByIdentity:
    """Told by its identity; whether it can be changed is up to its parts."""

    part: object


Pair = collections.namedtuple("Pair", "first second")  # noqa: PYI024  what others may pass


def make_plain():
    """Return an instance of a plain class that nobody has used before."""

    class Plain:
        def method(self):
            return self

    return Plain()


SEEN = {
    "a number": 1.5,
    "a decimal": decimal.Decimal(1),
    "a function": len,
    "a method of a class": WithHash.__hash__,
    "a class": WithHash,
    "a module": types,
    "a member of an enum": Side.BUY,
    "an object with a hash of its own": WithHash(),
    "an object that is told by its identity on purpose": OnPurpose(),
    "an object with room for nothing": Empty(),
    "an object that can be referred to weakly": Watched(),
    "a mark": object(),
    "a frozen object": Frozen(1),
    "a frozen object that is told by its identity": FrozenByIdentity((1, "a")),
    "a partial of a function": functools.partial(max, 1),
    "a cached function": functools.lru_cache(max),
    "a node of a method": dug.memoize(lambda x: x).node(1),
    "a tuple": (1, ("a", Side.BUY)),
    "a frozen set": frozenset({1}),
}


@pytest.mark.parametrize("argument", SEEN.values(), ids=SEEN)
def test_what_cannot_hide_a_change_is_no_matter(argument):
    """Nothing is found in an argument that shows its changes, has none, or is told by its identity on purpose."""
    assert find_unseen(argument) is None


UNSEEN = {
    "itself": lambda one: one,
    "in a tuple": lambda one: (1, (one,)),
    "in a named tuple": lambda one: Pair(1, one),
    "in a frozen set": lambda one: frozenset({one}),
    "in a frozen object": attrs.make_class("Holder", ["one"], frozen=True),
    "in a frozen data object": dataclasses.make_dataclass("Holder", ["one"], frozen=True),
}


@pytest.mark.parametrize("wrap", UNSEEN.values(), ids=UNSEEN)
def test_a_plain_instance_is_found(wrap):
    """A plain instance is found wherever it is a part of what an argument is told by."""
    plain = make_plain()

    assert find_unseen(wrap(plain)) is plain


CHANGEABLE = {
    "a generator of random numbers": random.Random(1),
    "a bound method": make_plain().method,
    "a bound method of a list": [].append,
    "a partial of a bound method": functools.partial(make_plain().method),
    "a frozen object with a list": FrozenByIdentity([1]),
    "an object with a slot": Slot(),
    "an error": ValueError(1),
}


@pytest.mark.parametrize("argument", CHANGEABLE.values(), ids=CHANGEABLE)
def test_whatever_can_be_changed_is_found(argument):
    """So is anything else that Python tells by its identity and that can be changed."""
    assert find_unseen(argument) is argument


@pytest.mark.parametrize("kind", [Frozen, FrozenData])
def test_a_field_that_is_not_compared_is_no_matter(kind):
    """A field that a frozen class leaves out of its hash may be anything."""
    assert find_unseen(kind(1, make_plain())) is None


@pytest.fixture(params=["call", "method", "await", "node"])
def ask(request):
    """A function that makes a node with a plain instance as an argument, in a context, in one of the ways to do so."""

    class Desk:
        @dug.memoize
        def value(self, n=1):
            return n

    @dug.memoize
    async def wait(one):
        return one

    async def main():
        await wait(make_plain())

    take = dug.memoize(lambda one: one)
    ways = {
        "call": lambda: take(make_plain()),
        "method": lambda: Desk().value(),
        "await": lambda: asyncio.run(main()),
        "node": lambda: take.node(make_plain()),
    }

    def ask():
        with dug.Context():
            return ways[request.param]()

    return ask


def test_a_plain_instance_is_warned_of_however_it_is_asked(ask):
    """Called, as the instance of a method, awaited or named, the warning is at a line of the user's."""
    with pytest.warns(RuntimeWarning, match="can be changed, and Python tells it from others by its identity") as told:
        ask()

    assert [one.filename for one in told] == [__file__]


def test_the_warning_says_what_to_type():
    """It names the function, the parameter and the class, and the three ways out."""
    plain = make_plain()
    take = dug.memoize(name="desk:take")(lambda n, one: n)
    with dug.Context(), pytest.warns(RuntimeWarning) as told:
        take(1, plain)

    said = str(told[0].message)
    assert said.startswith("desk:take: the argument one=<test_unseen.make_plain")
    for part in ("Make make_plain.<locals>.Plain immutable", "__hash__ = object.__hash__", 'ignore=("one",)'):
        assert part in said


def test_an_object_inside_an_argument_is_named():
    """The warning names the argument and the object in it."""
    desk = attrs.make_class("Desk", ["book"], frozen=True)(make_plain())
    take = dug.memoize(lambda one: 1)
    with dug.Context(), pytest.warns(RuntimeWarning, match=r"the argument one=Desk\(.*\) holds <.*>, which can be changed"):
        take(desk)


def test_there_is_one_warning_for_a_class():
    """Other objects of the class, other nodes and other functions are not warned of again."""
    plain = make_plain()
    take, other = dug.memoize(lambda one: 1), dug.memoize(lambda one, n: 2)
    with dug.Context(), pytest.warns(RuntimeWarning) as told:
        take(plain), take(type(plain)()), other(plain, 3)

    assert len(told) == 1


def test_a_warning_that_is_an_error_is_a_refusal():
    """Who makes the warning an error gets it each time, and nothing runs."""
    runs = []
    take = dug.memoize(runs.append)
    plain = make_plain()
    with dug.Context() as ctx, warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(RuntimeWarning, match="can be changed"):
                take(plain)
        assert len(ctx.cache) == 0

    assert runs == []


def test_what_a_key_is_made_of_is_looked_at():
    """What ``key=`` makes of an argument counts instead of the argument, and what ``ignore=`` leaves out does not count."""
    take = dug.memoize(key={"one": id}, ignore=("two",))(lambda one, two: 1)
    with dug.Context():
        assert take(make_plain(), make_plain()) == 1


def test_a_class_that_is_gone_leaves_nothing():
    """A class that was looked at, or warned of, is freed with its objects."""
    plain = make_plain()
    kinds = [weakref.ref(type(plain)), weakref.ref(type(made := attrs.make_class("Gone", ["x"], frozen=True)(1)))]
    find_unseen(made)
    with pytest.warns(RuntimeWarning):
        dug.memoize(lambda one: 1).node(plain)
    del plain, made
    gc.collect()

    assert [kind() for kind in kinds] == [None, None]
