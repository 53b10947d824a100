"""What a look at a file gives, classes only: `SavedNode`, `SavedFunction`, `SavedTweak`, `SavedError`; texts of save time."""

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class SavedError:
    """How a node failed."""

    node: str
    type: str
    """``module:qualname`` of the exception's class."""
    text: str
    traceback: str

    @property
    def place(self) -> str:
        """The end of the traceback: the place that raised, and the error; the same for nodes that passed it on."""
        return self.traceback[self.traceback.rfind('File "') :]

    def __str__(self) -> str:
        name = self.type.rpartition(":")[2]
        return f"{name}: {self.text}" if self.text else name


@frozen
class SavedFunction:
    """A function as it was when the file was saved."""

    name: str
    kind: str
    version: str | None
    source: str | None
    """Its text, for reading."""
    fingerprint: str | None
    parts: Mapping[str, str]
    """What it reached, by place, each as a short text; empty in files of format 1."""
    imported: Mapping[str, str] = field(factory=dict)
    """What it reached only through modules that it imports when it runs, as far as they were imported by then."""


@frozen
class SavedTweak:
    """A tweak that was in force, as text."""

    target: str
    text: str
    layer: int
    """0 for the outermost; a later one is over it."""
    kind: str
    """``value``, ``bump``, ``replacement`` or ``untweaked``."""


@frozen
class SavedNode:
    """The record of one node."""

    node: str
    function: str
    state: str
    """``computed``, ``tweaked``, ``failed``, ``masked`` or ``not-run``."""
    is_source: bool
    value: str
    """The value as short text; empty when there is none."""
    size_bytes: int | None
    """How large the value is in the file; None when it is not there."""
    digest: str | None
    """A mark that two values, in any files, share exactly when they were written in the same way."""
    absent: str | None
    """Why its value is not in the file, if that is so."""
    seconds: float
    own_seconds: float
    times_read: int
    dependencies: tuple[str, ...]
    error: SavedError | None
    error_from: str | None = None
    """The node whose error it passed on, perhaps changed; None when the error is its own, and in files of earlier versions."""
