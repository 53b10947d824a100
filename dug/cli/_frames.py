"""Cuts the library's own frames out of tracebacks, live or saved: `format_error`, `cut`; `keep_own` keeps the user's last.

Frames of other packages stay, as an error may have begun there; `keep_own` keeps only the last of these.

`_parts` splits a traceback into frames (`_Part`); `_is_library` tells whose a frame is.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from traceback import TracebackException

from attrs import frozen

_PACKAGE = Path(__file__).parents[1]
_NOT_OURS = frozenset({"demo"})
"""Parts of the package that count as a user's code."""
_HEAD = re.compile(r'^(?P<margin>[\s|]*)File "(?P<path>.*)", line \d+, in ')
_INSTALLED = re.compile(r"[/\\](site-packages|dist-packages|lib[/\\]python\d[\w.]*)[/\\]", re.IGNORECASE)


@frozen
class _Part:
    """Some lines of a traceback: those of one frame, or others."""

    path: str | None
    lines: tuple[str, ...]


def format_error(error: BaseException) -> str:
    """Returns an exception, with its causes, as Python prints it."""
    return cut("".join(TracebackException.from_exception(error).format()))


def cut(traceback: str) -> str:
    """Returns the text of a traceback without the frames of the library."""
    return "\n".join(line for part in _parts(traceback) if not _is_library(part.path) for line in part.lines)


def keep_own(traceback: str, most: int) -> list[str]:
    """Returns the lines of the user's last frames, at most so many, of the frame that raised, and of the message."""
    parts = [part for part in _last_story(_parts(traceback)) if not _is_library(part.path)]
    frames = [part for part in parts if part.path is not None]
    own = [part for part in frames if part is frames[-1] or not _INSTALLED.search(part.path or "")]
    kept = own[-most:]
    more = [f"  ... {len(own) - most:,} more above"] if len(own) > most else []
    return more + [line for part in parts if part in kept or part is parts[-1] for line in part.lines]


def _parts(traceback: str) -> Iterator[_Part]:
    """Yields the frames of a traceback, and the text between them."""
    path, margin, lines = None, "", list[str]()
    for line in traceback.rstrip().splitlines():
        head = _HEAD.match(line)
        is_inside = path is not None and line.startswith((f"{margin}  ", f"{margin}["))
        if head is None and is_inside:
            lines.append(line)
            continue
        if lines and (head is not None or path is not None):
            yield _Part(path, tuple(lines))
            lines = []
        path, margin = (head["path"], head["margin"]) if head is not None else (None, "")
        lines.append(line)
    if lines:
        yield _Part(path, tuple(lines))


def _last_story(parts: Iterable[_Part]) -> list[_Part]:
    """Returns the parts of the last traceback, where one error led to another."""
    found: list[_Part] = []
    for part in parts:
        if part.path is None and any(line.lstrip(" |").startswith("Traceback (most recent") for line in part.lines):
            found = []
        else:
            found.append(part)
    return found


def _is_library(path: str | None) -> bool:
    """True for a file of this package, on this machine or on the one where a file was saved."""
    if path is None:
        return False
    if path.startswith("<dug "):  # generated for a decorated function
        return True
    parts = PurePath(path.replace("\\", "/")).parts
    if "dug" not in parts[:-1]:
        return False
    at = len(parts) - 2 - parts[-2::-1].index("dug")
    inside = parts[at + 1 :]
    is_installed = at > 0 and parts[at - 1] in ("site-packages", "dist-packages")
    return inside[0] not in _NOT_OURS and (is_installed or _PACKAGE.joinpath(*inside).is_file())
