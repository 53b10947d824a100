"""Flows in files: saved, read again with the functions given again, mended; and the errors that a user needs."""

import gc
import subprocess
import sys
import textwrap

import pytest

import dug
from dug.flow import Flow, FlowError
from dug.testing import EventLog

ORDERS = """
    import sys

    import dug
    from dug.flow import Flow
    from dug.testing import EventLog


    def gross(price, quantity):
        return price * quantity


    def fee(quantity):
        return {FEE} * quantity


    def net(gross, fee):
        return gross - fee


    if __name__ == "__main__":
        verb, path = sys.argv[1:3]
        if verb == "save":
            flow = Flow(gross, fee, net, name="orders", values=dict(price=10, quantity=5))
            flow.compute()
            print(flow.save(path).absent)
        else:
            flow = Flow.load(path, [gross, fee, net], changed=sys.argv[3])
            with EventLog(flow.context) as log:
                print(flow.compute("net"), [node.args[1] for node in log.computed if node.function.__name__ == "value"])
                flow.insert("price", 11)
                print(flow.compute("net"), [node.args[1] for node in log.computed if node.function.__name__ == "value"])
"""


def gross(price, quantity):
    """Return what is paid."""
    return price * quantity


def net(gross, discount=0):
    """Return what is left."""
    return gross - discount


def other_net(gross):
    """Return something else."""
    return gross - 100


@pytest.fixture
def path(tmp_path):
    """A file."""
    return tmp_path / "orders.dug"


@pytest.fixture
def flow():
    """A flow, computed."""
    flow = Flow(gross, net, name="orders", values={"price": 10, "quantity": 5})
    flow.compute()
    return flow


def list_run(log):
    """Return the names of the flow whose functions ran."""
    return [node.args[1] for node in log.computed if node.function.__name__ in ("value", "value_async")]


