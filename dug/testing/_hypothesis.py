"""`tweaks_for`, a Hypothesis strategy of random scenarios: draws tweaks of the named nodes and functions.

`_by_node` gives a strategy for each node, `_find_ancestors` finds the nodes.
"""

from collections.abc import Mapping
from typing import Any

from .._contexts.scenario import Scenario
from .._contexts.tweaks import target_of
from .._core.read import Node
from ._isolated import fresh_context
from ._reference import attempt
from ._transparent import check_is_node

try:
    from hypothesis import strategies as st
except ImportError as exc:
    raise ImportError('dug.testing.tweaks_for needs Hypothesis. Type: pip install "dug[test]"') from exc


def tweaks_for(node: Node[Any], values: Mapping[Any, st.SearchStrategy[Any]]) -> st.SearchStrategy[Scenario]:
    """Returns a strategy of scenarios, each of which tweaks some of the nodes named in `values`, or none.

    A key that is a memoised function means every node of it that `node` depends on, directly or
    through others.  These are found by running `node` once, in a fresh context without tweaks, when the
    first scenario is drawn: a node that only a tweak would make it read is not found, and neither is
    nodes that a failing run did not reach.  Name such nodes one by one.

    Failing examples shrink to few tweaks of simple values.

    Args:
        node: The node that will be asked for under the scenarios.
        values: For each node or memoised function, a strategy of tweaks: of plain values, or of
            bumps such as ``st.builds(dug.shift, st.floats(-1, 1))``.

    Raises:
        TypeError: `node` is not a node, or a value is not a strategy.
        TweakError: a key is neither a node nor a memoised function.
        ValueError: when drawn, if `node` reads no node of a function.
    """
    check_is_node(node, "tweaks_for")
    _check_values(values)
    return st.deferred(lambda: _scenarios(_by_node(node, values)))


def _scenarios(values: Mapping[Node[Any], st.SearchStrategy[Any]]) -> st.SearchStrategy[Scenario]:
    return st.fixed_dictionaries({}, optional=dict(values)).map(Scenario)


def _check_values(values: Mapping[Any, object]) -> None:
    for key, strategy in values.items():
        target_of(key)
        if not isinstance(strategy, st.SearchStrategy):
            raise TypeError(f"tweaks_for() takes a strategy for {key}, not {strategy!r}. Write st.just({strategy!r}).")


def _by_node(node: Node[Any], values: Mapping[Any, st.SearchStrategy[Any]]) -> dict[Node[Any], st.SearchStrategy[Any]]:
    """Returns the strategy of each node; the strategy of a node itself comes before its function's."""
    functions = [key for key in values if not isinstance(key, Node)]
    by_node: dict[Node[Any], st.SearchStrategy[Any]] = {}
    ancestors = _find_ancestors(node) if functions else []
    for function in functions:
        found = [ancestor for ancestor in ancestors if ancestor._function is target_of(function)]
        if not found:
            raise ValueError(f"{node} reads no node of {function}, so there is nothing to tweak. Name the nodes themselves.")
        by_node.update(dict.fromkeys(found, values[function]))
    by_node.update((key, values[key]) for key in values if isinstance(key, Node))
    return by_node


def _find_ancestors(node: Node[Any]) -> list[Node[Any]]:
    """Returns the nodes that a node reads in a fresh context, directly or through others, and itself, in order."""
    with fresh_context() as ctx:
        attempt(node)
        found, pending = {node}, [node]
        while pending:
            reader = pending.pop()
            new = [read for read in ctx.memo(reader).dependencies if read not in found] if reader in ctx else []
            found.update(new)
            pending.extend(new)
    return sorted(found)
