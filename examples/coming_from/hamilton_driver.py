"""The same questions to a driver of Hamilton and to dug; both sides give the same answers."""

from itertools import pairwise

import dug

RUNS: list[str] = []
"""The runs of one function, on either side."""


def there() -> dict[str, object]:
    """With Hamilton: the name of a function is a node, those of its parameters are what it reads."""
    from hamilton import ad_hoc_utils, driver

    def returns(prices: list) -> list:
        return [after / before - 1 for before, after in pairwise(prices)]

    def mean(returns: list) -> float:
        RUNS.append("there")
        return sum(returns) / len(returns)

    def signal(mean: float, limit: float) -> str:
        return "buy" if mean > limit else "sell"

    module = ad_hoc_utils.create_temporary_module(returns, mean, signal, module_name="signals")
    dr = driver.Builder().with_modules(module).build()
    RUNS.clear()
    inputs = {"prices": [100.0, 101.0, 103.0], "limit": 0.01}
    answers: dict[str, object] = dict(dr.execute(["mean", "signal"], inputs=inputs))
    answers["an override"] = dr.execute(["signal"], inputs=inputs, overrides={"mean": -0.5})["signal"]
    answers["another input"] = dr.execute(["signal"], inputs={**inputs, "limit": 0.5})["signal"]
    answers["runs of the mean"] = RUNS.count("there")
    answers["downstream"] = sorted(node.name for node in dr.what_is_downstream_of("returns"))
    answers["upstream"] = sorted(node.name for node in dr.what_is_upstream_of("mean"))
    return answers


def here() -> dict[str, object]:
    """With dug: the call of a function is a node, and its calls are what it reads."""

    @dug.memoize
    def prices() -> tuple[float, ...]:
        return 100.0, 101.0, 103.0

    @dug.memoize
    def limit() -> float:
        return 0.01

    @dug.memoize
    def returns() -> tuple[float, ...]:
        return tuple(after / before - 1 for before, after in pairwise(prices()))

    @dug.memoize
    def mean() -> float:
        RUNS.append("here")
        return sum(returns()) / len(returns())

    @dug.memoize
    def signal() -> str:
        return "buy" if mean() > limit() else "sell"

    RUNS.clear()
    with dug.Context() as ctx:
        answers: dict[str, object] = {"mean": mean(), "signal": signal()}
        with dug.Context(tweaks={mean.node(): -0.5}):
            answers["an override"] = signal()
        with dug.Context(tweaks={limit.node(): 0.5}):
            answers["another input"] = signal()
        answers["runs of the mean"] = RUNS.count("here")
        graph = ctx.graph(signal.node())
        answers["downstream"] = sorted(node.function.__name__ for node in graph.descendants(returns.node()) | {returns.node()})
        answers["upstream"] = sorted(node.function.__name__ for node in graph.ancestors(mean.node()) | {mean.node()})
    return answers


DIFFERENT: dict[str, tuple[object, object]] = {"runs of the mean": (2, 1)}
"""What differs, there and here."""
