"""A context as the engine enters and changes it: `Scope`, the base of `Context`; `Alone` enters one with nothing around it.

A scope holds a scenario (layers of tweaks), has a cache or takes that of the scope around it, and lists its open entries.  It
owns its tweaks; its entries own nothing.  A change of the scenario shows in every open entry; where an interrupt strikes in the
middle of a change, the change is completed.  Leaving: `_leave_out_of_order`; after an interrupt: `give_up`, `_locks_freed`.

What a user reads and writes in a context is in `_contexts`.  It is opened by `_open_inside` and `_activate`, left by
`_deactivate`; its view is made by `_view_inside` and `_derive`, again by `_renew` and `_keep_up`; it is changed by `_change`,
`_replace`, `_forget`, if `_check_changeable` lets it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import ref

from ...errors import ContextError
from ..facts.events import Event, Subscription
from ..facts.function import Function
from ..facts.node import Node
from ..facts.tweak import Target
from ..native.choose import COMPILED
from ..state.cache import BINDING, Cache
from ..state.group import CacheGroup
from ..state.lock import free_locks
from ..state.scenario import HeldTweaks, RunningReplacement
from ..state.view import View, enter, enter_changed
from .frame import DEFAULT_FRAME, PUT, DefaultFrame, Frame, OpenContext, Run
from .leaving import find_exit, watch_own_exit, watched
from .open_context import (
    MAKING,
    close_context,
    closing_unless_active,
    entries_around,
    frame_here,
    leave,
    open_context,
    outer_here,
    refresh,
    refresh_within,
    renew_within,
    replacement_around,
    settle_within,
    step_back,
    take_back,
)
from .unwind import is_within, leave_interrupted, unwind

if TYPE_CHECKING:
    from ..state.protocols import ScenarioShape


class Scope:
    """A set of tweaks and the cache that results go to; in force inside ``with``."""

    _is_sealed = False
    """True for one that answers for the outside, such as that of a replay: nothing is asked with it left out."""

    def __init__(self, scenario: "ScenarioShape", cache: Cache | None, max_depth: int | None) -> None:
        self._scenario: Any = scenario
        self._given_cache = cache
        self._own_cache = cache
        self._max_depth = max_depth
        self._held = HeldTweaks()
        self._entries: list[OpenContext] = []
        self._last: View | None = None
        self._listeners: list[Subscription] = []
        run: Any = frame_here().run
        self._maker = None if run is None else ref(run)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        watch_own_exit(cls)

    # Entering and leaving

    def __enter__(self) -> Self:
        self._open_inside(self._find_outer(), find_exit(self))
        return self

    _find_outer = staticmethod(outer_here)
    """Returns the frame around an entry made here; a subclass may leave out the default context."""

    @watched
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        frame = frame_here()
        if kind is KeyboardInterrupt:
            _free_all_locks()
        if isinstance(frame, OpenContext) and frame.context is self and not frame.closed:
            leave(frame)
            if frame.outer is None:
                self._left(error)
        else:
            _leave_out_of_order(self, frame, error)

    def _left(self, error: BaseException | None) -> None:
        """Called when an outermost entry was left, with the error that left it."""

    def _open_inside(self, outer: Frame | None, method: Any = None, back: "Frame | DefaultFrame | None" = None) -> OpenContext:
        """Opens an entry inside a frame and puts it in force, until it is left or the statement that holds `method` has ended."""
        entry = None
        try:
            view = self._view_inside(outer)
            entry = open_context(self, outer, view, self._entries, method, back)
            entry.enlist()
            self._last = view
            if view.layers is not self._scenario.specs or (outer is not None and view.parent is not outer.view):
                self._keep_up(entry)
            if entry.watch is None:
                PUT[entry]
            else:
                entry.token = PUT[entry]  # the last step, after which nothing is left to do
        except BaseException as error:
            give_up(entry, type(error))
            raise
        return entry

    def _activate(self) -> "Scope | None":
        """Makes this the default scope of the process, and returns the one that it replaces.

        Raises:
            ContextError: called inside a ``with``.
        """
        if frame_here() is not DEFAULT_FRAME:
            raise ContextError(f"{self!r} cannot be activated inside a with. Activate it outside of every context.")
        with _locks_freed():
            replaced, entry = DEFAULT_FRAME.entry, OpenContext(self._view_inside(None), None, None, self, self._entries)
        with closing_unless_active(replaced, entry):  # wherever an interrupt strikes, one is active, and the other closed
            entry.enlist()
            self._keep_up(entry)
            DEFAULT_FRAME.activate(entry)
        return None if replaced is None else cast("Scope | None", replaced.context)

    def _deactivate(self) -> None:
        """Ends an `_activate`.

        Raises:
            ContextError: another scope is the default, or none.
        """
        entry = DEFAULT_FRAME.entry
        if entry is None or entry.context is not self:
            raise ContextError(f"{self!r} is not active. Call activate() first, or deactivate the one that is.")
        with closing_unless_active(entry):
            DEFAULT_FRAME.activate(None)

    # Its view

    def _here(self) -> View:
        """The view of this task's current entry, else of the last one, else of one made here and now."""
        for entry in entries_around(frame_here()):
            if entry.context is self:
                return entry.view
        if DEFAULT_FRAME.entry is not None and DEFAULT_FRAME.entry.context is self:
            return DEFAULT_FRAME.entry.view
        if self._last is not None:
            return self._last
        with _locks_freed():
            return self._view_inside(self._find_outer(), looks=True)

    def _view_inside(self, outer: Frame | None, before: View | None = None, *, looks: bool = False) -> View:
        """The view of this scope entered inside a frame: the last one when nothing is different.

        Args:
            outer: the frame around.
            before: the view that it had there, when the scope has changed.
            looks: whether nobody enters it.
        """
        parent = outer.view if outer is not None else None
        inside = None if outer is None or outer.run is None else replacement_around(outer)
        last = self._last
        if (
            last is not None
            and last.layers is self._scenario.specs
            and last.parent is parent
            and last.inside == inside
            and (self._given_cache is None or last.cache is self._given_cache)
        ):
            return last
        if parent is not None and self._given_cache is None:
            cache = parent.cache
            self._check_store(cache)
        else:
            cache = self._cache_seen(parent) if looks else self._cache_inside(parent)
        return self._derive(parent, cache, inside, before)

    def _derive(
        self, parent: View | None, cache: Cache, inside: RunningReplacement | None, before: View | None = None
    ) -> View:
        layers, depth = self._scenario.specs, self._max_depth
        if before is not None and before.parent is parent and before.cache is cache and before.inside == inside:
            view = enter_changed(before, layers, self._held)
            if view is not None:
                return view
        return enter(parent, layers, self._held, cache, self._listeners, inside, depth)

    def _renew(self, entry: Any) -> None:
        """Derives the view of an open entry again, because this scope or one around it has changed."""
        before = entry.view
        entry.view = self._view_inside(entry.outer, before)
        refresh(entry)
        self._keep_up(entry)

    def _is_behind(self, entry: Any) -> bool:
        """True when an entry shows another scenario than the present one."""
        return entry.view.layers is not self._scenario.specs

    def _keep_up(self, entry: OpenContext) -> None:
        """Brings the new view of an entry up to date; checks after others can see it, so that no change is missed."""
        outer, view = entry.outer, entry.view
        self._last = view
        while view.layers is not self._scenario.specs or (outer is not None and view.parent is not outer.view):
            self._held.let_go(view.layers, self._scenario.specs)
            view = self._view_inside(outer, view)
            self._last = entry.view = view
            refresh(entry)

    # Its cache

    def _check_store(self, cache: Cache) -> None:
        """Refuses a cache around that another store keeps, or none, where this scope has one."""
        own = None if self._own_cache is None else self._own_cache.keeper
        if own is not None and (cache.keeper is None or cache.keeper.store is not own.store):
            raise ContextError(
                f"{self!r} has a store of its own, and its results go to the cache of the context around. Give the store to the "
                "outermost context, or give this one cache=dug.Cache() as well."
            )

    def _cache_seen(self, parent: View | None) -> Cache:
        """The cache that a look reads; one that was never entered holds nothing, and a look does not bind it."""
        if self._given_cache is not None and not self._given_cache.is_bound:
            return Cache() if parent is None else parent.cache
        return self._cache_inside(parent)

    def _cache_inside(self, parent: View | None) -> Cache:
        if parent is not None and self._given_cache is None:
            return parent.cache
        with MAKING:
            if self._own_cache is None:
                self._own_cache = Cache()
        self._own_cache.bind(parent.cache if parent else None)
        return self._own_cache

    def _forget(self, targets: Sequence[Target]) -> None:
        """Forgets the memos that ran one of the targets, in every scenario."""
        with _locks_freed():
            group = self._here().group
            group.forget(targets)
            for keeper in {cache.keeper for cache in group.list_caches() if cache.keeper is not None}:
                keeper.forget(targets)
            Function.trust(targets)

    def _clear(self) -> None:
        """Empties the scope's own cache; the memos in the caches beneath stay."""
        with _locks_freed():
            if self._own_cache is not None:
                self._own_cache.clear()

    # Changing

    def _check_changeable(self, verb: str) -> None:
        """Refuses a change that is asked for inside a node.

        Raises:
            ContextError: a node is running that did not open this scope.
        """
        frame: Any = frame_here()
        run: Any = frame.run
        if run is None or (self._maker is not None and self._maker() is run):
            return
        if all(entry.context is not self or entry.run is not run for entry in entries_around(frame)):
            node = Node._of(run.key)
            raise ContextError(
                f"{node!r} is running and did not open {self!r}, so it must not {verb} it. "
                "Open a context inside the function instead."
            )

    def _change(self, revise: Callable[[Any], Any]) -> None:
        """Replaces the scenario with the result of `revise`, in every open entry."""
        before, last = self._scenario, self._last
        try:
            before = self._replace(revise)
            self._renew_all(before, last)
        except BaseException as error:
            if not isinstance(error, Exception):
                _free_all_locks()
            if self._scenario is not before:  # an interrupt: it is said, so it must show everywhere
                self._renew_all(before, last)
            raise

    def _replace(self, revise: Callable[[Any], Any]) -> Any:
        """Replaces the scenario with the result of `revise`, and returns the old one."""
        while True:
            before = self._scenario
            scenario = revise(before)  # hashes user objects: not under the lock
            with MAKING:
                if self._scenario is before:
                    self._scenario = scenario
                    return before

    def _renew_all(self, before: "ScenarioShape", last: View | None) -> None:
        """Shows the present scenario in every open entry; doing it twice is harmless."""
        self._held.let_go(before.specs, self._scenario.specs)
        self._last = None
        for entry in tuple(self._entries):
            if entry.has_ended():  # by an interrupt, in a task that asks no more
                close_context(entry)
        for entry in tuple(self._entries):
            settle_within(entry)
        for entry in tuple(self._entries):
            renew_within(entry)
        if self._last is None and last is not None:
            self._last = self._derive(last.parent, last.cache, last.inside, last)

    # Listening

    @contextmanager
    def _listen(self, subscription: Subscription) -> Iterator[None]:
        """Delivers to a listener the events of this scope and of those inside it."""
        try:
            self._listeners.append(subscription)
            self._refresh()
            yield
        finally:
            with suppress(ValueError):  # it failed and was removed
                self._listeners.remove(subscription)
            self._refresh()

    def _refresh(self) -> None:
        """Lets calls in this scope come to the engine while somebody hears hits, and be answered at once otherwise."""
        for entry in tuple(self._entries):
            refresh_within(entry)
        frame = frame_here()
        while isinstance(frame, (OpenContext, Run)):
            frame.refresh(frame.run)
            frame = frame.outer

    def _tell(self, kind: str, key: Any, function: Function) -> None:
        """Notifies listeners of what a user did to a node or a function."""
        view = self._last
        if view is not None and view.hears(kind):
            view.emit(Event(kind, key), function)


