"""`Memo`, the record of a call, and whether it `serves`; `NodeMemos`, a node's memos in a cache, with THE hit check, `recall`.

A memo is a fact: this node, where the tweaks it read were these, gave this, having read those.  No tweak makes it stale: where
others are in force it does not match, that is all.  Only an invalidation, which says that the outside has changed, takes it out
of force (`STALE`, `DEAD`).  `Origin` marks a run, `ScenarioBase` is what a home knows of a scenario.

A footprint is a set of bits: one for each node or function that was ever tweaked, and that it mattered for: those that say what
ran for it, and those of which the run asked whether they are tweaked.  A restriction is the frozen set of the serial numbers of
the tweaks that it met there; empty for a memo that met none, which answers in every scenario that tweaks nothing in its
footprint.  A memo of a store or a file has its value in a *carrier* until somebody asks for it (`_portable/stored`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Union, cast
from weakref import ref

from ..native import machine
from .binding import Key
from .extra import Extra, OuterCall
from .failure import Failure
from .sparse import BitSet, union

LIVE, STALE, DEAD = range(3)
"""A memo in force; one that an invalidation took out, whose value may be verified yet; one that is gone."""

FORGOTTEN = 1
"""Bit 0 of a footprint, which belongs to no target: the memo was invalidated, so runs that read it all the same are not filed."""

TWEAKED = -1
"""The body of a memo of a node tweaked to a value: nothing ran for it."""

Restriction = frozenset[int]
NO_TWEAKS: Restriction = frozenset()

_NO_MEMOS: "dict[Restriction, Memo]" = {}


class ScenarioBase:
    """The part of a scenario that a home needs: the base of `scenario.ActiveTweaks`, which this file cannot import."""

    __slots__ = ("after", "open_mask", "serial")

    def __init__(self, serial: int, open_mask: BitSet) -> None:
        self.serial = serial
        """A number that no other scenario has."""
        self.open_mask = open_mask
        """The bits of all targets that are tweaked; and bit 0, so that a memo's -1 never passes, not even without tweaks."""
        self.after: tuple[int, BitSet] | None = None
        """The serial of another scenario, whichever, and the bits of all in which the two differ; see `NodeMemos.recall`."""


class Origin:
    """A mark shared by all memos with the value of one run."""

    __slots__ = ("digest",)

    def __init__(self, digest: bytes | None = None) -> None:
        self.digest = digest
        """What a keeper has found the value to be, once it has looked."""


