"""Changes of a flow, one by one: what each leaves alone, what it refuses, and how much work it is."""

import pathlib
import sys

import pytest
from support.calls import list_calls

import dug
from dug.flow import DuplicateNameError, FloatingInputError, Flow, FlowError
from dug.testing import EventLog


def double(x):
    """Return twice the number."""
    return 2 * x


def total(double, y=1):
    """Return a sum."""
    return double + y


@pytest.fixture
def flow():
    """``double`` reads ``x``; ``total`` reads ``double`` and ``y``, which has a default."""
    return Flow(double, total, values={"x": 3})


def make_chain(length):
    """Return a flow of so many names, each one more than the one before."""
    flow = Flow(values={"n0": 0})
    for number in range(length):
        flow.add(lambda before: before + 1, name=f"n{number + 1}", inputs=[f"n{number}"])
    return flow


def list_run(log):
    """Return the names of the flow whose functions ran."""
    return [node.args[1] for node in log.computed if node.function.__name__ == "value"]


def test_a_flow_grows_by_many_names_at_a_time():
    """Many names that are added after a look leave those that were there."""
    flow = make_chain(30)
    assert flow.compute("n30") == 30
    for number in range(30, 60):
        flow.add(lambda before: before + 1, name=f"n{number + 1}", inputs=[f"n{number}"])

    assert flow.compute("n60") == 60
    assert len(flow.names()) == 61


def test_a_hundred_targets_cost_one_pass():
    """A hundred names asked for together run each function that they need once."""
    flow = make_chain(300)
    with EventLog(flow.context) as log:
        found = flow.compute(*[f"n{number}" for number in range(201, 301)])

    assert found["n201"] == 201
    assert sorted(list_run(log)) == sorted(f"n{number}" for number in range(1, 301))


def count_calls_after_an_insert(length):
    """Return how many Python functions are called to compute a chain again."""
    flow = make_chain(length)
    flow.compute(f"n{length}")
    flow.insert("n0", 1)
    return len(list_calls(lambda: flow.compute(f"n{length}")))


def test_a_chain_is_linear():
    """A chain that is four times as long takes four times as many calls after an insert, not sixteen."""
    short, long = map(count_calls_after_an_insert, (200, 800))

    assert long < 4.4 * short


def test_a_what_if_of_a_long_flow_shares_its_results():
    """A what-if of a flow of many names, or of one with a list as an input, runs nothing that it does not touch."""
    flow = make_chain(40)
    flow.insert("items", [1, 2])
    flow.add(len, name="count", inputs=["items"])
    flow.compute("n40", "count")
    with flow.what_if({"n38": 0}) as ctx, EventLog(ctx) as log:
        assert flow.compute("n40", "n37", "count") == {"n40": 2, "n37": 37, "count": 2}

    assert list_run(log) == ["n39", "n40"]


def count_calls_outside_the_engine(act):
    """Return how many functions of flows and contexts are called: the engine compares the tweaks of the open context."""
    called = []

    def note(frame, event, _):
        if event == "call" and pathlib.Path(frame.f_code.co_filename).parent.name in ("flow", "_contexts"):
            called.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return len(called)


def test_an_insert_does_not_look_at_the_other_nodes():
    """An insert into a live flow calls as many functions of flows and contexts in a chain of 800 as in one of 100."""
    counts = []
    for length in (100, 800):
        flow = make_chain(length)
        flow.compute(f"n{length}")
        flow.insert_many({f"n{number}": number for number in range(0, length, 2)})
        with flow.context:
            flow.insert("n10", 0)
            counts.append(count_calls_outside_the_engine(lambda flow=flow: flow.insert("n10", 1)))

    assert 0 < counts[1] <= counts[0]


def test_what_is_known_is_answered_without_looking_at_the_wires():
    """Asking for a known name calls as many Python functions in a chain of 800 as in one of 100."""
    counts = []
    for length in (100, 800):
        flow = make_chain(length)
        flow.compute(f"n{length}")
        counts.append(len(list_calls(lambda flow=flow, length=length: flow.compute(f"n{length}"))))

    assert counts[1] <= counts[0] + 5


@pytest.mark.slow
def test_a_chain_of_20_000_names_computes():
    """A chain of 20,000 names computes, and again after an insert."""
    flow = make_chain(20_000)
    assert flow.compute("n20000") == 20_000
    flow.insert("n0", 5)

    assert flow.compute("n20000") == 20_005


