"""`Graph`, plain nodes and edges: paths, ancestors, `subgraph`, `filter`, export to networkx; `Fact`, the facts about one node.

Immutable data: `context_graph` fills it for a context, `snapshot/_look` for a file.  The source of the graph names the nodes: a
`dug.Node` for a context, its text for a file that was read without importing anything.  So nothing here knows the engine, and
nothing here runs anything.

Inside, a node is its place in the order of the facts, and edges are tuples of places, so that a million nodes need hardly more
memory than their facts.  The dependents of a node are found the first time that they are asked for.  Making one: `_number`,
`_sort`, `_break_circles`; asking for a node: `_name_of`, `_not_a_node`, `_several`.  It has `roots`, `leaves`, `fact`,
`dependencies`, `descendants`, `to_frame`, `to_networkx`; `_walk`, `_reach` and `_closure` go along edges.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Self, TypeVar

from attrs import fields_dict, frozen

from .._text.shown import Shown
from .._text.values import number_alike, show

N = TypeVar("N")
Places = Sequence[int]

STATES = ("computed", "tweaked", "masked", "inherited", "failed", "code-changed", "not-run")
"""The states of a node in a graph, see `Fact.state`."""


@frozen(weakref_slot=False)
class Fact(Generic[N]):
    """The facts about one node, in one context or in one file."""

    node: N
    function: str
    """``module:qualname``, or the name that it was given."""
    module: str
    state: str
    """One of `STATES`; the glossary explains each."""
    is_source: bool = False
    seconds: float = 0.0
    """How long its run took, with its callees."""
    own_seconds: float = 0.0
    """How long its run took by itself."""
    times_read: int = 0
    """How many nodes here read it."""
    size: int | None = None
    """The size of its value in bytes, if that is known without running anything."""
    error: str | None = None
    """The exception that it raised, as text."""


class Graph(Shown, Generic[N]):
    """Nodes and their dependencies: a read-only graph without circles.

    Iterating gives the nodes in their topological `order`.  Every operation takes time in proportion to its result or its walk.

    Args:
        facts: the facts about each node.
        edges: for a node, its dependencies, in that order; a node that is missing here has none.

    Raises:
        ValueError: two facts are of one node, an edge leads to a node without a fact, or edges close a circle.
    """

    def __init__(self, facts: Iterable[Fact[N]], edges: Mapping[N, Sequence[N]]) -> None:
        self._facts = tuple(facts)
        self._places = {fact.node: place for place, fact in enumerate(self._facts)}
        if len(self._places) < len(self._facts):
            raise ValueError(f"two facts are of one node: {_find_twice(self._facts)}. Give one for each.")
        self._reads = _number(self._places, edges)
        self._sorted: Places = _sort(self._facts, self._reads)

    @classmethod
    def _make_sorted(cls, facts: tuple[Fact[N], ...], reads: list[tuple[int, ...]]) -> Self:
        """Returns the graph of facts that come after those of their dependencies, and whose edges are places already."""
        graph = cls.__new__(cls)
        graph._facts = facts
        graph._places = {fact.node: place for place, fact in enumerate(facts)}
        graph._reads = reads
        graph._sorted = range(len(facts))
        return graph

    @classmethod
    def _make_acyclic(cls, facts: Sequence[Fact[N]], reads: Sequence[tuple[int, ...]]) -> Self:
        """Returns the graph of facts, by their places what each read; an edge that would close a circle is left out."""
        order, kept = _break_circles(reads)
        renamed = {place: new for new, place in enumerate(order)}
        return cls._make_sorted(
            tuple([facts[place] for place in order]), [tuple([renamed[read] for read in kept[place]]) for place in order]
        )

    # Nodes and facts

    @property
    def nodes(self) -> Collection[N]:
        """All nodes, in the given order; behaves like a set."""
        return self._places.keys()

    @property
    def facts(self) -> tuple[Fact[N], ...]:
        """The facts about each node, in the order of `nodes`."""
        return self._facts

    @property
    def order(self) -> tuple[N, ...]:
        """All nodes, each after everything that it read."""
        return tuple(self)

    @property
    def roots(self) -> tuple[N, ...]:
        """The nodes that nothing here read: the targets."""
        readers = self._readers
        return tuple(fact.node for place, fact in enumerate(self._facts) if not readers[place])

    @property
    def leaves(self) -> tuple[N, ...]:
        """The nodes that read nothing."""
        return tuple(fact.node for place, fact in enumerate(self._facts) if not self._reads[place])

    def __len__(self) -> int:
        return len(self._facts)

    def __contains__(self, node: object) -> bool:
        if hasattr(node, "_self_function"):  # a slip that would always be False
            raise _not_a_node(node)
        return node in self._places

    def __iter__(self) -> Iterator[N]:
        return (self._facts[place].node for place in self._sorted)

    def fact(self, node: N) -> Fact[N]:
        """Returns the facts about a node.

        Raises:
            KeyError: it is not here.
        """
        return self._facts[self._place(node)]

    # Edges

    def dependencies(self, node: N) -> tuple[N, ...]:
        """Returns the dependencies of a node, in that order."""
        return self._named(self._reads[self._place(node)])

    def dependents(self, node: N) -> tuple[N, ...]:
        """Returns the nodes that read a node."""
        return self._named(self._readers[self._place(node)])

    def ancestors(self, *nodes: N) -> frozenset[N]:
        """Returns all nodes that these read, directly or through others, without these."""
        return self._closure(nodes, self._reads)

    def descendants(self, *nodes: N) -> frozenset[N]:
        """Returns all nodes that read these, directly or through others, without these."""
        return self._closure(nodes, self._readers)

    def paths(self, a: N, b: N) -> Iterator[tuple[N, ...]]:
        """Returns each path from `a` to `b`, from dependency to dependent, one by one: there may be very many.

        Raises:
            KeyError: one of them is not here.
            TypeError: one of them is a function.
        """
        return self._walk(self._place(a), self._place(b))

    def _walk(self, start: int, goal: int) -> Iterator[tuple[N, ...]]:
        onward = _reach([goal], self._reads)
        way, choices = [start], [iter([] if start == goal else self._readers[start])]
        if start == goal:
            yield self._named(way)
        while choices:
            place = next((reader for reader in choices[-1] if reader in onward), None)
            if place is None:
                choices.pop()
                way.pop()
            elif place == goal:
                yield self._named([*way, goal])
            else:
                way.append(place)
                choices.append(iter(self._readers[place]))

    # Parts of it

    def subgraph(self, nodes: Iterable[N]) -> "Graph[N]":
        """Returns the graph of some of the nodes, with the edges between them.

        Raises:
            KeyError: one of them is not here.
            TypeError: `nodes` is one node, or cannot be iterated.
        """
        if isinstance(nodes, str) or not isinstance(nodes, Iterable):
            raise TypeError(f"subgraph() takes several nodes, and {show(nodes)} is one. Write subgraph([node]).")
        return self._part({self._place(node) for node in nodes})

    def filter(
        self,
        *,
        function: object | Collection[object] | None = None,
        state: str | Collection[str] | None = None,
        module: str | Collection[str] | None = None,
    ) -> "Graph[N]":
        """Returns the graph of the nodes that fit every given argument, with the edges between them.

        Args:
            function: a memoised function or its name, with or without its module, or several.
            state: one of `STATES` or ``"source"``, or several.
            module: the name of a module, or several.

        Raises:
            TypeError: one of them is neither a name nor, for `function`, a memoised function.
            ValueError: `state` names a state that no node can have.
        """
        tests: list[Callable[[Fact[N]], bool]] = []
        if function is not None:
            functions = frozenset(map(_name_of, _several(function)))
            tests.append(lambda fact: fact.function in functions or fact.function.rpartition(":")[2] in functions)
        if state is not None:
            states = _check_states(_several(state))
            tests.append(lambda fact: fact.state in states or (fact.is_source and "source" in states))
        if module is not None:
            modules = frozenset(_check_names("module", "pricing", _several(module)))
            tests.append(lambda fact: fact.module in modules)
        return self._part({place for place, fact in enumerate(self._facts) if all(test(fact) for test in tests)})

    # In the words of others

    def to_networkx(self) -> Any:
        """Returns a ``networkx.DiGraph`` with the facts as attributes; edges run from dependency to dependent.

        So ``networkx.ancestors`` gives the same as `ancestors`.

        Raises:
            ImportError: networkx is not installed; the message says what to type.
        """
        try:
            import networkx  # optional package: imported where it is used
        except ImportError as exc:
            raise ImportError('to_networkx() needs networkx. Type: pip install "dug[networkx]"') from exc
        graph = networkx.DiGraph()
        names = [name for name in fields_dict(Fact) if name != "node"]
        graph.add_nodes_from((fact.node, {name: getattr(fact, name) for name in names}) for fact in self._facts)
        graph.add_edges_from(
            (self._facts[read].node, self._facts[place].node) for place, reads in enumerate(self._reads) for read in reads
        )
        return graph

    def to_frame(self) -> Any:
        """Returns a ``pandas.DataFrame`` with a row for each node, by its text, in topological order, and a column for each fact.

        Raises:
            ImportError: pandas is not installed; the message says what to type.
        """
        from .._extras.packages import import_pandas  # not loaded by commands that only print

        pandas = import_pandas()
        rows = [self._facts[place] for place in self._sorted]
        columns = {name: [getattr(fact, name) for fact in rows] for name in fields_dict(Fact) if name != "node"}
        index = pandas.Index(number_alike([str(fact.node) for fact in rows]), name="node", tupleize_cols=False)
        return pandas.DataFrame(columns, index=index)

    def _sheet(self) -> Any:
        from ..draw._sheet import make_sheet  # loaded when somebody looks

        return make_sheet(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The representations for a notebook: HTML, Mermaid and text."""
        from ..draw import mimebundle  # loaded when somebody looks

        return mimebundle(self, include=include, exclude=exclude)

    def __repr__(self) -> str:
        edges = sum(map(len, self._reads))
        return (
            f"<{type(self).__name__} of {len(self)} node{'' if len(self) == 1 else 's'}, {edges} edge{'' if edges == 1 else 's'}>"
        )

    # Places

    @cached_property
    def _readers(self) -> list[list[int]]:
        """By place: the places of its dependents."""
        readers: list[list[int]] = [[] for _ in self._facts]
        for place, reads in enumerate(self._reads):
            for read in reads:
                readers[read].append(place)
        return readers

    def _place(self, node: N) -> int:
        try:
            return self._places[node]
        except TypeError:  # it has no hash: a list, most likely
            raise TypeError(f"{show(node)} is not a node. Write each node by itself: f.node(x), g.node(y).") from None
        except KeyError:
            if hasattr(node, "_self_function"):
                raise _not_a_node(node) from None
            raise KeyError(f"{node} is not in {self!r}. Ask for a graph of it, or of something that read it.") from None

    def _named(self, places: Iterable[int]) -> tuple[N, ...]:
        return tuple([self._facts[place].node for place in places])

    def _closure(self, nodes: tuple[N, ...], edges: Sequence[Places]) -> frozenset[N]:
        starts = [self._place(node) for node in nodes]
        return frozenset(self._named(_reach(starts, edges).difference(starts)))

    def _part(self, places: set[int]) -> "Graph[N]":
        kept = [place for place in self._sorted if place in places]
        renamed = {place: new for new, place in enumerate(kept)}
        reads = [tuple([renamed[read] for read in self._reads[place] if read in renamed]) for place in kept]
        return Graph._make_sorted(tuple([self._facts[place] for place in kept]), reads)


