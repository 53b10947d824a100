"""Which tweaks a node meets, derived again from the tweaks of the contexts: `World`.

This is the meaning of tweaks, written a second time and without the engine, so that the two can be
compared.  A world is the tweaks of the contexts around a call, and never changes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from .._core.read import Function, Node, TweakSpec
from .._functions.proxy import function_of
from .._text.values import spell

Target = Node[Any] | Function
_SCALARS = (type(None), bool, int, float, complex, str, bytes)


@frozen
class Said:
    """One tweak, as one context says it."""

    kind: str
    """``value``, ``bump``, ``replacement`` or ``untweaked``."""
    tweak: Any = field(eq=False)
    likeness: object
    """A key that equal tweaks share."""

    @property
    def is_final(self) -> bool:
        """Whether no tweak beneath this one has any effect."""
        return self.kind in ("value", "untweaked")


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
    return (said,) if said.is_final else (said, *beneath)


def _read_node_tweak(tweak: object) -> Said:
    """Returns the tweak of a node; a callable is a value here."""
    if isinstance(tweak, TweakSpec) and tweak.is_untweak:
        return Said("untweaked", None, None)
    if isinstance(tweak, TweakSpec):  # a tweak of a kind of its own runs something
        likeness = tweak.kind, *map(_likeness, (tweak.fn, *tweak.args))
        return Said("bump", tweak, likeness) if tweak.reads_beneath else Said("replacement", tweak.fn, likeness)
    return Said("value", tweak, _likeness(tweak))


def _read_function_tweak(tweak: object) -> Said:
    """Returns the tweak of a function: anything without a kind of its own replaces the body."""
    said = _read_node_tweak(tweak)
    return Said("replacement", tweak, id(tweak)) if said.kind == "value" else said


def _likeness(value: object) -> object:
    """Returns a key that only equal values share; the chains keep values alive that go by their id."""
    return (type(value), spell(value)) if type(value) in _SCALARS else id(value)