def test_a_listener_hears_of_a_change(flow):
    """An insert is a tweak that listeners of the flow's context hear of."""
    heard = []
    with flow.context as ctx, ctx.listen(heard.append, kinds="tweaked"):
        flow.insert("x", 4)

    assert [event.node for event in heard] == [flow.node("x")]


def test_a_flow_is_not_changed_by_a_function_that_it_runs(flow):
    """A function of a flow that inserts into the flow is refused, as no scenario changes under a run."""
    flow.add(lambda double: flow.insert("x", 5), name="meddler")

    with pytest.raises(dug.ContextError, match="must not change the flow of"):
        flow.compute("meddler")
    assert flow.compute("double") == 6


def test_a_copy_has_the_tweaks_of_other_functions():
    """A copy keeps what its context says of memoised functions, whatever their arguments."""

    @dug.memoize
    def rate(book):
        return 2

    flow = Flow(values={"x": 3}, name="orders")
    flow.add(lambda x: x * rate("orders"), name="priced")
    flow.context.tweak(rate.node("orders"), 10)

    assert flow.copy("other").compute("priced") == 30


def test_a_copy_has_overrides_and_tags(flow):
    """A copy has the overrides of the flow, and what they hide, and tags of its own."""
    flow.add(tags=["report"])(lambda_named_sheet)
    flow.insert("double", 50)
    flow.override("double", 100)
    copy = flow.copy()
    copy.add("lambda_named_sheet", tags=["late"])

    assert copy.compute("total") == 101
    copy.release("double")
    assert copy.compute("total") == 51
    assert flow.compute("total") == 101
    assert (flow.by_tag("late"), copy.by_tag("report")) == ([], ["lambda_named_sheet"])


def lambda_named_sheet(total):
    """Return a text."""
    return str(total)


def test_a_name_that_nothing_reads_cannot_be_repointed(flow):
    """A repoint of a name that neither the flow nor a wire has is refused with the names that there are."""
    with pytest.raises(KeyError, match=r"has no 'dubble'. Its names: double, total, x"):
        flow.repoint("dubble", "x")


def test_a_rename_keeps_an_override_and_what_it_hides(flow):
    """A renamed node is overridden still, and its release shows what was inserted."""
    flow.insert("double", 50)
    flow.override("double", 100)
    flow.rename("double", "twice")

    assert flow.compute("total") == 101
    flow.release("twice")
    assert flow.compute("total") == 51
    assert "double" not in flow


def test_a_deleted_name_that_is_inserted_again_feeds_its_readers(flow):
    """After a delete, an insert of the name makes it an input, and its readers compute."""
    flow.compute("total")
    flow.delete("double")
    flow.insert("double", 10)

    assert flow.compute("total") == 11
    assert "x" not in flow.order("total")


def test_a_deleted_name_that_is_added_again_has_no_value(flow):
    """A value that was inserted goes with the node: an input of the name, added later, is missing."""
    flow.delete("x")
    flow.add("x")

    assert [(one.kind, one.names) for one in flow.validate()] == [("missing", ("x",))]


def test_a_delete_of_an_absent_name_removes_nothing(flow):
    """If one of the names is not there, none is deleted."""
    with pytest.raises(KeyError):
        flow.delete("double", "nothing")

    assert flow.compute("total") == 7


def test_a_link_follows_its_source(flow):
    """A linked node is what its source is, after a change too."""
    flow.link("copy", "total")
    assert flow.compute("copy") == 7
    flow.insert("y", 10)

    assert flow.compute("copy") == 16


def test_a_restriction_to_several_outputs_keeps_their_values(flow):
    """A restriction keeps what was inserted into the names that stay, and the results."""
    flow.add(lambda total: total, name="far")
    flow.insert("y", 5)
    flow.compute("total")
    flow.restrict(["total"])
    with EventLog(flow.context) as log:
        assert flow.compute("total") == 11

    assert list_run(log) == []
    assert sorted(flow.names()) == ["double", "total", "x", "y"]


def test_a_block_is_a_copy():
    """A change of the block's flow is none of the flow that it was added to."""
    position = Flow(double, values={"x": 1})
    book = Flow()
    book.add_block("a", position, links={})
    position.insert("x", 100)

    assert book.compute("a/double") == 2


