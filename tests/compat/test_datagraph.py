"""Datagraph's spelling: its first program, and what goes wrong there, on asyncio and on trio."""

import runpy
from pathlib import Path
from typing import Annotated

import anyio
import pytest
from celery import Celery
from support.sync_points import settle

import dug
from dug.compat import datagraph
from dug.compat.datagraph import (
    IO,
    CeleryExecutor,
    CyclicFlowError,
    Depends,
    DuplicateIOError,
    Executor,
    FloatingIOError,
    Flow,
    IOVal,
    LocalExecutor,
    Processor,
    Supervisor,
    Task,
    UnregisteredProcessorError,
    UnresolvedFlowError,
)
from dug.flow import FlowError

EXAMPLE = Path(__file__).parents[2] / "examples" / "datagraph_multiples.py"


@pytest.fixture(autouse=True)
def supervisor(monkeypatch):
    """A supervisor, and no function of another test."""
    monkeypatch.setattr(Supervisor, "functions", {})
    monkeypatch.setattr(Supervisor, "processors", {})
    monkeypatch.setattr(Supervisor, "attached", None)
    return Supervisor.attach(executor=LocalExecutor())


def make(name, inputs, outputs, fn, *, wait=False):
    """Return a processor with its function."""
    processor = Processor(name=name, inputs=inputs, outputs=outputs, wait=wait)
    assert processor(fn) is fn
    return processor


async def start(*processors, all_outputs=False, **inputs):
    """Start a flow of processors, each input with its values."""
    values = [IOVal(name=name, value=value) for name, many in inputs.items() for value in many]
    return await Supervisor.instance.start_flow(Flow.from_processors(*processors).resolve(), values, all_outputs)


def test_the_first_program_prints_what_it_says(run, capsys):
    """The first program of Datagraph's page prints 0, 2, 4, 6 and 8."""
    program = runpy.run_path(str(EXAMPLE))

    run(program["main"])

    assert capsys.readouterr().out == "0\n2\n4\n6\n8\n"


def test_the_supervisor_is_given_with_and_without_a_call(supervisor):
    """Both spellings of the supervisor give the one that was attached."""
    assert Supervisor.instance is supervisor
    assert Supervisor.instance() is supervisor
    assert isinstance(supervisor.executor, Executor)


def test_a_supervisor_that_is_not_there_is_said_so(monkeypatch):
    """Without a supervisor the error says how to attach one."""
    monkeypatch.setattr(Supervisor, "attached", None)

    with pytest.raises(FlowError, match=r"Supervisor\.attach\(executor=LocalExecutor\(\)\)"):
        Supervisor.instance  # noqa: B018  asking for it raises


def test_settings_without_a_server_are_told():
    """Settings of a server that is not there are warned of; an executor of Celery without one is refused, and so is serving."""
    with pytest.warns(UserWarning, match="without redis_config dug connects to no server: serialization_secret has no effect"):
        Supervisor.attach(serialization_secret="secret")
    with pytest.raises(FlowError, match=r"CeleryExecutor needs a server.*redis_config="):
        Supervisor.attach(executor=CeleryExecutor(Celery("lonely", broker="memory://", set_as_current=False)))
    with pytest.raises(TypeError, match="'app' is not a Celery app"):
        CeleryExecutor("app")
    with pytest.raises(FlowError, match=r"there is no server\. Write Supervisor\.attach\(redis_config="):
        anyio.run(Supervisor.instance.serve)
    Supervisor.instance.shutdown()


async def count(seed: IO[int]):
    """Count up to the first value of the seed."""
    for number in range(await seed.first()):
        yield IOVal("numbers", number)


async def double(numbers: IO[int]):
    """Double each number."""
    async for number in numbers.stream():
        yield IOVal("doubles", 2 * number)


async def echo(values):
    """Give the values again."""
    async for value in values:
        yield value


