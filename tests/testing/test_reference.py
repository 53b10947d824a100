"""The evaluation without a cache obeys tweaks as dug does, and remembers nothing."""

import pytest

import dug
from dug.testing._reference import Evaluation

runs = []


@dug.memoize
def x():
    """An input."""
    runs.append("x")
    return 1


@dug.memoize
def scaled(factor):
    """Reads x."""
    runs.append("scaled")
    return factor * x()


@dug.memoize
def total():
    """Reads scaled twice, and x."""
    return scaled(10) + scaled(10) + x()


@dug.memoize
def below_nothing(n):
    """A chain as long as n."""
    return n if n <= 0 else below_nothing(n - 1)


@dug.memoize
def recombining(n):
    """Two calls for each step, of one node."""
    return 1 if n == 0 else recombining(n - 1) + recombining(n - 1)


@dug.memoize
def loop(n):
    """Depends on itself."""
    return loop(1 - n)


@dug.memoize
def opens(shift):
    """Reads under a context of its own."""
    with dug.Context(tweaks={x.node(): dug.shift(shift)}):
        inner = scaled(10)
    return inner - scaled(10)


@dug.memoize
def tweaks_halfway():
    """Reads, tweaks a context of its own, and reads again."""
    with dug.Context() as ctx:
        before = x()
        ctx.tweak(x.node(), 5)
        return before, x()


def evaluate(node, **tweaks):
    """Returns the value without a cache, under tweaks."""
    with dug.Context(**tweaks):
        return Evaluation().evaluate(node).get()


def thrice(factor):
    """A replacement that reads the node it replaces."""
    return 3 * scaled(factor)


def test_nothing_is_remembered():
    """A body runs again for each call of it."""
    runs.clear()

    assert evaluate(total.node()) == 21
    assert runs == ["scaled", "x", "scaled", "x", "x"]


def test_nothing_is_filed():
    """The evaluation leaves no memo in the context it runs in."""
    with dug.Context() as ctx:
        Evaluation().evaluate(total.node())

        assert total.node() not in ctx
        assert len(ctx.cache) == 0


def test_nothing_is_looked_up():
    """The evaluation also runs nodes that the context remembers."""
    with dug.Context():
        total()
        runs.clear()
        Evaluation().evaluate(x.node())

    assert runs == ["x"]


@pytest.mark.parametrize(
    ("tweaks", "expected"),
    [
        ({x.node(): 2}, 42),
        ({x.node(): dug.shift(1)}, 42),
        ({x: dug.scale(3)}, 63),
        ({scaled: lambda factor: 7}, 15),
        ({scaled: thrice}, 61),
        ({scaled: thrice, x.node(): 2}, 122),
        ({scaled.node(10): dug.shift(1), x.node(): dug.shift(1)}, 44),
        ({scaled: thrice, scaled.node(10): 1}, 3),
        ({scaled: thrice, scaled.node(10): dug.shift(1)}, 63),
        ({total.node(): dug.UNTWEAKED}, 21),
    ],
)
def test_tweaks_are_obeyed_as_in_dug(tweaks, expected):
    """Values, bumps, replacements and UNTWEAKED mean the same as in dug."""
    assert evaluate(total.node(), tweaks=tweaks) == expected
    with dug.Context(tweaks=tweaks):
        assert total() == expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ({x.node(): 2}, {x.node(): 3}, 63),
        ({x.node(): 2}, {x.node(): dug.shift(1)}, 63),
        ({x.node(): dug.shift(1)}, {x.node(): dug.scale(2)}, 84),
        ({x.node(): 2}, {x.node(): dug.UNTWEAKED}, 21),
        ({x.node(): 2}, {x: dug.UNTWEAKED}, 21),
        ({scaled.node(10): 5}, {scaled: thrice}, 31),
        ({scaled: thrice}, {scaled.node(10): 5}, 11),
        ({scaled: thrice}, {scaled: thrice}, 181),
        ({scaled.node(10): 5}, {scaled: dug.shift(1)}, 13),
    ],
)
def test_inner_tweaks_act_on_outer_ones(outer, inner, expected):
    """The innermost context comes first, and a bump or a replacement there meets the tweaks outside."""
    with dug.Context(tweaks=outer), dug.Context(tweaks=inner):
        assert Evaluation().evaluate(total.node()).get() == expected
        assert total() == expected


def test_a_context_inside_a_body_is_obeyed():
    """A read of a body under a context of its own meets the tweaks of that."""
    assert evaluate(opens.node(2)) == 20
    assert evaluate(opens.node(2), tweaks={x.node(): 7}) == 20


def test_a_tweak_in_the_middle_of_a_body_is_obeyed():
    """A body that tweaks a context it has opened reads the new value from then on."""
    assert evaluate(tweaks_halfway.node()) == (1, 5)


def test_a_body_cannot_change_a_context_around_it():
    """The evaluation refuses the same as dug inside a running node."""
    with dug.Context() as ctx:

        @dug.memoize
        def meddles():
            ctx.tweak(x.node(), 2)

        assert isinstance(Evaluation().evaluate(meddles.node()).error, dug.ContextError)


def test_a_circle_is_a_cycle_error():
    """A node that depends on itself ends as in dug."""
    with dug.Context():
        error = Evaluation().evaluate(loop.node(0)).error

    assert isinstance(error, dug.CycleError)
    assert [str(node)[-7:] for node in error.path] == ["loop(0)", "loop(1)", "loop(0)"]


def test_a_recombining_tree_comes_to_an_end():
    """A tree that would take 2**200 calls is answered from the evaluation's own table in the end."""
    assert evaluate(recombining.node(200)) == 2**200


def test_a_deep_chain_is_evaluated():
    """The depth of a chain is not bounded by the recursion limit."""
    assert evaluate(below_nothing.node(3_000)) == 0


def test_an_error_ends_the_evaluation_and_leaves_the_context_usable():
    """After an error the context answers as before."""

    @dug.memoize
    def fails():
        raise ValueError(x())

    with dug.Context():
        error = Evaluation().evaluate(fails.node()).error

        assert (type(error), error.args) == (ValueError, (1,))
        assert x() == 1


def test_an_unhashable_argument_is_refused_as_in_dug():
    """The arguments of a call are checked though nothing is remembered."""

    @dug.memoize
    def passes_a_list():
        return scaled([])

    with dug.Context():
        assert isinstance(Evaluation().evaluate(passes_a_list.node()).error, dug.UnhashableArgumentError)
