"""The spelling of fastdag on flows of dug: `Graph`, `Node`, and the decorators `add_parent` and `add_child`.

Nodes that load at the same time do so in threads, where gevent switches there; ``load`` may be a coroutine function too, and the
graph is then awaited: ``await graph.arun(context)``.  Each run loads everything anew.

`_link` notes an edge on the class that is decorated.  `Graph.add_root` and `flow` (by `_find_wires`) make the flow.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .._text.values import show
from ..flow import DuplicateNameError, Flow, FlowError
from ..flow._nodes import REQUIRED, Wire

__all__ = ["Graph", "Node", "add_child", "add_parent"]

C = TypeVar("C", bound=type)
Data = tuple[dict[str, Any], dict[str, Any]]

_MOST_THREADS = 32
_CONTEXT = "context"
_LINKS = "_fastdag_links"


def add_parent(id: str, argument_name: str | None = None) -> Callable[[C], C]:  # noqa: A002  the name that fastdag has
    """Says of a class of nodes that its nodes read the node with an id.

    Args:
        id: that of the parent, which must be in the graph when it runs.
        argument_name: the argument of ``load`` that gets the parent's data; the default is the next one by position.
    """
    return _link(id, argument_name, is_child=False)


def add_child(id: str, argument_name: str | None = None) -> Callable[[C], C]:  # noqa: A002  the name that fastdag has
    """Says of a class of nodes that the node with an id reads its nodes.

    Args:
        id: that of the child, which must be in the graph when it runs.
        argument_name: the argument of the child's ``load`` that gets the data; the default is the next one by position.
    """
    return _link(id, argument_name, is_child=True)


def _link(other: str, argument_name: str | None, *, is_child: bool) -> Callable[[C], C]:
    def decorate(cls: C) -> C:
        # Decorators are applied from the bottom up, and read from the top down.
        setattr(cls, _LINKS, ((other, argument_name, is_child), *getattr(cls, _LINKS, ())))
        return cls

    return decorate


class Node:
    """Takes the data of its parents and gives data to its children; a subclass says how, in `load`.

    Args:
        id: the name of the node, its own in its graph.
    """

    def __init__(self, id: str) -> None:  # noqa: A002  the name that fastdag has
        self.id = id
        self.parents: list[tuple[Node, str | None]] = []
        self.children: list[Node] = []

    def add_parent(self, node: "Node", argument_name: str | None = None) -> "Node":
        """Has this node read another one; returns this node.

        Args:
            node: the parent.
            argument_name: the argument of `load` that gets its data; the default is the next one by position.
        """
        self.parents.append((node, argument_name))
        node.children.append(self)
        return self

    def add_child(self, node: "Node", argument_name: str | None = None) -> "Node":
        """Has another node read this one; returns this node.

        Args:
            node: the child.
            argument_name: the argument of the child's `load` that gets the data; the default is the next one by position.
        """
        node.add_parent(self, argument_name)
        return self

    def load(self, context: Any, *data: Any, **named: Any) -> Any:  # noqa: ARG002  for subclasses
        """Returns the data of the node: for a dict, its keys become part of what is merged.

        Args:
            context: what `Graph.run` was given.
            data: that of the parents without an argument name, in the order in which they were added.
            named: that of the others.
        """
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class Graph:
    """Nodes and what they read; `run` loads them all.

    The graph has its roots, and every node that is a child or a parent of one that it has.

    Args:
        id: the name of the graph, for texts.
        roots: nodes to add.
    """

    def __init__(self, id: str = "graph", roots: Iterable[Node] = ()) -> None:  # noqa: A002  the name that fastdag has
        self.id = id
        self.roots: list[Node] = []
        for node in roots:
            self.add_root(node)

    def add_root(self, node: Node) -> None:
        """Adds a node, and with it all that are linked to it, now or later.

        Raises:
            TypeError: it is not a node.
        """
        if not isinstance(node, Node):
            raise TypeError(f"add_root() takes a Node, not {show(node)}. Write graph.add_root(Node('id')).")
        self.roots.append(node)

    @property
    def flow(self) -> Flow:
        """The graph as a `dug.flow.Flow` as it is now, for pictures, what-ifs and explanations; its input ``context`` is open.

        Raises:
            DuplicateNameError: two nodes have one id, or one is called ``context``.
            FlowError: a decorator names a node that is not in the graph.
        """
        flow, wires = Flow(), self._find_wires()
        flow.add(_CONTEXT)
        for node, read in wires.values():
            flow._set_function(node.id, node.load, ((None, _CONTEXT, REQUIRED), *read))
        return flow

    def _find_wires(self) -> dict[str, tuple[Node, list[Wire]]]:
        """Returns each node by its id, parents before children as far as they were added so, with what it reads."""
        found: dict[str, tuple[Node, list[Wire]]] = {}
        pending = self.roots[::-1]
        while pending:
            node = pending.pop()
            if node.id == _CONTEXT or found.get(node.id, (node,))[0] is not node:
                raise DuplicateNameError(f"two nodes of {self.id!r} have the id {node.id!r}. Give {node!r} another one.")
            if node.id not in found:
                found[node.id] = node, [(argument, parent.id, REQUIRED) for parent, argument in node.parents]
                pending.extend([*[parent for parent, _ in node.parents], *node.children[::-1]])
        for node, _ in tuple(found.values()):
            for other, argument, is_child in getattr(type(node), _LINKS, ()):
                if other not in found:
                    raise FlowError(
                        f"{node!r} names {other!r}, which is not in {self.id!r}. Its nodes: {', '.join(found)}. "
                        "Write graph.add_root(node) for the one that is missing."
                    )
                reader, read = (other, node.id) if is_child else (node.id, other)
                found[reader][1].append((argument, read, REQUIRED))
        return found

    def run(self, context: Any = None) -> Data:
        """Loads every node; returns the data by id, in topological order, and the dicts among them merged.

        Merging is shallow: where two dicts have one key, the later one wins.

        Nodes that do not wait for each other load at the same time, in threads.

        Args:
            context: any object; each ``load`` gets it as its first argument.

        Raises:
            CycleError: a node reads itself, directly or through others.
            DuplicateNameError: two nodes have one id.
            FlowError: a decorator names a node that is not in the graph; or a ``load`` is a coroutine function.
            Exception: what a ``load`` raised, as it is.
        """
        flow = self.flow
        flow._refuse_async("run", "await graph.arun")
        asked = flow._with_values({_CONTEXT: context}, self.id)
        with ThreadPoolExecutor(min(len(flow.names()), _MOST_THREADS)) as pool, asked:
            return flow._run_here("later", pool)

    async def arun(self, context: Any = None) -> Data:
        """Does what `run` does, for a graph in which a ``load`` is a coroutine function; others run in the event loop."""
        flow = self.flow
        order = [name for name in flow.order() if name != _CONTEXT]
        with flow._with_values({_CONTEXT: context}, self.id):
            found = await flow.acompute(*order) if order else {}
        values = found if len(order) != 1 else {order[0]: found}
        return values, {key: value for one in values.values() if isinstance(one, dict) for key, value in one.items()}
