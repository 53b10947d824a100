"""A recording as it was read: `Entry`, one node; `Trace`, all nodes by what names them, and which of them a replay lacks.

A node is known by its name, see `_names`; so the trace can be asked without any function being here.

`Piece` is a line with the place of its bytes, `Items` what one run of a generator gave.  `find`, `suggest`, `walk`, `reads_of`,
`value_of` and `digest_of` ask it; `_take` and `_add` read a line; an `Entry` has `reads`, `find_gap`, `find_node`.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from .._core.read import Function, Node
from .._portable.nodes import read_node
from ..codec import find_missing
from ..errors import CodecError
from ._content import error_of, take_content, tell_error_gap, text_of_value
from ._errors import RecordingError
from ._log import Line, read_log
from ._names import Name, name_of


@frozen(eq=False)
class Piece:
    """A line, and the place of its bytes in the file."""

    line: Line
    place: int

    @property
    def content(self) -> tuple[object, ...]:
        """What is equal in lines of one content."""
        return tuple(self.line.get(name) for name in ("codec", "data", "digest", "absent"))


@define(eq=False)
class Items:
    """The items that one run of a generator gave, up to the first that could not be written."""

    pieces: list[Piece] = field(factory=list)
    end: Piece | None = None
    is_torn: bool = False
    """True when one is missing in it."""

    def take(self, piece: Piece) -> None:
        """Adds the next item, or the end; what comes after a gap counts for nothing."""
        if piece.line["p"] != len(self.pieces):
            self.is_torn = True
            return
        if piece.line["is"] == "item":
            self.pieces.append(piece)
        else:
            self.end = piece

    def is_begun_by(self, before: "Items") -> bool:
        """True for a run that was left before its end, and gave nothing that an earlier run had not given in its place."""
        if self.end is not None or self.is_torn or len(self.pieces) > len(before.pieces):
            return False
        return all(mine.content == other.content for mine, other in zip(self.pieces, before.pieces, strict=False))


@define(eq=False)
class Entry:
    """A node of a recording."""

    name: Name
    text: str
    is_source: bool
    why_local: str | None
    """Why no other process can find its function, if so."""
    arguments: str | None
    piece: Piece | None = None
    """The last line of it."""
    runs: dict[int, Items] = field(factory=dict)
    is_twin: bool = False
    """True when another node of the recording is written in the same way."""

    @property
    def line(self) -> Line:
        """The last line of it; empty when the recording has none."""
        return {} if self.piece is None else self.piece.line

    @property
    def reads(self) -> list[int]:
        """The numbers of the nodes that it read."""
        return [one for one in self.line.get("reads", ()) if isinstance(one, int)]

    @property
    def given(self) -> str:
        """Why its value is in the recording: ``source``, ``tweak`` or ``cut``; empty for the others."""
        return str(self.line.get("given", "source" if self.is_source else ""))

    @property
    def items(self) -> Items | None:
        """The items of the last run of its generator; of one before it that gave the same items, and more of them."""
        last = None
        for _, items in sorted(self.runs.items()):
            if last is None or not items.is_begun_by(last):
                last = items
        return last

    @property
    def has_failed(self) -> bool:
        """True when its last run raised."""
        return "error" in self.line

    def find_gap(self) -> str | None:
        """Returns why a replay cannot give what the node gave; None when it can."""
        line = self.line
        if self.is_twin:
            return "several nodes of the recording have this text"
        if line.get("stream"):
            items = self.items
            end = {} if items is None or items.end is None else items.end.line
            return "no item of it was recorded" if items is None else tell_error_gap(end["error"]) if "error" in end else None
        if self.has_failed:
            return tell_error_gap(line["error"])
        if "codec" in line:
            return find_missing(line["codec"], line.get("needs", ()))
        if "absent" in line:
            return str(line["absent"])
        return "it was read, and what it gave was not recorded" if line or self.is_source else "it was not recorded"

    def find_node(self) -> Node[Any] | None:
        """Returns the node, if its function is here and takes these arguments; imports nothing."""
        function = Function.find(self.name[0])
        if function is None or self.arguments is None or self.why_local is not None:
            return None
        try:
            return read_node(function, self.arguments)
        except Exception:  # noqa: BLE001  other parameters, or a class that is not known here
            return None


class Trace:
    """The entries of a file, by number and by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[int, Entry] = {}
        self.names: dict[Name, Entry] = {}
        self.gaps: list[str] = []
        self._texts: set[str] = set()
        self.has_end = False
        self.header: Line = {}
        early: list[Piece] = []
        for line, place in read_log(path):
            if self.header and line.get("is") == self.header["is"]:
                self.gaps.append("another recording was appended to the file, which is left out")
                break
            try:
                self._take(Piece(line, place), early)
            except (KeyError, TypeError, ValueError) as exc:
                raise RecordingError(f"{path} has a line that was not written by dug: {line!r:.200}") from exc
        for piece in early:  # of threads that write at the same time, one may be quicker
            entry = self.entries.get(piece.line["n"])
            if entry is not None:
                self._add(entry, piece)

    def _take(self, piece: Piece, early: list[Piece]) -> None:
        line = piece.line
        kind = line["is"]
        if "text" in line:
            self._take_node(line)
        if kind in {"memo", "item", "done"}:
            entry = self.entries.get(line["n"])
            if entry is None:
                early.append(piece)
            else:
                self._add(entry, piece)
        elif kind == "gap":
            self.gaps.append(str(line["what"]))
        elif kind == "end":
            self.has_end = True
        elif kind != "node" and not self.header:
            self.header = line

    @staticmethod
    def _add(entry: Entry, piece: Piece) -> None:
        if piece.line["is"] != "memo":
            entry.runs.setdefault(piece.line["r"], Items()).take(piece)
        elif entry.piece is None or entry.piece.line["at"] <= piece.line["at"]:
            entry.piece = piece

    def _take_node(self, line: Line) -> None:
        arguments = line["arguments"]
        name = line["function"], line.get("key") or arguments or f"#{line['n']}"  # the last is that of no node
        entry = Entry(name, line["text"], bool(line["source"]), line.get("why"), arguments)
        known = self.names.setdefault(name, entry)
        if known is not entry:
            known.is_twin = entry.is_twin = True
        self.entries[line["n"]] = entry

    def find(self, node: Node[Any] | str) -> Entry | None:
        """Returns the entry of a node; of a text, the first one that has it."""
        if isinstance(node, str):
            return next((entry for entry in self.entries.values() if entry.text == node), None)
        name = name_of(node)
        return None if name is None else self.names.get(name)

    def has_text(self, text: str) -> bool:
        """True when a node that is written so is in the recording, though it may be another one."""
        if not self._texts:
            self._texts.update(entry.text for entry in self.entries.values())
        return text in self._texts

    def suggest(self, text: str) -> str:
        """Returns a question for the node that somebody may have meant; empty if there is none."""
        near = get_close_matches(text, self._texts, 1)
        return f" Did you mean {near[0]!r}?" if near else ""

    def reads_of(self, entry: Entry) -> list[Entry]:
        """Returns the entries that an entry read."""
        return [self.entries[number] for number in entry.reads if number in self.entries]

    def walk(self, targets: Iterable[Entry], covers: Callable[[Entry], bool]) -> list[Entry]:
        """Returns what a replay of some entries would ask for, as far as the trace knows, each before what it reads."""
        found: dict[Entry, None] = {}
        pending = list(reversed(list(targets)))
        while pending:
            entry = pending.pop()
            if entry in found:
                continue
            found[entry] = None
            if not covers(entry):
                pending.extend(reversed(self.reads_of(entry)))
        return list(found)

    def value_of(self, entry: Entry, piece: Piece) -> Any:
        """Returns the value of a node in a line, a new object each time.

        Raises:
            BaseException: the node failed; what is raised says the same.
            CodecError: it cannot be read here.
        """
        if "error" in piece.line:
            raise error_of(piece.line["error"])
        return take_content(self.path, piece.line, piece.place, entry.text)

    def digest_of(self, entry: Entry) -> str | None:
        """Returns the digest of what a node gave; None where none was written."""
        digest = entry.line.get("digest")
        return digest if isinstance(digest, str) else None

    def text_of(self, entry: Entry) -> str:
        """Returns what a node gave as text; empty where nothing was written of it."""
        if entry.piece is None or "data" not in entry.line:
            return str(entry.line.get("shown", ""))
        try:
            return text_of_value(self.value_of(entry, entry.piece))
        except (CodecError, RecordingError) as exc:
            return f"({exc})"

