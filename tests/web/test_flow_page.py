"""What a page says of a running flow: its graph with rates and lag, its marks; it starts nothing and keeps nothing going."""

from __future__ import annotations

import asyncio
import gc
import json

import anyio
import pytest
from support.sync_points import run_on, settle

import dug
from dug import web
from dug.flow import Flow
from dug.testing import Clock, EventLog
from dug.web._shown import show

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e"


@pytest.fixture(params=["asyncio", "trio"])
def run(request):
    """Run a coroutine function on a loop."""
    return lambda main: run_on(request.param, main)


@pytest.fixture
def gate():
    """Where ``held`` stops, one event for each loop."""
    return []


@pytest.fixture
def log():
    """What began, in order."""
    return []


@pytest.fixture
def flow(gate, log):
    """``numbers`` goes on, ``held`` stops after two of them at the gate, ``broken`` fails; ``total`` reads ``held``."""

    async def numbers():
        log.append("numbers")
        for number in range(5):
            yield number

    async def held(numbers, rate):
        log.append("held")
        count = 0
        async for number in numbers:
            yield number * rate
            count += 1
            if count == 2:
                await gate[0].wait()

    async def broken(numbers):
        yield await numbers.first()
        raise ValueError(HOSTILE)

    async def total(held):
        return sum([number async for number in held])

    return Flow(numbers, held, broken, total, values={"rate": 2}, name="f")


def look(run, flow, gate, asked):
    """Return what a function says of the page of the flow at the gate."""

    async def main():
        gate[:] = [anyio.Event()]
        async with await flow.start() as outputs:
            await settle()
            return asked(show(outputs), outputs)

    return run(main)


def tell(answers):
    """Return the parts of the panel."""
    return answers.answer("flow", {})["parts"]


def find(parts, kind):
    """Return the first part of a kind."""
    return next(part for part in parts if part["kind"] == kind)


def draw(parts):
    """Return the boxes of the picture by name, and the words on its lines by the names at their ends."""
    picture = find(parts, "picture")
    names = {box["name"]: box["text"] for box in picture["boxes"]}
    return {box["text"]: box for box in picture["boxes"]}, {
        (names[read], names[reader]): word for read, reader, word in picture["lines"]
    }


def test_the_graph_has_the_lag_of_each_reader_on_its_lines(run, flow, gate):
    """A line says how many items its reader has not taken yet; a box its state and how many items it has given."""
    boxes, lines = look(run, flow, gate, lambda answers, _: draw(tell(answers)))

    assert lines["numbers", "held"] == "3 behind"
    assert lines["held", "total"] == "0 behind"
    assert lines["numbers", "broken"] == ""
    assert {name: (box["state"], box["note"]) for name, box in boxes.items() if name != "broken"} == {
        "numbers": ("ended", "ended, 5 items"),
        "held": ("open", "open, 2 items"),
        "total": ("open", "open, 0 items"),
        "rate": ("tweaked", "tweaked"),
    }


def test_the_graph_has_rates_on_its_lines(run, flow, gate, monkeypatch):
    """From the second look on a line says how many items a second its reader takes."""
    clock = Clock()
    monkeypatch.setattr("dug.web._running.Rates", lambda: dug.web._rates.Rates(clock))

    async def main():
        gate[:] = [anyio.Event()]
        async with await flow.start() as outputs:
            await settle()
            answers = show(outputs)
            tell(answers)
            clock.advance(2.0)
            before = draw(tell(answers))
            gate[0].set()
            await settle()
            return before, draw(tell(answers))

    (boxes, lines), (later, after) = run(main)

    assert (lines["numbers", "held"], boxes["held"]["note"]) == ("0 a second, 3 behind", "open, 2 items, 0 a second")
    assert (after["numbers", "held"], later["held"]["note"]) == ("", "ended, 5 items")


def test_a_failed_stream_is_told_with_its_error(run, flow, gate):
    """The error of a stream is in its box, and whole in the table, marks that reorder text escaped."""
    parts = look(run, flow, gate, lambda answers, _: tell(answers))

    (row,) = [row["cells"] for row in find(parts, "table")["rows"] if row["cells"][0]["text"] == "broken"]
    assert [cell["text"] for cell in row[:3]] == ["broken", "failed", "1"]
    assert (row[1]["class"], row[-1]["class"]) == ("failed", "failed")
    assert "<script>alert(2)</script>" in row[-1]["text"]
    assert "\u202e" not in json.dumps(parts, ensure_ascii=False)
    assert draw(parts)[0]["broken"]["note"].startswith("ValueError: <img")
    assert parts[0]["text"] == "1 failed, 1 tweaked, 2 open, 1 ended"


