"""Many nodes of one scenario on a pool of other processes, for `Context.run_all`: `ask_elsewhere`.

What is known here is taken here; the rest goes to the workers with all that is known, as the base of a sweep does.  A node that
several of them read is computed in each process that needs it, and values come home without their memos.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from attrs import evolve, frozen

from .._batch.kept_failure import keep_failure
from .._contexts.scenario import Scenario
from .._core.read import Failure, Node, View, find_answer
from ..stores._store import AnyStore
from ._dispatch import BatchSize, Collected, Dispatch
from ._finding import find_pool
from ._pools import AnyPool, has_session
from ._remote import Base, check_node, make_message, pack_scenario, take_base
from ._sources import MOST_ROUNDS, Lacking
from ._stores import check_keeps, place_of
from ._worker import find_origin

__all__ = ["Outcome", "ask_elsewhere", "find_pool"]


@frozen(eq=False)
class Outcome:
    """What a node gave elsewhere."""

    node: Node[Any]
    value: Any = None
    failure: Failure | None = None
    origin: Node[Any] | None = None
    """The node in which the error began."""
    recomputed: int = 0
    """How many runs the batch took of which this is the first node."""


def ask_elsewhere(pool: AnyPool, view: View, nodes: Sequence[Node[Any]], store: AnyStore | None) -> Iterator[Outcome]:
    """Yields what nodes give in a view, in their order, those that are known at once.

    Args:
        pool: the other processes.
        view: the scenario.
        nodes: the nodes.
        store: where the processes keep what they run; None for nowhere.

    Raises:
        TweakError: a tweak in force cannot go to another process.
        TypeError: a node cannot.
        CodeDiffersError: the other processes have other code.
    """
    if store is not None:
        check_keeps(store)
    unknown = [node for node in nodes if not _is_known(view, node)]
    for node in unknown:
        check_node(node)
    folder = Path(mkdtemp(prefix="dug-"))
    dispatch = Dispatch(pool, BatchSize(None, len(unknown), pool.workers), retries=2)
    found: dict[Node[Any], Outcome] = {}
    rounds: dict[Node[Any], int] = {}
    try:
        knows_session = pool.knows_session or not has_session()
        path, left = folder / "base.dug", iter(unknown)
        base = take_base(view, unknown, path, pickles=pool.pickles, ships=pool.ships, knows_session=knows_session)
        if store is not None:
            base = evolve(base, store=place_of(store))
        make = partial(_make_message, base, pack_scenario(Scenario({}), pickles=pool.pickles))
        for node in nodes:
            if _is_known(view, node):
                yield Outcome(node, node())
                continue
            while node not in found:
                while not dispatch.is_full and (some := list(islice(left, dispatch.size.next()))):
                    dispatch.send(some, make)
                collected = dispatch.collect()
                if collected is not None:
                    lacking = collected.answers[0].lacking if collected.answers else ()
                    if lacking and _bring(base, lacking, collected.items, rounds):
                        dispatch.send(collected.items, make)
                        continue
                    outcomes = map(_ask_here, collected.items) if lacking else _read(collected)
                    found.update((outcome.node, outcome) for outcome in outcomes)
            yield found.pop(node)
    finally:
        dispatch.cancel()
        rmtree(folder, ignore_errors=True)


def _is_known(view: View, node: Node[Any]) -> bool:
    memo = find_answer(view, node._key)
    return memo is not None and memo.failure is None


def _bring(base: Base, lacking: Iterable[Lacking], nodes: Sequence[Node[Any]], rounds: dict[Node[Any], int]) -> bool:
    """Reads the sources that nodes lacked; False if they must be computed here."""
    for node in nodes:
        rounds[node] = rounds.get(node, 0) + 1
    return all(rounds[node] <= MOST_ROUNDS for node in nodes) and base.sources.read(lacking)


def _ask_here(node: Node[Any]) -> Outcome:
    """Returns what a node gives in this process, in the scenario in force."""
    try:
        return Outcome(node, node())
    except Exception as exc:  # noqa: BLE001  whatever a node raises is its result
        return Outcome(node, failure=keep_failure(exc), origin=find_origin(node))


def _make_message(base: Base, nothing: bytes | str, nodes: Sequence[Node[Any]]) -> dict[str, Any]:
    return make_message(base, nodes, [nothing])


def _read(collected: Collected) -> Iterator[Outcome]:
    if collected.is_lost:
        for node in collected.items:
            yield Outcome(node, failure=Failure.of(collected.make_error(str(node)), None), origin=node)
        return
    (answered,) = collected.answers
    for number, node in enumerate(collected.items):
        runs = answered.recomputed if number == 0 else 0
        failure = answered.failures.get(number)
        if failure is None:
            yield Outcome(node, answered.values[number], recomputed=runs)
        else:
            yield Outcome(node, failure=failure, origin=answered.origins.get(number, node), recomputed=runs)