def _number(places: dict[N, int], edges: Mapping[N, Sequence[N]]) -> list[tuple[int, ...]]:
    """Returns the edges by place, each once."""
    unknown = next((node for node in edges if node not in places), None)
    try:
        reads = [tuple(dict.fromkeys([places[read] for read in edges.get(node, ())])) for node in places]
    except KeyError as exc:
        unknown = exc.args[0]
    if unknown is not None:
        raise ValueError(f"an edge names {unknown}, which has no fact. Give one for each node.")
    return reads


def _sort(facts: Sequence[Fact[Any]], edges: Sequence[Places]) -> list[int]:
    """Returns all places, each after its dependencies: depth first, so that related nodes are adjacent.

    Raises:
        ValueError: edges close a circle.
    """
    order: list[int] = []
    progress = bytearray(len(edges))  # 1: being walked, 2: in the order
    for root in range(len(edges)):
        pending = [] if progress[root] else [root]
        while pending:
            place = pending[-1]
            if progress[place]:  # all that it read is in the order by now
                pending.pop()
                if progress[place] == 1:
                    progress[place] = 2
                    order.append(place)
                continue
            progress[place] = 1
            for read in reversed(edges[place]):
                if not progress[read]:
                    pending.append(read)
                elif progress[read] == 1:
                    raise ValueError(f"{facts[read].node} reads itself through others: a graph has no circles.")
    return order


