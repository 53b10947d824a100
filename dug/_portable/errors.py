"""Writes how a node failed (`write_error`), and makes the exception again: `make_error`, or `RecordedError`; `Summary`.

The exception says the same, with the places that its traceback names.

`arguments_of` are those from which an exception can be made again.
"""

import builtins
from traceback import FrameSummary

from .._core.read import Failure
from .._text.values import STOPPING, name_type
from .nodes import clean, json_of, read_json
from .rows import ErrorRow, find_places


class RecordedError(Exception):
    """Replaces the exception of a saved node whose class is not known here; has its message."""


class Summary:
    """Replaces the summary of a traceback if only its text is known."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def format(self) -> list[str]:
        """The lines of the traceback."""
        return [self._text]

    @property
    def stack(self) -> list[FrameSummary]:
        """The places that the text names."""
        return [FrameSummary(file, line, name, lookup_line=False) for file, line, name in find_places(self._text)]


def arguments_of(error: BaseException) -> str | None:
    """Returns the arguments from which an exception can be made again, as typed JSON; None if they cannot be written."""
    try:
        # An OSError keeps its file name out of its args.
        args = error.__reduce__()[1] if name_type(error).startswith("builtins:") else error
    except STOPPING:
        raise
    except BaseException:  # noqa: BLE001  it is the user's
        return None
    return json_of(args)


def write_error(number: int, failure: Failure) -> ErrorRow:
    """Returns how the node with a number failed: the class of the exception, its message, its traceback and its arguments."""
    error = failure.error
    try:
        trace = failure.text
    except STOPPING:
        raise
    except BaseException as exc:  # noqa: BLE001  an exception whose text cannot be made
        trace = f"(the traceback cannot be shown: {type(exc).__name__})"
    return ErrorRow(number, name_type(error), clean(error), clean(trace), arguments_of(error))


def make_error(row: ErrorRow) -> BaseException:
    """Returns an exception with the saved message: of the saved class, if that is a builtin one or registered."""
    module, _, name = row.type.partition(":")
    try:
        arguments = None if row.arguments is None else read_json(row.arguments)
        kind = getattr(builtins, name, None) if module == "builtins" else None
        if isinstance(kind, type) and issubclass(kind, Exception) and isinstance(arguments, tuple):
            made: BaseException = kind(*arguments)
            if clean(made) == row.text:
                return made
        elif isinstance(arguments, BaseException) and clean(arguments) == row.text:
            return arguments
    except Exception:  # noqa: BLE001, S110  a class of the user's, or a builtin one with other arguments
        pass
    return RecordedError(f"{name}: {row.text}" if row.text else name)
