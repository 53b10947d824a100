"""Whether what a cursor waits for will ever come: `check_room` finds out that a pump waits for the cursor itself to read on.

A pump waits for its slowest reader with ``keep=``, else for its fastest.  The run that has this reader is found as for any wait;
but a reader of a cursor outside of every memoised function belongs to no run, so the cursor looks itself, each time that it is
about to sleep.

`_find_way` finds the runs between the pump and the cursor, `_find_awaited` the reader that a pump waits for.
"""

from collections.abc import Collection
from typing import Any

from .._core.read import Node, Run
from .._functions.reader import Reader
from .._functions.stream_driver import explain_keep
from .._functions.tape import Tape, tape_of
from ..errors import CycleError


def check_room(pending: Collection[Reader[Any]], own: Collection[Reader[Any]]) -> bool:
    """Returns whether a pump waits for a reader of a cursor; refuses to wait for what never comes.

    A pump along the circle that keeps all items writes on instead.

    Args:
        pending: the readers of which any may let the cursor go on.
        own: all its readers for which pumps may have to wait.

    Raises:
        CycleError: each of `pending` waits, directly or through others, for the cursor to read on.

    Complexity: O(runs that they wait for, directly or through others).
    """
    readers = {reader for reader in own if reader not in pending}  # else it is about to go on
    if not any(_find_awaited(reader._tape) is reader for reader in readers):
        return False
    held: set[Tape] = set()
    ways = [_find_way(reader._tape, readers, held) for reader in pending]
    if not ways or not all(ways):
        return True
    if held:
        for tape in held:
            tape.urge()
        return True
    path = [Node[Any]._of(run.key) for run in ways[0]]
    error = CycleError((*path, path[0]))
    explain_keep(error, ways[0][-1])
    raise error


def _find_awaited(tape: Tape | None) -> Any:
    """Returns the reader for which the pump of a tape waits; None for one that does not."""
    awaited = tape.awaited if tape is not None and tape.room else None
    return None if awaited is None else awaited()


def _find_way(tape: Tape | None, readers: Collection[Any], held: set[Tape]) -> list[Run]:
    """Returns the runs from the pump of a tape to one that waits for a reader; empty unless all their waits lead to such.

    Adds to `held` the tapes along the way whose pumps wait for room and keep all items.
    """
    first = None if tape is None else tape.run
    if first is None:
        return []
    came_from: dict[Run, Run | None] = {first: None}
    pending, last = [first], None
    while pending:
        run: Run | None = pending.pop()
        written = tape_of(run)
        if written is not None and written.keep is None and written.room:
            held.add(written)
            last = run
            continue
        if _find_awaited(written) in readers:
            last = run
            continue
        waits = [wait.run for wait in tuple(run.held_up or ())]  # type: ignore[union-attr]  # it is one
        if not waits:
            return []
        for one in waits:
            if one not in came_from:
                came_from[one] = run
                pending.append(one)
    way: list[Run] = []
    while last is not None:
        way.insert(0, last)
        last = came_from[last]
    return way