class Alone:
    """Enters a scope as an outermost one, whatever scope is in force around, an activated default included."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._entry: OpenContext | None = None

    def __enter__(self) -> Any:
        method, back = find_exit(self), frame_here()
        self._entry = self._scope._open_inside(None, method, back)
        return self._scope

    @watched
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        entry, self._entry = self._entry, None
        if entry is not None and is_within(entry):
            unwind(entry)
        elif entry is not None:
            close_context(entry)


def _leave_out_of_order(scope: Scope, frame: Any, error: BaseException | None) -> None:
    """Leaves a scope that is not the one in force in `frame`; an interrupt in flight goes on, and no other error.

    Raises:
        ContextError: scopes were left in another order than that of entering.
    """
    is_interrupt = isinstance(error, BaseException) and not isinstance(error, (Exception, GeneratorExit))
    if isinstance(frame, OpenContext) and frame.context is scope:
        step_back(frame)
        if is_interrupt:
            return
        raise ContextError(f"{scope!r} was left already, by another task or thread. Enter and leave a context in the same one.")
    mine = next((entry for entry in entries_around(frame) if entry.context is scope), None)
    if error is not None and mine is not None and mine.run is not frame.run:
        unwind(mine)  # an interrupt hit the engine between two steps: the runs inside are dead
        return
    if is_interrupt:
        if mine is not None:
            leave_interrupted(mine)
        return
    if mine is not None and mine.run is frame.run:
        close_context(mine)
        reason = "a context inside it is still open, and stays open"
    else:
        reason = "it is not open here"
    raise ContextError(
        f"{scope!r} was left out of order: {reason}. "
        "Leave contexts in the reverse order of entering; a generator must not keep one open across a yield."
    )


def give_up(entry: OpenContext | None, kind: type[BaseException]) -> None:
    """Cleans up after an error of entering: takes the entry back, if there is one already, and frees locks after an interrupt."""
    if not issubclass(kind, Exception):
        _free_all_locks()
    take_back(entry)


def _free_all_locks() -> None:
    """Frees the locks that an interrupt left taken; no code of the engine enters or changes a scope under a lock."""
    CacheGroup.free_locks()
    free_locks((MAKING,) if COMPILED else (MAKING, BINDING))


class _locks_freed:  # noqa: N801  used as a function is
    """Calls `_free_all_locks` when its body is interrupted."""

    def __enter__(self) -> None:
        """Begins a section that may be interrupted."""

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is not None and not isinstance(error, Exception):
            _free_all_locks()
