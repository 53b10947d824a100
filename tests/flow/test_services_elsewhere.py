"""``dug.flow.services`` in several processes, which are killed; and a server that is restarted."""

from __future__ import annotations

import random
import traceback
from contextlib import ExitStack

import anyio
import kill_services
import pytest
from kill_services import serving_processors
from served import make_services, wait_until
from support.servers import serving
from support.sync_points import BACKENDS, run_on

from dug.flow import Flow
from dug.flow.services import RunGoneError, declared

pytestmark = pytest.mark.slow  # a process takes a second to start


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all tests of this file but one."""
    with serving("valkey", tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.mark.parametrize(("name", "loop"), [("squared", "trio"), ("picked", "asyncio"), ("summed", "asyncio"), ("fussy", "trio")])
def test_every_value_is_there_once_and_in_order_whoever_is_killed(server, tmp_path, name, loop):
    """A processor that is killed twice in a run of 1,000 values gives each of them once and in order."""
    rng = random.Random(name)

    async def main():
        return await kill_services.run_with_kills(server.url, name, loop, name, tmp_path, kills=2, values=1_000, rng=rng)

    found, skipped, kills = run_on(loop, main)
    assert (kills, found) == (2, run_on(loop, kill_services.list_expected, name, 1_000))
    assert skipped == kill_services.list_skipped(name, 1_000)


def test_a_run_goes_through_several_processes(server, tmp_path):
    """Three processes share a run: values pass from one to the next, what waits is begun once, and an error has its line."""

    async def main():
        services = make_services(server.url, "several")
        flow = Flow(declared("squared", "numbers"), declared("halved", "squared"), declared("inverted", "numbers"))
        flow.add(declared("total", "halved"), wait=True)
        try:
            async with await flow.start({"numbers": [2, 4, 0]}, on=services, all_outputs=True) as run:
                with pytest.raises(ZeroDivisionError) as raised:
                    async with run["inverted"].open() as reader:
                        [value async for value in reader]
                return await run["total"].list(), "".join(traceback.format_exception(raised.value))
        finally:
            services.close()

    with ExitStack() as stack:
        for loop, *names in (("asyncio", "squared", "total"), ("trio", "halved", "total"), ("asyncio", "inverted")):
            stack.enter_context(serving_processors(server.url, "several", loop, *names, folder=tmp_path))
        total, text = run_on("asyncio", main)

    assert total == [10.0]
    assert len((tmp_path / "total.log").read_text().split()) == 1
    assert "yield 1 / number" in text


@pytest.mark.parametrize("has_data", [True, False])
@pytest.mark.parametrize("loop", BACKENDS)
@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_a_server_is_restarted_in_the_middle(tmp_path, kind, loop, has_data):
    """A run goes on when its server comes back with its data; without, every reader gets a RunGoneError."""

    async def main(server):
        services = make_services(server.url, "restarted", ["squared", "halved"])
        is_back = anyio.Event()

        async def numbers():
            yield 2
            await is_back.wait()
            yield 4

        flow = Flow(declared("squared", "numbers"), declared("halved", "squared"))
        try:
            async with await flow.start({"numbers": numbers}, on=services) as run, run["halved"].open() as reader:
                found = [await anext(reader)]
                if has_data:
                    services._server.client.save()
                server.kill()
                await anyio.to_thread.run_sync(server.start)
                is_back.set()
                if not has_data:
                    with pytest.raises(RunGoneError):
                        await anext(reader)
                    return found
                return [*found, *[value async for value in reader]]
        finally:
            services.close()

    with serving(kind, tmp_path) as server:
        assert run_on(loop, main, server) == ([2.0, 8.0] if has_data else [2.0])


def test_a_starter_that_has_left_does_not_end_the_run(server, tmp_path):
    """When the process that started a run has left it, the others go on to its end."""

    async def main():
        services = make_services(server.url, "left")
        try:
            async with await Flow(declared("squared", "numbers")).start({"numbers": [1, 2]}, on=services) as run:
                pass
            with serving_processors(server.url, "left", "asyncio", "squared", folder=tmp_path):
                await wait_until(lambda: services.status(run.id).state == "ended")
            async with await services.open(run.id) as again:
                return await again["squared"].list()
        finally:
            services.close()

    assert run_on("trio", main) == [1, 4]
