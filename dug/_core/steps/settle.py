"""Moves the reads made under a context that a run opened to the frame around it: `move_reads`, when the context closes.

A memo that saw the tweaks of the context, or is in a cache of its own, does not hold outside.  In its place the frame around gets

* as reads, the nearest of the memos that it read, directly or through others, that do hold outside;
* its footprint, without the bits that the context overrides;
* as `inner_nodes`, the nodes that ran for it, so that forgetting one of them forgets the run.

A node that ran because the context untweaks it is noted as beneath its tweaks (`View.pin`): it meets no tweak of it or its
function from around.  Other nodes of that function may, so the bit of the function comes from those alone.  No memo
made under such a context is kept alive.

`_Moved` is that frame's share: what it keeps, and what replaces it; `_bits_apart` and `_bits_met` are the parts of its footprint.
"""

from collections.abc import Iterable

from ..facts.binding import Key
from ..facts.memo import FORGOTTEN, TWEAKED, Memo
from ..facts.node import BENEATH, plain_key
from ..facts.sparse import BitSet, without
from ..state.view import View, own_bits
from .frame import Frame, OpenContext


def move_reads(entry: OpenContext, outer: Frame, reads: Iterable[Memo]) -> None:
    """Adds to a frame the reads under a context inside it, in the form in which they hold there; under the lock."""
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
        if moved.closed_footprint & view.group.bit_of(key):
            moved.closed_footprint |= _bits_met(outer, key)
    outer.closed_footprint |= without(moved.closed_footprint, overrides)
    outer.transient = outer.transient or entry.transient
    if moved.inner_nodes:
        outer.inner_nodes = {**(outer.inner_nodes or {}), **moved.inner_nodes}
        view.group.opened.add(outer)
    entry.inner_nodes, entry.closed_footprint, entry.transient = None, 0, False


class _Moved:
    """The reads made under a context, in the form in which the frame around gets them."""

    def __init__(self, entry: OpenContext, outer: Frame, hidden: BitSet, tokens: set[object]) -> None:
        self.closed_footprint = entry.closed_footprint
        self.inner_nodes = dict.fromkeys(map(entry.view.pin, entry.inner_nodes or ()))
        self._view, self._outer = entry.view, outer
        self._hidden, self._tokens = hidden, tokens
        self._apart = _bits_apart(entry)
        self._running = None if entry.run is None else plain_key(entry.run.key)

    def keep(self, memo: Memo) -> bool:
        """Passes a read on that saw nothing of the context; True when it did."""
        if memo.footprint & self._hidden or (memo.body != TWEAKED and memo.home.token not in self._tokens):
            return False
        if self._outer.reads is not None:
            self._outer.reads[memo] = None
        return True

    def replace(self, memo: Memo) -> None:
        """Takes over the footprint of a read that does not go on, and the nodes that ran for it."""
        view, outer = self._view, self._outer
        outer.transient = outer.transient or memo.transient
        self.closed_footprint |= memo.footprint & FORGOTTEN
        key = plain_key(memo.home.key)
        noted = view.pin(key) if memo.body == 0 else key
        if key == self._running:  # the run's own bits say which tweak its node met, and all tweaks beneath that one
            noted = BENEATH, key, 0
        if memo.opened or memo.body == TWEAKED:  # a node that is pinned met no tweak from around: only its reads bring bits
            self.closed_footprint |= without(memo.footprint if noted is key else memo.footprint_below, self._apart)
        if memo.body != TWEAKED:
            self._note(noted)
        for inner in memo.inner_nodes:
            self._note(view.pin(inner))

    def _note(self, key: Key) -> None:
        """Notes a node that ran, and which tweaks around it may meet."""
        self.inner_nodes[key] = None
        if key[0] is not BENEATH:
            self.closed_footprint |= _bits_met(self._outer, key)


def _bits_apart(entry: OpenContext) -> BitSet:
    """Returns the bits of the functions of which a context from here to the run fixes single nodes.

    Such a node does not ask for a tweak of its function around.
    """
    bits: BitSet = 0
    view = entry.view
    while entry.run is not None and view is not entry.run.view and view.parent is not None:
        bits |= view.bits_apart()
        view = view.parent
    return bits


def _bits_met(frame: Frame, key: Key) -> BitSet:
    """Returns the bits that say which tweak a node meets in `frame`; only its own if a context inside the run fixes it."""
    view: View | None = frame.view
    while view is not None and frame.run is not None and view is not frame.run.view:
        if key in view.fixed:
            return view.group.bit_of(key)
        view = view.parent
    return own_bits(frame.view, key)
