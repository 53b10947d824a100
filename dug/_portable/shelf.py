"""Brings memos in: `Shelf`, a cache that makes memos of rows once their function is there, and says why a node is pending.

Functions are matched by name when they are asked for, and nothing is imported: memos of a function that is not there yet wait,
and so do all memos computed from them, because a tweak of that function could not reach them.  The engine files the memos that
come in (bits, footprints, restrictions, readers) as if they had just been computed here; only the values stay with the carrier
(`stored`).  A memo that comes in after an invalidation or clearing is left out: the carrier cannot know of these.  `Waiting` is
what has not come in, `LeftOut` a tweak that cannot be stated; `_Homes` asks the carrier before a node is unknown.  It can `find`,
`fill` and `expect`; `_bring_in`, `_make`, `_put` and `_read_outcome` make a memo, `_find_reason` says why not.
"""

from collections.abc import Iterator
from typing import Any, cast
from weakref import ref

from attrs import define, frozen

from .._core.read import (
    BENEATH,
    DEAD,
    NO_TWEAKS,
    ActiveTweaks,
    BitSet,
    Cache,
    Failure,
    Function,
    HeldTweaks,
    Homes,
    Imprint,
    Key,
    Layer,
    Memo,
    Node,
    NodeMemos,
    OuterCall,
    Tweak,
    View,
    plain_key,
)
from ..codec import find_missing
from ..fingerprint import calls_alike, find_changes, source_of
from ..sources._check import FILE, TARGET, check_of, load_own
from . import rows
from .errors import Summary, make_error
from .nodes import read_node
from .rows import Absent, Carrier, ErrorRow, FunctionRow, NodeRow, is_passed_on
from .stored import Stored, StoredMemo
from .streams import Tapes, find_marks


@define(eq=False)
class Waiting:
    """The part of a file that has not come in."""

    rows: list[NodeRow]
    functions: dict[str, int]
    """The functions that are not there yet, by name."""
    errors: dict[int, ErrorRow]
    consulted: dict[int, list[tuple[int, int | None]]]


@frozen
class LeftOut:
    """A tweak of the file that cannot be stated here."""

    function: int
    node: int | None
    """The number of the node; None for all nodes of the function."""
    target: str
    reason: str