def run_orders(folder, *arguments, fee=1):
    """Run the program in a process of its own, and return what it prints."""
    program = folder / "orders.py"
    program.write_text(textwrap.dedent(ORDERS).replace("{FEE}", str(fee)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=folder
    )
    return done.stdout.splitlines() or done.stderr.splitlines()[-1:]


@pytest.mark.slow
def test_another_process_runs_what_the_mended_input_reaches(tmp_path, path):
    """A flow that is opened in another process answers from the file, and after an insert runs what reads it and nothing else."""
    assert run_orders(tmp_path, "save", path) == ["()"]

    assert run_orders(tmp_path, "load", path, "refuse") == ["45 []", "50 ['gross', 'net']"]


@pytest.mark.slow
def test_a_function_that_changed_is_refused_recomputed_or_kept(tmp_path, path):
    """A function that changed between two processes is named, runs again, or leaves its values as they were saved."""
    run_orders(tmp_path, "save", path)

    [refused] = run_orders(tmp_path, "load", path, "refuse", fee=2)
    assert "functions have changed since: __main__:fee (for 'fee')" in refused
    assert run_orders(tmp_path, "load", path, "recompute", fee=2) == ["40 ['fee', 'net']", "45 ['fee', 'net', 'gross', 'net']"]
    assert run_orders(tmp_path, "load", path, "keep", fee=2) == ["45 []", "50 ['gross', 'net']"]


def test_a_loaded_flow_answers_without_a_run(flow, path):
    """Every value of the file answers, and the states say so; a change runs what reads it."""
    flow.save(path)
    loaded = Flow.load(path, [gross, net])
    with EventLog(loaded.context) as log:
        assert loaded.compute("net") == loaded["net"] == 50
        assert {row.name: row.state for row in loaded.states()} == {row.name: row.state for row in flow.states()}
        assert list_run(log) == []
        loaded.insert("discount", 5)
        assert loaded.compute("net") == 45
    assert list_run(log) == ["net"]
    assert flow.compute("net") == 50


def test_a_what_if_of_a_loaded_flow_shares_the_file(flow, path):
    """A what-if of a loaded flow answers from the file where its changes do not reach."""
    flow.save(path)
    loaded = Flow.load(path, [gross, net])
    with loaded.what_if({"net": other_net}) as ctx, EventLog(ctx) as log:
        assert loaded.compute("net") == -50

    assert list_run(log) == ["net"]


def test_the_original_stays_whole_when_its_copy_from_a_file_goes(flow, path):
    """A flow that was read in the process that saved it shares the functions with the original, which outlives it."""
    flow.save(path)
    loaded = Flow.load(path, [gross, net])
    assert loaded.compute() == {"net": 50}
    loaded.context.close()
    del loaded
    gc.collect()
    flow.insert("price", 1)

    assert flow.compute("net") == 5


def test_overrides_tags_and_inputs_come_back(flow, path):
    """A file has overrides with what they hide, tags, and inputs without a value."""
    minus = flow.add(lambda net: -net, name="minus", tags=["late", "report"])
    flow.add("rate", tags="input")
    flow.override("gross", 100)
    flow.insert("gross", 70)
    flow.save(path)
    loaded = Flow.load(path, {"gross": gross, "net": net, "minus": minus})

    assert loaded.compute("minus") == -100
    assert (loaded.by_tag("report"), loaded.by_tag("input")) == (["minus"], ["rate"])
    assert [(one.kind, one.names) for one in loaded.validate()] == [("missing", ("rate",))]
    loaded.release("gross")
    assert loaded.compute("minus") == -70


def test_blocks_links_and_long_flows_come_back(path):
    """Blocks, links and a flow of many definitions are read again, each function given once."""
    flow = Flow(name="many", values={"n0": 0})
    for number in range(30):
        flow.add(add_one, name=f"n{number + 1}", inputs=[f"n{number}"])
    block = Flow(double, values={"x": 4})
    flow.add_each("book", block, ["A", "B"])
    flow.link("end", "n30")
    flow.compute_all()
    flow.save(path)
    loaded = Flow.load(path, [double, add_one])
    with EventLog(loaded.context) as log:
        assert loaded.compute("end", "book/A/double", "book/B/double") == {"end": 30, "book/A/double": 8, "book/B/double": 8}
        assert list_run(log) == []
        loaded.insert("book/A/x", 5)
        loaded.insert("n28", 0)
        assert loaded.compute("end", "book/A/double") == {"end": 2, "book/A/double": 10}
    assert sorted(list_run(log)) == ["book/A/double", "end", "n29", "n30"]


def add_one(before):
    """Return the next number."""
    return before + 1


def double(x):
    """Return twice the number."""
    return 2 * x


async def fetch(x):
    """Return an awaited value."""
    return x + 1


def test_an_awaited_flow_comes_back(run, path):
    """A flow with coroutine functions is read as one, and is awaited."""
    flow = Flow(fetch, name="awaited", values={"x": 3})
    run(flow.acompute, "fetch")
    flow.save(path)
    loaded = Flow.load(path, [fetch])
    with EventLog(loaded.context) as log:
        assert run(loaded.acompute, "fetch") == 4
        assert list_run(log) == []
        loaded.insert("x", 5)
        assert run(loaded.acompute, "fetch") == 6


async def count_up(x):
    """Yield numbers."""
    for number in range(x):
        yield number


async def add_up(count_up):
    """Return the sum of a stream."""
    return sum(await count_up.list())


def test_a_flow_with_streams_comes_back(run, path):
    """A flow with stream functions is saved and read, and gives the same numbers, after an insert too."""
    flow = Flow(count_up, add_up, name="streams", values={"x": 4})
    assert run(flow.acompute, "add_up") == 6
    flow.save(path)
    loaded = Flow.load(path, [count_up, add_up])

    assert run(loaded.acompute, "add_up") == 6
    loaded.insert("x", 3)
    assert run(loaded.acompute, "add_up") == 3


def test_a_saved_flow_that_was_loaded_is_saved_again(flow, path, tmp_path):
    """A loaded flow that was mended is saved into another file, which has the change."""
    flow.save(path)
    loaded = Flow.load(path, [gross, net])
    loaded.insert("price", 1)
    loaded.compute()
    loaded.save(tmp_path / "second.dug")
    again = Flow.load(tmp_path / "second.dug", [gross, net])
    with EventLog(again.context) as log:
        assert again.compute("net") == 5

    assert list_run(log) == []


def test_a_missing_function_is_named(flow, path):
    """A function that is not given is named, with the node that it computes and what to type."""
    flow.save(path)

    with pytest.raises(FlowError, match=r"no function is given: .*:net \(for 'net'\). Write Flow.load\(path, \[..., net\]\)"):
        Flow.load(path, [gross, other_net])


def test_the_file_of_another_flow_is_refused(flow, path):
    """If none of the functions is of the file's flow, the error says which flow it has."""
    flow.save(path)

    with pytest.raises(FlowError, match=r"orders.dug' has the flow 'orders', .* is it the right file\?"):
        Flow.load(path, [add_one, double])


def test_the_file_of_a_context_is_refused(path):
    """A snapshot that is of no flow is refused, and the error says how to open it."""
    dug.snapshot.save(dug.Context(), path)

    with pytest.raises(FlowError, match=r"is a snapshot of no flow. Open it with dug.snapshot.load\("):
        Flow.load(path, [gross])


def test_lambdas_are_given_by_the_names_that_they_compute(path):
    """Functions of one name cannot be told apart by it: the error says to give them by the names that they compute."""
    flow = Flow(name="short", values={"x": 3})
    first, second = lambda x: x + 1, lambda x: x * 10
    flow.add(first, name="first")
    flow.add(second, name="second")
    flow.compute()
    flow.save(path)

    with pytest.raises(FlowError, match=r"Write Flow.load\(path, \{..., 'first': function\}\)"):
        Flow.load(path, [lambda x: x + 2, lambda x: x + 3])
    loaded = Flow.load(path, {"first": first, "second": second})
    assert loaded.compute() == {"first": 4, "second": 30}


def test_a_value_without_a_codec_is_left_out_and_computed_again(path):
    """A value that cannot be written is named by the report, and computed again from the file's inputs."""
    flow = Flow(make_thing, name="things", values={"x": 3})
    flow.compute()
    report = flow.save(path)
    loaded = Flow.load(path, [make_thing])
    with EventLog(loaded.context) as log:
        assert loaded.compute("make_thing").x == 3

    assert ["value('things', 'make_thing')" in str(one) for one in report.absent] == [True]
    assert list_run(log) == ["make_thing"]


class Thing:
    """Something that has no codec."""

    def __init__(self, x):
        self.x = x


def make_thing(x):
    """Return a thing."""
    return Thing(x)


def test_what_is_no_function_or_choice_is_refused(flow, path):
    """Something that is no function, and a word that is none of the three, are refused with what to type."""
    flow.save(path)

    with pytest.raises(TypeError, match="load\\(\\) takes functions, not 5"):
        Flow.load(path, [gross, 5])
    with pytest.raises(ValueError, match="changed must be 'refuse', 'recompute' or 'keep', not 'no'"):
        Flow.load(path, [gross, net], changed="no")
