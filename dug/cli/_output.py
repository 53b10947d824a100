"""Writes to the standard streams and makes text safe for a terminal: `echo`, `tell`, `complain`, `shown`; `OutputError`.

Invariants: the output cannot control a terminal, except for the colours of our own tables; a standard output stream that
takes nothing more is an `OutputError`, which `main` reports; if the error stream takes nothing more, that is not an error.

`send`, `flush`, `paint`, `prepare` and `give_up` are about the streams; `one_line`, `lines_of`, `reason_of` and `text_by` about
texts.
"""

import os
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .._text.values import STOPPING, show

_KEPT = frozenset("\n\t")


class OutputError(Exception):
    """Says that the standard output stream takes nothing more, and why."""

    def __init__(self, cause: Exception | None) -> None:
        reason = "it is closed" if cause is None or isinstance(cause, ValueError) else _reason(cause)
        super().__init__(f"the output could not be written: {reason}")


def echo(text: str = "") -> None:
    """Prints lines; characters that would control a terminal are escaped.

    Raises:
        OutputError: they cannot be printed.
    """
    paint(f"{shown(text)}\n")


def paint(text: str) -> None:
    """Prints text as it is, colours included.

    Raises:
        OutputError: it cannot be printed.
    """
    try:
        if sys.stdout is None:
            raise OutputError(None)
        sys.stdout.write(text)
    except (OSError, ValueError) as exc:
        raise OutputError(exc) from exc


def send(data: bytes) -> None:
    """Writes bytes to the standard output stream.

    Raises:
        OutputError: they cannot be written.
    """
    try:
        if sys.stdout is None:
            raise OutputError(None)
        sys.stdout.flush()  # the output of the user's code comes first
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:  # a stream of text alone, as a notebook has
            sys.stdout.write(data.decode("utf-8"))
        else:
            buffer.write(data)
    except (OSError, ValueError) as exc:
        raise OutputError(exc) from exc


def flush() -> None:
    """Writes the output that waits in memory.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except (OSError, ValueError) as exc:
        raise OutputError(exc) from exc


def tell(text: str) -> None:
    """Prints lines to the standard error stream, where there is one; characters that would control a terminal are escaped.

    After the output so far: in a file that takes both streams the lines stand in their order.
    """
    with suppress(OutputError):  # reported at the end
        flush()
    if sys.stderr is not None:  # print() takes None for the standard output stream
        with suppress(OSError, ValueError):
            print(shown(text), file=sys.stderr, flush=True)


def complain(who: str, what: str, status: int) -> int:
    """Reports an error in one line, whatever the message contained, and returns the exit status."""
    tell(f"{who}: {one_line(' '.join(what.split()))}")
    return status


def prepare() -> None:
    """Makes the standard streams fit to be written to: nothing that a command opens takes the place of one that is closed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # which gets the lowest number that is free
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with suppress(ValueError):  # it is closed
                reconfigure(errors="backslashreplace")  # a character that the terminal lacks is not a reason to fail


def give_up() -> None:
    """Drops output that cannot be written any more: the interpreter would try once again when it ends, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def reason_of(error: OSError) -> str:
    """Returns the message of an error of the operating system, with its file."""
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"{where}{_reason(error)}"


def text_by(value: Any, write: Callable[[Any], str]) -> str:
    """Returns a value as text by a function of the user's; if that raises, a description."""
    try:
        return write(value)
    except STOPPING:
        raise
    except BaseException:  # noqa: BLE001  it is the user's, or Python's, which writes no integer of so many digits
        return show(value)


def shown(text: str) -> str:
    """Returns lines of text for printing: without characters that control a terminal or hide text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join([char if char in _KEPT or _is_shown(char) else repr(char)[1:-1] for char in text])


def one_line(text: str) -> str:
    """Returns a text for a cell: without line ends, too."""
    return text if text.isprintable() else "".join([char if _is_shown(char) else repr(char)[1:-1] for char in text])


def lines_of(text: str) -> list[str]:
    """Returns the lines of a text, each as it may be printed on a terminal."""
    return [one_line(line.expandtabs()) for line in text.rstrip().splitlines()]


def _is_shown(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"  # a space of another width


def _reason(error: Exception) -> str:
    if isinstance(error, BrokenPipeError):
        return "its reader has gone"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
