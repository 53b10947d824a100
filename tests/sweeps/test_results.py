"""The results of a sweep: each by itself, and all of them as a dict or a frame."""

import sys
import traceback

import pytest
from support.spots import price, spot

import dug
from dug.scenarios import ladder


@dug.memoize
def squared(ticker):
    """Reads one spot."""
    return spot(ticker) ** 2


@dug.memoize
def label(ticker):
    """Reads one spot and gives no number."""
    return f"{ticker} {spot(ticker)}"


A, B = price.node("A"), price.node("B")
GOOD, BAD = {spot.node("A"): 1.0}, {spot.node("A"): -1.0}


def sweep(target, *scenarios):
    """Sweep in a context of its own; the results can be looked at after it was left."""
    with dug.Context():
        return dug.sweep(target, scenarios)


def find_locals(error):
    """Return the objects that the frames of a traceback hold."""
    return [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]


# One result


def test_the_value_has_the_shape_of_the_target():
    """A node gives a value, several give a tuple, a mapping gives a dict."""
    (one,), (several,), (labelled,) = sweep(A, GOOD), sweep([B, A, B], GOOD), sweep({"a": A, "b": B}, GOOD)

    assert one.value == 2.0
    assert several.value == (200.0, 2.0, 200.0)
    assert labelled.value == {"a": 2.0, "b": 200.0}


def test_the_values_are_there_by_node_or_label():
    """``values`` and ``result[target]`` go by the node, or by the label of a mapping."""
    (result,), (labelled,) = sweep([A, B], GOOD), sweep({"a": A}, GOOD)

    assert result.values == {A: 2.0, B: 200.0}
    assert (result[A], result[B], labelled["a"]) == (2.0, 200.0, 2.0)


def test_an_unknown_target_is_a_key_error():
    """Asking a result for an unknown target names the targets."""
    (result,) = sweep([A], GOOD)

    with pytest.raises(KeyError, match="spots:price"):
        result[B]


def test_a_result_is_not_a_sequence():
    """A result cannot be unpacked by mistake."""
    (result,) = sweep([A, B], GOOD)

    with pytest.raises(TypeError, match="not iterable"):
        iter(result)


def test_a_result_knows_its_scenario():
    """``scenario`` is the scenario, with its name."""
    crash = dug.Scenario(BAD, name="crash")
    (result,) = sweep(A, crash)

    assert (result.name, result.scenario) == ("crash", crash)


def test_a_failure_hides_no_value():
    """A target that fails leaves the other targets their values."""
    (result,) = sweep([A, B], BAD)

    assert result.values == {B: 200.0}
    assert result[B] == 200.0
    assert list(result.errors) == [A]


def test_the_value_of_a_failed_result_raises_the_error():
    """``value`` and ``result[target]`` raise the function's error, first its own object; a handler changes nobody else's."""
    (result,) = sweep([B, A], BAD)

    with pytest.raises(ValueError, match="A") as caught:
        result.value  # noqa: B018
    caught.value.add_note("seen")
    with pytest.raises(ValueError, match="A") as again:
        result[A]
    assert (again.value.args, hasattr(again.value, "__notes__")) == (("A",), False)
    assert result.error is result.errors[A]
    assert (result.error.args, hasattr(result.error, "__notes__")) == (("A",), False)


def test_a_good_result_has_no_error():
    """``error`` is None and ``errors`` empty where nothing failed."""
    (result,) = sweep(A, GOOD)

    assert result.error is None
    assert result.errors == {}


def test_the_traceback_of_an_error_leads_to_the_function():
    """The exception of a result shows where the function failed."""
    (result,) = sweep(A, BAD)

    with pytest.raises(ValueError, match="A") as caught:
        result.value  # noqa: B018
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "price"


def test_the_traceback_of_an_error_does_not_grow():
    """Raising an error a hundred times leaves its traceback as long as raising it once."""
    (result,) = sweep(A, BAD)
    lengths = set()
    for _ in range(100):
        with pytest.raises(ValueError, match="A") as caught:
            result.value  # noqa: B018
        lengths.add(len(traceback.extract_tb(caught.value.__traceback__)))

    assert len(lengths) == 1


def test_a_kept_error_holds_no_frames_open():
    """The frames of an error, and of its causes, are emptied, so that no context lives in them."""

    @dug.memoize
    def fail():
        big = [0] * 1000
        try:
            big[1000]
        except IndexError as exc:
            raise ValueError from exc

    (result,) = sweep(fail.node(), {})
    held = [find_locals(error) for error in (result.error, result.error.__cause__)]

    assert all(held)
    assert not any(any(each) for each in held)


