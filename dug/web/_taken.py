"""`Taken`, the nodes of a page at one moment, and their names in addresses; `AskError`, a question without an answer."""

from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any

from .._inspect.graph import STATES, Fact
from .._text.values import drop_main, number_alike
from ._subjects import Subject
from ._texts import LONGEST_NAME, clean

_LONGEST_ADDRESS = 300
"""How long the name of a node in an address may be."""

Query = Mapping[str, str]
_SORTS: dict[str, Callable[[Fact[Any]], Any]] = {
    "own": lambda fact: -fact.own_seconds,
    "seconds": lambda fact: -fact.seconds,
    "read": lambda fact: -fact.times_read,
    "size": lambda fact: -(fact.size or 0),
    "state": lambda fact: STATES.index(fact.state),
}


class AskError(Exception):
    """Says what is wrong with a question; its status is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Taken:
    """All nodes of a subject at one moment."""

    def __init__(self, subject: Subject, number: int) -> None:
        self.since = subject.since
        self.graph = graph = subject.take_graph()
        self.number = number
        nodes = graph.order
        texts = number_alike([drop_main(str(node)) for node in nodes])
        names = [_name(text) for text in texts]
        self.names: dict[Any, str] = dict(zip(nodes, names, strict=True))
        self.nodes: dict[str, Any] = dict(zip(names, nodes, strict=True))
        self.texts: dict[Any, str] = dict(zip(nodes, [clean(text, LONGEST_NAME) for text in texts], strict=True))
        self.rows: list[tuple[str, Fact[Any]]] = [(text, graph.fact(node)) for node, text in self.texts.items()]
        self._found: tuple[Any, list[tuple[str, Fact[Any]]]] | None = None

    def find_node(self, name: str) -> Any:
        """Returns the node with a name.

        Raises:
            AskError: there is none.
        """
        if name not in self.nodes:
            raise AskError(404, f"{clean(name, LONGEST_NAME)} is not here")
        return self.nodes[name]

    def find_name(self, text: str) -> str | None:
        """Returns the name of the node with a text, as far as texts are names."""
        return text if text in self.nodes else None

    def refer(self, node: Any) -> dict[str, Any]:
        """Returns what a page needs for a link to a node."""
        return {"name": self.names[node], "text": self.texts[node], "state": self.graph.fact(node).state}

    @cached_property
    def lowered(self) -> list[str]:
        """The names as a search sees them."""
        return [name.lower() for name, _ in self.rows]

    def find(self, text: str, function: str, state: str, sort: str) -> list[tuple[str, Fact[Any]]]:
        """Returns the rows that fit, sorted; the last answer is kept, as a table is read page after page."""
        asked = (text, function, state, sort)
        if self._found is None or self._found[0] != asked:
            sought = text.lower()
            rows = self.rows
            if sought:
                rows = [row for row, name in zip(rows, self.lowered, strict=True) if sought in name]
            if function:
                rows = [row for row in rows if row[1].function == function]
            if state:
                rows = [row for row in rows if row[1].state == state or (state == "source" and row[1].is_source)]
            if sort in _SORTS:
                key = _SORTS[sort]
                rows = sorted(rows, key=lambda row: key(row[1]))
            elif sort == "name":
                rows = sorted(rows, key=lambda row: row[0])
            self._found = asked, rows
        return self._found[1]


def _name(text: str) -> str:
    """Returns the name of a node in an address: its text, or a digest of one that is long or cannot be in an address."""
    if len(text) <= _LONGEST_ADDRESS and text.isprintable():
        return text
    return "~" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
