"""The two verbs: `begin` answers a call or opens a run of it, `finish` and its sisters close the run and file what it left.

A driver (synchronous here, others beside it) does what lies between: it verifies a candidate by asking for its dependencies, or
runs the body.

**Beneath a tweak.**  A bump reads its node as it would be without this one tweak, and a replacement does so when it calls the
same node.  That is a read of another key, ``(BENEATH, key, serial)``: the node in the same scenario, meeting the tweak `serial`
instead, or none for 0.  What it gives is what the node gives wherever it meets just that, and is shared with all of these.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import attrgetter, or_
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from ..errors import CycleError
from ._binding import Key, canonical
from ._cache import Cache
from ._entry import close_entry, leave
from ._events import Event
from ._find import find, find_masked, handle_of, match
from ._frame import NO_HITS, OUTSIDE, Entry, Frame, Outside, Run, current, frame_in_force, taint
from ._memo import NO_TWEAKS, Call, Failure, Memo, Restriction, State
from ._node import BENEATH, check_key, node_of
from ._registry import plain_key
from ._scenario import REPLACEMENT, UNTWEAK, Handle
from ._view import View, own_bits

_footprint = attrgetter("footprint")
_transient = attrgetter("transient")
_CONSUMABLE = frozenset({GeneratorType, CoroutineType, AsyncGeneratorType})


def begin(frame: Frame | Outside, key: Key) -> Memo | Run:  # noqa: C901  the order of the search is the order of cost
    """Returns the memo that answers a call made in `frame`, or the run that a driver must bring to its end.

    Raises:
        NoContextError: no context is in force.
        UnhashableArgumentError: an argument has no hash.
        CycleError: the node is being computed in this very scenario by the same outermost call.
    """
    if isinstance(frame, Outside):
        frame = frame_in_force(f"{key[0]}()")
    if frame.run is not None and frame.run.raised is not None:
        _raise_due(frame.run, key)
    view = frame.view
    if frame.hits is view.hits:
        memo = _find_near(view, key)
        if memo is not None:
            return memo
    cache, in_force, registry = view.cache, view.in_force, view.registry
    if registry.released:
        registry.drain()
    try:
        state = cache.states.get(key)
    except TypeError:  # no hash: said properly below
        state = None
    if key[0] is not BENEATH and (state is None or frame.hits is NO_HITS):
        key = _in_full(frame, key)
        state = cache.states.get(key)
    handle = handle_of(view, key) if in_force.content else None
    if handle is None and cache.beneath is None and key[0] is not BENEATH:
        memo = None if state is None else match(state, in_force, frame.call)
    else:
        memo = find(view, key, handle, frame.call)
    if memo is None:
        return _open(frame, key, handle, state)
    if memo.call is None:
        view.hits[key] = memo
    if any(view.listeners):
        _emit(view, Event("hit", node_of(key)))
    return memo


def _raise_due(run: Run, key: Key) -> None:
    """Raises what went out of a node while the run that now asks for it was verified."""
    if run.raised is not None and run.raised[0] == key:
        error, run.raised = run.raised[1], None
        raise error


def check_value(run: Run, value: Any) -> Any:
    """Returns the value of a run.

    Raises:
        TypeError: it can be consumed once only.
        BaseException: what went out of a node while this one was verified, when the body did not ask for it.
    """
    if type(value) in _CONSUMABLE:
        raise TypeError(f"{node_of(run.key)} returned a {type(value).__name__}, which can be consumed once. Return a tuple.")
    if run.raised is not None:
        raise run.raised[1]
    return value


def _open(frame: Frame, key: Key, handle: Handle | None, state: State | None) -> Run:
    """Opens the run of a node that no memo answers for."""
    call = frame.call or Call()
    running = frame.view.in_force.running
    open_run = running.get(key)
    if open_run is not None and open_run.call is call:
        raise CycleError(_path(frame, open_run))
    if handle is not None and handle.spec.kind == UNTWEAK:
        handle = None
    run = running[key] = Run(frame.view, frame, call, key, handle, state)
    return run


def candidates(run: Run) -> list[Memo]:
    """Returns the older memos of the node that may turn out to hold here as well, the likeliest first.

    One that another body made, that failed, or whose run opened a context is not among them.
    """
    key, view, state = run.key, run.view, run.state
    found: list[Memo | None] = [] if state is None else [state.plain, state.newest]
    if view.parent is not None:
        found.insert(0, find_masked(view, key))
    if view.cache.beneath is not None:
        found.extend(_known(view.cache.beneath, key))
    if key[0] is BENEATH:
        found.extend(_known(view.cache, key[1]))
    elif view.cache.holds_beneath:
        found.extend(_known(view.cache, (BENEATH, key, run.body)))
    first = found[0] if found else None
    if first is not None and found.count(first) == len(found):  # nearly always: what is known is one memo
        return [first] if first.is_verifiable(run.body) else []
    return [memo for memo in dict.fromkeys(found) if memo is not None and memo.is_verifiable(run.body)]


def expect(run: Run, reads: Iterable[Memo]) -> None:
    """Makes hits of those memos that read no tweak and meet none here: the body of `run` is likely to read them again."""
    sieve, hits = run.view.in_force.sieve, run.view.hits
    hits.update({read.state.key: read for read in reads if not read.sieve & sieve})


def finish(run: Run, value: Any, seconds: float, kind: str = "computed", failure: Failure | None = None) -> Memo:
    """Files what a run gave and returns the memo that stands for it; tells who listens."""
    view, call = run.view, run.call
    registry = view.registry
    if current.get() is not run:
        _close_left_open(run)
    running = view.in_force.running
    if running.get(run.key) is run:
        del running[run.key]
    reads = tuple(run.reads)
    transient = run.transient or (failure is not None and plain_key(run.key)[0].kind == "source")
    with registry.lock:
        footprints = map(_footprint, reads)
        below = reduce(or_, footprints if len(reads) < 8 else set(footprints), run.extra)
        if call.failures:  # what rests on a failure serves only within its call
            transient = transient or any(map(_transient, reads))
        state, below, footprint, restriction = _place(run, below, reads)
        only_in = call if transient or failure is not None else None
        inner = () if run.inner is None else tuple(run.inner)
        memo = Memo(
            state, value, failure, reads, inner, footprint, below, restriction, run.body, seconds, only_in, transient, run.opened
        )
        if run.tainted or run.generation != registry.generation:
            taint(run.outer)
        else:
            memo = view.cache.file(memo, view.in_force)
            if only_in is None:
                view.hits[run.key] = memo
    if failure is not None:
        call.failures.append(memo)
    if any(view.listeners):
        _emit(view, Event(kind, node_of(run.key), memo.seconds, failure.error if failure else None))
    if call.failures:
        _end_call(run)
    return memo


def keep(run: Run, candidate: Memo) -> Memo:
    """Files the value of a verified memo with the dependencies that verified it (early cut-off)."""
    return finish(run, candidate.value, candidate.seconds, "reused")


def fail(run: Run, error: Exception, seconds: float) -> Memo:
    """Files the user's exception that a run raised, for as long as its outermost call lasts."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    return finish(run, None, seconds, "failed", Failure(error, traceback))


