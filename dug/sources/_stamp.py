"""`File`, by which dug knows the content of a file; `take` makes one, and `holds` tells whether the file still has that content.

The content counts as the same while time and size are the same.  A clock has steps, and a file that is written twice in one step
has one time; so a file that was written in the last two seconds, the longest step there is, is known by a digest as well.

`locate` finds the path, `sign` takes size and times, `digest_of` digests the content, `_check_regular` refuses pipes and folders.
"""

from errno import EINVAL, EISDIR
from hashlib import blake2b, file_digest
from os import fsdecode, stat, stat_result
from os.path import abspath
from stat import S_ISDIR, S_ISREG
from time import time_ns
from typing import Any, Literal

from attrs import field, frozen

from .._text.counts import count
from ..codec import register

By = Literal["mtime", "content"]
WAYS = ("mtime", "content")
"""What the content of a file is known by."""
Signature = tuple[int, int, int, int]
"""What the system tells of a file: two times, the number of the file and the size."""

_STEP_NS = 2_000_000_000
_MOST_TRIES = 3
"""How often a file is read again that changes while it is read; after that the next check sees that it has changed."""


@register(name="dug.sources:File")
@frozen(repr=False)
class File:
    """A file and what its content is known by; takes the place of a path: ``open(file)``, ``pandas.read_csv(file)``."""

    path: str
    """Where it is, from the root on."""
    size: int
    """How many bytes it has."""
    mtime_ns: int | None = None
    """When it was written, in nanoseconds since 1970; None where only the content counts."""
    digest: str | None = field(default=None)
    """A mark of its content, where the time does not tell."""

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        from datetime import UTC, datetime  # loaded when somebody looks

        if self.mtime_ns is None:
            known_by = f"content {str(self.digest)[:12]}"
        else:
            known_by = f"written {datetime.fromtimestamp(self.mtime_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"<File {self.path!r}, {count(self.size, 'byte')}, {known_by}>"


def locate(path: Any) -> str:
    """Returns where a path leads to, from the root on.

    Raises:
        TypeError: it is not a path.
    """
    return abspath(fsdecode(path))


def take(path: Any, by: By) -> tuple[File, Signature | None]:
    """Returns what the content of a file is known by now, and the signature that tells at once that it is the same still.

    There is no signature where the time and size decide alone, or cannot be trusted yet.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    where = locate(path)
    for _ in range(_MOST_TRIES):
        found = stat(where)
        _check_regular(found, where)
        mtime_ns = found.st_mtime_ns if by == "mtime" else None
        now = time_ns()
        if mtime_ns is not None and now - mtime_ns > _STEP_NS:
            return File(where, found.st_size, mtime_ns), None
        file = File(where, found.st_size, mtime_ns, digest_of(where))
        after = stat(where)
        if sign(after) == sign(found):
            return file, sign(found) if _is_settled(found, now) else None
    return file, None


def holds(file: File, known: Signature | None) -> tuple[bool, Signature | None]:
    """Returns whether a file still has its content, and the signature to trust from now on."""
    try:
        found = stat(file.path)
        if found.st_size != file.size or (file.mtime_ns is not None and found.st_mtime_ns != file.mtime_ns):
            return False, None
        if file.digest is None:
            return True, None
        signature = sign(found)
        if signature == known:
            return True, known
        now = time_ns()
        is_same = digest_of(file.path) == file.digest
        is_quiet = sign(stat(file.path)) == signature
    except OSError:  # it is gone, or cannot be read: the node says so when it runs
        return False, None
    return is_same, signature if is_quiet and _is_settled(found, now) else None


def sign(found: stat_result) -> Signature:
    """Returns what the system tells of a file that changes with its content."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def digest_of(where: str) -> str:
    """Returns a mark of the content of a file.

    Complexity: O(its size).
    """
    with open(where, "rb") as stream:
        return file_digest(stream, lambda: blake2b(digest_size=16)).hexdigest()


def _is_settled(found: stat_result, now: int) -> bool:
    """True when a file that is written after `now` has other times."""
    return now - max(found.st_mtime_ns, found.st_ctime_ns) > _STEP_NS


def _check_regular(found: stat_result, where: str) -> None:
    """Refuses what has no content of its own, which could be read twice."""
    if S_ISDIR(found.st_mode):
        raise OSError(EISDIR, "is a folder", where)
    if not S_ISREG(found.st_mode):
        raise OSError(EINVAL, "is not a regular file", where)
