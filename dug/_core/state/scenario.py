"""The tweaks in force at one point: `ActiveTweaks`, a `Tweak` for each `TweakSpec` of a user; `Derivation` enters layers.

`TweakSpec` is a user's tweak, `Tweak` one tweak in its place, `ActiveTweaks` an immutable map of those in force.

A `Tweak`, a handle for short, is interned: equal tweaks of a node in equal places are one object with one serial number, which
restrictions hold in its stead, so that no memo keeps a tweak alive.  When the last holder of a handle goes, its serial is
queued, and the memos that read it are dropped at the next miss.

A bump or a replacement acts on the tweak in force beneath it, so its handle belongs to one handle beneath.  It refers to that
one weakly: a scenario that holds the upper one also holds the scenario around it.

A tweak of a function under which some of its nodes are tweaked already is entered at these nodes too, each over its own handle.
So a lookup is two dict lookups, the node's own tweak before its function's, and innermost first needs no search.

Handles: `make_tweak`, `Place` (where a tweak acts), `TweakRef` (weak), `HeldTweaks` (keeps them alive).  Scenarios:
`make_active`, `find_changed`.  `RunningReplacement` is in force while a replacement runs.  `ActiveTweaks` can `restrict`,
`follow` and find handles (`handle_of`, `find_read`); `Derivation.apply` applies a layer.  It goes target by target
(`_apply_to_function`, `_apply_to_node`, `_put`); a `Tweak` has its `memo_of` a node.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from attrs import define, field, frozen

from ..facts.binding import Key
from ..facts.function import Function
from ..facts.memo import NO_TWEAKS, TWEAKED, Memo, NodeMemos, Restriction, ScenarioBase
from ..facts.node import BENEATH, plain_key
from ..facts.sparse import BitSet, list_places, union
from ..facts.tweak import Layer, Target, TweakSpec
from ..native import machine


class Tweak:
    """One tweak in its place."""

    __slots__ = (
        "__weakref__", "beneath", "bit", "is_untweak", "is_value", "memo", "prune_at", "scenarios", "serial", "spec", "target",
        "watch",
    )  # fmt: skip

    target: Target
    spec: TweakSpec
    is_value: bool
    is_untweak: bool
    beneath: "Callable[[], Tweak | None]"
    serial: int
    bit: BitSet
    memo: Memo | None
    """For a value: the memo that answers with it, of the cache in which it was asked for last."""
    scenarios: "dict[Restriction, ref[ActiveTweaks]]"
    """The scenarios of which it is the newest tweak, by their serials: they are interned here."""
    prune_at: int
    """How many there may be until those that are gone are forgotten."""
    watch: "TweakRef | None"
    """The weak reference to it that notices its end."""

    def key_beneath(self, key: Key) -> Key:
        """Returns the key of a node as it is beneath this tweak of it."""
        under = self.beneath()
        return BENEATH, plain_key(key), 0 if under is None else under.serial

    def memo_of(self, home: NodeMemos) -> Memo:
        """Returns the memo of a node that is tweaked to a value: the last one, if that is of this home.

        Another one may be of another cache, which may go, or was forgotten with the last memo of its node.
        """
        memo = self.memo
        if memo is None or memo.home is not home:
            if memo is not None and memo.home.here is memo:
                memo.home.here = None  # at the end of the tweak, only the last home is looked at
            memo = self.memo = Memo(home, self.spec.value, TWEAKED, (), self.bit, 0, frozenset((self.serial,)))
            memo.origin = self.spec.telling
            if self.watch is not None:
                self.watch.home = home
        return memo

    @staticmethod
    def bits_of(tweaks: "Iterable[Tweak]") -> BitSet:
        """Returns the bits of the targets of several tweaks."""
        bits: BitSet = union([tweak.bit for tweak in tweaks])
        return bits


class TweakRef(ref[Tweak]):
    """Is queued when the last holder of its handle drops it.

    Not a ``__del__``: while that runs, another thread can still get hold of the handle, and would keep it although it counts as
    gone.
    """

    __slots__ = ("home", "key", "serial")
    home: NodeMemos | None
    """The home that may have its memo at hand."""
    serial: int
    key: Any
    """The key by which the handle is interned; its target comes first."""

    def let_value_go(self) -> None:
        """Removes the memo of the value from where it was kept at hand."""
        home = self.home
        if home is not None and home.here is not None and self.serial in home.here.restriction:
            home.here = None

    @property
    def target(self) -> Target:
        """The target of the handle."""
        return self.key[0]  # type: ignore[no-any-return]  # of a tuple


NUMBERS = count(1)
"""The serials of scenarios."""


def no_handle() -> None:
    """Replaces the weak reference of a handle with nothing beneath it."""


class ActiveTweaks(ScenarioBase):
    """A scenario: the tweaks in force, by target.  Its content never changes, and those with equal content are one object."""

    __slots__ = ("__weakref__", "_by_place", "_handles", "_restrictions", "content", "mask", "newest", "running", "serials")

    newest: Tweak | None
    """The tweak with the largest serial."""
    serials: Restriction
    content: dict[Target, Tweak]
    mask: BitSet
    """The bits of all targets that are tweaked."""
    running: dict[NodeMemos, Any]
    """The open run of each node that is being computed in this scenario."""
    _restrictions: dict[BitSet, Restriction]
    _handles: frozenset[Tweak] | None
    _by_place: dict[int, Tweak] | None
    """The tweaks by the places of the bits of their targets, once few of many were looked for."""

    @property
    def handles(self) -> frozenset[Tweak]:
        """The tweaks in force."""
        found = self._handles
        if found is None:
            found = self._handles = frozenset(self.content.values())
        return found

    def handle_of(self, key: Key) -> Tweak | None:
        """Returns the tweak that a node meets here: its own, else its function's."""
        content = self.content
        if not content:
            return None
        return content.get(key) or content.get(key[0])

    def restrict(self, footprint: BitSet) -> Restriction:
        """Returns the serials of the tweaks in force that `footprint` reads."""
        read = footprint & self.mask
        if not read:
            return NO_TWEAKS
        if read == self.mask:
            return self.serials
        found = self._restrictions.get(read)
        if found is None:
            if len(self._restrictions) >= 1024:
                self._restrictions.clear()
            found = self._restrictions[read] = frozenset([handle.serial for handle in self._find(read)])
        return found

    def find_read(self, footprint: BitSet) -> Iterable[Tweak]:
        """Returns the tweaks in force that `footprint` reads, in no particular order.

        Complexity: O(tweaks that it reads), once O(tweaks in force).
        """
        return self._find(footprint & self.mask)

    def _find(self, bits: BitSet) -> Iterable[Tweak]:
        """The tweaks of targets with these bits, all of which are tweaked; found bit by bit if that is less work."""
        if 4 * bits.bit_count() > len(self.content):
            return [handle for handle in self.content.values() if handle.bit & bits]
        by_place = self._by_place
        if by_place is None:
            by_place = {place: handle for handle in self.content.values() for place in list_places(handle.bit)}
            self._by_place = by_place  # other threads may look
        return map(by_place.__getitem__, list_places(bits))


    def follow(self, before: "ActiveTweaks", changed: "Sequence[Tweak]") -> None:
        """Notes that it is a scenario before with other values of some nodes: what was found there is found here at once."""
        self.after = before.serial, Tweak.bits_of(changed)
        if self._by_place is None and before._by_place is not None:
            by_place = before._by_place.copy()
            by_place.update({place: handle for handle in changed for place in list_places(handle.bit)})
            self._by_place = by_place


