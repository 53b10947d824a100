"""What asks a flow in another scenario than its own: `Asking.what_if`, and how changes by name become tweaks."""

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

    def what_if(self, changes: Mapping[str, Any]) -> Context:
        """Returns a context in which nodes have other values or functions, as the flow is now; enter it and compute.

        It shares every result that the changes do not touch.

        Args:
            changes: by name a value, a tweak such as `dug.shift`, or a function, which is wired by its parameters; for a stream
                a list of its items, or a generator function.
        """
        here, stated = self._here(), self._say(changes)
        scenario = put_over(self.context.scenario, stated) if here is self.context else Scenario(stated)
        return self._branch(scenario, f"what if of {self.name}")

    def _say(self, changes: Mapping[str, Any]) -> dict[Node[Any], Any]:
        """Returns the tweaks that changes by name are in the scenario in force."""
        stated: dict[Node[Any], Any] = {}
        for name, change in changes.items():
            known = self._wiring.definitions.get(name)
            if callable(change):
                stated.update(self._redefine(name, change, known))
            elif is_processor(known):
                stated[items.node(self.name, name)] = change
            else:
                stated[self._value.node(self.name, name)] = change
                if known is None:
                    stated[definition.node(self.name, name)] = INPUT
        return stated

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

    def _look(self) -> list[tuple[Fact[str], str]]:
        """Returns the facts about the names, each with its state in words."""
        raise NotImplementedError
