"""Items of streams, for a store: how far each item's generator had read, and what the items were when it gave them.

`WatchedItems` is the list of the items of a tape in a context with a store, and notes both as they come.  `digest_span` returns
the digest of some items of a stream; `split` parts what was read of one so that a look stops soon at items that differ.
`are_as_given` tells whether items are still what their generator gave.
"""

from collections.abc import Iterator
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary, ref

from .._core.read import Memo
from .._functions.stream import AnyStream
from .._functions.tape import Tape
from ._digest import NO_DIGEST, digest_bytes, digest_value, is_fixed
from ._path import Span

Progress = tuple[int, int, bool]
"""From which own item on, up to which position, and whether to the end, a generator has read another stream."""


class WatchedItems(list[Any]):
    """The items of a tape, from its first one on; of one that was trimmed a plain list is left."""

    __slots__ = ("digests", "progress", "search", "started", "tape")

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = ref(tape)
        self.started = perf_counter()
        """When its generator began."""
        self.search: Any = None
        """The look for kept items of this stream, if they are looked for."""
        self.digests: dict[int, bytes] = {}
        """Those of the items that can be changed, by their position, from before anybody had them."""
        self.progress: WeakKeyDictionary[AnyStream[Any], list[Progress]] = WeakKeyDictionary()
        """How far the generator had read other streams, item by item."""

    def append(self, item: Any) -> None:
        """Takes the next item."""
        if not is_fixed(item):
            self.digests[len(self)] = digest_value(item)
        self.note_progress(len(self))
        super().append(item)

    def note_progress(self, place: int) -> None:
        """Notes how far other streams were read before the item at a place, or the end."""
        tape = self.tape()
        reached = None if tape is None else tape.reached
        if reached is None:
            return
        for stream, reach in reached.items():
            steps = self.progress.setdefault(stream, [])
            if not steps or steps[-1][1:] != (reach.position, reach.is_end):
                steps.append((place, reach.position, reach.is_end))


def are_as_given(items: Any, first: int, end: int) -> bool | None:
    """True for items of a tape that are as their generator gave them; None where one has no codec, so that nobody can tell.

    Args:
        items: all from the first one on.
        first: the position of the first one.
        end: the position after the last one.
    """
    for place, item in enumerate(items[first:end], first):
        if not is_fixed(item):
            known = items.digests.get(place) if type(items) is WatchedItems else None
            if known == NO_DIGEST:
                return None
            if known is None or digest_value(item) != known:
                return False
    return True


def digest_span(mark: Memo, span: Span) -> bytes | None:
    """Returns the digest of what a run that has passed a mark can have read.

    It is `NO_DIGEST` where it is not known, or has no codec, and None where an item may have been changed in place.
    """
    kept = mark.value.find_kept()
    is_over = mark.value.is_end
    if kept.base or (kept.end < span.end and not is_over):
        return NO_DIGEST
    end = min(span.end, kept.end)
    as_given = are_as_given(kept.values, span.first, end)
    if not as_given:
        return NO_DIGEST if as_given is None else None
    digest = digest_value(kept.values[span.first : end])
    if digest == NO_DIGEST:
        return NO_DIGEST
    ends_here = is_over and (kept.end < span.end or (span.is_end and kept.end == span.end))
    return digest_bytes(digest, b"end" if ends_here else b"more")


def split(span: Span) -> Iterator[Span]:
    """Yields the parts of what a run has read: each twice as far as the one before, so that a look reads on by no more than that.

    The end is a part by itself: a run of other items may come to it sooner, or never.
    """
    first = span.first
    while first < span.end:
        last = min(span.end, max(1, 2 * first))
        yield Span(first, last, False)
        first = last
    if span.is_end:
        yield Span(span.end, span.end, True)
