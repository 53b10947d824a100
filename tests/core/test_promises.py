"""The rules of contexts, the promises of the design and the precedence of tweaks, a test for each.

The program most tests use is four nodes: ``double`` reads ``x``, ``total`` reads ``double`` and ``y``.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import gc
import pickle
import weakref

import attrs
import pytest

import dug
from dug.testing import EventLog


class Colour(enum.Enum):
    """Something an Enum value can be taken from."""

    RED = 1


def test_tweaked_nodes_are_masked(p):
    """A tweaked node is masked: the parent's memo of it is not valid in the child."""
    with dug.Context() as parent:
        p.x()
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            masked = child.is_masked(p.x.node())
            value = p.x()

    assert masked
    assert value == 5
    assert not parent.is_masked(p.x.node())


def test_dependents_of_masked_nodes_are_masked(p):
    """A node that reads a masked node, directly or through others, is masked; the others are not."""
    with dug.Context() as parent:
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            masked = [f for f in (p.double, p.total, p.y) if child.is_masked(f.node())]

    assert masked == [p.double, p.total]
    assert not parent.is_masked(p.total.node())


def test_masked_nodes_are_not_fetched_from_the_parent(p):
    """A masked node is computed in the child although the parent has a value."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}) as child, EventLog(child) as log:
            value = p.total()

    assert value == 20
    assert sorted(log.computed) == sorted([p.double.node(), p.total.node()])


def test_unmasked_nodes_are_fetched_from_the_parent(p):
    """A node that reads none of the child's tweaks is the parent's memo."""
    with dug.Context() as parent:
        p.total()
        with dug.Context(tweaks={p.y.node(): 5}) as child, EventLog(child) as log:
            value = p.double()
            same = child.memo(p.double.node()).value is parent.memo(p.double.node()).value

    assert value == 2
    assert same
    assert log.computed == []


def test_results_of_masked_nodes_go_to_the_current_context(p):
    """A child's memo of a masked node is kept in that child and found there again."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            p.total()
            with EventLog(child) as log:
                again = p.total()

    assert again == 20
    assert log.computed == []
    assert log.hits == [p.total.node()]


def test_a_parent_is_never_polluted(p):
    """Nothing that a child tweaks or computes changes the values or memos of the parent."""
    with dug.Context() as parent:
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}):
            p.total()
        with EventLog(parent) as log:
            value = p.total()

    assert value == 12
    assert parent[p.double.node()] == 2
    assert log.computed == []


def test_a_masked_result_is_not_visible_in_the_parent(p):
    """A node that only the child computed, from its tweak, is not in the parent."""
    with dug.Context() as parent:
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            p.total()
            inside = p.total.node() in child
        outside = p.total.node() in parent

    assert inside
    assert not outside


def test_p1_a_call_returns_what_the_program_without_a_cache_returns(p):
    """In any nesting of contexts a call returns the value of the plain program with the tweaks."""
    seen = []
    with dug.Context():
        seen.append(p.total())
        with dug.Context(tweaks={p.x.node(): 2}) as middle:
            seen.append(p.total())
            with dug.Context(tweaks={p.y.node(): 0}):
                seen.append(p.total())
            seen.append(p.total())
        with dug.Context(tweaks={p.y.node(): 100}), middle:
            seen.append(p.total())
        seen.append(p.total())

    assert seen == [12, 14, 4, 14, 104, 12]


def test_p1_an_error_is_the_one_the_plain_program_raises(p):
    """An error under a tweak has the type and the arguments the plain program gives it."""

    @dug.memoize
    def ratio():
        if p.x() == 0:
            raise ZeroDivisionError("ratio", p.y())
        return p.y() / p.x()

    with dug.Context():
        base = ratio()
        with dug.Context(tweaks={p.x.node(): 0, p.y.node(): 7}), pytest.raises(ZeroDivisionError) as caught:
            ratio()
        again = ratio()

    assert (base, again) == (10, 10)
    assert caught.value.args == ("ratio", 7)


def test_p2_a_repeated_call_runs_nothing(p):
    """The second call of a node is a hit and runs no body."""
    with dug.Context() as ctx:
        p.total()
        with EventLog(ctx) as log:
            value = p.total()

    assert value == 12
    assert log.computed == []
    assert log.hits == [p.total.node()]


def test_p2_a_node_runs_once_however_many_read_it():
    """A node read by two others runs once."""
    runs = []

    @dug.memoize
    def bottom():
        runs.append("bottom")
        return 1

    @dug.memoize
    def left():
        return bottom() + 1

    @dug.memoize
    def right():
        return bottom() + 2

    with dug.Context():
        value = left() + right()

    assert value == 5
    assert runs == ["bottom"]


