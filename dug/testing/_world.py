"""`World`: which tweaks a node meets in nested contexts, derived without the engine; `Said`, one tweak; `enter_all`.

This is the meaning of tweaks, written a second time and without the engine, so that the two can be
compared.  A world is the tweaks of the contexts around a call, and never changes.

`_say_of_function` adds a tweak of a function to its nodes, too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from .._contexts.kinds import Replacement, Value
from .._core.read import Function, Node, TweakSpec
from .._functions.proxy import function_of
from .._text.values import spell

Target = Node[Any] | Function
_SCALARS = (type(None), bool, int, float, complex, str, bytes)


@frozen
class Said:
    """One tweak, as one context says it."""

    spec: TweakSpec = field(eq=False)
    likeness: object = field(init=False)
    """A key that equal tweaks share."""

    @likeness.default
    def _(self) -> object:
        return self.spec.kind, *map(_likeness, (self.spec.value, self.spec.fn, *self.spec.args))


Chain = tuple[Said, ...]
"""The tweaks of one node, in the order of their effect; nothing follows a final tweak."""


@frozen(eq=False)
class World:
    """The tweaks of each target, by the contexts around a call taken together."""

    _chains: Mapping[Target, Chain] = field(factory=dict)

    likeness: object = field(init=False)
    """A key that two worlds share if every node means the same in both."""

    @likeness.default
    def _(self) -> object:
        return frozenset(self._chains.items())

    def hear(self, node: Node[Any]) -> Chain:
        """Returns the tweaks of a node, in the order of their effect."""
        found = self._chains.get(node)
        return self._chains.get(_function(node), ()) if found is None else found

    def enter(self, tweaks: Mapping[Any, object]) -> "World":
        """Returns this world inside one more context: a node key of it comes before a function key."""
        chains = dict(self._chains)
        for key, tweak in tweaks.items():
            function = function_of(key)
            if function is not None:
                _say_of_function(chains, function, _read_function_tweak(tweak))
        for key, tweak in tweaks.items():
            if isinstance(key, Node):
                beneath = chains.get(key, chains.get(_function(key), ()))
                chains[key] = _say(_read_node_tweak(tweak), beneath)
        return World(chains)


def enter_all(world: World, layers: Iterable[Mapping[Target, object]]) -> World:
    """Returns a world inside several contexts, the outermost first."""
    for layer in layers:
        world = world.enter(layer)
    return world


def _say_of_function(chains: dict[Target, Chain], function: Function, said: Said) -> None:
    """Adds the tweak to the function, and to each of its nodes that has a tweak already."""
    for target, beneath in tuple(chains.items()):
        if isinstance(target, Node) and _function(target) is function:
            chains[target] = _say(said, beneath)
    chains[function] = _say(said, chains.get(function, ()))


def _function(node: Node[Any]) -> Function:
    return node._function


def _say(said: Said, beneath: Chain) -> Chain:
    return (said,) if said.spec.is_final else (said, *beneath)


def _read_node_tweak(tweak: object) -> Said:
    """Returns the tweak of a node; a callable is a value here."""
    return Said(tweak if isinstance(tweak, TweakSpec) else Value(value=tweak))


def _read_function_tweak(tweak: object) -> Said:
    """Returns the tweak of a function: anything without a kind of its own replaces the body."""
    return Said(tweak if isinstance(tweak, TweakSpec) else Replacement(fn=tweak))  # type: ignore[arg-type]  # it was checked


def _likeness(value: object) -> object:
    """Returns a key that only equal values share; the chains keep values alive that go by their id."""
    return (type(value), spell(value)) if type(value) in _SCALARS else id(value)
