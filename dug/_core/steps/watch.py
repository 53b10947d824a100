"""Waiting for a run of another scenario: `follow`, `look_at` end the wait as soon as it reads what the two tweak differently.

Such a wait names the bits of the targets that are tweaked differently (`Wait.differs`).  The watched run, all runs that are open
inside it and all that these wait for are a part of it: each of them refers to the runs that are watched so (`Run.watched`), and
calls in it are not answered at once, so that each of its reads is checked here.  A run without such waiters pays nothing for it.

If a run cannot be followed its waiters are woken at once: a run that opens a context reads under tweaks of its own.

`bits_read`, `look_at_held` and `look_at_end` are its other looks, `inherit` has a run inside watched too, `_list_inside` finds
those.
"""

from collections.abc import Iterable
from typing import Any

from ..facts.binding import Key
from ..facts.homes import NO_HOMES
from ..facts.node import plain_key
from ..facts.sparse import BitSet, union
from ..state.group import CacheGroup
from .frame import Run, Wait, run_of
from .waits import let_go

ALL = -1
"""The bits of everything."""


def bits_read(target: Run) -> BitSet:
    """Returns the bits of all that a run has consulted so far, with the runs open inside it and those that these wait for."""
    runs = _list_inside(target)
    return ALL if runs is None else _add_up(runs)


def follow(wait: Wait) -> None:
    """Makes a wait that has begun end when it should, and also waits of others for the asker.

    Watches its run if the wait names bits; ends the wait at once when the run has read one of them.  The reads of the run that
    the asker waits for count for the watchers of the asker.
    """
    run, holder = wait.run, wait.frame.run
    watched = (holder.watched if holder is not None else None) or frozenset()
    if wait.differs:
        watched |= {run}
    if watched:
        with run.view.group.lock:
            if not run.is_done:
                _watch_inside(run, watched)


def look_at(run: Run, bits: BitSet) -> None:
    """Wakes the waiters of a watched run, or of one around it, when its read has one of the bits they named."""
    with run.view.group.lock:
        look_at_held(run, bits)


def look_at_held(run: Run, bits: BitSet) -> None:
    """`look_at` under the lock."""
    if run.watched and not _wake(run.watched, bits) and not run.is_done:
        run.watched = None
        run.refresh(run)


def look_at_end(run: Run) -> None:
    """`look_at` for all that a run has read, as it ends: a thread that does not check may have noted some; under the lock."""
    look_at_held(run, _add_up([run]))


def inherit(run: Run) -> None:
    """Watches a run too that opens inside a watched one; under the lock."""
    around = run_of(run.outer)
    if around is not None and around.watched is not None and around.watched:
        run.watched, run.homes = around.watched, NO_HOMES
        look_at_held(run, _own_bits(run.view.group, run.key))


def _wake(watched: Iterable[Run], bits: BitSet) -> bool:
    """Wakes the waiters that named one of the bits; true when others wait on."""
    waits = [wait for run in watched if not run.is_done for wait in run.waits or () if wait.differs]
    for wait in waits:
        if wait.differs & bits:
            let_go(wait)
    return not all(wait.differs & bits for wait in waits)


def _watch_inside(target: Run, watched: frozenset[Run]) -> None:
    runs = _list_inside(target)
    for run in runs or ():
        run.watched = watched if run.watched is None else run.watched | watched
        run.homes = NO_HOMES
    _wake(watched, ALL if runs is None else _add_up(runs))  # after that, so that no read is missed in between


def _add_up(runs: Iterable[Run]) -> BitSet:
    sets: list[BitSet] = []
    for run in runs:
        sets += run.closed_footprint, _own_bits(run.view.group, run.key)
        sets += [memo.footprint for memo in tuple(run.reads)]
    bits: BitSet = union(sets)
    return bits


def _own_bits(group: CacheGroup, key: Key) -> BitSet:
    """Returns the bits that say whether a node is tweaked."""
    plain = plain_key(key)
    return group.bit_of(plain) | group.bit_of(plain[0]) if group.node_bits(plain[0]) else 0


def _list_inside(target: Run) -> list[Run] | None:
    """Returns a run, those open inside it, and those that these wait for; None when one of them has opened a context.

    Complexity: O(runs that are open in its scenario).
    """
    found: dict[Run, None] = {}
    pending = [target]
    while pending:
        top = pending.pop()
        if top in found:
            continue
        inside: dict[Run, bool] = {top: True}
        for run in (top, *tuple(top.view.tweaks.running.values())):
            if run not in found and _is_inside(run, inside):
                if run.opened:
                    return None
                found[run] = None
                pending += [wait.run for wait in tuple(run.held_up or ()) if not wait.run.is_done]
    return list(found)


def _is_inside(run: Run, known: dict[Run, bool]) -> bool:
    """True when a run is open inside one of those that are known to be; notes it of all that are passed."""
    passed = []
    around: Any = run
    while around is not None and around not in known:
        passed.append(around)
        around = None if around.outer is None else around.outer.run
    answer = around is not None and known[around]
    known.update(dict.fromkeys(passed, answer))
    return answer
