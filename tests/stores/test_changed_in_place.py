"""What a store keeps of values that are changed in place: by a caller, by a reader, or in a tweak."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dug

KINDS = {
    "array": (lambda: np.arange(3.0), lambda value: value.__iadd__(10.0), lambda value: float(value.sum())),
    "tuple": (lambda: ([1, 2],), lambda value: value[0].append(100), lambda value: sum(value[0])),
    "long list": (lambda: [1] * 1_001, lambda value: value.append(100), sum),
    "frame": (
        lambda: pd.DataFrame({"a": [1.0, 2.0]}),
        lambda value: value.__setitem__("a", [100.0, 100.0]),
        lambda value: float(value["a"].sum()),
    ),
}


@dug.memoize
def made(kind):
    """Return a value that can be changed in place."""
    return KINDS[kind][0]()


@dug.memoize
def total(kind):
    """Return a number of that value."""
    return KINDS[kind][2](made(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_caller_changed_in_place_stays_in_its_process(begin, kind):
    """A caller changes a value in place, and what reads it then is not kept: another process gets what the node gives."""
    fresh, change, sum_up = KINDS[kind]
    with begin():
        change(made(kind))
        assert total(kind) != sum_up(fresh())

    with begin() as log:
        assert total(kind) == sum_up(fresh())
    assert [node.function for node in log.computed] == [total]


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_changed_is_kept(begin, kind):
    """A value that could be changed in place, and was not, counts by what it is: what reads it is kept."""
    with begin():
        first = total(kind)
    with begin() as log:
        assert total(kind) == first
    assert log.computed == []


@dug.memoize(store=False)
def unkept():
    """Return a list that is not kept."""
    return [1]


@dug.source
def given():
    """Return a list of the outside."""
    return [1]


@dug.memoize
def pads_unkept():
    """Return the length of a list, and what was added to it."""
    found = unkept()
    found.append(0)
    return len(found)


@dug.memoize
def pads_given():
    """Return the same of a source."""
    found = given()
    found.append(0)
    return len(found)


@dug.memoize
def pads_twice():
    """Change a list before another reader of it runs."""
    found = given()
    found.append(0)
    return len(found) + counts_given()


@dug.memoize
def counts_given():
    """Return the length of a list."""
    return len(given())


@pytest.mark.parametrize(
    ("reader", "read", "tweaks", "right"),
    [
        (pads_unkept, unkept, {}, 3),
        (pads_given, given, {}, 3),
        (pads_given, given, {given.node(): [1]}, 3),
        (pads_given, given, {given: lambda: [1]}, 3),
        (pads_twice, given, {given.node(): [1]}, 6),
        (pads_twice, given, {}, 6),
    ],
)
def test_a_body_that_changes_what_it_read_is_not_kept(begin, reader, read, tweaks, right):
    """A run that changed what it had read is not kept under what that was afterwards, be it kept itself, a source or a tweak."""
    with begin(tweaks):
        reader()

    with begin({read.node(): [1, 0]}):
        assert reader() == right


def test_what_reads_a_list_of_a_tweak_is_kept(begin):
    """A list in a tweak that nobody changes counts by what it is; what reads it is kept, in contexts inside, too."""
    with begin({given.node(): [1, 2]}), dug.Context({unkept.node(): [1]}):
        assert counts_given() == 2
    with begin({given: lambda: [1, 2]}) as log:
        assert counts_given() == 2
    assert [node.function for node in log.computed] == [given]


def test_a_list_from_before_the_store_is_not_trusted(begin):
    """What a cache holds from a time without a store may have been changed since: what reads it is not kept."""
    cache = dug.Cache()
    with dug.Context(cache=cache):
        assert given() == [1]
    with begin(cache=cache) as log:
        assert pads_given() == 2
        assert [name for name in log.store.refused if name.endswith("pads_given")]

    with begin({given.node(): [1, 0]}):
        assert pads_given() == 3


RATES = {1: 10, 2: 20}


@dug.source
def rate(number):
    """Return a rate of the outside."""
    return RATES[number]


@dug.memoize(key={"numbers": tuple})
def first_rate(numbers):
    """Return the rate of the first number."""
    return rate(numbers[0])


@dug.memoize(key={"numbers": tuple})
def last_rate(numbers):
    """Return the rate of the last number, and take that off."""
    return rate(numbers.pop())


@dug.memoize
def changes_first():
    """Change a list after a call with it."""
    numbers = [1]
    found = first_rate(numbers)
    numbers[0] = 2
    return found


@dug.memoize
def changes_all():
    """Fill a list after a call with it."""
    numbers = [1]
    found = first_rate(numbers)
    numbers[:] = [2, 1]
    return found


@dug.memoize
def has_it_changed():
    """Have a list changed by what is called with it."""
    return last_rate([2, 1])


@pytest.mark.parametrize("reader", [changes_first, changes_all, has_it_changed])
def test_a_call_is_not_kept_by_an_argument_that_was_changed(begin, monkeypatch, reader):
    """Where ``key=`` takes a list, a call with one that was changed since is not kept as a call with what it is now."""
    with begin():
        assert reader() == 10
    monkeypatch.setitem(RATES, 1, 99)
    monkeypatch.setitem(RATES, 2, 10)
    with begin():
        assert reader() == 99


WRITTEN = {
    "array": (lambda: np.arange(3.0), lambda value: value.__setitem__(0, 9.0)),
    "array in a list": (lambda: [np.arange(3.0)], lambda value: value[0].__setitem__(0, 9.0)),
    "numbers": (lambda: pd.Series([1.0, 2.0]), lambda value: value.iloc.__setitem__(0, 9.0)),
    "categories": (lambda: pd.Series(["a", "b"], dtype="category"), lambda value: value.iloc.__setitem__(0, "b")),
    "frame of categories": (
        lambda: pd.DataFrame({"c": pd.Categorical(["a", "b"]), "x": [1, 2]}),
        lambda value: value.iloc.__setitem__((0, 0), "b"),
    ),
    "frame in parts": (
        lambda: pd.DataFrame({"c": pd.Categorical(["a", "b"]), "x": [(1,), "b"]}),
        lambda value: value.iloc.__setitem__((0, 0), "b"),
    ),
}


@dug.memoize
def writable(kind):
    """Return a value that can be written to."""
    return WRITTEN[kind][0]()


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_can_be_written_to_still_can_when_it_is_served(begin, kind):
    """A value from a store can be written to where that of the run can: a body does not fail in a warm process only."""
    for computed in (1, 0):
        with begin() as log:
            WRITTEN[kind][1](writable(kind))
            assert len(log.computed) == computed