class Memo:
    """The record of one finished call."""

    __slots__ = (
        "body", "dependencies", "extra", "footprint", "footprint_below", "found_in", "home", "is_stored", "must_run",
        "open_footprint", "opened", "origin", "own_seconds", "restriction", "seconds", "status", "transient", "value",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917  by position, which is the quickest
        self,
        home: "NodeMemos",
        value: Any,
        body: int,
        dependencies: "tuple[Memo, ...]" = (),
        footprint: BitSet = 0,
        footprint_below: BitSet = 0,
        restriction: Restriction = NO_TWEAKS,
    ) -> None:
        self.fill(home, value, body, dependencies, footprint, footprint_below, restriction)

    def fill(  # noqa: PLR0917  as above
        self,
        home: "NodeMemos",
        value: Any,
        body: int,
        dependencies: "tuple[Memo, ...]",
        footprint: BitSet,
        footprint_below: BitSet,
        restriction: Restriction,
    ) -> None:
        """Fills in a new memo; apart from `__init__`, as one is made for each run."""
        self.home = home
        self.is_stored = False
        """True while its carrier has the value, which compiled code must not take from here; see `take_value`."""
        self.value = value
        self.body = body
        """What ran, as a number: the serial of the tweak whose function did; 0 for the node's own body; `TWEAKED` for nothing."""
        self.dependencies = dependencies
        """Its reads, in the order of the first ones."""
        self.footprint = footprint
        self.footprint_below = footprint_below
        """What its reads brought to the footprint; that has beside these the bits that say which tweak the node itself met."""
        self.restriction = restriction
        self.seconds = self.own_seconds = 0.0
        """How long its run took, with and without the runs that it led to; compiled, to the precision of 32 bits."""
        self.status = 0  # LIVE
        self.found_in = 0
        """The serial of the scenario in which it was found last; see `NodeMemos.recall`."""
        self.open_footprint: BitSet = -1
        """That of a memo in force that read no tweak and answers every call; -1 for any other.  See `ScenarioBase.open_mask`."""
        self.must_run = body < 0  # TWEAKED
        """True when no run may keep the value by verifying the dependencies."""
        self.extra: Extra | None = None
        """The rest, if it has any of that."""
        self.origin: object = None
        """An `Origin`, or the telling of a tweak, shared by all memos with that value; mostly None while it is the only one."""
        self.transient = False
        """True when it failed, or caught a failure, because of a source."""
        self.opened = False
        """True when the run opened a context, so that its dependencies alone do not verify it."""

    @property
    def failure(self) -> Failure | None:
        """How it failed; None when it has a value."""
        return None if self.extra is None else self.extra.failure

    @property
    def inner_nodes(self) -> tuple[Key, ...]:
        """`Extra.inner_nodes`."""
        return () if self.extra is None else self.extra.inner_nodes

    @property
    def made(self) -> tuple[Any, ...]:
        """`Extra.made`."""
        return () if self.extra is None else self.extra.made

    @property
    def call(self) -> OuterCall | None:
        """`Extra.call`."""
        return None if self.extra is None else self.extra.call

    @property
    def read_starts(self) -> tuple[int | None, ...] | None:
        """`Extra.read_starts`."""
        return None if self.extra is None else self.extra.read_starts

    def make_extra(self) -> Extra:
        """Returns what few memos have, to be filled in."""
        if self.extra is None:
            self.extra = Extra()
        return self.extra

    def verifies(self, body: int) -> bool:
        """True when a run of this body may keep the value, once it has verified the dependencies."""
        return self.body == body and not self.must_run

    def take_value(self) -> Any:
        """Returns the value; from its carrier, if that has it (`_portable/stored`)."""
        return self.value

    def is_readable(self) -> bool:
        """True unless a keeper has the value and cannot give it any more, so that nothing is verified for it."""
        return True

    def knows_same(self, new: "Memo") -> bool | None:  # noqa: ARG002  those of a keeper look at it
        """Returns whether another memo gives what this one gave; None where the values must be compared."""
        return None

    @staticmethod
    def bits_of(memos: "Iterable[Memo]") -> BitSet:
        """Returns the bits of all that several memos read."""
        bits: BitSet = union([memo.footprint for memo in memos])
        return bits

    def serves(self, call: OuterCall | None) -> bool:
        """True when the memo may answer within `call`; errors answer only in the call that raised them."""
        extra = self.extra
        if extra is None or extra.call is None or extra.call is call:
            return True
        return call is not None and call.adopted is not None and self in call.adopted


Noted = Union["NodeMemos", "ref[NodeMemos]"]
"""A home or, for a node of a local function, the weak reference to it."""


