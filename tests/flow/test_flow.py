"""Flows by name: wiring, changes, errors before anything runs, what-ifs, looks."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import dug
from dug.flow import DuplicateNameError, FloatingInputError, Flow, FlowError, MissingInputError
from dug.testing import EventLog


@pytest.fixture
def ran():
    """The names of the functions that ran, in order."""
    return []


@pytest.fixture
def flow(ran):
    """``double`` reads ``x``; ``total`` reads ``double`` and ``y``, which has a default."""

    def double(x):
        ran.append("double")
        return 2 * x

    def total(double, y=1):
        ran.append("total")
        return double + y

    return Flow(double, total, values={"x": 3})


def read_states(flow):
    """Return the state of each name."""
    return {row.name: row.state for row in flow.states()}


def test_parameters_name_what_a_function_reads(flow):
    """A function reads the nodes that its parameters are named like."""
    assert flow.compute("total") == 7
    assert flow.compute() == {"total": 7}
    assert flow.compute("double", "total") == {"double": 6, "total": 7}


def test_what_is_known_does_not_run_again(flow, ran):
    """A second compute runs nothing."""
    flow.compute("total")
    ran.clear()

    assert flow.compute("total") == 7
    assert ran == []


def test_an_insert_runs_what_reads_it(flow, ran):
    """After an insert, what reads the name runs, and nothing else."""
    flow.compute("total")
    ran.clear()
    flow.insert("y", 10)

    assert flow.compute("total") == 16
    assert ran == ["total"]


def test_a_default_does_not_depend_on_the_order_of_adding():
    """A parameter with a default reads its name whenever the flow has it."""
    early, late = Flow(values={"y": 5}), Flow()
    for one in (early, late):
        one.add(lambda y=1: y, name="z")
    assert late.compute("z") == 1
    late.insert("y", 5)

    assert early.compute("z") == late.compute("z") == 5


def test_adding_a_name_again_marks_what_reads_it(flow, ran):
    """Another function for a name is a tweak: what reads it is not up to date, and runs."""
    flow.compute("total")
    ran.clear()
    flow.add(lambda x: 10 * x, name="double")

    assert read_states(flow)["total"] != "computed"
    assert flow.compute("total") == 31
    assert ran == ["total"]


def test_deleting_leaves_no_reader_up_to_date(flow):
    """After a delete, what reads the name has no value, and says what is missing."""
    flow.compute("total")
    flow.delete("double")

    assert read_states(flow)["total"] != "computed"
    assert read_states(flow)["double"] == "missing"
    with pytest.raises(FloatingInputError, match=r"has no 'double', read by 'total'. Write flow.insert\('double', value\)"):
        flow.compute("total")


def test_an_override_survives_insert_many(flow):
    """An override stays through inserts, is marked, and shows the inserted value when it is released."""
    flow.override("double", 100)
    flow.insert_many({"double": 7, "x": 4})

    assert flow.compute("total") == 101
    assert read_states(flow)["double"] == "overridden"
    flow.release("double")
    assert flow.compute("total") == 8
    assert read_states(flow)["double"] == "inserted"
    flow.release("double")
    assert flow.compute("total") == 9


def test_a_copy_shares_nothing_that_changes(flow):
    """A change of a copy is none of the original, and the other way round."""
    copy = flow.copy()
    copy.insert("x", 5)
    copy.add(lambda double: -double, name="total")
    flow.insert("y", 2)

    assert copy.compute("total") == -10
    assert flow.compute("total") == 8


def test_a_failure_is_tried_again():
    """A function that failed runs again when it is asked for again, and its error passes through as it is."""
    failing = [True]

    def price():
        if failing:
            raise failing.pop() and OSError("no feed")
        return 5

    flow = Flow(price)
    with pytest.raises(OSError, match="no feed"):
        flow.compute("price")

    assert flow.compute("price") == 5


@pytest.mark.slow
def test_a_long_chain_computes_in_order():
    """A chain of 2,000 names computes without recursion, and an insert at its start runs each once."""
    flow = Flow(values={"n0": 0})
    for number in range(2_000):
        flow.add(lambda before: before + 1, name=f"n{number + 1}", inputs=[f"n{number}"])
    assert flow.compute("n2000") == 2_000
    with EventLog(flow.context) as log:
        flow.insert("n0", 1)

        assert flow.compute("n2000") == 2_001
    assert len([node for node in log.computed if "value(" in str(node)]) == 2_000


@pytest.mark.parametrize("name", ["other", "double"])
def test_two_functions_of_one_name_are_refused(flow, name):
    """A flow made of two functions of one name, and a rename to a name that is taken, are refused with the name."""

    def double(x):
        return x

    with pytest.raises(DuplicateNameError, match="'double'"):
        Flow(double, double)
    flow.add(lambda: 1, name="other")
    with pytest.raises(DuplicateNameError, match=repr(name)):
        flow.rename("total", name)


def test_a_circle_is_refused_by_name_before_anything_runs(flow, ran):
    """A circle of names is a CycleError with the names, and no function runs."""
    flow.add(lambda total: total, name="x")

    with pytest.raises(dug.CycleError, match="total -> double -> x -> total"):
        flow.compute("total")
    assert [problem.kind for problem in flow.validate()] == ["cycle"]
    assert ran == []


def test_missing_inputs_are_named_before_anything_runs(flow, ran):
    """An input without a value and a name that nothing gives are two errors, each with what to type."""
    flow.add("rate")
    flow.add(lambda double, rate: rate, name="a")
    flow.add(lambda double, rat: rat, name="b")

    with pytest.raises(MissingInputError, match=r"input 'rate' .* Type flow.insert\('rate', value\)") as caught:
        flow.compute("a")
    assert type(caught.value) is MissingInputError
    with pytest.raises(FloatingInputError, match=r"flow.repoint\('rat', 'rate'\)"):
        flow.compute("b")
    assert {problem.kind: problem.names for problem in flow.validate()} == {"missing": ("rate",), "floating": ("rat",)}
    assert ran == []


def test_a_what_if_shares_what_it_does_not_touch(flow, ran):
    """A what-if runs what reads the change, leaves the flow as it is, and can change functions."""
    flow.compute("total")
    ran.clear()
    with flow.what_if({"y": 10}) as ctx:
        assert flow.compute("total") == 16
    with flow.what_if({"double": lambda x: 10 * x}):
        assert flow.compute("total") == 31
        with flow.what_if({"x": dug.shift(1)}):
            assert flow.compute("total") == 41

    assert ran == ["total", "total", "total"]
    assert flow.compute("total") == 7
    assert "16 -> 7" in str(ctx.compare(flow.context, flow.node("total")))


def test_a_sweep_takes_the_nodes_of_a_flow(flow):
    """Nodes of flows can be swept, planned and explained like any other."""
    with flow.context:
        results = dug.sweep([flow.node("total")], [{flow.node("x"): x} for x in (1, 2)])

        assert [result[flow.node("total")] for result in results] == [3, 5]
    flow.compute("total")
    flow.insert("x", 9)
    assert [str(node).partition(", ")[2] for node in flow.plan("total").nodes] == ["'double')", "'total')"]


def test_memoised_functions_are_read_as_nodes():
    """A function of a flow reads memoised functions, in the context around the flow too."""

    @dug.memoize
    def rate():
        return 2

    flow = Flow(values={"x": 3})
    flow.add(lambda x: x * rate(), name="priced")
    assert flow.compute("priced") == 6
    with dug.Context({rate.node(): 5}):
        assert flow.compute("priced") == 15


def test_wires_can_be_changed(flow):
    """Links, renames and repoints change who reads what, and keep values."""
    flow.link("z", "total")
    flow.rename("x", "start")
    flow.insert("other", 50)
    flow.repoint("double", "other")

    assert flow.compute("z") == 51
    assert flow.compute("double") == 6
    assert flow.inputs() == ["start", "other"]


def test_restrict_keeps_what_the_outputs_read(flow):
    """A restriction removes what its outputs do not read, and cuts at the inputs."""
    flow.add(lambda total: total, name="far")
    flow.restrict("total", inputs="double")
    flow.insert("double", 1)

    assert sorted(flow.names()) == ["double", "total"]
    assert flow.compute("total") == 2


def test_blocks_resolve_names_within_first():
    """In a block a name means that of the block, then that of the flow; blocks can be repeated by key."""
    position = Flow(values={"quantity": 1})
    position.add(lambda quantity, price, rate: quantity * price * rate, name="value")
    book = Flow(values={"rate": 2, "price": 7})
    paths = book.add_each("book", position, {"AAPL": {"price": 10}, "MSFT": {"quantity": 3}}, links={})
    book.add(lambda a, b: a + b, name="total", inputs=[f"{path}/value" for path in paths])

    assert book.compute("book/MSFT/value") == 42
    assert book.compute("book/AAPL/value") == 14
    with pytest.raises(DuplicateNameError):
        book.add_block("book/AAPL", position)
    with pytest.raises(FlowError):
        book.add_block("again", book)


def test_tags_find_names(flow):
    """A tag finds the names that were added with it."""

    @flow.add(tags=["report"])
    def sheet(total):
        return str(total)

    assert flow.by_tag("report") == ["sheet"]
    assert flow.compute("sheet") == "7"


def test_run_merges_dicts_in_topological_order():
    """A run hands a context to the functions that want one, and merges the dicts; a conflict can be refused."""
    flow = Flow()
    flow.add(lambda context: {"user": context["id"], "n": 1}, name="user")
    flow.add(lambda user: {"n": 2}, name="orders")
    flow.add(lambda orders: 5, name="count")

    values, merged = flow.run({"id": "u1"})
    assert list(values) == ["user", "orders", "count"]
    assert merged == {"user": "u1", "n": 2}
    with pytest.raises(FlowError, match="'user' and 'orders' both give the key 'n'"):
        flow.run({"id": "u1"}, on_conflict="error")
    with ThreadPoolExecutor(2) as pool:
        assert flow.run({"id": "u2"}, executor=pool)[1]["user"] == "u2"


def test_compute_all_computes_what_it_can(flow):
    """A failure in one place keeps nothing else from being computed."""
    flow.add(lambda x: x / 0, name="bad")
    batch = flow.compute_all()

    assert batch[flow.node("total")] == 7
    assert list(batch.failures) == [flow.node("bad")]
    assert read_states(flow)["bad"] == "failed"


def test_a_flow_is_drawn_before_it_runs(flow, ran):
    """A picture of the wiring needs no run."""
    assert "double" in flow.draw()
    assert list(flow.graph().dependencies("total")) == ["double"]
    assert ran == []


class Price(float):
    """A price."""


class Quantity(int):
    """A quantity."""


class Value(float):
    """A value."""


def give_price() -> Price:
    """Give a price."""
    return Price(2.0)


def give_another() -> Price:
    """Give another price."""
    return Price(3.0)


def find_value(price: Price, quantity: Quantity | None) -> Value:
    """Give a value, of 1 where there is no quantity."""
    return Value(price * (1 if quantity is None else quantity))


def test_types_wire_functions():
    """By types, a function gives what it returns and reads what its parameters are; None stands for what nothing gives."""
    flow = Flow.by_types(give_price, find_value)

    assert flow.compute("Value") == 2.0
    flow.insert("Quantity", 3)
    assert flow.compute("Value") == 6.0
    with pytest.raises(DuplicateNameError, match=r"give_price and give_another both give 'Price'"):
        Flow.by_types(give_price, give_another)


async def fetch(x):
    """Return an awaited value."""
    return x + 1


def test_coroutine_functions_are_awaited(run):
    """A flow with a coroutine function is awaited, and keeps the values that it had."""
    flow = Flow(values={"x": 3})
    flow.add(fetch)
    flow.add(lambda fetch: -fetch, name="minus")

    assert run(flow.acompute, "minus") == -4
    assert flow["fetch"] == 4
    with pytest.raises(FlowError, match=r"await flow.acompute"):
        flow.compute("minus")


def test_two_flows_of_one_name_do_not_meet(flow):
    """A flow inside another one of the same name is refused."""
    first, second = Flow(name="same"), Flow(name="same")
    with first.context, pytest.raises(dug.ContextError, match="another flow named 'same'"):
        second.names()