def test_frames_of_generators_that_ended_are_emptied():
    """A generator or coroutine that an error went through holds nothing after the error was kept."""

    def generate():
        big = object()
        yield big
        raise ValueError(big)

    async def wait():
        big = object()
        list(generate())
        return big

    @dug.memoize
    def fail():
        wait().send(None)

    (result,) = sweep(fail.node(), {})
    held = find_locals(result.error)

    assert len(held) >= 3
    assert not any(held)


def test_frames_that_go_on_are_left_alone():
    """A generator that caught an error and is suspended goes on after the error was kept."""

    def catch():
        try:
            [0][int("1")]
        except IndexError as exc:
            yield exc
        yield "still here"

    caught = catch()

    @dug.memoize
    def fail():
        raise next(caught)

    (result,) = sweep(fail.node(), {})

    assert type(result.error) is IndexError
    assert next(caught) == "still here"


def test_an_error_group_is_kept_without_frames_too():
    """The frames of the errors in a group are emptied as well."""

    @dug.memoize
    def fail():
        big = [0] * 1000
        try:
            big[1000]
        except IndexError as exc:
            inner = exc
        raise ExceptionGroup("both", [inner])

    (result,) = sweep(fail.node(), {})
    (inner,) = result.error.exceptions

    assert find_locals(inner) == [{}]


def test_a_result_has_a_text():
    """``repr`` shows the name, the values and the cost."""
    good, bad = sweep(A, GOOD, BAD)

    assert repr(good).startswith("""<Result "spots:spot('A') = 1.0": 2.0, 1 recomputed in """)
    assert "ValueError('A')" in repr(bad)


# All results


def test_results_are_found_by_name():
    """``results[name]`` is the result of one scenario, computed if need be; an unknown name is a KeyError."""
    results = sweep(A, dug.Scenario(GOOD, "good"), dug.Scenario({}, "none"))

    assert results["none"].value == 200.0
    with pytest.raises(KeyError, match="better"):
        results["better"]


def test_results_are_found_by_their_place():
    """``results[0]`` is the first result and ``results[-1]`` the last; what is not there is an IndexError."""
    results = sweep(A, dug.Scenario(GOOD, "good"), dug.Scenario({}, "none"))

    assert results[0].name == "good"
    assert repr(results) == "<Sweep of 1 node, 1 of 2 scenarios done>"
    assert [results[place].name for place in (1, -1, -2)] == ["none", "none", "good"]
    for place in (2, -3):
        with pytest.raises(IndexError, match=f"no result {place} in"):
            results[place]


def test_the_line_of_all_results_counts_failures():
    """Who looks at a sweep sees that scenarios failed."""
    results = sweep(A, GOOD, BAD, {})
    list(results)

    assert repr(results) == "<Sweep of 1 node, 3 of 3 scenarios done, 1 failed>"


def test_results_can_be_reversed():
    """Python's ``reversed`` goes through the results from the last to the first."""
    assert [result.value for result in reversed(sweep(A, GOOD, {}))] == [200.0, 2.0]


def test_a_number_is_a_name_where_names_are_numbers():
    """Where a mapping names scenarios by numbers, a number is a name, also of a difference; a slice is of places."""
    with dug.Context():
        results = dug.sweep(A, {1: GOOD, 0: {}})

    assert (results[0].value, results[1].value) == (200.0, 2.0)
    assert (results.diff()[0].value, results[:1][1].value) == (0.0, 2.0)
    with pytest.raises(KeyError, match="no scenario 2"):
        results[2]


@pytest.mark.parametrize("part", [slice(1), slice(1, None), slice(0, 3, 2), slice(-1, None), slice(None, None, -1), slice(5, 9)])
def test_a_slice_is_some_of_the_results(part):
    """A slice gives the results that the same slice of a list gives, and can be looked at like all results."""
    results = sweep(A, GOOD, {}, dug.Scenario(BAD, "bad"))
    some = results[part]

    assert list(some) == list(results)[part]
    assert len(some) == len(list(results)[part])
    assert list(some.to_dict()) == [result.name for result in some]


