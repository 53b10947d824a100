"""Asks a flow in another scenario than its own: `Asking.what_if`, which turns changes by name into tweaks.

`what_if` makes the scenario (`_scenario_here`, `_branch`, `_with_values`, `_redefine`; `_say` turns names to tweaks);
`_refuse_unread` refuses names that nothing reads.
"""

import difflib
from collections.abc import Mapping
from functools import reduce
from typing import Any

from .._contexts.context import Context
from .._contexts.current import open_contexts
from .._contexts.scenario import Scenario, put_over
from .._core.read import Cache, Node
from .._inspect.graph import Fact
from .._text.values import show
from ._building import Building
from ._depends import needs_await
from ._errors import FlowError
from ._nodes import INPUT, Definition, definition, is_processor, items, register, value_async
from ._wiring import wire_by_name, wire_like


class Asking(Building):
    """What asks what a flow would give with other functions and values."""

    def what_if(self, changes: Mapping[Any, Any]) -> Context:
        """Returns a context in which nodes have other values or functions, as the flow is now; enter it and compute.

        It shares every result that the changes do not touch.

        Args:
            changes: by name a value, a tweak such as `dug.shift`, or a function, which is wired by its parameters; for a stream
                a list of its items, or a generator function.  Also other nodes and memoised functions, with their tweaks.

        Raises:
            FlowError: the flow has no such name, and nothing in it or in the changes reads it.
        """
        here, stated = self._here(), self._say(changes)
        scenario = put_over(self.context.scenario, stated) if here is self.context else Scenario(stated)
        return self._branch(scenario, f"what if of {self.name}")

    def _say(self, changes: Mapping[Any, Any]) -> dict[Node[Any], Any]:
        """Returns the tweaks that changes by name are in the scenario in force."""
        stated: dict[Node[Any], Any] = {key: change for key, change in changes.items() if not isinstance(key, str)}
        for name, change in changes.items():
            if not isinstance(name, str):
                continue
            known = self._wiring.definitions.get(name)
            if callable(change):
                stated.update(self._redefine(name, change, known))
            elif is_processor(known):
                stated[items.node(self.name, name)] = change
            else:
                stated[self._value.node(self.name, name)] = change
                if known is None:
                    stated[definition.node(self.name, name)] = INPUT
        self._refuse_unread(changes, stated)
        return stated

    def _refuse_unread(self, changes: Mapping[Any, Any], stated: Mapping[Any, Any]) -> None:
        """Refuses names that are new to the flow and that nobody would read."""
        known = self._wiring.definitions
        made = {node.args[1]: said for node, said in stated.items() if isinstance(node, Node) and node.function is definition}
        read = {source for _, wires in {**known, **made}.values() for _, source, _ in wires}
        for name in changes:
            if isinstance(name, str) and name not in known and name not in read:
                alike = difflib.get_close_matches(name, [*known, *read], 1)
                meant = f"Did you mean {alike[0]!r}?" if alike else f"Its names: {', '.join([*known][:20])}."
                raise FlowError(f"the flow {self.name!r} has no {name!r}, and nothing reads it. {meant}")

    def _redefine(self, name: str, fn: Any, known: Definition | None) -> dict[Node[Any], Any]:
        """Returns the tweaks by which a node has another function."""
        if needs_await(fn) and self._value is not value_async:
            raise FlowError(f"{show(fn)} is a coroutine function, and the flow {self.name!r} is not awaited.")
        held = register(fn)
        self._functions[held.key] = held
        return {definition.node(self.name, name): (held.key, wire_like(known, wire_by_name(fn)))}

    def _branch(self, scenario: Scenario, name: str) -> Context:
        made = Context(name=name)
        made._own_cache = self.context._own_cache
        made._scenario = scenario
        return self._mark(made)

    def _with_values(self, values: Mapping[str, Any], name: str, *, afresh: bool = False) -> Context:
        """Returns a context in which nodes have these values, whatever they are; afresh: it knows no result from before."""
        here, stated = self._here(), {self._value.node(self.name, one): found for one, found in values.items()}
        made = self._branch(put_over(self.context.scenario, stated) if here is self.context else Scenario(stated), name)
        if afresh:
            made._own_cache = Cache()
        return made

    def _scenario_here(self) -> Scenario:
        """Returns all that is in force here, with the flow."""
        around = open_contexts()
        is_in_force = any(vars(one).get("_flow") is self for one in around)
        contexts = [*reversed(around), *([] if is_in_force else [self.context])]
        return reduce(put_over, [one.scenario for one in contexts])

    def _node_here(self, name: str) -> Node[Any]:
        """Returns the node of a name in the scenario in force."""
        raise NotImplementedError

    def _look(self) -> list[tuple[Fact[str], str]]:
        """Returns the facts about the names, each with its state in words."""
        raise NotImplementedError
