"""What is shown of a `Live`: `show_live`, its inputs with their values, and its outputs with what they showed last.

`_tell` says of an output what it showed last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .._functions.proxy import show_key
from .._inspect.table import make_rows
from .._text.sheet import Line, Part, Sheet
from .._text.values import show_whole
from ._outputs import LiveOutput

_WIDTH = 72
"""How many characters of a value are shown."""


def show_live(title: str, inputs: Mapping[Any, Any], outputs: Sequence[LiveOutput[Any]]) -> Sheet:
    """Returns what is shown of a `Live`; nothing runs.

    Args:
        title: what it is called, and how far it is.
        inputs: its tweaks since the last tick.
        outputs: what it shows.
    """
    said: list[Part] = [Line(title, is_title=True)]
    given = ([show_key(key), show_whole(value, _WIDTH)] for key, value in inputs.items())
    said.append(make_rows(["input", "value"], given, len(inputs)) if inputs else Line("no inputs have a value"))
    rows = ([show_key(one.node), *_tell(one)] for one in outputs)
    said.append(make_rows(["output", "value", "refreshed", "skipped"], rows, len(outputs)) if outputs else Line("no outputs"))
    return Sheet(said)


def _tell(output: LiveOutput[Any]) -> tuple[str, str, str]:
    """Returns what an output showed last, and how often it was asked for and was not."""
    counters, last = output.counters, output.last
    shown = "" if last is None or last.error is not None else show_whole(last.value, _WIDTH)
    return shown, f"{counters.refreshed:,}", f"{counters.skipped:,}"
