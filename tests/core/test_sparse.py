"""Sets of bits of which some are high: they are what ints would be, and a book of many targets is what one of few is."""

from __future__ import annotations

import operator
from contextlib import ExitStack
from typing import Any

import pytest
from core.test_model import PORTIONS, Model
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dug
from dug._core.facts.memo import FORGOTTEN
from dug._core.facts.sparse import list_places, make_bit, union, without
from dug._core.state import bits as bits_module
from dug.testing import EventLog

LARGEST = 100_000
WIDTH = 1024
"""How many bits are low ones, of which a set may be a plain int; high ones within so many are near each other."""
anywhere = st.sets(st.one_of(st.integers(0, 70), st.integers(0, 2 * WIDTH), st.integers(0, LARGEST)), max_size=40)
near_each_other = st.tuples(
    st.sets(st.integers(0, WIDTH + 9), max_size=5),
    st.sampled_from([0, WIDTH - 2, WIDTH + 6, 9 * WIDTH]),
    st.sets(st.integers(0, 70)),
).map(lambda drawn: {drawn[1] + place for place in drawn[0]} | drawn[2])
places = st.one_of(anywhere, near_each_other)
OPERATORS = (operator.and_, operator.or_, operator.xor)


def make(numbers):
    """Return the set of some places, made bit by bit."""
    made: Any = 0
    for number in numbers:
        made |= make_bit(number)
    return made


def as_int(bits):
    """Return the int with the same bits."""
    return bits if isinstance(bits, int) else sum(1 << place for place in bits.places())


@given(ours=places, theirs=places)
@example(ours=set(range(WIDTH - 64, WIDTH + 64)), theirs={0, WIDTH - 1, WIDTH + 63})
@example(ours={62, 63, WIDTH - 1, WIDTH}, theirs={62, WIDTH - 1})
def test_a_set_is_what_an_int_would_be(ours, theirs):
    """Each operator gives the set that ints give, as a plain int exactly if no bit of it is high."""
    left, right = make(ours), make(theirs)
    for apply in OPERATORS:
        bits, expected = apply(left, right), apply(as_int(left), as_int(right))

        assert as_int(bits) == expected
        assert isinstance(bits, int) == (expected < 1 << WIDTH)
        assert bits == make([place for place in ours | theirs if expected >> place & 1])

    assert bool(left) == bool(ours)
    assert bool(left & right) == bool(right & left) == bool(ours & theirs)
    assert list_places(left) == sorted(ours)
    assert left.bit_count() == len(ours)


@given(ours=places, theirs=places)
def test_equal_sets_are_equal_keys(ours, theirs):
    """Two sets are equal, and have one hash, exactly when they have the same bits, however they were made."""
    left, right = make(sorted(ours)), make(sorted(theirs, reverse=True))

    assert (left == right) == (ours == theirs)
    assert {left: 1}.get(make(sorted(ours, reverse=True))) == 1
    assert {left: 1}.get(right) == (1 if ours == theirs else None)


@given(ours=places, low=st.one_of(st.integers(-(1 << 62), (1 << 62) - 1), st.integers(-(1 << WIDTH), (1 << WIDTH) - 1)))
def test_an_int_may_stand_on_either_side(ours, low):
    """A negative int has all high bits, as the sieve of a memo that must not pass and the bits of everything have."""
    left = make(ours)

    assert as_int(left & low) == as_int(low & left) == as_int(left) & low
    assert bool(left & low) == bool(as_int(left) & low)
    assert left & -1 == left
    if low >= 0:
        assert as_int(left | low) == as_int(low | left) == as_int(left) | low
        assert as_int(left ^ low) == as_int(low ^ left) == as_int(left) ^ low


@given(sets=st.lists(places, max_size=12))
def test_a_sum_has_the_bits_of_all(sets):
    """Many sets are added up as two are, whatever was added up before, and nothing is left over for the next sum."""
    made = [make(one) for one in sets]
    everything = set().union(*sets)

    assert union(made) == union(made + made) == make(everything)
    assert union([]) == 0
    assert union(iter(made[:1])) == make(sets[0] if sets else ())


@given(ours=places, theirs=places)
def test_what_equals_an_operand_is_that_operand(ours, theirs):
    """A set with high bits that gets nothing new stays one object, so that equal footprints are often one."""
    large, small = make({*ours, *theirs, LARGEST + 1}), make(theirs)

    assert large | small is large
    assert small | large is large
    assert union([small, large, large]) is large
    if not isinstance(small, int):
        assert large & small is small


