"""`assert_transparent` passes on functions that may be remembered, and fails on those that may not."""

import itertools

import pytest

import dug
from dug.testing import EventLog, assert_transparent

pytestmark = pytest.mark.filterwarnings("ignore:.* was changed after .* first ran")  # by the tests, on purpose

setting = {"rate": 1}
counter = itertools.count()
last_seen = {}


@dug.memoize
def spot(ticker):
    """An input, for two tickers."""
    return {"A": 100, "B": 50}[ticker]


@dug.memoize
def value(ticker, quantity=2):
    """Reads spot."""
    return quantity * spot(ticker)


@dug.memoize
def total():
    """Reads two values."""
    return value("A") + value("B")


@dug.memoize
def numbered():
    """Gives another number each time it runs."""
    return next(counter)


@dug.memoize
def reads_a_global():
    """Reads a setting that dug cannot see."""
    return 10 * setting["rate"]


@dug.memoize
def doubled():
    """Is innocent itself."""
    return 2 * reads_a_global()


@dug.memoize
def hides_its_read():
    """Passes the values that it read through a global, and returns nothing."""
    last_seen["A"] = spot("A")


@dug.memoize
def reads_what_was_hidden():
    """Depends on spot in a way that dug cannot see."""
    hides_its_read()
    return last_seen["A"]


@dug.memoize
def prices():
    """Returns a list that nobody may change."""
    return [3, 1, 2]


@dug.memoize(key={"numbers": tuple})
def take_last(numbers):
    """Changes its argument."""
    return numbers.pop()


@dug.memoize
def mutates():
    """Passes on the list that it reads twice."""
    return take_last(prices()), len(prices())


@pytest.fixture(autouse=True)
def fresh_setting():
    """Each test begins with the same rate."""
    setting["rate"] = 1


def test_a_pure_function_passes():
    """Without tweaks the plain value is compared."""
    assert_transparent(total.node())


@pytest.mark.parametrize(
    "tweaks",
    [
        {spot.node("A"): 1},
        {spot: dug.scale(2)},
        {value: lambda ticker, quantity: 7},
        {value: lambda ticker, quantity: 1 + value(ticker, quantity), spot.node("B"): dug.shift(1)},
        dug.Scenario({value.node("A"): dug.UNTWEAKED}),
    ],
)
def test_a_pure_function_passes_under_tweaks(tweaks):
    """Values, bumps, replacements and UNTWEAKED give the same with and without the cache."""
    assert_transparent(total.node(), tweaks=tweaks)


def test_an_error_passes_when_it_is_the_same():
    """A function that raises the same error with and without the cache is transparent."""
    assert_transparent(value.node("missing"))


def test_a_random_function_fails():
    """A function that gives another value each time it runs is not transparent."""
    with pytest.raises(AssertionError, match=r"numbered\(\) is not transparent"):
        assert_transparent(numbered.node())


def test_a_global_that_changes_is_found():
    """A result remembered from before the change differs from a fresh run."""
    with dug.Context():
        reads_a_global()
        setting["rate"] = 2

        with pytest.raises(AssertionError) as caught:
            assert_transparent(reads_a_global.node())

    assert "dug gave              10" in str(caught.value)
    assert "without any cache     20" in str(caught.value)


def test_the_first_node_that_differs_is_named():
    """The message leads from the requested node to the one at fault."""
    with dug.Context():
        doubled()
        setting["rate"] = 2

        with pytest.raises(AssertionError, match=r"first node to differ is .*reads_a_global\(\)"):
            assert_transparent(doubled.node())


def test_a_read_past_dug_is_found_by_a_tweak():
    """A value that passes through a global escapes dug, and the message shows the tweaks under which it was seen."""
    with pytest.raises(AssertionError, match=r"reads_what_was_hidden\(\) is not transparent under \{.*spot\('A'\): 7\}"):
        assert_transparent(reads_what_was_hidden.node(), tweaks={spot.node("A"): 7})


def test_a_changed_argument_is_found():
    """A function that changes its argument in place spoils a result that others read."""
    with pytest.raises(AssertionError, match="mutates"):
        assert_transparent(mutates.node())


def test_eq_says_what_is_equal():
    """With eq= values compare by it."""
    assert_transparent(numbered.node(), eq=lambda one, two: True)


def test_the_eq_of_the_function_says_what_is_equal():
    """Without eq= the equality of the function's decorator decides."""

    @dug.memoize(eq=lambda one, two: abs(one - two) < 10_000)
    def about():
        return next(counter)

    assert_transparent(about.node())


def test_the_context_in_force_is_used():
    """The tweaks around apply, and memos stay with the context."""
    with dug.Context(tweaks={spot.node("A"): 1}) as ctx:
        assert_transparent(total.node())

        assert ctx[total.node()] == 102


def test_without_a_context_none_is_left_behind():
    """Called outside of any context, it uses one of its own and leaves none in force."""
    assert_transparent(total.node())

    with pytest.raises(dug.NoContextError):
        total()


def test_dug_itself_is_asked_first():
    """The value of dug is the one that it computed or remembered, not a copy of the plain value."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        assert_transparent(total.node())
        assert_transparent(total.node())

    assert log.count(total) == 1


def test_a_wrong_tweak_is_refused():
    """A tweak that dug refuses is refused."""
    with pytest.raises(dug.TweakError):
        assert_transparent(total.node(), tweaks={spot: 3})


def test_only_nodes_are_taken():
    """A function in the place of a node is an error that says what to type."""
    with pytest.raises(TypeError, match=r"assert_transparent\(f.node"):
        assert_transparent(total)
