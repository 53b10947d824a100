"""Another driver: evaluates nodes with no look-up, filing or recording; `dug.testing` compares the engine with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from ._binding import Key, canonical
from ._cache import Cache
from ._frame import OUTSIDE, Driver, Frame, Run, current
from ._memo import Call, Memo, State
from ._node import Node, check_key
from ._view import enter


@contextmanager
def evaluate_without_cache(driver: Driver, node: Node[Any]) -> Iterator[None]:
    """Sends the calls made inside to `driver`, as if `node` were running; the engine does nothing with them.

    This is how a node is evaluated without any cache (`dug.testing`).  Contexts may be opened inside.
    """
    frame = current.get()
    outer = OUTSIDE.entry if frame is OUTSIDE else frame
    view = enter(None, (), WeakKeyDictionary(), cache=Cache(), listeners=[]) if outer is None else outer.view
    run = Run(view, outer, Call(), node._key, None, State(node._key, None), None)
    run.driver = driver
    run.refresh(run)
    token = current.set(run)
    try:
        yield
    finally:
        current.reset(token)


def answer_from_driver(frame: Frame, key: Key) -> Memo:
    """Returns the answer of `frame`'s driver to a call, in the form of a memo that is filed nowhere."""
    key = canonical(key)
    check_key(key)
    assert frame.driver is not None  # noqa: S101  the caller saw it
    return Memo(State(key, None), frame.driver(Node._of(key)), 0)
