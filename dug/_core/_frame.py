"""The open calls: `begin` answers a call or opens a run of it, `finish` and its sisters close the run and file what it left.

A driver (synchronous here, others beside it) does what lies between: it verifies a candidate by asking for its dependencies, or
runs the body.  The one ContextVar holds the frame in force: a `Run` while a body runs, an `Entry` under a ``with``, or `OUTSIDE`.
Reads are noted in the frame that is in force when they are made.

**Beneath a tweak.**  A bump reads its node as it would be without this one tweak, and a replacement does so when it calls the same
node.  That is a read of another key, ``(BENEATH, key, serial)``: the node in the same scenario, meeting the tweak `serial` instead,
or none for 0.  Its memos say nothing of the tweaks of the node itself, so that every bump of an input shares them.

**A context inside a run.**  What is read under it is moved to the run when it closes (`close_entry`).  A read that saw its tweaks is
replaced by the nearest memos below that saw none; its footprint is kept without the bits that the context overrides; and the
nodes that ran are noted as `inner`, so that forgetting one of them forgets the run.  No memo made under such a context is kept alive.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from attrs import define, field

from ._binding import Key, canonical
from ._cache import Cache, find, find_masked, handle_of
from ._events import Event
from ._memo import TWEAKED, Call, Failure, Memo, State
from ._node import BENEATH, Node, check_hashable, node_of
from ._registry import plain_key
from ._scenario import REPLACEMENT, UNTWEAK, Handle
from ._view import View, enter
from ..errors import CycleError, NoContextError

NO_HITS: dict[Key, Memo] = {}
"""Stands in for the hits of a view where each call must come to `begin`; never written to."""

Driver = Callable[[Node[Any]], Any]
"""Takes the calls made in a frame in place of the engine: gets the node and returns its value, or raises."""


@define(eq=False, weakref_slot=True)
class _AnyFrame:
    """Where calls are made: in which view, and who collects what is read."""

    view: View
    outer: "Frame | None"
    call: Call | None
    hits: dict[Key, Memo] = field(init=False)
    reads: dict[Memo, None] | None = field(init=False)
    """What was read, in the order of the first reads; None where nobody collects it."""
    inner: dict[Key, None] = field(init=False, factory=dict)
    extra: int = field(init=False, default=0)
    """The footprint of what was read under contexts that are closed already."""
    driver: "Driver | None" = field(init=False, default=None)
    """When set, calls made here go to it and not to the engine."""

    def refresh(self, run: "Run | None") -> None:
        """Chooses whether calls are answered from the hits of the view; `run` is the innermost open one."""
        wrapped = run is not None and run.handle is not None and run.handle.spec.kind == REPLACEMENT
        self.hits = NO_HITS if wrapped or self.driver or self.view.cache.registry.listening else self.view.hits


@define(eq=False, weakref_slot=True)
class Entry(_AnyFrame):
    """One ``with`` of a context."""

    context: Any
    peers: "list[Entry]"
    """All open entries of the context, in any task."""
    entries: "list[Entry]" = field(factory=list)
    """The entries made directly inside this one and still open."""
    run: "Run | None" = field(init=False)
    """The innermost open run."""

    def __attrs_post_init__(self) -> None:
        self.run = self.outer.run if self.outer else None
        self.driver = self.outer.driver if self.outer else None
        self.reads = None if self.run is None else {}
        self.refresh(self.run)
        self.peers.append(self)


@define(eq=False, weakref_slot=True)
class Run(_AnyFrame):
    """One node being computed."""

    key: Key
    state: State
    handle: Handle | None
    """The tweak that decides what runs; None for the node's own body."""
    generation: int
    tainted: bool = False
    """True when something passed that leaves no memo, so that neither does this run."""
    opened: bool = False
    """True once a context was opened inside."""

    def __attrs_post_init__(self) -> None:
        self.reads = {}
        self.refresh(self)

    @property
    def run(self) -> "Run":
        """Itself, without a reference that would keep it from being freed at once."""
        return self

    @property
    def body(self) -> int:
        """What runs: the serial of a tweak's function, 0 for the node's own body."""
        return 0 if self.handle is None else self.handle.serial

    @property
    def is_outermost(self) -> bool:
        """True when no run is open around this one and nobody else ends the call."""
        return self.outer is None or self.outer.call is None

    def forget_reads(self) -> None:
        """Starts anew: what a failed verification asked for is no dependency, and the run meets its errors itself."""
        self.reads = {}
        self.tainted = False


Frame = Entry | Run


class _Outside:
    """The frame in force where there is no ``with``: answers from the process-wide default context, if one is active."""

    __slots__ = ("entry", "hits")
    reads = None
    run = None
    driver = None

    def __init__(self) -> None:
        self.activate(None)

    def activate(self, entry: Entry | None) -> None:
        """Makes `entry` what is in force outside of every ``with``; None for nothing."""
        self.entry = entry
        self.hits = NO_HITS if entry is None else entry.hits


OUTSIDE = _Outside()
current: ContextVar[Any] = ContextVar("dug_frame", default=OUTSIDE)


def frame_in_force(what: object) -> Frame:
    """Returns the frame in force; `what` was asked for and is named in the error.

    Raises:
        NoContextError: there is none.
    """
    frame = current.get()
    if frame is OUTSIDE:
        frame = OUTSIDE.entry
        if frame is None:
            raise NoContextError(f'{what} was called outside a dug.Context. Wrap the call in "with dug.Context():".')
    found: Frame = frame
    return found


