"""Compares how two calls ended: `is_same_outcome`, `is_same_value`; `show_outcome` and `show_value` write them side by side.

The engine asks a stricter question before it keeps an older value (is it substitutable?).  Here two
evaluations are compared that share no objects, so equal contents are enough.

`_refuse` says of values whose parts cannot be compared what to do.
"""

from collections.abc import Callable
from typing import Any

from .._text.values import Short
from ..errors import DugError
from ._fingerprint import find_difference, fingerprint, is_opaque
from ._reference import Outcome

Equality = Callable[[Any, Any], bool]

_short = Short(200, 12)
_short.maxlong = 200


def is_same_outcome(one: Outcome, two: Outcome, eq: Equality | None) -> bool:
    """Returns whether two outcomes are the same value, or errors of one type with the same arguments.

    The message of an error of dug itself describes how it arose, so for these the type is enough.
    """
    if one.error is None and two.error is None:
        return is_same_value(one.value, two.value, eq)
    if type(one.error) is not type(two.error):
        return False
    if isinstance(one.error, (DugError, RecursionError)):
        return True
    return is_same_value(one.error.args, two.error.args, None) if one.error and two.error else False


def is_same_value(one: object, two: object, eq: Equality | None) -> bool:
    """Returns whether two values are the same: by `eq` when given, else of one type and equal, or equal in all parts.

    Raises:
        TypeError: neither ``==`` nor the parts can tell, so the caller must say what is equal.
    """
    if one is two:
        return True
    if eq is not None:
        return bool(eq(one, two))
    if type(one) is not type(two):
        return False
    seen = fingerprint(one)
    return find_difference(seen, fingerprint(two)) is None or _is_equal(one, two) or _refuse(seen, one)


def show_outcome(outcome: Outcome) -> str:
    """Returns an outcome as text of bounded length."""
    if outcome.error is not None:
        return f"an error: {_short.repr(outcome.error)}"
    return _short.repr(outcome.value)


def show_value(value: object) -> str:
    """Returns a value as text of bounded length."""
    return _short.repr(value)


def _is_equal(one: object, two: object) -> bool:
    """Returns whether ``==`` gives a plain True; arrays answer element by element, which does not count here."""
    try:
        answer = one == two
    except Exception:  # noqa: BLE001  whatever a foreign `==` raises, it has not said "equal"
        return False
    return answer is True


def _refuse(seen: Any, value: object) -> bool:
    """Returns False for values that were seen to differ; raises for those whose parts cannot be compared."""
    if is_opaque(seen) and type(value).__eq__ is object.__eq__:
        raise TypeError(
            f"two {type(value).__qualname__} objects cannot be compared: they define no == and do not pickle. "
            f"Say what is equal with eq=, or with @dug.memoize(eq=...) on the function that returns them."
        )
    return False