class NodeMemos:
    """The memos of one node in one cache, their *home*; and the nodes that ever read it there."""

    __slots__ = (
        "__weakref__", "_args", "_key", "_owner", "_prune_at", "alive", "forgotten", "has_failed", "has_lost", "here", "link",
        "newest", "open_run", "open_runs", "plain", "readers", "shown", "token", "variants", "waiting",
    )  # fmt: skip

    def __init__(self, key: Key, token: object) -> None:
        self.fill(key, token)

    def fill(self, key: Key, token: object) -> None:
        """Fills in a new home; apart from `__init__`, as one is made for each node."""
        self._key: Key | None = key
        self._owner: ref[Any] | None = None
        self._args: Any = None
        self.token = token
        """The token of the cache that holds it."""
        self.plain: Memo | None = None
        """The memo that read no tweak; nearly every node has one, and most have no other."""
        self.variants: Memo | dict[BitSet, dict[Restriction, Memo]] | None = None
        """The others: the only one itself, several by footprint and restriction.  After a failure one may have read no tweak."""
        self.newest: Memo | None = None
        """The newest memo that verification may start from."""
        self.waiting: list[Memo] | None = None
        """Others that wait to be verified, each of other tweaks; see `state/stale`."""
        self.here: Memo | None = None
        """The memo of this node that was found last, if it read tweaks; see `recall`."""
        self.readers: Noted | list[Noted] | set[Noted] | None = None
        """The homes that read it, the only one itself: for a node of a local function, a weak reference to its home."""
        self.alive = True
        self.has_failed = False
        """True once a memo was filed that answers only within its call."""
        self.open_run: Any = None
        """The newest open run of the node, in whatever scenario; None when it has ended, or nobody may join it (after a fork)."""
        self.open_runs = 0
        """How many runs of the node are open."""
        self.forgotten = 0
        """The generation in which the node was last forgotten."""
        self.has_lost = False
        """True once a memo was taken out on which others may depend: a walk that touches nothing here goes on all the same."""
        self.shown = False
        """True when it, its memos or its readers refer to something that the garbage collector tracks; see `homes`."""
        self.link: ref[NodeMemos] | None = None
        """For a node of a local function: the weak reference that others note in its place."""
        self._prune_at = 16

    @property
    def key(self) -> Key:
        """The key of the node."""
        return self.find_key()

    def find_key(self) -> Key:
        """Returns the key, for compiled code, to which a property is a call from Python."""
        key, args = self._key, self._args
        if key is not None:
            return key
        assert self._owner is not None  # noqa: S101  it has the one or the other
        return machine.make_key(machine.follow(self._owner), args)

    def find_function(self) -> Any:
        """Returns the first element of its key."""
        return machine.first(self._key) if self._key is not None else machine.follow(self._owner)  # type: ignore[arg-type]  # it has one

    def recall(self, tweaks: ScenarioBase) -> Memo | None:
        """Returns the memo that answers in a scenario, if it is at hand: the one that read no tweak, or the one found here last.

        A memo that answers in a scenario does so for as long as it is in force, so this needs no lock and nobody has to empty it.
        """
        memo = self.plain
        if memo is not None and not machine.overlap(memo.open_footprint, tweaks.open_mask):
            return memo
        memo = self.here
        if memo is None or memo.status:  # not LIVE
            return None
        if memo.found_in != tweaks.serial:
            after = tweaks.after
            before = 0 if after is None else after[0]
            if after is None or memo.found_in != before or machine.overlap(memo.footprint, after[1]):
                return None
            memo.found_in = tweaks.serial  # the scenario before found it, and the memo read nothing that differs
        return memo

    def keep_at_hand(self, memo: Memo, tweaks: ScenarioBase) -> None:
        """Notes that a memo of this node answers in a scenario, unless `recall` finds that out anyway."""
        if self.plain is not memo or machine.overlap(memo.open_footprint, tweaks.open_mask):
            memo.found_in = tweaks.serial
            if not machine.is_hidden(memo) or machine.may_be_tracked(memo.value):
                self.shown = True
            self.here = memo
            if memo.status != LIVE:  # taken out in between
                self.here = None

    def find_sum(self, reads: tuple[Memo, ...]) -> BitSet | None:
        """Returns what reads bring to a footprint, where each brings the very object that it brought to the newest memo."""
        before = self.newest
        if before is None or before.status or before.body or before.opened or before.extra is not None:
            return None  # or it has something beside what its reads brought
        known = before.dependencies
        if len(known) != len(reads):
            return None
        for place, read in enumerate(reads):
            old = known[place]
            if old.status or old.footprint is not read.footprint:  # one that is gone gets no new bits, as its reader does
                return None
        return before.footprint_below

    def memos(self) -> Iterator[Memo]:
        """Every live memo of the node here; may miss memos that other threads file or take out at the same time."""
        plain, variants = self.plain, self.variants
        if plain is not None:
            yield plain
        if type(variants) is dict:
            for alike in variants.copy().values():
                yield from alike.copy().values()
        elif variants is not None:
            yield variants  # type: ignore[misc]  # a memo

    def take_apart(self) -> None:
        """Empties the home, and its memos of what they read."""
        memo = self.plain
        if memo is not None:
            memo.dependencies = ()
        if self.variants is not None:
            for memo in self.memos():
                memo.dependencies = ()
        self.plain = self.variants = self.newest = self.waiting = self.here = self.readers = None

    def find_variant(self, footprint: BitSet, restriction: Restriction) -> Memo | None:
        """Returns the memo that read these tweaks, with this footprint."""
        variants = self.variants
        if type(variants) is dict:
            return variants.get(footprint, _NO_MEMOS).get(restriction)
        memo: Any = variants
        return memo if memo is not None and memo.footprint == footprint and memo.restriction == restriction else None

    def put_variant(self, memo: Memo) -> Memo | None:
        """Puts in a memo that read tweaks, and returns the one that it replaces; under the lock."""
        lone: Any = self.variants
        old = self.find_variant(memo.footprint, memo.restriction)
        if lone is None or lone is old:
            self.variants = memo
            return old
        variants = lone if type(lone) is dict else {lone.footprint: {lone.restriction: lone}}
        variants.setdefault(memo.footprint, {})[memo.restriction] = memo
        self.variants = variants
        return old

    def take_variant(self, memo: Memo) -> bool:
        """Takes out a memo that read tweaks; False when it is not here; under the lock."""
        variants: Any = self.variants
        if variants is memo:
            self.variants = None
            return True
        alike = variants.get(memo.footprint, _NO_MEMOS) if type(variants) is dict else _NO_MEMOS
        if alike.get(memo.restriction) is not memo:
            return False
        del alike[memo.restriction]
        if not alike:
            del variants[memo.footprint]
            self.variants = variants or None  # the next one may be alone again, with which all is quicker
        return True

    def add_reader(self, reader: "NodeMemos") -> None:  # noqa: C901  a step for each form of `readers`
        """Notes that a memo of `reader` read this node."""
        noted: Any = reader if reader.link is None else reader.link
        readers: Any = self.readers
        if not machine.is_hidden(noted):
            self.shown = True
        if readers is None:
            self.readers = noted
        elif type(readers) is list:
            if noted not in readers:
                if len(readers) < self._prune_at:
                    readers.append(noted)
                else:
                    self._prune().add(noted)
        elif type(readers) is set:
            if noted not in readers:
                if len(readers) >= self._prune_at:
                    readers = self._prune()
                readers.add(noted)
        elif readers is not noted:
            self.readers = both = [readers, noted]
            if machine.is_hidden(self):
                machine.hide(both)

    def discard_reader(self, reader: "NodeMemos") -> None:
        """Forgets that a node read this one; at once, as its arguments may be large."""
        noted, readers = reader.link or reader, cast("Any", self.readers)
        if readers is noted:
            self.readers = None
        elif type(readers) in {list, set} and noted in readers:
            readers.remove(noted)

    def live_readers(self) -> "list[NodeMemos]":
        """The nodes that read this one and still hold, or may hold, memos."""
        return list(self._find_readers())

    def is_new(self) -> bool:
        """True when no memo is here, in force or not."""
        return self.plain is None and self.newest is None and not self.variants and not self.waiting

    def is_empty(self) -> bool:
        """True when nothing here is of use: no memo, no older one to verify, no run, and no reader."""
        if self.open_runs or self.plain is not None or self.variants or self.waiting:
            return False
        if self.newest is not None and self.newest.status != DEAD:
            return False
        return next(self._find_readers(), None) is None

    def _find_readers(self) -> "Iterator[NodeMemos]":
        readers: Any = self.readers
        for noted in tuple(readers) if type(readers) in {list, set} else () if readers is None else (readers,):
            reader = noted() if type(noted) is ref else noted
            if reader is not None and reader.alive:
                yield reader

    def _prune(self) -> set[Noted]:
        """Forgets dead readers and returns the others; whenever their number has doubled, so that it is O(1) for each reader."""
        self.readers = readers = {reader.link or reader for reader in self._find_readers()}
        self.shown = True
        self._prune_at = max(16, 2 * len(readers))
        return readers


ABSENT = NodeMemos((None,), None)
"""Stands for the home of a node that has none yet."""


def recall(home: NodeMemos, tweaks: ScenarioBase) -> Memo | None:
    """`NodeMemos.recall`, as a function that ``native/call.h`` can call."""
    return home.recall(tweaks)
