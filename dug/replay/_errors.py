"""The errors of recordings: `RecordingError`, `UncoveredError`."""

from collections.abc import Sequence
from typing import Any

from ..errors import DugError

_MOST_NAMED = 5


class RecordingError(DugError, ValueError):
    """A file is not a recording, or a part of it cannot be read here."""

    __module__ = "dug.replay"  # where users find it, and tracebacks name it


class UncoveredError(DugError, LookupError):
    """A replay needs something that the recording has no value of.

    ``nodes`` are the nodes, each as a `dug.Node`, or as its text where its function is not imported here.
    """

    __module__ = "dug.replay"  # as above

    def __init__(self, nodes: Sequence[Any], reasons: Sequence[str]) -> None:
        self.nodes, self.reasons = tuple(nodes), tuple(reasons)
        pairs = zip(self.nodes[:_MOST_NAMED], self.reasons, strict=False)
        named = "; ".join(f"{node} ({reason})" for node, reason in pairs)
        more = f"; and {len(self.nodes) - _MOST_NAMED:,} more" if len(self.nodes) > _MOST_NAMED else ""
        super().__init__(f"the recording does not cover {named}{more}. Record it, tweak it to a value, or cut above it.")

    def __reduce__(self) -> Any:
        return type(self), ([str(node) for node in self.nodes], self.reasons)
