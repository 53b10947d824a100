"""`Hits`, the compiled table of a view, against a dict."""

from __future__ import annotations

import gc
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.marks import compiled_only

from dug._core.facts.binding import PartialKey
from dug._core.native.choose import make_hits

pytestmark = compiled_only


class Meddler:
    """A key element that is equal to its like and does something whenever it is compared."""

    def __init__(self, name, act=lambda: None):
        self.name, self.act = name, act

    def __hash__(self):
        return 7

    def __eq__(self, other):
        self.act()
        if not isinstance(other, Meddler):
            return NotImplemented
        other.act()
        return self.name == other.name


class Broken:
    """A key element that raises in one of its methods once it is told in which."""

    broken = None

    def __hash__(self):
        return 7 if self.broken != "hash" else 1 // 0

    def __eq__(self, other):
        return self is other if self.broken != "eq" else 1 // 0


@pytest.fixture
def hits():
    """Returns an empty table."""
    return make_hits()


# Few values, equal across types, with clashing hashes (-1 and -2; multiples of 2**61 - 1), so that keys meet.
elements = st.one_of(
    st.sampled_from(
        [0, 0.0, -0.0, False, 1, 1.0, True, Fraction(1), -1, -2, 2**61 - 1, 2**62 - 2, "a", b"a", None, (), (1,), (1.0,)]
    ),
    st.integers(0, 40),
    st.floats(allow_nan=True, width=16),
    st.builds(Meddler, st.sampled_from("ab")),
)
keys = st.one_of(st.lists(elements, max_size=3).map(tuple), st.lists(elements, max_size=2).map(PartialKey))
steps = st.one_of(
    st.tuples(st.just("set"), keys, st.integers()),
    st.tuples(st.just("get"), keys),
    st.tuples(st.just("pop"), keys),
    st.tuples(st.just("update"), st.dictionaries(keys, st.integers(), max_size=8)),
    st.tuples(st.just("clear")),
)


@given(st.lists(steps, max_size=25))
def test_a_table_of_hits_is_a_dict(script):
    """Whatever is inserted, looked up and removed, a table agrees with a dict."""
    table, model = make_hits(), {}
    for verb, *arguments in script:
        if verb == "set":
            key, memo = arguments
            table[key] = model[key] = memo
        elif verb == "get":
            assert table.get(*arguments) == model.get(*arguments)
        elif verb == "pop":
            assert table.pop(*arguments, "none") == model.pop(*arguments, "none")
        else:
            getattr(table, verb)(*arguments)
            getattr(model, verb)(*arguments)

        assert len(table) == len(model)
    assert all(table.get(key) == memo for key, memo in model.items())


def test_a_table_stays_small_when_keys_come_and_go(hits):
    """Places of removed entries are used again, so that a table grows only with its content."""
    for number in range(10_000):
        hits[number,] = number
        assert hits.pop((number,), None) == number

    assert len(hits) == 0
    assert sys.getsizeof(hits) < 1_000


def test_a_nan_is_found_by_identity(hits):
    """A NaN equals nothing, but the very same NaN is found, as in a dict."""
    nan = float("nan")
    hits[nan,] = 1

    assert hits.get((nan,)) == 1
    assert hits.get((float("nan"),)) is None


@pytest.mark.parametrize("where", ["hash", "eq"])
@pytest.mark.parametrize("verb", ["get", "set", "pop", "update"])
def test_an_error_of_an_element_passes_through(hits, where, verb):
    """An error of hashing or comparing an element comes out, and the table is as before."""
    key = (Broken(),)
    acts = {
        "get": lambda: hits.get(key),
        "set": lambda: hits.__setitem__(key, 2),
        "pop": lambda: hits.pop(key, None),
        "update": lambda made={key: 2}: hits.update(made),
    }
    hits[Meddler("a"),] = 1
    key[0].broken = where

    with pytest.raises(ZeroDivisionError):
        acts[verb]()
    assert len(hits) == 1
    assert hits.get((Meddler("a"),)) == 1


