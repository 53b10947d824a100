"""Files of a test's own, with times that the test says: `Folder`."""

from __future__ import annotations

import os
from pathlib import Path

LONG_AGO_S = 1_000_000_000


class Folder:
    """A folder whose files were written long ago, each later than the one before; or just now, where the test says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clock = LONG_AGO_S

    def write(self, name: str, text: str, *, at_s: int | None = None) -> str:
        """Write a file at a given time, else at the next; return its path."""
        self._clock += 1
        place = self.path / name
        place.write_text(text)
        return self.touch(name, at_s=self._clock if at_s is None else at_s)

    def write_now(self, name: str, text: str) -> str:
        """Write a file without another word about its time."""
        place = self.path / name
        place.write_text(text)
        return str(place)

    def touch(self, name: str, *, at_s: int | None = None) -> str:
        """Give a file another time, as if it had been written again with its content."""
        self._clock += 1
        place = self.path / name
        time_s = self._clock if at_s is None else at_s
        os.utime(place, (time_s, time_s))
        return str(place)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)
