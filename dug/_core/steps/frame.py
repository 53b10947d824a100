"""Where calls are made: `Run`, `OpenContext`, `DefaultFrame`; one is in force (`current`).  Also `Joined`, `Wait` and `tell`.

The frame is a `Run` while a body runs, an `OpenContext` (an entry) under a ``with``, or `DEFAULT_FRAME`; `run_of` gives its run,
`LATE` marks it after its end.  It notes the reads: a hit by the call path, a miss by the driver.  `tell` reports an event.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from threading import main_thread
from typing import TYPE_CHECKING, Any
from weakref import ref

from ...errors import NoContextError
from ..facts.binding import Key, canonical
from ..facts.events import Event
from ..facts.extra import OuterCall
from ..facts.failure import Failure
from ..facts.homes import NO_HOMES, Homes, function_of
from ..facts.memo import Memo, NodeMemos
from ..facts.node import BENEATH, Node, check_key
from ..facts.sparse import BitSet
from ..native import machine
from ..native.choose import compiled
from ..state.scenario import Tweak
from ..state.view import View
from .leaving import Ended

if TYPE_CHECKING:
    from ..state.protocols import ScopeShape, Task

Driver = Callable[[Node[Any]], Any]
"""Takes the calls made in a frame in place of the engine: gets the node and returns its value, or raises."""


def LATE(node: Node[Any]) -> None:  # noqa: N802  a mark, which nobody calls
    """Marks, as its driver, a frame that has ended, for the calls of a task that outlives it; see `open_context.frame_to_ask`."""


ORIGINS: dict[int, int] = {}
"""By the number of a thread that goes on with a deep evaluation: the thread that it works for."""


def here() -> int:
    """Returns the number of the thread that a call made here belongs to."""
    ident = machine.thread_ident()
    if ORIGINS:
        ident = ORIGINS.get(ident, ident)
    return ident


class _AnyFrame:
    """The place of calls: their view, and the collected reads."""

    __slots__ = (
        "__weakref__", "call", "child_seconds", "closed_footprint", "driver", "homes", "inner_nodes", "outer", "reads", "runs",
        "transient", "view",
    )  # fmt: skip
    view: View
    outer: "Frame | None"
    call: OuterCall | None
    homes: Homes
    """The homes among which calls made here look at once: those of the cache, or none."""
    reads: dict[Memo, int | None] | None
    """The reads, in the order of the first ones, each with its start (see `concurrent_reads`); None if nobody collects them."""
    inner_nodes: dict[Key, None] | None
    """The nodes that ran for it under contexts that are closed already."""
    closed_footprint: BitSet
    """The footprint of the reads under contexts that are closed already."""
    runs: int
    """How many bodies, replacements and bumps ran to their end within it, except those of runs that are still open."""
    child_seconds: float
    """The seconds that these took, each with its callees."""
    transient: bool
    """True when a failure of a source was read under contexts that are closed already."""
    driver: "Driver | None"
    """When set, calls made here go to it and not to the engine."""

    def answer_from_driver(self, key: Key) -> Memo:
        """Returns the answer of the driver to a call made here, in the form of a memo that is filed nowhere."""
        key = canonical(key)
        check_key(key)
        assert self.driver is not None  # noqa: S101  the caller saw it
        return Memo(NodeMemos(key, None), self.driver(Node._of(key)), 0)

    def refresh(self, run: "Run | None") -> None:
        """Decides whether calls made here are answered at once; `run` is the innermost open one."""
        is_off, homes = run is not None and run.handle is not None and run.handle.spec.replaces, None
        while True:
            view = self.view
            is_heard = machine.any_in(view.listeners) and view.hears("hit")
            is_checked = run is None and view.group.check is not None
            now = NO_HOMES if is_off or self.driver or is_heard or is_checked else view.cache.quick
            if now is homes:
                return
            self.homes = homes = now  # then look again: another thread may have given the frame another view


class OpenContext(_AnyFrame):
    """One ``with`` of a context: an entry."""

    __slots__ = ("back", "closed", "context", "entries", "late_reads", "openings", "run", "token", "watch")
    context: "ScopeShape | None"
    """The context that was entered; None for one that only notes reads."""
    openings: "list[OpenContext]"
    """All open entries of the context, in any task."""
    entries: "list[OpenContext]"
    """The entries made directly inside this one and still open."""
    closed: bool
    run: "Run | None"
    """The innermost open run."""
    late_reads: "OpenContext | None"
    """Notes the reads that are made here after it was closed."""
    back: "Frame | DefaultFrame | None"
    """The frame in force after it; None for the frame around it."""
    watch: Ended | None
    """Tells when the statement that entered it has ended; None if it is not watched, and once it was left."""
    token: Any
    """The token of the context variables in which it was put in force, as long as it is watched."""

    def __init__(
        self,
        view: View,
        outer: "Frame | None",
        call: OuterCall | None,
        context: "ScopeShape | None",
        openings: "list[OpenContext]",
    ) -> None:
        self.view, self.outer, self.call = view, outer, call
        self.context, self.openings, self.entries = context, openings, []
        self.closed_footprint, self.runs, self.child_seconds = 0, 0, 0.0
        self.closed = self.transient = False
        self.homes = NO_HOMES  # until it is enlisted, or refreshed
        self.inner_nodes = self.late_reads = self.back = self.watch = self.token = self.run = self.driver = self.reads = None
        if outer is not None:
            self.run = run = outer.run
            self.reads = None if run is None else {}
            if outer.driver is not LATE or run is None or run.is_done:  # else the one around is closed, and this one is open
                self.driver = outer.driver

    def enlist(self) -> None:
        """Registers an entry that is about to be put in force with its context and the frame around."""
        self.openings.append(self)
        if (outer := self.outer) is not None:
            if outer.entries is None:
                outer.entries = []
            outer.entries.append(self)
        self.refresh(self.run)  # last: a new listener refreshes the noted entries

    def refresh(self, run: "Run | None") -> None:
        """Decides whether calls made here are answered at once; not if the statement that entered it has ended."""
        _AnyFrame.refresh(self, run)
        if (watch := self.watch) is not None and machine.follow(watch) is None:  # looked at afterwards, so that no end is missed
            self.homes = watch  # type: ignore[assignment]  # which finds nothing
        if self is DEFAULT_FRAME.entry:
            DEFAULT_FRAME.homes = self.homes

    def has_ended(self) -> bool:
        """True when the statement that entered it has ended without leaving it: an interrupt struck in between."""
        return self.watch is not None and self.watch() is None

    def noted(self) -> Iterable[Key]:
        """The nodes of `inner_nodes`, as the contexts around that the run opened will note them."""
        keys: Iterable[Key] = self.inner_nodes or ()
        view: View | None = self.view
        while view is not None and self.run is not None and view is not self.run.view:
            keys = map(view.pin, keys)
            view = view.parent
        return keys


class Run(_AnyFrame):
    """One node being computed."""

    __slots__ = (
        "body", "depth", "entries", "failed_check_reads", "generation", "handle", "has_task", "held_up", "home", "is_beneath",
        "is_done", "key", "late_reads", "made", "memo", "opened", "recalled", "served", "task", "thread", "unfileable",
        "waits", "watched",
    )  # fmt: skip
    call: OuterCall
    reads: dict[Memo, int | None]
    handle: Tweak | None
    """The tweak whose function runs; None for the node's own body."""
    body: int
    """The serial of the tweak whose function runs, 0 for the node's own body."""
    home: NodeMemos
    """The memos of the node in the cache."""
    is_beneath: bool
    """True when its key is one beneath a tweak."""
    generation: int
    """The generation of the group when the run began."""
    unfileable: int
    """Why the run is not remembered: `CANCELLED` or `INVALID` of `marks`; 0 when it is."""
    opened: bool
    """True once a context was opened inside."""
    entries: "list[OpenContext] | None"
    """The entries made directly inside and still open."""
    late_reads: "list[OpenContext] | None"
    """The entries that note the reads of its tasks under contexts which are closed already."""
    failed_check_reads: dict[Memo, int | None] | None
    """The reads of the last failed verification."""
    recalled: Any  # where the keeper of its cache is in looking for older memos
    served: dict[Memo, BaseException] | None
    """The exception that it was last given for each failure that was served to it."""
    made: "set[Any] | None"
    """The marks of the functions that were decorated within it."""
    depth: int
    """How many runs are open around it."""
    thread: int
    """The number of the thread that runs it, or of the thread that this one works for."""
    has_task: bool
    """True when it runs in a task of its own, which others in its thread do not wait for."""
    task: "Task | None"
    """The task that drives it; None for a thread."""
    watched: "frozenset[Run] | None"
    """The runs, of which this one is a part, that waiters of other scenarios watch: a read of what they name wakes them."""
    waits: "list[Wait] | None"
    """The waits of its waiters; see `waits`."""
    held_up: "set[Wait] | None"
    """The waits that keep it from going on: its own, and those of runs inside it in its thread."""
    is_done: bool
    memo: Memo | None
    """The memo that it left for others, once it is done; None when it leaves nothing."""

    def __init__(  # noqa: PLR0917  by position, which is the quickest
        self,
        view: View,
        outer: "Frame | None",
        call: OuterCall,
        key: Key,
        handle: Tweak | None,
        home: NodeMemos,
    ) -> None:
        self.begin(view, outer, call, key, handle, home)

    def begin(  # noqa: PLR0917  as above
        self,
        view: View,
        outer: "Frame | None",
        call: OuterCall,
        key: Key,
        handle: Tweak | None,
        home: NodeMemos,
    ) -> None:
        """Fills in a new run; apart from `__init__`, as one is made for each node that is computed."""
        self.view = view
        self.outer = outer
        self.call, self.key, self.handle = call, key, handle
        self.body = 0 if handle is None else handle.serial
        self.home = home
        self.generation = view.group.generation
        self.thread = here()
        around = run_of(outer)
        self.depth = 0 if around is None else around.depth + 1
        self.is_beneath = machine.first(key) is BENEATH
        function = function_of(key)
        self.has_task = function.is_async
        self.reads = {}
        self.closed_footprint = self.runs = self.unfileable = 0
        self.child_seconds = 0.0
        self.transient = self.opened = self.is_done = False
        self.inner_nodes = self.driver = self.task = self.waits = None
        self.held_up = self.memo = self.failed_check_reads = self.served = self.watched = None
        self.entries = self.late_reads = self.made = self.recalled = None
        place = outer
        if handle is None and place is not None and place.homes is view.cache.quick:
            self.homes = place.homes  # the asker has no listeners, and asks in the same scenario
        else:
            self.refresh(self)

    @property
    def run(self) -> "Run":
        """Itself, without a reference that would keep it from being freed at once."""
        return self

    def noted(self) -> Iterable[Key]:
        """The nodes of `inner_nodes`."""
        return self.inner_nodes or ()

    @property
    def is_outermost(self) -> bool:
        """True when no run is open around this one and nobody else ends the call."""
        return self.outer is None or self.outer.call is None

    def is_lost(self) -> bool:
        """True when the loop that drives it is gone."""
        return self.task is not None and not self.is_done and self.task.is_lost()


