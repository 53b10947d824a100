"""`LargeValues` keeps the bytes of large values in a folder, a file for each digest, beside a server of small ones.

Its verbs: `put`, `get`, `has`, `delete`.
"""

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


class LargeValues:
    """A folder that all who share a store reach; it is made when the first value is put there."""

    def __init__(self, folder: "str | os.PathLike[str]") -> None:
        self._folder = Path(folder)

    def put(self, digest: bytes, data: bytes) -> None:
        """Keeps bytes; a reader finds the whole file or none.

        Raises:
            OSError: the folder cannot be written to, or the disk is full.
        """
        place = self._place(digest)
        if place.exists():
            return
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = place.with_name(f"tmp-{uuid4().hex}")
        try:
            made.write_bytes(data)
            made.replace(place)
        except BaseException:
            with suppress(OSError):
                made.unlink()
            raise

    def get(self, digest: bytes) -> bytes | None:
        """Returns the bytes, None where they are not there."""
        try:
            return self._place(digest).read_bytes()
        except OSError:
            return None

    def has(self, digest: bytes) -> bool:
        """True when the bytes are there."""
        return self._place(digest).exists()

    def delete(self, digest: bytes) -> int:
        """Forgets bytes; returns how many there were."""
        place = self._place(digest)
        with suppress(OSError):
            size = place.stat().st_size
            place.unlink()
            return size
        return 0

    def _place(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name[2:]
