"""The classes of rows, as data: `NodeRow`, `FunctionRow`, `TweakRow`, `ErrorRow`, `Content`; the protocols `Sink`, `Carrier`.

Memos as plain rows, to leave a process: nodes with their dependencies, functions, errors and tweaks, each by its number.  Rows
do not depend on their carrier.  A `Sink` takes them as they are made (`memos`), a `Carrier` gives them back (`shelf`): a file
of `dug.snapshot` or a `Parcel` in memory.  Nothing here needs a codec, so that code that only reads rows starts soon.

`Absent` is what was left out, `digest` that of a written value, `find_places` the places that a traceback names, `is_passed_on` a
guess whether two nodes failed with one exception.
"""

import json
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, frozen

from ..errors import SnapshotError

if TYPE_CHECKING:
    from ..codec import Encoded

COMPUTED, TWEAKED, FAILED, MASKED, NOT_RUN = "computed", "tweaked", "failed", "masked", "not-run"
"""The states of a node; as in `dug._inspect.graph.Fact`."""

READ, RAN_INSIDE, RAN_BENEATH, ERROR_FROM = 0, 1, 2, 3
"""The kinds of an edge: read; ran under a context that the node opened; the same, pinned by that context; read, and the node
failed with the exception of that one, which its body may have changed."""

OPENED, TRANSIENT, UNVERIFIED, SERVES_CALL, SOURCE, LOST, STREAM, MARK = 1, 2, 4, 8, 16, 32, 64, 128
"""The flags of a node: it opened contexts; it failed, or caught a failure, because of a source; its dependencies do not say
whether it holds; it answered within its outermost call only; its function is a source; its dependencies are incomplete; its
value is a stream; it is a mark of one, the first of which reads it."""

OF_MARKS = "mark"
"""The kind of a function whose nodes are the marks of one stream."""

_PLACE = re.compile(r'^ *File "(.*)", line (\d{1,9}), in (.*)$', re.MULTILINE)
STATES = frozenset({COMPUTED, TWEAKED, FAILED, MASKED, NOT_RUN})


@frozen(eq=False)
class Content:
    """The place of the bytes of a value, and the requirements for reading them."""

    number: int
    codec: str | None
    needs: str | None
    size: int | None
    digest: bytes | None
    absent: str | None

    @property
    def requirements(self) -> list[str]:
        """The names of what must be there to read it."""
        return self.needs.split("\n") if self.needs else []

    @property
    def reason(self) -> str | None:
        """Why there is no value; None when there is one."""
        if self.codec is None or self.size is None or self.digest is None:
            return self.absent or "nothing was written"
        return None


@define(eq=False)
class NodeRow:
    """One node."""

    number: int
    function: int
    arguments: str | None
    text: str
    state: str
    flags: int
    seconds: float
    own_seconds: float
    times_read: int
    content: Content
    value: str
    edges: list[tuple[int, int]]

    @property
    def reads(self) -> list[int]:
        """The numbers of the nodes that it read, in its order."""
        return [dependency for kind, dependency in self.edges if kind == READ]

    @property
    def error_from(self) -> int | None:
        """The number of the node that it had its error from; None if the error is its own, or if that was not written."""
        return next((dependency for kind, dependency in self.edges if kind == ERROR_FROM), None)


OF_IMPORT = "import: "
"""Begins the places of what a function reaches only through modules that it imports when it runs."""


@frozen(eq=False)
class FunctionRow:
    """One function."""

    number: int
    name: str
    kind: str
    version: str | None
    source: str | None
    fingerprint: str | None
    unreachable: str | None
    """Why no other process can find it by its name, if that is so."""
    parts: str | None
    """Its reach, as JSON: a short text by place, after `OF_IMPORT` for what it imports; none in files of format 1."""

    @property
    def reached(self) -> dict[str, str]:
        """Its reach, by place; empty if that was not written."""
        return {place: one for place, one in self._read_parts().items() if not place.startswith(OF_IMPORT)}

    @property
    def imported(self) -> dict[str, str]:
        """The same of what it reached only through modules that it imports when it runs."""
        return {place[len(OF_IMPORT) :]: one for place, one in self._read_parts().items() if place.startswith(OF_IMPORT)}

    @property
    def modules(self) -> list[str]:
        """The modules that it imports when it runs, as far as they were imported."""
        from .._functions.definition.walk import IMPORTED_AS  # workers ask for them, and a look starts sooner

        return [place.removeprefix(IMPORTED_AS) for place in self.imported if place.startswith(IMPORTED_AS)]

    def _read_parts(self) -> dict[str, str]:
        try:
            said = json.loads(self.parts or "{}")
        except (ValueError, RecursionError):
            return {}
        return {place: one for place, one in said.items() if isinstance(one, str)} if isinstance(said, dict) else {}


