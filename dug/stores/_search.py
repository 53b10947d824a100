"""`Search`: how far the look for kept runs of a node has come, for one run that is about to be done."""

from typing import Any

from ._definitions import Definition
from ._path import Path, Told

NO_ORDER = "it reads in no fixed order"


class Search:
    """A look for kept runs of one node, for one run here."""

    __slots__ = (
        "at", "call", "definition", "is_over", "leases", "parted", "path", "pause", "places", "readers", "reason", "since",
        "slot", "until",
    )  # fmt: skip

    def __init__(self, definition: Definition, call: str, places: list[bytes]) -> None:
        self.definition = definition
        self.call = call
        self.places = places
        """Where to look further, the next one last: what was accepted as the same definition."""
        self.at = places.pop()
        self.path: Path | None = None
        """That of the row that is being verified."""
        self.slot: bytes | None = None
        """Where this run belongs, once it is known: there was nothing."""
        self.parted: list[tuple[int, Told, bytes]] = []
        """Where the rows on the way differed: at which position, in which read, by which digest."""
        self.since: str | None = None
        """The name of the last invalidation of the function, from before this look; None where nobody could tell."""
        self.leases: list[bytes] = []
        self.pause = 0.0
        """How long to wait before the next look, because another process does this run."""
        self.until: float | None = None
        """When it is not waited for any longer."""
        self.readers: Any = None
        """Those of the streams that are read for this look."""
        self.is_over = False
        self.reason = NO_ORDER
        """Why the run has no place where it belongs, if it has none."""
