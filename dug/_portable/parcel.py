"""Rows in memory: `Parcel`, a `Sink` and a `Carrier` that can be pickled; `give_out` fills one from a context.

It keeps (`keep_node`, `keep_value`...) and gives back (`nodes`, `functions`, `errors`, `tweaks`, `read`).
"""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from attrs import define, evolve, field

from .._core.read import Key, View
from ..codec import Encoded
from ..errors import SnapshotError
from . import rows
from .collect import collect
from .memos import make_writer
from .rows import Absent, Content, ErrorRow, FunctionRow, NodeRow, TweakRow


@define(eq=False)
class Parcel:
    """Rows, and the bytes of the values that they refer to: a `Sink` and a `Carrier` of plain data.

    A parcel from another process is not checked as a file is: code that unpickles it trusts its sender.
    """

    shown: str = "what was given out"
    absent: tuple[Absent, ...] = ()
    """The parts that were left out, with the reason."""
    _functions: dict[int, FunctionRow] = field(factory=dict)
    _nodes: dict[int, NodeRow] = field(factory=dict)
    _errors: dict[int, ErrorRow] = field(factory=dict)
    _consulted: dict[int, list[tuple[int, int | None]]] = field(factory=dict)
    _tweaks: list[TweakRow] = field(factory=list)
    _values: dict[int, Encoded] = field(factory=dict)

    # As a sink

    def keep_function(self, row: FunctionRow) -> None:
        """Takes a function."""
        self._functions[row.number] = row

    def keep_value(self, number: int, encoded: Encoded) -> None:
        """Copies the bytes of a value, because somebody may change that memory later."""
        self._values[number] = evolve(encoded, parts=(b"".join(encoded.parts),))

    def keep_node(self, row: NodeRow) -> None:
        """Takes a node with its edges."""
        self._nodes[row.number] = row

    def keep_error(self, row: ErrorRow) -> None:
        """Takes how a node failed."""
        self._errors[row.number] = row

    def keep_consulted(self, number: int, node: int, function: int, target: int | None) -> None:  # noqa: ARG002  a list has its order
        """Takes one target that a node looked at."""
        self._consulted.setdefault(node, []).append((function, target))

    def keep_tweak(self, row: TweakRow) -> None:
        """Takes a tweak."""
        self._tweaks.append(row)

    def rename_node(self, number: int, text: str) -> None:
        """Gives a node another text."""
        self._nodes[number].text = text

    # As a carrier

    @property
    def lock(self) -> Any:
        """A lock that does nothing: two threads that read a value at the same time get equal ones, and the first is kept."""
        return nullcontext()

    def functions(self) -> dict[int, FunctionRow]:
        """Returns the functions, by number."""
        return self._functions

    def nodes(self) -> Iterable[NodeRow]:
        """Returns all nodes, each after its dependencies."""
        return self._nodes.values()

    def node(self, number: int) -> NodeRow | None:
        """Returns the node with a number, or None."""
        return self._nodes.get(number)

    def errors(self) -> dict[int, ErrorRow]:
        """Returns how nodes failed, by their number."""
        return self._errors

    def consulted(self) -> dict[int, list[tuple[int, int | None]]]:
        """Returns the nodes and functions that nodes which opened contexts consulted, by their number."""
        return self._consulted

    def tweaks(self) -> list[TweakRow]:
        """Returns the tweaks, in the order in which they are entered."""
        return self._tweaks

    def read(self, what: str, content: Content) -> Encoded:
        """Returns the encoded form of a value.

        Raises:
            SnapshotError: it is not as it was written.
        """
        encoded = self._values.get(content.number)
        if encoded is None or rows.digest(encoded.codec, encoded.parts) != content.digest:
            raise self.damaged(f"{what} is not as it was written")
        return encoded

    def damaged(self, what: str) -> SnapshotError:
        """Returns the error for a parcel that is not as it was given out; `what` says how."""
        return SnapshotError(f"{self.shown} is damaged: {what}. Give it out once more.")


def give_out(view: View, wanted: Iterable[Key] | None = None, *, allow_pickle: bool = False) -> Parcel:
    """Returns the memos that answer in a view, or some nodes and their dependencies, with the tweaks in force.

    Args:
        view: where the nodes are looked at; nothing runs.
        wanted: the keys of the nodes; None for all.
        allow_pickle: pickles values that have no codec.
    """
    parcel = Parcel()
    writer = make_writer(view, parcel, allow_pickle=allow_pickle)
    for _ in writer.write(view, collect(view, wanted)):
        pass
    parcel.absent = tuple(writer.absent)
    return parcel
