"""How much work a look at many nodes under many tweaks takes; `test_context_graph.py` tests the states themselves."""

from __future__ import annotations

import pytest
from support.calls import list_calls

import dug


class Counted(frozenset):
    """A set that counts the elements which were looked at one by one."""

    seen = 0

    def __iter__(self):
        for element in super().__iter__():
            self.seen += 1
            yield element


@dug.memoize
def level(number):
    """Return an input."""
    return number


@dug.memoize
def price(number):
    """Read one input."""
    return 2 * level(number)


@dug.memoize
def sum_up(number):
    """Read the sum before and one input."""
    return level(number) + (sum_up(number - 1) if number else 0)


def count_tests(size, look):
    """Return how many tweaks a look tests one by one, for as many nodes as there are tweaks."""
    with dug.Context(), dug.Context({level.node(number): -number for number in range(size)}) as ctx:
        nodes = [price.node(number) for number in range(size)]
        for node in nodes:
            node()
        tweaks = ctx._here().tweaks
        tweaks._handles = counted = Counted(tweaks.handles)
        look(ctx, nodes)
    return counted.seen


@pytest.mark.parametrize(
    "look",
    [
        lambda ctx, _: ctx.graph(),
        lambda ctx, nodes: [ctx.memo(node).tweaks for node in nodes],
        lambda ctx, nodes: [ctx.explain(node) for node in nodes],
    ],
    ids=["graph", "tweaks", "explain"],
)
def test_a_look_does_not_test_every_tweak_for_each_node(look):
    """A look at many nodes goes a few times over the tweaks in force, and not once more for each node."""
    few, many = (count_tests(size, look) for size in (100, 400))

    assert few <= 4 * 100
    assert many <= 4 * 400


def test_masked_nodes_do_not_test_every_tweak_each():
    """To explain many masked nodes goes a few times over the tweaks in force."""
    size = 200
    with dug.Context():
        for number in range(size):
            price(number)
        with dug.Context({level.node(number): -number for number in range(size)}) as ctx:
            tweaks = ctx._here().tweaks
            tweaks._handles = counted = Counted(tweaks.handles)
            told = [str(ctx.explain(price.node(number))) for number in range(size)]

    assert all("masked by" in text for text in told)
    assert counted.seen <= 4 * size


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "masked"])
def test_states_under_many_tweaks_list_no_tweaks_for_each_node(is_known):
    """The states of nodes that read most of the tweaks in force are found without a list of these for each node."""
    size = 100
    with dug.Context():
        sum_up(size)
        with dug.Context({level.node(number): -number for number in range(size)}):
            with dug.Context({level.node(0): 7}) as inner:
                if is_known:
                    sum_up(size)
                called = list_calls(inner.graph)
                states = [inner.graph().fact(sum_up.node(number)).state for number in range(size)]

    assert set(states) == {"computed" if is_known else "masked"}
    assert called.count("restrict") <= 10


def test_whether_code_changed_is_found_in_one_walk():
    """In a chain whose first node was forgotten, no node goes again over all those that it rested on."""
    size = 100
    with dug.Context() as ctx:
        sum_up(size)
        ctx.invalidate(level.node(0))
        states = set()
        called = list_calls(lambda: states.update(ctx.graph().fact(sum_up.node(number)).state for number in (0, size - 1)))

    assert states == {"not-run"}
    assert size / 2 < called.count("_was_redefined") <= 10 * size