Frame = OpenContext | Run


def run_of(frame: "Frame | None") -> Run | None:
    """Returns the innermost run that is open around a frame, itself included."""
    if frame is None or type(frame) is Run:
        return frame
    entry: Any = frame
    return entry.run  # type: ignore[no-any-return]  # a run


class Joined:
    """What `begin` answers with when the node is being computed by somebody else: the run to wait for."""

    __slots__ = ("differs", "is_optional", "run")

    def __init__(self, run: Run, *, is_optional: bool = False, differs: BitSet = 0) -> None:
        self.run = run
        self.is_optional = is_optional
        """True when the run is of another scenario and may not answer: a wait that would close a circle is left out."""
        self.differs = differs
        """For a cold run: the bits of the targets that the two scenarios tweak differently; see `watch`."""


class Wait:
    """One asker that waits for a run."""

    __slots__ = ("differs", "failure", "frame", "holders", "is_optional", "result", "run", "thread")

    def __init__(self, frame: Frame, run: Run, thread: int | None) -> None:
        self.frame = frame
        self.run = run
        self.thread = thread
        """The number of the thread that blocks; None for a task, which leaves its thread to others."""
        self.is_optional = False
        """True when the asker can do without."""
        self.differs: BitSet = 0
        """As in `Joined`: the wait is over once the run has read one of these."""
        self.holders: tuple[Run, ...] = ()
        """The runs around the asker that cannot go on before it does."""
        self.result: Memo | BaseException | None = None
        """The result of the run; None when it was given up, so that it must be begun again."""
        self.failure: Failure | None = None
        """The failure of the run as it was then: an asker outside of every call gets the very exception, after its call ended."""

    def wake(self) -> None:
        """Lets the asker go on; called from any thread, and once more where an interrupt struck."""
        raise NotImplementedError