def abandon(run: Run) -> None:
    """Closes a run that leaves no memo, because what it raised must not be remembered."""
    run.tainted = True
    _close_left_open(run)
    running = run.view.in_force.running
    if running.get(run.key) is run:
        del running[run.key]
    taint(run.outer)
    _end_call(run)


def unwind(entry: Entry) -> None:
    """Leaves an entry, and all that is left inside it of runs that were interrupted."""
    frame = current.get()
    while frame is not entry:
        if isinstance(frame, Run):
            abandon(frame)
        elif not frame.closed:
            close_entry(frame)
        frame = frame.outer
        current.set(frame)
    leave(entry)


def beneath(handle: Handle, key: Key) -> Key:
    """Returns the key of a node as it is beneath one tweak of it."""
    under = handle.beneath()
    return BENEATH, plain_key(key), 0 if under is None else under.serial


def _find_near(view: View, key: Key) -> Memo | None:
    """Returns what the view or the one around it holds for a key as it came, which is what most reads in a scenario need."""
    around = view.parent
    try:
        memo = view.hits.get(key)
        if memo is None and around is not None:
            memo = around.hits.get(key)
            if memo is not None:
                if memo.footprint & view.delta:
                    return None
                view.hits[key] = memo
    except TypeError:  # no hash: said properly by who comes next
        return None
    return memo


