"""Opens and closes contexts: `open_entry`, `leave`, and what becomes of reads made under a context inside a run.

What is read under a context that a run opened is moved to the run when the context closes (`settle`).  A read that saw its
tweaks, or is in a cache of its own, is replaced by the nearest memos below that are not; its footprint is kept without the bits
that the context overrides; and the nodes that ran are noted as `inner`, so that forgetting one of them forgets the run.  A node
that the context untweaks is noted as beneath its tweaks: whoever tweaks it around changes nothing, nor does who tweaks its
function, whose bit therefore comes from the other nodes that ran.  No memo made under such a context is kept alive.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import ref

from ._binding import Key
from ._frame import LATE, NO_HITS, OUTSIDE, Entry, Frame, Run, current
from ._memo import FORGOTTEN, TWEAKED, Memo
from ._node import BENEATH
from ._registry import plain_key
from ._scenario import REPLACEMENT, Inside
from ._view import View, own_bits
from ._watch import ALL, look_at


def open_entry(context: Any, outer: Frame | None, view: View, peers: list[Entry]) -> Entry:
    """Opens an entry of a context inside `outer` and puts it in force."""
    entry = Entry(view, outer, outer.call if outer else None, context, peers)
    if entry.run is not None:
        entry.run.opened = True
        if entry.run.told:
            look_at(entry.run, ALL)
    current.set(entry)
    return entry


def close_entry(entry: Entry) -> None:
    """Closes an entry and hands what was read under it to the frame around it."""
    entry.closed = True
    entry.peers.remove(entry)
    if entry.outer is not None and entry.outer.entries:
        entry.outer.entries.remove(entry)
    if entry.run is not None:  # a task may go on in it
        entry.hits, entry.driver = NO_HITS, LATE
    _settle_outward(entry)


def _settle_outward(entry: Entry) -> None:
    """Settles a closed entry, and those around it that were closed before, out of order."""
    closed: Frame | None = entry
    while isinstance(closed, Entry) and closed.closed:
        _pass_runs_on(closed)
        settle(closed)
        closed = closed.outer


def _pass_runs_on(entry: Entry) -> None:
    """Counts what ran under a context for the frame around it."""
    if entry.runs and entry.outer is not None:
        with entry.view.registry.lock:
            entry.outer.runs += entry.runs
            entry.outer.spent += entry.spent
            entry.runs, entry.spent = 0, 0.0


def leave(entry: Entry) -> None:
    """Closes the entry in force, and puts the nearest open one around it in force again."""
    close_entry(entry)
    step_back(entry)


def step_back(entry: Entry) -> None:
    """Puts the nearest open entry or run around a closed entry in force again."""
    outer = entry.outer
    while isinstance(outer, Entry) and outer.closed:
        outer = outer.outer
    current.set(OUTSIDE if outer is None or outer is OUTSIDE.entry else outer)


def settle_late(run: Run) -> None:
    """Moves to a run what its tasks read under contexts after these were closed, or under such as they have not closed yet."""
    for entry in tuple(run.entries or ()):
        settle_within(entry)
    for entry in run.late or ():
        frame: Frame | None = entry
        while isinstance(frame, Entry):
            settle(frame)
            frame = frame.outer


def settle(entry: Entry) -> None:
    """Moves what was read so far under a context that a run opened to the frame around it."""
    outer = entry.outer
    if outer is None or outer.reads is None or entry.reads is None:
        return
    fresh = _LateReads(entry) if entry.closed else {}
    with entry.view.registry.lock:  # no target is given its first bit between the footprints that are added up here
        reads, entry.reads = entry.reads, fresh  # first, as threads may note reads meanwhile; and released after the lock
        _settle(entry, outer, reads)


def _settle(entry: Entry, outer: Frame, reads: Iterable[Memo]) -> None:
    view = entry.view
    overrides = view.overrides()
    moved = _Moved(entry, outer, overrides | view.delta, set(outer.view.cache.tokens()))
    pending = list(reads)[::-1]
    seen = set()
    while pending:
        memo = pending.pop()
        if memo not in seen:
            seen.add(memo)
            if not moved.keep(memo):
                moved.replace(memo)
                pending.extend(reversed(memo.dependencies))
    for key in view.bumped:
        if moved.extra & view.registry.bit_of(key):
            moved.extra |= _bits_met(outer, key)
    outer.extra |= moved.extra & ~overrides
    outer.transient = outer.transient or entry.transient
    if moved.inner:
        outer.inner = {**(outer.inner or {}), **moved.inner}
        view.registry.opened.add(outer)
    entry.inner, entry.extra, entry.transient = None, 0, False


def note(frame: Frame, view: View, memo: Memo, start: int | None = None) -> None:
    """Notes a read that was asked for in `frame` in this view, though it may have another by now: a context was tweaked."""
    then = frame if frame.view is view else frame_then(frame, view)
    if then.reads is None:
        return
    if start is None:
        then.reads[memo] = None
    else:
        then.reads.setdefault(memo, start)
    if isinstance(then, Run) and then.told:
        look_at(then, memo.footprint)


def frame_then(frame: Frame, view: View) -> Frame:
    """Returns a frame that hands on what it notes as `frame` did when it had this view."""
    if frame.view is view or not isinstance(frame, Entry):
        return frame
    outer = frame.outer if frame.outer is None or view.parent is None else frame_then(frame.outer, view.parent)
    then = Entry(view, outer, frame.call, None, [])
    then.closed, then.reads = True, _LateReads(then)
    then.peers.clear()  # it refers to the entry, and nobody closes that
    return then


def replacement_around(frame: Frame | None) -> Inside | None:
    """The node that a frame computes by a replacement, and that replacement."""
    run = None if frame is None else frame.run
    if run is None or run.handle is None or run.handle.spec.kind != REPLACEMENT:
        return None
    key = plain_key(run.key)
    return Inside(key, run.view.in_force.handle_of(key), run.handle)


def entries_around(frame: Any) -> Iterator[Entry]:
    """The open entries around a frame, the innermost first."""
    while isinstance(frame, (Entry, Run)):
        if isinstance(frame, Entry) and not frame.closed:
            yield frame
        frame = frame.outer


def settle_within(entry: Entry) -> None:
    """Settles an open entry and all entries inside it, the innermost first."""
    for inner in tuple(entry.entries or ()):
        settle_within(inner)
    settle(entry)


def refresh_within(entry: Entry) -> None:
    """Refreshes an open entry and all entries inside it."""
    refresh(entry)
    for inner in tuple(entry.entries or ()):
        refresh_within(inner)


def renew_within(entry: Entry) -> None:
    """Derives anew the views of an open entry and of all entries inside it, the outermost first."""
    entry.context.renew(entry)
    for inner in tuple(entry.entries or ()):
        renew_within(inner)


def refresh(entry: Entry) -> None:
    """Chooses anew whether calls in an entry are answered from hits, after its view or its listeners changed."""
    entry.refresh(entry.run)
    if entry is OUTSIDE.entry:
        OUTSIDE.activate(entry)


class _LateReads(dict[Memo, int | None]):
    """The reads of a closed entry: what was asked for before it was closed, and comes after that, goes outward at once."""

    __slots__ = ("_entry",)

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = ref(entry)  # who notes something holds it

    def __setitem__(self, memo: Memo, start: int | None) -> None:
        super().__setitem__(memo, start)
        entry = self._entry()
        if entry is not None:
            _settle_outward(entry)

    def setdefault(self, memo: Memo, start: int | None = None) -> int | None:
        """Notes a read."""
        self[memo] = start
        return start


class _Moved:
    """What the reads made under a context come to in the frame around it."""

    def __init__(self, entry: Entry, outer: Frame, hidden: int, homes: set[object]) -> None:
        self.extra = entry.extra
        self.inner = dict.fromkeys(map(entry.view.pin, entry.inner or ()))
        self._view, self._outer = entry.view, outer
        self._hidden, self._homes = hidden, homes
        self._apart = _bits_apart(entry)
        self._running = None if entry.run is None else plain_key(entry.run.key)

    def keep(self, memo: Memo) -> bool:
        """Passes a read on that saw nothing of the context; True when it did."""
        if memo.footprint & self._hidden or (memo.body != TWEAKED and memo.state.home not in self._homes):
            return False
        if self._outer.reads is not None:
            self._outer.reads[memo] = None
        return True

    def replace(self, memo: Memo) -> None:
        """Takes over the footprint of a read that does not go on, and the nodes that ran for it."""
        view, outer = self._view, self._outer
        outer.transient = outer.transient or memo.transient
        self.extra |= memo.footprint & FORGOTTEN
        key = plain_key(memo.state.key)
        noted = view.pin(key) if memo.body == 0 else key
        if key == self._running:  # the run's own bits say which tweak its node met, and what is beneath that
            noted = BENEATH, key, 0
        if memo.opened or memo.body == TWEAKED:
            self.extra |= (memo.footprint if noted is key else memo.below) & ~self._apart
        if memo.body != TWEAKED:
            self._note(noted)
        for inner in memo.inner:
            self._note(view.pin(inner))

    def _note(self, key: Key) -> None:
        """Notes a node that ran, and which tweaks around it may meet."""
        self.inner[key] = None
        if key[0] is not BENEATH:
            self.extra |= _bits_met(self._outer, key)


def _bits_apart(entry: Entry) -> int:
    """Returns the bits of functions that some nodes do not ask for around, as the contexts from here to the run say."""
    bits, view = 0, entry.view
    while entry.run is not None and view is not entry.run.view and view.parent is not None:
        bits |= view.bits_apart()
        view = view.parent
    return bits


def _bits_met(frame: Frame, key: Key) -> int:
    """Returns the bits that say which tweak a node meets in `frame`; its own alone where a context inside the run says so."""
    view: View | None = frame.view
    while view is not None and frame.run is not None and view is not frame.run.view:
        if key in view.fixed:
            return view.registry.bit_of(key)
        view = view.parent
    return own_bits(frame.view, key)