def test_links_of_a_block_lead_outside():
    """A linked name of a block is read from the flow around, and is no name of the block."""
    position = Flow(double, values={"x": 1})
    book = Flow(values={"price": 7})
    book.add_block("a", position, links={"x": "price"})

    assert book.compute("a/double") == 14
    assert "a/x" not in book


def test_a_function_that_is_gone_is_named_before_anything_runs(flow):
    """A node whose function is gone is a problem by name, and an error before the functions that it needs run."""
    flow.add(lambda double: double, name="late")
    flow._functions.pop(next(key for key in flow._functions if "<lambda>" in key))  # as where a file was read without it

    assert [(one.kind, one.names) for one in flow.validate()] == [("function", ("late",))]
    with EventLog(flow.context) as log, pytest.raises(FlowError, match=r"'late' .* is gone. Write flow.add\(function"):
        flow.compute("late")
    assert list_run(log) == []


def test_two_sinks_are_known_by_their_own_names():
    """By types, two functions that return nothing are two nodes, each by its own name."""
    seen = []

    def give() -> float:
        return 2.0

    def print_it(value: float) -> None:
        seen.append(value)

    def send_it(value: float, count: int | None) -> None:
        seen.append((value, count))

    flow = Flow.by_types(give, print_it, send_it)
    flow.compute()

    assert flow.outputs() == ["print_it", "send_it"]
    assert sorted(seen, key=str) == [(2.0, None), 2.0]


def test_two_types_of_one_name_are_refused():
    """A type that is named like another one is not taken for it: the error names both modules."""

    def give() -> float:
        return 2.0

    def read(value: type("float", (), {"__module__": "elsewhere"})) -> int:
        return 1

    with pytest.raises(DuplicateNameError, match=r"'float' means two types, of builtins and of elsewhere"):
        Flow.by_types(give, read)


def test_a_plan_names_what_would_run(flow):
    """A plan after an insert has the functions that read it, and runs none."""
    flow.compute("total")
    flow.insert("y", 9)

    assert [node.args[1] for node in flow.plan("total").nodes] == ["total"]


def test_a_plan_of_what_never_ran_follows_the_wires(flow):
    """The plan of a new flow has every function that the name needs, in order, and no inputs and known names."""
    flow.add(lambda total, z: total, name="far")
    planned = flow.plan("far")
    assert [node.args[1] for node in planned.nodes] == ["double", "total", "far"]
    assert planned.certain == planned.nodes
    chain = make_chain(30)
    chain.compute("n10")

    assert [node.args[1] for node in chain.plan("n30").nodes] == [f"n{number}" for number in range(11, 31)]


def test_a_plan_by_wires_is_as_certain_as_what_is_known(flow):
    """A new function leads to one that only might run: the plan says so."""
    flow.compute("total")
    flow.add(lambda total: total, name="far")
    flow.context.invalidate(flow.node("double"))
    planned = {row.node.args[1]: row.is_certain for row in flow.plan("far")}

    assert planned == {"double": True, "total": False, "far": True}


def test_a_failure_is_told_in_the_states_and_tried_again(flow):
    """A failed node is failed with its error in the table, what reads it did not run, and both run when they can."""
    broken = [OSError("no feed")]

    def feed():
        if broken:
            raise broken.pop()
        return 5

    flow.add(feed, name="x")
    flow.delete("total")
    flow.add(total)
    with pytest.raises(OSError, match="no feed"):
        flow.compute("total")
    states = {row.name: (row.state, row.error) for row in flow.states()}

    assert states["x"] == ("failed", "OSError: no feed")
    assert states["total"] == ("not-run", None)
    assert flow.compute("total") == 11


@pytest.mark.parametrize("ask", [lambda flow: flow.compute("total"), lambda flow: flow.run()])
def test_an_error_has_the_line_of_the_user(flow, ask):
    """What a function raises comes out with a traceback that ends at its line."""

    def feed():
        raise OSError("no feed")

    flow.add(feed, name="x")
    with pytest.raises(OSError, match="no feed") as caught:
        ask(flow)

    assert caught.traceback[-1].name == "feed"


def test_an_unknown_name_is_refused_with_what_to_type(flow):
    """A name that is asked for and not there is an error that says what to type."""
    with pytest.raises(FloatingInputError, match=r"has no 'totl', read by nobody. Write flow.insert\('totl', value\)"):
        flow.compute("totl")
