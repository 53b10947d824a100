"""Answers what a page asks, as data for JSON: `Answers`, `answer`; the names of what can be asked are in ``_ASKED``.

The nodes of a subject are taken once, and again when it has changed: at most a tenth of the time goes into that, however often a
page asks.  All texts are cut.  One thread at a time may ask.

A view is told by `_node`, `_rows`, `_head`, `_list`, `_failures`, `_around` or `_graph`; `try_it` and `begin_trial` begin a
trial.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from .._inspect.failures import Failed
from .._inspect.graph import STATES
from ._panel import Panel
from ._pictures import draw_all, draw_around
from ._subjects import Subject
from ._taken import AskError, Query, Taken, read_place
from ._texts import LONGEST_NAME, clean

_MOST_ROWS = 200
"""How many rows of a table are sent at once."""
_MOST_LISTED = 200
"""How many reads, readers, failures and functions are listed."""
_MOST_STEPS = 50
"""How far from a node a graph goes."""
_SHORT = 200
"""How much of a value is sent in a table."""


class Answers:
    """The answers about one subject."""

    def __init__(self, subject: Subject, panels: Sequence[Panel] = ()) -> None:
        self.subject = subject
        self.panels = {panel.name: panel for panel in panels}
        self._taken: Taken | None = None
        self._stamp: Any = None

    def answer(self, what: str, query: Query) -> dict[str, Any]:
        """Returns the answer to a question: ``head``, ``rows``, ``failures``, ``node``, ``around``, ``graph`` or a panel's name.

        Raises:
            AskError: there is no such question, or the node that it names is not there.
        """
        if what in self.panels:
            taken, panel = self._take(), self.panels[what]
            return {"number": taken.number, "parts": panel.tell(taken, query), "busy": panel.is_busy(query)}
        if what not in _ASKED:
            raise AskError(404, f"there is no {what!r} here")
        return _ASKED[what](self, self._take(), query)

    def tell(self, what: str, query: Query) -> tuple[int, dict[str, Any]]:
        """Returns the status and the answer to a question; what went wrong is an answer too."""
        return _guard(self.answer, what, query)

    def try_it(self, said: Any) -> tuple[int, dict[str, Any]]:
        """Begins a trial, and returns the status and the answer."""
        return _guard(self.begin_trial, said)

    def has_moved(self, number: int) -> bool:
        """True when something has changed since the nodes had a number, and an answer would say so; any thread may ask."""
        taken = self._taken
        if taken is None or taken.number != number:
            return True
        return monotonic() >= taken.rest_until and self.subject.find_stamp() != self._stamp

    def close(self) -> None:
        """Frees what its subjects hold."""
        self.subject.close()
        for panel in self.panels.values():
            panel.close()

    def begin_trial(self, said: Any) -> None:
        """Begins to compute with another value of a node.

        Raises:
            AskError: that is not allowed, or `said` does not say which node and value.
        """
        trials: Any = self.panels.get("trial")
        if trials is None:
            raise AskError(405, "this page takes no tweaks. Write dug.web.serve(ctx, allow_tweaks=True).")
        texts = [said.get(name) for name in ("name", "value")] if isinstance(said, dict) else []
        if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise AskError(400, 'write {"name": ..., "value": ...}, both of them texts')
        trials.begin(self._take(), *texts)

    def _take(self) -> Taken:
        taken = self._taken
        if taken is not None and (monotonic() < taken.rest_until or self.subject.find_stamp() == self._stamp):
            return taken
        self._stamp = self.subject.find_stamp()  # before the nodes: what comes in between is seen next time
        self._taken = Taken(self.subject, 1 if taken is None else taken.number + 1)
        return self._taken

    def _head(self, taken: Taken, query: Query) -> dict[str, Any]:  # noqa: ARG002  each question has one form
        counts, functions = taken.counts
        return {
            "number": taken.number,
            "kind": self.subject.kind,
            "live": self.subject.is_live,
            "title": clean(self.subject.title, LONGEST_NAME),
            "since": clean(taken.since, LONGEST_NAME),
            "nodes": len(taken.columns),
            "states": {state: counts[state] for state in STATES if counts[state]},
            "panels": [[panel.name, panel.title] for panel in self.panels.values() if panel.title],
            "first": next((panel.name for panel in self.panels.values() if panel.is_first), "nodes"),
            "tweaks": "trial" in self.panels,
            "functions": [[clean(name, LONGEST_NAME), count] for name, count in functions.most_common(_MOST_LISTED)],
        }

    def _rows(self, taken: Taken, query: Query) -> dict[str, Any]:
        found = taken.find(*[query.get(name, "") for name in ("text", "function", "state", "sort")])
        first = read_place(query, "first", 0)
        places = found[first : first + _MOST_ROWS]
        said = self.subject.tell_outcomes([taken.columns.names[place] for place in places])
        rows = [{**taken.tell(place), "value": clean(one, _SHORT)} for place, one in zip(places, said, strict=True)]
        return {"number": taken.number, "total": len(found), "first": first, "rows": rows}

    def _failures(self, taken: Taken, query: Query) -> dict[str, Any]:  # noqa: ARG002  each question has one form
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
                    if taken.find_place(one.node) is not None
                ],
            }
            for place, group in list(groups.items())[:_MOST_LISTED]
        ]
        return {"number": taken.number, "total": sum(map(len, groups.values())), "groups": told, "places": len(groups)}

    def _node(self, taken: Taken, query: Query) -> dict[str, Any]:
        node = taken.find_node(query.get("name", ""))
        subject, name = self.subject, self.subject.name_of(node)
        lazy = subject.look()
        detail = lazy.detail(name)
        reads, readers = taken.graph.dependencies(node), taken.graph.dependents(node)
        place, met = taken.nodes[query["name"]], detail.tweak
        has_failed = detail.error is not None
        return {
            "number": taken.number,
            **taken.tell(place),
            "about": {name: clean(said) if isinstance(said, str) else said for name, said in subject.describe(node).items()},
            "tweak": None if met is None else clean(str(lazy.say(met))),
            "traceback": clean(subject.find_traceback(name)) if has_failed else None,
            "origin": taken.refer(lazy.detail(detail.error_way[-1]).node) if has_failed else None,
            "reads": self._list(taken, reads),
            "reads_total": len(reads),
            "readers": self._list(taken, readers),
            "readers_total": len(readers),
            "explain": clean(subject.explain(node)),
            "code": clean(subject.find_source(node) or ""),
            "more": [part for panel in self.panels.values() for part in panel.tell_node(taken, node)],
        }

    def _list(self, taken: Taken, nodes: Sequence[Any]) -> list[dict[str, Any]]:
        """Returns links to nodes, with their values."""
        listed = nodes[:_MOST_LISTED]
        said = self.subject.tell_outcomes([self.subject.name_of(node) for node in listed])
        return [{**taken.refer(node), "value": clean(one, _SHORT)} for node, one in zip(listed, said, strict=True)]

    def _around(self, taken: Taken, query: Query) -> dict[str, Any]:
        node = taken.find_node(query.get("name", ""))
        up, down = (min(_MOST_STEPS, read_place(query, way, 2)) for way in ("up", "down"))
        drawn = draw_around(taken.graph, node, up, down, taken.refer)
        return {"number": taken.number, "middle": taken.refer(node)["name"], **drawn}

    def _graph(self, taken: Taken, query: Query) -> dict[str, Any]:  # noqa: ARG002  each question has one form
        return {"number": taken.number, **draw_all(taken.graph, taken.refer)}


_ASKED: dict[str, Callable[[Answers, Taken, Query], dict[str, Any]]] = {
    "head": Answers._head,
    "rows": Answers._rows,
    "failures": Answers._failures,
    "node": Answers._node,
    "around": Answers._around,
    "graph": Answers._graph,
}


def _guard(work: Callable[..., dict[str, Any] | None], *asked: Any) -> tuple[int, dict[str, Any]]:
    try:
        return 200, work(*asked) or {}
    except AskError as exc:
        return exc.status, {"error": str(exc)}
    except Exception as exc:  # noqa: BLE001  a file may turn out to be damaged at any row, and the page says so
        return 500, {"error": clean(f"{type(exc).__name__}: {exc}", LONGEST_NAME)}
