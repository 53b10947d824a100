"""What a picture shows, for every format: `make_picture` gathers a graph's nodes into the `Box`es and lines of a `Picture`.

A box stands for one node, or for all nodes of a function or a module if a graph has more nodes than can be read.
Failed and tweaked nodes then keep boxes of their own, as long as there are not too many: readers look for these.

`_keys_apart`, `_fold_rest` and `_draw_together` decide which nodes share a box, `_make_box` makes one, `_name_apart` names them
apart.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from .._text.palette import LOOKS
from .._text.values import shorten
from ._drawable import Described, Drawable
from ._shortening import MAX_NAME, tell_apart

LIMIT = 60
"""How many boxes are drawn unless a caller says otherwise."""

LINES_A_BOX = 4
"""With more lines for each box than this, a picture is a tangle: then nodes are drawn together, too."""

APART = 12
"""How many failed or tweaked nodes keep a box of their own among boxes of many nodes."""

GROUPINGS = ("node", "function", "module")

_RANKS = {state: rank for rank, state in enumerate(LOOKS)}


@frozen
class Box:
    """One box: a node, or `count` nodes that are drawn together."""

    name: str
    """A short name that no other box has, not escaped."""
    full_name: str
    is_group: bool
    is_source: bool
    count: int
    states: tuple[tuple[str, int], ...]
    """How many nodes there are of each state, the state that a reader looks for first in front."""
    seconds: float
    """How long its nodes ran, without their callees."""
    error: str | None
    notes: tuple[str, ...] = ()
    """More words about a single node, such as how many items it gave."""

    @property
    def state(self) -> str:
        """The state that a reader looks for first."""
        return self.states[0][0]


@frozen
class Picture:
    """Boxes by place, and lines between them from a node to the nodes that read it."""

    boxes: tuple[Box, ...]
    """A box comes before the boxes that read it, as far as boxes of many nodes allow it."""
    lines: tuple[tuple[int, int, int], ...]
    """From, to, and how many reads the line represents."""
    grouping: str
    count: int
    """How many nodes the picture is of."""
    seconds: float
    words: Mapping[tuple[int, int], str] = field(factory=dict)
    """By from and to, the words on a line."""

    @property
    def states(self) -> tuple[tuple[str, int], ...]:
        """How many nodes there are of each state."""
        return _in_order(_add(box.states for box in self.boxes))

    def share(self, box: Box) -> float:
        """Which part of all the time a box took, from 0 to 1."""
        return min(1.0, box.seconds / self.seconds) if self.seconds > 0 else 0.0


def make_picture(graph: Drawable, *, by: str | None, limit: int) -> Picture:
    """Returns the picture of a graph.

    Args:
        graph: the graph to draw.
        by: ``"node"``, ``"function"`` or ``"module"``: what a box stands for; None for the finest that keeps to the limit.
        limit: how many boxes there may be; nodes beyond that share a box called *others*.

    Raises:
        ValueError: `by` or `limit` is not possible.
    """
    if by is not None and by not in GROUPINGS:
        raise ValueError(f"by={by!r} is not a way to draw a graph. Write one of {', '.join(map(repr, GROUPINGS))}, or None.")
    if limit < 2:
        raise ValueError(f"limit={limit!r} leaves nothing to see. Allow at least 2 boxes.")
    grouping = by or _choose(graph, limit)
    if grouping == "node":
        keys: list[Hashable] = list(range(len(graph.facts)))
    else:
        keys = _keys_apart(graph.facts, grouping, min(APART, limit // 4))
    return _draw_together(graph, grouping, _fold_rest(keys, limit))


def _choose(graph: Drawable, limit: int) -> str:
    facts = graph.facts
    if len(facts) <= limit and _count_edges(graph) <= LINES_A_BOX * max(limit, len(facts)):
        return "node"
    return "function" if len({fact.function for fact in facts}) <= limit - limit // 4 else "module"


def _count_edges(graph: Drawable) -> int:
    return sum(len(graph.dependencies(node)) for node in graph)


def _keys_apart(facts: Sequence[Described], grouping: str, room: int) -> list[Hashable]:
    """Returns by place the key of a node's box: its place for a node with a box of its own, a name for others."""
    name: Callable[[Described], str] = (lambda fact: fact.function) if grouping == "function" else (lambda fact: fact.module)
    keys: list[Hashable] = [name(fact) for fact in facts]
    for state in ("failed", "tweaked"):
        places = [place for place, fact in enumerate(facts) if fact.state == state]
        if len(places) <= room:
            room -= len(places)
            for place in places:
                keys[place] = place
    return keys


