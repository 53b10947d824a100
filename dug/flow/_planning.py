"""Which nodes of a flow would run: `plan_by_wires`, the plan of a context with the wires of nodes that never ran.

A context foresees what a node reads by what it read before; of one that never ran a flow knows the wires.
"""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from .._contexts.context import Context
from .._core.read import Node
from .._inspect.plan import UNKNOWN, Plan, Planned
from ._nodes import FUNCTIONS, items, value, value_async
from ._wiring import Wiring

_SHOWN = (value, value_async, items)


def plan_by_wires(name: str, node_of: Callable[[str], Node[Any]], here: Context, wiring: Wiring) -> Plan:
    """Returns which nodes would run if a name were computed, each after those that it reads.

    Complexity: linear in the names that would run and their wires, and in what plans of nodes that ran before take.
    """
    found: dict[str, list[Planned]] = {}
    pending, own = [(name, True)], node_of(name)
    while pending:
        asked, is_certain = pending.pop()
        if asked in found or (wiring.is_missing(asked) and asked != name):
            continue
        rows = [row for row in here.plan(node_of(asked)) if _is_shown(row.node)]
        found[asked] = [row if is_certain else evolve(row, is_certain=False) for row in rows]
        for row in found[asked]:
            if row.trace == UNKNOWN and row.node.function in _SHOWN and row.node.args[0] == own.args[0]:
                pending.extend((read, row.is_certain) for read in wiring.reads.get(row.node.args[1], ()))
    planned: dict[Node[Any], Planned] = {}
    for one in wiring.order([name]):
        for row in found.get(one, ()):
            planned.setdefault(row.node, row)
    return Plan([*planned.values()])


def _is_shown(node: Node[Any]) -> bool:
    return node.function in _SHOWN or node.function not in FUNCTIONS
