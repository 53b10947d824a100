"""`Context`, which a user enters: its scenario and cache; `tweak`, `untweak`, `invalidate`, `clear`, `run`, `listen`.

A context is a set of tweaks and the cache that keeps its results.  What the engine does when one is entered, left or changed is
in its base, `Scope`; the queries are in `methods`.  `_check_kinds` reads the kinds of events that a listener hears.  `activate`
and `deactivate` enter by hand, `store` and `_keep_in` are its store.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from os import PathLike
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from .._core.drive import Scope
from .._core.read import KINDS, Cache, Function, Listener, Node, Subscription, entries_in_force
from .._inspect.record import find_seen
from .._text.shown import Shown
from .._text.values import show, show_whole
from ..errors import ContextError, TweakError
from .methods import ContextMethods, look_again
from .scenario import Scenario, describe_layers, kept_key, replace_top, retell
from .tweaks import target_of

if TYPE_CHECKING:
    from ..stores._store import AnyStore
    from .typed_tweaks import Bumps, Change, D, Decorated, K, Others, Replacement, V, Values

P = ParamSpec("P")
R = TypeVar("R")


class Context(Scope, ContextMethods, Shown):
    """A set of tweaks, and the cache that results go to; in force inside ``with``.

    Contexts nest: inside another one, a context sees its tweaks over those around it, and shares every result that none of its
    tweaks could have changed.  The same context can be entered again, later or elsewhere, and finds its memos; that does not
    state its tweaks again, so tweak it once more with an object that was changed in place.  Entering one never changes another.

    Args:
        tweaks: the differences here: a mapping of nodes (``f.node(x)``) or memoised functions to values, ``bump(...)``,
            replacements or ``UNTWEAKED``; or a `Scenario`.
        cache: where new results go; the default is the cache of the context around, or one of its own for an outermost context.
        store: where results are kept for other processes: a `dug.stores.Store`, or the path of its folder.  Contexts inside have
            it too.  It goes with a cache: give it to an outermost context, or together with ``cache=dug.Cache()``.
        name: shown in texts.
        max_depth: how deep nodes may lead to nodes before that counts as a recursion without end (`DepthError`); the default is
            that of the context around, or a million.

    Raises:
        TweakError: a tweak is not possible; the message names it.
        TypeError: the cache is not a `Cache`, or the name not a text.
        ValueError: `max_depth` is not a number of nodes.
    """

    __iter__ = None  # it has `__getitem__`, and is not a sequence

    @overload
    def __init__(
        self,
        tweaks: "Bumps | Scenario | None" = None,
        *,
        cache: Cache | None = None,
        store: "AnyStore | str | PathLike[str] | None" = None,
        name: str | None = None,
        max_depth: int | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        tweaks: "Others[D, V, K]",
        *,
        cache: Cache | None = None,
        store: "AnyStore | str | PathLike[str] | None" = None,
        name: str | None = None,
        max_depth: int | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        tweaks: "Values[V]",
        *,
        cache: Cache | None = None,
        store: "AnyStore | str | PathLike[str] | None" = None,
        name: str | None = None,
        max_depth: int | None = None,
    ) -> None: ...
    def __init__(
        self,
        tweaks: Any = None,
        *,
        cache: Cache | None = None,
        store: Any = None,
        name: str | None = None,
        max_depth: int | None = None,
    ) -> None:
        if cache is not None and not isinstance(cache, Cache):
            raise TypeError(f"cache must be a dug.Cache, not {show(cache)}. Write Context(cache=dug.Cache()).")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a text, not {show(name)}. Write Context(name='base').")
        if max_depth is not None and (not isinstance(max_depth, int) or max_depth < 1):
            raise ValueError(f"max_depth must be a number of nodes, at least 1, not {show(max_depth)}.")
        told = _NOTHING if tweaks is None else tweaks
        scenario = retell(told) if isinstance(told, Scenario) else Scenario(told)
        super().__init__(scenario, cache, max_depth)
        self._name = name or scenario.name
        self._store = None if store is None else self._keep_in(store)

    def _keep_in(self, store: Any) -> "AnyStore":
        """Has a store keep the results that go to this context's own cache, and returns it."""
        from ..stores._opening import open_store, serve  # loaded with the first store: few programs have one

        opened = open_store(store)
        if self._own_cache is None:
            self._own_cache = Cache()
        serve(opened, self._own_cache)
        return opened

    @property
    def store(self) -> "AnyStore | None":
        """The store that keeps the results of this context: its own, or that of the context around; None for none."""
        keeper = self.cache.keeper
        return None if keeper is None else keeper.store

    @property
    def name(self) -> str | None:
        """The name it was given, or that of its scenario."""
        return self._name

    @property
    def scenario(self) -> Scenario:
        """The tweaks of this context, layer by layer: another context made of it means the same."""
        scenario: Scenario = self._scenario
        return scenario

    @property
    def tweaks(self) -> Mapping[Any, Any]:
        """The tweaks of this context, read-only; if several layers of its scenario tweak one node, the innermost."""
        return self.scenario.tweaks

    @property
    def cache(self) -> Cache:
        """The cache that results go to, which is the given one, that of the context around, or its own."""
        return self._given_cache or self._here().cache

    # Changing

    @overload
    def tweak(self, key: "Bumps | Scenario", /) -> None: ...
    @overload
    def tweak(self, key: "Others[D, V, K]", /) -> None: ...
    @overload
    def tweak(self, key: "Values[V]", /) -> None: ...
    @overload
    def tweak(self, key: "Decorated", value: "Replacement | Change", /) -> None: ...
    @overload
    def tweak(self, key: Node[Any], value: Any, /) -> None: ...
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
        self._change(lambda scenario: replace_top(scenario, added))
        self._tell_all("tweaked", added.tweaks)

    def untweak(self, *keys: "Node[Any] | Decorated") -> None:
        """Drops this context's own tweaks of nodes or functions: the tweaks of the context around show again.

        Raises:
            TweakError: this context does not tweak one of them; nothing is dropped then.
            ContextError: a node is running that did not open this context.
        """
        self._check_changeable("untweak")
        self._change(lambda scenario: self._without(scenario, keys))
        self._tell_all("tweaked", keys)

    def _without(self, scenario: Scenario, keys: tuple[Any, ...]) -> Scenario:
        for key in keys:
            if not isinstance(key, Node):  # one of an older definition can be dropped still
                target_of(key)
            if all(kept_key(key) not in layer for layer in scenario._layers):
                raise TweakError(
                    f"{self!r} does not tweak {show(key)}. To hide a tweak of a context around, tweak it to dug.UNTWEAKED."
                )
        return replace_top(scenario, {}, drop=keys)

    def invalidate(self, *keys: "Node[Any] | Decorated") -> None:
        """Forgets the memos that ran these nodes (or any node of these functions), in every scenario: the outside has changed.

        Memos computed from them are computed again, unless the nodes give an equal value; an object that can be changed in place
        is never equal.  Memos that only read a tweak of them stay.

        Raises:
            TweakError: one of them is neither a node nor a memoised function.
            ContextError: a node is running that did not open this context.
        """
        targets = [target_of(key) for key in keys]
        self._check_changeable("invalidate a node in")
        self._forget(targets)
        self._tell_all("invalidated", keys)

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
        self._clear()

    def _tell_all(self, kind: str, keys: Iterable[Any]) -> None:
        for key in keys:
            target = key._key if isinstance(key, Node) else target_of(key)
            self._tell(kind, key, target if isinstance(target, Function) else target[0])

    # Running

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns ``function(*args, **kwargs)``, called inside this context; a node is such a function.

        For a coroutine function this returns an awaitable, which is awaited outside: write ``with ctx:`` around the ``await``.

        Raises:
            TypeError: `function` cannot be called.
        """
        if not callable(function):
            raise TypeError(f"run() takes a function and its arguments, not {show(function)}. Write ctx.run(f, x).")
        with self:
            del self  # the traceback of an error holds this frame, and must not hold the context
            return function(*args, **kwargs)

    def activate(self) -> "Context | None":
        """Makes this context the default of the process, wherever no ``with`` is in force; returns the one it replaces.

        Raises:
            ContextError: called inside a ``with``.
        """
        return cast("Context | None", self._activate())

    def deactivate(self) -> None:
        """Ends an `activate`.

        Raises:
            ContextError: this context is not the active one.
        """
        self._deactivate()
        look_again()

    # Listening

    def listen(
        self, listener: Listener, *, kinds: str | Iterable[str] | None = None, only: str | None = None
    ) -> AbstractContextManager[None]:
        """Delivers an `Event` to `listener` for what happens in this context and in those entered inside it.

        Known values are answered at full speed unless a listener hears ``hit``: name the kinds that you need.

        Args:
            listener: is called with each event.
            kinds: the kinds of events that it hears, such as ``("computed", "failed")``; the default is all.
            only: ``"source"`` to hear only of nodes of sources, ``"function"`` only of those of other functions.

        Raises:
            TypeError: `listener` cannot be called, or `kinds` is not a set of names.
            ValueError: `kinds` names a kind of events that dug does not deliver, or `only` says neither of the two words.

        .. versionchanged:: 0.1.0
           `kinds` and `only`.
        """
        if not callable(listener):
            raise TypeError(f"listen() takes a function of an event, not {show(listener)}. Write ctx.listen(print), for example.")
        return self._listen(Subscription(listener, _check_kinds(kinds), _check_only(only), find_seen))

    # For the engine

    def _left(self, error: BaseException | None) -> None:
        if self._store is not None:
            self._store.flush_queue()
        look_again(is_told=error is None)

    def _inside(self) -> AbstractContextManager[Any]:
        """Returns what puts this in force: the context itself or, if it is in force already, one that adds nothing."""
        nearest = next(entries_in_force(), None)
        is_here = nearest is not None and nearest.context is self
        return Context() if is_here else self  # a plain one, as a subclass may be made in any way

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(
            f"{self!r} cannot be pickled or copied. Take its tweaks, ctx.scenario; to keep its memos, "
            "write: from dug import snapshot; snapshot.save(ctx, path)."
        )

    def _sheet(self) -> Any:
        from .._inspect.context_sheet import show_context  # loaded when somebody looks

        return show_context("dug.Context", self._name, self.scenario.layers, self._here())

    def __repr__(self) -> str:
        name = "" if self._name is None else f" {show_whole(self._name, 60)}"
        return f"<dug.Context{name} tweaks={describe_layers(self._scenario)}>"


_NOTHING = Scenario()


def _check_kinds(kinds: Any) -> frozenset[str]:
    """Returns the kinds of events that a listener hears."""
    if kinds is None:
        return frozenset(KINDS)
    named = (kinds,) if isinstance(kinds, str) else kinds
    if isinstance(named, bytes) or not isinstance(named, Iterable):
        raise TypeError(f"kinds must be names of kinds of events, not {show(kinds)}. Write kinds=('computed', 'failed').")
    heard = tuple(named)
    for kind in heard:
        if kind not in KINDS:
            raise ValueError(f"{show(kind)} is not a kind of event. Write some of kinds={KINDS}.")
    return frozenset(heard)


def _check_only(only: Any) -> str | None:
    if only not in (None, "source", "function"):
        raise ValueError(f"only must be 'source' or 'function', not {show(only)}. Leave it out to hear of both.")
    return only  # type: ignore[no-any-return]  # one of these