def test_a_slice_computes_what_is_asked_for():
    """A slice from the front computes no result behind it, and none before it is asked for."""
    scenarios = ({spot.node("A"): float(number)} for number in range(1_000_000))
    with dug.Context():
        results = dug.sweep(A, scenarios)
    some = results[2:4]

    assert repr(some) == "<Part of 1 node, 0 of unknown scenarios done>"
    assert [result.value for result in some] == [4.0, 6.0]
    assert repr(some) == "<Part of 1 node, 2 of 2 scenarios done>"
    assert repr(results) == "<Sweep of 1 node, 4 of unknown scenarios done>"


def test_a_slice_knows_how_many_results_it_has():
    """The length of a slice is known before its results are there, where that of the sweep is."""
    results = sweep(A, GOOD, {}, BAD)

    assert [len(results[part]) for part in (slice(2), slice(1, 9), slice(7, 9), slice(0, None, 2))] == [2, 2, 0, 2]
    assert repr(results) == "<Sweep of 1 node, 0 of 3 scenarios done>"


def test_a_slice_shows_what_is_done():
    """A look at a slice has the results that the sweep has, and runs none of the others; one of differences takes them."""
    with dug.Context():
        results = dug.sweep(spot.node("A"), {"one": {spot.node("A"): 1.0}, "two": {spot.node("A"): 2.0}, "three": {}})
        assert results[0].value == 1.0

        assert repr(results[:2]) == "<Part of 1 node, 1 of 2 scenarios done>"
        assert "one" in results[:2]._repr_html_()
        assert "two" not in results[:2]._repr_html_()
        assert len(list(results)) == 3
        assert results.base.value == 100.0
        assert "two" in results.diff()[:2]._repr_html_()
        assert repr(results[1:]) == "<Part of 1 node, 2 of 2 scenarios done>"


def test_slices_are_of_places():
    """A slice by names is a TypeError, as of a list."""
    with pytest.raises(TypeError, match="str"):
        sweep(A, GOOD)["a":"b"]


def test_to_dict_has_the_values_by_name():
    """``to_dict`` gives each value by the name of its scenario."""
    assert sweep([A, B], dug.Scenario(GOOD, "good")).to_dict() == {"good": (2.0, 200.0)}


def test_to_dict_has_errors_in_the_place_of_values():
    """A failed value of ``to_dict`` is its error, and the other values of its scenario are there."""
    results = sweep({"a": A, "b": B}, dug.Scenario(BAD, "bad"))
    values = results.to_dict()["bad"]

    assert list(values) == ["a", "b"]
    assert values["a"] is results["bad"].error
    assert values["b"] == 200.0


def test_to_frame_has_scenarios_as_rows_and_targets_as_columns():
    """``to_frame`` has a row for each scenario, and a column for each target, the counts, the times and the errors."""
    frame = sweep([A, label.node("A")], GOOD, {}).to_frame()

    assert list(frame.index) == ["spots:spot('A') = 1.0", "base"]
    assert frame.index.name == "scenario"
    assert list(frame.columns) == [str(A), str(label.node("A")), "recomputed", "seconds", "error"]
    assert frame[str(A)].tolist() == [2.0, 200.0]
    assert frame["recomputed"].tolist() == [2, 3]
    assert (frame["seconds"] > 0).all()
    assert frame["error"].isna().all()


def test_to_frame_names_columns_by_label():
    """A labelled target names its column, also where a column of ours has the same name."""
    frame = sweep({"price": A, "seconds": B}, GOOD).to_frame()

    assert list(frame.columns) == ["price", "seconds", "recomputed", "seconds", "error"]
    assert frame.iloc[0, :3].tolist() == [2.0, 200.0, 3]


def test_to_frame_leaves_failed_values_out():
    """A failed value is NaN among numbers, and the row has the error."""
    results = sweep([A, B], GOOD, BAD)
    frame = results.to_frame()

    assert frame[str(A)].isna().tolist() == [False, True]
    assert frame[str(A)].dtype == float
    assert frame[str(B)].tolist() == [200.0, 200.0]
    assert frame["error"].tolist() == [None, tuple(results)[1].error]


def test_to_frame_of_no_scenarios_is_empty():
    """A sweep over nothing is a frame without rows, with the same columns."""
    frame = sweep(A).to_frame()

    assert frame.shape == (0, 4)


def test_to_frame_keeps_names_that_are_tuples():
    """Names that are tuples stay names, and make no index of several levels."""
    with dug.Context():
        frame = dug.sweep(A, {("a", 1): GOOD, ("b", 2): {}}).to_frame()

    assert frame.index.tolist() == [("a", 1), ("b", 2)]
    assert frame.index.nlevels == 1


