"""`isolated` gives each call, and each example of Hypothesis, a context of its own."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dug
from dug.testing import isolated

contexts = []


@dug.memoize
def double(x):
    """Something to compute."""
    return 2 * x


@given(x=st.integers(0, 3))
@settings(max_examples=20)
@isolated()
def test_each_example_begins_with_nothing_remembered(x):
    """No example finds the memos of another one."""
    ctx = dug.current_context()

    assert len(ctx.cache) == 0
    assert double(x) == x + x


@given(st.integers(0, 3))
@settings(max_examples=5)
@isolated()
def test_a_positional_strategy_arrives(x):
    """`@given` fills parameters from the right, as it does without the decorator."""
    assert double(x) == x + x


@given(x=st.integers(0, 3))
@settings(max_examples=5)
@isolated()
@pytest.mark.parametrize("factor", [1, 2])
def test_parameters_of_pytest_arrive(x, factor):
    """Marks and pytest's own arguments pass through."""
    assert double(factor * x) == 2 * factor * x


@isolated()
def test_a_fixture_arrives(tmp_path):
    """A test without `@given` may be isolated too, and gets its fixtures."""
    assert tmp_path.is_dir()
    assert double(1) == 2


class TestMethods:
    @given(x=st.integers(0, 3))
    @settings(max_examples=5)
    @isolated()
    def test_a_method_is_isolated(self, x):
        """`self` arrives."""
        assert isinstance(self, TestMethods)
        assert double(x) == x + x


def test_each_call_has_a_context_of_its_own():
    """Two calls do not share a context, and none is left in force."""

    @isolated()
    def call():
        return dug.current_context()

    assert call() is not call()
    with pytest.raises(dug.NoContextError):
        double(1)


def test_nothing_around_is_seen():
    """Neither tweaks nor results nor an active default of the surroundings reach the inside."""

    @isolated()
    def call():
        return double(1), len(dug.current_context().cache)

    with dug.Context(tweaks={double.node(1): 7}):
        double(1)
        assert call() == (2, 1)
        assert double(1) == 7


def test_the_context_is_left_when_the_call_fails():
    """An error passes, and the context around is in force again."""

    @isolated()
    def call():
        raise ValueError(double(1))

    with dug.Context() as ctx:
        with pytest.raises(ValueError, match="2"):
            call()
        assert dug.current_context() is ctx


def test_the_signature_stays():
    """Name, documentation and parameters are the function's own."""

    def call(x: int, *, y: str = "") -> float:
        """Says what it does."""

    wrapped = isolated()(call)

    assert inspect.signature(wrapped) == inspect.signature(call)
    assert (wrapped.__name__, wrapped.__doc__) == ("call", "Says what it does.")


def test_it_is_refused_above_given():
    """The wrong order is an error that says which order is right."""
    with pytest.raises(TypeError, match="under @given"):

        @isolated()
        @given(x=st.integers())
        def call(x):
            pass


def test_it_is_refused_on_what_returns_before_it_ends():
    """A coroutine or generator function would run after its context was left."""

    def generator():
        yield

    async def coroutine():
        pass

    for fn in (generator, coroutine):
        with pytest.raises(TypeError, match="plain functions only"):
            isolated()(fn)
