"""The colours of the states and their order: `LOOKS`, a `Look` for each state.

The hues are distinct for readers who do not see red and green apart, and each state is also named in words.
"""

from attrs import frozen


@frozen
class Look:
    """The look of a state: the fill and line colours of a picture, its meaning, the style of a terminal."""

    fill: str
    line: str
    meaning: str
    style: str = ""
    """As rich names it."""
    is_dashed: bool = False
    """True when the line is dashed."""


LOOKS = {
    "failed": Look("#F6B8B1", "#A3150B", "failed", "bold red"),
    "code-changed": Look("#BFE6DE", "#0B6B5B", "its code has changed since", "cyan"),
    "tweaked": Look("#FFD98A", "#9A5B00", "tweaked", "yellow"),
    "masked": Look("#DDD0F3", "#5B3A9B", "masked by a tweak", "magenta"),
    "not-run": Look("#FFFFFF", "#777777", "not run", "dim", is_dashed=True),
    "closed": Look("#FFFFFF", "#777777", "nobody reads it", "dim", is_dashed=True),
    "open": Look("#E4EDB5", "#55701A", "goes on", "green"),
    "ended": Look("#D9EAEA", "#3B6B6B", "has ended"),
    "computed": Look("#D6E6F7", "#2F5F93", "computed here"),
    "inherited": Look("#ECECEC", "#6B6B6B", "computed in a context around", "dim"),
}
"""By state, the order in which a reader looks for them: the first one present decides the line of a box of many nodes."""

INK = "#222222"
FAINT = "#8A8A8A"
