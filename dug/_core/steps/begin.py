"""The first of the engine's two verbs: `begin` looks up a call; returns its memo, a new run, or the run in flight to join.

The caller is a driver, which is outside of the engine.  It completes a new run: it verifies an older memo by asking for its
dependencies (`verify`), or runs the body, and hands over the result by the second verb (`finish`).

**Beneath a tweak.**  A bump reads its own node as that would be without the bump, and a replacement does so when it calls the
node that it replaces.  That is a read of another key, ``(BENEATH, key, serial)``: the node in the same scenario, but meeting the
tweak with this serial, or none for 0.  Its value is that of the node wherever the node meets just that tweak, and is shared.

Steps: settle what comes before, `_recall` the memo at hand, find another (`serve` puts it at hand), else `_join_or_open`: join a
run of this scenario or of another (`_find_in_other_scenario`), or open and register one.  `take_out` takes a run out of those in
flight, `_end_entries` closes the contexts that it left.  `_open_alone` registers a run that nobody else has, `_in_full` makes the
key that a call means.
"""

from typing import Any

from ...errors import CycleError, DepthError
from ..facts.binding import Key, canonical
from ..facts.extra import OuterCall
from ..facts.homes import NO_HOMES, Homes, args_of
from ..facts.memo import ABSENT, Memo, NodeMemos
from ..facts.node import BENEATH, Node, check_key, plain_key
from ..native import machine
from ..state.cache import Cache
from ..state.emptying import drop_empty
from ..state.group import CacheGroup
from ..state.scenario import ActiveTweaks, Tweak
from ..state.view import View
from .find import find, match
from .frame import LATE, DefaultFrame, Frame, Joined, Run, frame_or_default, here, tell
from .marks import raise_due
from .waits import is_around, path_to
from .watch import bits_read, inherit, look_at_end


def begin(  # one function: the order of the search is the order of cost
    frame: Frame | DefaultFrame, key: Key, has_waited: bool = False, known: NodeMemos | None = None  # noqa: FBT001, FBT002  as below
) -> Memo | Run | Joined:
    """Looks up a call made in `frame`: returns its memo, a new run to drive, or the run in flight to join.

    Args:
        frame: where the call is made.
        key: what is called.
        has_waited: whether the caller has just waited for a run of another scenario, in vain: it is not sent to one again.
        known: the home of the node in the cache of the frame, if the caller has found it, and no memo at hand there; `ABSENT` if
            it found none.  For other callers this asks for the memo at hand.

    Raises:
        NoContextError: no context is in force.
        UnhashableArgumentError: an argument has no hash.
        CycleError: the node is being computed around the call in this very scenario.
    """
    place: Any = frame if type(frame) is not DefaultFrame else frame_or_default(f"{key[0]}()", frame)
    view, call = place.view, place.call
    cache, tweaks, group, filings = view.cache, view.tweaks, view.group, view.group.filings
    if (group.check is not None if call is None else call.due) or group.released:
        _settle_before(place, key, call, group)
    is_absent = known is ABSENT and place.homes is cache.homes and type(place.homes) is Homes  # those of a snapshot may have more
    is_quick = place.homes is not NO_HOMES  # no listener to hits, no replacement and no check: calls here are answered at once
    if is_quick and place.homes is not cache.quick:
        place.refresh(place.run)
    is_known = known is not None and known.alive and known.token is cache._token
    args = None if is_known else args_of(key)
    try:
        home = known if is_known else None if is_absent else cache.find_home(key, args)
        if is_quick and not is_known and (at_hand := _recall(cache, key, home, tweaks)) is not None:
            return at_hand
    except TypeError:  # no hash: reported properly below
        home = None
    if (home is None or not is_quick) and machine.first(key) is not BENEATH and not (is_quick and machine.is_plain(key)):
        key = _in_full(place, key)  # a replacement calls the node that it replaces by another key; its frame is never quick
        args = args_of(key)
        home = cache.find_home(key, args)
    is_beneath = machine.first(key) is BENEATH
    handle = view.handle_of(key) if is_beneath or (tweaks.content and group.node_bits(machine.first(key))) else None
    is_common = handle is None and cache.beneath is None and not is_beneath
    memo = find(view, key, handle, call) if not is_common else None if home is None else match(home, tweaks, call)
    if memo is not None:
        return serve(view, key, memo, is_heard=not is_quick)
    if home is None:
        home = cache.make_home(key, args)
        if not home.is_new():  # somebody else was quicker
            return begin(frame, key, has_waited, home)
    run = None if home.open_runs else _open_alone(_prepare(view, place, key, handle, home), filings)
    return _join_or_open(view, place, key, handle, home, not has_waited) if run is None else run


def _settle_before(frame: Frame, key: Key, call: OuterCall | None, group: CacheGroup) -> None:
    """Settles what comes before a call, which is rare: checks the outside, raises what is due, frees what was released."""
    if call is None and group.check is not None:
        group.check(frame)
    if call is not None and call.due:
        raise_due(call, frame.run, key if key[0] is BENEATH else _in_full(frame, key))
    if group.released:
        group.drain()


def _recall(cache: Cache, key: Key, home: NodeMemos | None, tweaks: ActiveTweaks) -> Memo | None:
    """Returns the memo of a node that is at hand here or in a cache beneath.

    Not if memos here would come first: each way to a hit gives the same object.
    """
    memo = None if home is None else home.recall(tweaks)
    while memo is None and cache.beneath is not None and (home is None or not home.variants):
        cache = cache.beneath
        home = cache.find_home(key)
        memo = None if home is None else home.recall(tweaks)
    return memo


