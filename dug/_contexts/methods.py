"""`ContextMethods`: what looks at a context (``ctx.memo``, ``.graph``...) or runs a batch; `look_again` warns of changed data.

Most of the modules that answer are imported on first use, so that ``import dug`` stays light.

It has `memo`, `is_masked`, `explain`, `plan`, `graph`, `states`, `failures`, `compare`, `run_all`, `warm` and `debug`.
"""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .._core.read import Function, Node, View
from .._inspect.record import Record, check_node, find_record, is_masked
from .._text.values import show
from ..errors import ContextError

if TYPE_CHECKING:
    from .._batch.batch import Batch
    from .._batch.call_site import Executor
    from .._inspect.compare import Comparison
    from .._inspect.explain import Explanation
    from .._inspect.failures import Failed
    from .._inspect.graph import Fact, Graph
    from .._inspect.plan import Plan
    from .._inspect.table import Table

R = TypeVar("R")


class ContextMethods:
    """The queries of a context.

    Looks run nothing and call no code of the user's but ``==``, ``hash`` and ``repr``.
    """

    def _here(self) -> View:
        """The view used for looks."""
        raise NotImplementedError

    def _inside(self) -> AbstractContextManager[Any]:
        """Returns what puts this in force: the context itself or, if it is in force already, one that adds nothing."""
        raise NotImplementedError

    # One node

    def __contains__(self, node: object) -> bool:
        if hasattr(node, "_self_function"):  # a slip that would always be False
            check_node(node)
        return isinstance(node, Node) and find_record(self._here(), node) is not None

    @overload
    def __getitem__(self, node: Node[Coroutine[Any, Any, R]]) -> R: ...  # the value that awaiting it gave
    @overload
    def __getitem__(self, node: Node[R]) -> R: ...
    def __getitem__(self, node: Node[Any]) -> Any:
        record = self.memo(node)
        if record.error is not None:
            raise record.error
        return record.value

    def memo(self, node: Node[Any]) -> Record:
        """Returns a record of a node's memo here, without computing anything.

        Raises:
            KeyError: nothing is; the message names the node.
        """
        record = find_record(self._here(), check_node(node))
        if record is None:
            raise KeyError(f"{node} has no memo in {self!r}. Compute it first: call it inside the context.")
        return record

    def is_masked(self, node: Node[Any]) -> bool:
        """True when contexts around have a memo of the node that does not hold here, because it read something tweaked here."""
        return is_masked(self._here(), check_node(node))

    def explain(self, node: Node[Any], *, full: bool = False) -> "Explanation":
        """Returns where the value of a node comes from here, or why there is none: tweaks, reads, masks; print it.

        Args:
            node: the node.
            full: whether every node that it read, and every tweaked node, has a line; else many of one function share one.
        """
        from .._inspect.context_details import ContextGraph  # loaded when somebody looks
        from .._inspect.explain import explain  # likewise

        return explain(ContextGraph(self._here()), check_node(node)._key, full=full)

    def plan(self, node: Node[Any]) -> "Plan":
        """Returns the plan for asking for a node now, without running it; uncertain parts are marked."""
        from .._inspect.plan import make_plan  # loaded when somebody looks

        return make_plan(self._here(), check_node(node)._key)

    # Many nodes

    def graph(self, *targets: Node[Any]) -> "Graph[Node[Any]]":
        """Returns nodes and all nodes that they read, each with its state here; without targets, all nodes that are known here.

        Complexity: linear in the nodes and edges that it returns.
        """
        from .._inspect.context_graph import build_graph, list_known  # loaded when somebody looks

        view = self._here()
        return build_graph(view, [check_node(node)._key for node in targets] or list_known(view))

    def states(self, *targets: Node[Any]) -> "Table[Fact[Node[Any]]]":
        """Returns a table of the nodes of `graph` and their states here."""
        from .._inspect.table import tabulate_states  # loaded when somebody looks

        return tabulate_states(self.graph(*targets))

    def failures(self) -> "Table[Failed[Node[Any]]]":
        """Returns a table of the nodes that failed here and were not tried again since, those in which an error began first."""
        from .._inspect.context_details import ContextGraph  # loaded when somebody looks
        from .._inspect.failures import list_failures  # likewise

        return list_failures(ContextGraph(self._here()))

    def compare(
        self, other: "ContextMethods", *targets: Node[Any], full: bool = False
    ) -> "Comparison[Node[Any], Record]":
        """Returns which nodes have other values in another context, from the targets down to the tweaks that made the difference.

        Args:
            other: the other context.
            targets: the nodes to begin with.
            full: whether its text has a line for each node that changed, where it else fits a screen.

        Raises:
            KeyError: one of the two does not know a target; the message says which.
            TypeError: there is no target, or one is not a node; or the other is not a context.
        """
        from .._inspect.compare import compare  # loaded when somebody looks
        from .._inspect.context_details import ContextGraph  # likewise

        if not isinstance(other, ContextMethods):
            raise TypeError(f"{show(other)} is not a context. Write ctx.compare(other_ctx, f.node(x)).")
        if not targets:
            raise TypeError("There is nothing to compare. Name at least one node: ctx.compare(other, f.node(x)).")
        for node in targets:
            self.memo(node), other.memo(node)
        keys = [node._key for node in targets]
        return compare(ContextGraph(self._here()), ContextGraph(other._here()), keys, full=full)

    # Running

    def run_all(
        self,
        nodes: "Iterable[Node[R]]",
        *,
        executor: "Executor | None" = None,
        return_exceptions: bool = True,
        progress: "bool | Callable[[int, int | None], object] | None" = None,
    ) -> "Batch[R]":
        """Computes nodes here, in one outermost call: all that can be computed, whatever fails.

        Args:
            nodes: the nodes to compute.
            executor: runs them, several at a time: anything with ``submit``, such as a
                ``concurrent.futures.ThreadPoolExecutor``.  With `dug.executors.processes.Processes`, or a
                ``ProcessPoolExecutor``, other processes do: values come back, and are not remembered here.
            return_exceptions: False to raise the first error; nodes computed until then are remembered.
            progress: True for a bar (needs tqdm or rich), or a function that is called with how many are done and how many there
                are.

        Raises:
            TypeError: one of them is not a node, or is of a coroutine function; or the executor cannot be used.
            ImportError: ``progress=True``, and neither tqdm nor rich is installed; the message says what to type.
        """
        from .._batch.batch import run_all  # loaded when somebody has a batch
        from . import find_others as find  # set when the package was loaded

        try:
            return run_all(self._inside(), nodes, executor, progress, find_others=find, returns_exceptions=return_exceptions)
        finally:
            del self  # the traceback of an error holds this frame, and must not hold the context

    def warm(
        self,
        nodes: "Iterable[Node[R]]",
        *,
        executor: "Executor | None" = None,
        progress: "bool | Callable[[int, int | None], object] | None" = None,
    ) -> "Batch[R]":
        """Computes nodes at the same time, on other processes, into the store of this context: then they are found here.

        A base that takes hours is computed in parallel so: ask for the whole afterwards.  Each process takes from the store what
        another has computed already.  What the store knows a node to have read in an earlier run, of an older definition or in
        another scenario too, is handed out before the node, each by itself; nodes of which it knows nothing are computed as they
        are, so that of a new base you name those that take long.

        Args:
            nodes: the nodes to compute; only their values come back.
            executor: as for `run_all`.
            progress: as for `run_all`; what is handed out before counts.

        Raises:
            ContextError: the context has no store.
            StoreError: the store is one that workers cannot open, or keeps nothing.
            TypeError: as for `run_all`.

        .. versionadded:: 0.1.0
        """
        from .._batch.batch import run_all  # loaded when somebody has a batch
        from . import find_others as find  # set when the package was loaded

        store: Any = getattr(self, "store", None)
        if store is None:
            raise ContextError("warm() computes into a store, and this context has none. Write dug.Context(store='book.store').")
        store.flush()  # the processes take what is known here from there, too
        try:
            return run_all(self._inside(), nodes, executor, progress, find_others=find, returns_exceptions=True, store=store)
        finally:
            del self  # as above

    def debug(self, node: Node[Any]) -> None:
        """Runs the body of a node that failed once more, in pdb, and stops where it raises; nothing of this is remembered.

        Calls of the body are answered by the memos here, errors included.  If the node only passed an error on, this debugs the
        node in which it began.

        Raises:
            KeyError: the node is not known here.
            ValueError: it did not fail.
            TypeError: it is not a node, or of a coroutine function.
        """
        from .._batch.debug import debug  # loaded when somebody debugs

        record = self.memo(node)
        if record.error is None:
            raise ValueError(f"{node} did not fail in {self!r}, so there is nothing to debug. ctx.failures() lists failures.")
        debug(self._inside(), record._memo)


def look_again(*, is_told: bool = True) -> None:
    """Warns of data that functions reach and that was changed in place since they ran."""
    if Function.watched:
        from .._functions.definition.watching import look_again as look  # loaded where functions reach such data

        look(is_told=is_told)
