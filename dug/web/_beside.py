"""`Compared`: how the subject of a page differs from the one before it, as a story; for each node, the path that explains it.

Both are contexts, or both are files, and their nodes are compared as ``ctx.compare`` and ``dug diff`` do.  The story is told once
for each state of the two.

It tells the story (`tell`) and one node (`tell_node`).
"""

from collections.abc import Mapping
from typing import Any

from .._inspect.compare import Comparison, compare, compare_all
from .._inspect.graph import Graph
from .._text.counts import count
from ._panel import Panel
from ._sheets import MOST_ROWS, Part, tell_line, tell_sheet, tell_table, tell_text
from ._subjects import Subject
from ._taken import Query, Taken
from ._texts import LONGEST_NAME, clean


class Compared(Panel):
    """What moved from one subject to another one, which the page is about: ``compare``."""

    name, title = "compare", "Compare"
    is_first = True

    def __init__(self, before: Subject, after: Subject) -> None:
        self._before, self._after = before, after
        self._is_live = before.is_live
        self._told: tuple[Any, list[Part]] | None = None

    def tell(self, taken: Taken, query: Mapping[str, str]) -> list[Part]:
        asked = self._before.find_stamp(), taken.number, query.get("all")
        if self._told is None or self._told[0] != asked:
            self._told = asked, self._tell(taken, wants_all=query.get("all") == "1")
        return self._told[1]

    def _tell(self, taken: Taken, *, wants_all: bool) -> list[Part]:
        before, after = self._before, self._after
        old = before.take_graph(before.take_columns().names)
        nodes = [*reversed(taken.graph.order), *reversed(old.order)]
        names = list(dict.fromkeys([after.name_of(node) for node in nodes]))
        story = compare_all(before.look(), after.look(), names)
        parts = [tell_line(f"from {before.title} to {after.title}"), tell_line(_count(story, old, taken))]
        if not story:
            return parts
        if wants_all:
            rows = [(change.name, *change.texts, change.because) for change in story[:MOST_ROWS]]
            more = f"{len(story) - MOST_ROWS:,} more" if len(story) > MOST_ROWS else ""
            table = tell_table(["node", "was", "is", "because"], rows, taken.find_name, more=more)
            return [*parts, _link("As a story", {}), table]
        return [*parts, _link("Every change", {"all": "1"}), *tell_sheet(story._sheet(), taken.find_name)]

    def tell_node(self, taken: Taken, node: Any) -> list[Part]:
        key = self._after.name_of(node)
        before, after = self._before.look(), self._after.look()
        title = clean(f"From {self._before.title}", LONGEST_NAME)
        if not before.detail(key).answers:
            return [{"kind": "folded", "title": title, "parts": [tell_line("It was not known there.")]}]
        story = compare(before, after, [key])
        told = tell_sheet(story._sheet(), taken.find_name) if story else [tell_line("It is the same.")]
        parts = [*told, tell_text("Its explanation there", self._before.explain(node))]
        return [{"kind": "folded", "title": title, "parts": parts, "is_open": bool(story)}]

    def is_busy(self, query: Query) -> bool:  # noqa: ARG002  it may change whatever is asked
        return self._is_live

    def close(self) -> None:
        self._before.close()


def _count(story: Comparison[Any, Any], old: Graph[Any], taken: Taken) -> str:
    new = sum(change.before is None for change in story)
    gone = sum(change.after is None for change in story)
    nodes = count(len(taken.graph), "node")
    return f"{len(story) - new - gone:,} of {nodes} changed, {new:,} new, {gone:,} gone; there were {len(old):,}"


def _link(text: str, query: Query) -> Part:
    return {"kind": "links", "links": [{"text": text, "view": "compare", "query": dict(query)}]}
