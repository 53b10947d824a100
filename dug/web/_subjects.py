"""What a page shows: a `ViewSubject` and a `FileSubject` answer in one way; `find_subject` makes one of what `serve` is given.

Each is a look: it asks `Graph` and `LazyGraph`, as the texts in a terminal do, and runs nothing.

`Subject` is what both have, `ContextSubject` one for a context in particular; `_describe_frame` describes an array.  They have
`since`, `find_stamp`, `take_columns`, `take_graph`, `spell`, `describe`, `find_source`, `find_traceback`, `tell_outcomes`.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from os import PathLike
from typing import Any

from .._contexts.context import Context
from .._core.read import Node, View
from .._inspect.columns import Columns
from .._inspect.context_columns import list_columns
from .._inspect.context_details import ContextGraph
from .._inspect.context_graph import build_graph
from .._inspect.explain import explain
from .._inspect.failures import Failed, list_failures
from .._inspect.graph import Graph
from .._inspect.lazy_graph import LazyGraph
from .._text.frames import find_package
from .._text.values import FRAMES, name_type, show, show_str, show_whole
from ..fingerprint import source_of
from ..snapshot._details import SavedGraph
from ..snapshot._look import Look, look
from ..snapshot._scan import Scan
from ._texts import LONGEST

_MANY = 1_000
"""Of how many nodes the details are found sooner in one pass over a file than one by one."""


class Subject(ABC):
    """A context or a file, as a page asks it."""

    kind: str
    is_live: bool
    """True when it may change while it is shown."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What is shown, in one line."""

    @property
    @abstractmethod
    def since(self) -> str:
        """How old that is: when the file was saved, or when it was looked at."""

    @abstractmethod
    def find_stamp(self) -> Hashable:
        """Returns what is another one whenever something has changed; takes no time that grows with the nodes."""

    @abstractmethod
    def take_columns(self) -> Columns[Any]:
        """Returns all nodes as they are now, without their edges."""

    @abstractmethod
    def take_graph(self, names: Sequence[Any]) -> Graph[Any]:
        """Returns nodes with all that they read; takes several times as long."""

    @abstractmethod
    def look(self) -> LazyGraph[Any, Any, Any]:
        """Returns the details of the nodes, for one question."""

    def name_of(self, node: Any) -> Any:
        """Returns the name by which the details know a node."""
        return node

    def node_of(self, name: Any) -> Any:
        """Returns the node that the details know by a name."""
        return name

    def spell(self, name: Any) -> str:
        """Returns the text of such a node."""
        return str(name)

    @abstractmethod
    def tell_outcomes(self, names: Sequence[Any]) -> list[str]:
        """Returns the value or the error of each node, as a table has it."""

    @abstractmethod
    def find_traceback(self, name: Any) -> str:
        """Returns the traceback of a node that failed."""

    def list_failures(self) -> list[Failed[Any]]:
        """Returns the nodes that failed, those in which an error began first."""
        return list(list_failures(self.look()))

    @abstractmethod
    def find_source(self, node: Any) -> str | None:
        """Returns the source text of the function of a node."""

    @abstractmethod
    def describe(self, node: Any) -> dict[str, Any]:
        """Returns the value of a node as text, and what is known of its form."""

    def explain(self, node: Any) -> str:
        """Returns where the value of a node comes from."""
        return str(explain(self.look(), self.name_of(node)))

    @abstractmethod
    def close(self) -> None:
        """Frees what it holds."""


