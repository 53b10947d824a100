"""A scenario as an entered context sees it: `View`, with its hits; `enter` and `enter_changed` make one over another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar
from weakref import ref

from attrs import define, evolve, field

from ._accel import make_hits, select_hits
from ._binding import Key
from ._events import Event, Subscription, deliver
from ._memo import Memo
from ._node import BENEATH, Function
from ._registry import Registry
from ._scenario import (
    ActiveTweaks,
    Derivation,
    HeldTweaks,
    Layer,
    RunningReplacement,
    Target,
    Tweak,
)
from ._sparse import BitSet, union

if TYPE_CHECKING:
    from ._cache import Cache


MAX_DEPTH = 1_000_000
"""How deep runs may be nested if no context says otherwise: a recursion that goes further usually does not end."""


@define(eq=False, repr=False, weakref_slot=True)
class View:
    """The tweaks in force in an entry, the view around, and the memos found so far.

    `hits` may be emptied at any time; it is a short cut to what `_find.find` would find.
    """

    parent: "View | None"
    layers: Sequence[Layer]
    """The tweaks of the context when the view was made."""
    in_force: ActiveTweaks
    cache: "Cache"
    registry: Registry
    delta: BitSet
    """The bits of the targets whose tweaks differ from those of the parent view."""
    listeners: tuple[list[Subscription], ...]
    """Those of each context around, this one's last."""
    keep: tuple[Tweak, ...]
    """Handles that others stand on, kept alive for as long as the view is."""
    fixed: frozenset[Target]
    """The targets that the context itself tweaks to a value or untweaks."""
    inside: "RunningReplacement | None"
    """The node and the replacement of it that were running when the context was entered, if one was."""
    bumped: tuple[Key, ...]
    """The nodes that the context itself bumps."""
    max_depth: int
    """How many runs may be open around one."""
    hits: dict[Key, Memo] = field(factory=make_hits)
    carried: dict[Key, Memo] | None = None
    """The hits of the view before a context was tweaked, as far as they answer here; those that are asked for become hits."""
    counted: ClassVar[tuple[str, ...]] = (
        "layers", "in_force", "delta", "listeners", "keep", "fixed", "bumped", "hits", "carried",
    )  # fmt: skip
    """The attributes that count as memory of its cache: not the views around it."""

    @classmethod
    def outermost(cls, layers: Sequence[Layer], held: HeldTweaks, cache: "Cache") -> "View":
        """Returns the view of layers of tweaks with nothing around."""
        return enter(None, layers, held, cache=cache, listeners=[])

    def pin(self, key: Key) -> Key:
        """Returns the key by which a node that ran here is noted around: beneath its tweaks if this context fixes its tweak."""
        if key[0] is not BENEATH and self.fixed and (key in self.fixed or key[0] in self.fixed):
            return BENEATH, key, 0
        return key

    def handle_of(self, key: Key) -> Tweak | None:
        """Returns the tweak that a node meets here; for a key beneath a tweak, the one that it meets there.

        Raises:
            LookupError: the key is beneath a tweak that is gone.
        """
        if key[0] is not BENEATH:
            content = self.in_force.content
            return content.get(key) or content.get(key[0])
        serial = key[2]
        if not serial:
            return None
        handle = self.registry.by_serial.get(serial)
        if handle is None:
            raise LookupError(key)
        return handle

    def matches(self, memo: Memo) -> bool:
        """True when a memo answers here, if its cache is seen from here; not for a node beneath a tweak."""
        return self.in_force.restrict(memo.footprint) == memo.restriction

    def carry(self, before: "View") -> None:
        """Keeps at hand what answered in a view before a context was tweaked: memos that read nothing which differs here.

        Complexity: O(nodes that were asked for in that view).
        """
        if before is not self and before.cache is self.cache and self.carried is None:
            self.carried = select_hits(before.hits, Tweak.bits_of(self.in_force.handles ^ before.in_force.handles))

    def overrides(self) -> BitSet:
        """Returns the bits of the targets whose tweaks here do not depend on anything around."""
        registry = self.cache.registry
        bits: BitSet = union(
            [registry.node_bits(target) if isinstance(target, Function) else registry.bit_of(target) for target in self.fixed]
        )
        return bits

    def bits_apart(self) -> BitSet:
        """Returns the bits of the functions of which the context fixes single nodes, which then do not ask for them around."""
        functions = {target[0] for target in self.fixed if not isinstance(target, Function)}
        bits: BitSet = union(map(self.registry.bit_of, functions))
        return bits

    def hears(self, kind: str) -> bool:
        """True when a listener of this context, or of one around it, hears events of a kind."""
        return any(kind in subscription.kinds for subscriptions in self.listeners for subscription in subscriptions)

    def emit(self, event: Event, function: Function, view: "ref[View] | None" = None) -> None:
        """Notifies all listeners of this context and of those around it of an event of a function, or of its node in a view."""
        for subscriptions in self.listeners:
            deliver(subscriptions, event, function, view)


