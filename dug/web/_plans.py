"""More about one node of a context: `Plans`, what would run if it were asked for; `Kept`, why a store has it, or has it not."""

from typing import Any

from .._contexts.context import Context
from .._inspect.plan import make_plan
from .._text.values import drop_main
from ..stores import why
from ._panel import NodePanel
from ._sheets import Part, tell_line, tell_table, tell_text
from ._subjects import ViewSubject
from ._taken import Taken


class Plans(NodePanel):
    """What would run if a node were asked for now."""

    name = "plan"

    def __init__(self, subject: ViewSubject) -> None:
        self._subject = subject

    def tell_node(self, taken: Taken, node: Any) -> list[Part]:
        plan = make_plan(self._subject.view, node._key)
        if not plan:
            return []
        rows = [(drop_main(str(one.node)), "yes" if one.is_certain else "maybe", one.reason, one.trace) for one in plan]
        columns = ["node", "runs", "because", "what it reads then"]
        return [tell_table(columns, rows, taken.find_name, title="What would run if it were asked for")]


class Kept(NodePanel):
    """Why the store of a context has a node, or has it not."""

    name = "store"

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def tell_node(self, taken: Taken, node: Any) -> list[Part]:  # noqa: ARG002  it is asked of the store
        try:
            return [tell_text("In the store", str(why(self._ctx, node)))]
        except Exception as exc:  # noqa: BLE001  a store may be away, and the rest of the page is shown all the same
            return [tell_line(f"The store does not answer: {type(exc).__name__}: {exc}")]