def make_tweak(
    target: Target, spec: TweakSpec, beneath: "Callable[[], Tweak | None]", serial: int, bit: BitSet
) -> Tweak:
    """Returns a new handle; not by a call of its class, as one is made for each what-if."""
    made = Tweak.__new__(Tweak)
    made.target, made.spec, made.beneath, made.serial, made.bit = target, spec, beneath, serial, bit
    made.is_value, made.is_untweak = spec.is_value, spec.is_untweak
    made.memo = made.watch = None
    made.scenarios = {}
    made.prune_at = 16
    return made


def make_active(newest: Tweak | None, serials: Restriction, content: dict[Target, Tweak], mask: BitSet) -> ActiveTweaks:
    """Returns new tweaks in force; not by a call of their class, as above."""
    made = ActiveTweaks.__new__(ActiveTweaks)
    made.serial, made.open_mask, made.after = next(NUMBERS), mask | 1, None
    made.newest, made.serials, made.content, made.mask = newest, serials, content, mask
    made.running, made._restrictions = {}, {}
    made._handles = made._by_place = None
    return made


Intern = Callable[[Target, TweakSpec, Tweak | None], Tweak]


class Place(NamedTuple):
    """Where a context states a tweak; in its place stands the target itself if it is named in the first layer."""

    layer: int
    named: Target
    target: Target

    @staticmethod
    def of(layer: int, named: Target, target: Target) -> "Place | Target":
        """Returns a place."""
        return target if layer == 0 and named is target else Place(layer, named, target)


