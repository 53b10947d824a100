"""A factor model on a frame of 100,000 rows, and what-ifs on it, beside the bodies that must run.

The yardstick knows beforehand which formulas a change reaches and runs just these, on frames that it kept.  Bodies take
milliseconds here, so what dug adds must be small: it must look at no frame from end to end, unless ``eq=`` asks for that.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module

PACKAGES = ("numpy", "pandas")


@attrs.frozen
class Sizes:
    """How many rows the frame has: one for each date and asset."""

    dates: int = 500
    assets: int = 200


@attrs.frozen
class Change:
    """What a scenario changes, the inputs by number; and the formulas that it reaches, in an order in which they can run."""

    name: str
    tweak: Callable[[Model, int], dict[Any, Any]]
    by_hand: Callable[[Kept, int], float]


# The formulas: plain functions of frames.


def make_market(sizes: Sizes) -> Any:
    """Returns the frame: the return, size and book value of each asset on each date."""
    import numpy as np  # optional packages: imported where they are used
    import pandas as pd

    draw = np.random.default_rng(7)
    index = pd.MultiIndex.from_product([range(sizes.dates), range(sizes.assets)], names=["date", "asset"])
    count = len(index)
    columns = {"return": draw.normal(0, 0.02, count), "size": draw.lognormal(3, 1, count), "book": draw.normal(1, 0.3, count)}
    return pd.DataFrame(columns, index=index)


def standardise(column: Any, limit: float) -> Any:
    """Returns a column in standard deviations from the mean of its date, within a limit."""
    dates = column.groupby(level="date")
    return ((column - dates.transform("mean")) / dates.transform("std")).clip(-limit, limit)


def measure_size(market: Any, limit: float) -> Any:
    """Returns how large each asset is."""
    return standardise(market["size"] ** 0.5, limit)


def measure_value(market: Any, limit: float) -> Any:
    """Returns how cheap each asset is."""
    return standardise(market["book"], limit)


def measure_momentum(market: Any, limit: float, window: int) -> Any:
    """Returns how each asset did in the last days."""
    returns = market["return"].groupby(level="asset").rolling(window, min_periods=1).sum()
    return standardise(returns.droplevel(0).sort_index(), limit)


def join(size: Any, value: Any, momentum: Any) -> Any:
    """Returns the exposures of each asset to each factor."""
    import pandas as pd  # optional package: imported where it is used

    return pd.DataFrame({"size": size, "value": value, "momentum": momentum})


def regress(market: Any, exposures: Any) -> Any:
    """Returns the return of each factor on each date."""
    import numpy as np  # optional packages: imported where they are used
    import pandas as pd

    dates = market.index.get_level_values("date").nunique()
    known = exposures.to_numpy().reshape(dates, -1, exposures.shape[1])
    returns = market["return"].to_numpy().reshape(dates, -1, 1)
    across = known.transpose(0, 2, 1)
    return pd.DataFrame(np.linalg.solve(across @ known, across @ returns)[:, :, 0], columns=exposures.columns)


def explain(market: Any, exposures: Any, factors: Any) -> Any:
    """Returns the part of each return that no factor explains."""
    dates = market.index.get_level_values("date")
    return market["return"] - (exposures.to_numpy() * factors.to_numpy()[dates]).sum(axis=1)


def measure_risk(factors: Any, rest: Any) -> float:
    """Returns the risk of an equal part of each factor, and of the rest."""
    return float((factors.cov().to_numpy().sum() + rest.var()) ** 0.5)


class Model:
    """The model in dug, in a context in which it is known."""

    def __init__(  # noqa: C901  each formula is a function
        self, sizes: Sizes, eq: Callable[[Any, Any], bool] | None = None
    ) -> None:
        memoize, source = as_in_module(dug.memoize), as_in_module(dug.source)
        frame = memoize if eq is None else as_in_module(lambda **options: dug.memoize(eq=eq, **options))

        @source
        def market() -> Any:
            return make_market(sizes)

        @source
        def limit() -> float:
            return 3.0

        @source
        def window() -> int:
            return 20

        @frame
        def size() -> Any:
            return measure_size(market(), limit())

        @frame
        def value() -> Any:
            return measure_value(market(), limit())

        @frame
        def momentum() -> Any:
            return measure_momentum(market(), limit(), window())

        @frame
        def exposures() -> Any:
            return join(size(), value(), momentum())

        @frame
        def factors() -> Any:
            return regress(market(), exposures())

        @frame
        def rest() -> Any:
            return explain(market(), exposures(), factors())

        @memoize
        def risk() -> float:
            return measure_risk(factors(), rest())

        self.market, self.limit, self.window, self.value, self.risk = market, limit, window, value, risk
        self.ctx = dug.Context()
        self.ctx.run(risk)

    def what_if(self, tweaks: dict[Any, Any]) -> float:
        """Returns the risk in a scenario; called inside the context."""
        with dug.Context(tweaks):
            return self.risk()  # type: ignore[no-any-return]  # a number

    def sweep(self, scenarios: Iterator[dict[Any, Any]]) -> list[float]:
        """Returns the risk in several scenarios; called inside the context."""
        return [result.value for result in dug.sweep(self.risk.node(), scenarios)]


class Kept:
    """The frames that the formulas gave before any change."""

    def __init__(self, sizes: Sizes) -> None:
        self.market = make_market(sizes)
        self.size, self.value = measure_size(self.market, 3.0), measure_value(self.market, 3.0)
        self.momentum = measure_momentum(self.market, 3.0, 20)

    def finish(self, market: Any, size: Any, value: Any, momentum: Any) -> float:
        """Returns the risk, from the exposures on."""
        exposures = join(size, value, momentum)
        factors = regress(market, exposures)
        return measure_risk(factors, explain(market, exposures, factors))

    def change_window(self, number: int) -> float:
        """Returns the risk for another window."""
        momentum = measure_momentum(self.market, 3.0, 20 + number)
        return self.finish(self.market, self.size, self.value, momentum)

    def change_limit(self, number: int) -> float:
        """Returns the risk for another limit."""
        return self._of(self.market, 2.0 + number / 1_000)

    def bump_market(self, number: int) -> float:
        """Returns the risk in another market."""
        return self._of(self.market * (1 + number / 1_000), 3.0)

    def give_value(self, number: int) -> float:
        """Returns the risk for another exposure."""
        return self.finish(self.market, self.size, self.value * (1 + number / 1_000), self.momentum)

    def _of(self, market: Any, limit: float) -> float:
        size, value = measure_size(market, limit), measure_value(market, limit)
        return self.finish(market, size, value, measure_momentum(market, limit, 20))


CHANGES = (
    Change("a number that one factor reads", lambda model, n: {model.window.node(): 20 + n}, Kept.change_window),
    Change("a number that all read", lambda model, n: {model.limit.node(): 2.0 + n / 1_000}, Kept.change_limit),
    Change("the frame, bumped", lambda model, n: {model.market.node(): dug.scale(1 + n / 1_000)}, Kept.bump_market),
    Change(
        "a frame in the place of another",
        lambda model, n: {model.value.node(): model.ctx[model.value.node()] * (1 + n / 1_000)},
        Kept.give_value,
    ),
)


def find_missing() -> tuple[str, ...]:
    """Returns the packages without which there is no such model here."""
    return tuple(name for name in PACKAGES if find_spec(name) is None)


def cases(sizes: Sizes) -> Iterator[Case]:
    """What-ifs on numbers and frames that one factor and all factors read."""
    if find_missing():
        return
    plain, by_content, kept = Model(sizes), Model(sizes, dug.eq.frame), Kept(sizes)
    for change in CHANGES:
        contenders = (
            Contender("the bodies that must run", _time_each(lambda numbers, c=change: [c.by_hand(kept, n) for n in numbers])),
            Contender("dug", _time_in(plain, change)),
            Contender("dug, frames compared", _time_in(by_content, change)),
            Contender("dug, a sweep", _time_sweep(plain, change)),
        )
        yield Case(f"factor model, what-if on {change.name}", "scenario", contenders)


_numbers = itertools.count(1)


def _time_each(work: Callable[[list[int]], object]) -> Callable[[int], float]:
    def run(number: int) -> float:
        numbers = [one % 1_000 for one in itertools.islice(_numbers, number)]
        started = time.process_time()
        work(numbers)
        return time.process_time() - started

    return run


def _time_in(model: Model, change: Change) -> Callable[[int], float]:
    work = _time_each(lambda numbers: [model.what_if(change.tweak(model, n)) for n in numbers])
    return lambda number: model.ctx.run(work, number)


def _time_sweep(model: Model, change: Change) -> Callable[[int], float]:
    work = _time_each(lambda numbers: model.sweep(change.tweak(model, n) for n in numbers))
    return lambda number: model.ctx.run(work, number)
