"""`assert_transparent`: dug ends as the program does without memory, else names the first node that differs.

`check_can_evaluate` and `check_is_node` refuse, `_compare` compares how a call ends, `_first_difference` finds that node.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .._contexts.context import Context
from .._contexts.current import open_contexts
from .._contexts.scenario import Scenario, describe
from .._core.read import Node
from ._reference import Evaluation, Outcome, attempt
from ._sameness import Equality, is_same_outcome, show_outcome

_HINT = (
    "A memoised function may depend on its arguments and on what it reads from other memoised functions only.\n"
    "Pass anything else as an argument, or read it in a @dug.source and tweak that; and change no value in place."
)


def assert_transparent(
    node: Node[Any],
    *,
    tweaks: Mapping[Any, Any] | Scenario | None = None,
    eq: Equality | None = None,
) -> None:
    """Checks that remembering results changes none: neither of `node` itself, nor of it under `tweaks`.

    The node is asked for in the context in force, or in a new one when there is none: as things are,
    then under `tweaks`, then without them again.  Each time it is also evaluated without any cache, by
    running the plain functions, and must end in the same way: with an equal value, or with an error of the same
    type and arguments.  In a context that has computed things before, older results are checked too.

    Sources run like any other function: tweak those that change by themselves.

    Args:
        node: The node to ask for, such as ``value.node(trade)``.
        tweaks: The tweaks, as ``Context(tweaks=...)`` takes them.
        eq: When two values of `node` are equal.  Without it ``memoize(eq=...)`` of its function says,
            and without that, values are equal when they have one type and are ``==`` or equal in all parts.

    Raises:
        AssertionError: the node ended differently; the message names the first node that did.
        TweakError: a tweak is wrong.

    Complexity:
        Without a cache, a function runs once for each call of it.  After 1,000 runs the evaluation
        answers repeated calls from a table of its own.
    """
    __tracebackhide__ = True
    check_can_evaluate(node, "assert_transparent")
    with _some_context() as ctx:
        _compare(ctx, node, eq, "")
        if not tweaks:
            return
        with Context(tweaks=tweaks) as child:
            _compare(child, node, eq, f" under {describe(child.tweaks)}")
        _compare(ctx, node, eq, f", asked for again after {describe(child.tweaks)}")


def check_is_node(node: object, name: str) -> None:
    """Raises TypeError, saying what to type, when `node` is not a node."""
    if not isinstance(node, Node):
        raise TypeError(f"{name}() takes a node, not {node!r}. Write {name}(f.node(x)).")


def check_can_evaluate(node: Node[Any], name: str) -> None:
    """Raises TypeError, saying what to type, when `node` is not a node, or is to be awaited, or a stream."""
    check_is_node(node, name)
    if node._function.stream is not None:
        raise TypeError(f"{node} is a stream, and {name}() evaluates no streams. Give a node of a plain function.")
    if node._function.is_async:
        raise TypeError(f"{node} is of a coroutine function, and {name}() evaluates synchronous nodes only. Give one of those.")


@contextmanager
def _some_context() -> Iterator[Context]:
    """Gives the context in force, or enters a new one."""
    around = open_contexts()
    if around:
        yield around[0]
        return
    with Context() as ctx:
        yield ctx


def _compare(ctx: Context, node: Node[Any], eq: Equality | None, where: str) -> None:
    """Raises AssertionError when the node does not end in dug, here and now, as it ends without a cache."""
    __tracebackhide__ = True
    seen = attempt(node)
    evaluation = Evaluation()
    expected = evaluation.evaluate(node)
    if is_same_outcome(seen, expected, eq or eq_of(node)):
        return
    lines = [
        f"{node} is not transparent{where}.",
        f"  dug gave              {show_outcome(seen)}",
        f"  without any cache     {show_outcome(expected)}",
        *_first_difference(ctx, evaluation, node),
        _HINT,
    ]
    raise AssertionError("\n".join(lines))


def eq_of(node: Node[Any]) -> Equality | None:
    """Returns the equality that ``memoize(eq=...)`` gave the function of a node."""
    return node._function.eq


def _first_difference(ctx: Context, evaluation: Evaluation, target: Node[Any]) -> list[str]:
    """Returns a line on the first node, dependencies before dependents, that `ctx` knows differently."""
    for node, expected in evaluation.outcomes_here():
        if node == target or node not in ctx:
            continue
        memo = ctx.memo(node)
        seen = Outcome(memo.value, memo.error)
        if not is_same_outcome(seen, expected, eq_of(node)):
            return [
                f"  The first node to differ is {node}:",
                f"    dug remembers         {show_outcome(seen)}",
                f"    without any cache     {show_outcome(expected)}",
            ]
    return []
