"""The kinds of tweaks: `Value`, `Bump` (`bump`, `shift`, `scale`), `Each`, `Replacement`, `Untweaked`; sameness; checks.

A kind defines what runs, when two tweaks of it are the same, on which targets it is refused, and its texts.
No code asks a tweak for its kind: the engine and the looks ask for its properties (`TweakSpec`), and files write down the name of
the kind (`forms`).

Two tweaks are the same one when they are of one kind, equal, and of one telling.  A list, an array or a callable with a state
may hold something else each time that it is told, and nobody can see that in the object: a tweak with something mutable in it is
the same only while it is not told again.

Tellings: `tell_anew`, `_find_telling`, `_ById`, `_identify_callable`.  Checks: that a replacement takes the parameters of the
function (`_check_parameters`), a bump one value (`_check_takes_value`), and that it is awaited only where it can be
(`_check_awaited`).
"""

import inspect
import operator
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, ClassVar, Self

from attrs import evolve, field, frozen

from .._core.read import (
    UNTWEAK,
    VALUE,
    Function,
    Layer,
    Node,
    Target,
    TweakSpec,
    is_consumable,
    is_immutable,
    substitution_key,
)
from .._functions.proxy import name_of, show_key
from .._functions.stream_bumps import give_each
from .._text.values import show
from ..errors import TweakError


class Value(TweakSpec):
    """A node has this value, and its body does not run."""

    __slots__ = ()
    is_value: ClassVar[bool] = True
    is_final: ClassVar[bool] = True
    sentence: ClassVar[str] = "tweaked to {}"
    short: ClassVar[str] = "= {}"

    def __init__(
        self, value: Any = None, identity: Any = None, telling: object = None, fn: None = None, args: tuple[()] = ()
    ) -> None:
        # By hand, and not frozen: one is made for each what-if, and that takes four times as long.
        self.kind = VALUE
        self.value = value
        self.identity = identity
        self.telling = telling
        self.fn = fn
        self.args = args

    @property
    def said(self) -> Any:
        """The value."""
        return self.value

    @classmethod
    def say(cls, value: Any) -> Self:
        """Returns a value as it is told now.

        Raises:
            TweakError: it can be consumed once, such as an iterator.
        """
        key = substitution_key(value)
        if key is None and is_consumable(value):
            raise TweakError(f"{show(value)} can be consumed once, so it is not a value. Tweak the node to its content.")
        if key is not None:  # then nothing in it can be changed, which is quicker to see like this
            return cls(value, key)
        return cls(value, _ById(value), _find_telling(value))

    @property
    def text(self) -> str:
        """The value, as short text."""
        return show(self.value)


@frozen(eq=False, repr=False)
class Replacement(TweakSpec):
    """Another function runs in the place of a memoised one."""

    replaces: ClassVar[bool] = True
    sentence: ClassVar[str] = "its function is replaced by {}"
    function_sentence: ClassVar[str] = sentence
    kind: str = field(default="replacement", init=False)

    @property
    def said(self) -> Any:
        """The function."""
        return self.fn

    @classmethod
    def say(cls, function: Function, fn: Any) -> Self:
        """Returns what runs in the place of a function as it is told now.

        Raises:
            TweakError: it cannot be called as the function is.
        """
        if not callable(fn):
            arguments = "..." if function.binding.signature.parameters else ""
            raise TweakError(
                f"{function} is a function, and {show(fn)} cannot replace it: "
                "give a function with its parameters, a bump or UNTWEAKED. "
                f"Did you mean {function.name.rpartition(':')[2]}.node({arguments}), a node of it?"
            )
        _check_awaited(function, fn)
        _check_parameters(function, fn)
        return cls(fn=fn, identity=_identify_callable(fn), telling=_find_telling(fn))

    @property
    def text(self) -> str:
        """The name of the function."""
        return show_key(self.fn)


_ARITHMETIC: dict[Any, str] = {operator.add: "shift", operator.mul: "scale"}
"""The names of bumps of one argument, by the function that they apply."""