def _prepare(view: View, frame: Frame, key: Key, handle: Tweak | None, home: NodeMemos) -> Run:
    """Returns a run that is not in flight yet; in the view that was searched, though the frame may have another by now."""
    met = None if handle is not None and handle.is_untweak else handle
    run = Run.__new__(Run)
    run.begin(view, frame, frame.call or OuterCall(), key, met, home)
    if run.depth > view.max_depth:
        raise DepthError(view.max_depth, _innermost(run))
    return run


def _innermost(run: Run) -> tuple[Node[Any], ...]:
    """Returns the last few nodes down to that of a run."""
    path: list[Node[Any]] = []
    around: Run | None = run
    while around is not None and len(path) < 6:
        path.append(Node._of(around.key))
        around = None if around.outer is None else around.outer.run
    return tuple(reversed(path))


def _open_alone(run: Run, filings: int) -> Run | None:
    """Enters a run among those in flight, unless there are others of its node, or memos were filed since it was searched."""
    home, group = run.home, run.view.group
    group.lock.acquire()
    try:
        if not home.open_runs and group.filings == filings and home.alive:
            return _register(run)
    finally:
        group.lock.release()
    return None


def _register(run: Run) -> Run:
    """Enters a run among those in flight; under the lock."""
    home = run.home
    run.view.tweaks.running[home] = home.open_run = run
    home.open_runs += 1
    inherit(run)
    return run


def _join_or_open(  # noqa: PLR0917  compiled functions are called by position
    view: View, frame: Frame, key: Key, handle: Tweak | None, home: NodeMemos, is_patient: bool  # noqa: FBT001  also
) -> Memo | Run | Joined:
    """Returns the answer to a call whose node is in flight elsewhere, or whose memo another thread may just have filed.

    Raises:
        CycleError: the node is in flight around the call, in this scenario.
    """
    group = view.group
    running = view.tweaks.running
    while True:
        filings = group.filings
        other: Run | None = running.get(home)
        if other is not None and is_around(frame, other):
            raise CycleError(tuple(map(Node._of, (*path_to(frame, other), key))))
        if other is not None and not _is_suspended_here(other, key):
            return Joined(other)
        memo = find(view, key, handle, frame.call)
        if memo is not None:
            return serve(view, key, memo, is_heard=frame.homes is NO_HOMES)
        elsewhere = _find_in_other_scenario(home, view, frame, key) if other is None and is_patient else None
        if elsewhere is not None:
            return elsewhere
        run = _prepare(view, frame, key, handle, home)
        with group.lock:
            if home.alive and group.filings == filings and running.get(home) is other:
                return _register(run) if other is None else run
        if not home.alive:  # looked up without the lock, as it hashes and compares arguments
            home = view.cache.home_of(key)


def _is_suspended_here(other: Run, key: Key) -> bool:
    """True when the run is further down on the stack of this very thread, which would wait for itself."""
    return not other.has_task and other.thread == here() and not plain_key(key)[0].is_async


def _find_in_other_scenario(home: NodeMemos, view: View, frame: Frame, key: Key) -> Joined | None:
    """Returns an open run of another scenario that may answer here, by the node's newest memo, else by the run's reads so far.

    The second is the case of a cold node: the wait is over as soon as the run reads something that the two scenarios tweak
    differently.
    """
    known, other = home.newest, home.open_run
    if other is None or other.is_done or _is_suspended_here(other, key) or is_around(frame, other):
        return None
    differing = Tweak.bits_of(other.view.tweaks.handles ^ view.tweaks.handles)
    if known is not None:
        return None if known.footprint & differing else Joined(other, is_optional=True)
    if key[0] is BENEATH or bits_read(other) & differing:
        return None
    return Joined(other, is_optional=True, differs=differing)


def serve(view: View, key: Key, memo: Memo, *, is_heard: bool = False) -> Memo:
    """Keeps a memo that answers at hand, and returns it."""
    if memo.is_stored:
        memo.take_value()  # nothing else is at hand
    if (memo.extra is None or memo.extra.call is None) and machine.first(key) is not BENEATH:
        memo.home.keep_at_hand(memo, view.tweaks)
    if is_heard and machine.any_in(view.listeners):
        tell(view, "hit", key)
    return memo


def take_out(run: Run) -> None:
    """Takes a run out of those in flight; under the lock, so that a caller that finds it there can still join it."""
    home, running = run.home, run.view.tweaks.running
    if run.watched:
        look_at_end(run)
        run.watched = None  # it is one of those
    run.is_done = True
    run.homes = NO_HOMES
    run.driver = LATE
    run.served = None
    if run.opened:
        _end_entries(run)
        run.entries = run.late_reads = None  # they refer back to it
    if running.get(home) is run:
        home.open_runs -= 1
        del running[home]
    if home.open_run is run:
        home.open_run = None
    if run.is_beneath:
        drop_empty(run.view.cache, [home])


def _end_entries(frame: Frame) -> None:
    """Marks the contexts of a finished run closed, so that late tasks are detected."""
    for entry in frame.entries or ():
        entry.homes, entry.driver = NO_HOMES, LATE
        _end_entries(entry)


def _in_full(frame: Frame, key: Key) -> Key:
    """Returns the key that a call means: canonical, and inside a replacement of the node itself, the key beneath it."""
    key = canonical(key)
    check_key(key)
    run = frame.run
    if run is None or run.handle is None or not run.handle.spec.replaces or plain_key(run.key) != key:
        return key
    if frame is not run and frame.view.tweaks.handle_of(key) is not run.view.tweaks.handle_of(key):
        return key  # a context inside the replacement tweaks the node again
    return run.handle.key_beneath(key)
