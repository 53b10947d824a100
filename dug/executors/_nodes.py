"""Many nodes of one scenario on a pool of other processes, for `Context.run_all`: `Others`, which `find_others` finds.

What is known here is taken here; the rest goes to the workers with all that is known, as the base of a sweep does.  A node that
several of them read is computed in each process that needs it, and values come home without their memos.

`list_steps` lists the nodes to ask for first, `ask_elsewhere` asks workers, `_ask_here` what must be computed here; `_bring`
reads sources that they lacked.  `_ask` asks in batches, `_read` reads an answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, frozen

from .._batch.kept_failure import keep_failure
from .._batch.other_processes import Outcome
from .._contexts.scenario import Scenario
from .._core.read import Failure, Key, Node, View, find_answer
from ..stores._earlier import list_steps as _list_steps
from ..stores._store import AnyStore
from ._dispatch import BatchSize, Collected, Dispatch
from ._finding import find_pool
from ._pools import AnyPool, has_session
from ._remote import Base, check_node, find_why_not, make_message, pack_scenario, take_base
from ._sources import MOST_ROUNDS, Lacking
from ._stores import check_keeps, place_of
from ._worker import find_origin

if TYPE_CHECKING:
    from ..stores._keeper import RunKeeper


@frozen(eq=False)
class Others:
    """Other processes, as a batch sees them (`OtherProcesses`)."""

    pool: AnyPool

    def list_steps(self, view: View, nodes: Sequence[Node[Any]]) -> list[list[Node[Any]]]:
        return list_steps(view, nodes)

    def ask(
        self, view: View, nodes: Sequence[Node[Any]], store: AnyStore | None, steps: Sequence[Sequence[Node[Any]]]
    ) -> Iterator[Outcome | None]:
        return ask_elsewhere(self.pool, view, nodes, store, steps)


def find_others(executor: Any) -> Others | None:
    """Returns the other processes of an executor; None if it runs calls in this one.

    Raises:
        TypeError: as for `find_pool`.
    """
    pool = find_pool(executor)
    return None if pool is None else Others(pool)


def list_steps(view: View, nodes: Sequence[Node[Any]]) -> list[list[Node[Any]]]:
    """Returns the unknown nodes that some read in runs which the store of a view has kept, so that each can be asked by itself.

    A node reads only those of earlier steps.  What no other process could be asked for is not among them.
    """
    keeper = view.cache.keeper

    def is_wanted(key: Key) -> bool:
        node = Node[Any]._of(key)
        return find_why_not(node) is None and not node._function.is_async and not _is_known(view, node)

    targets = [node._key for node in nodes if not _is_known(view, node)]
    return [[Node[Any]._of(key) for key in step] for step in _list_steps(cast("RunKeeper", keeper), targets, is_wanted)]


def ask_elsewhere(
    pool: AnyPool,
    view: View,
    nodes: Sequence[Node[Any]],
    store: AnyStore | None,
    steps: Sequence[Sequence[Node[Any]]] = (),
) -> Iterator[Outcome | None]:
    """Yields what nodes give in a view, in their order, those that are known at once.

    Args:
        pool: the other processes.
        view: the scenario.
        nodes: the nodes.
        store: where the processes keep what they run; None for nowhere.
        steps: what is asked before, a step after the other, only to be kept in the store; for each node None is yielded.

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
    try:
        knows_session = pool.knows_session or not has_session()
        asked, path = [*chain(*steps), *unknown], folder / "base.dug"
        base = take_base(view, asked, path, pickles=pool.pickles, ships=pool.ships, knows_session=knows_session)
        if store is not None:
            base = evolve(base, store=place_of(store))
        runs = 0
        for step in steps:
            for outcome in _ask(pool, view, base, step, wants_values=False):
                runs += outcome.recomputed
                yield None
        for outcome in _ask(pool, view, base, nodes):
            yield evolve(outcome, recomputed=outcome.recomputed + runs) if runs else outcome
            runs = 0
    finally:
        rmtree(folder, ignore_errors=True)


def _ask(
    pool: AnyPool, view: View, base: Base, nodes: Sequence[Node[Any]], *, wants_values: bool = True
) -> Iterator[Outcome]:
    """Yields what nodes give in a view, in their order."""
    unknown = [node for node in nodes if not _is_known(view, node)]
    dispatch = Dispatch(pool, BatchSize(None, len(unknown), pool), retries=2)
    found: dict[Node[Any], Outcome] = {}
    rounds: dict[Node[Any], int] = {}
    left = iter(unknown)
    make = partial(_make_message, base, pack_scenario(Scenario({}), pickles=pool.pickles), wants_values)
    try:
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


def _make_message(base: Base, nothing: bytes | str, wants_values: bool, nodes: Sequence[Node[Any]]) -> dict[str, Any]:  # noqa: FBT001  a part of a call
    return {**make_message(base, nodes, [nothing]), **({} if wants_values else {"values": False})}


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
            yield Outcome(node, answered.values.get(number), recomputed=runs)
        else:
            yield Outcome(node, failure=failure, origin=answered.origins.get(number, node), recomputed=runs)
