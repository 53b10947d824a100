"""What the engine does by the machine's own means where it is compiled (`machine.pxd`), and here the plain way, as Python.

Where Python does not know a thing quickly, the answer here has the caller look for itself, so that both builds do the same.

Keys (`make_key`, `is_plain`, `keys_of`), tables (`make_table`, `find_changed`), comparisons (`compare`, `are_atoms`), and hiding
objects from the garbage collector (`hide`, `show`, `may_be_tracked`).
"""

from contextvars import ContextVar
from operator import call, itemgetter, or_
from sys import _getframe, exception, is_finalizing
from threading import get_ident
from time import perf_counter
from types import TracebackType
from typing import Any

_SIMPLE = frozenset({int, float, str, bool})

now = perf_counter
"""The time in seconds, from an arbitrary moment."""

handled = exception
"""The exception that is being handled, or None."""
is_ending = is_finalizing
"""True while the interpreter ends, and names of modules may be gone."""
any_in = any
"""True when one of several lists is not empty."""
thread_ident = get_ident
"""The number of this thread."""

get_frame = _getframe
"""The frame of the caller of whoever asks, for 1, or further out: of Python code, where it is compiled."""

put_back = ContextVar.reset
"""Gives a context variable the value that it had before the token."""
get_variable = ContextVar.get
"""The value of a context variable here."""


def traceback_of(error: BaseException) -> TracebackType | None:
    """The traceback of an exception that is on its way out, without the entry of the function in which it is now."""
    return error.__traceback__ and error.__traceback__.tb_next


follow = call
"""What a weak reference leads to, or None."""


def make_key(function: Any, args: Any) -> tuple[Any, ...]:
    """The key of a node from its function and `homes.args_of`."""
    return (function, *args) if isinstance(args, tuple) else (function, args)


first = itemgetter(0)
"""The first element of a key: it is a tuple, of whatever class."""


def is_plain(key: tuple[Any, ...]) -> bool:  # noqa: ARG001  nothing is known so quickly in Python
    """True when the arguments in a key are known to have hashes, and to hold no NaN."""
    return False


def call_by_name(body: Any, key: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    """Calls a body with the arguments in a key, of which those at its end have these names."""
    placed = len(key) - len(names)
    return body(*key[1:placed], **dict(zip(names, key[placed:], strict=True)))


def may_iterate(value: object) -> bool:
    """True for a value that may be an iterator."""
    return hasattr(type(value), "__next__")


def keys_of(table: dict[Any, Any]) -> tuple[Any, ...]:
    """The keys of a dict."""
    return tuple(table)


def overlap(bits: Any, others: Any) -> bool:
    """True when two sets of bits have one in common."""
    return bool(bits & others)


join = or_
"""The union of two sets of bits, neither of which is a negative int; the first of them, if that has all bits of the other."""


def make_table(count: int) -> dict[Any, Any]:  # noqa: ARG001  a dict grows by itself
    """Returns an empty dict for about so many items."""
    return {}


def find_changed(before: Any, now: Any) -> list[Any] | None:  # noqa: ARG001  nothing is known so quickly in Python
    """The keys with other values, of two dicts that have the same keys in one order; None where that is not known here."""
    return None


def compare(old: object, new: object) -> int:  # noqa: ARG001  nothing is known so quickly in Python
    """1 when a number or a text is the same value as an older one, 0 when not, -1 when that is not known here."""
    return -1


def is_simple(value: object) -> bool:
    """True for a number or a text, as far as is known."""
    return type(value) in _SIMPLE


def is_tuple(one: object) -> bool:
    """True for a tuple, of any class."""
    return issubclass(type(one), tuple)


def are_atoms(key: tuple[Any, ...]) -> bool:  # noqa: ARG001  the collector looks at all in Python
    """True when the arguments in a key lead nowhere, so that the garbage collector need not know of them."""
    return False


def hides() -> bool:
    """True when anything at all is hidden from the garbage collector."""
    return False


def is_hidden(one: object) -> bool:  # noqa: ARG001  as above
    """True when the garbage collector does not look at an object."""
    return False


def hide(one: object) -> None:
    """Spares the garbage collector an object."""


def show(one: object) -> None:
    """Has the garbage collector look at an object again."""


def may_be_tracked(one: object) -> bool:  # noqa: ARG001  as above
    """True when the garbage collector may look at an object, now or later."""
    return True