def test_what_is_no_set_is_refused():
    """A sum that fails leaves nothing behind; an int with high bits, which would be a second form of a set, is refused."""
    high = make_bit(LARGEST)
    with pytest.raises((TypeError, AttributeError)):
        union([high, make_bit(7), None])
    for apply in OPERATORS:
        with pytest.raises(OverflowError):
            apply(high, 1 << WIDTH)
    with pytest.raises(OverflowError):
        _ = high | -1

    assert union([3, make_bit(1)]) == 3
    assert high != 1 << LARGEST


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({WIDTH + 3, 50 * WIDTH}, {WIDTH + 3, 70 * WIDTH}, True),
        ({WIDTH + 3, 50 * WIDTH}, {WIDTH + 4, 70 * WIDTH}, False),
        ({2 * WIDTH - 1, 2 * WIDTH}, {2 * WIDTH, 50 * WIDTH}, True),
        ({3, 2 * WIDTH}, {3, 50 * WIDTH}, True),
    ],
    ids=["one chunk", "one chunk, other bits", "the next chunk", "low bits"],
)
def test_two_sets_overlap_in_one_place(ours, theirs, expected):
    """One bit is enough, wherever it is."""
    assert bool(make(ours) & make(theirs)) is bool(make(theirs) & make(ours)) is expected


@given(ours=places, theirs=places)
def test_bits_are_taken_away(ours, theirs):
    """A set without another has the rest of its bits."""
    left, right = (union(map(make_bit, one)) for one in (ours, theirs))

    assert list_places(without(left, right)) == sorted(ours - theirs)


def test_the_mark_of_a_forgotten_memo_is_beside_high_bits():
    """Bit 0, which no target has, is found in a set that has high ones."""
    footprint = make_bit(LARGEST) | FORGOTTEN

    assert footprint & FORGOTTEN
    assert not make_bit(LARGEST) & FORGOTTEN


# Programs of many targets.


@dug.memoize
def filler(number: int) -> int:
    """Return a number, to be tweaked so that others have high bits."""
    return number


@dug.memoize
def leaf(number: int) -> int:
    """Return an input."""
    return number


@dug.memoize
def branch(first: int) -> int:
    """Return the sum of three inputs, one of which may be read twice."""
    return leaf(first) + leaf((first + 1) % 12) + leaf(first * 5 % 12)


@dug.memoize
def inside(first: int) -> int:
    """Return a branch under a context of its own, and one outside of it."""
    with dug.Context({leaf.node(first): 100}):
        here = branch(first)
    return here + branch(first + 1)


@dug.memoize
def trunk(number: int) -> int:
    """Return the sum of branches, by a path that depends on the first input."""
    firsts = range(0, 12, 3) if leaf(0) % 2 else range(number, 9)
    return sum(map(branch, firsts)) + inside(number)


TARGETS = [*map(leaf.node, range(12)), branch.node(3), leaf, branch]
of_both = st.sampled_from([dug.shift(1), dug.scale(2), dug.UNTWEAKED, dug.bump(abs)])
of_functions = st.one_of(of_both, st.just(lambda first: 7 - first))
of_nodes = st.one_of(of_both, st.integers(0, 9))
tweaks = st.dictionaries(st.sampled_from(TARGETS), of_nodes, max_size=4).flatmap(
    lambda said: st.fixed_dictionaries({target: of_functions if target in (leaf, branch) else of_nodes for target in said})
)
scenarios = st.lists(st.tuples(tweaks, st.integers(0, 5)), max_size=5)


def play(script, between):
    """Return what a script of nested scenarios gives, computes and files, with so many tweaked targets before each of its own."""
    seen, names = [], {}
    with dug.Context() as ctx, EventLog(ctx) as log:
        for place, target in enumerate(TARGETS[:-2]):
            with dug.Context(dict.fromkeys([filler.node(between * place + number) for number in range(between)], 0)):
                names[ctx.cache.group.give_bit(target._key)] = str(target)
        for depth in (1, len(script)):
            for at in range(0, len(script), max(depth, 1)):
                with ExitStack() as opened:
                    for said, number in script[at : at + depth]:
                        opened.enter_context(dug.Context(said))
                        seen += [trunk(number), inside(number)]
        filed = {
            (str(key), memo.value, *sorted(names[bit] for bit in names if bit & memo.footprint), len(memo.restriction))
            for key, home in ctx.cache.list_homes()
            if key[0] is not filler._self_function
            for memo in home.memos()
        }
        return seen, [(event.kind, str(event.node)) for event in log.events], filed, len(ctx.cache)