def test_the_marks_of_each_stream_are_listed(run, flow, gate):
    """Marks say from which item on a stream rests on what."""
    parts = look(run, flow, gate, lambda answers, _: tell(answers))

    rows = [[cell["text"] for cell in row["cells"]] for row in find(find(parts, "folded")["parts"], "table")["rows"]]
    assert next(row[:3] for row in rows if row[0] == "held") == ["held", "0", "0"]
    assert any("rate" in row[3].split(", ") for row in rows if row[0] == "held")


def test_the_page_of_a_run_opens_with_it_and_links_its_nodes(run, flow, gate):
    """The page begins with the picture, whose boxes lead to the nodes of the run."""

    def ask(answers, _):
        boxes, _ = draw(tell(answers))
        return answers.answer("head", {}), answers.answer("node", {"name": boxes["held"]["node"]})

    head, node = look(run, flow, gate, ask)

    assert (head["kind"], head["first"], head["live"]) == ("flow run", "flow", True)
    assert head["title"] == "dug.flow.RunningFlow of f with 2 outputs"
    assert node["about"]["value"].endswith("2 items so far, open>")


def test_looking_starts_no_stream_and_runs_nothing(run, flow, gate, log):
    """Whatever a page asks of a run, no node is computed, and no generator begins, also when the run was closed."""

    async def main():
        gate[:] = [anyio.Event()]
        async with await flow.start() as outputs:
            await settle()
            with EventLog(outputs.context) as events:
                answers = show(outputs)
                ask_all(answers)
                await settle()
        with EventLog(outputs.context) as later:
            ask_all(answers)
            await settle()
            return events.computed + later.computed, answers.answer("flow", {})["busy"], tell(answers)[0]["text"]

    assert run(main) == ([], False, "1 failed, 1 tweaked, 2 closed, 1 ended, closed")
    assert log == ["numbers", "held"]


def ask_all(answers):
    """Ask a page everything."""
    for what in ("head", "flow", "rows", "failures", "graph"):
        answers.answer(what, {})
    for row in answers.answer("rows", {})["rows"]:
        answers.answer("node", {"name": row["name"]})


def test_a_page_keeps_no_run_going(gate, flow):
    """Nobody but the page has the run any more: it ends, and the page says so with how it was."""

    async def main():
        gate[:] = [anyio.Event()]
        outputs = await flow.start()
        await settle()
        answers = show(outputs)
        before = tell(answers)
        del outputs
        gc.collect()
        await settle()
        return before, answers.answer("flow", {})

    before, after = asyncio.run(main())

    assert after["parts"][0]["text"].startswith("Nobody has the run any more")
    assert after["parts"][1:] == before
    assert not after["busy"]


def test_a_flow_of_many_names_has_a_table(run):
    """Where there are too many names for a picture, a line says so, and the table has them."""
    flow = Flow(name="wide", values={f"input{number}": number for number in range(301)})

    @flow.add
    async def items(input0, input1):
        yield input0 + input1

    async def main():
        async with await flow.start() as outputs:
            await outputs.drain()
            return tell(show(outputs))

    parts = run(main)
    assert parts[1]["text"] == "302 names are too many for a picture."
    assert len(find(parts, "table")["rows"]) == 302


def test_a_run_takes_no_tweaks_of_a_page(run, flow, gate):
    """The streams of a run are read on its loop: the page says what to write there."""

    def ask(_, outputs):
        with pytest.raises(TypeError, match=r"run\.what_if"):
            web.serve(outputs, open=False, allow_tweaks=True)
        return True

    assert look(run, flow, gate, ask)


def test_a_run_is_served(run, flow, gate):
    """``serve(outputs)`` answers from its thread while the run goes on, on any loop."""
    pytest.importorskip("starlette", reason="starlette is in the web extra")
    pytest.importorskip("uvicorn", reason="uvicorn is in the web extra")
    from test_serving import ask_data

    async def main():
        gate[:] = [anyio.Event()]
        async with await flow.start() as outputs:
            await settle()
            with web.serve(outputs, open=False) as page:
                before = ask_data(page, "flow")
                gate[0].set()
                await settle()
                return before["parts"][0]["text"], before["busy"], ask_data(page, "flow")["parts"][0]["text"]

    before, busy, after = run(main)
    assert (before, busy) == ("1 failed, 1 tweaked, 2 open, 1 ended", True)
    assert after == "1 failed, 1 tweaked, 3 ended"
