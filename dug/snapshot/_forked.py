"""Gives a forked process its own connection to an open file: `outlive_forks`, `Reopening`; `identify` tells files apart.

A connection of SQLite must not be used across a fork.  The child opens the file again when it first reads it, and refuses
another file: one that was saved over it in between has the same name.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from .._core.drive import guard

_files: "WeakSet[Any]" = WeakSet()
_left: list[Any] = []
"""The connections of the parent, which are neither used nor closed here."""


class Reopening:
    """Stands for a connection until a query comes."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect

    def execute(self, query: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Opens the file again and makes the query."""
        return self._connect().execute(query, values)


def identify(path: Path) -> tuple[int, ...]:
    """Returns a mark that tells a file from another one that has replaced it."""
    found = path.stat()
    return found.st_dev, found.st_ino


def outlive_forks(file: Any) -> None:
    """Lets an open file be read in the children of this process: with a lock of its own, and after its ``reopen(left)``."""
    _files.add(file)


def _locks() -> list[Any]:
    return [file.lock for file in tuple(_files)]


def _repair() -> None:
    for file in tuple(_files):
        file.reopen(_left)


guard(_locks, _repair)