def test_p2_leaving_a_child_runs_nothing_in_the_parent(p):
    """After a child is left, the parent runs nothing again."""
    with dug.Context() as parent:
        p.total()
        with dug.Context(tweaks={p.x.node(): 5, p.y.node(): 6}):
            p.total()
        with EventLog(parent) as log:
            values = [p.total(), p.double(), p.x(), p.y()]

    assert values == [12, 2, 1, 10]
    assert log.computed == log.reused == []


def test_p2_a_scenario_runs_only_descendants_of_what_it_tweaks(p):
    """A scenario runs the descendants of its tweaks and nothing else."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.y.node(): 0}) as child, EventLog(child) as log:
            value = p.total()

    assert value == 2
    assert log.computed == [p.total.node()]


def test_p2_a_node_runs_once_per_combination_of_the_tweaks_it_read(p):
    """A tweak that a node did not read does not make it run again."""
    runs = []

    @dug.memoize
    def reader():
        runs.append(p.x())
        return runs[-1]

    with dug.Context():
        kept = []
        for y in range(3):
            for x in (1, 5):
                kept.append(dug.Context(tweaks={p.x.node(): x, p.y.node(): y}))
                with kept[-1]:
                    assert reader() == x

    assert sorted(runs) == [1, 5]


def run_reader_after(old, new):
    """Return how often a reader runs when the value it reads goes from old to new."""

    @dug.memoize
    def changed():
        return False

    @dug.memoize
    def value():
        return new if changed() else old

    @dug.memoize
    def reader():
        value()
        return object()

    with dug.Context():
        reader()
        with dug.Context(tweaks={changed.node(): True}) as child, EventLog(child) as log:
            reader()

    assert log.count(value) == 1
    assert (reader.node() in log.reused) == (log.count(reader) == 0)
    return log.count(reader)


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: True,
        lambda: int("12345678901234567890"),
        lambda: float("1.5"),
        lambda: float("-0.0"),
        lambda: float("nan"),
        lambda: complex("1+2j"),
        lambda: "".join(["a", "bc"]),
        lambda: bytes([1, 2, 3]),
        lambda: decimal.Decimal("1.5"),
        lambda: datetime.date(2024, 1, 31),
        lambda: datetime.datetime(2024, 1, 31, 12),
        lambda: Colour(1),
        lambda: (int("1000"), float("2.5"), (float("nan"), "".join(["a", "b"]))),
    ],
    ids="none bool int float minus-zero nan complex str bytes decimal date datetime enum tuple".split(),
)
def test_p3_an_equal_value_stops_the_change(make):
    """A recomputed node with an equal scalar, or a tuple of them, does not run its dependents."""
    runs = run_reader_after(make(), make())

    assert runs == 0


def test_p3_the_same_object_stops_the_change_where_nothing_in_it_can_be_changed():
    """A recomputed node that returns the same function, class or frozen set does not run its dependents."""
    for value in (len, Colour, frozenset({1, (2,)}), (Colour, len)):
        assert run_reader_after(value, value) == 0


def test_p3_a_mutable_object_that_is_handed_out_again_runs_the_dependents():
    """A recomputed node that returns the same list or instance may return other content, so it runs its dependents."""
    for value in ([1], object(), (1, [2])):
        assert run_reader_after(value, value) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, 2),
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (complex(0.0, 0.0), complex(0.0, -0.0)),
        ("a", b"a"),
        ((1,), (True,)),
        ((0.0,), (-0.0,)),
        ((1, (0.0,)), (1, (-0.0,))),
        ((1, 2), [1, 2]),
        ([1], [1]),
        ({"a": 1}, {"a": 1}),
        (([],), ([],)),
    ],
    ids=repr,
)
def test_p3_what_is_not_substitutable_runs_the_dependents(old, new):
    """A value of another type, another zero, or of a mutable kind runs the dependents."""
    runs = run_reader_after(old, new)

    assert runs == 1


def test_p3_numpy_scalars_are_scalars():
    """Two equal numpy scalars of one type are substitutable, of two types they are not."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")

    assert run_reader_after(numpy.float64("1.5"), numpy.float64("1.5")) == 0
    assert run_reader_after(numpy.float64("nan"), numpy.float64("nan")) == 0
    assert run_reader_after(numpy.float64("1.5"), numpy.float32("1.5")) == 1
    assert run_reader_after(numpy.float64("1.5"), float("1.5")) == 1