@frozen(eq=False, repr=False)
class Bump(TweakSpec):
    """A node is ``fn(value, *args)``, where value is its value without this tweak; made by `bump`, `shift`, `scale`."""

    reads_beneath: ClassVar[bool] = True
    sentence: ClassVar[str] = "bumped by {}"
    kind: str = field(default="bump", init=False)

    @property
    def said(self) -> Any:
        """The bump itself."""
        return self

    def check(self, target: Target) -> None:
        """Refuses a function that cannot be called with the value and the bump's arguments."""
        assert self.fn is not None  # noqa: S101  a bump has a function
        _check_awaited(target, self.fn)
        _check_takes_value(target, self, self.fn)

    def tell(self) -> "Bump":
        """Returns the bump as it is told now."""
        identity = _identify_callable(self.fn), tuple(map(_identify, self.args))
        return type(self)(fn=self.fn, args=self.args, identity=identity, telling=_find_telling((self.fn, *self.args)))

    @property
    def text(self) -> str:
        """The bump as it is written."""
        return show(self)

    def __eq__(self, other: object) -> bool:
        return NotImplemented if type(other) is not type(self) else (self.fn, self.args) == (other.fn, other.args)

    def __hash__(self) -> int:
        return hash((self.fn, self.args))

    def __repr__(self) -> str:
        known = _ARITHMETIC.get(self.fn) if len(self.args) == 1 else None
        shown = ", ".join(map(show, self.args))
        return f"{known}({shown})" if known else f"bump({', '.join(filter(None, (name_of(self.fn), shown)))})"


@frozen(eq=False, repr=False)
class Each(Bump):
    """A tweak of a stream: each item is ``fn(item, *args)``; made by `dug.streams.each`."""

    kind: str = field(default="each", init=False)

    @classmethod
    def of(cls, fn: Callable[..., Any], args: tuple[Any, ...]) -> Self:
        """Returns the tweak that applies a function to each item."""
        return cls(fn=give_each, args=(fn, *args))

    def check(self, target: Target) -> None:
        """Refuses a target that is not a stream."""
        function = target if isinstance(target, Function) else target[0]
        if function.stream is None:
            fn = name_of(self.args[0])
            named = function if isinstance(target, Function) else Node[Any]._of(target)
            raise TweakError(f"{named} is not a stream and has no items. Write dug.bump({fn}), a function of its value.")

    def __repr__(self) -> str:
        fn, *others = self.args
        return f"each({', '.join([name_of(fn), *map(show, others)])})"


@frozen(eq=False, repr=False)
class Untweaked(TweakSpec):
    """A node has the value that it has if no context around tweaks it; the type of `UNTWEAKED`."""

    is_untweak: ClassVar[bool] = True
    is_final: ClassVar[bool] = True
    sentence: ClassVar[str] = "untweaked"
    short: ClassVar[str] = sentence
    kind: str = field(default=UNTWEAK, init=False)

    @property
    def said(self) -> Any:
        """`UNTWEAKED`."""
        return self

    def tell(self) -> "Untweaked":
        """Returns `UNTWEAKED`, which is the same whenever it is told."""
        return self

    @property
    def text(self) -> str:
        """``UNTWEAKED``."""
        return repr(self)

    def __repr__(self) -> str:
        return "UNTWEAKED"

    def __reduce__(self) -> str:
        return "UNTWEAKED"


UNTWEAKED = Untweaked()
"""As a tweak: the node as if no enclosing context tweaked it; tweaks of the nodes that it reads still apply."""


def bump(fn: Callable[..., Any], *args: Any) -> Bump:
    """Returns a tweak that makes a node ``fn(value, *args)``, where value is the node's in the asking scenario without it.

    Bumps of an input and of a node derived from it compose, flat or nested, in any order.  Equal `fn` and `args` are the same
    tweak, unless something in them can be changed in place.

    Raises:
        TweakError: `fn` is not callable.
    """
    if not callable(fn):
        raise TweakError(f"bump() takes a function first, not {show(fn)}. To add a number, write shift({show(fn)}).")
    return Bump(fn=fn, args=args)


