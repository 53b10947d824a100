"""Tells what a run changed of the file that it started from: `Since` notes the nodes that run, and compares them with the file.

The file is asked for its texts, as for a look, and the context for its values; nothing runs.  A node that did not run and has no
tweak of this run is the same as in the file.

`Changed` is a node that is not what the file says.  `_is_same` compares a node with its row.  `watch` notes, `find_changes`
compares, `_find_cause` finds why, `tell_pending` says which functions are not here; `words` are those of JSON.
"""

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import asdict, define, field, frozen

from .. import codec
from .._contexts.context import Context
from .._core.read import Event, Node
from .._inspect.record import Record
from .._portable.rows import digest
from .._text.plain import align
from .._text.values import describe_error, show, tell_error
from ..snapshot import Look
from ._diff import shorten_both, tell_counts
from ._output import one_line

if TYPE_CHECKING:
    from ..snapshot import SavedNode, Snapshot

_MOST_ROWS = 20
_MOST_CAUSES = 2
_KNOWN = frozenset({"computed", "tweaked", "failed"})


@frozen
class Changed:
    """A node that is not what the file says."""

    node: str
    was: str
    now: str
    because: str


@define(eq=False)
class Since:
    """The nodes that ran in a context since a file was loaded."""

    ctx: Context
    file: "Snapshot"
    look: Look
    ran: dict[Node[Any], None] = field(factory=dict)
    tweaked: Collection[Any] = ()
    """The nodes and functions whose tweaks of this run were read; known when it has ended."""

    @classmethod
    @contextmanager
    def watch(cls, ctx: Context, file: "Snapshot") -> Iterator["Since"]:
        """Notes the nodes that run in a context, each after those that it reads."""
        since = cls(ctx, file, Look(file._file))

        def note(event: Event) -> None:
            since.ran.pop(event.node, None)
            since.ran[event.node] = None

        with ctx.listen(note, kinds=("computed", "failed")):
            yield since

    def find_changes(self) -> tuple[list[Changed], int]:
        """Returns the nodes of the file that are not what it says, each before those that it read, and how many are new.

        Complexity: linear in the nodes of the file, where anything ran.
        """
        nodes = {str(node): node for node in (*(one for one in self.tweaked if isinstance(one, Node)), *self.ran)}
        # One pass: to look for a node that is not there takes as long as that.
        saved = {one.node: one for one in self.look.known() if one.node in nodes and one.state in _KNOWN} if nodes else {}
        changed: dict[Node[Any], Changed] = {}
        new = 0
        for text, node in nodes.items():
            try:
                record = self.ctx.memo(node)
            except KeyError:  # it ran under another scenario only
                continue
            was = saved.get(text)
            if was is None:
                new += 1
            elif not _is_same(was, record):
                changed[node] = Changed(text, _tell_saved(was), _tell(record), self._find_cause(record, changed))
        return [*reversed(changed.values())], new

    def tell_pending(self, words: Sequence[str]) -> Iterator[str]:
        """Yields a line where nodes of the file could not be used because their functions are not here; `words` made the run."""
        pending, path = self.file.pending, self.file.info.path
        started = sum(node.startswith("__main__:") for node in pending)
        if started:
            typed = shlex.join(["dug", "run", *words, "--save", str(path)])
            yield one_line(
                f"dug run: {started:,} of {self.file.info.nodes:,} nodes of {path} are of __main__, the program that saved it, "
                f"and were not used. To save them by the name of their module, type: {typed}"
            )
        elif pending and len(pending) == self.file.info.nodes:
            yield one_line(
                f"dug run: nothing of {path} was used: {words[0]} imports none of its functions, such as "
                f"{pending[-1].partition('(')[0]}. To list its nodes, type: {shlex.join(['dug', 'show', str(path), '--all'])}"
            )

    def _find_cause(self, record: Record, changed: dict[Node[Any], Changed]) -> str:
        """Returns why a node changed, in the words of ``dug diff``."""
        node = record.node
        if node in self.tweaked or node.function in self.tweaked:
            return "a tweak"
        reasons = [str(read) for read in record.dependencies if read in changed]
        more = [f"{len(reasons) - _MOST_CAUSES:,} more"] if len(reasons) > _MOST_CAUSES else []
        places = self.file.changes.get(node._function.name)
        found = [*([] if places is None else [_tell_code(places)]), *reasons[:_MOST_CAUSES], *more]
        return ", ".join(found) or ("the outside" if node._function.is_source else "it ran again")

    def words(self) -> dict[str, Any]:
        """Returns the changes, and the nodes whose functions are not here, in the words of JSON."""
        return {"changed": [asdict(one) for one in self.find_changes()[0]], "pending": list(self.file.pending)}

    def tell(self) -> Iterator[str]:
        """Yields the lines of a table of the changes; none where there are none."""
        changes, new = self.find_changes()
        if not changes:
            return
        info = self.file.info
        others = {"new": new} if new else {}
        yield f"since {one_line(str(info.path))}, {tell_counts(len(changes), info.nodes, **others)}"
        rows = [[one.node, *shorten_both(one.was, one.now), one.because] for one in changes[:_MOST_ROWS]]
        yield from align(["node", "was", "is", "because"], [list(map(one_line, row)) for row in rows])
        if len(changes) > len(rows):
            yield f"and {len(changes) - len(rows):,} more. Save this run, and type: dug diff {info.path} FILE"


def _tell_code(places: Iterable[str]) -> str:
    named = [place for place in places if place != "its code"]
    return f"its function ({', '.join(named)})" if named else "its function"


def _is_same(saved: "SavedNode", record: Record) -> bool:
    """True when a node has the value, or the error, that the file has of it."""
    if saved.error is not None or record.error is not None:
        return _tell_saved(saved) == _tell(record)
    if saved.digest is not None:
        try:
            encoded = codec.encode(record.value)
        except codec.CodecError:
            return False  # what was written could be
        return digest(encoded.codec, encoded.parts).hex() == saved.digest
    return saved.value == show(record.value)


def _tell_saved(saved: "SavedNode") -> str:
    return saved.value if saved.error is None else f"failed: {tell_error(saved.error.type, saved.error.text)}"


def _tell(record: Record) -> str:
    return show(record.value) if record.error is None else f"failed: {describe_error(record.error)}"