class DefaultFrame:
    """The frame in force where there is no ``with``: answers from the process-wide default context, if one is active."""

    __slots__ = ("entry", "homes")
    reads = run = driver = None

    def __init__(self) -> None:
        self.activate(None)

    def activate(self, entry: OpenContext | None) -> None:
        """Puts `entry` in force outside of every ``with``; None for nothing."""
        self.homes = NO_HOMES  # first: wherever an interrupt strikes, no table of one stands beside the other
        self.entry = entry
        self.homes = NO_HOMES if entry is None else entry.homes

    view: Any = property(lambda self: None if self.entry is None else self.entry.view)


DEFAULT_FRAME = DefaultFrame()
current: ContextVar[Any] = ContextVar("dug_frame", default=DEFAULT_FRAME)


class _Put:
    """``PUT[frame]`` calls ``current.set(frame)``; Python raises no interrupt after it, as it may after a call."""

    __getitem__: Any = current.set


PUT: Any = _Put() if compiled is None else compiled.PUT


def frame_or_default(what: object, frame: Any) -> Frame:
    """Returns the given frame in force, or the entry of the default context; `what` was asked for there.

    Raises:
        NoContextError: there is none.
    """
    if frame is DEFAULT_FRAME:
        frame = DEFAULT_FRAME.entry
        if frame is None:
            raise no_context(what)
    return frame  # type: ignore[no-any-return]  # a frame