@pytest.mark.slow
@pytest.mark.parametrize("between", [5, 10, 75])
@given(script=scenarios)
@settings(max_examples=25, deadline=None)
def test_many_targets_change_nothing(between, script):
    """Values, what ran in which order, footprints, restrictions and the number of memos are those of a book of few targets."""
    assert play(script, between) == play(script, 0)


def test_thousands_of_targets_change_nothing():
    """The same for 5,000 targets and one script."""
    script = [({TARGETS[2]: 5, TARGETS[11]: dug.shift(1)}, 0), ({TARGETS[12]: 3}, 1), ({leaf: dug.scale(2), TARGETS[0]: 1}, 2)]

    assert play(script, 400) == play(script, 0)


def scatter(place):
    """Return the bit of every second place far from the others; that of a place which is far already stays."""
    return make_bit(place if place >= 5_000 or place % 2 == 0 else 5_000 + 61 * place)


class ScatteredModel(Model):
    """The scripts of the model, with the bits of half of the targets far from each other."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(bits_module, "make_bit", scatter)
        super().__init__()

    def teardown(self) -> None:
        super().teardown()
        self.patch.undo()


TestScatteredModel = pytest.mark.slow(ScatteredModel.TestCase)
TestScatteredModel.settings = settings(
    max_examples=settings().max_examples * PORTIONS.get(settings.get_current_profile_name(), 2) // 2
)


# Memory.


def grow(count):
    """Return the bytes that a book of so many leaves takes more when each of them was tweaked once, by leaf."""
    with dug.Context() as ctx:
        for first in range(0, count, 10):
            sum_of_ten(first)
        book(count)
        before = ctx.cache.nbytes
        with dug.Context({filler.node(number): 1 for number in range(count)}):
            pass
        return (ctx.cache.nbytes - before) / count


@dug.memoize
def sum_of_ten(first: int) -> int:
    """Return the sum of ten leaves."""
    return sum(map(filler, range(first, first + 10)))


@dug.memoize
def book(count: int) -> int:
    """Return the sum of all leaves."""
    return sum(map(sum_of_ten, range(0, count, 10)))


@pytest.mark.slow
def test_memory_grows_as_the_number_of_targets():
    """A leaf that was tweaked once takes the same few bytes more in a book of 8,000 leaves as in one of 2,000."""
    small, large = grow(2_000), grow(8_000)

    assert large < 400
    assert large < 1.25 * small


def test_a_run_that_reads_the_same_again_has_the_same_footprint():
    """Not a copy of it: a book that is computed under a thousand scenarios has one."""
    with dug.Context() as ctx:
        book(1_000)
        with dug.Context({filler.node(number): 1 for number in range(1_000)}):
            pass
        with dug.Context({filler.node(5): 7}), dug.Context({filler.node(6): 8}):
            book(1_000)

        base, other = (memo for key, home in ctx.cache.list_homes() if key[0] is book._self_function for memo in home.memos())
        assert base.footprint is other.footprint
        assert base.footprint_below is base.footprint is base.open_footprint


@pytest.mark.parametrize("leaf", ["layer", "failure"])
def test_what_only_a_memo_that_is_gone_had_read_reruns_nothing(leaf):
    """A memo whose read is gone gets the bits of first tweaks; one that then reads the same anew did not read those."""
    ran = []
    high, x, g = dug.memoize(lambda number: number), dug.memoize(lambda: 1), dug.memoize(lambda: 10)

    @dug.memoize
    def read():
        found = g() if x() == 1 else x()
        if leaf == "failure":
            raise LookupError(found)
        return found

    @dug.memoize
    def top():
        ran.append("top")
        try:
            return read()
        except LookupError as error:
            return error.args[0]

    def tweak(*pairs):
        return dug.Context(dict(pairs))

    with dug.Context(cache=dug.Cache()) as outer, tweak(*((high.node(number), 0) for number in range(1200))):
        pass
    with outer, tweak((x.node(), 3)):
        pass
    with outer, dug.Context(cache=dug.Cache() if leaf == "layer" else None):
        top()
        if leaf == "layer":
            outer.cache.clear()
        else:
            with pytest.raises(LookupError):
                read()
        with tweak((g.node(), 7)):
            pass
        kept = [tweak((x.node(), value)) for value in (0, 5)]
        for ctx in kept:
            with ctx:
                top()
        ran.clear()
        with tweak((x.node(), 0), (g.node(), 7)):
            assert top() == 0
    assert ran == []
