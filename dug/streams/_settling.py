"""Whether something is on its way to a reader: `is_stirring` tells streams that may give an item in the next turns of the loop.

A pump that waits for another stream gives nothing before that does.  One that waits for nothing in dug goes on, or waits for the
outside: nobody can tell which, so whoever asks looks again for some turns of the loop only.  A source without streams of its own
is taken to wait for the outside.
"""

from collections.abc import Iterable
from typing import Any

from .._core.read import Run
from .._functions.any_reader import is_of_source
from .._functions.reader import Reader
from .._functions.tape import OPEN, tape_of


def is_stirring(readers: Iterable[Reader[Any]]) -> bool:
    """True when an item may be on its way to one of these readers, which have read all that is there.

    Complexity: O(runs that they wait for, directly or through others).
    """
    tapes = [reader._tape for reader in readers]
    pending = [tape.run for tape in tapes if tape is not None and tape.run is not None and tape.state == OPEN]
    known: set[Run] = set()
    while pending:
        run = pending.pop()
        if run in known or run.is_done:
            continue
        known.add(run)
        waits = [wait.run for wait in tuple(run.held_up or ())]
        if not waits and not _is_at_rest(run):
            return True
        pending += waits
    return False


def _is_at_rest(run: Run) -> bool:
    """True for a run that waits for nothing in dug, and is not about to go on either."""
    tape = tape_of(run)
    if tape is not None and tape.room:  # for readers to go on
        return True
    return is_of_source(run)
