"""Words where the value of a node comes from, in a context or a file: `explain`; its origin, its reads, the paths to tweaks.

The first line gives the value of the node, the second where that comes from; the rest says from which nodes, and through which
nodes the tweaks in force reached it.  Many nodes of one function share a line, so that it fits a screen.  Nothing runs.
`snapshot/_details` lists the facts that a file cannot know.

`Explanation` is what is returned and shown; `_Teller` words its parts: the origin, the run, a failure, the reads, the ways to the
tweaks.  Its methods are `_tell_origin`, `_tell_failure`, `_tell_reads`, `_tell_ways`, `_tell_absence`; `_follow` and `_find_way`
follow tweaks.
"""

from collections import Counter, deque
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic

from .._text.sheet import Entry, Line, Outline, Part, Sheet
from .._text.shown import Shown
from .._text.values import drop_main, in_seconds
from .lazy_graph import HERE, LazyGraph, P

_MOST_PLACES = 5
_SHOWN = 12
"""How many reads, and how many nodes of a path, are listed."""
_FEW = 3
"""How many nodes of one function are listed one by one where there are many."""
_READERS = "dug.sources:"
"""What the names of the functions that read files begin with."""
_TWEAKS = 4
"""How many lines there are for tweaks, each with a second line for the path."""


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


def explain(graph: LazyGraph[P, Any, Any], node: P, *, full: bool = False) -> Explanation:
    """Returns where the value of a node comes from in a graph, or why there is none.

    Args:
        graph: the graph.
        node: the node.
        full: whether every node that it read, and every tweaked node, has a line.

    Complexity: linear in the direct dependencies and the nodes that depend on tweaks below it; in a file that has tweaks, in the
    file.
    """
    return Explanation(list(_Teller(graph, node, full=full).parts()))


class _Teller(Generic[P]):
    """Explains one node in one graph."""

    def __init__(self, graph: LazyGraph[P, Any, Any], node: P, *, full: bool) -> None:
        self._graph = graph
        self._is_full = full
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
        origin = self._graph.detail(way[-1])
        is_ours = origin.function.startswith(_READERS)  # a line of dug says nothing to its user
        place = "" if self._one.place is None or is_ours else f" at {self._one.place}"
        if len(way) == 1:
            yield f"its own run raised that{place}; asked again, it is tried again"
            return
        yield f"passed on: the error began in {origin}{place}"
        yield f"by way of {self._join(list(reversed(way)))}"

    def _tell_reads(self) -> Iterator[Part]:
        reads = self._one.reads
        if not reads:
            return
        yield Line("from", 1)
        shown = reads if self._is_full or len(reads) <= _SHOWN else self._pick(reads)
        entries = [self._make_entry(node) for node in shown]
        has_line = frozenset(shown)
        left = Counter([self._graph.detail(node).function for node in reads if node not in has_line])
        entries += [_make_line(f"... {count:,} more of {drop_main(name)}") for name, count in islice(left.items(), _FEW)]
        if len(left) > _FEW:
            entries.append(_make_line(f"... {sum(islice(left.values(), _FEW, None)):,} more of {len(left) - _FEW:,} functions"))
        yield Outline(["read", "value", "state", "took"], entries)

    def _pick(self, reads: Sequence[P]) -> list[P]:
        """Returns a few of many reads: the first ones of each function."""
        counts: Counter[str] = Counter()
        picked: list[P] = []
        for node in reads:
            function = self._graph.detail(node).function
            if counts[function] < _FEW and len(picked) < _SHOWN:
                counts[function] += 1
                picked.append(node)
        return picked

    def _make_entry(self, node: P) -> Entry:
        read = self._graph.detail(node)
        time = in_seconds(read.seconds) if read.answers and read.error is None and read.seconds else ""
        text = f"{read}{read.outcome}  ({read.state}{f', {time}' if time else ''})"
        return Entry(2, text, [str(read), read.value if read.error is None else f"raised {read.error}", read.state, time])

    # Why

    def _tell_ways(self, tweaks: Collection[Hashable], verb: str) -> Iterator[Part]:
        """The tweaks that the value depends on, and the path of each to the node; one line for many nodes of one function."""
        if not tweaks:
            return
        own, tweaks = self._node, frozenset(tweaks)
        came = self._follow(tweaks)
        groups: dict[Hashable, list[P]] = {}
        for node in came:
            one = self._graph.detail(node)
            if node != own and one.tweak in tweaks:
                groups.setdefault((one.function, self._graph.say(one.tweak).place), []).append(node)
        few = len(came) if self._is_full else _FEW
        told = [part for nodes in groups.values() for part in ([nodes] if len(nodes) > few else [[node] for node in nodes])]
        for nodes in told if self._is_full else told[:_TWEAKS]:
            yield Line(f"{verb} {self._tell_tweaked(nodes)}", 1)
            way = self._find_way(nodes[0], came)
            such = f"such as {self._graph.detail(nodes[0])} " if len(nodes) > 1 else ""
            if way or such:
                yield Line(f"{such}by way of {self._join(way)}" if way else f"{such}directly", 2)
        if len(told) > _TWEAKS and not self._is_full:
            yield Line(f"... and {sum(map(len, told[_TWEAKS:])):,} more tweaked nodes", 1)

    def _tell_tweaked(self, nodes: Sequence[P]) -> str:
        """Returns one tweaked node, or several of one function, and how they are tweaked."""
        one = self._graph.detail(nodes[0])
        said = [self._graph.say(self._graph.detail(node).tweak) for node in nodes]
        if len(nodes) == 1:
            return f"{one}, {said[0]}"
        how = str(said[0]) if len({says.sentence for says in said}) == 1 else f"each tweaked in its own way {said[0].place}"
        return f"{len(nodes):,} nodes of {drop_main(one.function)}, {how}"

    def _find_way(self, node: P, came: Mapping[P, P]) -> list[P]:
        """Returns the nodes between a tweaked node and this one."""
        way = []
        while came[node] != self._node:
            node = came[node]
            way.append(node)
        return way

    def _join(self, way: Sequence[P]) -> str:
        """Returns the nodes of a path as one line, without those in the middle if there are many."""
        is_whole = self._is_full or len(way) <= _SHOWN
        head, tail = (way, []) if is_whole else (way[: _SHOWN // 2], way[-_SHOWN // 2 :])
        left_out = [] if is_whole else [f"... {len(way) - _SHOWN:,} more ..."]
        names = [[str(self._graph.detail(node)) for node in part] for part in (head, tail)]
        return " > ".join([*names[0], *left_out, *names[1]])

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
    """Returns an entry that is not a node."""
    return Entry(2, text, [text])
