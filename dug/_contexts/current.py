"""The contexts in force at the call site: `current_context`, `open_contexts`; `outermost` enters one with nothing around it.

`find_sealed` finds what that would pass by: a replay.
"""

from typing import cast

from .._core.drive import Alone
from .._core.read import entries_in_force
from .context import Context


def current_context() -> Context:
    """Returns the innermost context in force.

    Raises:
        NoContextError: there is none.
    """
    return cast("Context", next(entries_in_force("dug.current_context()")).context)


class outermost(Alone):  # noqa: N801  used as a function is
    """Enters `context` as an outermost one, whatever context is in force around, an activated default included."""

    def __init__(self, context: Context) -> None:  # for its type
        super().__init__(context)

    def __enter__(self) -> Context:
        context: Context = super().__enter__()
        return context


def open_contexts() -> tuple[Context, ...]:
    """Returns the contexts in force, the innermost first and an activated one last; one entered twice is there twice."""
    return tuple(cast("Context", entry.context) for entry in entries_in_force())


def find_sealed() -> Context | None:
    """Returns the innermost context in force that answers for the outside, such as that of a replay; None where there is none."""
    return next((context for context in open_contexts() if context._is_sealed), None)