def test_what_waits_runs_once_after_both_producers(run):
    """A processor that waits for two producers runs once, with all that they gave."""
    ran = []

    async def both(numbers: IO[int], doubles: IO[int]):
        ran.append("both")
        return IOVal("sums", sum(await numbers.list()) + sum(await doubles.list()))

    async def main():
        first, second = make("count", ["seed"], ["numbers"], count), make("double", ["numbers"], ["doubles"], double)
        third = make("both", ["numbers", "doubles"], ["sums"], both, wait=True)
        for _ in range(20):
            ran.clear()
            result = await start(first, second, third, seed=[4])
            assert list(result) == ["sums"]
            assert await result["sums"].list() == [18]
            assert ran == ["both"]

    run(main)


def test_the_first_value_comes_before_the_second_is_made(run):
    """A reader has the first value while the processor is still at work."""
    made = []

    async def slow(seed: IO[int]):
        for number in range(await seed.first()):
            made.append(number)
            yield IOVal("numbers", number)
            await settle()

    async def main():
        result = await start(make("slow", ["seed"], ["numbers"], slow), seed=[5])
        return await result["numbers"].first(), list(made)

    assert run(main) == (0, [0])


def test_inputs_end(run):
    """Two values of one input reach its reader, and then the end."""
    double_all = make("double", ["numbers"], ["doubles"], double)

    async def main():
        result = await start(double_all, numbers=[5, 6])
        found = [value async for value in result["doubles"]]
        return found, await result["doubles"].is_complete()

    assert run(main) == ([10, 12], True)


def test_one_flow_can_be_started_twice(run):
    """A resolved flow that is started twice has two runs, each with its own data."""
    flow = Flow.from_tasks(make("count", ["seed"], ["numbers"], count))

    async def main():
        assert not flow.resolved
        flow.resolve()
        assert flow.resolved
        starts = [await Supervisor.instance.start_flow(flow, [IOVal("seed", seed)]) for seed in (2, 3)]
        return [await result["numbers"].list() for result in starts]

    assert run(main) == [[0, 1], [0, 1, 2]]


@pytest.mark.parametrize("given", [IOVal("out", 7), (IOVal("out", 7),), [IOVal("out", 7)]])
def test_a_returned_value_is_not_dropped(run, given):
    """What a coroutine function returns goes into its stream, alone or in a list."""

    async def give():
        return given

    async def main():
        return await (await start(make("give", [], ["out"], give)))["out"].list()

    assert run(main) == [7]


def test_a_dependency_is_opened_and_closed_once_a_run(run):
    """A dependency in either form is made once for a processor, and closed when that ends."""
    events = []

    async def connect():
        events.append("open")
        try:
            yield "connection"
        finally:
            events.append("closed")

    async def read(a: Annotated[str, Depends(connect)], b=Depends(connect)):  # noqa: B008  the default form
        events.append("run")
        yield IOVal("rows", (a, b))

    async def main():
        return await (await start(make("read", [], ["rows"], read)))["rows"].list()

    assert run(main) == [("connection", "connection")]
    assert events == ["open", "run", "closed"]


def test_streams_are_read_in_step(run):
    """`stream_with` reads streams in step, and ends with the shortest, or pads it, or refuses it."""
    processors = make("count", ["seed"], ["numbers"], count), make("echo", ["values"], ["echoes"], echo)

    async def main():
        result = await start(*processors, seed=[3], values=[9])
        numbers, echoes = result["numbers"], result["echoes"]
        short = [row async for row in numbers.stream_with(echoes)]
        padded = [row async for row in numbers.stream_with(echoes, pad=None)]
        with pytest.raises(ValueError, match="differ in length"):
            [row async for row in numbers.stream_with(echoes, strict_when_no_pad=True)]
        return short, padded

    assert run(main) == ([(0, 9)], [(0, 9), (1, None), (2, None)])


