"""The context that a user enters with ``with``: `Context`, a set of tweaks and the cache that keeps its results.

A context owns its tweaks and their handles; its entries own nothing.  Looking is in `methods`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload
from weakref import WeakKeyDictionary, ref

from .._core import drive
from .._core.read import (
    OUTSIDE,
    Cache,
    Entry,
    Event,
    Frame,
    Function,
    HeldTweaks,
    Listener,
    Node,
    Outside,
    Run,
    RunningReplacement,
    View,
    entries_around,
    replacement_around,
)
from .._text.values import show, show_whole
from ..errors import ContextError, TweakError
from .interrupted import free_all_locks, leave_out_of_order, locks_freed, renew_all
from .methods import ContextMethods, look_again
from .scenario import Scenario, describe_layers, kept_key, replace_top, retell
from .tweaks import target_of

P = ParamSpec("P")
R = TypeVar("R")

MAKING = drive.make_lock()
"""Held for the steps in which a context gets a cache of its own or says something else: threads may do so at the same time."""


class Context(ContextMethods):
    """A set of tweaks, and the cache that results go to; in force inside ``with``.

    Contexts nest: inside another one, a context sees its tweaks over those around it, and shares every result that none of its
    tweaks could have changed.  The same context can be entered again, later or elsewhere, and finds its memos; that does not
    state its tweaks again, so tweak it once more with an object that was changed in place.  Entering one never changes another.

    Args:
        tweaks: the differences here: a mapping of nodes (``f.node(x)``) or memoised functions to values, ``bump(...)``,
            replacements or ``UNTWEAKED``; or a `Scenario`.
        cache: where new results go; the default is the cache of the context around, or one of its own for an outermost context.
        name: shown in texts.
        max_depth: how deep nodes may lead to nodes before that counts as a recursion without end (`DepthError`); the default is
            that of the context around, or a million.

    Raises:
        TweakError: a tweak is not possible; the message names it.
        TypeError: the cache is not a `Cache`.
        ValueError: `max_depth` is not a number of nodes.
    """

    __iter__ = None  # it has `__getitem__`, and is not a sequence

    def __init__(
        self,
        tweaks: Mapping[Any, Any] | Scenario | None = None,
        *,
        cache: Cache | None = None,
        name: str | None = None,
        max_depth: int | None = None,
    ) -> None:
        if cache is not None and not isinstance(cache, Cache):
            raise TypeError(f"cache must be a dug.Cache, not {show(cache)}. Write Context(cache=dug.Cache()).")
        if max_depth is not None and (not isinstance(max_depth, int) or max_depth < 1):
            raise ValueError(f"max_depth must be a number of nodes, at least 1, not {show(max_depth)}.")
        self._scenario = retell(tweaks) if isinstance(tweaks, Scenario) else Scenario(tweaks)
        self._given_cache = cache
        self._own_cache = cache
        self._max_depth = max_depth
        self._name = name or self._scenario.name
        self._held: HeldTweaks = WeakKeyDictionary()
        self._entries: list[Entry] = []
        self._last: View | None = None
        self._listeners: list[Listener] = []
        run: Any = drive.frame_here().run
        self._maker = None if run is None else ref(run)

    @property
    def name(self) -> str | None:
        """The name it was given, or that of its scenario."""
        return self._name

    @property
    def scenario(self) -> Scenario:
        """The tweaks of this context, layer by layer: another context made of it means the same."""
        return self._scenario

    @property
    def tweaks(self) -> Mapping[Any, Any]:
        """The tweaks of this context, read-only; if several layers of its scenario tweak one node, the innermost."""
        return self._scenario.tweaks

    @property
    def cache(self) -> Cache:
        """The cache that results go to, which is the given one, that of the context around, or its own."""
        return self._given_cache or self._here().cache

    # Entering and leaving

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        drive.watch_own_exit(cls)

    def __enter__(self) -> Self:
        self._open_inside(drive.outer_here(), drive.find_exit(self))
        return self

    @drive.watched
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        frame = drive.frame_here()
        if kind is KeyboardInterrupt:
            free_all_locks(MAKING)
        if isinstance(frame, Entry) and frame.context is self and not frame.closed:
            drive.leave(frame)
            if frame.outer is None:
                look_again(is_told=error is None)
        else:
            leave_out_of_order(self, frame, error)

    def _view_inside(self, outer: Frame | None, *, looks: bool = False) -> View:
        """The view of this context entered inside a frame: the last one when nothing is different."""
        parent = outer.view if outer is not None else None
        inside = replacement_around(outer)
        last = self._last
        if (
            last is not None
            and last.layers is self._scenario.specs
            and last.parent is parent
            and last.inside == inside
            and (self._given_cache is None or last.cache is self._given_cache)
        ):
            return last
        cache = self._cache_seen(parent) if looks else self._cache_inside(parent)
        return self._derive(parent, cache, inside)

    def _derive(self, parent: View | None, cache: Cache, inside: RunningReplacement | None) -> View:
        said, depth = self._scenario.specs, self._max_depth
        return drive.enter(parent, said, self._held, cache=cache, listeners=self._listeners, inside=inside, max_depth=depth)

    def _open_inside(self, outer: Frame | None, method: Any = None, back: "Frame | Outside | None" = None) -> Entry:
        """Opens an entry inside a frame and puts it in force, until it is left or the statement that holds `method` has ended."""
        entry = None
        try:
            entry = drive.open_entry(self, outer, self._view_inside(outer), self._entries, method, back)
            entry.enlist()
            self._keep_up(entry)
            drive.put_in_force(entry)
        except BaseException:
            free_all_locks(MAKING)
            drive.take_back(entry)
            raise
        return entry

    def renew(self, entry: Entry) -> None:
        """Derives the view of an open entry again, because this context or one around it has changed."""
        entry.view = self._view_inside(entry.outer)
        drive.refresh(entry)
        self._keep_up(entry)

    def is_behind(self, entry: Entry) -> bool:
        """True when the context says something else by now than an entry of it shows."""
        return entry.view.layers is not self._scenario.specs

    def _keep_up(self, entry: Entry) -> None:
        """Brings the new view of an entry up to date; checks after others can see it, so that no change is missed."""
        outer, view = entry.outer, entry.view
        self._last = view
        while view.layers is not self._scenario.specs or (outer is not None and view.parent is not outer.view):
            drive.let_go(self._held, view.layers, self._scenario.specs)
            view = self._last = entry.view = self._view_inside(outer)
            drive.refresh(entry)

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

    # Changing

    @overload
    def tweak(self, key: Mapping[Any, Any], /) -> None: ...
    @overload
    def tweak(self, key: Any, value: Any, /) -> None: ...
    def tweak(self, key: Any, /, *value: Any) -> None:
        """Adds a tweak, or a mapping of several: all of them or, when one is not possible, none.

        Takes effect at once in every open entry of this context and of those inside it; nodes that are running keep the scenario
        they began with.  An object that can be changed in place is another tweak each time that it is stated, so stating the same
        object again says that it has changed.

        Raises:
            TweakError: a tweak is not possible.
            ContextError: a node is running that did not open this context.
        """
        if len(value) > 1 or bool(value) == isinstance(key, (Mapping, Scenario)):
            raise TypeError("Write ctx.tweak(node, value) or ctx.tweak({node: value, ...}).")
        self._check_changeable("tweak")
        added = Scenario({key: value[0]} if value else key)
        self._change(lambda said: replace_top(said, added), added.tweaks)

    def untweak(self, *keys: Any) -> None:
        """Drops this context's own tweaks of nodes or functions: the tweaks of the context around show again.

        Raises:
            TweakError: this context does not tweak one of them; nothing is dropped then.
            ContextError: a node is running that did not open this context.
        """
        self._check_changeable("untweak")
        self._change(lambda scenario: self._without(scenario, keys), keys)

    def _without(self, scenario: Scenario, keys: tuple[Any, ...]) -> Scenario:
        for key in keys:
            if not isinstance(key, Node):  # one of an older definition can be dropped still
                target_of(key)
            if all(kept_key(key) not in layer for layer in scenario._layers):
                raise TweakError(
                    f"{self!r} does not tweak {show(key)}. To hide a tweak of a context around, tweak it to dug.UNTWEAKED."
                )
        return replace_top(scenario, {}, drop=keys)

    def _change(self, revise: Callable[[Scenario], Scenario], keys: Any) -> None:
        before, last = self._scenario, self._last
        try:
            before = self._say(revise)
            renew_all(self, before, last)
        except BaseException:
            free_all_locks(MAKING)
            if self._scenario is not before:  # an interrupt: it is said, so it must show everywhere
                renew_all(self, before, last)
            raise
        for key in keys:
            self._tell(Event("tweaked", key))

    def _say(self, revise: Callable[[Scenario], Scenario]) -> Scenario:
        """Replaces this context's scenario with the result of `revise`, and returns the old one."""
        while True:
            before = self._scenario
            scenario = revise(before)  # hashes user objects: not under the lock
            with MAKING:
                if self._scenario is before:
                    self._scenario = scenario
                    return before

    def invalidate(self, *keys: Any) -> None:
        """Forgets the memos that ran these nodes (or any node of these functions), in every scenario: the outside has changed.

        Memos computed from them are computed again, unless the nodes give an equal value; an object that can be changed in place
        is never equal.  Memos that only read a tweak of them stay.

        Raises:
            TweakError: one of them is neither a node nor a memoised function.
            ContextError: a node is running that did not open this context.
        """
        targets = [target_of(key) for key in keys]
        self._check_changeable("invalidate a node in")
        with locks_freed(MAKING):
            self._here().registry.forget(targets)
            Function.trust(targets)
        for key in keys:
            self._tell(Event("invalidated", key))

    def clear(self) -> None:
        """Empties this context's own cache; the memos in the caches beneath stay.

        Raises:
            ContextError: it has no cache of its own, or a node is running that did not open this context.
        """
        self._check_changeable("clear")
        if self._own_cache is None and self._here().parent is not None:
            raise ContextError(
                f"{self!r} has no cache of its own: its results are in the cache of a context around it. "
                "Clear that one, or give this one cache=dug.Cache()."
            )
        with locks_freed(MAKING):
            if self._own_cache is not None:
                self._own_cache.clear()

    def _check_changeable(self, verb: str) -> None:
        run: Any = drive.frame_here().run
        if run is None or (self._maker is not None and self._maker() is run):
            return
        frame: Any = drive.frame_here()
        if all(entry.context is not self or entry.run is not run for entry in entries_around(frame)):
            node = Node._of(run.key)
            raise ContextError(
                f"{node!r} is running and did not open {self!r}, so it must not {verb} it. "
                "Open a context inside the function instead."
            )

    # Running

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns ``function(*args, **kwargs)``, called inside this context; a node is such a function.

        For a coroutine function this returns an awaitable, which is awaited outside: write ``with ctx:`` around the ``await``.
        """
        with self:
            return function(*args, **kwargs)

    def activate(self) -> "Context | None":
        """Makes this context the default of the process, wherever no ``with`` is in force; returns the one it replaces.

        Raises:
            ContextError: called inside a ``with``.
        """
        if drive.frame_here() is not OUTSIDE:
            raise ContextError(f"{self!r} cannot be activated inside a with. Activate it outside of every context.")
        replaced, entry = OUTSIDE.entry, Entry(self._view_inside(None), None, None, self, self._entries)
        with drive.closing_unless_active(replaced, entry):  # wherever an interrupt strikes, one is active, and the other closed
            entry.enlist()
            self._keep_up(entry)
            OUTSIDE.activate(entry)
        return None if replaced is None else replaced.context

    def deactivate(self) -> None:
        """Ends an `activate`.

        Raises:
            ContextError: this context is not the active one.
        """
        entry = OUTSIDE.entry
        if entry is None or entry.context is not self:
            raise ContextError(f"{self!r} is not active. Call activate() first, or deactivate the one that is.")
        with drive.closing_unless_active(entry):
            OUTSIDE.activate(None)
        look_again()

    # Listening

    @contextmanager
    def listen(self, listener: Listener) -> Iterator[None]:
        """Delivers an `Event` to `listener` for everything that happens in this context and in those entered inside it.

        Raises:
            TypeError: `listener` cannot be called.
        """
        if not callable(listener):
            raise TypeError(f"listen() takes a function of an event, not {show(listener)}. Write ctx.listen(print), for example.")
        try:
            self._listeners.append(listener)
            self._refresh()
            yield
        finally:
            with suppress(ValueError):  # it failed and was removed
                self._listeners.remove(listener)
            self._refresh()

    def _refresh(self) -> None:
        """Lets calls in this context come to the engine while somebody listens, and be answered from hits otherwise."""
        for entry in tuple(self._entries):
            drive.refresh_within(entry)
        frame = drive.frame_here()
        while isinstance(frame, (Entry, Run)):
            frame.refresh(frame.run)
            frame = frame.outer

    def _tell(self, event: Event) -> None:
        view = self._last
        if view is not None:
            view.emit(event)

    @staticmethod
    def _adding_nothing() -> "Context":
        """Returns a context that adds nothing to the one around it: a plain one, as a subclass may be made in any way."""
        return Context()

    def _here(self) -> View:
        """The view of this task's current entry, else of the last one, else of one made here and now."""
        for entry in entries_around(drive.frame_here()):
            if entry.context is self:
                return entry.view
        if OUTSIDE.entry is not None and OUTSIDE.entry.context is self:
            return OUTSIDE.entry.view
        if self._last is not None:
            return self._last
        return self._view_inside(drive.outer_here(), looks=True)

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(
            f"{self!r} cannot be pickled or copied. Take its tweaks, ctx.scenario; to keep its memos, "
            "write: from dug import snapshot; snapshot.save(ctx, path)."
        )

    def __repr__(self) -> str:
        name = "" if self._name is None else f" {show_whole(self._name, 60)}"
        return f"<dug.Context{name} tweaks={describe_layers(self._scenario)}>"