def test_p3_a_number_that_is_partly_nan_is_compared_by_its_parts():
    """A complex number equals one with equal parts; a row of a structured array can be changed, so it equals itself alone."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    nan = float("nan")

    def row(rate):
        return numpy.array([(nan, rate)], dtype=[("date", float), ("rate", float)])[0]

    assert run_reader_after(numpy.complex128(complex(nan, 1)), numpy.complex128(complex(nan, 1))) == 0
    assert run_reader_after(numpy.complex128(complex(nan, 1)), numpy.complex128(complex(nan, 2))) == 1
    assert run_reader_after(complex(nan, 1), complex(nan, 2)) == 1
    assert run_reader_after(row(1.0), row(2.0)) == 1


def test_p3_tweaks_to_numbers_that_are_partly_nan_are_apart():
    """Two tweaks share when their values are the same, part by part."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    nan = float("nan")
    source = dug.source(lambda: numpy.complex128(0))
    imaginary = dug.memoize(lambda: float(source().imag))
    contexts = [dug.Context(tweaks={source.node(): numpy.complex128(complex(nan, part))}) for part in (5, 6)]
    seen = []
    with dug.Context():
        for ctx in contexts:
            with ctx:
                seen.append(imaginary())

    assert seen == [5.0, 6.0]


def test_p3_unknown_types_are_never_compared():
    """The equality of a user's own type is not called."""

    class Hostile:
        def __eq__(self, other):
            raise AssertionError("== was called")

        __hash__ = None

    assert run_reader_after(Hostile(), Hostile()) == 1
    assert run_reader_after((1, Hostile()), (1, Hostile())) == 1


def test_p3_eq_of_the_function_decides(p):
    """With ``eq=`` the function says which values are substitutable."""

    @dug.memoize(eq=lambda a, b: a[0] == b[0])
    def pair():
        return [p.x() % 2, p.x()]

    @dug.memoize
    def reader():
        return pair()[0] * 100

    with dug.Context():
        reader()
        with dug.Context(tweaks={p.x.node(): 3}) as odd, EventLog(odd) as log:
            values = pair(), reader()
        with dug.Context(tweaks={p.x.node(): 4}) as even, EventLog(even) as even_log:
            reader()

    assert values[1] == 100
    assert log.count(reader) == 0
    assert even_log.count(reader) == 1


def test_p3_a_node_that_opened_a_context_is_not_verified_through_dependencies(p):
    """A node that opened a context inside itself runs again when its footprint is tweaked."""

    @dug.memoize
    def parity():
        return p.x() % 2

    @dug.memoize
    def opener():
        with dug.Context(tweaks={p.y.node(): 0}):
            return parity() + p.y()

    with dug.Context():
        opener()
        with dug.Context(tweaks={p.x.node(): 3}) as child, EventLog(child) as log:
            value = opener()

    assert value == 1
    assert log.count(opener) == 1


def test_p4_a_result_that_read_no_tweak_serves_the_parent_and_the_siblings(p):
    """A memo that a child computes without reading its tweaks is the parent's and the sibling's too."""
    with dug.Context() as parent:
        with dug.Context(tweaks={p.y.node(): 5}):
            p.double()
        with EventLog(parent) as log:
            value = p.double()
        with dug.Context(tweaks={p.y.node(): 6}) as sibling, EventLog(sibling) as sibling_log:
            p.double()

    assert value == 2
    assert log.computed == []
    assert sibling_log.computed == []


def test_p4_siblings_that_tweak_alike_share(p):
    """Two siblings that tweak the same things to the same values share their memos."""
    with dug.Context():
        first = dug.Context(tweaks={p.x.node(): 5})
        second = dug.Context(tweaks={p.x.node(): 5, p.y.node(): 0})
        with first:
            p.double()
        with second, EventLog(second) as log:
            values = p.double(), p.total()

    assert values == (10, 10)
    assert log.computed == [p.total.node()]


@pytest.mark.parametrize("make", [lambda: dug.shift(2), lambda: dug.scale(3), lambda: dug.bump(max, 3)])
def test_p4_equal_bumps_are_the_same_tweak(p, make):
    """Two bumps with an equal function and equal arguments are one tweak."""
    with dug.Context():
        first, second = (dug.Context(tweaks={p.x.node(): make()}) for _ in range(2))
        with first:
            value = p.total()
        with second, EventLog(second) as log:
            same = p.total()

    assert value == same == 16
    assert log.computed == []


def test_p4_a_replacement_is_the_same_tweak_by_identity(square):
    """One function given twice as replacement is one tweak."""

    def cube(n):
        return n**3

    with dug.Context():
        first, second = (dug.Context(tweaks={square: cube}) for _ in range(2))
        with first:
            value = square(2)
        with second, EventLog(second) as log:
            same = square(2)

    assert value == same == 8
    assert log.computed == []


