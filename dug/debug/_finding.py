"""The memos that an event of a node is about: `find_memos`, that of the node and those beneath its tweaks.

A bump gets the value beneath it, and a replacement may ask for it: these have memos of their own, which the record of the node
does not show.

`Seen` is one of these: a node, as its view knows it.
"""

from collections.abc import Callable

from attrs import frozen

from .._core.read import Memo, Node, View, find_answer
from .._inspect.stream_nodes import see


@frozen(eq=False)
class Seen:
    """What is known of a node in a view."""

    view: View
    memos: tuple[Memo, ...]


def find_memos(find_view: Callable[[], View | None], node: Node[object]) -> Seen | None:
    """Returns the memos of a node in a view that may be gone; of a stream, with what is known of its items."""
    view = find_view()
    if view is None:
        return None
    keys, handle = [node._key], view.handle_of(node._key)
    while handle is not None and (handle.spec.reads_beneath or handle.spec.replaces):
        keys.append(handle.key_beneath(node._key))
        try:
            handle = view.handle_of(keys[-1])
        except LookupError:  # what is beneath it is gone
            break
    found = [memo for key in keys if (memo := find_answer(view, key)) is not None]
    return Seen(view, tuple(see(view, memo) for memo in found))
