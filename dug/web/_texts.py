"""Texts as they are sent to a page: `clean`, without characters that hide or reorder text, and bounded in length; `tell_time`."""

LONGEST = 20_000
"""How many characters of a text are sent."""
LONGEST_NAME = 1_000
"""How many characters of the name of a node are sent in a table."""
_KEPT = frozenset("\n\t ")


def tell_time(seconds: float) -> str:
    """Returns a time that goes on, in steps that a reader can follow."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def clean(text: str, length: int = LONGEST) -> str:
    """Returns a text in which each character shows: marks that reorder text and control characters are written as escapes.

    The middle of a long text is left out, and said to be.
    """
    if len(text) > length:
        half = length // 2
        text = f"{text[:half]} ... {len(text) - 2 * half:,} characters left out ... {text[-half:]}"
    if text.isprintable():
        return text
    return "".join([char if char in _KEPT or char.isprintable() else repr(char)[1:-1] for char in text])
