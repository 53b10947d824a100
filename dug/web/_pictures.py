"""The boxes and lines of a graph: `draw_around`, those around a node; `draw_all`, the whole, by function where large.

`_find_near` picks the nodes, `_draw_nodes` and `_draw_functions` make the boxes.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from .._inspect.graph import Graph
from ._layers import arrange
from ._texts import LONGEST_NAME, clean

MOST_BOXES = 300
Refer = Callable[[Any], dict[str, Any]]


def draw_around(graph: Graph[Any], node: Any, up: int, down: int, refer: Refer) -> dict[str, Any]:
    """Returns the boxes around a node, the nearest ones where there are too many.

    Args:
        graph: the whole graph.
        node: the node.
        up: how many steps to go towards what it read.
        down: how many steps to go towards what read it.
        refer: gives the name, the text and the state of a node.
    """
    near, left_out = _find_near(graph, node, up, down)
    return _draw_nodes(graph.subgraph(near), refer, left_out)


def draw_all(graph: Graph[Any], refer: Refer) -> dict[str, Any]:
    """Returns a box for each node; where there are too many, one for each function."""
    return _draw_nodes(graph, refer, 0) if len(graph) <= MOST_BOXES else _draw_functions(graph)


def _find_near(graph: Graph[Any], node: Any, up: int, down: int) -> tuple[list[Any], int]:
    """Returns the nodes that are near, and how many were left out because there are too many boxes."""
    near = {node: None}
    left_out: set[Any] = set()
    pending = deque([(node, up, graph.dependencies), (node, down, graph.dependents)])
    while pending:
        one, steps, onward = pending.popleft()
        for other in onward(one) if steps else ():
            if other in near:
                continue
            if len(near) == MOST_BOXES:
                left_out.add(other)
                continue
            near[other] = None
            pending.append((other, steps - 1, onward))
    return list(near), len(left_out)


def _draw_nodes(part: Graph[Any], refer: Refer, left_out: int) -> dict[str, Any]:
    order = part.order
    reads = {node: part.dependencies(node) for node in order}
    places = arrange(order, reads)
    told = {node: refer(node) for node in order}
    boxes = [{**told[node], "column": places[node][0], "row": places[node][1]} for node in order]
    lines = [[told[read]["name"], told[node]["name"]] for node in order for read in reads[node]]
    return {"boxes": boxes, "lines": lines, "left_out": left_out, "by": "node"}


def _draw_functions(graph: Graph[Any]) -> dict[str, Any]:
    functions = [fact.function for fact in graph.facts]
    counts = Counter(functions)
    kept = {name for name, _ in counts.most_common(MOST_BOXES)}
    read_by: dict[str, set[str]] = {}
    for place in graph._sorted:  # by place: no node is hashed
        read_by.setdefault(functions[place], set()).update([functions[read] for read in graph._reads[place]])
    order = [name for name in read_by if name in kept]
    found = {name: [read for read in order if read in read_by[name] and read != name] for name in order}
    failed = {fact.function for fact in graph.facts if fact.state == "failed"}
    places = arrange(order, found)
    boxes = [
        {
            "name": clean(name, LONGEST_NAME),
            "text": f"{clean(name, LONGEST_NAME)} ({counts[name]:,})",
            "state": "failed" if name in failed else "computed",
            "column": places[name][0],
            "row": places[name][1],
        }
        for name in order
    ]
    lines = [[clean(read, LONGEST_NAME), clean(name, LONGEST_NAME)] for name in order for read in found[name]]
    return {"boxes": boxes, "lines": lines, "left_out": len(counts) - len(kept), "by": "function"}