def test_p5_memos_that_read_a_dropped_context_are_freed(p):
    """When a context object is dropped, the values computed from its tweaks are freed."""

    class Value:
        pass

    @dug.memoize
    def holder():
        p.x()
        return Value()

    with dug.Context() as parent:
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            value = weakref.ref(holder())
        alive = value() is not None
        del child
        gc.collect()
        len(parent.cache)
        gc.collect()

    assert alive
    assert value() is None


def test_p5_a_kept_context_keeps_its_memos(p):
    """As long as a context object is held, re-entering it runs nothing."""
    with dug.Context() as parent:
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            p.total()
        gc.collect()
        len(parent.cache)
        with child, EventLog(child) as log:
            value = p.total()

    assert value == 20
    assert log.computed == []


def test_p6_a_change_of_a_node_that_is_no_ancestor_changes_nothing(p):
    """Tweaking each node that a run did not record leaves its value, and runs nothing."""

    @dug.memoize
    def choice():
        return p.double() if p.x() == 1 else p.total()

    with dug.Context() as ctx:
        choice(), p.total()
        recorded = ctx.memo(choice.node()).dependencies
        for other in (p.y.node(), p.total.node()):
            with dug.Context(tweaks={other: -1}) as child, EventLog(child) as log:
                assert choice() == 2
            assert log.computed == []

    assert recorded == (p.x.node(), p.double.node())


def test_p6_a_dependency_that_appears_under_a_tweak_is_recorded(p):
    """A node read only because of a tweak is an ancestor in that scenario."""

    @dug.memoize
    def choice():
        return p.double() if p.x() == 1 else p.y()

    with dug.Context():
        choice()
        with dug.Context(tweaks={p.x.node(): 0}) as child:
            first = choice()
            recorded = child.memo(choice.node()).dependencies
            with dug.Context(tweaks={p.y.node(): 7}) as inner, EventLog(inner) as log:
                second = choice()

    assert (first, second) == (10, 7)
    assert recorded == (p.x.node(), p.y.node())
    assert log.computed == [choice.node()]


def test_p9_a_failing_node_raises_the_users_own_exception(p):
    """The exception object that a body raises is the one that the caller gets."""
    error = LookupError("no such price")

    @dug.memoize
    def price():
        raise error

    with dug.Context(), pytest.raises(LookupError) as caught:
        price()

    assert caught.value is error


def test_p9_a_failure_serves_repeated_asks_within_one_outermost_call():
    """Within one outermost call a failing node runs once, however often it is asked."""
    runs = []

    @dug.memoize
    def price():
        runs.append("price")
        raise LookupError

    @dug.memoize
    def patient():
        for _ in range(3):
            with pytest.raises(LookupError):
                price()
        return "done"

    with dug.Context():
        value = patient()

    assert value == "done"
    assert runs == ["price"]


def test_p9_a_failure_is_tried_again_by_the_next_outermost_call():
    """A node that failed runs again when it is asked from outside again."""
    runs = []

    @dug.memoize
    def price():
        runs.append("price")
        if len(runs) == 1:
            raise LookupError
        return 5

    with dug.Context():
        with pytest.raises(LookupError):
            price()
        value = price()

    assert value == 5
    assert runs == ["price", "price"]


def test_p9_one_failing_node_never_hides_the_value_of_another(p):
    """Memos computed before a failure are kept."""

    @dug.memoize
    def broken():
        return p.total() / 0

    with dug.Context() as ctx:
        with pytest.raises(ZeroDivisionError):
            broken()
        with EventLog(ctx) as log:
            value = p.total()

    assert value == 12
    assert log.computed == []


def test_p9_a_failure_is_kept_for_inspection(p):
    """After the call the failure can be looked at: its error and its reads."""

    @dug.memoize
    def broken():
        return p.total() / 0

    with dug.Context() as ctx:
        with pytest.raises(ZeroDivisionError):
            broken()
        memo = ctx.memo(broken.node())

    assert memo.kind == "failed"
    assert isinstance(memo.error, ZeroDivisionError)
    assert memo.dependencies == (p.total.node(),)


def test_p10_outside_a_context_a_call_says_what_to_type(p):
    """No context, no cache: the error names the function and shows the line to type."""
    with pytest.raises(dug.NoContextError, match=r"with dug\.Context\(\)") as caught:
        p.total()

    assert "total" in str(caught.value)


def test_p10_after_the_last_context_is_left_there_is_none(p):
    """Leaving the outermost context leaves no context in force."""
    with dug.Context():
        p.total()

    with pytest.raises(dug.NoContextError):
        p.total()


