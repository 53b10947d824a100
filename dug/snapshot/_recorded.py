"""What a failure of a file becomes: an exception that says what the saved one said, and the places that its traceback names."""

import builtins
import re
from traceback import FrameSummary

from ..codec import Encoded, decode
from ._rows import ErrorRow
from ._text import clean

_PLACE = re.compile(r'^ *File "(.*)", line (\d{1,9}), in (.*)$', re.MULTILINE)


class RecordedError(Exception):
    """Stands for the exception of a saved node whose class is not known here; says what that one said."""


class Summary:
    """Stands for a summary of a traceback of which only the text is known."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def format(self) -> list[str]:
        """The lines of the traceback."""
        return [self._text]

    @property
    def stack(self) -> list[FrameSummary]:
        """The places that the text names."""
        return [FrameSummary(file, int(line), name, lookup_line=False) for file, line, name in _PLACE.findall(self._text)]


def is_passed_on(error: ErrorRow, onward: ErrorRow) -> bool:
    """True when two nodes failed with one exception: it says the same, and was raised in the same place."""
    one, other = (row.traceback[row.traceback.rfind('File "') :] for row in (error, onward))
    return (error.type, error.text, error.arguments, one) == (onward.type, onward.text, onward.arguments, other)


def make_error(row: ErrorRow) -> BaseException:
    """Returns an exception that says what the saved one said: of its class, where that is a builtin one or registered."""
    module, _, name = row.type.partition(":")
    try:
        arguments = None if row.arguments is None else decode(Encoded("json", (row.arguments.encode("utf-8"),)))
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
