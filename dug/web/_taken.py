"""`Taken`, the nodes of a page at one moment, and their names in addresses; `AskError`, a question without an answer.

`read_place` reads a number in an address, `_name` makes a name for one; `_SORTS` are the orders of the table.  `find_node`,
`find_place`, `refer_to` and `counts` are about nodes, `_filter`, `_sort` and `lowered` about the table.  `refer` and `tell` make
links and rows, `find` searches, `rest_until` limits the time.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from math import isfinite
from time import monotonic
from typing import Any

from .._inspect.columns import Columns
from .._inspect.graph import STATES, Graph
from .._text.values import drop_main, number_alike
from ._subjects import Subject
from ._texts import LONGEST_NAME, clean

_LONGEST_ADDRESS = 300
"""How long the name of a node in an address may be."""
_PATIENCE = 9
"""How many times as long as taking the nodes took they stay as they are."""

Query = Mapping[str, str]
_SORTS: dict[str, Callable[[Columns[Any]], Callable[[int], Any]]] = {
    "own": lambda columns: lambda place: -columns.own_seconds[place],
    "seconds": lambda columns: lambda place: -columns.seconds[place],
    "read": lambda columns: lambda place: -columns.times_read[place],
    "size": lambda columns: lambda place: -(columns.sizes[place] or 0),
    "state": lambda columns: lambda place: STATES.index(columns.states[place]),
}


class AskError(Exception):
    """Says what is wrong with a question; its status is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Taken:
    """All nodes of a subject at one moment; the graph of them is made when it is asked for."""

    def __init__(self, subject: Subject, number: int) -> None:
        begun = monotonic()
        self._subject = subject
        self.number = number
        self.since = subject.since
        self.columns = columns = subject.take_columns()
        texts = number_alike([drop_main(subject.spell(name)) for name in columns.names])
        self._names = [_name(text) for text in texts]
        """By place, as the columns, the name in an address."""
        self.texts = [clean(text, LONGEST_NAME) for text in texts]
        """By place, the text."""
        self._found: tuple[Any, Sequence[int]] | None = None
        self._ended = monotonic()
        self._seconds = self._ended - begun

    @property
    def rest_until(self) -> float:
        """The time until which it should stay as it is, since taking it took as long as it did."""
        return self._ended + _PATIENCE * self._seconds

    @cached_property
    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """How many nodes have each state, and each function: a page that waits for a change asks again and again."""
        return Counter(self.columns.states), Counter(self.columns.functions)

    @cached_property
    def nodes(self) -> dict[str, int]:
        """By the name in an address, the place."""
        return {name: place for place, name in enumerate(self._names)}

    @cached_property
    def graph(self) -> Graph[Any]:
        """The graph of the nodes."""
        begun = monotonic()
        graph = self._subject.take_graph(self.columns.names)
        self._ended = monotonic()
        self._seconds += self._ended - begun
        return graph

    def find_node(self, name: str) -> Any:
        """Returns the node with a name.

        Raises:
            AskError: there is none.
        """
        if name not in self.nodes:
            raise AskError(404, f"{clean(name, LONGEST_NAME)} is not here")
        return self._subject.node_of(self.columns.names[self.nodes[name]])

    def find_name(self, text: str) -> str | None:
        """Returns the name of the node with a text, as far as texts are names."""
        return text if text in self.nodes else None

    def find_place(self, node: Any) -> int | None:
        """Returns the place of a node; None for one that was not known yet."""
        return self._places.get(self._subject.name_of(node))

    @cached_property
    def _places(self) -> dict[Any, int]:
        return {name: place for place, name in enumerate(self.columns.names)}

    def refer(self, node: Any) -> dict[str, Any]:
        """Returns what a page needs for a link to a node of the graph."""
        place = self.find_place(node)
        if place is not None:
            return self.refer_to(place)
        text = drop_main(str(node))
        return {"name": _name(text), "text": clean(text, LONGEST_NAME), "state": self.graph.fact(node).state}

    def refer_to(self, place: int) -> dict[str, Any]:
        """Returns the same for the node at a place."""
        return {"name": self._names[place], "text": self.texts[place], "state": self.columns.states[place]}

    def tell(self, place: int) -> dict[str, Any]:
        """Returns the facts about the node at a place, as a row has them."""
        columns = self.columns
        seconds, own = columns.seconds[place], columns.own_seconds[place]
        return {
            **self.refer_to(place),
            "function": clean(columns.functions[place], LONGEST_NAME),
            "source": columns.sources[place],
            "seconds": seconds if isfinite(seconds) else 0.0,  # a file may say anything, and JSON has no infinity
            "own": own if isfinite(own) else 0.0,
            "read": columns.times_read[place],
            "size": columns.sizes[place],
        }

    @cached_property
    def lowered(self) -> list[str]:
        """The texts as a search sees them."""
        return [text.lower() for text in self.texts]

    def find(self, text: str, function: str, state: str, sort: str) -> Sequence[int]:
        """Returns the places of the nodes that fit, sorted; the last answer is kept, as a table is read page after page."""
        asked = (text, function, state, sort)
        if self._found is None or self._found[0] != asked:
            self._found = asked, self._sort(self._filter(text.lower(), function, state), sort)
        return self._found[1]

    def _filter(self, sought: str, function: str, state: str) -> Sequence[int]:
        columns = self.columns
        places: Sequence[int] = range(len(columns))
        if sought:
            places = [place for place, text in enumerate(self.lowered) if sought in text]
        if function:
            places = [place for place in places if columns.functions[place] == function]
        if state == "source":
            places = [place for place in places if columns.sources[place]]
        elif state:
            places = [place for place in places if columns.states[place] == state]
        return places

    def _sort(self, places: Sequence[int], sort: str) -> Sequence[int]:
        if sort == "name":
            return sorted(places, key=self.texts.__getitem__)
        return sorted(places, key=_SORTS[sort](self.columns)) if sort in _SORTS else places


def read_place(query: Query, name: str, default: int) -> int:
    """Returns a number of a question.

    Raises:
        AskError: it is none.
    """
    said = query.get(name, "")
    if not said:
        return default
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise AskError(400, f"{name} must be a whole number, not {clean(said, 40)!r}")
    return int(said)


def _name(text: str) -> str:
    """Returns the name of a node in an address: its text, or a digest of one that is long or cannot be in an address."""
    if len(text) <= _LONGEST_ADDRESS and text.isprintable():
        return text
    return "~" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
