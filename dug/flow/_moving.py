"""Values that are handed over to one function, which may change them: `Mut` says so of a parameter, `hand_over` does it.

The function gets a value that is its own.  Where dug can tell that nobody else refers to it, that is the very object, and the
memo of its node goes, so that the next who asks runs the node anew; else it is a copy.  So nobody ever sees what was changed.

`take_over` and `settle_moved` are the beginning and end for a run, `_find_movable` finds a memo that can go, `_take_out` takes
it; `find_moved` and `mark_moved` read and note the parameters; `_Gone` stands in its place.  `_is_read_in_flight` tells whether a
run that goes on has read it.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from sys import getrefcount
from typing import Annotated, Any, TypeVar

from attrs import frozen

from .._core.drive import frame_to_ask
from .._core.read import DEAD, LIVE, Cache, Memo, Node, View, find_answer, frame_in_force, is_immutable
from .._functions.stream import AnyStream
from .._text.values import show
from ._depends import read_hints
from ._lone import copy_of, is_lone

T = TypeVar("T")
Names = Sequence[tuple[str | None, str, str]]
"""Wires: of each, the parameter, and the name that it reads."""

_HELD = 3
"""What `getrefcount` says of a value that one memo and one variable hold."""


@frozen
class Moved:
    """Says of a parameter that its value is handed over."""


Mut = Annotated[T, Moved()]
"""Says that a function of a flow changes what it gets in place: ``def clean(rows: dug.debug.Mut[list])``.

.. versionadded:: 0.1.0
"""


_NOTE: Any = Annotated[Any, Moved()]


class _Gone:
    """Stands in a memo for the value that was handed over."""

    def __repr__(self) -> str:
        return "<handed over>"


_GONE = _Gone()


def hand_over(node: Node[T]) -> T:
    """Returns the value of a node for the caller to change in place; asks for it as a call does.

    It is the very object, and the memo of the node goes, so that the next who asks runs the node anew, when nobody else refers to
    the object or to anything in it that can be changed, no node runs around the call, the node is not a source, and there is no
    other thread.  Else it is a copy: deep, or one of a frame of pandas 3, which copies when it is written to.  So nobody else
    ever sees what is changed.

    Raises:
        TypeError: `node` is not a node.
        Exception: as the call, or as ``copy.deepcopy``.

    Complexity: O(size of the value).

    .. versionadded:: 0.1.0
    """
    if not isinstance(node, Node):
        raise TypeError(f"hand_over() takes a node, not {show(node)}. Write hand_over(f.node(x)).")
    if frame_to_ask(None, node._key).run is not None:
        return own(node())
    return take_over(node)


def take_over(node: Node[T]) -> T:
    """Returns what `hand_over` says, also to a run, which must end with `settle_moved`."""
    value = node()
    if is_immutable(value) or isinstance(value, AnyStream):
        return value
    view = frame_to_ask(None, node._key).view
    memo = _find_movable(view, node)
    if memo is not None and getrefcount(value) <= _HELD and is_lone(value):
        _take_out(view.cache, memo)
        return value
    return copy_of(value)  # type: ignore[no-any-return]  # of the same type


def own(value: T) -> T:
    """Returns a value that nobody else has: a copy, unless nothing in it can be changed."""
    if is_immutable(value) or isinstance(value, AnyStream):
        return value
    return copy_of(value)  # type: ignore[no-any-return]  # of the same type


def _find_movable(view: View, node: Node[Any]) -> Memo | None:
    """Returns the memo of a node, if its own body made it here, and would make it again, and nobody is about to take it."""
    function = node._function
    if function.is_source or function.is_async or not _is_alone():
        return None
    memo = find_answer(view, node._key)
    if memo is None or type(memo) is not Memo or memo.body or memo.call is not None or memo.failure is not None:
        return None
    home = view.cache.find_home(node._key)
    is_here = home is not None and memo in home.memos() and not memo.is_stored
    return memo if is_here and not _is_read_in_flight(view, memo) else None


def _is_read_in_flight(view: View, memo: Memo) -> bool:
    """True when a run that goes on, such as that of another task, has read a memo; the innermost run here is left out of account.

    Its footprint is added up when it ends, and a memo that was taken out does not get the bits that are given until then.
    """
    innermost = frame_in_force("hand_over()").run
    with view.group.lock:
        running = [one for scenario in view.group.list_scenarios() for one in tuple(scenario.running.values())]
    return any(memo in one.reads for one in running if one is not innermost)


def _is_alone() -> bool:
    """True when there is no other thread, which may be about to take a value out of its memo."""
    return len(sys._current_frames()) == 1


def _take_out(cache: Cache, memo: Memo) -> None:
    """Takes a memo out of its cache, and its value out of the memo: what was computed from it stays."""
    with cache.group.lock:
        cache.remove(memo, DEAD)
        memo.home.has_lost = True
        memo.value = _GONE


def settle_moved() -> None:
    """Brings the footprints of the memos up to date that were taken out for the innermost run, which ends now.

    A node that is tweaked for the first time gets a bit, which is added to the memos that are there, and not to these.
    """
    run = frame_in_force("hand_over()").run
    assert run is not None  # noqa: S101  its body calls this
    pending, order = [read for read in run.reads if read.value is _GONE], list[Memo]()
    while pending:
        gone = pending.pop()
        order.append(gone)
        pending += [read for read in gone.dependencies if read.status != LIVE]
    for gone in reversed(order):
        key = gone.home.key
        gone.footprint |= Memo.bits_of(gone.dependencies) | run.view.group.bit_of(key) | run.view.group.bit_of(key[0])


def find_moved(fn: Callable[..., Any], wires: Names) -> tuple[str, ...]:
    """Returns the names that a function of a flow changes in place."""
    moved = find_moved_parameters(fn)
    if not moved:
        return ()
    named = {wire[0] for wire in wires}
    unnamed = iter([one for one in inspect.signature(fn).parameters if one not in named])
    read = [(wire[0] if wire[0] is not None else next(unnamed, None), wire[1]) for wire in wires]
    return tuple(dict.fromkeys([name for parameter, name in read if parameter in moved]))


def find_moved_parameters(fn: Callable[..., Any]) -> frozenset[str]:
    """Returns the parameters to which values are handed over."""
    try:
        return _find_moved(fn)
    except TypeError:  # it has no hash
        return _find_moved.__wrapped__(fn)


def mark_moved(fn: Callable[..., Any], parameters: Iterable[str]) -> Callable[..., Any]:
    """Returns a function that is called by keywords, with the note that values are handed over to some of its parameters."""
    named = inspect.Parameter.KEYWORD_ONLY
    noted: Any = fn
    noted.__signature__ = inspect.Signature([inspect.Parameter(name, named, annotation=_NOTE) for name in parameters])
    noted.__annotations__ = dict.fromkeys(parameters, _NOTE)
    return fn


@lru_cache(maxsize=10_000)
def _find_moved(fn: Callable[..., Any]) -> frozenset[str]:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature
        return frozenset()
    if all(one.annotation is one.empty for one in parameters):
        return frozenset()
    hints = read_hints(fn)
    return frozenset(name for name, hint in hints.items() if _says_moved(hint))


def _says_moved(hint: Any) -> bool:
    return any(isinstance(mark, Moved) for mark in getattr(hint, "__metadata__", ()))
