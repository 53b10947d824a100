"""`assert_pure` passes on pure functions, and names the fault of an impure one."""

import functools
import itertools
from dataclasses import dataclass, field

import pytest

import dug
from dug.testing import assert_pure

counter = itertools.count()
setting = {"rate": 0}


@dataclass(eq=False)
class Book:
    __hash__ = object.__hash__  # its identity is what counts

    trades: list = field(default_factory=lambda: [1, 2])

    @functools.cached_property
    def size(self):
        return len(self.trades)

    @dug.memoize
    def value(self):
        return self.size * 10

    @dug.memoize
    def grow(self):
        self.trades.append(3)
        return len(self.trades)


@dug.memoize
def prices():
    """Returns a list that nobody may change."""
    return [3, 1, 2]


@dug.memoize
def highest():
    """Reads the list and leaves it alone."""
    return max(prices())


@dug.memoize
def sorts_what_it_reads():
    """Changes the list it reads."""
    numbers = prices()
    numbers.sort()
    return numbers[-1]


@dug.memoize(key={"numbers": tuple})
def sorts_its_argument(numbers):
    """Changes its argument."""
    numbers.sort()
    return numbers[-1]


@dug.memoize
def passes_a_list():
    """Is innocent itself."""
    return sorts_its_argument([3, 1, 2])


@dug.memoize
def numbered():
    """Gives another number each time it runs."""
    return next(counter)


@dug.memoize
def reads_numbered():
    """Is innocent itself."""
    return numbered() * 2


@dug.memoize
def reads_a_global():
    """Changes the setting it reads."""
    setting["rate"] += 1
    return setting["rate"]


@dug.memoize
def fails():
    """Raises the same error each time."""
    raise ValueError(highest())


def check(node):
    """Returns the message with which `assert_pure` fails."""
    with pytest.raises(AssertionError) as caught:
        assert_pure(node)
    return str(caught.value)


@pytest.mark.parametrize("node", [prices.node(), highest.node(), Book().value.node(), fails.node()])
def test_a_pure_node_passes(node):
    """A value or an error that is the same twice passes, and so does a cached_property."""
    assert_pure(node)


def test_a_random_node_fails():
    """A node that gives another value the second time is named, with both values."""
    message = check(numbered.node())

    assert "numbered() is not pure: two runs of it from scratch differ" in message
    assert "first:" in message
    assert "second:" in message


def test_the_innermost_node_is_blamed():
    """Of the nodes that differ, the one that the others read is named."""
    assert "test_pure:numbered() is not pure" in check(reads_numbered.node())


def test_a_global_that_changes_is_found():
    """A function that reads a global which changes between the runs fails."""
    assert "reads_a_global() is not pure" in check(reads_a_global.node())


def test_a_changed_result_is_found():
    """A function that changes in place a value that it has read is named, with the node it spoiled."""
    message = check(sorts_what_it_reads.node())

    assert "sorts_what_it_reads() is not pure: while it ran, the result of" in message
    assert "prices() changed" in message
    assert "before: [3, 1, 2]" in message
    assert "after:  [1, 2, 3]" in message


def test_a_changed_argument_is_found():
    """A function that changes its argument in place is named, with the parameter."""
    message = check(passes_a_list.node())

    assert "sorts_its_argument([" in message
    assert "its argument numbers changed" in message
    assert "before: [3, 1, 2]" in message


def test_a_changed_instance_is_found():
    """A method that changes its own instance is named, and the message leads to the attribute."""
    message = check(Book().grow.node())

    assert "its argument self changed (first difference at self.trades)" in message


def test_a_changed_tweak_is_found():
    """A list that a context gives as a tweak must not be changed either."""
    with dug.Context(tweaks={prices.node(): [9, 8]}):
        assert "prices() changed" in check(sorts_what_it_reads.node())


def test_a_result_that_changes_later_is_found():
    """A result that somebody changes after it was returned is found, whoever did it."""
    shared = [1]

    @dug.memoize
    def gives():
        return shared

    @dug.memoize
    def changes():
        shared.append(2)

    @dug.memoize
    def both():
        gives()
        changes()

    message = check(both.node())

    assert "changes() is not pure: while it ran, the result of" in message
    assert "gives() changed" in message


@pytest.mark.parametrize(
    "hand_out",
    [lambda shared: shared, lambda shared: shared["rows"], lambda shared: ("live", (shared["rows"],))],
    ids=["dict", "list in it", "in tuples"],
)
def test_who_goes_on_changing_what_it_handed_out_is_found(hand_out):
    """A function that changes its earlier result when it runs again is named, though both runs return the same object."""
    shared = {"rows": [1]}

    @dug.memoize
    def grows():
        shared["rows"].append(1)
        return hand_out(shared)

    @dug.memoize
    def top():
        return len(grows())

    assert "grows() is not pure: its result, after it had returned it, changed" in check(top.node())


def test_who_changes_a_shared_object_before_it_hands_it_out_is_found():
    """Of two functions that hand out one list, that which changes it is named."""
    shared = [1]

    @dug.memoize
    def gives():
        return shared

    @dug.memoize
    def grows():
        shared.append(1)
        return shared

    @dug.memoize
    def top():
        return len(gives()) + len(grows())

    message = check(top.node())

    assert "grows() is not pure: while it ran, the result of" in message
    assert "gives() changed" in message


def test_who_changes_what_it_reached_through_another_result_is_found():
    """A function that changes a list inside of a value that it has read is named, with that node."""

    @dug.memoize
    def rows():
        return [3, 1]

    @dug.memoize
    def pair():
        return "rows", rows()

    @dug.memoize
    def sorts():
        pair()[1].sort()

    message = check(sorts.node())

    assert "sorts() is not pure: while it ran, the result of" in message
    assert "pair() changed (first difference at [1]" in message


def test_reading_other_nodes_the_second_time_fails():
    """Two runs that read different nodes are not the same, though their values are."""

    @dug.memoize
    def side(number):
        return 0

    @dug.memoize
    def wanders():
        return side(next(counter))

    assert "read different nodes" in check(wanders.node())


def test_nothing_from_before_is_used():
    """Both runs are from scratch, whatever the context remembers, and leave nothing in it."""
    with dug.Context() as ctx:
        numbered()
        memos = len(ctx.cache)

        assert "numbered() is not pure" in check(numbered.node())
        assert len(ctx.cache) == memos


def test_the_tweaks_in_force_apply():
    """An impure node that is tweaked to a value does not run."""
    with dug.Context(tweaks={numbered.node(): 4}):
        assert_pure(reads_numbered.node())


def test_the_eq_of_the_function_says_what_is_equal():
    """Values that the function's own equality takes for equal are the same."""

    @dug.memoize(eq=lambda one, two: True)
    def about():
        return next(counter)

    assert_pure(about.node())


def test_only_nodes_are_taken():
    """A function in the place of a node is an error that says what to type."""
    with pytest.raises(TypeError, match=r"assert_pure\(f.node"):
        assert_pure(highest)