class Shelf(Cache):
    """A cache with the memos of a file, for functions that are here."""

    def __init__(self, carrier: Carrier, *, trust: bool, recompute_changed: bool, check_files: bool) -> None:
        super().__init__()
        self.homes = self.quick = _Homes.of(self)
        self.carrier = carrier
        self.changed: dict[str, tuple[str, ...]] = {}
        """The functions that changed, each with the places where its reach changed."""
        self.absent: list[Absent] = []
        """The parts of the file that do not answer here, with the reason."""
        self._trust, self._recompute_changed, self._check_files = trust, recompute_changed, check_files
        self._rows = carrier.functions()
        names = {row.name: number for number, row in self._rows.items() if row.unreachable is None and row.kind != rows.OF_MARKS}
        load_own(names)
        self._waiting = Waiting(list(carrier.nodes()), names, carrier.errors(), carrier.consulted())
        self._functions: dict[int, Function] = {}
        self._tapes = Tapes()
        self._keys: dict[int, Key] = {}
        self._memos: dict[int, Memo] = {}
        self._base: ActiveTweaks | None = None
        self._held = HeldTweaks()
        self._kept: tuple[Tweak, ...] = ()
        self._layers: tuple[Layer, ...] = ()
        self._generation: int | None = None
        self._left_out: dict[tuple[int, int | None], str] = {}
        self._past = OuterCall()
        self._past.close()

    def expect(self, layers: tuple[Layer, ...]) -> None:
        """Takes the tweaks under which the file's values were computed."""
        self._layers = layers

    def leave_out(self, tweaks: list[LeftOut]) -> None:
        """Notes which of the file's tweaks are not in force here: no memo that depends on them answers."""
        self._left_out = {(one.function, one.node): one.reason.rstrip(".") for one in tweaks}
        self.absent.extend(Absent(f"the tweak of {one.target}", one.reason) for one in tweaks)

    def find(self, row: NodeRow) -> Node[Any] | None:
        """Returns a node of the file, None where its function is not here or its arguments cannot be read."""
        name = self._rows[row.function].name
        function = Function.find(name) if row.arguments is not None else None
        if function is None or row.arguments is None:
            return None
        try:
            return read_node(function, row.arguments)
        except Exception:  # noqa: BLE001  as in `_find_key`
            return None

    def is_waiting_for(self, key: Key) -> bool:
        """True when the file has memos of a node whose function has come since.

        Not during a walk of the group, which must not meet memos that were not there when it began: they come in at the next
        lookup, with the bits that were given in between.
        """
        function = plain_key(key)[0]
        is_there = function.name in self._waiting.functions and Function.find(function.name) is function
        return is_there and not self.group.lock._is_owned()  # as threading.Condition asks it

    def names(self) -> Iterator[str]:
        """The names of the functions that are not there yet."""
        return iter(self._waiting.functions)

    def fill(self) -> None:
        """Brings in the file's memos of all functions that are there by now.

        Complexity: O(1) when there is no new one; O(nodes that have not come in) else.
        """
        group = self.group
        if self._generation is None:
            self._generation = group.generation
        if not any(map(Function.find, self._waiting.functions)):
            return
        with group.lock:
            if group.generation != self._generation:
                self._give_up("something was invalidated before its function was there")
                return
            if self._base is None:
                self._derive()
            fresh = self._match_functions()
            self._bring_in()
            for function in fresh:
                if function.name in {FILE, TARGET}:
                    self._watch_files(function)
            stale = [function for function in fresh if function.name in self.changed]
            if self._recompute_changed and stale:
                group.forget([function for function in stale if self._calls_alike(function)])
                group.forget([function for function in stale if not self._calls_alike(function)], is_rebound=True)
                for function in stale:
                    function.changed = self.changed[function.name]
                    group.redefined[function] = group.generation
            self._generation = group.generation

    def as_they_were(self) -> Iterator[FunctionRow]:
        """The rows of functions that have changed and whose old values still answer."""
        return (row for row in self._rows.values() if row.name in self.changed and not self._recompute_changed)

    def pending(self) -> Iterator[str]:
        """The texts of the nodes whose function, or a function that they depend on, is not there yet."""
        return (row.text for row in self._waiting.rows)

    def _derive(self) -> None:
        """Derives the scenario of the file, and holds its tweaks."""
        view = View.outermost(self._layers, self._held, self)
        self._base, self._kept = view.tweaks, view.keep

    def _give_up(self, reason: str) -> None:
        self.absent.extend(Absent(row.text, reason) for row in self._waiting.rows)
        self._waiting = Waiting([], {}, {}, {})
        self._memos.clear()

    def _match_functions(self) -> list[Function]:
        """Returns the functions that have come, and notes those that changed."""
        fresh = []
        for name, number in tuple(self._waiting.functions.items()):
            function = Function.find(name)
            if function is None:
                continue
            del self._waiting.functions[name]
            self._functions[number] = function
            fresh.append(function)
            changed = find_changes(self._rows[number], function.newest or function.body)
            if changed is not None:
                self.changed[name] = changed
        return fresh

    def _calls_alike(self, function: Function) -> bool:
        """True when a call of a changed function means the same node as before, as far as the file tells."""
        before = next(row.source for row in self._rows.values() if row.name == function.name)
        return calls_alike(before, source_of(function.body))

    # Bringing in

    def _bring_in(self) -> None:
        """Makes a memo of each node that can have one; the others wait, or are absent."""
        waiting, left, lost = self._waiting, list[NodeRow](), dict[int, str]()
        for row in waiting.rows:
            reason = self._find_reason(row, lost)
            if reason is None and not self._is_ready(row):
                left.append(row)
            elif reason is None and row.state != rows.MASKED:
                memo = self._make(row)
                if memo is None:
                    reason = "it was computed here in between"
                else:
                    self._memos[row.number] = memo
            if reason is not None:
                lost[row.number] = reason
                if row.state not in (rows.MASKED, rows.NOT_RUN):
                    self.absent.append(Absent(row.text, reason))
        waiting.rows = left
        if not left:
            self._memos.clear()
            self._keys.clear()

    def _watch_files(self, function: Function) -> None:
        """Has the files of the memos that came in checked before each outermost call, or lets these answer whatever they are."""
        check = check_of(self.group, function)
        if not self._check_files:
            check.spare(self._list_filed(function))

    def _list_filed(self, function: Function) -> list[Memo]:
        return [memo for home in self.homes.list_of(function) for memo in home.memos()]

    def _find_reason(self, row: NodeRow, lost: dict[int, str]) -> str | None:
        """Returns why a node cannot answer, now or later; None when it can."""
        function = self._rows.get(row.function)
        if function is None:
            raise self.carrier.damaged(f"function {row.function} is not there")
        left_out = self._find_left_out(row)
        if left_out is not None:
            return f"it depends on a tweak that is left out ({left_out})"
        if row.flags & rows.LOST:
            return "a dependency was gone when it was saved"
        if row.state != rows.MASKED and any(number in lost for _, number in row.edges):
            return next(
                f"it depends on a node that does not answer ({lost[number]})"
                if "depends on" not in lost[number]
                else lost[number]
                for _, number in row.edges
                if number in lost
            )
        if function.unreachable is not None:
            return f"no other process can find its function: {function.unreachable}"
        if row.flags & rows.MARK and row.function not in self._functions:
            self._functions.update(find_marks(row, self._memos))
        if row.function in self._functions and row.number not in self._keys:
            return self._find_key(row)
        return None

    def _find_left_out(self, row: NodeRow) -> str | None:
        """Returns why a tweak that a node met, or looked at under a context that it opened, is not in force here, if so."""
        looked_at = [(row.function, row.number), *self._waiting.consulted.get(row.number, ())] if self._left_out else []
        reasons = (self._left_out.get((function, None)) or self._left_out.get((function, node)) for function, node in looked_at)
        return next(filter(None, reasons), None)

    def _find_key(self, row: NodeRow) -> str | None:
        """Finds the key of a node here; returns why it has none, if so."""
        if row.arguments is None:
            return "its arguments were not written"
        try:
            self._keys[row.number] = read_node(self._functions[row.function], row.arguments)._key
        except Exception as exc:  # noqa: BLE001  other parameters, a class that is not known, or a key= function of the user's
            return f"its arguments do not fit here: {exc}"
        return None

    def _is_ready(self, row: NodeRow) -> bool:
        """True when the functions of a node and of all its dependencies are there."""
        if row.state == rows.MASKED:
            return row.number in self._keys
        return (
            row.number in self._keys
            and all(number in (self._memos if kind == rows.READ else self._keys) for kind, number in row.edges)
            and all(
                function in self._functions and (target is None or target in self._keys)
                for function, target in self._waiting.consulted.get(row.number, ())
            )
        )

    def _make(self, row: NodeRow) -> Memo | None:
        """Returns the memo of a node, filed if it answers; None when another one is filed there."""
        tweaks, group, key = self._tweaks, self.group, self._keys[row.number]
        handle = tweaks.handle_of(key)
        home = self.home_of(key)
        if handle is not None and handle.spec.is_value:
            return handle.memo_of(home)
        met = handle if handle is not None and not handle.spec.is_untweak else None
        reads = tuple(dict.fromkeys(self._memos[number] for number in row.reads))
        beneath, own = self._bits_read(row, reads), self._own_bits(key)
        footprint = beneath | own if group.node_bits(key[0]) else beneath
        restriction = tweaks.restrict(footprint) if footprint & tweaks.mask else NO_TWEAKS
        if row.flags & rows.OPENED:
            beneath = footprint
        kind = Memo if row.flags & (rows.STREAM | rows.MARK) else StoredMemo
        memo = kind(home, None, 0 if met is None else met.serial, reads, footprint, beneath, restriction)
        self._describe(memo, row)
        return self._put(memo, row)

    @property
    def _tweaks(self) -> ActiveTweaks:
        return cast("ActiveTweaks", self._base)

    def _own_bits(self, key: Key) -> BitSet:
        """The bits that say which tweak a node meets in the file's scenario; as `view.own_bits`."""
        handle, group = self._tweaks.content.get(key), self.group
        return group.bit_of(key) | group.bit_of(key[0]) if handle is None else handle.bit

    def _bits_read(self, row: NodeRow, reads: tuple[Memo, ...]) -> BitSet:
        """The footprint of the reads of a node, in its own run and under contexts that it opened."""
        bits = Memo.bits_of(reads)
        for kind, number in row.edges:
            if kind == rows.RAN_INSIDE:
                bits |= self._own_bits(self._keys[number])
        for function, target in self._waiting.consulted.get(row.number, ()):
            bits |= self.group.give_bit(self._functions[function] if target is None else self._keys[target])
        return bits

    def _describe(self, memo: Memo, row: NodeRow) -> None:
        memo.seconds, memo.own_seconds = row.seconds, row.own_seconds
        memo.transient, memo.opened = bool(row.flags & rows.TRANSIENT), bool(row.flags & rows.OPENED)
        inner_nodes = tuple(
            self._keys[number] if kind == rows.RAN_INSIDE else (BENEATH, self._keys[number], 0)
            for kind, number in row.edges
            if kind in (rows.RAN_INSIDE, rows.RAN_BENEATH)
        )
        if inner_nodes:
            memo.make_extra().inner_nodes = inner_nodes
        is_partial = any(read.status == DEAD for read in memo.dependencies)  # it cannot be compared with a newly computed memo
        memo.must_run = memo.must_run or bool(row.flags & (rows.UNVERIFIED | rows.OPENED)) or is_partial
        if row.flags & rows.SERVES_CALL or row.state == rows.FAILED:
            memo.make_extra().call, memo.must_run = self._past, True

    def _put(self, memo: Memo, row: NodeRow) -> Memo | None:
        """Files a memo, unless its value cannot be read; returns it, or None if another memo is filed in its place."""
        reason = self._read_outcome(memo, row)
        if reason is not None:
            if reason:
                self.absent.append(Absent(row.text, reason))
            memo.status = DEAD
            memo.home.has_lost = True
            self._add_readers(memo, None)
            return memo
        standing = self.file(memo, self._tweaks)
        memo.open_footprint = -1  # the compiled call path does not see it before it was asked for its value
        return memo if standing is memo else None

    def _read_outcome(self, memo: Memo, row: NodeRow) -> str | None:
        """Gives a memo its failure, or the place of its value; returns why it has neither, if so."""
        if row.state == rows.NOT_RUN:
            return ""
        if row.state == rows.FAILED:
            memo.make_extra().failure = self._failure_of(row)
            return None
        content, key = row.content, self._keys[row.number]
        if row.flags & rows.MARK:
            return self._tapes.give_mark(key, memo)
        reason = content.reason or find_missing(content.codec or "", content.requirements, trust=self._trust)
        if row.flags & rows.STREAM:
            encoded = self.carrier.read(f"the items of {row.text}", content) if reason is None else None
            return self._tapes.give_stream(key, self._tweaks.handle_of(key), memo, encoded, trust=self._trust)
        memo.value = Stored(self.carrier, content, self._trust, ref(self.group)) if reason is None else None
        memo.is_stored = reason is None
        return reason

    def _failure_of(self, row: NodeRow) -> Failure:
        """Returns how a node failed: with the exception of a node that it read, where it passed that on."""
        errors = self._waiting.errors
        own = errors.get(row.number)
        if own is None:
            raise self.carrier.damaged("a node that failed has no error")
        for number in row.reads if row.error_from is None else (row.error_from,):
            failure, passed = self._memos[number].failure, errors.get(number)
            if failure is None or passed is None:
                continue
            if is_passed_on(passed, own):
                return Failure(failure.imprint, None, Summary(own.traceback), failure.mark)
            if number == row.error_from:  # its body changed the exception
                return Failure(Imprint.of(make_error(own)), None, Summary(own.traceback), failure.mark)
        return Failure(Imprint.of(make_error(own)), None, Summary(own.traceback))


class _Homes(Homes):
    """The nodes of a shelf, which asks the file before it reports a node as unknown."""

    __slots__ = ("_shelf",)
    _shelf: "ref[Shelf]"

    @classmethod
    def of(cls, shelf: Shelf) -> "_Homes":
        """Returns the empty table of a shelf."""
        made = cls()
        made._shelf = ref(shelf)
        return made

    def make_empty(self) -> Homes:
        """Returns new homes of the same shelf."""
        made = _Homes()
        made._shelf = self._shelf
        return made

    def get(self, key: Key, args: Any = None) -> NodeMemos | None:
        """Returns the home of a node."""
        home = super().get(key, args)
        if home is None:
            shelf = self._shelf()
            if shelf is not None and shelf.is_waiting_for(key):
                shelf.fill()
                home = super().get(key, args)
        return home