def shift(amount: Any) -> Bump:
    """Returns a tweak that adds `amount` to a node: ``value + amount``."""
    return Bump(fn=operator.add, args=(amount,))


def scale(factor: Any) -> Bump:
    """Returns a tweak that multiplies a node by `factor`: ``value * factor``.

    Raises:
        TweakError: `factor` is not a number: a text or a list that is multiplied is repeated.
    """
    if factor is None or isinstance(factor, (str, bytes, tuple, list, set, dict)):
        raise TweakError(f"scale() takes a number, not {show(factor)}. Write scale(1.1), for example.")
    return Bump(fn=operator.mul, args=(factor,))


def tell_anew(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Returns layers that state the same tweaks again; the same object if nothing in them can be changed in place."""
    for layer in layers:
        for spec in layer.values():
            if spec.telling is not None:
                return tuple([{target: _tell_spec_anew(spec) for target, spec in layer.items()} for layer in layers])
    return layers


def _tell_spec_anew(spec: TweakSpec) -> TweakSpec:
    return spec if spec.telling is None else evolve(spec, telling=object())


def _find_telling(said: Any) -> object:
    """Returns a new object for a mutable value, so that each telling of it is a tweak of its own; else None."""
    return None if is_immutable(said) else object()


def _identify_callable(fn: Any) -> Any:
    """Returns a key that equal functions share: a bound method is a new object each time."""
    return (id(fn.__self__), id(fn.__func__)) if type(fn) is MethodType else id(fn)


def _identify(value: Any) -> Any:
    """Returns a key that equal values share."""
    return substitution_key(value) or _ById(value)


@frozen(eq=False, repr=False)
class _ById:
    """A value that equals only itself; holds it, so that its identity is not given to another one."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _check_awaited(target: Target, fn: Callable[..., Any]) -> None:
    """Refuses a coroutine function where nothing awaits it."""
    function = target if isinstance(target, Function) else target[0]
    if not function.is_async and inspect.iscoroutinefunction(fn):
        raise TweakError(
            f"{name_of(fn)} is a coroutine function, and {function} is called without await. Give a plain function, "
            f"or make {function} a coroutine function."
        )


def _check_takes_value(target: Target, bump: Bump, fn: Callable[..., Any]) -> None:
    """Refuses a bump whose function cannot be called with a value and the bump's arguments."""
    if fn in (operator.add, operator.mul) and len(bump.args) == 1:  # `shift` and `scale`; a signature takes long to make
        return
    if isinstance(fn, FunctionType):
        code = fn.__code__
        if code.co_argcount == 1 + len(bump.args) and not code.co_kwonlyargcount:
            return
    try:
        theirs = inspect.signature(fn)
    except (TypeError, ValueError):  # some builtins have no signature
        return
    try:
        theirs.bind(None, *bump.args)
    except TypeError as exc:
        named = target if isinstance(target, Function) else Node._of(target)
        raise TweakError(
            f"{bump} cannot change {named}: it calls {name_of(fn)}{theirs} with the value and {len(bump.args)} more: {exc}. "
            "Give bump() a function of the value, and its other arguments after that: bump(fn, *args)."
        ) from None


def _check_parameters(function: Function, replacement: Callable[..., Any]) -> None:
    """Refuses a replacement that cannot be called with the function's parameters."""
    try:
        theirs = inspect.signature(replacement)
    except (TypeError, ValueError):  # some builtins have no signature
        return
    args: list[None] = []
    kwargs: dict[str, None] = {}
    for parameter in function.binding.signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = None
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            args.append(None)
    try:
        theirs.bind(*args, **kwargs)
    except TypeError as exc:
        ours = function.binding.signature
        raise TweakError(
            f"{name_of(replacement)}{theirs} cannot replace {function}{ours}: {exc}. Give it the same parameters."
        ) from None
