"""A graph as lines of text for a terminal: `tree`; `_span` picks the box below which each box is written.

`_Pens` has the characters of branches, `_write` makes the lines, `_line` one.
"""

from attrs import frozen

from ._drawable import Drawable
from ._picture import LIMIT, Picture, make_picture
from ._words import TIMES, name_of, notes_on, title_of

MAX_ELSEWHERE = 6

CHARSETS = ("unicode", "ascii")


@frozen
class _Pens:
    branch: str
    last: str
    bar: str
    gap: str


_PENS = {"unicode": _Pens("├── ", "└── ", "│   ", "    "), "ascii": _Pens("|-- ", "`-- ", "|   ", "    ")}


def tree(graph: Drawable, *, by: str | None = None, limit: int = LIMIT, charset: str = "unicode") -> str:
    """Returns a graph as a tree of text: the nodes that nothing here read, and below each line the nodes that it read.

    A node with several readers is written once; the other places say *also* and its name.

    Args:
        graph: the graph to draw.
        by: what a line stands for: ``"node"``, ``"function"`` or ``"module"``; None for the finest that keeps to the limit.
        limit: how many of them there may be.
        charset: ``"unicode"``, or ``"ascii"`` for terminals that know nothing else.

    Raises:
        ValueError: `by`, `limit` or `charset` is not possible.
    """
    if charset not in CHARSETS:
        raise ValueError(f"charset={charset!r} is not known. Write one of {', '.join(map(repr, CHARSETS))}.")
    picture = make_picture(graph, by=by, limit=limit)
    text = "\n".join([title_of(picture), *_write(picture, _PENS[charset])]) + "\n"
    return text if charset == "unicode" else _to_ascii(text)


def _write(picture: Picture, pens: _Pens) -> list[str]:
    """Returns a line for each box, below its first reader, and one for each dependency that is written elsewhere."""
    reads: list[list[int]] = [[] for _ in picture.boxes]
    for start, end, _ in picture.lines:
        if start != end:
            reads[end].append(start)
    roots, below = _span(picture, reads)
    lines: list[str] = []
    pending: list[tuple[str, int | None, str, str]] = [(_line(picture, root), root, "", "") for root in reversed(roots)]
    while pending:
        text, place, before, indent = pending.pop()
        lines.append(f"{before}{text}")
        if place is None:
            continue
        rows: list[tuple[str, int | None]] = [(_line(picture, read, place), read) for read in below[place]]
        elsewhere = [_add_word(picture, read, place) for read in reads[place] if read not in below[place]]
        if elsewhere:
            rows.append((f"also {_enumerate(elsewhere)}", None))
        for position in range(len(rows) - 1, -1, -1):
            branch, bar = (pens.last, pens.gap) if position == len(rows) - 1 else (pens.branch, pens.bar)
            pending.append((*rows[position], indent + branch, indent + bar))
    return lines


def _span(picture: Picture, reads: list[list[int]]) -> tuple[list[int], list[list[int]]]:
    """Returns the boxes at the top, and by box those that are written below it: each is written once."""
    read_by_others = {start for start, end, _ in picture.lines if start != end}
    places = range(len(reads) - 1, -1, -1)  # readers come last
    # Boxes of many nodes may read each other in a circle, which nothing outside of it reads: begin anywhere in it.
    starts = [place for place in places if place not in read_by_others] + list(places)
    roots: list[int] = []
    below: list[list[int]] = [[] for _ in reads]
    standing: set[int] = set()
    for start in starts:
        if start in standing:
            continue
        roots.append(start)
        standing.add(start)
        pending = [(start, iter(reads[start]))]
        while pending:
            place, rest = pending[-1]
            read = next((read for read in rest if read not in standing), None)
            if read is None:
                pending.pop()
            else:
                standing.add(read)
                below[place].append(read)
                pending.append((read, iter(reads[read])))
    return roots, below


def _enumerate(names: list[str]) -> str:
    shown = ", ".join(names[:MAX_ELSEWHERE])
    return f"{shown} and {len(names) - MAX_ELSEWHERE} more" if len(names) > MAX_ELSEWHERE else shown


def _line(picture: Picture, place: int, reader: int | None = None) -> str:
    box = picture.boxes[place]
    notes = notes_on(picture, box)
    word = "" if reader is None else picture.words.get((place, reader), "")
    return "  ".join([name_of(box), *([f"[{', '.join(notes)}]"] if notes else []), *([word] if word else [])])


def _add_word(picture: Picture, place: int, reader: int) -> str:
    word = picture.words.get((place, reader))
    return f"{name_of(picture.boxes[place])} ({word})" if word else name_of(picture.boxes[place])


def _to_ascii(text: str) -> str:
    return text.replace(TIMES, "x").replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")
