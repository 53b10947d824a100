"""Datagraph's spelling against a real server: in one process, over two, and on the workers of Celery."""

from __future__ import annotations

import gc
import os
import runpy
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery
from support.servers import celery_working, serving

from dug.compat.datagraph import IO, CeleryExecutor, Flow, IOVal, LocalExecutor, Processor, Supervisor
from dug.flow import FlowError
from dug.flow.services import RunGoneError, ServicesError

EXAMPLE = Path(__file__).parents[2] / "examples" / "datagraph_multiples.py"
SECRET = "a secret that only these tests have"

multiples = Processor(name="multiples", inputs=["count"], outputs=["multiple"])
doubled = Processor(name="doubled", inputs=["multiple"], outputs=["double"])
WORKER = """
import os
from celery import Celery
from dug.compat.datagraph import CeleryExecutor, LocalExecutor, Processor, IOVal, Supervisor

app = Celery("datagraph_worker")
multiples = Processor(name="multiples", inputs=["count"], outputs=["multiple"])

@multiples
async def stream_multiples(count):
    for number in range(await count.first()):
        yield IOVal("multiple", 2 * number)

CONFIG = {"redis_config": {"url": os.environ["SERVER"]}, "serialization_secret": os.environ["SECRET"]}
if __name__ == "__main__":
    import anyio
    anyio.run(Supervisor.attach(executor=LocalExecutor(), **CONFIG).serve, backend="trio")
else:
    Supervisor.attach(executor=CeleryExecutor(app), **CONFIG)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all tests of this file."""
    with serving("valkey", tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def attach(server, monkeypatch):
    """A function that attaches a supervisor to the server."""
    monkeypatch.setattr(Supervisor, "functions", {})
    monkeypatch.setattr(Supervisor, "processors", {})
    monkeypatch.setattr(Supervisor, "attached", None)
    made = []

    def attach(**options):
        settings = {"redis_config": {"url": server.url}, "serialization_secret": SECRET, **options}
        made.append(Supervisor.attach(**settings))
        return made[-1]

    yield attach
    for supervisor in made:
        supervisor.shutdown()


@pytest.fixture
def folder(tmp_path, monkeypatch, server):
    """A folder with the module of another service, whose settings are in the environment."""
    (tmp_path / "datagraph_worker.py").write_text(WORKER)
    monkeypatch.setenv("SERVER", server.url)
    monkeypatch.setenv("SECRET", SECRET)
    return tmp_path


@contextmanager
def serving_processors(folder):
    """Run a service that has the processor, and kill it at the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (folder / "log").open("ab") as log:
        service = subprocess.Popen([sys.executable, "datagraph_worker.py"], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        service.kill()
        service.wait()


async def start_and_read(*processors, count=5):
    """Start a flow, and return the values of its last stream."""
    flow = Flow.from_processors(*processors).resolve()
    result = await Supervisor.instance.start_flow(flow, inputs=[IOVal(name="count", value=count)])
    [stream] = result.values()
    values = [value async for value in stream.stream()]
    return values, await stream.is_complete()


async def double(multiple: IO[int]):
    """Double what another service gives."""
    async for number in multiple:
        yield IOVal("double", 2 * number)


def test_the_first_program_runs_on_a_server(run, attach, capsys, monkeypatch):
    """The first program of Datagraph's page prints 0, 2, 4, 6 and 8 when its supervisor is attached to a server."""
    settings = Supervisor.attach
    monkeypatch.setattr(Supervisor, "attach", lambda **_: None)  # by the program itself, without a server
    program = runpy.run_path(str(EXAMPLE))
    monkeypatch.setattr(Supervisor, "attach", settings)
    supervisor = attach(executor=LocalExecutor())

    run(program["main"])

    assert capsys.readouterr().out == "0\n2\n4\n6\n8\n"
    assert [state.state for state in supervisor.services.runs()][-1] == "ended"


def test_a_processor_registered_after_the_supervisor_is_served(run, attach):
    """The order of attaching and of decorating does not matter, and what gives nothing runs to its end."""
    attach()
    stored = []

    @multiples
    async def give(count: IO[int]):
        return [IOVal("multiple", number) for number in range(await count.first())]

    @Processor(name="stored", inputs=["multiple"])
    async def store(multiple: IO[int]):
        stored.extend(await multiple.list())

    async def main():
        flow = Flow.from_processors(multiples, Supervisor.processors["stored"]).resolve()
        result = await Supervisor.instance.start_flow(flow, [IOVal("count", 3)], True)
        assert await result["multiple"].list() == [0, 1, 2]
        [kept] = Supervisor.instance._shared
        await kept.drain()

    run(main)
    assert stored == [0, 1, 2]


def test_a_run_is_left_when_its_streams_are_not_held(attach, run_asyncio):
    """A process that holds no stream of a run works for it no more, and the run goes on without it."""

    async def main():
        supervisor = attach()
        flow = Flow.from_processors(multiples).resolve()  # nobody has the function
        result = await supervisor.start_flow(flow, [IOVal("count", 3)])
        held = supervisor.services._server.threads.held
        assert len(held) == 1
        del result
        gc.collect()
        assert not held
        return supervisor.services.runs()[-1].state

    assert run_asyncio(main) == "open"


def test_a_run_that_was_deleted_is_forgotten(attach, run_asyncio):
    """A run without streams that somebody deleted is no obstacle to the next start."""

    async def main():
        supervisor = attach()
        flow = Flow.from_processors(Processor(name="nobody", inputs=["count"])).resolve()
        for _ in range(2):
            await supervisor.start_flow(flow, [IOVal("count", 3)])
            [run] = supervisor._shared
            supervisor.services.delete(run.id)
        with pytest.raises(RunGoneError):
            await run.state()

    run_asyncio(main)


@pytest.mark.slow
def test_the_first_program_is_split_over_two_services(run_asyncio, attach, folder):
    """A processor in another process gives 0 to 8, which one in this process doubles."""
    attach()
    doubled(double)

    with serving_processors(folder):
        assert run_asyncio(lambda: start_and_read(multiples, doubled)) == ([0, 4, 8, 12, 16], True)


@pytest.mark.slow
def test_the_first_program_is_split_with_celery(run_asyncio, attach, folder, server, monkeypatch):
    """A worker of Celery, in processes of its pool, has the processor; the process that starts the flow has none."""
    with Celery("starter", broker=server.url, set_as_current=False) as app:
        attach(executor=CeleryExecutor(app))
        monkeypatch.syspath_prepend(str(folder))
        with celery_working("datagraph_worker", server.url, folder, "--pool", "prefork", "--concurrency", "1"):
            assert run_asyncio(lambda: start_and_read(multiples)) == ([0, 2, 4, 6, 8], True)


def test_settings_that_dug_does_not_take_are_told(attach):
    """Other settings of a server, a secret that is short, and settings that mean nothing here are said by name."""
    with pytest.raises(FlowError, match=r"redis_config takes a url and nothing else, not \['host'\]\. Write redis_config="):
        attach(redis_config={"host": "localhost"})
    with pytest.raises(ServicesError, match="at least 16 bytes"):
        attach(serialization_secret="short")
    with pytest.warns(UserWarning, match="dug has no such setting: io_read_timeout has no effect"):
        attach(io_read_timeout=3)
