"""A scenario as an entered context sees it: `View`; `enter` and `enter_changed` make one over another.

Values that a layer gives to nodes become memos (`_add_values`); a changed context gets another scenario (`_change_scenario`);
`own_bits` say which tweak a node meets.  It is made by `fill`; `handle_of`, `matches`, `overrides` and `fixed` say what is
tweaked, `bits_apart` and `pin` serve runs, `hears` and `emit` listeners.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import ref

from ..facts.binding import Key
from ..facts.events import Event, Subscription, deliver, hand_in
from ..facts.function import Function
from ..facts.memo import Memo
from ..facts.node import BENEATH, Node
from ..facts.sparse import BitSet, union
from ..facts.tweak import Layer, Target
from .group import SERIAL, CacheGroup
from .scenario import ActiveTweaks, Derivation, HeldTweaks, RunningReplacement, Tweak, find_changed

if TYPE_CHECKING:
    from .cache import Cache


MANY = 8
"""From so many values on, a context gives them their first bits in one pass before it enters them."""
MAX_DEPTH = 1_000_000
"""How deep runs may be nested if no context says otherwise: a recursion that goes further usually does not end."""


class View:
    """The tweaks in force in an entry, and the view around."""

    __slots__ = (
        "__weakref__", "_fixed", "cache", "delta", "group", "inside", "keep", "layers", "listeners", "max_depth", "parent",
        "tweaks",
    )  # fmt: skip
    counted = ("layers", "tweaks", "delta", "listeners", "keep", "_fixed")
    """The attributes that count as memory of its cache: not the views around it."""

    def fill(  # noqa: PLR0917  by position, which is the quickest
        self,
        parent: "View | None",
        layers: Sequence[Layer],
        tweaks: ActiveTweaks,
        cache: "Cache",
        group: CacheGroup,
        delta: BitSet,
        listeners: tuple[list[Subscription], ...],
        keep: tuple[Tweak, ...],
        inside: "RunningReplacement | None",
        max_depth: int,
    ) -> None:
        """Fills in a new view; no `__init__`, as one is made for each what-if."""
        self.parent = parent
        self.layers = layers
        """The tweaks of the context when the view was made."""
        self.tweaks = tweaks
        self.cache = cache
        self.group = group
        self.delta = delta
        """The bits of the targets whose tweaks differ from those of the parent view."""
        self.listeners = listeners
        """Those of each context around, this one's last."""
        self.keep = keep
        """Handles that others stand on, kept alive for as long as the view is."""
        self.inside = inside
        """The node and the replacement of it that were running when the context was entered, if one was."""
        self.max_depth = max_depth
        """How many runs may be open around one."""
        self._fixed: frozenset[Target] | None = None

    @classmethod
    def outermost(cls, layers: Sequence[Layer], held: HeldTweaks, cache: "Cache") -> "View":
        """Returns the view of layers of tweaks with nothing around."""
        return enter(None, layers, held, cache, [])

    @property
    def fixed(self) -> frozenset[Target]:
        """The targets that the context itself tweaks to a value or untweaks."""
        found = self._fixed
        if found is None:
            targets = [target for layer in self.layers for target, spec in layer.items() if spec.is_final]
            found = self._fixed = frozenset(targets)
        return found

    @property
    def bumped(self) -> list[Key]:
        """The nodes that the context itself bumps."""
        specs = [item for layer in self.layers for item in layer.items()]
        return [key for key, spec in specs if spec.reads_beneath and not isinstance(key, Function)]

    def pin(self, key: Key) -> Key:
        """Returns the key by which a node that ran here is noted around: beneath its tweaks if this context fixes its tweak."""
        if self.fixed and key[0] is not BENEATH and (key in self.fixed or key[0] in self.fixed):
            return BENEATH, key, 0
        return key

    def handle_of(self, key: Key) -> Tweak | None:
        """Returns the tweak that a node meets here; for a key beneath a tweak, the one that it meets there.

        Raises:
            LookupError: the key is beneath a tweak that is gone.
        """
        if key[0] is not BENEATH:
            content = self.tweaks.content
            return content.get(key) or content.get(key[0])
        serial = key[2]
        if not serial:
            return None
        handle = self.group.by_serial.get(serial)
        if handle is None:
            raise LookupError(key)
        return handle

    def matches(self, memo: Memo) -> bool:
        """True when a memo answers here, if its cache is seen from here; not for a node beneath a tweak."""
        return self.tweaks.restrict(memo.footprint) == memo.restriction

    def overrides(self) -> BitSet:
        """Returns the bits of the targets whose tweaks here do not depend on anything around."""
        group = self.cache.group
        bits: BitSet = union(
            [group.node_bits(target) if isinstance(target, Function) else group.bit_of(target) for target in self.fixed]
        )
        return bits

    def bits_apart(self) -> BitSet:
        """Returns the bits of the functions of which the context fixes single nodes, which then do not ask for them around."""
        functions = {target[0] for target in self.fixed if not isinstance(target, Function)}
        bits: BitSet = union(map(self.group.bit_of, functions))
        return bits

    def hears(self, kind: str) -> bool:
        """True when a listener of this context, or of one around it, hears events of a kind."""
        return any(kind in subscription.kinds for subscriptions in self.listeners for subscription in subscriptions)

    def takes_values(self) -> bool:
        """True when a listener of this context, or of one around it, takes the values of runs."""
        return any(one.take is not None for subscriptions in self.listeners for one in subscriptions)

    def hand_in(self, node: Node[object], value: object) -> None:
        """Gives the value of a run to all listeners of this context and of those around it that take it."""
        for subscriptions in self.listeners:
            hand_in(subscriptions, self, node, value)

    def emit(self, event: Event, function: Function, view: "ref[View] | None" = None) -> None:
        """Notifies all listeners of this context and of those around it of an event of a function, or of its node in a view."""
        for subscriptions in self.listeners:
            deliver(subscriptions, event, function, view)


