"""The nodes that failed: `Failed`, one with its traceback and arguments; `list_failures`, `tabulate_failures`.

An error passes through every node that read the failing one and did not catch it.  The node in which it began is found by
following the reads that failed with it: `lazy_graph.Origins`.

`read_arguments` are those of the node as texts, cut.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

from attrs import frozen

from .._core.read import Node
from .._text.sheet import Folded, Line, Part, Rows, Sheet
from .._text.shown import Shown
from .._text.values import describe_error, drop_main, shorten, show, tell_error
from .lazy_graph import LazyGraph, N
from .table import Table

_LINES = 100
"""How many lines of a traceback are shown."""
_LONGEST = 400
"""How much of such a line is shown."""


@frozen(eq=False, repr=False)
class Failed(Shown, Generic[N]):
    """A node that failed."""

    node: N
    origin: N
    """The node in which the error began: this one, or one that it read, directly or through others."""
    _failure: Any
    """The failure as a context or a file has it: an object with the `error`, and the traceback as `text`."""

    @property
    def error(self) -> Any:
        """The exception, as it was when the node failed; a later asker gets another one that says the same.

        Of a file, a `dug.snapshot.SavedError`.
        """
        return self._failure.error

    @property
    def traceback(self) -> str:
        """The traceback as text."""
        text: str = self._failure.text
        return text

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of the node, by parameter; none of a file, which is not decoded."""
        return read_arguments(self.node) if isinstance(self.node, Node) else {}

    @property
    def text(self) -> str:
        """The error in one line, as a traceback ends with it."""
        error: Any = self.error
        if isinstance(error, BaseException):
            return describe_error(error)
        return tell_error(error.type, error.text)

    def _sheet(self) -> Sheet:
        parts: list[Part] = [Line(f"{drop_main(str(self.node))} raised {self.text}", is_title=True)]
        if self.origin != self.node:
            parts.append(Line(f"passed on: the error began in {drop_main(str(self.origin))}"))
        if self.arguments:
            rows = [[str(name), show(argument)] for name, argument in self.arguments.items()]
            parts.append(Rows(["argument", "value"], rows))
        return Sheet([*parts, Folded("the traceback", [Line(line) for line in _cut(self.traceback)])])

    def __repr__(self) -> str:
        passed = "" if self.origin == self.node else f", passed on from {self.origin!r}"
        return f"<Failed {self.node!r}: {self.text}{passed}>"


def _cut(traceback: str) -> list[str]:
    """Returns the lines of a traceback, those in the middle left out where there are very many."""
    lines = [shorten(line, _LONGEST) for line in traceback.rstrip().splitlines()]
    if len(lines) <= _LINES:
        return lines
    half = _LINES // 2
    return [*lines[:half], f"... {len(lines) - 2 * half:,} more lines", *lines[-half:]]


def list_failures(graph: LazyGraph[Any, N, Any]) -> Table[Failed[N]]:
    """Returns the failures of a graph: first the nodes in which an error began, then the others by their distance from it."""
    found = sorted(graph.failed(), key=lambda failed: failed[0])
    return tabulate_failures([Failed(node, origin, failure) for _, node, origin, failure in found])


def tabulate_failures(found: Sequence[Failed[N]]) -> Table[Failed[N]]:
    """Returns a table of nodes that failed."""
    return Table(
        found,
        {
            "node": lambda failed: failed.node,
            "error": lambda failed: failed.text,
            "began in": lambda failed: None if failed.origin == failed.node else failed.origin,
        },
    )


def read_arguments(node: Node[Any]) -> Mapping[str, Any]:
    """Returns the arguments of a node, by parameter; by number where its function has other parameters now."""
    if not node.is_current():
        return {str(number): argument for number, argument in enumerate(node._key[1:])}
    bound = node._function.binding.signature.bind(*node.args, **node.kwargs)
    return bound.arguments
