"""Puts a file in place in one step: `replacing` writes beside it, forces it to the disk, renames it; `check_target`.

A reader of the path sees the old file or the new one, whenever the writer is killed or the disk is full.  Each writer has a
file of its own, so that several can write to one path: the file of the last to end stays.  A later writer removes the file of a
killed one, which no longer holds the lock that each writer has on its own file.  Only a regular file is ever replaced, and
only the writer can read a file that it writes beside an old one.

`read_path` reads what a user gives, `check_place` tries the place, `describe_irregular` names what is not a file; `_lock`,
`_remove_left_over`, `_take_mode` and `_force_to_disk` are the steps.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from .._text.values import show

_ENDING = ".saving"
_LONGEST = 200
"""The most bytes of a file name that gets an ending; most file systems allow 255."""
_YOUNG_S = 60.0
"""A file that was written to within that time may belong to a writer that has no lock yet."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_path(path: "str | bytes | os.PathLike[Any]") -> Path:
    """Returns the path that a user gave.

    Raises:
        TypeError: it is not a path.
    """
    try:
        return Path(os.fsdecode(path))
    except TypeError:
        raise TypeError(f'{show(path)} is not a path. Write the name of the file, such as "book.dug".') from None


def describe_irregular(path: Path) -> str | None:
    """Says what a path leads to, links followed, if it exists and is not a regular file; else None.

    Raises:
        OSError: it cannot be looked at: there is a loop of links, or a folder that may not be entered.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except ValueError as exc:  # a name that no file can have, with a zero in it
        raise OSError(errno.EINVAL, str(exc)) from exc
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def check_target(path: Path) -> None:
    """Refuses to replace a path that exists and is not a regular file.

    Raises:
        OSError: it is not a regular file, or cannot be looked at.
    """
    found = describe_irregular(path)
    path.parent.stat()  # a folder that is not there and left again is none that anybody could read from
    if found is not None:
        raise OSError(errno.EINVAL, f"it is {found}, and only a regular file can be replaced")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a new empty file to write beside `path`, which takes its place at the end; after an error it is removed.

    A link stays one to the file that is replaced, and the new file has the mode and the owner of the old one.

    Raises:
        OSError: the folder cannot be written to, the disk is full, or the path is not a regular file.
    """
    check_target(path)
    path = Path(os.path.realpath(path))
    _remove_left_over(path)
    made = _beside(path)
    try:
        # When a file is replaced, only the writer can read the new one until it has the old one's mode.
        with os.fdopen(os.open(made, _NEW, 0o600 if path.exists() else 0o666), "wb") as lock:
            _lock(lock)
            yield made
            _force_to_disk(made)
            with suppress(FileNotFoundError):  # there was none
                _take_mode(path.stat(), made)
            check_target(path)
            made.replace(path)
    except BaseException:
        with suppress(OSError):
            made.unlink()
        raise
    _force_to_disk(path.parent)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def check_place(path: Path) -> None:
    """Makes a file beside `path` and removes it, as `replacing` will.

    Raises:
        OSError: the folder is not there, or cannot be written to, or the path is not a regular file.
    """
    check_target(path)
    made = _beside(Path(os.path.realpath(path)))
    made.open("xb").close()
    made.unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f"{_prefix(path)}{uuid4().hex[:12]}{_ENDING}")


def _take_mode(old: os.stat_result, made: Path) -> None:
    """Gives a new file the owner, the group and the mode of an old one, as far as the system allows; never wider access."""
    mode, new = stat.S_IMODE(old.st_mode), made.stat()
    if hasattr(os, "chown"):
        for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with suppress(OSError):  # only root gives files away
                os.chown(made, owner, group)
        new = made.stat()
    if new.st_uid != old.st_uid:
        mode &= ~stat.S_ISUID
    if new.st_gid != old.st_gid:  # members of the other group get the rights of everybody
        mode = mode & ~(stat.S_IRWXG | stat.S_ISGID) | (mode & stat.S_IRWXO) << 3 & mode
    if mode != stat.S_IMODE(new.st_mode):
        with suppress(PermissionError):  # the file system has no modes
            made.chmod(mode)


def _prefix(path: Path) -> str:
    """Returns how the names begin of files that will replace `path`; a long name is cut, to leave room for the ending."""
    return f".{path.name}." if len(os.fsencode(path.name)) <= _LONGEST else f".{path.name[: _LONGEST // 4]}."


def _force_to_disk(path: Path) -> None:
    """Waits until the content of a file, or the entries of a folder, would survive a power cut."""
    try:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    except PermissionError:
        if path.is_dir():  # Windows has no descriptors of folders, and writes a rename through by itself
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_left_over(path: Path) -> None:
    """Removes the files that killed writers of the same path left; living writers hold a lock on theirs."""
    for left in path.parent.glob(f"{escape(_prefix(path))}*{_ENDING}"):
        with suppress(OSError), left.open("r+b") as file:
            if time() - left.stat().st_mtime > _YOUNG_S and _lock(file):
                left.unlink()


def _lock(file: Any) -> bool:
    """Locks an open file until it is closed; False when it is locked already, or nothing can be locked here."""
    try:
        import fcntl  # there is none on Windows, where leftover files stay
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
