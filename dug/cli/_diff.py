"""``dug diff``: prints the changes from one file to another, a row for each, from the targets down to their causes.

`_make_row` and `_fit` make a row for a person or for JSON, `shorten_both` cuts two values so that the difference shows,
`tell_counts` counts.  `_shorten` and `_fit` serve its table; ``--all`` lists every change.
"""

from typing import TYPE_CHECKING, Any

import click

from .._text.counts import count
from ._file import READABLE, Command, open_file
from ._output import echo
from ._tables import as_json, print_rows

if TYPE_CHECKING:
    from .._inspect.change import Change

EPILOG = """\
\b
Examples:
  dug diff yesterday.dug today.dug
  dug diff yesterday.dug today.dug --json
"""

MOST_ROWS = 200
MOST_INDENT = 8
MOST_TEXT = 40


@click.command("diff", cls=Command, epilog=EPILOG)
@click.argument("before", type=READABLE, metavar="A")
@click.argument("after", type=READABLE, metavar="B")
@click.option("--all", "wants_all", is_flag=True, help="Show every change, however many there are.")
@as_json
def command(before: str, after: str, *, wants_all: bool, wants_json: bool) -> None:
    """Say which nodes are not the same in B as in A, and because of what.

    Targets come first, and below each its dependencies that changed, too; unchanged nodes are left out.
    """
    with open_file(before) as one, open_file(after) as other:
        changes = one.compare(other)
        total = other.info.nodes
    if wants_json:
        print_rows(["node", "was", "now", "because"], [_make_row(change) for change in changes], wants_json=True)
        return
    new, gone = sum(change.before is None for change in changes), sum(change.after is None for change in changes)
    echo(tell_counts(len(changes) - new - gone, total, new=new, gone=gone))
    shown = changes if wants_all else changes[:MOST_ROWS]
    if shown:
        print_rows(["node", "was", "is", "because"], [_fit(change, *_make_row(change)) for change in shown])
    if len(shown) < len(changes):
        echo(f"and {len(changes) - len(shown):,} more. Type: dug diff {before} {after} --all")


def tell_counts(changed: int, total: int, **others: int) -> str:
    """Returns how many nodes changed, and how many others are new or gone.

    >>> tell_counts(1, 5, new=1, gone=0)
    '1 of 5 nodes changed, 1 is new, 0 are gone'
    """
    told = [f"{number:,} {'is' if number == 1 else 'are'} {what}" for what, number in others.items()]
    return ", ".join([f"{changed:,} of {count(total, 'node')} changed", *told])


def _make_row(change: "Change[str, Any]") -> list[str | None]:
    was, now = change.texts
    because = f"{change.because} ({change.doubt})" if change.doubt else change.because
    return [change.node, None if change.before is None else was, None if change.after is None else now, because]


def _fit(change: "Change[str, Any]", node: str | None, was: str | None, now: str | None, because: str | None) -> list[str | None]:
    """Returns a row as a person reads it: indented, with values that fit in a column; JSON has them in full."""
    if was is not None and now is not None:
        was, now = shorten_both(was, now)
    elif was or now:
        was, now = was and _shorten(was), now and _shorten(now)
    return [f"{'  ' * min(change.depth, MOST_INDENT)}{node}", was, now, because]


def shorten_both(was: str, now: str) -> tuple[str, str]:
    """Returns two values that differ as they fit in a column: the place where they do is in both, or said.

    >>> shorten_both("<frame of 2 rows, 160 bytes>", "<frame of 2 rows, 160 bytes>")
    ('<frame of 2 rows, 160 bytes>', '(another, with the same text)')
    """
    if was == now:
        return _shorten(was), "(another, with the same text)"
    if _shorten(was) != _shorten(now):
        return _shorten(was), _shorten(now)
    same = next((at for at, (one, other) in enumerate(zip(was, now, strict=False)) if one != other), min(len(was), len(now)))
    begin = max(0, same - MOST_TEXT // 2)
    return _shorten(f"...{was[begin:]}"), _shorten(f"...{now[begin:]}")


def _shorten(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 3]}..."