@pytest.mark.parametrize("verb", ["get", "pop", "set"])
@pytest.mark.parametrize("act", ["clear", "grow", "replace", "shrink"])
def test_the_table_may_change_while_a_key_is_compared(hits, verb, act):
    """A search starts again when an element's own code changed the table, and ends in the table as it is then."""
    done = []

    def change():
        if not done:
            done.append(act)
            if act == "clear":
                hits.clear()
            elif act == "grow":
                hits.update({(number,): number for number in range(100)})
            elif act == "replace":
                hits[Meddler("a"),] = 2
            else:
                hits.pop((Meddler("a"),), None)

    for name in "xya":
        hits[Meddler(name),] = 1
    probe = (Meddler("a", change),)
    is_there = act in ("grow", "replace")
    found = 2 if act == "replace" else 1

    if verb == "get":
        assert hits.get(probe) == (found if is_there else None)
    elif verb == "pop":
        assert hits.pop(probe, None) == (found if is_there else None)
    else:
        hits[probe] = 3
        assert hits.get((Meddler("a"),)) == 3
    others = {"clear": 0, "grow": 102, "replace": 2, "shrink": 2}[act]
    assert len(hits) == others + (verb == "set" or (verb == "get" and is_there))


def test_a_memo_that_is_put_in_again_starts_no_search_anew(hits):
    """Comparing may ask for memos itself, which puts them in again each time: the search ends all the same."""
    compared = []
    hits[1,] = "other"

    def put_again():
        compared.append(1)
        assert len(compared) < 100, "the search does not end"
        hits[1,] = "other"

    hits[Meddler("a"),] = 1

    assert hits.get((Meddler("b", put_again),)) is None
    assert hits.get((Meddler("a", put_again),)) == 1


def test_a_key_that_comes_in_while_it_is_searched_for_is_there_once(hits):
    """An entry inserted by an element's own code is found by the search that ran it, not inserted twice."""
    for name in "abc":
        hits[Meddler(name),] = name
    hits.pop((Meddler("a"),), None)  # a free place before the others
    probe = Meddler("d", lambda: acts.pop()() if acts else None)
    acts = [lambda: hits.__setitem__((Meddler("d"),), 1)]
    hits[probe,] = 2

    assert len(hits) == 3
    assert hits.pop((Meddler("d"),), None) == 2
    assert hits.get((Meddler("d"),)) is None


def test_only_tuples_are_keys(hits):
    """A key that is not a tuple is refused with its repr."""
    for act in (lambda: hits.get("x"), lambda: hits.__setitem__("x", 1), lambda: hits.update({"x": 1})):
        with pytest.raises(TypeError, match="a key is a tuple, not 'x'"):
            act()
    with pytest.raises(TypeError):
        hits.pop("x", None)
    with pytest.raises(TypeError, match="use pop"):
        del hits[1,]


def test_a_table_takes_over_from_a_dict_only(hits):
    """Any other mapping would have to be asked through its own code."""
    with pytest.raises(TypeError, match=r"update\(\) takes a dict"):
        hits.update([])


def test_finalizers_may_use_the_table_that_lets_go_of_them(hits):
    """An object that a table drops may ask the table again, in its own finalizer."""
    seen = []

    class Final:
        def __del__(self):
            seen.append((len(hits), hits.get((1,))))
            hits[len(seen), "late"] = len(seen)

    hits[1,] = Final()
    hits[1,] = "new"
    hits[2,] = Final()
    assert hits.pop((2,), None) is not None
    hits[3,] = Final()
    hits.clear()

    assert seen == [(1, "new"), (2, "new"), (0, None)]
    assert hits.get((3, "late")) == 3


def test_a_table_in_a_cycle_is_collected():
    """The garbage collector sees keys and memos."""
    gone = []

    class Value:
        def __del__(self):
            gone.append(1)

    def leave():
        for place in ("key", "memo"):
            hits, value = make_hits(), Value()
            value.hits = hits
            hits[(value,) if place == "key" else (1,)] = value if place == "memo" else 1

    leave()
    gc.collect()

    assert len(gone) == 2