def _fold_rest(keys: list[Hashable], limit: int) -> list[Hashable]:
    """Returns the keys; if there are more than `limit`, those of the fewest nodes are replaced by None."""
    counts = Counter(keys)
    if len(counts) <= limit:
        return keys
    kept = {key for key, _ in counts.most_common(limit - 1)}
    return [key if key in kept else None for key in keys]


def _draw_together(graph: Drawable, grouping: str, keys: list[Hashable]) -> Picture:
    """Returns the picture in which the nodes of one key share a box."""
    place_of = {fact.node: place for place, fact in enumerate(graph.facts)}
    order = [place_of[node] for node in graph]
    number = {key: number for number, key in enumerate(dict.fromkeys([keys[place] for place in order]))}
    members: list[list[Described]] = [[] for _ in number]
    lines: Counter[tuple[int, int]] = Counter()
    words: dict[tuple[int, int], str] = {}
    word_on: Any = getattr(graph, "word_on", None)  # a graph of what runs has words for its lines
    for place in order:
        fact, box = graph.facts[place], number[keys[place]]
        members[box].append(fact)
        for read in graph.dependencies(fact.node):
            line = number[keys[place_of[read]]], box
            lines[line] += 1
            if word_on is not None and lines[line] == 1 and (word := word_on(read, fact.node)):
                words[line] = word
    boxes = tuple([_make_box(key, facts) for key, facts in zip(number, members, strict=True)])
    return Picture(
        boxes=_name_apart(boxes),
        lines=tuple([(start, end, count) for (start, end), count in lines.items()]),
        grouping=grouping,
        count=len(graph),
        seconds=sum([box.seconds for box in boxes]),
        words={line: word for line, word in words.items() if lines[line] == 1},
    )


def _make_box(key: Hashable, facts: list[Described]) -> Box:
    first = facts[0]
    stands_alone = len(facts) == 1 and key is not None
    full = str(first.node) if stands_alone else "others" if key is None else str(key)
    return Box(
        name=full.removeprefix(f"{first.module}:"),
        full_name=full,
        is_group=not stands_alone,
        is_source=all(fact.is_source for fact in facts),
        count=len(facts),
        states=_in_order(Counter([fact.state for fact in facts])),
        seconds=sum([fact.own_seconds for fact in facts]),
        error=next((fact.error for fact in facts if fact.error is not None), None),
        notes=getattr(first, "notes", ()) if stands_alone else (),
    )


def _name_apart(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """Returns the boxes, with the full name for those that share a short one; shortened names must be distinct, too."""
    counts = Counter([box.name for box in boxes])
    names = [box.full_name if counts[box.name] > 1 else box.name for box in boxes]
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        alike.setdefault(shorten(name, MAX_NAME), []).append(place)
    for places in alike.values():
        if len(places) > 1:
            for place, name in zip(places, tell_apart([names[place] for place in places], MAX_NAME), strict=True):
                names[place] = name
    return tuple([evolve(box, name=name) for box, name in zip(boxes, names, strict=True)])


def _add(counts: Iterable[tuple[tuple[str, int], ...]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for states in counts:
        total.update(dict(states))
    return total


def _in_order(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: _RANKS.get(item[0], len(_RANKS))))
