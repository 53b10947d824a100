"""Answers what a page asks, as data for JSON: `Answers`, `answer`; the names of what can be asked are in ``_ASKED``.

The nodes of a subject are taken once, and again when it has changed: at most a tenth of the time goes into that, however often a
page asks.  All texts are cut.  One thread at a time may ask.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import blake2b
from math import isfinite
from time import monotonic
from typing import Any

from .._inspect.failures import Failed
from .._inspect.graph import STATES, Fact
from .._inspect.lazy_graph import LazyGraph
from .._text.values import drop_main, number_alike
from ._pictures import draw_all, draw_around
from ._subjects import Subject
from ._texts import LONGEST_NAME, clean

_MOST_ROWS = 200
"""How many rows of a table are sent at once."""
_MOST_LISTED = 200
"""How many reads, readers, failures and functions are listed."""
_MOST_STEPS = 50
"""How far from a node a graph goes."""
_SHORT = 200
"""How much of a value is sent in a table."""
_LONGEST_ADDRESS = 300
"""How long the name of a node in an address may be."""
_PATIENCE = 9
"""How many times as long as taking the nodes took they stay as they are."""

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


class _Taken:
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


class Answers:
    """The answers about one subject."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._taken: _Taken | None = None
        self._stamp: Any = None
        self._rest_until = 0.0

    def answer(self, what: str, query: Query) -> dict[str, Any]:
        """Returns the answer to a question: ``head``, ``rows``, ``failures``, ``node``, ``around`` or ``graph``.

        Raises:
            AskError: there is no such question, or the node that it names is not there.
        """
        if what not in _ASKED:
            raise AskError(404, f"there is no {what!r} here")
        return _ASKED[what](self, self._take(), query)

    def _take(self) -> _Taken:
        taken, begun = self._taken, monotonic()
        if taken is not None and (begun < self._rest_until or self.subject.find_stamp() == self._stamp):
            return taken
        self._stamp = self.subject.find_stamp()  # before the nodes: what comes in between is seen next time
        taken = self._taken = _Taken(self.subject, 1 if taken is None else taken.number + 1)
        ended = monotonic()
        self._rest_until = ended + _PATIENCE * (ended - begun)
        return taken

    def _head(self, taken: _Taken, query: Query) -> dict[str, Any]:  # noqa: ARG002  each question has one form
        counts = Counter([fact.state for _, fact in taken.rows])
        functions = Counter([fact.function for _, fact in taken.rows])
        return {
            "number": taken.number,
            "kind": self.subject.kind,
            "live": self.subject.is_live,
            "title": clean(self.subject.title, LONGEST_NAME),
            "since": clean(taken.since, LONGEST_NAME),
            "nodes": len(taken.rows),
            "states": {state: counts[state] for state in STATES if counts[state]},
            "functions": [[clean(name, LONGEST_NAME), count] for name, count in functions.most_common(_MOST_LISTED)],
        }

    def _rows(self, taken: _Taken, query: Query) -> dict[str, Any]:
        found = taken.find(*[query.get(name, "") for name in ("text", "function", "state", "sort")])
        first = _read_number(query, "first", 0)
        lazy = self.subject.look()
        rows = []
        for _, fact in found[first : first + _MOST_ROWS]:
            detail = lazy.detail(self.subject.name_of(fact.node))
            said = fact.error or detail.value
            rows.append({**_tell(taken, fact), "value": clean(said, _SHORT)})
        return {"number": taken.number, "total": len(found), "first": first, "rows": rows}

    def _failures(self, taken: _Taken, query: Query) -> dict[str, Any]:  # noqa: ARG002  each question has one form
        lazy, groups = self.subject.look(), dict[str, list[Failed[Any]]]()
        for failed in self.subject.list_failures():
            origin = lazy.detail(self.subject.name_of(failed.origin))
            groups.setdefault(origin.place or failed.text, []).append(failed)
        told = [
            {
                "place": clean(place, LONGEST_NAME),
                "error": clean(group[0].text),
                "count": len(group),
                "traceback": clean(group[0].traceback),
                "nodes": [
                    {**taken.refer(one.node), "passed": one.node != one.origin}
                    for one in group[:_MOST_LISTED]
                    if one.node in taken.names
                ],
            }
            for place, group in list(groups.items())[:_MOST_LISTED]
        ]
        return {"number": taken.number, "total": sum(map(len, groups.values())), "groups": told, "places": len(groups)}

    def _node(self, taken: _Taken, query: Query) -> dict[str, Any]:
        node = taken.find_node(query.get("name", ""))
        subject, lazy = self.subject, self.subject.look()
        detail, fact = lazy.detail(subject.name_of(node)), taken.graph.fact(node)
        reads, readers = taken.graph.dependencies(node), taken.graph.dependents(node)
        met = detail.tweak
        failure = next((one for one in subject.list_failures() if one.node == node), None) if fact.error is not None else None
        return {
            "number": taken.number,
            **_tell(taken, fact),
            "about": {name: clean(said) if isinstance(said, str) else said for name, said in subject.describe(node).items()},
            "tweak": None if met is None else clean(str(lazy.say(met))),
            "traceback": None if failure is None else clean(failure.traceback),
            "origin": None if failure is None or failure.origin not in taken.names else taken.refer(failure.origin),
            "reads": [self._refer(taken, lazy, read) for read in reads[:_MOST_LISTED]],
            "reads_total": len(reads),
            "readers": [self._refer(taken, lazy, reader) for reader in readers[:_MOST_LISTED]],
            "readers_total": len(readers),
            "explain": clean(subject.explain(node)),
            "code": clean(subject.find_source(node) or ""),
        }

    def _refer(self, taken: _Taken, lazy: LazyGraph[Any, Any, Any], node: Any) -> dict[str, Any]:
        detail = lazy.detail(self.subject.name_of(node))
        return {**taken.refer(node), "value": clean(detail.error or detail.value, _SHORT)}

    def _around(self, taken: _Taken, query: Query) -> dict[str, Any]:
        node = taken.find_node(query.get("name", ""))
        up, down = (min(_MOST_STEPS, _read_number(query, way, 2)) for way in ("up", "down"))
        drawn = draw_around(taken.graph, node, up, down, taken.refer)
        return {"number": taken.number, "middle": taken.names[node], **drawn}

    def _graph(self, taken: _Taken, query: Query) -> dict[str, Any]:  # noqa: ARG002  each question has one form
        return {"number": taken.number, **draw_all(taken.graph, taken.refer)}


_ASKED: dict[str, Callable[[Answers, _Taken, Query], dict[str, Any]]] = {
    "head": Answers._head,
    "rows": Answers._rows,
    "failures": Answers._failures,
    "node": Answers._node,
    "around": Answers._around,
    "graph": Answers._graph,
}


def _tell(taken: _Taken, fact: Fact[Any]) -> dict[str, Any]:
    """Returns the facts about a node as a row."""
    return {
        **taken.refer(fact.node),
        "function": clean(fact.function, LONGEST_NAME),
        "source": fact.is_source,
        "seconds": fact.seconds if isfinite(fact.seconds) else 0.0,  # a file may say anything, and JSON has no infinity
        "own": fact.own_seconds if isfinite(fact.own_seconds) else 0.0,
        "read": fact.times_read,
        "size": fact.size,
    }


def _name(text: str) -> str:
    """Returns the name of a node in an address: its text, or a digest of one that is long or cannot be in an address."""
    if len(text) <= _LONGEST_ADDRESS and text.isprintable():
        return text
    return "~" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _read_number(query: Query, name: str, default: int) -> int:
    said = query.get(name, "")
    if not said:
        return default
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise AskError(400, f"{name} must be a whole number, not {clean(said, 40)!r}")
    return int(said)
