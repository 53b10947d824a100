"""Opens and closes contexts: `open_entry`, `leave`, and what becomes of reads made under a context inside a run.

What is read under a context that a run opened is moved to the run when the context closes (`settle`).  A read that saw its
tweaks, or is in a cache of its own, is replaced by the nearest memos below that are not; its footprint is kept without the bits
that the context overrides; and the nodes that ran are noted as `inner`, so that forgetting one of them forgets the run.  A node
that the context untweaks is noted as beneath its tweaks: whoever tweaks it around changes nothing.  No memo made under such a
context is kept alive.
"""

from typing import Any

from ._binding import Key
from ._frame import OUTSIDE, Entry, Frame, current
from ._memo import TWEAKED
from ._node import BENEATH
from ._registry import plain_key
from ._view import View, own_bits


def open_entry(context: Any, outer: Frame | None, view: View, peers: list[Entry]) -> Entry:
    """Opens an entry of a context inside `outer` and puts it in force."""
    entry = Entry(view, outer, outer.call if outer else None, context, peers)
    if isinstance(outer, Entry):
        outer.entries.append(entry)
    if entry.run is not None:
        entry.run.opened = True
    current.set(entry)
    return entry


def close_entry(entry: Entry) -> None:
    """Closes an entry and hands what was read under it to the frame around it."""
    entry.closed = True
    entry.peers.remove(entry)
    if isinstance(entry.outer, Entry):
        entry.outer.entries.remove(entry)
    closed: Frame | None = entry
    while isinstance(closed, Entry) and closed.closed:  # one around may have been closed before, out of order
        settle(closed)
        closed = closed.outer


def leave(entry: Entry) -> None:
    """Closes the entry in force, and puts the nearest open one around it in force again."""
    close_entry(entry)
    outer = entry.outer
    while isinstance(outer, Entry) and outer.closed:
        outer = outer.outer
    current.set(OUTSIDE if outer is None or outer is OUTSIDE.entry else outer)


def settle(entry: Entry) -> None:
    """Moves what was read so far under a context that a run opened to the frame around it."""
    outer = entry.outer
    if outer is None or outer.reads is None or entry.reads is None:
        return
    view = entry.view
    running = None if entry.run is None else plain_key(entry.run.key)
    homes = set(outer.view.cache.tokens())
    overrides = view.overrides()
    hidden = overrides | view.delta
    extra = entry.extra
    inner = dict.fromkeys(map(view.pin, entry.inner or ()))
    pending = list(reversed(entry.reads))
    seen = set()
    while pending:
        memo = pending.pop()
        if memo in seen:
            continue
        seen.add(memo)
        is_value = memo.body == TWEAKED
        if not memo.footprint & hidden and (is_value or memo.state.home in homes):
            outer.reads[memo] = None
            continue
        outer.transient = outer.transient or memo.transient
        key = plain_key(memo.state.key)
        noted = view.pin(key) if memo.body == 0 else key
        if key == running:  # the run's own bits say which tweak its node met, and what is beneath that
            noted = BENEATH, key, 0
        if memo.opened or is_value:
            extra |= memo.footprint if noted is key else memo.below
        elif noted is key:
            extra |= _bits_met(outer, key)
        if not is_value:
            inner[noted] = None
        inner.update(dict.fromkeys(map(view.pin, memo.inner)))
        pending.extend(reversed(memo.dependencies))
    for key in view.bumped:
        if extra & view.registry.bit_of(key):
            extra |= _bits_met(outer, key)
    outer.extra |= extra & ~overrides
    outer.transient = outer.transient or entry.transient
    if inner:
        outer.inner = {**(outer.inner or {}), **inner}
        view.registry.opened.add(outer)
    entry.reads, entry.inner, entry.extra, entry.transient = {}, None, 0, False


def _bits_met(frame: Frame, key: Key) -> int:
    """Returns the bits that say which tweak a node meets in `frame`; its own alone where a context inside the run says so."""
    view: View | None = frame.view
    while view is not None and frame.run is not None and view is not frame.run.view:
        if key in view.fixed:
            return view.registry.bit_of(key)
        view = view.parent
    return own_bits(frame.view, key)