def test_p10_wrapped_is_the_plain_function():
    """``__wrapped__`` is the function itself and works anywhere."""

    def plain(n):
        return n + 1

    memoised = dug.memoize(plain)

    assert memoised.__wrapped__ is plain
    assert memoised.__wrapped__(1) == 2


@pytest.mark.parametrize("value", [None, 0, "text", [1, 2], print, lambda: 5, ValueError("as a value")], ids=repr)
def test_a_node_can_be_tweaked_to_any_value(p, value):
    """Any object is a value, callables and exceptions included: the reader gets that object."""

    @dug.memoize
    def reader():
        return (p.x(),)

    with dug.Context(tweaks={p.x.node(): value}):
        read = reader()

    assert read[0] is value


def test_a_tweaked_node_does_not_run():
    """The body of a node that is tweaked to a value is not entered."""

    @dug.memoize
    def costly():
        raise AssertionError("it ran")

    with dug.Context(tweaks={costly.node(): 3}) as ctx, EventLog(ctx) as log:
        value = costly()

    assert value == 3
    assert log.computed == []


def test_a_tweak_of_one_call_leaves_the_others_alone(square):
    """Tweaking ``f.node(2)`` changes ``f(2)`` and not ``f(3)``."""
    with dug.Context(tweaks={square.node(2): 5}):
        values = square(2), square(3)

    assert values == (5, 9)


def test_a_function_key_replaces_every_call(square):
    """A function tweaked to a callable runs that for every node of it."""
    with dug.Context(tweaks={square: lambda n: -n}) as ctx, EventLog(ctx) as log:
        values = [square(n) for n in (1, 2, 1)]

    assert values == [-1, -2, -1]
    assert log.computed == [square.node(1), square.node(2)]


def test_the_same_node_inside_a_replacement_is_the_node_without_it(square):
    """A replacement wraps a function by calling it."""
    with dug.Context(tweaks={square: lambda n: square(n) + 0.5}):
        values = square(2), square(3)

    assert values == (4.5, 9.5)


def test_another_node_inside_a_replacement_is_replaced_too():
    """Inside a replacement only the same node is the original: other nodes of it are replaced."""

    @dug.memoize
    def count(n):
        return n

    def slower(n):
        return count(n) if n == 0 else count(n - 1) + 100

    with dug.Context(tweaks={count: slower}):
        values = count(0), count(2)

    assert values == (0, 200)


def test_replacements_nest(square):
    """A replacement inside another wraps the outer one."""
    with dug.Context(tweaks={square: lambda n: square(n) + 1}):
        outer = square(3)
        with dug.Context(tweaks={square: lambda n: square(n) * 10}):
            inner = square(3)

    assert (outer, inner) == (10, 100)


def test_the_reads_of_a_replacement_are_traced(p, square):
    """A replacement that reads a node is run again when that node is tweaked."""
    with dug.Context(tweaks={square: lambda n: n + p.x()}) as outer:
        first = square(3)
        recorded = outer.memo(square.node(3)).dependencies
        with dug.Context(tweaks={p.x.node(): 100}) as inner, EventLog(inner) as log:
            second = square(3)

    assert (first, second) == (4, 103)
    assert recorded == (p.x.node(),)
    assert log.computed == [square.node(3)]


def test_a_replacement_gets_defaults_and_keywords_as_the_function_would():
    """A replacement is called with the canonical arguments, defaults applied."""

    @dug.memoize
    def add(a, b=2, *rest, c, **others):
        return None

    def collect(a, b=99, *rest, c, **others):
        return a, b, rest, c, others

    with dug.Context(tweaks={add: collect}):
        values = add(1, c=3), add(b=5, a=4, c=6, d=7), add(1, 2, 3, 4, c=5)

    assert values == (
        (1, 2, (), 3, {}),
        (4, 5, (), 6, {"d": 7}),
        (1, 2, (3, 4), 5, {}),
    )


def test_a_method_can_be_replaced():
    """A method is replaced through its class, and the replacement gets the instance."""

    @attrs.frozen
    class Trade:
        quantity: int

        @dug.memoize
        def pv(self):
            return self.quantity

    with dug.Context(tweaks={Trade.pv: lambda self: self.quantity * 100}):
        value = Trade(2).pv()

    assert value == 200


def test_shift_adds_and_scale_multiplies(p):
    """``shift(x)`` adds to the value, ``scale(x)`` multiplies it, ``bump(fn, *args)`` applies fn."""
    seen = []
    for tweak in (dug.shift(0.5), dug.scale(3), dug.bump(lambda value, a, b: (value, a, b), "a", "b")):
        with dug.Context(tweaks={p.x.node(): tweak}):
            seen.append(p.x())

    assert seen == [1.5, 3, (1, "a", "b")]


