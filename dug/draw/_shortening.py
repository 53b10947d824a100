"""Long names made short, and still told apart: `tell_apart`.

`_show_difference` shows where the names begin to differ.
"""

from collections import Counter
from os.path import commonprefix

from .._text.values import shorten

MAX_NAME = 40
"""How many characters a name in a box has."""


def tell_apart(names: list[str], length: int) -> list[str]:
    """Returns short names for long ones that begin or end in the same way: each shows its difference, else it has a number."""
    different = list(dict.fromkeys(names))
    shown_as = _show_difference(different, length) if len(different) > 1 else [shorten(name, length) for name in different]
    short = dict(zip(different, shown_as, strict=True))
    counts, number = Counter([short[name] for name in names]), Counter[str]()
    told = []
    for name in names:
        shown = short[name]
        if counts[shown] > 1:
            number[shown] += 1
            mark = f" #{number[shown]}"
            shown = shown[: length - len(mark)] + mark
        told.append(shown)
    return told


def _show_difference(names: list[str], length: int) -> list[str]:
    """Returns each name as its beginning and, after the common part, the place where the names begin to differ."""
    common = commonprefix(names)  # noqa: RUF071  characters are what is meant
    start = 1 + max(common.rfind(mark) for mark in "(, =")
    head = names[0][: names[0].find("(") + 1][: length // 2]
    shown = [_cut(f"{head}…{name[start:]}" if start > len(head) + 1 else name, length) for name in names]
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(shown):
        groups.setdefault(text, []).append(place)
    for places in groups.values():
        if 1 < len(places) < len(names):
            for place, text in zip(places, _show_difference([names[place] for place in places], length), strict=True):
                shown[place] = text
    return shown


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