def test_to_frame_without_pandas_says_what_to_type(monkeypatch):
    """Without pandas, ``to_frame`` is an ImportError that names the extra."""
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ImportError, match=r'pip install "dug\[pandas\]"'):
        sweep(A, GOOD).to_frame()


# Differences


def test_diff_is_the_difference_to_the_base():
    """``diff`` subtracts the base value of each target, in the shape of the target."""
    results = sweep([A, B], dug.Scenario(GOOD, "good"))

    assert results.diff().to_dict() == {"good": (-198.0, 0.0)}


def test_diff_keeps_what_a_scenario_cost():
    """A difference has the scenario, the count and the seconds of its result."""
    results = sweep(A, GOOD)
    (result,), (difference,) = results, results.diff()

    assert (difference.scenario, difference.recomputed, difference.seconds) == (result.scenario, 1, result.seconds)


def test_diff_keeps_errors():
    """A scenario that failed has its error in the place of a difference."""
    results = sweep([A, B], BAD)
    (result,), (difference,) = results, results.diff()

    assert difference.values == {B: 0.0}
    assert difference.error is result.error


def test_a_failed_base_is_the_error_of_each_difference():
    """Where the base failed, each difference has its error."""
    with dug.Context(BAD):
        results = dug.sweep(A, [GOOD])
    (difference,) = results.diff()

    assert difference.error is results.base.error


def test_values_that_cannot_be_subtracted_hide_no_difference():
    """A difference of texts is a TypeError in its own place."""
    (difference,) = sweep([A, label.node("A")], GOOD).diff()

    assert difference[A] == -198.0
    assert type(difference.errors[label.node("A")]) is TypeError


def test_differences_come_as_they_are_asked_for():
    """``diff`` computes a scenario when its difference is asked for."""
    results = sweep(A, GOOD, BAD)
    differences = results.diff()
    next(iter(differences))

    assert repr(results) == "<Sweep of 1 node, 1 of 2 scenarios done>"
    assert len(differences) == 2


def test_central_is_half_of_up_minus_down():
    """The central difference cancels the curvature that either direction has."""
    with dug.Context():
        results = dug.sweep(squared.node("A"), ladder([spot.node("A"), spot.node("B")], dug.shift(2.0), dug.shift(-2.0)))

    assert results.central().to_dict() == {"spots:spot('A')": 400.0, "spots:spot('B')": 0.0}
    assert [result.value for result in results.diff()] == [404.0, -396.0, 0.0, 0.0]


def test_central_sums_what_both_directions_cost():
    """A central difference counts the runs of both directions."""
    with dug.Context():
        results = dug.sweep(squared.node("A"), ladder([spot.node("A")], dug.shift(2.0), dug.shift(-2.0)))
        up, down = results
        (central,) = results.central()

    assert central.recomputed == up.recomputed + down.recomputed == 5
    assert central.seconds == up.seconds + down.seconds
    assert central.scenario is None


def test_central_has_one_result_for_each_node():
    """There are half as many central differences as scenarios, and a node that comes twice has two."""
    with dug.Context():
        results = dug.sweep(A, ladder([spot.node("A")] * 2, dug.shift(2.0), dug.shift(-2.0))).central()

    assert len(results) == 2
    assert list(results.to_dict()) == ["spots:spot('A')", "spots:spot('A') (2)"]


@pytest.mark.parametrize(("up", "down"), [(1.0, -1.0), (-1.0, 1.0)])
def test_central_keeps_errors(up, down):
    """Where one direction failed, the central difference has its error."""
    with dug.Context():
        results = dug.sweep([A, B], ladder([spot.node("A")], up, down))
        (central,) = results.central()

    assert central.values == {B: 0.0}
    assert central.error in [result.error for result in results]


@pytest.mark.parametrize("scenarios", [[GOOD], ladder([spot.node("A")], dug.shift(1.0))])
def test_central_needs_two_directions(scenarios):
    """Without a ladder up and down there is no central difference, and the message says what to type."""
    with pytest.raises(TypeError, match=r"ladder\(nodes, up, down\)"):
        sweep(A, *scenarios).central()
    with dug.Context(), pytest.raises(TypeError, match=r"ladder\(nodes, up, down\)"):
        dug.sweep(A, scenarios).central()