def test_a_bump_floats_on_what_it_bumps(p):
    """A bump of a derived node follows a tweak of its input."""
    with dug.Context(tweaks={p.double.node(): dug.shift(100)}):
        first = p.double()
        with dug.Context(tweaks={p.x.node(): 5}):
            second = p.double()

    assert (first, second) == (102, 110)


@pytest.mark.parametrize("order", ["flat", "input outside", "input inside"])
def test_bumps_of_an_input_and_of_a_derived_node_compose(p, order):
    """Bumps of a node and of its input compose, flat or nested, in any order."""
    on_input, on_derived = {p.x.node(): dug.shift(1)}, {p.double.node(): dug.scale(10)}
    outer, inner = {
        "flat": (on_input | on_derived, {}),
        "input outside": (on_input, on_derived),
        "input inside": (on_derived, on_input),
    }[order]
    with dug.Context(tweaks=outer), dug.Context(tweaks=inner):
        values = p.x(), p.double(), p.total()

    assert values == (2, 40, 50)


def test_an_inner_bump_acts_on_the_outer_one(p):
    """A bump inside a bump of the same node takes the bumped value."""
    with dug.Context(tweaks={p.x.node(): dug.shift(1)}), dug.Context(tweaks={p.x.node(): dug.scale(10)}):
        value = p.x()

    assert value == 20


def test_an_inner_bump_acts_on_an_outer_value(p):
    """A bump inside a tweak to a value takes that value."""
    with dug.Context(tweaks={p.x.node(): 7}), dug.Context(tweaks={p.x.node(): dug.shift(1)}):
        value = p.total()

    assert value == 26


def test_an_inner_value_hides_an_outer_bump(p):
    """A value inside a bump of the same node is the value, not bumped."""
    with dug.Context(tweaks={p.x.node(): dug.shift(1)}), dug.Context(tweaks={p.x.node(): 7}):
        value = p.x()

    assert value == 7


def test_a_function_can_be_bumped(square):
    """A bump with a function key applies to every node of it."""
    with dug.Context(tweaks={square: dug.shift(0.5)}):
        values = square(2), square(3)

    assert values == (4.5, 9.5)


def test_a_bump_takes_arguments_that_cannot_be_hashed(p):
    """The arguments of a bump can be anything, also unhashable objects."""
    tweak = dug.bump(lambda value, weights: value + sum(weights), [1, 2])
    with dug.Context():
        with dug.Context(tweaks={p.x.node(): tweak}):
            value = p.total()
        after = p.total()

    assert (value, after) == (18, 12)


def test_a_bump_keeps_the_exception_of_the_node():
    """A bump of a node that fails raises the error of the node."""

    @dug.memoize
    def broken():
        raise LookupError("nothing there")

    with dug.Context(tweaks={broken.node(): dug.shift(1)}), pytest.raises(LookupError, match="nothing there"):
        broken()


def test_untweaked_is_the_node_as_if_no_context_tweaked_it(p):
    """``UNTWEAKED`` undoes the tweaks of the enclosing contexts on a node."""
    with dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.x.node(): dug.shift(1)}):
        tweaked = p.total()
        with dug.Context(tweaks={p.x.node(): dug.UNTWEAKED}):
            value = p.total()

    assert (tweaked, value) == (22, 12)


def test_untweaked_leaves_the_tweaks_of_what_the_node_reads(p):
    """An untweaked node still reads the tweaked inputs."""
    with dug.Context(tweaks={p.x.node(): 5, p.double.node(): 0}):
        with dug.Context(tweaks={p.double.node(): dug.UNTWEAKED}):
            value = p.double()

    assert value == 10


def test_untweaked_of_a_function_undoes_its_replacement_and_its_nodes(square):
    """``UNTWEAKED`` with a function key undoes outer tweaks of the function and of its nodes."""
    with dug.Context(tweaks={square: lambda n: -n, square.node(2): 5}):
        tweaked = square(2), square(3)
        with dug.Context(tweaks={square: dug.UNTWEAKED}):
            values = square(2), square(3)

    assert tweaked == (5, -3)
    assert values == (4, 9)


def test_untweaked_of_a_node_undoes_the_tweak_of_its_function(square):
    """``UNTWEAKED`` with a node key undoes an outer tweak of its function, for that node."""
    with dug.Context(tweaks={square: lambda n: -n}), dug.Context(tweaks={square.node(2): dug.UNTWEAKED}):
        values = square(2), square(3)

    assert values == (4, -3)


