"""Another driver: `evaluate_without_cache` evaluates nodes with no look-up, filing or recording.

`dug.testing` compares the engine with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..facts.extra import OuterCall
from ..facts.memo import NodeMemos
from ..facts.node import Node
from ..state.cache import Cache
from ..state.scenario import HeldTweaks
from ..state.view import View
from .frame import DEFAULT_FRAME, Driver, Run, current


@contextmanager
def evaluate_without_cache(driver: Driver, node: Node[Any]) -> Iterator[None]:
    """Sends the calls made inside to `driver`, as if `node` were running; the engine does nothing with them.

    This is how a node is evaluated without any cache (`dug.testing`).  Contexts may be opened inside.
    """
    frame = current.get()
    outer = DEFAULT_FRAME.entry if frame is DEFAULT_FRAME else frame
    view = View.outermost((), HeldTweaks(), Cache()) if outer is None else outer.view
    run = Run(view, outer, OuterCall(), node._key, None, NodeMemos(node._key, None))
    run.driver = driver
    run.refresh(run)
    token = current.set(run)
    try:
        yield
    finally:
        current.reset(token)
