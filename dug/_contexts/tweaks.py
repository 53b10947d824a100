"""What a user says of one node or function: `bump`, `shift`, `scale`, `UNTWEAKED`, and whether it is possible.

Everything a user says is checked here, before anything changes, and becomes a `TweakSpec` for the engine.
"""

import inspect
import operator
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from attrs import frozen

from .._core.read import UNTWEAK, Function, Node, Target, TweakSpec, is_consumable
from .._functions.proxy import BoundMemoized, function_of, name_of
from .._text.values import show
from ..errors import TweakError
from .telling import say_bump, say_replacement, say_value


class _Untweaked:
    """The type of `UNTWEAKED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNTWEAKED"

    def __reduce__(self) -> str:
        return "UNTWEAKED"


UNTWEAKED = _Untweaked()
"""As a tweak: the node as if no enclosing context tweaked it; tweaks of what it reads still apply."""


@frozen
class Bump:
    """A tweak that changes what a node would be without it; made by `bump`, `shift` and `scale`."""

    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        known = {operator.add: "shift", operator.mul: "scale"}.get(self.fn) if len(self.args) == 1 else None
        shown = ", ".join(map(show, self.args))
        return f"{known}({shown})" if known else f"bump({', '.join(filter(None, (name_of(self.fn), shown)))})"


def bump(fn: Callable[..., Any], *args: Any) -> Bump:
    """Returns a tweak that makes a node ``fn(value, *args)``, where value is what it is in the asking scenario without it.

    Bumps of an input and of a node derived from it compose, flat or nested, in any order.  Equal `fn` and `args` are the same
    tweak, unless something in them can be changed in place.

    Raises:
        TweakError: `fn` is not callable.
    """
    if not callable(fn):
        raise TweakError(f"bump() takes a function first, not {show(fn)}. To add a number, write shift({show(fn)}).")
    return Bump(fn, args)


def shift(amount: Any) -> Bump:
    """Returns a tweak that adds `amount` to a node: ``value + amount``."""
    return Bump(operator.add, (amount,))


def scale(factor: Any) -> Bump:
    """Returns a tweak that multiplies a node by `factor`: ``value * factor``.

    Raises:
        TweakError: `factor` is no number: a text or a list that is multiplied is repeated.
    """
    if factor is None or isinstance(factor, (str, bytes, tuple, list, set, dict)):
        raise TweakError(f"scale() takes a number, not {show(factor)}. Write scale(1.1), for example.")
    return Bump(operator.mul, (factor,))


Tweaks = Mapping[Any, Any]


def target_of(key: Any) -> Target:
    """Returns what the engine calls the key of a tweak: a node or a memoised function.

    Raises:
        TweakError: it is neither.

    Warns:
        RuntimeWarning: it is of a function whose name another definition has taken; who calls the new one does not call it.
    """
    if isinstance(key, Node):
        if not key.is_current():
            raise TweakError(f"{key!r} is of an older definition of its function, with other parameters. Make the node anew.")
        _warn_of_replaced(key._function, key)
        return key._key
    if isinstance(key, Function):
        return key
    function = function_of(key)
    if function is not None:
        _warn_of_replaced(function, key)
        return function
    if isinstance(key, BoundMemoized):
        raise TweakError(
            f"{key!r} is a method of one instance and cannot be tweaked as a whole. "
            "Tweak a node of it: .node(...), or the function on the class."
        )
    if function_of(getattr(key, "__self__", None)) is not None:
        raise TweakError(f"{show(key)} is not a node. Call it with the arguments of the call you mean: f.node(x).")
    if callable(key):
        raise TweakError(f"{show(key)} is not a memoised function. Decorate it with @dug.memoize to tweak it.")
    raise TweakError(f"{show(key)} cannot be tweaked: a key is a node, f.node(x), or a memoised function.")


def _warn_of_replaced(function: Function, key: Any) -> None:
    if function.is_replaced:
        from warnings import warn  # imported only when there is something to say

        text = f"{key!r} is of an older definition of {function}, which has its name no more; what calls the new one does not"
        warn(f"{text} ask for it. Import it again, or take it from its module.", RuntimeWarning, stacklevel=6)


def spec_of(target: Target, tweak: Any) -> TweakSpec:
    """Returns what the engine enters for one tweak.

    Raises:
        TweakError: the target cannot be tweaked like that.
    """
    if tweak is UNTWEAKED:
        return TweakSpec(UNTWEAK, tweak)
    if isinstance(tweak, Bump):
        _check_awaited(target, tweak.fn)
        _check_takes_value(target, tweak)
        return say_bump(tweak)
    if not isinstance(target, Function):
        if is_consumable(tweak):
            raise TweakError(f"{show(tweak)} can be consumed once, so it is no value. Tweak the node to what it gives.")
        return say_value(tweak)
    if not callable(tweak):
        raise TweakError(
            f"{target} is a function, and {show(tweak)} cannot replace it: "
            "give a function with its parameters, a bump or UNTWEAKED. "
            f"Did you mean {target.name.rpartition(':')[2]}.node(...), a node of it?"
        )
    _check_awaited(target, tweak)
    _check_parameters(target, tweak)
    return say_replacement(tweak)


def _check_awaited(target: Target, fn: Callable[..., Any]) -> None:
    """Refuses a coroutine function where nothing awaits it."""
    function = target if isinstance(target, Function) else target[0]
    if not function.is_async and inspect.iscoroutinefunction(fn):
        raise TweakError(
            f"{name_of(fn)} is a coroutine function, and {function} is called without await. Give a plain function, "
            f"or make {function} a coroutine function."
        )


def _check_takes_value(target: Target, bump: Bump) -> None:
    """Refuses a bump whose function cannot be called with a value and the bump's arguments."""
    if bump.fn in (operator.add, operator.mul) and len(bump.args) == 1:  # `shift` and `scale`; a signature takes long to make
        return
    if isinstance(bump.fn, FunctionType):
        code = bump.fn.__code__
        if code.co_argcount == 1 + len(bump.args) and not code.co_kwonlyargcount:
            return
    try:
        theirs = inspect.signature(bump.fn)
    except (TypeError, ValueError):  # some builtins do not tell
        return
    try:
        theirs.bind(None, *bump.args)
    except TypeError as exc:
        named = target if isinstance(target, Function) else Node._of(target)
        raise TweakError(
            f"{bump} cannot change {named}: it calls {name_of(bump.fn)}{theirs} with the value and {len(bump.args)} more: {exc}. "
            "Give bump() a function of the value, and what else it takes after that: bump(fn, *args)."
        ) from None


def _check_parameters(function: Function, replacement: Callable[..., Any]) -> None:
    """Refuses a replacement that cannot be called with the function's parameters."""
    try:
        theirs = inspect.signature(replacement)
    except (TypeError, ValueError):  # some builtins do not tell
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
