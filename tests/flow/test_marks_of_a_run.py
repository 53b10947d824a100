"""The marks of a running flow, its nodes, and what a look at it from another thread leaves alone."""

import pytest
from support.sync_points import settle

import dug
from dug.flow import Flow
from dug.flow._context import FlowContext
from dug.testing import EventLog


@dug.memoize
def factor():
    """A node outside of the flow."""
    return 10


@pytest.fixture
def flow():
    """``scaled`` reads a node of its own from its third item on; ``total`` reads it."""

    async def numbers():
        for number in range(4):
            yield number

    async def scaled(numbers, rate):
        async for number in numbers:
            yield number * (rate if number < 2 else factor())

    async def total(scaled):
        return sum([number async for number in scaled])

    return Flow(numbers, scaled, total, values={"rate": 2}, name="marked")


def look(run, flow, asked):
    """Return what a function says of the running flow when it has ended."""

    async def main():
        async with await flow.start() as outputs:
            await outputs.drain()
            await settle()
            return asked(outputs)

    return run(main)


def test_marks_say_from_which_item_on_a_stream_rests_on_what(run, flow):
    """Each mark has its number, its first item, and what was read since the one before."""

    def ask(outputs):
        return [(mark.number, mark.start, mark.reads) for mark in outputs.marks() if mark.name == "scaled"]

    marks = look(run, flow, ask)

    assert marks[0][:2] == (0, 0)
    assert any("rate" in reads for _, start, reads in marks if start == 0)
    assert [start for _, start, reads in marks if "test_marks_of_a_run:factor()" in reads] == [2]
    assert any("mark 1 of numbers" in reads for _, _, reads in marks)


def test_the_last_marks_are_listed(run, flow):
    """Of many marks the last ones are in the table, and states say how many there are."""

    def ask(outputs):
        count = {state.name: state.marks for state in outputs.graph().states}["scaled"]
        return count, [mark.number for mark in outputs.marks(last=1) if mark.name == "scaled"]

    count, numbers = look(run, flow, ask)

    assert numbers == [count - 1]
    assert count >= 2


def test_a_name_of_a_run_has_its_node(run, flow):
    """A stream has the node of its items, another name that of its value."""
    names = {"scaled": "items", "total": "value", "rate": "value"}
    found = look(run, flow, lambda outputs: {name: str(outputs.node(name).function) for name in names})

    assert {name: text.rpartition(":")[2].strip(">").partition("_")[0] for name, text in found.items()} == names


def test_marks_run_nothing(run, flow):
    """A look at the marks, the nodes and the graph computes no node."""

    def ask(outputs):
        with EventLog(outputs.context) as log:
            assert len(outputs.marks()), outputs.graph().states
            outputs.node("total")
        return log.computed

    assert look(run, flow, ask) == []


def test_a_look_at_a_run_leaves_changes_that_wait_alone(run, flow):
    """A thread that looks at a run does not state what another one is about to add to the flow."""

    def ask(outputs):
        flow.add(lambda total: total, name="more")
        outputs.states(), outputs.marks(), outputs.graph(), outputs.node("total")
        return [node.args[1] for node in flow._pending]

    assert look(run, flow, ask) == ["more"]
    assert "more" in flow.names()


def test_two_threads_may_look_in_two_scenarios(flow, monkeypatch):
    """Whoever asks for the wiring gets that of its scenario, also if another thread looks in another one at that moment."""
    own, other = flow.names(), Flow(name="other")
    foreign = (object(), other._wiring)
    monkeypatch.setattr(FlowContext, "_known", property(lambda _: foreign, lambda _, __: None), raising=False)

    assert flow.names() == own
