"""Tells which tweaks of a run nobody read: `Asked` notes the nodes asked for, and `find_unread` returns the rest with hints.

A tweak that no node reads changes nothing, and is usually a slip: another argument, another function.

`_find_hint` names the nodes of the same function that were read.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from attrs import define

from .._contexts.context import Context
from .._core.read import Event, Node
from ..errors import DugError

_ANSWERED = frozenset({"computed", "inherited", "tweaked", "failed"})
_MOST_NAMED = 3


@define(eq=False)
class Asked:
    """The nodes asked for in a context, as far as needed to say which tweaks were read."""

    ctx: Context
    tweaks: Mapping[str, Any]
    """The tweaked nodes and functions, by the typed text."""
    call: object
    seen: set[Node[Any]]

    @classmethod
    @contextmanager
    def watch(cls, ctx: Context, said: Mapping[str, tuple[Any, Any]], call: Callable[[], Any]) -> Iterator["Asked"]:
        """Watches the calls in a context of a function that is not a node, and so leaves no memo that lists them."""
        asked = cls(ctx, {name: target for name, (target, _) in said.items()}, call, set())
        if not said or isinstance(call, Node):
            yield asked
            return

        def note(event: Event) -> None:
            asked.seen.add(event.node)

        with ctx.listen(note):
            yield asked

    def find_unread(self, error: BaseException | None) -> dict[str, str]:
        """Returns the typed text of each tweak that no node and no call read, with a hint at the intended one.

        Args:
            error: what the call raised; of the nodes that an error of dug's own passes no memo tells what they had read.
        """
        if not self.tweaks or isinstance(error, DugError):
            return {}
        graph = self.ctx.graph()
        read = set(self.seen)
        if isinstance(self.call, Node):
            read.add(self.call)
        for fact in graph.facts:
            if fact.state in _ANSWERED:
                read.update(graph.dependencies(fact.node))
        functions = {node.function for node in read}
        unread = {name: target for name, target in self.tweaks.items() if target not in read and target not in functions}
        return {name: _find_hint(target, read) for name, target in unread.items()}


def _find_hint(target: Any, read: set[Node[Any]]) -> str:
    """Returns which nodes of the same function were read."""
    function = target.function if isinstance(target, Node) else target
    others = sorted(str(node) for node in read if node.function == function)
    if not others:
        return "Nobody asked for a node of its function."
    more = f" and {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
    arguments = {node.partition("(")[2]: node for node in others}
    near = get_close_matches(str(target).partition("(")[2], arguments, 1) if isinstance(target, Node) else []
    meant = f"Did you mean {arguments[near[0]]}? " if near else ""
    return f"{meant}Of its function, these were read: {', '.join(others[:_MOST_NAMED])}{more}."
