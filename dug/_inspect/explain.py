"""Words where the value of a node comes from, in a context or a file: `explain`; its origin, its reads, the paths to tweaks.

The first line gives the value of the node, the second where that comes from; the rest says from which nodes, and through which
nodes the tweaks in force reached it.  Nothing runs.  `snapshot/_details` lists the facts that a file cannot know.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic

from .._text.sheet import Entry, Line, Outline, Part, Sheet
from .._text.shown import Shown
from .._text.values import in_seconds
from .lazy_graph import HERE, LazyGraph, P

_MOST_PLACES = 5
_SHOWN = 12
"""How many reads, and how many tweaks, are listed."""


class Explanation(Shown):
    """Where the value of a node comes from, or why there is none.

    ``print`` and the last line of a cell show its lines; two explanations are equal when they say the same.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)

    @property
    def lines(self) -> tuple[str, ...]:
        """What it says, line by line."""
        return tuple(str(self).split("\n"))

    def _sheet(self) -> Sheet:
        return Sheet(self._parts)

    def __str__(self) -> str:
        return self._write_lines()

    def __repr__(self) -> str:
        return self._write_lines()

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Explanation) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


def explain(graph: LazyGraph[P, Any, Any], node: P) -> Explanation:
    """Returns where the value of a node comes from in a graph, or why there is none.

    Complexity: linear in the direct dependencies and the nodes that depend on tweaks below it; in a file that has tweaks, in the
    file.
    """
    return Explanation(list(_Teller(graph, node).parts()))


class _Teller(Generic[P]):
    """Explains one node in one graph."""

    def __init__(self, graph: LazyGraph[P, Any, Any], node: P) -> None:
        self._graph = graph
        self._node = node
        self._one = graph.detail(node)

    def parts(self) -> Iterator[Part]:
        """Yields what there is to say."""
        yield Line(f"{self._one}{self._one.outcome}", is_title=True)
        if not self._one.answers:
            yield from self._tell_absence()
            return
        yield from [Line(text, 1) for text in self._tell_origin()]
        yield from self._tell_reads()
        met, tweaks = self._one.tweak, self._graph.tweaks_of(self._node)
        yield from self._tell_ways([tweak for tweak in tweaks if tweak != met], "rests on")

    # Where it comes from

    def _tell_origin(self) -> Iterator[str]:
        one = self._one
        if one.tweak is not None:
            yield str(self._graph.say(one.tweak))
        elif one.untweaked is not None:
            yield f"untweaked {one.untweaked}: as if no context around {'' if one.untweaked == HERE else 'that '}tweaked it"
        if one.absent is not None:
            yield f"its value is not kept: {one.absent}"
        if one.error is not None:
            yield from self._tell_failure()
        elif one.tweak is not None and self._graph.is_value(one.tweak):
            yield "its body does not run"
        else:
            yield self._tell_run()

    def _tell_run(self) -> str:
        one = self._one
        verb = "read from outside, as a source," if one.is_source else "computed"
        time = f" in {in_seconds(one.seconds)}" if one.seconds else ""
        by_itself = f" ({in_seconds(one.own_seconds)} by itself)" if time and one.reads else ""
        if one.provider == HERE:
            return f"{verb} here{time}{by_itself}"
        return f"inherited from {one.provider}, {verb}{time}{by_itself}: nothing that it read is tweaked within that"

    def _tell_failure(self) -> Iterator[str]:
        way = self._one.error_way
        place = "" if self._one.place is None else f" at {self._one.place}"
        if len(way) == 1:
            yield f"its own run raised that{place}; asked again, it is tried again"
            return
        yield f"passed on: the error began in {self._graph.detail(way[-1])}{place}"
        yield f"by way of {_join([str(self._graph.detail(node)) for node in reversed(way)])}"

    def _tell_reads(self) -> Iterator[Part]:
        reads = self._one.reads
        if not reads:
            return
        yield Line("from", 1)
        entries = [self._make_entry(node) for node in islice(reads, _SHOWN)]
        if len(reads) > _SHOWN:
            entries.append(_make_line(f"... {len(reads) - _SHOWN:,} more"))
        yield Outline(["read", "value", "state", "took"], entries)

    def _make_entry(self, node: P) -> Entry:
        read = self._graph.detail(node)
        time = in_seconds(read.seconds) if read.answers and read.error is None and read.seconds else ""
        text = f"{read}{read.outcome}  ({read.state}{f', {time}' if time else ''})"
        return Entry(2, text, [str(read), read.value if read.error is None else f"raised {read.error}", read.state, time])

    # Why

    def _tell_ways(self, tweaks: Collection[Hashable], verb: str) -> Iterator[Part]:
        """The tweaks that the value depends on, and the path of each to the node."""
        if not tweaks:
            return
        own, tweaks = self._node, frozenset(tweaks)
        came = self._follow(tweaks)
        tweaked = [node for node in came if node != own and self._graph.detail(node).tweak in tweaks]
        for node in tweaked[:_SHOWN]:
            tweaked_one = self._graph.detail(node)
            yield Line(f"{verb} {tweaked_one}, {self._graph.say(tweaked_one.tweak)}", 1)
            way = []
            while came[node] != own:
                node = came[node]  # noqa: PLW2901  from the tweak to the node
                way.append(str(self._graph.detail(node)))
            if way:
                yield Line(f"by way of {_join(way)}", 2)
        if len(tweaked) > _SHOWN:
            yield Line(f"... and {len(tweaked) - _SHOWN:,} more tweaked nodes", 1)

    def _follow(self, tweaks: Collection[Hashable]) -> dict[P, P]:
        """Returns, for each node on a path from one of these tweaks, its reader on the shortest path."""
        rests = self._graph.find_resting(tweaks)
        came = {self._node: self._node}
        pending = deque([self._node])
        while pending:
            node = pending.popleft()
            for read in self._graph.detail(node).reads:
                if read not in came and (rests(read) or self._graph.detail(read).tweak in tweaks):
                    came[read] = node
                    pending.append(read)
        return came

    # Why there is none

    def _tell_absence(self) -> Iterator[Part]:
        one = self._one
        if one.tweak is not None:
            yield Line(str(self._graph.say(one.tweak)), 1)
        if one.state == "masked":
            masked = self._graph.find_masked(self._node)
            yield Line(f"masked here: {masked.known}", 1)
            yield from self._tell_ways(masked.tweaks, "masked by")
        else:
            yield from [Line(text, 1) for text in self._graph.tell_absence(self._node)]
        yield from [Line(text, 1) for text in self._graph.tell_plan(self._node)]


def list_some(places: Sequence[str]) -> str:
    """Returns the first few changed places, and how many more there are."""
    more = f" and {len(places) - _MOST_PLACES:,} more" if len(places) > _MOST_PLACES else ""
    return f"{', '.join(places[:_MOST_PLACES])}{more}"


def _make_line(text: str) -> Entry:
    """Returns an entry that is no node."""
    return Entry(2, text, [text])


def _join(way: list[str]) -> str:
    """Returns the nodes of a path as one line, without those in the middle if there are many."""
    shown = way if len(way) <= _SHOWN else [*way[: _SHOWN // 2], f"... {len(way) - _SHOWN:,} more ...", *way[-_SHOWN // 2 :]]
    return " > ".join(shown)
