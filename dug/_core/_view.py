"""A scenario as one entered context sees it: `View`, and how entering tweaks over one gives the next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from ._binding import Key
from ._events import Event, Listener, deliver
from ._memo import Memo
from ._node import Function
from ._registry import Registry
from ._scenario import UNTWEAK, VALUE, Derivation, Handle, Held, InForce, Layer, Target, bits_of

if TYPE_CHECKING:
    from ._cache import Cache


@define(eq=False, weakref_slot=True)
class View:
    """What is in force, around what, and the memos found so far.

    `hits` may be emptied at any time; it is a short cut to what `_cache.find` would find.
    """

    parent: "View | None"
    in_force: InForce
    cache: "Cache"
    delta: int
    """The bits of the targets whose tweaks differ from those of the parent view."""
    overrides: int
    """The bits of the targets whose tweaks here do not depend on anything around."""
    listeners: tuple[list[Listener], ...]
    """Those of each context around, this one's last."""
    keep: tuple[Handle, ...]
    """Handles that others stand on, kept alive for as long as the view is."""
    untweaked: frozenset[Target]
    """What the context itself says is untweaked."""
    hits: dict[Key, Memo] = field(factory=dict)

    def is_pinned(self, key: Key) -> bool:
        """True when the context itself says that no tweak around holds for a node."""
        return bool(self.untweaked) and (key in self.untweaked or key[0] in self.untweaked)

    def emit(self, event: Event) -> None:
        """Tells everybody who listens to this context or to one around it."""
        for listeners in self.listeners:
            deliver(listeners, event)


def enter(parent: View | None, layers: Sequence[Layer], held: Held, cache: "Cache", listeners: list[Listener]) -> View:
    """Returns the view of a context with these layers of tweaks, entered inside `parent` or outermost.

    Complexity: O(tweaks in force), and what `Registry.give_bit` costs for a target that was never tweaked.
    """
    registry = cache.registry
    for layer in layers:
        for target in layer:
            registry.give_bit(target)
    derivation = Derivation(dict(parent.in_force.content) if parent else {}, registry.intern, held, registry)
    for number, layer in enumerate(layers):
        derivation.apply(number, layer)
    in_force = registry.scenario(derivation.content)
    around = parent.in_force.handles if parent else frozenset()
    view = View(
        parent,
        in_force,
        cache,
        bits_of(in_force.handles ^ around),
        _overrides(registry, layers),
        (*(parent.listeners if parent else ()), listeners),
        tuple(derivation.keep),
        frozenset(target for layer in layers for target, spec in layer.items() if spec.kind == UNTWEAK),
    )
    registry.views.add(view)
    return view


def _overrides(registry: Registry, layers: Sequence[Layer]) -> int:
    """Returns the bits of what the layers set whatever is in force around them."""
    bits = 0
    for layer in layers:
        for target, spec in layer.items():
            if spec.kind == UNTWEAK and isinstance(target, Function):
                bits |= registry.node_bits(target)
            elif spec.kind in (UNTWEAK, VALUE):
                bits |= registry.give_bit(target)
    return bits