def enter(  # noqa: PLR0917  compiled functions are called by position
    parent: View | None,
    layers: Sequence[Layer],
    held: HeldTweaks,
    cache: "Cache",
    listeners: list[Subscription],
    inside: RunningReplacement | None = None,
    max_depth: int | None = None,
) -> View:
    """Returns the view of a context with these layers of tweaks, entered inside `parent` or outermost.

    Inside a replacement, a layer's tweak of the replaced node acts on the tweak beneath the replacement.

    What was computed from a target that was never tweaked is masked by `CacheGroup.intern`; for many at once by `give_bits`.

    Complexity: O(tweaks in force), and for a target that was never tweaked O(memos computed from it).
    """
    group = cache.group
    around = group.untweaked if parent is None else parent.tweaks
    keep: tuple[Tweak, ...] = ()
    if len(layers) == 1 and (known := _add_values(group, around, layers[0], held)) is not None:
        tweaks, delta = known
    else:
        group.give_bits([target for layer in layers for target in layer])
        derivation = Derivation(around.content.copy(), group.intern, held, held.alone(group.mark), inside)
        for number, layer in enumerate(layers):
            derivation.apply(number, layer)
        tweaks, keep = group.scenario(derivation.content), tuple(derivation.keep)
        delta = Tweak.bits_of(tweaks.handles ^ around.handles)
    if tweaks is not around:
        tweaks.after = around.serial, delta
    heard = () if parent is None else parent.listeners
    for other in heard:
        if other is listeners:
            break
    else:
        heard = (*heard, listeners)
    depth = max_depth or (MAX_DEPTH if parent is None else parent.max_depth)
    view = View.__new__(View)
    view.fill(parent, layers, tweaks, cache, group, delta, heard, keep, inside, depth)
    group.views.add(view)
    return view


def _add_values(  # noqa: C901  one function: most of what entering costs
    group: CacheGroup, around: ActiveTweaks, layer: Layer, held: HeldTweaks
) -> tuple[ActiveTweaks, BitSet] | None:
    """Returns the scenario with the values that a layer gives to nodes, and the bits of those that differ from the one around.

    None for a layer with tweaks of other kinds, for which it matters what is beneath.
    """
    if not layer:
        return around, 0
    content, alone = around.content, held.alone(group.mark)
    added: list[Tweak] = []  # not list[Tweak](), which raises and catches an error each time
    if len(layer) >= MANY:
        group.give_bits(layer)
    for target, spec in layer.items():
        if not spec.is_value:
            return None
        handle = alone.get(target)
        if handle is None or handle.spec is not spec:
            handle = alone[target] = group.intern(target, spec, None)
        if content.get(target) is not handle:
            content = content if added else content.copy()
            content[target] = handle
            added.append(handle)
    if not added:
        return around, 0
    first = added[0]
    delta = first.bit if len(added) == 1 else Tweak.bits_of(added)
    if len(content) != len(around.content) + len(added):  # some of them over others
        return group.scenario(content), delta
    newest = around.newest or first
    for handle in added:
        if handle.serial > newest.serial:
            newest = handle
    serials = around.serials.union(map(SERIAL, added))
    return group.make_scenario(newest, serials, content, around.mask | delta), delta


def enter_changed(before: View, layers: Sequence[Layer], held: HeldTweaks) -> View | None:
    """Returns the view of a context in which only values of tweaked nodes have changed since `before`; None where more has.

    Complexity: a comparison for each tweak, and O(changed tweaks).
    """
    if len(layers) != 1 or len(before.layers) != 1:
        return None
    old, new = before.layers[0], layers[0]
    targets = find_changed(old, new)
    if targets is None or not all(new[target].is_value and old[target].is_value for target in targets):
        return None
    group, tweaks, content = before.group, before.tweaks, before.tweaks.content.copy()
    alone = held.alone(group.mark)
    changed: list[Tweak] = []
    for target in targets:
        alone[target] = handle = group.intern(target, new[target], None)
        if content[target] is not handle:
            content[target] = handle
            changed.append(handle)
    if len(alone) < len(new):  # another thread changed them at the same time
        alone.update({target: content[target] for target, spec in new.items() if spec.is_value})
    if changed:
        tweaks = _change_scenario(group, before.tweaks, content, changed)
        tweaks.follow(before.tweaks, changed)
    around = group.untweaked if before.parent is None else before.parent.tweaks
    delta = Tweak.bits_of(tweaks.handles ^ around.handles) if around.content else tweaks.mask
    view = View.__new__(View)
    view.fill(
        before.parent, layers, tweaks, before.cache, group, delta, before.listeners, before.keep, before.inside,
        before.max_depth,
    )  # fmt: skip
    group.views.add(view)
    return view


def _change_scenario(
    group: CacheGroup, before: ActiveTweaks, content: dict[Target, Tweak], changed: list[Tweak]
) -> ActiveTweaks:
    """Returns the scenario with these tweaks, in which some values of nodes are others than before."""
    newest = max(changed, key=SERIAL)
    if before.newest is None or newest.serial < before.newest.serial:  # an older value again
        return group.scenario(content)
    gone = [before.content[handle.target].serial for handle in changed]
    serials = before.serials.difference(gone).union(map(SERIAL, changed))
    return group.make_scenario(newest, serials, content, before.mask)


def own_bits(view: View, key: Key) -> BitSet:
    """Returns the bits that say which tweak a node meets in `view`: its own or, if it has none, both kinds."""
    group = view.group
    handle = view.tweaks.content.get(key)
    return group.bit_of(key) | group.bit_of(key[0]) if handle is None else handle.bit