def test_untweaked_beneath_a_bump_is_the_base(p):
    """A bump inside ``UNTWEAKED`` acts on the untweaked value."""
    with dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.x.node(): dug.UNTWEAKED}):
        with dug.Context(tweaks={p.x.node(): dug.shift(1)}):
            value = p.x()

    assert value == 2


def test_untweak_shows_what_the_enclosing_scenario_says(p):
    """``ctx.untweak(node)`` drops this context's own tweak: the outer one shows again."""
    with dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.x.node(): 6}) as inner:
        first = p.x()
        inner.untweak(p.x.node())
        second = p.total()

    assert (first, second) == (6, 20)
    assert dict(inner.tweaks) == {}


def test_the_innermost_context_wins(p):
    """Of two contexts that tweak a node the inner one decides."""
    with dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.x.node(): 6}):
        value = p.total()

    assert value == 22


@pytest.mark.parametrize("first", ["node", "function"])
def test_within_one_context_a_node_key_beats_a_function_key(square, first):
    """In one context the tweak of a node beats the tweak of its function, in whatever order they are given."""
    tweaks = {square.node(2): 5, square: lambda n: -n}
    if first == "function":
        tweaks = dict(reversed(tweaks.items()))
    with dug.Context(tweaks=tweaks):
        values = square(2), square(3)

    assert values == (5, -3)


def test_an_inner_function_key_beats_an_outer_node_key(square):
    """An inner replacement hides an outer tweak of one of the nodes."""
    with dug.Context(tweaks={square.node(2): 5}), dug.Context(tweaks={square: lambda n: -n}):
        value = square(2)

    assert value == -2


def test_an_inner_node_key_beats_an_outer_function_key(square):
    """An inner tweak of a node beats an outer replacement of its function."""
    with dug.Context(tweaks={square: lambda n: -n}), dug.Context(tweaks={square.node(2): 5}):
        values = square(2), square(3)

    assert values == (5, -3)


def test_an_inner_replacement_that_calls_the_node_sees_the_outer_tweak(square):
    """The node without the inner replacement has its value in the outer scenario."""
    with dug.Context(tweaks={square.node(2): 5}), dug.Context(tweaks={square: lambda n: square(n) * 10}):
        values = square(2), square(3)

    assert values == (50, 90)


def test_an_inner_bump_of_a_function_acts_on_an_outer_node_tweak(square):
    """A bump with a function key acts on the tweak of an outer node key."""
    with dug.Context(tweaks={square.node(2): 5}), dug.Context(tweaks={square: dug.shift(1)}):
        values = square(2), square(3)

    assert values == (6, 10)


def test_an_inner_bump_of_a_node_acts_on_an_outer_replacement(square):
    """A bump with a node key acts on the tweak of an outer function key."""
    with dug.Context(tweaks={square: lambda n: -n}), dug.Context(tweaks={square.node(2): dug.shift(100)}):
        values = square(2), square(3)

    assert values == (98, -3)


def test_a_node_bump_and_a_function_tweak_in_one_context_compose(square):
    """With only the node's bump removed, the bump acts on the function's tweak of the same context."""
    with dug.Context(tweaks={square: lambda n: -n, square.node(2): dug.shift(100)}):
        values = square(2), square(3)

    assert values == (98, -3)


def test_a_function_key_with_a_value_asks_for_the_node(square):
    """A function tweaked to something that is not callable is asked whether its node was meant."""
    with pytest.raises(dug.TweakError, match=r"[Dd]id you mean .*\.node\(") as caught:
        dug.Context(tweaks={square: 5})

    assert "square" in str(caught.value)


@pytest.mark.parametrize("key", ["text", 5, len, lambda: 1], ids=["str", "int", "builtin", "plain function"])
def test_a_key_is_a_node_or_a_memoised_function(key):
    """A key that is neither a node nor a memoised function is an error that names it."""
    with pytest.raises(dug.TweakError) as caught:
        dug.Context(tweaks={key: 1})

    assert repr(key) in str(caught.value) or getattr(key, "__qualname__", "?") in str(caught.value)


@pytest.mark.parametrize("replacement", [lambda: 1, lambda n, m: 1], ids=["few", "many"])
def test_a_replacement_has_the_parameters_of_the_function(square, replacement):
    """A replacement that cannot take the calls of the function is refused by name, at once."""
    with pytest.raises(dug.TweakError, match="square"):
        dug.Context(tweaks={square: replacement})


