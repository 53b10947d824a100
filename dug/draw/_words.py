"""The words in a box, unescaped, for each format: `name_of`, `notes_on`; `title_of` and `legend_of` a picture.

`word_on` a line.
"""

from .._text.palette import LOOKS
from .._text.values import in_seconds, shorten, visible
from ._picture import Box, Picture
from ._shortening import MAX_NAME

MAX_ERROR = 80
TIMES = "\N{MULTIPLICATION SIGN}"
NOTEWORTHY = 0.01
"""Which part of all the time is worth a word."""


def name_of(box: Box) -> str:
    """Returns the name of a box, and how many nodes it has."""
    name = shorten(visible(box.name), MAX_NAME)
    return f"{name} {TIMES}{box.count:,}" if box.is_group else name


def notes_on(picture: Picture, box: Box) -> list[str]:
    """Returns the other words of a box: unusual states, its error, and its time if that is a large part."""
    notes = []
    if len(box.states) > 1:
        notes += [f"{count:,} {state}" for state, count in box.states]
    elif box.state != "computed":
        notes.append(box.state)
    if box.error is not None:
        notes[0] = f"{notes[0]}: {shorten(visible(box.error), MAX_ERROR)}" if notes else shorten(visible(box.error), MAX_ERROR)
    notes += box.notes
    if box.seconds > 0 and picture.share(box) >= NOTEWORTHY:
        notes.append(in_seconds(box.seconds))
    return notes


def word_on(picture: Picture, start: int, end: int, count: int) -> str:
    """Returns the words on a line: how many reads it stands for, if several, or else what is known of the one."""
    return f"{count:,}" if count > 1 else picture.words.get((start, end), "")


def title_of(picture: Picture) -> str:
    """Returns the title of a picture, in one line."""
    states = ", ".join([f"{count:,} {state}" for state, count in picture.states])
    nodes = f"{picture.count:,} node{'' if picture.count == 1 else 's'}"
    title = f"{nodes} ({states})" if states else nodes
    if picture.seconds > 0:
        title += f", {in_seconds(picture.seconds)}"
    return title if picture.grouping == "node" else f"{title}, drawn by {picture.grouping}"


def legend_of(picture: Picture) -> list[tuple[str, str]]:
    """Returns the states in a picture with their meaning."""
    return [(state, LOOKS[state].meaning) for state, _ in picture.states]
