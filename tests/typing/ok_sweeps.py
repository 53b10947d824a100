"""A sweep has the types of its targets, in the shape in which they are named."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, assert_type

import dug
from dug.executors.threads import ContextThreadPoolExecutor
from dug.scenarios import Grid, Ladder, grid, ladder


@dug.memoize
def spot(ticker: str) -> float:
    """Is memoised."""
    return 100.0


@dug.memoize
def rating(ticker: str) -> str:
    """Gives something else."""
    return "A"


def generate() -> Iterator[dug.Scenario]:
    """Makes scenarios."""
    yield dug.Scenario({spot: dug.shift(1.0)})


node = spot.node("A")
up = {node: dug.shift(1.0)}

with dug.Context(), ThreadPoolExecutor() as plain, ContextThreadPoolExecutor(2) as pool:
    for result in dug.sweep(node, [up, dug.Scenario(up)], executor=plain, progress=True):
        assert_type(result.value, float)
        assert_type(result[node], float)
        assert_type(result.error, BaseException | None)
        assert_type(result.recomputed, int)
        assert_type(result.seconds, float)
    assert_type(dug.sweep([node, spot.node("B")], generate(), executor=pool)["up"].value, tuple[float, ...])
    named = {"up": up, "all": {spot: dug.scale(2)}, "down": {node: 99.0}}
    labelled = dug.sweep({"spot": node}, named, progress=lambda done, total: done == total)
    assert_type(labelled.base.value, dict[str, float])
    assert_type(len(labelled), int)
    crash, junk = dug.Scenario({node: 99.0}), dug.Scenario({rating.node("A"): "C"})
    what_ifs = {"a": crash, "b": junk, "c": dug.Scenario({spot: dug.scale(2)})}
    assert_type(dug.sweep(node, what_ifs)["b"].value, float)
    assert_type(dug.sweep(node, list(what_ifs.values()))[0].value, float)
    for what_if in what_ifs.values():
        dug.Context(what_if)
    mixed = dug.sweep((node, rating.node("A")), grid({node: [1.0, 2.0], rating: [dug.UNTWEAKED]}))
    for both in mixed:
        assert_type(both[rating.node("A")], str)
    rungs = dug.sweep(node, ladder([node], dug.shift(1.0), dug.shift(-1.0)))
    assert_type(rungs.to_dict(), dict[Any, Any])
    assert_type(rungs[0].value, float)
    assert_type(next(iter(rungs[:2])).value, float)
    for change in (*rungs.diff(), *rungs.central()):
        assert_type(change.value, Any)
    assert_type(pool.submit(spot, "A"), Future[float])
    assert_type(list(pool.map(spot, ["A", "B"])), list[float])

assert_type(grid({node: range(3)}), Grid)
assert_type(ladder([spot], dug.shift(1.0)), Ladder)