def test_streams_are_read_as_they_come(run):
    """`as_available` gives all values of streams of different length."""
    processors = make("count", ["seed"], ["numbers"], count), make("echo", ["values"], ["echoes"], echo)

    async def main():
        result = await start(*processors, seed=[3], values=range(200))
        return [value async for value in result["numbers"].as_available(result["echoes"])]

    assert len(run(main)) == 203


def test_all_outputs_are_given_on_demand(run):
    """Streams that a processor reads are returned with `all_outputs`; a processor's node is not."""
    processors = make("count", ["seed"], ["numbers"], count), make("double", ["numbers"], ["doubles"], double)

    async def main():
        few = await start(*processors, seed=[1])
        return list(few), list(await start(*processors, seed=[1], all_outputs=True))

    assert run(main) == (["doubles"], ["numbers", "doubles"])


def test_a_processor_without_outputs_runs(run):
    """A processor that gives nothing is started, and runs to its end, though no stream of it is returned."""
    stored = []

    async def store(numbers: IO[int], done=Depends(lambda: done[0])):  # noqa: B008  the default form
        async for number in numbers:
            stored.append(number)
            await settle()
        done.set()

    async def main():
        done[:] = [anyio.Event()]
        count_up, keep = make("count", ["seed"], ["numbers"], count), make("store", ["numbers"], [], store)
        assert await start(count_up, keep, seed=[3]) == {}
        await done[0].wait()
        await start(count_up, seed=[1])
        await settle()
        return Supervisor.instance._at_work

    done = []

    assert run(main) == []
    assert stored == [0, 1, 2]


def test_what_cannot_run_is_refused_before_anything_starts(run):
    """Duplicate outputs, circles, missing inputs and functions, and a flow that is not resolved have errors of their own."""
    ran = []

    async def never():
        ran.append("never")

    one, same = make("one", [], ["x"], never), make("two", [], ["x"], never)
    there, back = make("there", ["a"], ["b"], never), make("back", ["b"], ["a"], never)

    with pytest.raises(DuplicateIOError, match="'x'"):
        Flow.from_processors(one, same).resolve()
    with pytest.raises(DuplicateIOError, match="named 'one'"):
        Flow.from_processors(one, one).resolve()
    with pytest.raises(CyclicFlowError, match="a -> "):
        Flow.from_processors(there, back).resolve()
    with pytest.raises(FloatingIOError, match="'seed'"):
        run(start, make("count", ["seed"], ["numbers"], count))
    with pytest.raises(UnregisteredProcessorError, match="'nobody'"):
        run(start, one, Task(name="nobody", outputs=["y"]))
    with pytest.raises(UnresolvedFlowError, match="resolve"):
        run(Supervisor.instance.start_flow, Flow([one]))
    with pytest.raises(UnresolvedFlowError):
        Flow([one]).draw()
    assert ran == []


def test_a_flow_is_drawn_and_asked_what_if(run):
    """The flow underneath has dug's pictures and what-ifs."""
    flow = Flow.from_processors(make("count", ["seed"], ["numbers"], count)).resolve()

    async def main():
        async with await flow.flow.start({"seed": [2]}, all_outputs=True) as outputs:
            with outputs.what_if({"seed": [1]}):
                return await outputs["numbers"].list()

    assert "count()" in flow.draw()
    assert run(main) == [0]


def test_an_error_reaches_the_reader(run):
    """A processor's error is the very one that the reader gets, after the values before it."""
    error = OSError("no route")

    async def fail():
        yield IOVal("rows", 1)
        raise error

    async def main():
        result = await start(make("fail", [], ["rows"], fail))
        with pytest.raises(OSError, match="no route") as caught:
            await result["rows"].list()
        assert repr(result["rows"]).startswith("IO('rows', <Stream")
        return await result["rows"].first(), caught.value is error

    assert run(main) == (1, True)


def test_all_names_are_there():
    """Every name that the module exports is one of its own."""
    assert all(hasattr(datagraph, name) for name in datagraph.__all__)
    assert issubclass(UnresolvedFlowError, dug.DugError)
