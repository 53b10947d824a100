"""`Flow`: functions wired by names, which are computed, asked what if, looked at and drawn.

What runs is in its context; here are the questions, each answered for the scenario in force.  `NamedState` is a node and its
state, `Problem` why a part cannot be computed.  Questions: `compute`, `compute_all`, `acompute`, `run`, `validate`, `plan`,
`order`, `states`, `graph`, `draw`, `copy`, `groups`, `floating`; changes are in `_building`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from attrs import frozen

from .._contexts.current import current_context
from .._core.read import Node
from .._inspect.graph import Fact, Graph
from .._inspect.node_states import NodeStates
from .._inspect.plan import Plan
from .._inspect.table import Table
from .._text.counts import count
from .._text.sheet import Line, Sheet
from .._text.shown import Shown
from .._text.values import describe_error, show
from ..draw import mermaid
from ..errors import CycleError
from ._depends import needs_await
from ._errors import FlowError
from ._nodes import FUNCTIONS, INPUT, find_function, is_registered, say, value_async
from ._planning import plan_by_wires
from ._saving import Saving
from ._tasks import wait_for_all

_WHOLE = 1_000
"""How many characters of what `Flow.validate` says are printed."""


@frozen
class NamedState:
    """A node of a flow and its state."""

    name: str
    state: str
    """``missing``, ``overridden`` or ``inserted``, or the state of the node as `dug.Context.states` says it."""
    reads: tuple[str, ...]
    error: str | None


@frozen
class Problem:
    """Something for which part of a flow cannot be computed, with what to type."""

    kind: str
    """``cycle``, ``floating``, ``missing``, ``function`` where that is gone, or ``moved`` for what cannot be handed over."""
    names: tuple[str, ...]
    text: str


class Flow(Saving, Shown):
    """Functions wired by the names of their parameters: a flow.

    Each name is a node, ``flow.node(name)``, that contexts, sweeps, plans and snapshots take like any other.  Changes are tweaks
    of the flow's context; what does not read what changed is not computed again.

    Args:
        functions: the functions; each is the node of its name, and reads the nodes that its parameters are named like.
        name: the name by which its nodes are known; needed to recognise them in files.
        values: values to insert.

    Raises:
        DuplicateNameError: two functions have one name.
    """

    def __init__(
        self, *functions: Callable[..., Any], name: str | None = None, values: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(name)
        for fn in functions:
            self._refuse_twice(getattr(fn, "__name__", ""), fn)
            self.add(fn)
        self.insert_many(values or {})

    # Names

    def node(self, name: str) -> Node[Any]:
        """Returns the node of a name."""
        self._settle_pending()
        return self._node_here(name)

    def _node_here(self, name: str) -> Node[Any]:
        """Returns the node of a name in the scenario in force."""
        nodes, is_stream = self._nodes_of(name), self._value is value_async and self._wiring.is_stream(name)
        return nodes.items if is_stream else nodes.value

    def names(self) -> list[str]:
        """Returns the names in the order in which they were added; then those that are read and not there."""
        wiring = self._wiring
        return [*wiring.definitions, *wiring.floating()]

    def inputs(self) -> list[str]:
        """Returns the names without a function that is read, in the order of `names`."""
        wiring = self._wiring
        return [name for name in self.names() if wiring.definitions.get(name, INPUT) == INPUT]

    def outputs(self) -> list[str]:
        """Returns the names with a function that nothing reads."""
        return self._wiring.outputs()

    def floating(self) -> list[str]:
        """Returns the names that are read and that the flow does not have."""
        return self._wiring.floating()

    def by_tag(self, tag: str) -> list[str]:
        """Returns the names with a tag."""
        return [name for name in self._wiring.definitions if tag in self._tags.get(name, ())]

    def groups(self) -> dict[str, list[str]]:
        """Returns the names of each group, in the order of `names`; those of no group are in none."""
        found: dict[str, list[str]] = {}
        for name in self._wiring.definitions:
            if name in self._groups:
                found.setdefault(self._groups[name], []).append(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._wiring.definitions

    def __getitem__(self, name: str) -> Any:
        """Returns the value that a name has, and computes nothing.

        Raises:
            KeyError: it is not known.
        """
        return self._here()[self.node(name)]

    # Before a run

    def validate(self) -> Table[Problem]:
        """Returns what cannot be computed and why, as a table, which is empty for a flow that can; runs nothing."""
        wiring, found = self._wiring, []
        try:
            order = wiring.order(wiring.definitions)
        except CycleError as exc:
            names = tuple(map(str, exc.path))
            text = f"{' -> '.join(names)} is a circle. Break it: flow.insert({names[0]!r}, value), or flow.repoint(old, new)."
            found, order = [Problem("cycle", names, text)], self.names()
        for name in order:
            if wiring.is_missing(name):
                kind = "missing" if name in wiring.definitions else "floating"
                found.append(Problem(kind, (name,), wiring.say_missing(self.name, name)))
            elif wiring.is_gone(name):
                found.append(Problem("function", (name,), wiring.say_gone(self.name, name)))
        if not any(problem.kind == "cycle" for problem in found):
            moves = wiring.find_moves(order)
            found += [Problem("moved", move, wiring.say_moved(self.name, *move)) for move in moves]
        columns: dict[str, Callable[[Problem], object]] = {
            "kind": lambda one: one.kind,
            "names": lambda one: ", ".join(one.names),
            "text": lambda one: one.text,
        }
        return Table(found, columns, width=_WHOLE)  # the end of a text says what to type

    def order(self, *names: str) -> list[str]:
        """Returns names, or all, with what they read, each after what it reads.

        Raises:
            CycleError: a name depends on itself.
        """
        return self._wiring.order(names or self.names())

    def plan(self, name: str) -> Plan:
        """Returns which nodes would run if a name were computed now, those that never ran by their wires; runs nothing.

        Raises:
            CycleError: a name depends on itself.
        """
        return plan_by_wires(name, self.node, self._here(), self._wiring)

    # Running

    def compute(self, *names: str) -> Any:
        """Computes names and what they read, as far as it is not known.

        Args:
            names: the names; without any, the outputs.

        Returns:
            The value of one name; for several, a dict of the values by name.

        Raises:
            CycleError: a name depends on itself.
            FloatingInputError: the flow does not have a name that is read.
            MissingInputError: an input has no value.
            FlowError: the flow has coroutine functions.
            Exception: what a function raised, as it is.
        """
        asked = names or self._list_outputs()
        needed = self._prepare(asked)
        self._refuse_async("compute", "await flow.acompute")
        batch = self._here().run_all([self.node(name) for name in needed], return_exceptions=False)
        found = {name: batch.values[self.node(name)] for name in asked}
        return found[names[0]] if len(names) == 1 else found

    def compute_all(self, *, executor: Any = None) -> Any:
        """Computes every name, whatever fails; returns a `dug._batch.batch.Batch` of the nodes.

        Args:
            executor: runs them, several at a time: anything with ``submit``, as for `Context.run_all`.

        Raises:
            CycleError: a name depends on itself.
            FlowError: the flow has coroutine functions.
        """
        self._refuse_async("compute_all", "await flow.acompute")
        order = self.order()
        self._wiring.check_moves(self.name, order)
        return self._here().run_all([self.node(name) for name in order], executor=executor)

    async def acompute(self, *names: str) -> Any:
        """Computes names and what they read, as `compute` does; what does not wait for each other runs at the same time.

        A function that is not a coroutine function runs in the event loop.
        """
        asked = names or self._list_outputs()
        needed = self._prepare(asked)
        if self._value is not value_async:
            return self.compute(*names)
        nodes = [self.node(name) for name in needed]
        here = self._here()
        if here is _innermost():
            await wait_for_all(nodes)
            return self._collect(names, asked)
        with here:
            await wait_for_all(nodes)
            return self._collect(names, asked)

    def run(
        self, context: Any = None, *, on_conflict: str = "later", executor: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Computes everything for one context object; returns the values by name, and the dicts among them merged.

        The values are in topological order.  Merging is shallow, in that order.

        Args:
            context: the value of the input ``context`` in this run, for the functions that have such a parameter.
            on_conflict: ``"later"`` to let a later dict win where two have one key, ``"error"`` to refuse that.
            executor: runs the functions, several at a time: anything with ``submit``.

        Raises:
            FlowError: two dicts have one key and that is to be refused; or the flow has coroutine functions.
            ValueError: `on_conflict` is neither word.
            Exception: as in `compute`.
        """
        if on_conflict not in ("later", "error"):
            raise ValueError(f"on_conflict must be 'later' or 'error', not {show(on_conflict)}.")
        self._refuse_async("run", "await flow.acompute")
        if context is None:
            return self._run_here(on_conflict, executor)
        with self._with_values({"context": context}, f"run of {self.name}"):
            return self._run_here(on_conflict, executor)

    def _run_here(self, on_conflict: str, executor: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        order = self.order()
        self._wiring.check(self.name, order)
        batch = self._here().run_all([self.node(name) for name in order], executor=executor, return_exceptions=False)
        values = {name: batch.values[self.node(name)] for name in order if name != "context"}
        return values, _merge(values, refuses=on_conflict == "error")

    def _refuse_async(self, method: str, instead: str) -> None:
        if self._value is value_async:
            raise FlowError(self._say_async(method, instead))

    def _say_async(self, method: str, instead: str) -> str:
        """Returns why a method cannot be used, as the flow is awaited, and what to type."""
        for name, (key, _) in self._wiring.definitions.items():
            if self._wiring.is_stream(name):
                return (
                    f"{say(self.name, name)} gives a stream, which {method}() cannot read. "
                    f"Write {instead}({name!r}), or async with await flow.start() as outputs."
                )
            if key and is_registered(key) and needs_await(find_function(key)):
                what = f"{say(self.name, name)} is a coroutine function"
                return f"{what}, which {method}() cannot await. Write {instead}({name!r})."
        return f"the flow {self.name!r} has had coroutine functions or streams, and is awaited. Write {instead}(...)."

    def _list_outputs(self) -> tuple[str, ...]:
        """Returns the outputs; refuses a flow that has none because of a circle."""
        outputs = tuple(self.outputs())
        if not outputs:
            self.order()
        return outputs

    def _prepare(self, names: Iterable[str]) -> list[str]:
        """Returns what must be asked for to compute names, each after what it reads; refuses what cannot be computed.

        What is handed over is left out, unless it is asked for itself: nobody else must have it then.
        """
        states = NodeStates(self._here()._here())
        if all(_has_value(states, self.node(name)) for name in names):
            return [*names]
        wiring, needed, asked = self._wiring, set(names), set(names)
        order = wiring.order(names)
        wiring.check(self.name, order)
        for name in reversed(order):
            if name in needed and not _has_value(states, self.node(name)):
                needed.update(wiring.reads.get(name, ()))
        moved = wiring.list_moved(order) - asked
        return [name for name in order if name in needed and name not in moved]

    def _collect(self, names: tuple[str, ...], asked: tuple[str, ...]) -> Any:
        here = self._here()
        if len(names) == 1:
            return here[self.node(names[0])]
        return {name: here[self.node(name)] for name in asked}

    # Looks

    def states(self) -> Table[NamedState]:
        """Returns a table of the names and their states in the scenario in force; runs nothing."""
        rows = [NamedState(fact.node, state, self._wiring.reads.get(fact.node, ()), fact.error) for fact, state in self._look()]
        columns: dict[str, Callable[[NamedState], object]] = {
            "name": lambda row: row.name,
            "state": lambda row: row.state,
            "reads": lambda row: ", ".join(row.reads),
            "error": lambda row: row.error,
        }
        return Table(rows, columns)

    def graph(self) -> Graph[str]:
        """Returns the wiring as a graph of names, each with its state; runs nothing.

        Raises:
            CycleError: a name depends on itself.
        """
        self.order()
        reads = self._wiring.reads
        return Graph([fact for fact, _ in self._look()], {name: reads.get(name, ()) for name in self.names()})

    def draw(self, *, by: str | None = None) -> str:
        """Returns a picture of the wiring as a Mermaid flowchart; `dug.draw` makes others of `graph`.

        Args:
            by: ``"node"``, ``"function"`` or ``"group"``: what a box stands for, where a function without a group is in its
                module; None for the finest that can be read.
        """
        return mermaid(self.graph(), by="module" if by == "group" else by)

    def _look(self) -> list[tuple[Fact[str], str]]:
        wiring, view = self._wiring, self._here()._here()
        states, found = NodeStates(view), []
        for name in self.names():
            key = self._node_here(name)._key
            memo = states.memo(key)
            state = states.find_state(key, memo)
            error = describe_error(memo.failure.error) if memo is not None and memo.failure is not None else None
            known = wiring.definitions.get(name, INPUT)
            module = self._groups.get(name) or self._name_module(known[0])
            seconds = memo.seconds if memo is not None else 0.0
            fact = Fact(name, name, module, state, is_source=known == INPUT, seconds=seconds, own_seconds=seconds, error=error)
            found.append((fact, self._say_state(name, state)))
        return found

    def _name_module(self, key: str) -> str:
        return getattr(find_function(key), "__module__", self.name) if is_registered(key) else self.name

    def _say_state(self, name: str, state: str) -> str:
        wiring = self._wiring
        if wiring.is_missing(name):
            return "missing"
        if name in wiring.given:
            return "overridden" if name in wiring.overridden else "inserted"
        return state

    def copy(self, name: str | None = None) -> Self:
        """Returns a flow with the same functions, values and tweaks, which changes and computes by itself.

        The values themselves are the same objects: do not change them in place.  To share what is computed, use `what_if`.
        """
        made = type(self)(name=name)
        if self._value is value_async:
            made._become_async()
        changes: dict[Any, Any] = {}
        for key, said in self.context.tweaks.items():
            is_own = isinstance(key, Node) and key.function in FUNCTIONS and key.args[0] == self.name
            changes[key.function.node(made.name, *key.args[1:]) if is_own else key] = said
        made._functions.update(self._functions)
        made._tags.update({one: set(tags) for one, tags in self._tags.items()})
        made._groups.update(self._groups)
        made._state(changes)
        return made

    def _sheet(self) -> Sheet:
        return Sheet([Line(repr(self)[1:-1], is_title=True), *self.states()._sheet().parts])

    def __repr__(self) -> str:
        return f"<dug.flow.Flow {self.name} of {count(len(self._wiring.definitions), 'node')}>"


def _has_value(states: NodeStates, node: Node[Any]) -> bool:
    memo = states.memo(node._key)
    return memo is not None and memo.failure is None


def _innermost() -> Any:
    from ..errors import NoContextError  # beside its only use

    try:
        return current_context()
    except NoContextError:
        return None


def _merge(values: Mapping[str, Any], *, refuses: bool) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    owners: dict[Any, str] = {}
    for name, value in values.items():
        for key in value if isinstance(value, dict) else ():
            if refuses and key in owners:
                raise FlowError(f"{owners[key]!r} and {name!r} both give the key {key!r}. Rename one, or let the later win.")
            owners[key] = name
            merged[key] = value[key]
    return merged