def test_a_scenario_is_accepted_as_tweaks(p):
    """A Scenario can be given where a mapping of tweaks can."""
    crash = dug.Scenario({p.x.node(): 5}, name="crash")
    with dug.Context(tweaks=crash) as ctx:
        value = p.total()

    assert value == 20
    assert crash.name == "crash"
    assert dict(ctx.tweaks) == dict(crash.tweaks) == {p.x.node(): 5}


def test_scenarios_are_equal_by_content(p):
    """Two scenarios with the same tweaks are equal and have equal hashes."""
    first, second = (dug.Scenario({p.x.node(): dug.shift(5), p.y.node(): 1}) for _ in range(2))

    assert first == second
    assert hash(first) == hash(second)
    assert first != dug.Scenario({p.x.node(): dug.shift(6), p.y.node(): 1})


def test_a_scenario_is_immutable(p):
    """A scenario cannot be changed, nor through the mapping it was made from."""
    tweaks = {p.x.node(): 5}
    scenario = dug.Scenario(tweaks)
    tweaks[p.y.node()] = 6

    assert dict(scenario.tweaks) == {p.x.node(): 5}
    with pytest.raises(TypeError):
        scenario.tweaks[p.y.node()] = 6
    with pytest.raises(AttributeError):
        scenario.tweaks = {}


def make_scenario_pairs(f):
    """Return pairs of tweaks of the nodes of f that need care when they are joined."""
    node = f.node(2)
    return {
        "value over value": ({node: 5}, {node: 6}),
        "bump over bump": ({node: dug.shift(1)}, {node: dug.scale(10)}),
        "bump over value": ({node: 5}, {node: dug.scale(10)}),
        "value over bump": ({node: dug.scale(10)}, {node: 5}),
        "function over node": ({node: 5}, {f: lambda n: -n}),
        "node over function": ({f: lambda n: -n}, {node: 5}),
        "wrapper over node": ({node: 5}, {f: lambda n: f(n) * 10}),
        "wrapper over wrapper": ({f: lambda n: f(n) + 1}, {f: lambda n: f(n) * 10}),
        "function bump over node": ({node: 5}, {f: dug.shift(1)}),
        "node bump over function": ({f: lambda n: -n}, {node: dug.shift(1)}),
        "untweaked over bump": ({node: dug.shift(1)}, {node: dug.UNTWEAKED}),
        "untweaked over function": ({f: lambda n: -n}, {node: dug.UNTWEAKED}),
        "untweaked function over node": ({node: 5}, {f: dug.UNTWEAKED}),
        "bump over untweaked": ({node: dug.UNTWEAKED}, {node: dug.shift(1)}),
        "other nodes": ({node: 5}, {f.node(3): 6}),
    }


@pytest.mark.parametrize("enclosing", [None, 7, "replaced"])
@pytest.mark.parametrize("pair", make_scenario_pairs(dug.memoize(lambda n: n)))
def test_joined_scenarios_are_what_nesting_them_means(square, pair, enclosing):
    """``a | b`` gives the same as entering b inside a, under any enclosing tweak."""
    a, b = make_scenario_pairs(square)[pair]
    outer = {None: {}, 7: {square.node(2): 7}, "replaced": {square: lambda n: n + 1000}}[enclosing]
    with dug.Context(tweaks=outer):
        with dug.Context(tweaks=a), dug.Context(tweaks=b):
            nested = square(2), square(3)
        with dug.Context(tweaks=dug.Scenario(a) | dug.Scenario(b)):
            joined = square(2), square(3)

    assert joined == nested


def test_joining_leaves_both_scenarios_alone(p):
    """``a | b`` is a new scenario."""
    a, b = dug.Scenario({p.x.node(): 5}), dug.Scenario({p.y.node(): 6})
    joined = a | b

    assert dict(joined.tweaks) == {p.x.node(): 5, p.y.node(): 6}
    assert (dict(a.tweaks), dict(b.tweaks)) == ({p.x.node(): 5}, {p.y.node(): 6})


@dug.memoize
def importable(n):
    """A function that a scenario can name when it is pickled."""
    return n


def negative(n):
    """A replacement that can be pickled."""
    return -n


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_scenario_is_pickled_when_its_parts_can_be(protocol):
    """A scenario of values, bumps, UNTWEAKED and importable functions survives a round trip."""
    scenario = dug.Scenario(
        {importable.node(1): 5, importable.node(2): dug.shift(1), importable.node(3): dug.UNTWEAKED, importable: negative},
        name="all kinds",
    )
    copy = pickle.loads(pickle.dumps(scenario, protocol))

    assert copy == scenario
    assert copy.name == "all kinds"
    assert copy.tweaks[importable.node(3)] is dug.UNTWEAKED
