"""The folder of a store: makes it, refuses network file systems by name, keeps large values as files under ``blobs/``.

`Folder` is it (`blob`, `write_blob`, `list_blobs`); `find_network` names such a file system.
"""

import os
import sys
from pathlib import Path
from uuid import uuid4

from ..errors import StoreError

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "fuse.sshfs"})
"""File systems on which the locks of SQLite cannot be trusted."""
_MOUNTS = Path("/proc/self/mountinfo")
_UNFINISHED = "tmp-"


def find_network(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """Returns the name of the network file system that a path is on; None for a local one, and where nobody tells."""
    if sys.platform == "win32":
        return "a network share" if str(path).startswith("\\\\") else None
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    longest, found = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        if len(point) > longest and path.is_relative_to(point):
            longest, found = len(point), after.split(" ")[0]
    return found if found in _NETWORK else None


class Folder:
    """A folder that belongs to one store."""

    def __init__(self, path: Path, *, is_read_only: bool) -> None:
        self.path = path.absolute()
        self.database = self.path / "dug.db"
        self._blobs = self.path / "blobs"
        network = find_network(self.path.resolve())
        if network is not None:
            raise StoreError(
                f"{self.path} is on a network file system ({network}), where the locks of SQLite cannot be trusted. Use a path "
                "on a local disk, or share results between machines with dug.stores.redis.RedisStore(url)."
            )
        if is_read_only:
            if not self.database.is_file():
                self._refuse_file()
                raise StoreError(f"{self.path} is not a store: it has no dug.db. Leave read_only=True out to make one.")
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._blobs.mkdir(mode=0o700, exist_ok=True)
            self._remove_unfinished()
        except OSError as exc:
            self._refuse_file()
            raise StoreError(
                f"{self.path} cannot be used as a store ({exc.strerror or exc}). Give a folder that you may write to, or open "
                "one that is there with read_only=True."
            ) from exc

    def _refuse_file(self) -> None:
        """Refuses a path at which, or on the way to which, a file is."""
        for place in (self.path, *self.path.parents):
            if place == self.path and place.name == self.database.name and place.is_file():
                raise StoreError(f"{place} is the database in a store. Write Store({str(place.parent)!r}).")
            if _is_file(place):
                way = "" if place == self.path else f", so {self.path} cannot be made"
                raise StoreError(f"{place} is a file, and a store is a folder{way}. Write Store('book.store').")

    def blob(self, digest: bytes) -> Path:
        """Returns where a large value lies."""
        name = digest.hex()
        return self._blobs / name[:2] / name[2:]

    def write_blob(self, digest: bytes, data: bytes) -> None:
        """Writes a large value, unless it is there; a reader sees all of it or nothing."""
        place = self.blob(digest)
        try:
            if place.stat().st_size == len(data):
                return
        except FileNotFoundError:
            place.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = place.with_name(f"{_UNFINISHED}{os.getpid()}-{uuid4().hex}")
        unfinished.write_bytes(data)
        unfinished.replace(place)

    def list_blobs(self) -> dict[bytes, Path]:
        """Returns the files of large values, by their digest."""
        found = {}
        for place in self._blobs.glob("??/*"):
            try:
                found[bytes.fromhex(place.parent.name + place.name)] = place
            except ValueError:  # unfinished, or not ours
                continue
        return found

    def _remove_unfinished(self) -> None:
        """Removes what writers that were killed have left."""
        for place in self._blobs.glob(f"??/{_UNFINISHED}*"):
            if not _is_alive(place.name.split("-")[1]):
                place.unlink(missing_ok=True)


def _is_file(place: Path) -> bool:
    try:
        return place.exists() and not place.is_dir()
    except OSError:  # nobody may look
        return False


def _is_alive(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:  # it is there, and not ours
        return True
    return True
