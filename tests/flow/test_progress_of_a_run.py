"""Looks at a running flow: how far each name has come, in tables and pictures."""

import shutil

import anyio
import pytest
from support.sync_points import settle

import dug.draw
from dug.flow import Flow


@pytest.fixture
def gate():
    """Where ``held`` stops, one event for each loop."""
    return []


@pytest.fixture
def flow(gate):
    """``numbers`` goes on, ``held`` stops after two of them at the gate, ``broken`` fails; ``total`` reads ``held``."""

    async def numbers():
        for number in range(5):
            yield number

    async def held(numbers, rate):
        count = 0
        async for number in numbers:
            yield number * rate
            count += 1
            if count == 2:
                await gate[0].wait()

    async def broken(numbers):
        yield await numbers.first()
        raise ValueError("bad")

    async def total(held):
        return sum([number async for number in held])

    return Flow(numbers, held, broken, total, values={"rate": 2}, name="f")


def look(run, flow, gate, asked):
    """Return what a function says of the running flow at the gate, and when all but the broken one has ended."""

    async def main():
        gate[:] = [anyio.Event()]
        async with await flow.start() as outputs:
            await settle()
            found = [asked(outputs)]
            gate[0].set()
            await outputs["total"].first()
            return [*found, asked(outputs)]

    return run(main)


def test_states_say_how_far_each_name_has_come(run, flow, gate):
    """The table has the state and the items of each name, and how far its readers are behind; the rate while it goes on."""

    def ask(outputs):
        return {row.name: (row.state, row.items, dict(row.behind), row.rate is not None) for row in outputs.states()}

    before, after = look(run, flow, gate, ask)

    assert before == {
        "numbers": ("ended", 5, {"held": 3}, False),
        "held": ("open", 2, {"total": 0}, True),
        "broken": ("failed", 1, {}, False),
        "total": ("open", 0, {}, True),
        "rate": ("tweaked", None, {}, False),
    }
    assert after == {
        "numbers": ("ended", 5, {}, False),
        "held": ("ended", 5, {}, False),
        "broken": ("failed", 1, {}, False),
        "total": ("ended", 1, {}, False),
        "rate": ("tweaked", None, {}, False),
    }


def test_an_error_is_in_the_table(run, flow, gate):
    """A failed stream has its error, and what it reads."""
    before, _ = look(run, flow, gate, lambda outputs: {row.name: (row.error, row.reads) for row in outputs.states()})

    assert before["broken"] == ("ValueError: bad", ("numbers",))
    assert before["held"] == (None, ("numbers", "rate"))


def test_a_table_is_printed(run, flow, gate):
    """The table reads like any other."""
    before, _ = look(run, flow, gate, lambda outputs: str(outputs.states()))

    assert before.splitlines()[0].split() == ["name", "state", "items", "a", "second", "behind", "reads", "error"]


def test_a_what_if_has_a_picture_of_its_own(run, flow, gate):
    """In a what-if of the run, a look says how far that has come: what it shares, and what it does not."""

    async def main():
        gate[:] = [anyio.Event()]
        async with await flow.start() as outputs:
            await settle()
            with outputs.what_if({"rate": 3}):
                return {row.name: (row.state, row.items) for row in outputs.states()}

    found = run(main)

    assert found["numbers"] == ("ended", 5)
    assert found["held"] == ("closed", 0)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (dug.draw.tree, ["numbers  [ended, 5 items]  3 behind", "held  [open, 2 items, "]),
        (dug.draw.mermaid, ['n0("numbers<br/>ended<br/>5 items")', '-->|"3 behind"| ']),
        (dug.draw.dot, [r'label="numbers\nended\n5 items"', '[label="3 behind"]']),
    ],
)
def test_a_picture_has_words_on_boxes_and_lines(run, flow, gate, draw, words):
    """Text, Mermaid and DOT say on boxes how far a stream is, and on lines how far its reader is behind."""
    flow.restrict("total")
    before, after = look(run, flow, gate, lambda outputs: draw(outputs.graph()))

    assert [word for word in words if word not in before] == []
    assert "behind" not in after


def test_a_name_that_is_written_elsewhere_has_its_words_there(run, flow, gate):
    """In a tree, the second reader of a stream has the words in brackets."""

    async def twice(numbers, held):
        async for number in held:
            yield number

    flow.restrict("total")
    flow.add(twice)
    before, _ = look(run, flow, gate, lambda outputs: dug.draw.tree(outputs.graph()))

    assert "also held (0 behind)" in before


def test_a_running_flow_draws_itself(run, flow, gate):
    """`draw` is the Mermaid flowchart of the graph, with a legend for the states of streams."""
    before, after = look(run, flow, gate, lambda outputs: outputs.draw())

    assert 'legend2("goes on"):::open' in before
    assert "has ended" in after


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs the program dot of Graphviz")
def test_a_running_flow_is_an_svg(run, flow, gate):
    """Graphviz draws the same words."""
    pytest.importorskip("graphviz", reason="needs the package graphviz")
    before, _ = look(run, flow, gate, lambda outputs: dug.draw.svg(outputs.graph()))

    assert ">3 behind<" in before
    assert ">2 items<" in before
