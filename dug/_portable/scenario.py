"""Makes a `Scenario` of a carrier's rows: `read_scenario` reads targets and tweaks, and imports the functions of trusted files.

A tweak that cannot be stated here is listed with the reason; one that cannot be read is replaced by `_Unreadable`.

`_read_target` finds the node or function that a row tweaks, `_read_tweak` makes the tweak.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from .._contexts.forms import FORMS
from .._contexts.kinds import Bump
from .._contexts.scenario import Scenario, _of_layers
from .._contexts.written import import_function, read_node
from .._core.read import Function
from ..codec import CodecError, decode
from ..errors import DugError, SnapshotError
from .rows import Carrier, FunctionRow, TweakRow
from .shelf import LeftOut


def read_scenario(carrier: Carrier, known: Mapping[str, Callable[..., Any]], *, trust: bool) -> tuple[Scenario, list[LeftOut]]:
    """Returns the tweaks that were in force, and a list of those that cannot be stated here, with the reason."""
    tweaks = carrier.tweaks()
    functions = carrier.functions() if tweaks else {}
    layers: dict[int, dict[Any, Any]] = {}
    left_out = []
    for row in tweaks:
        said = functions.get(row.function)
        if said is None:
            raise carrier.damaged(f"function {row.function} is not there")
        layer = layers.setdefault(row.layer, {})
        try:
            target = _read_target(carrier, row, said)
            tweak = _read_tweak(carrier, row, known, trust=trust)
            _of_layers(({target: tweak},), None)
            layer[target] = tweak
        except DugError as exc:
            if isinstance(exc, SnapshotError):
                raise
            left_out.append(_leave_out(carrier, row, said, f"it is not possible here: {exc}"))
        except _NotHereError as exc:
            left_out.append(_leave_out(carrier, row, said, str(exc)))
    return _of_layers(tuple(layers.values()) or ({},), None), left_out


class _NotHereError(Exception):
    """Carries the reason why a tweak cannot be stated here."""


def _leave_out(carrier: Carrier, row: TweakRow, said: FunctionRow, reason: str) -> LeftOut:
    node = None if row.node is None else carrier.node(row.node)
    return LeftOut(row.function, row.node, said.name if node is None else node.text, reason)


def _read_target(carrier: Carrier, row: TweakRow, said: FunctionRow) -> Any:
    """Returns the node or function that a row tweaks.

    Raises:
        SnapshotError: its function is in a module that is not imported.
        _NotHereError: it cannot be found here at all.
    """
    if said.unreachable is not None:
        raise _NotHereError(f"no other process can find its function: {said.unreachable}")
    function = Function.find(said.name)
    module = said.name.partition(":")[0]
    if function is None and module not in sys.modules:
        raise SnapshotError(f"{carrier.shown} tweaks {said.name}, which is not there: import {module} before you load it.")
    if function is None:
        raise _NotHereError(f"{module} has no such function any more")
    if row.node is None:
        return function.wrapper()
    node = carrier.node(row.node)
    if node is None or node.function != row.function:
        raise carrier.damaged(f"the tweak {row.text} is of a node that is not there")
    if node.arguments is None:
        raise _NotHereError("its arguments were not written")
    try:
        return read_node(function, node.arguments)
    except Exception as exc:
        raise _NotHereError(f"its arguments do not fit here: {exc}") from exc


def _read_tweak(carrier: Carrier, row: TweakRow, known: Mapping[str, Callable[..., Any]], *, trust: bool) -> Any:
    """Returns a tweak; if it cannot be read, a bump that raises the reason when it runs."""
    form = FORMS.get(row.kind)
    if form is None:
        raise carrier.damaged(f"there is no tweak that is a {row.kind}")
    if form.content is None:
        return form.make(None, None)
    content, reason = row.content, row.content.reason
    try:
        if reason is None:
            value = decode(carrier.read(f"the tweak {row.text}", content), trust=trust)
            if form.function is None:
                return form.make(None, value)
            fn = known.get(row.fn or "") or (import_function(row.fn or "") if trust else None)
            if fn is not None:
                return form.make(fn, value)
            reason = f"{row.fn} is not known here. Load the file with functions=[...]"
    except CodecError as exc:
        reason = str(exc)
    return Bump(fn=_Unreadable(carrier, row.text, reason))


@define(eq=False)
class _Unreadable:
    """Replaces a tweak that cannot be read: memos computed with it answer, and nothing new can be computed."""

    carrier: Carrier
    text: str
    reason: str | None

    def __call__(self, *_: object) -> Any:
        reason = (self.reason or "").rstrip(".")
        raise SnapshotError(f"{self.carrier.shown}: the tweak {self.text} cannot be had: {reason}. Tweak it again.")

    def __repr__(self) -> str:
        return f"<{self.text}, which cannot be had>"
