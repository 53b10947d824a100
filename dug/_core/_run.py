"""The two verbs: `begin` answers a call or opens a run of it, `finish` and its sisters close the run and file what it left.

A driver (synchronous here, others beside it) does what lies between: it verifies a candidate by asking for its dependencies, or
runs the body.

**Beneath a tweak.**  A bump reads its node as it would be without this one tweak, and a replacement does so when it calls the same
node.  That is a read of another key, ``(BENEATH, key, serial)``: the node in the same scenario, meeting the tweak `serial` instead,
or none for 0.  Its memos say nothing of the tweaks of the node itself, so that every bump of an input shares them.
"""

from collections.abc import Iterator
from typing import Any

from ._view import View
from ..errors import CycleError
from ._binding import Key, canonical
from ._cache import find, find_masked, handle_of
from ._entry import close_entry
from ._events import Event
from ._frame import Entry, Frame, Outside, Run, current, frame_in_force, taint
from ._memo import Call, Failure, Memo, State
from ._node import BENEATH, check_key, node_of
from ._registry import plain_key
from ._scenario import REPLACEMENT, UNTWEAK, Handle


_NOWHERE = State((), None)
"""The state of a memo that is not placed yet."""


def begin(frame: Frame | Outside, key: Key) -> Memo | Run:
    """Returns the memo that answers a call made in `frame`, or the run that a driver must bring to its end.

    Raises:
        NoContextError: no context is in force.
        UnhashableArgumentError: an argument has no hash.
        CycleError: the node is being computed in this very scenario by the same outermost call.
    """
    if isinstance(frame, Outside):
        frame = frame_in_force(f"{key[0]}()")
    view = frame.view
    if frame.hits is view.hits:
        memo = _find_near(view, key)
        if memo is not None:
            return memo
    if key[0] is not BENEATH:
        key = canonical(key)
        check_key(key)
        key = _key_beneath(frame, key)
    registry = view.cache.registry
    registry.drain()
    memo = find(view, key, frame.call)
    if memo is not None:
        if registry.listening:
            view.emit(Event("hit", node_of(key)))
        return memo
    call = frame.call or Call()
    open_run = view.in_force.running.get(key)
    if open_run is not None and open_run.call is call:
        raise CycleError(_path(frame, open_run))
    handle = handle_of(view, key)
    if handle is not None and handle.spec.kind == UNTWEAK:
        handle = None
    run = Run(view, frame, call, key, handle, registry.generation)
    view.in_force.running[key] = run
    return run


def _find_near(view: View, key: Key) -> Memo | None:
    """Returns what the view or the one around it holds for a key as it came, which is what most reads in a scenario need."""
    around = view.parent
    try:
        memo = view.hits.get(key)
        if memo is None and around is not None:
            memo = around.hits.get(key)
            if memo is not None and memo.footprint & view.delta:
                return None
    except TypeError:
        return None
    if memo is not None:
        view.hits[key] = memo
    return memo


def candidates(run: Run) -> Iterator[Memo]:
    """The older memos of the node that may turn out to hold here as well, the likeliest first.

    One that another body made, that failed, or whose run opened a context is not among them.
    """
    twin = run.key[1] if run.key[0] is BENEATH else (BENEATH, run.key, run.body)
    seen: set[Memo] = set()
    for key in (run.key, twin):
        for memo in _known(run, key):
            if memo is None or memo in seen or memo.body != run.body or memo.opened or memo.failure or memo.transient:
                continue
            seen.add(memo)
            yield memo


def finish(run: Run, value: Any, seconds: float) -> Memo:
    """Files the value that a run gave and returns the memo that stands for it."""
    memo = Memo(_NOWHERE, value, seconds=seconds, body=run.body, opened=run.opened)
    return _close(run, memo, "computed")


def keep(run: Run, candidate: Memo) -> Memo:
    """Files the value of a verified memo with the dependencies that verified it (early cut-off)."""
    memo = Memo(_NOWHERE, candidate.value, seconds=candidate.seconds, body=run.body)
    return _close(run, memo, "reused")


