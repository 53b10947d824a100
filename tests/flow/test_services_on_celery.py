"""``dug.flow.services.celery``: real workers, with pools of processes, of threads and solo, and a real server between."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys

import anyio
import pytest
from celery import Celery
from celery.exceptions import Retry
from served import FUNCTIONS, make_services, wait_until
from support.servers import celery_working, serving
from support.sync_points import run_on

from dug.flow import Flow
from dug.flow.services import ServerLostError, Services, ServicesError, declared
from dug.flow.services.celery import TASK, dispatch_to, register

POOLS = {"prefork": ("--concurrency", "3"), "threads": ("--concurrency", "3"), "solo": ()}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for runs and for messages."""
    with serving("redis", tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def starter(server, tmp_path, monkeypatch):
    """Services of a process that starts runs, and has no processor; workers note in ``total.log`` that the last one began."""
    monkeypatch.setenv("SERVED_LOG", str(tmp_path / "total.log"))
    with Celery("starter", broker=server.url, set_as_current=False) as app:
        services = make_services(server.url, "celery", dispatch=dispatch_to(app))
        yield services
        services.close()


def make_flow():
    """Return a flow of three processors, of which the last one waits."""
    flow = Flow(declared("squared", "numbers"), declared("halved", "squared"))
    flow.add(declared("total", "halved"), wait=True)
    return flow


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_workers_of_each_pool_perform_processors(server, starter, tmp_path, pool):
    """A run goes through a worker to its end, and the processor that waits begins once."""

    async def main():
        async with await make_flow().start({"numbers": [2, 4]}, on=starter, all_outputs=True) as run:
            return await run["halved"].list(), await run["total"].list()

    with celery_working("served_by_celery", server.url, tmp_path, "--pool", pool, *POOLS[pool]):
        assert run_on("trio", main) == ([2.0, 8.0], [10.0])
    assert len((tmp_path / "total.log").read_text().split()) == 1


@pytest.mark.slow
def test_a_process_of_a_pool_is_killed_in_the_middle(server, starter, tmp_path):
    """The processes of a worker's pool share a run; the message of one that is killed comes again, and no value is lost."""
    killed = []

    async def numbers():
        for number in range(200):
            yield number
            if number == 100:
                killed.append(await kill_owner(run))

    async def kill_owner(run):
        await wait_until(lambda: starter.status(run.id).find("squared").items["squared"] > 50)
        pid = int(starter.status(run.id).find("squared").owner.split(":")[-2])
        os.kill(pid, signal.SIGKILL)
        return pid

    async def main():
        nonlocal run
        async with await make_flow().start({"numbers": numbers}, on=starter, all_outputs=True) as run:
            return await run["squared"].list(), await run["total"].list()

    run = None
    with celery_working("served_by_celery", server.url, tmp_path, "--pool", "prefork", *POOLS["prefork"]) as worker:
        squares, total = run_on("asyncio", main)

    assert squares == [number * number for number in range(200)]
    assert total == [sum(squares) / 2]
    assert killed != [worker.pid]
    assert str(worker.pid) not in (tmp_path / "total.log").read_text().split()


@pytest.fixture
def app():
    """An app in memory, which no worker hears."""
    with Celery("lonely", broker="memory://", set_as_current=False) as app:
        yield app


def test_a_message_is_two_names_in_json(app):
    """What is sent to a queue is the processor and the run, and nothing else; it is acknowledged when the step has ended."""
    services = Services("redis://127.0.0.1:1/0")
    register(app, services)
    task = app.tasks[TASK]

    anyio.run(dispatch_to(app, queue="heavy"), "squared", "some-run")

    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("heavy", no_ack=True)
    assert message.headers["task"] == TASK
    assert json.loads(message.body)[:2] == [["squared", "some-run"], {}]
    assert (task.acks_late, task.reject_on_worker_lost, task.max_retries) == (True, True, None)
    services.close()


def test_a_step_that_another_process_has_is_looked_at_again(server, app):
    """A task whose step is at work elsewhere comes back, and is done when the step has ended, or the run is gone."""
    services = make_services(server.url, "again", ["squared"])
    register(app, services)
    task = app.tasks[TASK]

    async def main():
        asked = anyio.Event()

        async def numbers():
            yield 1
            await asked.wait()

        async with await Flow(FUNCTIONS["squared"]).start({"numbers": numbers}, on=services) as run:
            assert await run["squared"].first() == 1
            with pytest.raises(Retry):
                await anyio.to_thread.run_sync(task, "squared", run.id)
            asked.set()
            assert await run["squared"].list() == [1]
            assert await anyio.to_thread.run_sync(task, "squared", run.id) is None
            services.delete(run.id)
            assert await anyio.to_thread.run_sync(task, "squared", run.id) is None

    run_on("asyncio", main)
    services.close()


def test_a_worker_without_server_asks_again(app):
    """A task that finds no server comes back, and does not lose its message."""
    services = Services("redis://127.0.0.1:1/0")
    services.processor(FUNCTIONS["squared"])
    register(app, services)

    with pytest.raises(ServerLostError):  # which Celery raises where a task was called as a function
        app.tasks[TASK]("squared", "some-run")
    services.close()


def test_what_a_queue_refuses_is_sent_again(server, caplog):
    """A dispatcher that raises is asked again at the next look, and its error is logged."""
    sent = []

    async def dispatch(processor, _):
        sent.append(processor)
        if len(sent) == 1:
            raise OSError("the broker is away")

    async def main():
        services = make_services(server.url, "refused", dispatch=dispatch)
        async with await Flow(declared("squared", "numbers")).start({"numbers": [1]}, on=services):
            await wait_until(lambda: len(sent) == 2)
        services.close()

    with caplog.at_level(logging.ERROR, "dug"):
        run_on("trio", main)
    assert "the broker is away" in caplog.text


def test_what_cannot_be_registered_is_refused(app, monkeypatch):
    """No app, no services, two services of one name, and a missing Celery are refused with what to type."""
    one, other = Services("redis://127.0.0.1:1/0"), Services("redis://127.0.0.1:1/0")
    with pytest.raises(TypeError, match=r"5 is not a Celery app\. Write dispatch_to\(app\)"):
        dispatch_to(5)
    with pytest.raises(TypeError, match=r"are not Services\. Write register\(app, services\)"):
        register(app, app)
    register(app, one)
    register(app, one)
    with pytest.raises(ServicesError, match=r"Write register\(app, services, task='\.\.\.'\)"):
        register(app, other)
    register(app, other, task="dug.perform.other")
    monkeypatch.setitem(sys.modules, "celery", None)
    with pytest.raises(ImportError, match=r'dispatch_to needs celery. Type: pip install "dug\[celery\]"'):
        dispatch_to(app)
    one.close(), other.close()
