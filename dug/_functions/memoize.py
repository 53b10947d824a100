"""The decorators `memoize` and `source`: read the options, refuse unsuitable functions, name the function, pick the driver.

`_decorate` does so in order; `_check_options`, `_check_kept` and `_check_kind` refuse, `_signature` and `_unwrap` read the
function, `_pick_driver` and `_take_name` are the last steps.  `_Decorator` is the decorator with options.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from inspect import CO_ITERABLE_COROUTINE
from types import MethodType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from .._core.read import Binding, Function, current
from .._text.values import show
from .names import COPIED, IMPORTABLE, claim_of, is_same_place, publish_rightly
from .proxy import Memoized, MemoizedClassMethod, MemoizedStaticMethod, wrap
from .sync_driver import fetch

if TYPE_CHECKING:
    from .stream import Stream
    from .sync_stream import SyncStream

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _Nothing:
    """What no function gives: one that is annotated to give `Any` matches it, and is not taken for a stream of anything."""


class _Decorator(Protocol):
    """The decorator that ``memoize(...)`` with options returns."""

    @overload
    def __call__(self, function: "classmethod[T, P, R]", /) -> MemoizedClassMethod[P, R]: ...
    @overload
    def __call__(self, function: "staticmethod[P, R]", /) -> MemoizedStaticMethod[P, R]: ...  # type: ignore[overload-overlap]  # a static method is callable too, and what comes first counts
    @overload
    def __call__(self, function: Callable[P, _Nothing], /) -> Memoized[P, Any]: ...
    @overload
    def __call__(self, function: Callable[P, AsyncIterator[T]], /) -> "Memoized[P, Stream[T]]": ...
    @overload
    def __call__(self, function: Callable[P, Iterator[T]], /) -> "Memoized[P, SyncStream[T]]": ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Memoized[P, R]: ...


@overload
def memoize(function: "classmethod[T, P, R]", /) -> MemoizedClassMethod[P, R]: ...
@overload
def memoize(function: "staticmethod[P, R]", /) -> MemoizedStaticMethod[P, R]: ...  # type: ignore[overload-overlap]  # as above
@overload
def memoize(function: Callable[P, _Nothing], /) -> Memoized[P, Any]: ...
@overload
def memoize(function: Callable[P, AsyncIterator[T]], /) -> "Memoized[P, Stream[T]]": ...
@overload
def memoize(function: Callable[P, Iterator[T]], /) -> "Memoized[P, SyncStream[T]]": ...
@overload
def memoize(function: Callable[P, R], /) -> Memoized[P, R]: ...
@overload
def memoize(
    *,
    eq: Callable[[Any, Any], bool] | None = None,
    typed: bool = False,
    key: Mapping[str, Callable[[Any], Any]] | None = None,
    ignore: tuple[str, ...] = (),
    name: str | None = None,
    version: object = None,
    store: bool | None = None,
    digest: Callable[[Any], bytes | str] | None = None,
    ignore_globals: tuple[str, ...] = (),
    ahead: int = 256,
    keep: int | None = None,
) -> _Decorator: ...
def memoize(function: Any = None, /, **options: Any) -> Any:  # noqa: D417  the options are those of the overloads
    """Decorates a function whose calls are remembered, traced and open to what-if questions inside a `Context`.

    Works on functions, methods (the instance is an argument), class methods and static methods (put ``@memoize`` above
    ``@classmethod`` and ``@staticmethod``).  Arguments must be hashable; they are keys in the sense of a dict, and dug warns of
    an instance that can be changed and is told from others by its identity only.  The function must be pure: its value may
    depend on its arguments, on results of other memoised functions, and on nothing else but constants.  Decorated again,
    as by a cell that is run twice, it keeps its memos while everything that it reaches is the same: its code, and the helpers,
    classes and constants that the code names.

    Args:
        function: the function to decorate; left out when options are given.
        eq: says when two results are the same, so that memos computed from the old one still hold.  Default: equal
            scalars of one type (and tuples of such), or the same object if nothing in it can be changed.  A list, an array
            or an instance that the function returns again may have been changed in place since, so it counts as changed, and
            `eq` is asked about it too: if it compares the content of one object with itself, it sees no change.  See
            `dug.eq` for arrays and frames that are made again each time.  If it takes values for equal that are not, which one
            holds depends on which was asked for first: in sweeps on other processes that is the base.
        typed: keeps ``1``, ``1.0`` and ``True`` apart, recursively through tuples, and ``0.0`` from ``-0.0``.
        key: for a parameter whose arguments have no hash: its name, and a function that gives a hashable key for them.
        ignore: names of parameters that do not matter for the result, such as a logger.
        name: replaces ``module:qualname`` in texts and pickles.
        version: changes when the meaning of the function changes and nothing that its code names does: see
            `dug.fingerprint.reach` for the changes that dug sees by itself.
        store: whether a store (``Context(store=...)``) keeps its runs: True for each, False for none; None for those that take
            longer than the store says.  A stream is kept once it has ended.
        digest: gives bytes or a text for a result, equal for results of which either may stand for the other.  A store compares
            it in the place of what the codec of the result writes, and runs that read the result are kept also where it has no
            codec.  It is called once for each result, which nobody may change in place after that.
        ignore_globals: names of globals that no result depends on, though the function reads them, such as a counter or a cache:
            one that changes does not change the function.  ``"tools.RAN"`` is a global of another module, which a helper reads.
        ahead: for an async generator function: how many items its generator may be ahead of the fastest reader.
        keep: for a generator function: how many items are kept, so that a reader who comes too late gets `DroppedError`; None for
            all.  An async one waits for the slowest reader.  `eq` compares the items of a generator function.

    Raises:
        TypeError: the function is not a function at all, or an option names a parameter that it does not have, or only makes
            sense for a generator function.
    """
    return _decorator("function", function, options)


@overload
def source(function: "classmethod[T, P, R]", /) -> MemoizedClassMethod[P, R]: ...
@overload
def source(function: "staticmethod[P, R]", /) -> MemoizedStaticMethod[P, R]: ...  # type: ignore[overload-overlap]  # as above
@overload
def source(function: Callable[P, _Nothing], /) -> Memoized[P, Any]: ...
@overload
def source(function: Callable[P, AsyncIterator[T]], /) -> "Memoized[P, Stream[T]]": ...
@overload
def source(function: Callable[P, Iterator[T]], /) -> "Memoized[P, SyncStream[T]]": ...
@overload
def source(function: Callable[P, R], /) -> Memoized[P, R]: ...
@overload
def source(
    *,
    eq: Callable[[Any, Any], bool] | None = None,
    typed: bool = False,
    key: Mapping[str, Callable[[Any], Any]] | None = None,
    ignore: tuple[str, ...] = (),
    name: str | None = None,
    version: object = None,
    digest: Callable[[Any], bytes | str] | None = None,
    ignore_globals: tuple[str, ...] = (),
    ahead: int = 256,
    keep: int | None = None,
) -> _Decorator: ...
def source(function: Any = None, /, **options: Any) -> Any:
    """Decorates a function that reads the outside world: a file, a feed, a database, a clock.

    It is remembered like any other; say ``ctx.invalidate(node)`` when the outside has changed, also if the function returns
    the same object, changed in place.  When it fails, neither the
    failure nor anything that caught it is served again after the outermost call.  Takes the options of `memoize` but `store`, as
    a store keeps no source.

    Raises:
        TypeError: as for `memoize`.
    """
    return _decorator("source", function, options)


_OPTIONS = frozenset({"eq", "typed", "key", "ignore", "name", "version", "digest", "ignore_globals", "ahead", "keep"})


def _decorator(kind: str, function: Any, options: dict[str, Any]) -> Any:
    known = _OPTIONS if kind == "source" else _OPTIONS | {"store"}  # no store keeps a source
    unknown = sorted(options.keys() - known)
    if unknown:
        decorator = "source" if kind == "source" else "memoize"
        raise TypeError(f"@dug.{decorator} has no option {unknown[0]}=; its options: {', '.join(sorted(known))}.")
    _check_options(**options)
    if function is None:
        return lambda decorated: _decorate(kind, decorated, **options)
    return _decorate(kind, function, **options)


def _check_options(*, eq: Any = None, key: Any = None, ignore: Any = (), name: Any = None, **others: Any) -> None:
    """Raises TypeError for an invalid option."""
    _check_kept(**{option: others[option] for option in ("store", "digest", "ignore_globals") if option in others})
    for option in ("ahead", "keep"):
        count = others.get(option)
        if option in others and (type(count) is not int or count < 1) and (option, count) != ("keep", None):
            raise TypeError(f"{option} must be a number of items, at least 1, not {show(count)}. Write {option}=100.")
    if eq is not None and not callable(eq):
        raise TypeError(f"eq must be a function of two results, not {show(eq)}. Write eq=dug.eq.array, for example.")
    if key is not None and not (isinstance(key, Mapping) and all(map(callable, key.values()))):
        raise TypeError(f"key must say for each parameter how to make a key of it, not {show(key)}. Write key={{'x': function}}.")
    if not _are_names(ignore):
        raise TypeError(f"ignore must be the names of parameters, not {show(ignore)}. Write ignore=('logger',).")
    if name is not None and not (isinstance(name, str) and name):
        raise TypeError(f"name must be the name of its nodes, not {show(name)}. Write name='market:spot', or leave it out.")
    if name is not None and "(" in name:
        raise TypeError(f"name must not hold a parenthesis, where arguments begin, not {show(name)}. Write name='market:spot'.")


def _check_kept(store: Any = None, digest: Any = None, ignore_globals: Any = ()) -> None:
    """Raises TypeError for an invalid option of those that stores ask for."""
    if not any(store is one for one in (None, True, False)):  # 1 is equal to one of them
        raise TypeError(f"store must be True, False or None, not {show(store)}. Write store=True to keep all its runs.")
    if digest is not None and not callable(digest):
        advice = "Write digest=lambda value: value.version, for example."
        raise TypeError(f"digest must be a function that gives bytes or a text for a result, not {show(digest)}. {advice}")
    if not _are_names(ignore_globals):
        advice = "Write ignore_globals=('RAN',)."
        raise TypeError(f"ignore_globals must be the names of globals, not {show(ignore_globals)}. {advice}")


def _are_names(said: object) -> bool:
    return isinstance(said, (str, tuple, list, set, frozenset)) and all(isinstance(one, str) for one in said)


def _decorate(
    kind: str,
    decorated: Any,
    *,
    eq: Callable[[Any, Any], bool] | None = None,
    typed: bool = False,
    key: Mapping[str, Callable[[Any], Any]] | None = None,
    ignore: str | tuple[str, ...] = (),
    name: str | None = None,
    version: object = None,
    store: bool | None = None,
    digest: Callable[[Any], bytes | str] | None = None,
    ignore_globals: str | tuple[str, ...] = (),
    **stream_options: int | None,
) -> Any:
    wrapper_kind, body = _unwrap(decorated)
    _check_kind(decorated, body, stream_options)
    if digest is not None and (inspect.isasyncgenfunction(body) or inspect.isgeneratorfunction(body)):
        raise TypeError(f"{body.__module__}:{body.__qualname__} gives a stream, which has no digest: leave digest= out.")
    ignore = tuple([ignore] if isinstance(ignore, str) else ignore)
    module = Function.name_module(getattr(body, "__module__", None))
    named = name or f"{module}:{getattr(body, '__qualname__', type(body).__qualname__)}"
    function = Function(named if ":" in named else f"{module}:{named}", body, kind, eq, version)
    _pick_driver(function, **stream_options)
    function.renamed, function.store, function.digest = name is not None, store, digest
    if ignore_globals:
        function.ignored = _find_globals(body, ignore_globals)
    function.binding = Binding.of(function, _signature(body), typed=typed, keys=key, ignore=ignore)
    function.options = (typed, tuple(sorted((key or {}).items())), ignore)
    taken = _take_name(function) if name is not None or _has_name(body) else function
    if taken is function and (taken.owned or not (taken.renamed or taken.was_importable)):
        taken.hold_nodes()
    if taken.is_local:
        _note_made(taken)
    wrapped = wrap(wrapper_kind, taken, body)
    if taken.is_source:
        from .known_sources import note_source  # loaded with the first source

        note_source(taken)
    return wrapped


def _find_globals(body: Any, names: str | Iterable[str]) -> frozenset[str]:
    """Returns the places of the globals that are ignored."""
    from .definition.ignored import places_of  # few functions say so, and ``import dug`` stays light

    return places_of(body, (names,) if isinstance(names, str) else names)


def _note_made(function: Function) -> None:
    """Notes a decorated function in the run around the decorator."""
    run = current.get().run
    if run is not None:
        if run.made is None:
            run.made = set()
        run.made.add(function.mark)


def _pick_driver(function: Function, *, ahead: int | None = 256, keep: int | None = None) -> None:
    """Lets a coroutine function be awaited, and any other be called; a generator function gives streams."""
    body = function.body
    if inspect.isasyncgenfunction(body) or inspect.isgeneratorfunction(body):
        from .stream import StreamKind, same_streams  # loaded with the first generator function
        from .sync_stream import SyncStreamKind  # also

        kind = StreamKind if inspect.isasyncgenfunction(body) else SyncStreamKind
        function.stream, function.eq = kind(ahead or 1, keep, function.eq), same_streams
    function.is_async = inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(getattr(type(body), "__call__", None))  # noqa: B004
    function.fetch, function.ask = _load_async_driver() if function.is_async else (fetch, None)


def _load_async_driver() -> tuple[Any, Any]:
    from .async_driver import fetch_async, value_async  # loaded with the first coroutine function

    return fetch_async, value_async


def _has_name(body: Any) -> bool:
    """True when a function may be importable by its qualified name.

    A partial or an instance only has the name of its class, and a bound method that of its function, whatever the instance is.
    """
    if type(body) is MethodType:
        return False
    qualname = getattr(body, "__qualname__", None)
    return isinstance(qualname, str) and "<" not in qualname and bool(getattr(body, "__module__", None))


def _unwrap(decorated: Any) -> tuple[Any, Any]:
    if isinstance(decorated, classmethod):
        return MemoizedClassMethod, decorated.__func__
    if isinstance(decorated, staticmethod):
        return MemoizedStaticMethod, decorated.__func__
    return Memoized, decorated


def _signature(body: Any) -> inspect.Signature:
    try:
        own = inspect.signature(body, follow_wrapped=False)
        kinds = {one.kind for one in own.parameters.values()}
        if not kinds >= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            return own  # of functions that `functools.wraps` dressed up, too: they may have defaults of their own
    except ValueError:  # some builtins describe only what they wrap
        pass
    try:
        return inspect.signature(body)
    except ValueError as exc:
        raise TypeError(f"{body!r} does not tell its parameters. Write a function around it and decorate that.") from exc


def _check_kind(decorated: Any, body: Any, stream_options: Mapping[str, Any]) -> None:
    """Refuses functions whose results no memo can replace, with the reason."""
    what = f"{getattr(body, '__module__', '?')}:{getattr(body, '__qualname__', repr(body))}"
    if isinstance(decorated, (type, property)) or not callable(body):
        raise TypeError(f"@dug.memoize decorates functions and methods, not {decorated!r}. Put it directly on the function.")
    if stream_options and not (inspect.isasyncgenfunction(body) or inspect.isgeneratorfunction(body)):
        raise TypeError(f"{what} is not a generator function, and has no items: leave {min(stream_options)}= out.")
    if "ahead" in stream_options and inspect.isgeneratorfunction(body):
        raise TypeError(f"{what} runs no further than somebody reads: leave ahead= out. An async generator function takes it.")
    if inspect.isgeneratorfunction(body) and getattr(body, "__code__", None) and body.__code__.co_flags & CO_ITERABLE_COROUTINE:
        raise TypeError(f"{what} is a generator that can be awaited. Write it as an async def.")


def _take_name(function: Function) -> Function:
    """Returns the function that a decorated one belongs to: the old one of its name, or itself."""
    known = Function.find(function.name)
    claim = IMPORTABLE if function.renamed else claim_of(function.body)
    if claim == COPIED:
        return function
    if known is None or not is_same_place(known, function, claim):
        return publish_rightly(function, known, claim)
    from .redefine import define_anew  # few programs define a function twice, and ``import dug`` stays light

    return define_anew(known, function, is_importable=claim == IMPORTABLE)