def enter(
    parent: View | None,
    layers: Sequence[Layer],
    held: HeldTweaks,
    *,
    cache: "Cache",
    listeners: list[Subscription],
    inside: RunningReplacement | None = None,
    max_depth: int | None = None,
) -> View:
    """Returns the view of a context with these layers of tweaks, entered inside `parent` or outermost.

    Inside a replacement, a layer's tweak of the replaced node acts on the tweak beneath the replacement.

    Complexity: O(tweaks in force), and the cost of `Registry.give_bit` for a target that was never tweaked.
    """
    registry = cache.registry
    for layer in layers:
        for target in layer:
            registry.give_bit(target)
    derivation = Derivation(dict(parent.in_force.content) if parent else {}, registry.intern, held, registry, inside)
    for number, layer in enumerate(layers):
        derivation.apply(number, layer)
    in_force = registry.scenario(derivation.content)
    heard = parent.listeners if parent else ()
    around = parent.in_force.handles if parent else frozenset()
    view = View(
        parent,
        layers,
        in_force,
        cache,
        registry,
        Tweak.bits_of(in_force.handles ^ around),
        heard if any(known is listeners for known in heard) else (*heard, listeners),
        tuple(derivation.keep),
        frozenset(target for layer in layers for target, spec in layer.items() if spec.is_final),
        inside,
        tuple(key for layer in layers for key, spec in layer.items() if spec.reads_beneath and not isinstance(key, Function)),
        max_depth or (parent.max_depth if parent else MAX_DEPTH),
    )
    with registry.lock:
        registry.views.add(view)
    return view


def enter_changed(before: View, layers: Sequence[Layer], held: HeldTweaks) -> View | None:
    """Returns the view of a context in which only values of tweaked nodes have changed since `before`; None where more has.

    Complexity: a comparison for each tweak, and O(changed tweaks).
    """
    if len(layers) != 1 or len(before.layers) != 1 or before.layers[0].keys() != layers[0].keys():
        return None
    old, new = before.layers[0], layers[0]
    changed = {target: spec for target, spec in new.items() if old[target] is not spec}
    if not all(spec.is_value and old[target].is_value for target, spec in changed.items()):
        return None
    registry, content = before.registry, dict(before.in_force.content)
    places = held.setdefault(registry, {})
    for target, spec in changed.items():
        places[0, target, target] = content[target] = registry.intern(target, spec, None)
    if len(places) < len(new):  # another thread changed them at the same time
        places.update({(0, target, target): content[target] for target, spec in new.items() if spec.is_value})
    in_force = registry.scenario(content)
    around = before.parent.in_force.handles if before.parent else frozenset()
    delta = Tweak.bits_of(in_force.handles ^ around)
    view = evolve(before, layers=layers, in_force=in_force, delta=delta, hits=make_hits(), carried=None)
    with registry.lock:
        registry.views.add(view)
    return view


def own_bits(view: View, key: Key) -> BitSet:
    """Returns the bits that say which tweak a node meets in `view`: its own or, if it has none, both kinds."""
    registry = view.registry
    handle = view.in_force.content.get(key)
    return registry.bit_of(key) | registry.bit_of(key[0]) if handle is None else handle.bit