def _in_full(frame: Frame, key: Key) -> Key:
    """Returns the key that a call means: canonical, and inside a replacement of the node itself, beneath that."""
    key = canonical(key)
    check_key(key)
    run = frame.run
    if run is None or run.handle is None or run.handle.spec.kind != REPLACEMENT or plain_key(run.key) != key:
        return key
    if frame is not run and frame.view.in_force.handle_of(key) is not run.view.in_force.handle_of(key):
        return key  # a context inside the replacement tweaks the node anew
    return beneath(run.handle, key)


def _known(cache: Cache | None, key: Key) -> Iterator[Memo | None]:
    """What is known of a node in a cache and in those beneath it, in force or not."""
    while cache is not None:
        state = cache.states.get(key)
        if state is not None:
            yield state.plain
            yield state.newest
        cache = cache.beneath


def _place(run: Run, below: int, reads: tuple[Memo, ...]) -> tuple[State, int, int, Restriction]:
    """Says where the memo of a run belongs: to which state, with what footprint and restriction.

    What a run beneath a tweak gives is what the node gives wherever it meets just the tweak beneath, and is filed so where that
    can be said (`_place_beneath`); elsewhere it is filed under its own key.
    """
    key, view = run.key, run.view
    if key[0] is BENEATH:
        return _place_beneath(run, below if run.handle is None else _below_of(run, reads))
    if run.handle is not None:
        below = _below_of(run, reads)
    footprint = below | own_bits(view, key) if view.registry.node_bits(key[0]) else below
    restriction = view.in_force.restrict(footprint) if footprint & view.in_force.mask else NO_TWEAKS
    state = run.state if run.state is not None and run.state.alive else view.cache.state_of(key)
    return state, below, footprint, restriction


def _place_beneath(run: Run, below: int) -> tuple[State, int, int, Restriction]:
    """`_place` for a node beneath a tweak of it: as if just `run.handle` tweaked it, unless its sisters met something else."""
    key, handle = run.key, run.handle
    in_force, cache, registry = run.view.in_force, run.view.cache, run.view.registry
    plain = plain_key(key)
    read = met = in_force.restrict(below)
    own = registry.bit_of(plain) | registry.bit_of(plain[0])
    if handle is None:
        is_free = not below & own & in_force.mask
    else:
        own = own if handle.target is plain[0] else handle.bit
        is_free = not below & own or (below & own == handle.bit and handle.serial in read)
        met = read | {handle.serial}
    if is_free:
        return cache.state_of(plain), below, below | own, met
    return cache.state_of(key), below, below, read


def _below_of(run: Run, reads: tuple[Memo, ...]) -> int:
    """What a bump or a replacement read; of its own node it met the tweak beneath, which the own bits tell."""
    below, plain = run.extra, plain_key(run.key)
    for read in reads:
        below |= read.below if read.state.key == plain else read.footprint
    return below


def _end_call(run: Run) -> None:
    """Ends the outermost call with its outermost run."""
    if run.is_outermost:
        run.call.close()


def _emit(view: View, event: Event) -> None:
    """Tells who listens, outside of every run: what a listener does is no part of the node that runs."""
    frame = current.get()
    while frame.run is not None:
        frame = frame.outer or OUTSIDE
    token = current.set(frame)
    try:
        view.emit(event)
    finally:
        current.reset(token)


def _close_left_open(run: Run) -> None:
    """Closes the contexts that a body left open."""
    frame = current.get()
    while isinstance(frame, Entry) and frame.run is run:
        if not frame.closed:
            close_entry(frame)
        frame = frame.outer


def _path(frame: Frame, open_run: Run) -> tuple[Any, ...]:
    """Returns the nodes from the open run to the call that closes the circle, the first one again at the end."""
    path = [node_of(open_run.key)]
    step: Frame | None = frame
    while step is not None and step is not open_run:
        if isinstance(step, Run):
            path.append(node_of(step.key))
        step = step.outer
    path.append(node_of(open_run.key))
    return (path[0], *reversed(path[1:-1]), path[-1])