def begin(frame: Frame | _Outside, key: Key) -> Memo | Run:
    """Returns the memo that answers a call made in `frame`, or the run that a driver must bring to its end.

    Raises:
        NoContextError: no context is in force.
        UnhashableArgumentError: an argument has no hash.
        CycleError: the node is being computed in this very scenario by the same outermost call.
    """
    if isinstance(frame, _Outside):
        frame = frame_in_force(f"{key[0]}()")
    if key[0] is not BENEATH:
        key = canonical(key)
        check_key(key)
        key = _key_beneath(frame, key)
    view = frame.view
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
    run = Run(view, frame, call, key, view.cache.state_of(key), handle, registry.generation)
    view.in_force.running[key] = run
    return run


@contextmanager
def drive(driver: Driver, node: Node[Any]) -> Iterator[None]:
    """Sends the calls made inside to `driver`, as if `node` were running; the engine does nothing for them.

    This is how a node is evaluated without any cache (`dug.testing`).  Contexts may be opened inside.
    """
    frame = current.get()
    outer = OUTSIDE.entry if frame is OUTSIDE else frame
    view = _empty_view() if outer is None else outer.view
    run = Run(view, outer, Call(), node._key, State(node._key, None), None, 0)
    run.driver, run.reads = driver, None
    run.refresh(run)
    token = current.set(run)
    try:
        yield
    finally:
        current.reset(token)


def divert(frame: Frame, key: Key) -> Memo:
    """Returns what the driver of `frame` says of a call, in the form of a memo that is filed nowhere."""
    key = canonical(key)
    check_key(key)
    assert frame.driver is not None  # noqa: S101  the caller saw it
    return Memo(State(key, None), frame.driver(node_of(key)))


def _empty_view() -> View:
    cache = Cache()
    return enter(None, (), WeakKeyDictionary(), cache, [])


def check_key(key: Key) -> None:
    """Raises UnhashableArgumentError when the key has no hash."""
    try:
        hash(key)
    except TypeError:
        check_hashable(key[0], key)
        raise


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
    memo = Memo(run.state, value, seconds=seconds, body=run.body, opened=run.opened)
    return _close(run, memo, "computed")


def keep(run: Run, candidate: Memo) -> Memo:
    """Files the value of a verified memo with the dependencies that verified it (early cut-off)."""
    memo = Memo(run.state, candidate.value, seconds=candidate.seconds, body=run.body)
    return _close(run, memo, "reused")


def fail(run: Run, error: Exception, seconds: float) -> Memo:
    """Files the user's exception that a run raised, for as long as its outermost call lasts."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    memo = Memo(run.state, None, Failure(error, traceback), seconds=seconds, body=run.body, opened=run.opened, call=run.call)
    memo.transient = run.key[0] is not BENEATH and run.key[0].kind == "source"
    return _close(run, memo, "failed")


def abandon(run: Run) -> None:
    """Closes a run that leaves no memo, because what it raised must not be remembered."""
    run.tainted = True
    _stop(run)
    taint(run.outer)
    _end_call(run)


def taint(frame: Frame | _Outside | None) -> None:
    """Says that something passed through `frame` that leaves no memo."""
    if frame is not None and frame.run is not None:
        frame.run.tainted = True


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
    settle(entry)
    entry.peers.remove(entry)
    if isinstance(entry.outer, Entry):
        entry.outer.entries.remove(entry)


def leave(entry: Entry) -> None:
    """Closes the entry in force, and puts what is around it in force again."""
    close_entry(entry)
    current.set(OUTSIDE if entry.outer is None or entry.outer is OUTSIDE.entry else entry.outer)


def settle(entry: Entry) -> None:
    """Moves what was read so far under a context that a run opened to the frame around it."""
    outer = entry.outer
    if outer is None or outer.reads is None or entry.reads is None:
        return
    hidden = entry.view.overrides | entry.view.delta
    outer.extra |= entry.extra & ~entry.view.overrides
    outer.inner.update(entry.inner)
    pending = list(reversed(entry.reads))
    seen = set()
    while pending:
        memo = pending.pop()
        if memo in seen:
            continue
        seen.add(memo)
        if not memo.footprint & hidden:
            outer.reads[memo] = None
            continue
        outer.extra |= memo.footprint & ~entry.view.overrides
        if memo.body != TWEAKED:
            outer.inner[plain_key(memo.state.key)] = None
        outer.inner.update(dict.fromkeys(memo.inner))
        pending.extend(reversed(memo.dependencies))
    if outer.inner:
        entry.view.cache.registry.opened.add(outer)
    entry.reads, entry.inner, entry.extra = {}, {}, 0


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
    reads = run.reads or {}
    memo.dependencies = tuple(reads)
    memo.inner = tuple(run.inner)
    memo.transient = memo.transient or any(read.transient for read in reads)
    if memo.transient:
        memo.call = run.call
    with registry.lock:
        memo.footprint = _own_bits(run) | run.extra
        for read in reads:
            memo.footprint |= read.footprint
        if run.tainted or run.generation != registry.generation:
            taint(run.outer)
            standing = memo
        else:
            standing = view.cache.file(memo, view.in_force)
            if standing.call is None:
                view.hits[run.key] = standing
    if memo.failure is not None and run.call is not None:
        run.call.failures.append(memo)
    if registry.listening:
        view.emit(Event(kind, node_of(run.key), memo.seconds, memo.failure and memo.failure.error))
    _end_call(run)
    return standing


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
        close_entry(frame)
        frame = frame.outer


def _own_bits(run: Run) -> int:
    """Returns the bits that say which tweak the node itself met."""
    key = run.key
    if key[0] is BENEATH:
        return 0
    registry = run.view.cache.registry
    own = run.view.in_force.content.get(key)
    if own is not None and own.spec.kind == UNTWEAK:
        return own.bit
    return registry.bit_of(key) | registry.bit_of(key[0])


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