def no_context(what: object) -> NoContextError:
    """Returns the error of something that was asked for where no context is in force."""
    text = f'{what} was called outside a dug.Context. Wrap the call in "with dug.Context():".'
    if here() != main_thread().ident:
        text += " To take a context along to a thread, use dug.executors.threads.ContextThreadPoolExecutor, or ctx.run."
    return NoContextError(text)


def tell(view: View, kind: str, key: Key, seconds: float = 0.0, error: BaseException | None = None) -> None:
    """Notifies listeners of what happened to a node in a view, if one hears it.

    They are called outside of every run: the calls of a listener are not part of the node that runs.
    """
    if view.hears(kind):
        node = Node._of(key)
        call_outside(partial(view.emit, Event(kind, node, seconds, error), node._function, ref(view)))


def call_outside(call: Callable[[], None]) -> None:
    """Calls a function with no run in force, so that the calls which it makes belong to none."""
    frame = before = current.get()
    while frame.run is not None:
        frame = frame.outer or DEFAULT_FRAME
    try:
        PUT[frame]
        call()
        PUT[before]
    except BaseException:
        PUT[before]
        raise


def make_aside(view: View, outer: Frame | None, call: OuterCall | None) -> OpenContext:
    """Returns an entry that belongs to no context, and that only its caller knows."""
    entry = OpenContext(view, outer, call, None, [])
    entry.refresh(entry.run)
    return entry
