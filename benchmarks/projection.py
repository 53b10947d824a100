"""An actuarial projection: policies by months, twelve functions of a microsecond each; its value, and what-ifs.

The yardstick is ``functools.cache`` that is cleared and computes everything again, which is what one does without dug when an
assumption changes.  A node is cheap here, so what counts is the cost of remembering, of finding out what a change reaches, and of
running that again.
"""

from __future__ import annotations

import functools
import gc
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import dug

from . import peers
from ._harness import Case, Contender, as_in_module, time_calls

FUNCTIONS = 12
MOST_FIRST = 3
"""How many contexts are made for the first tweaks of one sample."""

INTEREST, BASIS = ("assumption", "interest"), ("assumption", "basis")


@attrs.frozen
class Sizes:
    """How many policies there are, and how many months each is projected."""

    policies: int = 20
    months: int = 120

    @property
    def nodes(self) -> int:
        """The nodes of the projection, besides the inputs and the total."""
        return FUNCTIONS * self.policies * self.months


@attrs.frozen
class Change:
    """What a scenario changes, and how many of the nodes read it."""

    name: str
    input: tuple[str, object]


CHANGES = (
    Change("17 % of the nodes", INTEREST),
    Change("1 % of the nodes", ("premium_rate", 3)),
    Change("all nodes", BASIS),
)


def cases(sizes: Sizes) -> Iterator[Case]:
    """The value of the projection, and what-ifs on inputs that few, some and all nodes read."""
    yield _base(sizes)
    for change in CHANGES:
        yield _what_if(sizes, change)


def define(memoize: Callable[..., Any], given: dict[str, Any], source: Callable[..., Any] | None = None) -> dict[str, Any]:
    """Returns the functions of the model by name, memoised; ``given`` has the names that the sources read.

    A formula refers to the others by their names, so that modelx finds them in its space as Python does here.
    """
    made: dict[str, Any] = {}
    read_assumptions(_adding(made, source or memoize), given["values"])
    count_policies(_adding(made, memoize), made)
    pay(_adding(made, memoize), made)
    add_up(_adding(made, memoize), made, given["policies"], given["months"])
    return made


def _adding(made: dict[str, Any], memoize: Callable[..., Any]) -> Callable[[Callable[..., float]], Any]:
    """Returns a decorator that memoises a function and adds it to those of the model."""

    def formula(fn: Callable[..., float]) -> Any:
        made[fn.__name__] = memoize(fn)
        return made[fn.__name__]

    return formula


def read_assumptions(outside: Callable[..., Any], values: dict[Any, float]) -> None:
    """Defines the sources."""

    @outside
    def assumption(name: str) -> float:
        return values[name]

    @outside
    def premium_rate(policy: int) -> float:
        return values.get(policy, 10.0 + policy)


