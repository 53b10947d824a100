"""Concurrent reads of one run (``asyncio.gather``): `note_starts` notes them, `find_ends` says which to verify together.

For a read of a coroutine function, a run notes how many reads it had when it asked (its *start*).  A read whose start is at most
the number of reads known to hold can be asked for together with them: the body did not need more to ask for it.  Other reads
have no start, and count as needing all reads before them.

`read_starts` reads the starts back from a memo.
"""

from collections.abc import Iterable

from ..facts.memo import Memo


def find_ends(memo: Memo) -> list[int]:
    """Returns the places where the batches end in which the reads of a memo can be verified together, the last one first."""
    starts, ends, first = memo.read_starts or (), list[int](), 0
    for place in range(1, len(memo.dependencies)):
        if _start(starts, place) > first:
            ends.append(place)
            first = place
    ends.append(len(memo.dependencies))
    return ends[::-1]


def read_starts(reads: dict[Memo, int | None], asked: dict[Memo, int | None] | None) -> tuple[int | None, ...] | None:
    """Returns the starts of the reads of a run; None when there are none.

    A read that was a hit, because a failed verification had asked for it (with the other reads in `asked`), was asked for there:
    it starts when all reads that it needed there have been made here.
    """
    if not asked:
        starts = tuple(reads.values())
        return starts if any(start is not None for start in starts) else None
    places = {memo: place for place, memo in enumerate(reads)}
    needed, farthest = [0], 0  # by the number of reads there: how many reads here cover all of them
    for memo in asked:
        farthest = max(farthest, places.get(memo, -1) + 1)
        needed.append(farthest)
    return tuple(
        start if start is not None or asked.get(memo) is None else needed[asked[memo] or 0] for memo, start in reads.items()
    )


def note_starts(memo: Memo, reads: Iterable[Memo], starts: tuple[int | None, ...] | None) -> None:
    """Notes in the memo of a run the starts of its reads, unless it was filed with other dependencies."""
    if starts is not None and memo.dependencies == tuple(reads):
        memo.make_extra().read_starts = starts


def _start(starts: tuple[int | None, ...], place: int) -> int:
    start = starts[place]
    return place if start is None else start
