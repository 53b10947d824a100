"""Puts a file in place in one step: written beside its place, forced to the disk, then renamed.

Whoever opens the path sees the old file or the new one, whenever the writer is killed or the disk is full.  What a killed writer
left beside it is removed by a later one: a writer holds a lock on its own for as long as it lives.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from shutil import copymode
from time import time
from typing import Any
from uuid import uuid4

_ENDING = ".saving"
_LONGEST = 200
"""Of how many bytes a file name may be to have an ending; most file systems allow 255."""
_YOUNG_S = 60.0
"""What was written to within that time may be of a writer that has no lock yet."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a new empty file to write beside `path`, which takes its place at the end; after an error it is removed.

    A link stays one to the file that is replaced, and who may read the old file may read the new one.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    path = path.resolve()
    _remove_left_over(path)
    made = path.with_name(f"{_prefix(path)}{uuid4().hex[:12]}{_ENDING}")
    with made.open("xb") as lock:
        _lock(lock)
        try:
            yield made
            _force_to_disk(made)
            with suppress(OSError):  # there was none, or the file system has no modes
                copymode(path, made)
            made.replace(path)
        except BaseException:
            with suppress(OSError):
                made.unlink()
            raise
    _force_to_disk(path.parent)


def check_place(path: Path) -> None:
    """Makes a file beside `path` and removes it, as `replacing` will.

    Raises:
        OSError: the folder is not there, or cannot be written to.
    """
    path = path.resolve()
    made = path.with_name(f"{_prefix(path)}{uuid4().hex[:12]}{_ENDING}")
    made.open("xb").close()
    made.unlink()


def _prefix(path: Path) -> str:
    """How the names of files begin that will take the place of `path`; the end of a long name would not fit."""
    return f".{path.name}." if len(os.fsencode(path.name)) <= _LONGEST else f".{path.name[: _LONGEST // 4]}."


def _force_to_disk(path: Path) -> None:
    """Waits until a file, or which files are in a folder, would outlast a power cut."""
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
    """Removes what writers of the same path left that were killed; files of living ones are locked."""
    for left in path.parent.glob(f"{escape(_prefix(path))}*{_ENDING}"):
        with suppress(OSError), left.open("r+b") as file:
            if time() - left.stat().st_mtime > _YOUNG_S and _lock(file):
                left.unlink()


def _lock(file: Any) -> bool:
    """Locks an open file until it is closed; False when it is locked already, or nothing can be locked here."""
    try:
        import fcntl  # there is none on Windows, where what is left over stays
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