def count_policies(formula: Callable[..., Any], made: dict[str, Any]) -> None:
    """Defines how many policies are still in force in a month, and why others are not."""
    assumption = made["assumption"]

    @formula
    def age(policy: int, month: int) -> float:
        return 30 + policy % 20 + assumption("basis") * (month // 12)

    @formula
    def mortality(policy: int, month: int) -> float:
        return 0.00001 * age(policy, month)

    @formula
    def lapse_rate(policy: int, month: int) -> float:
        return 0.01 * assumption("basis") / (1 + month + policy)

    @formula
    def in_force(policy: int, month: int) -> float:
        if month == 0:
            return 1.0
        return in_force(policy, month - 1) - deaths(policy, month - 1) - lapses(policy, month - 1)

    @formula
    def deaths(policy: int, month: int) -> float:
        return in_force(policy, month) * mortality(policy, month)

    @formula
    def lapses(policy: int, month: int) -> float:
        return (in_force(policy, month) - deaths(policy, month)) * lapse_rate(policy, month)


def pay(formula: Callable[..., Any], made: dict[str, Any]) -> None:
    """Defines what comes in and goes out in a month."""
    assumption, premium_rate, in_force, deaths = (made[name] for name in ("assumption", "premium_rate", "in_force", "deaths"))

    @formula
    def premiums(policy: int, month: int) -> float:
        return in_force(policy, month) * premium_rate(policy)

    @formula
    def claims(policy: int, month: int) -> float:
        return deaths(policy, month) * 1000.0

    @formula
    def expenses(policy: int, month: int) -> float:
        return in_force(policy, month) * 0.5 * assumption("basis")

    @formula
    def net(policy: int, month: int) -> float:
        return premiums(policy, month) - claims(policy, month) - expenses(policy, month)


def add_up(formula: Callable[..., Any], made: dict[str, Any], policies: int, months: int) -> None:
    """Defines what all payments are worth now."""
    assumption, net = made["assumption"], made["net"]

    @formula
    def discount(policy: int, month: int) -> float:
        if month == 0:
            return assumption("basis")
        return discount(policy, month - 1) / (1 + assumption("interest"))

    @formula
    def value(policy: int, month: int) -> float:
        later = value(policy, month + 1) if month + 1 < months else 0.0
        return net(policy, month) * discount(policy, month) + later

    @formula
    def total() -> float:
        return sum([value(policy, 0) for policy in range(policies)])


def make_given(sizes: Sizes) -> dict[str, Any]:
    """What the sources read: the values of the inputs, and the sizes."""
    return {"values": {"interest": 0.002, "basis": 1.0}, "policies": sizes.policies, "months": sizes.months}


class Cached:
    """The projection in ``functools.cache``, which is cleared when an input changes."""

    def __init__(self, sizes: Sizes) -> None:
        self._given = make_given(sizes)
        self._functions = define(functools.cache, self._given)

    def compute(self) -> float:
        """The value from nothing."""
        for fn in self._functions.values():
            fn.cache_clear()
        return self._functions["total"]()  # type: ignore[no-any-return]  # a number

    def what_if(self, changed: tuple[str, object], value: float) -> float:
        """The value if an input were another one."""
        values, (_, name) = self._given["values"], changed
        before = values.get(name)
        values[name] = value
        found = self.compute()
        if before is None:
            del values[name]
        else:
            values[name] = before
        return found


class Memoized:
    """The projection in dug, in a context of its own."""

    def __init__(self, sizes: Sizes) -> None:
        self._functions = define(as_in_module(dug.memoize), make_given(sizes), as_in_module(dug.source))
        self.ctx = dug.Context()

    def compute(self) -> float:
        """The value from nothing, in a context that is left."""
        return dug.Context().run(self._functions["total"])  # type: ignore[no-any-return]  # a number

    def keep(self) -> float:
        """The value, kept for what-ifs."""
        return self.ctx.run(self._functions["total"])  # type: ignore[no-any-return]  # a number

    def what_if(self, changed: tuple[str, object], value: float) -> float:
        """The value if an input were another one; called inside the context."""
        function, name = changed
        with dug.Context({self._functions[function].node(name): value}):
            return self._functions["total"]()  # type: ignore[no-any-return]  # a number


class InModelx:
    """The projection in cells of modelx; a change clears what depends on it, and is taken back afterwards."""

    def __init__(self, sizes: Sizes) -> None:
        space = peers.make_space()
        for name, thing in make_given(sizes).items():
            setattr(space, name, thing)
        self._cells = define(lambda fn: space.new_cells(fn.__name__, formula=fn), make_given(sizes))

    def compute(self) -> float:
        """The value from nothing."""
        for cells in self._cells.values():
            cells.clear_all()
        return self._cells["total"]()  # type: ignore[no-any-return]  # a number

    def what_if(self, changed: tuple[str, object], value: float) -> float:
        """The value if an input were another one."""
        function, name = changed
        cells = self._cells[function]
        before = cells[name]
        cells[name] = value
        found = self._cells["total"]()
        cells[name] = before
        return found  # type: ignore[no-any-return]  # a number


def _base(sizes: Sizes) -> Case:
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 40 * sizes.months))
    made: dict[str, Any] = {"functools.cache": Cached(sizes), "dug": Memoized(sizes)}
    if "modelx" not in peers.find_missing():
        made["modelx"] = InModelx(sizes)
    contenders = [Contender(name, time_calls(one.compute)) for name, one in made.items()]
    return Case("projection", "node", tuple(contenders), per=sizes.nodes)


def _what_if(sizes: Sizes, change: Change) -> Case:
    """A new value of an input in each scenario, and the total."""
    cached, again = Cached(sizes), Memoized(sizes)
    again.keep()
    again.ctx.run(again.what_if, change.input, 0.5)
    contenders = [
        Contender("functools.cache, all again", _time_scenarios(cached.what_if, change)),
        Contender("dug, tweaked before", lambda number: again.ctx.run(_time_scenarios(again.what_if, change), number)),
        Contender("dug, for the first time", lambda number: _time_first(sizes, change, number)),
    ]
    if "modelx" not in peers.find_missing():
        live = InModelx(sizes)
        live.compute()
        contenders.append(Contender("modelx", _time_scenarios(live.what_if, change)))
    return Case(f"projection, what-if on {change.name}", "scenario", tuple(contenders))


_values = (1.0 + 0.001 * number for number in itertools.count())


def _time_scenarios(what_if: Callable[[tuple[str, object], float], float], change: Change) -> Callable[[int], float]:
    def run(number: int) -> float:
        started = time.process_time()
        for value in itertools.islice(_values, number):
            what_if(change.input, value)
        return time.process_time() - started

    return run


def _time_first(sizes: Sizes, change: Change, number: int) -> float:
    """As many first tweaks, each in a context whose base value is known already; that does not count.

    A few stand for all: the base value takes a hundred times as long as what is measured.
    """
    seconds, times = 0.0, min(number, MOST_FIRST)
    for _ in range(times):
        fresh = Memoized(sizes)
        fresh.keep()
        gc.collect()  # as before any sample: what the base value leaves to collect is not the tweak's
        seconds += fresh.ctx.run(_time_scenarios(fresh.what_if, change), 1)
    return seconds * number / times
