"""What is shown of the results of a sweep: `show_results`, a row for each that is done; `show_result`, a row for each target.

A look at what is there: no scenario runs because somebody looks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .._inspect.table import make_rows
from .._text.sheet import Line, Sheet
from .._text.values import describe_error, in_seconds, show, show_str

_TARGETS = 8
"""How many targets have a column."""
_LABEL = 60
"""How much of a label is shown."""
LOOKED = 60
"""How many differences are taken because somebody looks: as many as a table has rows."""


def show_results(title: str, labels: Mapping[Any, str], results: Sequence[Any], *, is_complete: bool) -> Sheet:
    """Returns what is shown of some results.

    Args:
        title: what they are.
        labels: the targets, each with its text.
        results: those that are done.
        is_complete: whether there are no more.
    """
    parts: list[Any] = [Line(title, is_title=True)]
    if not is_complete:
        parts.append(Line("the others run when they are asked for: iterate, or write to_frame()"))
    if results:
        shown = dict(list(labels.items())[:_TARGETS])
        rows = (
            [show_str(one.name, _LABEL), *_read_cells(one, shown), one.recomputed, in_seconds(one.seconds)] for one in results
        )
        parts.append(make_rows(["scenario", *shown.values(), "recomputed", "took"], rows, len(results)))
        if len(shown) < len(labels):
            parts.append(Line(f"... {len(labels) - len(shown):,} more targets"))
    return Sheet(parts)


def show_result(result: Any, labels: Mapping[Any, str]) -> Sheet:
    """Returns what is shown of one result, whose targets have these texts."""
    title = f"{show_str(result.name, _LABEL)}: {result.recomputed:,} recomputed in {in_seconds(result.seconds)}"
    rows = zip(labels.values(), _read_cells(result, labels), strict=True)
    return Sheet([Line(title, is_title=True), make_rows(["target", "value"], rows, len(labels))])


def _read_cells(result: Any, labels: Mapping[Any, str]) -> list[str]:
    errors = result.errors
    return [f"failed: {describe_error(errors[label])}" if label in errors else show(result.values.get(label)) for label in labels]