class ViewSubject(Subject):
    """What is in force at one place of this process."""

    is_live = True

    @property
    @abstractmethod
    def view(self) -> View:
        """The scenario that is in force there now."""

    @property
    def since(self) -> str:
        return datetime.now(UTC).isoformat(" ", "seconds")

    def find_stamp(self) -> Hashable:
        view = self.view  # counters that the engine has anyway: nobody listens, and answers stay as fast as they are
        return view.group.filings, view.group.generation, view.tweaks.serial, len(view.cache)

    def take_columns(self) -> Columns[Any]:
        return list_columns(self.view)

    def take_graph(self, names: Sequence[Any]) -> Graph[Any]:
        return build_graph(self.view, names)

    def look(self) -> ContextGraph:
        return ContextGraph(self.view)

    def name_of(self, node: Any) -> Any:
        return node._key

    def node_of(self, name: Any) -> Any:
        return Node._of(name)

    def spell(self, name: Any) -> str:
        return str(Node._of(name))

    def tell_outcomes(self, names: Sequence[Any]) -> list[str]:
        lazy = self.look()
        return [detail.error or detail.value for detail in map(lazy.detail, names)]

    def find_traceback(self, name: Any) -> str:
        memo = self.look().detail(name).memo
        return "" if memo is None or memo.failure is None else memo.failure.text

    def find_source(self, node: Any) -> str | None:
        return source_of(node._key[0].body)

    def describe(self, node: Any) -> dict[str, Any]:
        detail = self.look().detail(node._key)
        record = detail.known
        if record is None or record.error is not None:
            error = None if record is None or record.error is None else record.error
            return {} if error is None else {"error": f"{type(error).__name__}: {show_str(error, LONGEST)}"}
        value = record.value
        text = detail.value if detail.value != show(value) else show_whole(value, LONGEST)
        return {"value": text, "type": name_type(value).replace(":", "."), **_describe_frame(value)}

    def close(self) -> None:
        """Nothing: what is shown is the user's."""


class ContextSubject(ViewSubject):
    """A context of this process."""

    kind = "context"

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @property
    def context(self) -> Context:
        """The context."""
        return self._ctx

    @property
    def view(self) -> View:
        return self._ctx._here()

    @property
    def title(self) -> str:
        return show_whole(self._ctx, 200)


class FileSubject(Subject):
    """A file that a context was saved to."""

    kind = "file"
    is_live = False

    def __init__(self, path: "str | PathLike[str]") -> None:
        self._look: Look = look(path)
        self._graph = SavedGraph(self._look)

    @property
    def title(self) -> str:
        name = self._look.info.context
        return f"{self._look.info.path.name}{f', {name}' if name else ''}"

    @property
    def since(self) -> str:
        return f"saved {self._look.info.created}"

    def find_stamp(self) -> Hashable:
        return 0

    @cached_property
    def _scan(self) -> Scan:
        return self._look._scan()

    def take_columns(self) -> Columns[Any]:
        return self._scan.columns

    def take_graph(self, names: Sequence[Any]) -> Graph[Any]:  # noqa: ARG002  they are all that a file has
        return Graph._make_acyclic(self._scan.columns.list_facts(), self._scan.read_edges())

    def tell_outcomes(self, names: Sequence[Any]) -> list[str]:
        return [self._look._tell_outcome(name) for name in names]

    def find_traceback(self, name: Any) -> str:
        known = self._graph.detail(name).known
        return "" if known is None or known.error is None else known.error.traceback

    def look(self) -> SavedGraph:
        return self._graph

    def explain(self, node: Any) -> str:
        if len(self._graph.detail(node).reads) > _MANY:
            _ = self._graph.all
        return super().explain(node)

    def find_source(self, node: Any) -> str | None:
        name = self._graph.detail(node).function
        return next((function.source for function in self._look.functions if function.name == name), None)

    def describe(self, node: Any) -> dict[str, Any]:
        known = self._graph.detail(node).known
        if known is None:
            return {}
        if known.error is not None:
            return {"error": str(known.error)}
        kept = {} if known.absent is None else {"absent": known.absent}
        return {"value": known.value, "bytes": known.size_bytes, **kept}

    def close(self) -> None:
        self._look.close()


def _describe_frame(value: object) -> dict[str, Any]:
    """Returns the shape, the dtype and the size of a frame or an array; nothing of other values."""
    package = name_type(value).partition(":")[0].partition(".")[0]
    if package not in FRAMES:
        return {}
    said = find_package(package).describe(value)
    if said is None:
        return {}
    columns = [f"{label}: {dtype}" for label, dtype in said.columns[:50]]
    form = {"shape": " x ".join(map(str, said.shape)), "dtype": said.dtype or None, "bytes": said.size_bytes}
    return {**form, "columns": columns} if columns else form


def find_subject(what: Any) -> Subject:
    """Returns the subject for what `serve` is given.

    Raises:
        SnapshotError: it is the path of a file that is not a snapshot.
        TypeError: there is nothing to show of it.
    """
    if isinstance(what, Context):
        return ContextSubject(what)
    if isinstance(what, (str, PathLike)):
        return FileSubject(what)
    raise TypeError(
        f"A page shows a dug.Context, a sweep, a dug.live.Live, a flow that was started or the path of a file, "
        f"not {show(what)}. Write dug.web.serve(ctx) or dug.web.Widget(ctx)."
    )