@frozen(eq=False)
class TweakRow:
    """One tweak."""

    number: int
    layer: int
    function: int
    node: int | None
    kind: str
    fn: str | None
    content: Content
    text: str


@frozen(eq=False)
class ErrorRow:
    """How one node failed."""

    number: int
    type: str
    text: str
    traceback: str
    arguments: str | None

    @property
    def places(self) -> list[tuple[str, int, str]]:
        """The places that the traceback names, the innermost last: file, line and function."""
        return find_places(self.traceback)


def find_places(traceback: str) -> list[tuple[str, int, str]]:
    """Returns the places that the text of a traceback names: file, line and function."""
    return [(file, int(line), name) for file, line, name in _PLACE.findall(traceback)]


def is_passed_on(error: ErrorRow, onward: ErrorRow) -> bool:
    """Guesses, for files that do not say, whether two nodes failed with one exception: same content, raised in the same place."""
    one, other = (row.traceback[row.traceback.rfind('File "') :] for row in (error, onward))
    return (error.type, error.text, error.arguments, one) == (onward.type, onward.text, onward.arguments, other)


@frozen
class Absent:
    """A node or tweak that was left out of a file, or that cannot be read from it here."""

    what: str
    """The text of a node, or of a tweak."""
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


class Sink(Protocol):
    """Takes rows, in the order in which they are made: a node comes after its dependencies."""

    def keep_function(self, row: FunctionRow) -> None:
        """Takes a function."""

    def keep_value(self, number: int, encoded: "Encoded") -> None:
        """Takes the bytes of the value with a number: of a node, or of a tweak by its number below zero."""

    def keep_node(self, row: NodeRow) -> None:
        """Takes a node with its edges."""

    def keep_error(self, row: ErrorRow) -> None:
        """Takes how a node failed, before the node."""

    def keep_consulted(self, number: int, node: int, function: int, target: int | None) -> None:
        """Takes one target that a node which opened contexts looked at: a node, or all of a function."""

    def keep_tweak(self, row: TweakRow) -> None:
        """Takes a tweak."""

    def rename_node(self, number: int, text: str) -> None:
        """Gives a node that was taken another text."""


class Carrier(Protocol):
    """Holds rows and gives them back."""

    @property
    def shown(self) -> str:
        """Its name as it can be printed."""

    @property
    def lock(self) -> Any:
        """Held while a value that was just read is put into its memo."""

    def functions(self) -> dict[int, FunctionRow]:
        """Returns the functions, by number."""

    def nodes(self) -> Iterable[NodeRow]:
        """Yields all nodes, each after its dependencies."""

    def node(self, number: int) -> NodeRow | None:
        """Returns the node with a number, or None."""

    def errors(self) -> dict[int, ErrorRow]:
        """Returns how nodes failed, by their number."""

    def consulted(self) -> dict[int, list[tuple[int, int | None]]]:
        """Returns the nodes and functions that nodes which opened contexts consulted, by their number."""

    def tweaks(self) -> list[TweakRow]:
        """Returns the tweaks, in the order in which they are entered."""

    def read(self, what: str, content: Content) -> "Encoded":
        """Returns the encoded form of a value; `what` names the value in an error."""

    def damaged(self, what: str) -> SnapshotError:
        """Returns the error for a row that is not as it was written; `what` says how."""


def digest(codec: str, parts: Iterable[bytes | memoryview]) -> bytes:
    """Returns a digest: equal for two encoded values exactly when codec and bytes are equal."""
    made = blake2b(codec.encode(), digest_size=16)
    for part in parts:
        made.update(part)
    return made.digest()