def fail(run: Run, error: Exception, seconds: float) -> Memo:
    """Files the user's exception that a run raised, for as long as its outermost call lasts."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    memo = Memo(_NOWHERE, None, Failure(error, traceback), seconds=seconds, body=run.body, opened=run.opened, call=run.call)
    memo.transient = plain_key(run.key)[0].kind == "source"
    return _close(run, memo, "failed")


def abandon(run: Run) -> None:
    """Closes a run that leaves no memo, because what it raised must not be remembered."""
    run.tainted = True
    _stop(run)
    taint(run.outer)
    _end_call(run)


def _key_beneath(frame: Frame, key: Key) -> Key:
    """Returns what a call means inside a replacement: the node that it replaces is read beneath the replacement."""
    run = frame.run
    if run is None or run.handle is None or run.handle.spec.kind != REPLACEMENT or plain_key(run.key) != key:
        return key
    if frame is not run and frame.view.in_force.handle_of(key) is not run.view.in_force.handle_of(key):
        return key  # a context inside the replacement tweaks the node anew
    return beneath(run.handle, key)


def beneath(handle: Handle, key: Key) -> Key:
    """Returns the key of a node as it is beneath one tweak of it."""
    under = handle.beneath()
    return BENEATH, plain_key(key), 0 if under is None else under.serial


def _known(run: Run, key: Key) -> Iterator[Memo | None]:
    yield find_masked(run.view, key)
    cache = run.view.cache
    while cache is not None:
        state = cache.states.get(key)
        if state is not None:
            yield state.plain
            yield state.newest
        cache = cache.beneath  # type: ignore[assignment]


def _close(run: Run, memo: Memo, kind: str) -> Memo:
    """Completes the memo of a run that ended, files it unless something forbids, and tells who listens."""
    _stop(run)
    view = run.view
    registry = view.cache.registry
    memo.dependencies = tuple(run.reads or ())
    memo.inner = tuple(run.inner)
    with registry.lock:
        _place(run, memo)
        if run.tainted or run.generation != registry.generation:
            taint(run.outer)
            standing = memo
        else:
            standing = view.cache.file(memo)
            if standing.call is None:
                view.hits[run.key] = standing
    if memo.failure is not None and run.call is not None:
        run.call.failures.append(memo)
    if registry.listening:
        view.emit(Event(kind, node_of(run.key), memo.seconds, memo.failure.error if memo.failure else None))
    _end_call(run)
    return standing


def _place(run: Run, memo: Memo) -> None:
    """Says where a memo belongs: to which state, with what footprint and restriction."""
    key, in_force, cache = run.key, run.view.in_force, run.view.cache
    plain = plain_key(key)
    below = run.extra
    for read in memo.dependencies:
        if run.handle is not None and read.state.key == plain:
            below |= read.below  # a bump's own node met the tweak beneath, of which the own bits tell
        else:
            below |= read.footprint
        if read.transient:
            memo.transient = True
    if memo.transient:
        memo.call = run.call
    memo.below = below
    registry = cache.registry
    own = registry.bit_of(plain) | registry.bit_of(plain[0])
    if key is plain:
        handle = in_force.content.get(key)
        memo.footprint = memo.below | (handle.bit if handle is not None and handle.spec.kind == UNTWEAK else own)
        memo.restriction = in_force.restrict(memo.footprint)
    elif not key[2] and not memo.below & own & in_force.mask:
        key = plain  # with no tweak beneath, this is what the node gives wherever it is not tweaked
        memo.footprint = memo.below | own
        memo.restriction = in_force.restrict(memo.below)
    else:
        memo.footprint = memo.below
        memo.restriction = in_force.restrict(memo.below)
    memo.state = cache.state_of(key)


def _end_call(run: Run) -> None:
    """Ends the outermost call with its outermost run."""
    if run.is_outermost and run.call is not None:
        run.call.close()


def _stop(run: Run) -> None:
    """Takes a run from the open ones, with any context that its body left open."""
    running = run.view.in_force.running
    if running.get(run.key) is run:
        del running[run.key]
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
