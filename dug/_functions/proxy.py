"""The decorated function as users see it: `Memoized`, a proxy whose calls are nodes, and `BoundMemoized`; `wrap`, `bind_wrapper`.

A `Memoized` replaces the function: signature, documentation and annotations are the function's own (wrapt), the call is
ours.  On the pure path each has a class of its own whose ``__call__`` is made for its parameters: such a call takes 150 ns where
one that packs and unpacks ``*args, **kwargs`` takes 350.

Methods: `MemoizedClassMethod`, `MemoizedStaticMethod`.  Texts: `name_of`, `show_key`.  `function_of` takes the engine's function
of a decorated one, `_find_hit` is the call of a bound method.  `_Memoized` has the shared part of them.
"""

from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, Self, TypeVar, overload
from weakref import ref

from wrapt import ObjectProxy

from .._core.drive import install_call, make_class
from .._core.read import Fixed, Function, Key, Memo, Node, NodeMemos, current
from .._text.values import show
from .sync_driver import (
    fetch,
)

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


def _find_hit(frame: Any, key: Key) -> Memo | None:
    """The bound-method counterpart of the compiled call."""
    try:
        home: NodeMemos | None = frame.homes.get(key)
        memo = None if home is None else home.recall(frame.view.tweaks)
    except TypeError:
        return None
    if memo is not None and frame.reads is not None:
        frame.reads[memo] = None
    return memo


if TYPE_CHECKING:  # an annotation in a proxy class would hide those of the function

    class _Proxy(ObjectProxy[Any]):
        _self_function: Function
        _self_instance: object
        _self_memoized: Any

else:
    _Proxy = ObjectProxy


class _Memoized(_Proxy, Generic[P, R]):
    """The shared part of all decorated functions."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def node(self, /, *args: P.args, **kwargs: P.kwargs) -> Node[R]:
        """Returns the node of this call without making it.

        Raises:
            TypeError: the function cannot be called like that.
            UnhashableArgumentError: an argument has no hash.
        """
        return Node._of_call(self._self_function, args, kwargs)

    __iter__ = None  # type: ignore[assignment]  # the proxy would say that a function is a collection

    def __dir__(self) -> list[str]:
        return sorted({*dir(self.__wrapped__), "__wrapped__", "node"})  # the proxy would list only the wrapped function's

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> Any:
        function = self._self_function
        reason = function.unpicklable_reason()
        if reason:
            raise TypeError(f"{function!r} cannot be pickled: {reason}")
        return _load, (function.name,)

    def __reduce_ex__(self, protocol: object) -> Any:
        return self.__reduce__()

    def __repr__(self) -> str:
        return f"<dug {self._self_function.kind} {self._self_function.name}>"

    __str__ = __repr__
    __format__ = object.__format__  # the proxy would format the function


class _TakesFirst(Protocol[F_contra, Q, R_co]):
    """A callable that has a first parameter, for the type checker to take apart."""

    def __call__(self, first: F_contra, /, *args: Q.args, **kwargs: Q.kwargs) -> R_co: ...


class BoundMemoized(_Memoized[P, R]):
    """A memoised method of one instance (or class): the instance is the first argument of its nodes."""

    def __init__(self, memoized: "_Memoized[Any, R]", instance: object) -> None:
        super().__init__(memoized.__wrapped__.__get__(instance))
        self._self_memoized = memoized
        self._self_instance = instance

    def __reduce__(self) -> Any:
        made, (name,) = super().__reduce__()
        return _bind, (made, name, self._self_instance)

    if not TYPE_CHECKING:  # the type checker sees the parameters of the function

        @property
        def _self_function(self):
            return self._self_memoized._self_function  # another one when a new definition has taken the name

        def __call__(self, /, *args, **kwargs):
            function = self._self_memoized._self_function
            key = function.binding.make_key(self._self_instance, *args, **kwargs)
            if function.is_async:
                return function.ask(None, key)
            frame = current.get()
            try:
                return (_find_hit(frame, key) or fetch(frame, key)).value  # no more frames than a function has
            finally:
                del frame  # the traceback of an error holds this one, see `failure.empty_own_frames`

        def node(self, /, *args, **kwargs):
            """Returns the node of this call on this instance, without making it."""
            return Node._of_call(self._self_function, (self._self_instance, *args), kwargs)


class Memoized(Fixed, _Memoized[P, R]):
    """A decorated function; as an attribute of a class, a method."""

    # mypy takes @classmethod and @staticmethod away before it looks at a decorator above them, so the function it sees may be any
    # of the three.  The type of the first parameter tells: the class, an instance of it, or something else.
    @overload
    def __get__(self: "_TakesFirst[F, Q, R]", instance: object, owner: F) -> BoundMemoized[Q, R]: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self: "_TakesFirst[F, Q, R]", instance: F, owner: Any = None) -> BoundMemoized[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> Self: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else BoundMemoized(self, instance)


class MemoizedClassMethod(Fixed, _Memoized[P, R]):
    """A decorated class method: the class is the first argument of its nodes."""

    def __get__(self, instance: Any, owner: Any = None) -> BoundMemoized[P, R]:
        return BoundMemoized(self, type(instance) if owner is None else owner)


class MemoizedStaticMethod(Fixed, _Memoized[P, R]):
    """A decorated static method."""

    def __get__(self, instance: Any, owner: Any = None) -> Self:
        return self


def wrap(kind: type[_Memoized[Any, Any]], function: Function, body: Callable[..., Any]) -> Any:
    """Returns the decorated function of one of the kinds above around `body`."""
    wrapper = make_class(kind, is_method=kind is Memoized)(body)
    bind_wrapper(wrapper, function)
    return wrapper


def bind_wrapper(wrapper: Any, function: Function) -> None:
    """Makes a decorated function call `function`: called when it is made, and when a new definition takes its name."""
    wrapper._self_function = function
    function.wrappers.append(ref(wrapper))
    function.newest = wrapper
    install_call(wrapper, function, function.fetch)


def function_of(value: object) -> Function | None:
    """Returns the function behind something decorated, or None for anything else.

    A class method belongs to its function, whichever class it is taken from; a method of one instance belongs to none.
    """
    if type(value) is MethodType:  # Python 3.13 makes this of one below @classmethod
        return function_of(value.__func__) if isinstance(value.__self__, type) else None
    if not isinstance(value, _Memoized) or (isinstance(value, BoundMemoized) and not isinstance(value._self_instance, type)):
        return None
    return value._self_function


def _bind(load: Callable[[str], Any], name: str, instance: object) -> Any:
    return BoundMemoized(load(name), instance)


def _load(name: str) -> Any:
    return Function.load(name).wrapper()


def show_key(key: Any) -> str:
    """Returns the key of a tweak as text: a node, or the name of a function."""
    return str(key) if isinstance(key, Node) else name_of(key)


def name_of(value: Any) -> str:
    """Returns the name of a function: that of its nodes if it is memoised, else its own."""
    function = value if isinstance(value, Function) else function_of(value)
    return function.name if function is not None else getattr(value, "__qualname__", None) or show(value)