class HeldTweaks(dict[Any, Any]):
    """The handles that a context keeps alive, by `Place`, wherever it was entered.

    Those that stand on nothing are the same all over a cache group: they are found by its mark, and entering looks there before
    it interns a tweak.  All others, by the handle beneath, are in a weak table under None, which few contexts have.
    """

    __slots__ = ()

    def alone(self, group: ref[Any]) -> dict[Any, Tweak]:
        """Returns those that stand on nothing in a cache group, which is given by its mark."""
        found: dict[Any, Tweak] | None = self.get(group)
        if found is None:
            if self:
                self._forget_groups()
            found = self.setdefault(group, {})
        return found

    def over(self, beneath: Tweak) -> dict[Any, Tweak]:
        """Returns those that stand on a handle."""
        above: WeakKeyDictionary[Tweak, dict[Any, Tweak]] | None = self.get(None)
        if above is None:
            above = self.setdefault(None, WeakKeyDictionary())
        return above.setdefault(beneath, {})

    def _forget_groups(self) -> None:
        for mark in [mark for mark in self.copy() if mark is not None and mark() is None]:
            self.pop(mark, None)

    def let_go(self, before: Sequence[Layer], now: Sequence[Layer]) -> None:
        """Drops the handles of changed tweaks; a new tweak that equals its predecessor keeps its memos.

        The lists are made at once: other threads may enter at the same time.

        Complexity: O(changed tweaks) after a look at each, where only values of nodes have changed; else O(handles).
        """
        changed = find_changed(before[0], now[0]) if len(before) == len(now) == 1 else None
        if changed is not None and all(before[0][target].is_value and now[0][target].is_value for target in changed):
            gone = [target for target in changed if before[0][target].meaning != now[0][target].meaning]
            for handles in [handles for mark, handles in self.copy().items() if mark is not None]:
                for target in gone:  # a value stands on nothing, and its place is its target
                    handles.pop(target, None)
            return
        above, found = self.get(None), [handles for mark, handles in self.copy().items() if mark is not None]
        if above is not None:
            found += [above.get(beneath, {}) for one in above.keyrefs() if (beneath := one()) is not None]
        for handles in found:
            for place in tuple(handles):
                was, is_now = _said(before, place), _said(now, place)
                if was is is_now or (was is not None and is_now is not None and was.meaning == is_now.meaning):
                    continue
                handles.pop(place, None)


@frozen(eq=False, repr=False)
class RunningReplacement:
    """A node whose replacement is running: contexts opened inside act on the tweak beneath the replacement."""

    key: Key
    met: Tweak | None
    """The tweak that the node meets around the run; a context opened inside may have put another tweak over it."""
    replacement: Tweak


@define(eq=False, repr=False)
class Derivation:
    """The work of entering layers of tweaks over the tweaks in force: ends in `content`, and the tweaks that it overrides."""

    content: dict[Target, Tweak]
    intern: Intern
    held: HeldTweaks
    alone: dict[Any, Tweak]
    """The place in `held` of tweaks that do not depend on what is beneath."""
    inside: RunningReplacement | None
    keep: list[Tweak] = field(factory=list)
    """Handles beneath others that are in no scenario by themselves."""

    def apply(self, number: int, layer: Layer) -> None:
        """Enters one layer: its tweaks of functions first, then its tweaks of nodes, which therefore win."""
        for target, spec in layer.items():
            if isinstance(target, Function):
                self._apply_to_function(number, target, spec)
        for target, spec in layer.items():
            if not isinstance(target, Function):
                self._apply_to_node(number, target, spec)

    def _apply_to_function(self, number: int, function: Function, spec: TweakSpec) -> None:
        nodes = [target for target in self.content if not isinstance(target, Function) and target[0] is function]
        if spec.is_untweak:
            self.content.pop(function, None)
            for node in nodes:
                del self.content[node]
            return
        if self.inside is not None and self.inside.key[0] is function and self.inside.key not in nodes:
            nodes.append(self.inside.key)
        for node in nodes:
            self._put(number, function, node, spec, self._beneath(node))
        self._put(number, function, function, spec, self.content.get(function))

    def _apply_to_node(self, number: int, key: Key, spec: TweakSpec) -> None:
        if spec.is_untweak and key[0] not in self.content:
            self.content.pop(key, None)
            return
        self._put(number, key, key, spec, self._beneath(key))

    def _beneath(self, key: Key) -> Tweak | None:
        """Returns the handle beneath a new tweak of a node."""
        handle = self.content.get(key) or self.content.get(key[0])
        if self.inside is not None and key == self.inside.key and handle is self.inside.met:
            return self.inside.replacement.beneath()
        return handle

    def _put(self, number: int, named: Target, target: Target, spec: TweakSpec, beneath: Tweak | None) -> None:
        if spec.is_final or (beneath is not None and beneath.spec.is_untweak):
            beneath = None
        handle = self.intern(target, spec, beneath)
        if beneath is not None:
            self.keep.append(beneath)
        held = self.alone if beneath is None else self.held.over(beneath)
        held[Place.of(number, named, target)] = self.content[target] = handle


def find_changed(before: Layer, now: Layer) -> list[Target] | None:
    """Returns the targets of which two layers say other tweaks; None where they do not say something of the same ones.

    Complexity: O(tweaks); without a lookup where one layer is a copy of the other with some tweaks in the place of others.
    """
    if len(before) != len(now):
        return None
    found = machine.find_changed(before, now)
    if found is not None:
        return found
    changed: list[Target] = []
    targets, specs, number = list(now), list(now.values()), 0
    for target, was in before.items():
        if targets[number] is not target:
            return [one for one, spec in now.items() if before[one] is not spec] if before.keys() == now.keys() else None
        if specs[number] is not was:
            changed.append(target)
        number += 1  # noqa: SIM113  C counts by itself
    return changed


def _said(layers: Sequence[Layer], place: Place | Target) -> TweakSpec | None:
    """The tweak of a context's layers at one place."""
    number, named = place[:2] if isinstance(place, Place) else (0, place)
    return layers[number].get(named) if number < len(layers) else None