def _break_circles(edges: Sequence[tuple[int, ...]]) -> tuple[list[int], dict[int, tuple[int, ...]]]:
    """Returns all places, each after its dependencies, and by place the edges that close no circle in this walk."""
    kept: dict[int, tuple[int, ...]] = {}  # in the order in which places are left
    for root in range(len(edges)):
        path = {} if root in kept else {root: iter(edges[root])}
        while path:
            place, onward = next(reversed(path.items()))
            further = next((read for read in onward if read not in kept and read not in path), None)
            if further is not None:
                path[further] = iter(edges[further])
                continue
            kept[place] = tuple([read for read in edges[place] if read in kept])
            del path[place]
    return list(kept), kept


def _reach(starts: Iterable[int], edges: Sequence[Places]) -> set[int]:
    """Returns `starts` and all places that edges lead to from them."""
    reached = set(starts)
    pending = list(reached)
    while pending:
        for place in edges[pending.pop()]:
            if place not in reached:
                reached.add(place)
                pending.append(place)
    return reached


def _find_twice(facts: Iterable[Fact[N]]) -> N:
    seen: set[N] = set()
    return next(fact.node for fact in facts if fact.node in seen or seen.add(fact.node))  # type: ignore[func-returns-value]


def _not_a_node(function: object) -> TypeError:
    return TypeError(f"{function!r} is a function, not a node. Write f.node(x).")


def _several(given: Any) -> tuple[Any, ...]:
    """Returns one value, or each of several."""
    is_one = isinstance(given, (str, bytes)) or callable(given) or not isinstance(given, Iterable)
    return (given,) if is_one else tuple(given)


def _check_names(argument: str, example: str, given: tuple[Any, ...]) -> tuple[str, ...]:
    """Returns names; anything else would select nothing."""
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"filter({argument}=...) takes a name or several, not {show(name)}. Write {argument}={example!r}.")
    return given


def _name_of(function: object) -> str:
    """Returns the name of a memoised function, or the name that was given in its place."""
    if isinstance(function, str):
        return function
    if not hasattr(function, "_self_function"):
        raise TypeError(f"{show(function)} is not a memoised function. Write filter(function=f), or its name.")
    return str(function._self_function)


def _check_states(given: tuple[Any, ...]) -> frozenset[str]:
    states = frozenset(_check_names("state", "failed", given))
    unknown = states.difference(STATES, ("source",))
    if unknown:
        raise ValueError(
            f"{', '.join(sorted(map(repr, unknown)))} is not a state of a node. Write one of {', '.join(STATES)}, source."
        )
    return states
