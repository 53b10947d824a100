"""Reads one pair of a user's tweaks: `target_of` checks the key, a node or function; `spec_of` makes the value a `TweakSpec`.

Everything a user says is checked here, before anything changes, and becomes a `TweakSpec` for the engine.  Sets of tweaks are
in `scenario`, the kinds of the values in `kinds`, and what type checkers see of a tweak in `typed_tweaks`.

Warns of a key that was decorated again since (`_warn_of_replaced`).  `_find_meant` says what to type for a wrong key.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .._core.read import Function, Key, Node, Target, TweakSpec
from .._functions.proxy import BoundMemoized, function_of
from .._text.values import show
from ..errors import TweakError
from .kinds import Replacement, Value

Tweaks = Mapping[Any, Any]


def target_of(key: Any) -> Target:
    """Returns the engine's target for the key of a tweak: a node or a memoised function.

    Raises:
        TweakError: it is neither.

    Warns:
        RuntimeWarning: it is of a function whose name another definition has taken; callers of the new one do not call it.
    """
    if isinstance(key, Node):
        function = key._function
        if not function.binding.fits(key._key):
            raise TweakError(f"{key!r} is of an older definition of its function, with other parameters. Make the node again.")
        if function.is_replaced:
            _warn_of_replaced(function, key)
        return key._key
    if isinstance(key, Function):
        return key
    known = function_of(key)
    if known is not None:
        if known.is_replaced:
            _warn_of_replaced(known, key)
        return known
    if isinstance(key, BoundMemoized):
        raise TweakError(
            f"{key!r} is a method of one instance and cannot be tweaked as a whole. "
            "Tweak a node of it: .node(...), or the function on the class."
        )
    if function_of(getattr(key, "__self__", None)) is not None:
        raise TweakError(f"{show(key)} is not a node. Call it with the arguments of the call you mean: f.node(x).")
    if callable(key):
        raise TweakError(f"{show(key)} is not a memoised function. Decorate it with @dug.memoize to tweak it.")
    raise TweakError(f"{show(key)} cannot be tweaked or invalidated: a key is a node or a memoised function. {_find_meant(key)}")


def _find_meant(key: Any) -> str:
    """Returns what to type in the place of a key that is neither a node nor a function."""
    if not isinstance(key, str):
        return "Write f.node(x), the node, where f(x) is its value."
    name = key.partition("(")[0].rpartition(":")[2]
    if ":" in key and "(" in key:
        return f"Write dug.Node.parse({key!r}), or the node itself: {name}.node(...)."
    if not name.isidentifier():
        return "Write f.node(x)."
    return f"Write {name}.node(...), or {name} for all of its nodes, without quotes."


def _warn_of_replaced(function: Function, key: Any) -> None:
    from warnings import warn  # imported only when there is something to say

    text = f"{key!r} is of an older definition of {function}, which no longer has its name; callers of the new one do not"
    warn(f"{text} ask for it. Import it again, or take it from its module.", RuntimeWarning, stacklevel=6)


def spec_of(target: Target, tweak: Any) -> TweakSpec:
    """Returns the spec of one tweak, stated now.

    Raises:
        TweakError: the target cannot be tweaked like that.
    """
    function = target if isinstance(target, Function) else target[0]
    if isinstance(tweak, TweakSpec):
        if function.stream is not None and tweak.reads_beneath:
            function.stream.check_bump(target, tweak)
        tweak.check(target)
        return tweak.tell()
    if function.stream is not None:
        tweak = function.stream.say(target, tweak)
    if isinstance(target, Function):
        return Replacement.say(target, tweak)
    annotations = getattr(target[0].body, "__annotations__", None)
    if annotations and "return" in annotations and annotations["return"] is not type(tweak):
        _find_check()(target, annotations["return"], tweak)
    return Value.say(tweak)


@cache  # an import within a function takes as long as half a what-if
def _find_check() -> Callable[[Key, Any, object], None]:
    from .value_types import check_type  # loaded when a value is not simply what was promised

    return check_type
