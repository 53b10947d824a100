"""The eleven defects of Datagraph, each a test that passes here, on Redis and Valkey, asyncio and trio.

Each is run with services in this process, in two processes of their own, and on a Celery worker with a pool of processes.
"""

from __future__ import annotations

import gc
import inspect
import os
from contextlib import ExitStack

import anyio
import pytest
from celery import Celery
from kill_services import serving_processors
from served import LEASE_S, make_services, wait_until
from support.servers import celery_working, serving
from support.sync_points import BACKENDS, run_on

from dug.flow import Flow
from dug.flow.services import Services, declared
from dug.flow.services.celery import dispatch_to
from dug.streams import merge

SERVED = {"asyncio": ("squared", "joined", "inverted", "placed"), "trio": ("squared", "joined", "halved", "placed")}
"""What each of two services has, and the loop of the one that is a process of its own."""
SQUARED, HALVED, INVERTED = declared("squared", "numbers"), declared("halved", "squared"), declared("inverted", "numbers")
PLACES = [
    pytest.param((kind, way), id=f"{kind}-{way}", marks=[] if way == "here" else pytest.mark.slow)
    for kind in ("redis", "valkey")
    for way in ("here", "processes", "celery")
]


class Place:
    """A server, and the services that have the processors: here, in processes of their own, or on a Celery worker."""

    def __init__(self, kind, way, folder, stack):
        self.way, self.log = way, folder / "total.log"
        self.pids = set()
        """The processes that are no pool's, and which may not work where there is one."""
        self.dispatch = None
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("SERVED_LOG", str(self.log))
        self.server = stack.enter_context(serving(kind, folder))
        if way == "processes":
            for loop, names in SERVED.items():
                service = serving_processors(self.server.url, way, loop, *names, folder=folder)
                self.pids.add(stack.enter_context(service).pid)
        elif way == "celery":
            app = stack.enter_context(Celery("starter", broker=self.server.url, set_as_current=False))
            self.dispatch = dispatch_to(app)
            options = "--pool", "prefork", "--concurrency", "4"
            self.pids.add(stack.enter_context(celery_working("served_by_celery", self.server.url, folder, *options)).pid)

    def make(self, names=(), **options):
        """Return services for one that starts runs, or that has processors."""
        return make_services(self.server.url, self.way, names, dispatch=self.dispatch, **options)


@pytest.fixture(scope="module", params=PLACES)
def place(request, tmp_path_factory):
    """Each server, with each way to serve."""
    with ExitStack() as stack:
        yield Place(*request.param, tmp_path_factory.mktemp("-".join(request.param)), stack)


@pytest.fixture
def make(place):
    """A maker of services that start runs, and have no processor."""
    made = []

    def make(*names, **options):
        made.append(place.make(names, **options))
        return made[-1]

    yield make
    for services in made:
        services.close()


@pytest.fixture(params=BACKENDS)
def run_here(request, place, make):
    """Run a coroutine function on each loop, while services are at work."""

    def run(main):
        served = [make(*names) for names in SERVED.values()] if place.way == "here" else []

        async def serve_while():
            async with anyio.create_task_group() as group:
                for services in served:
                    group.start_soon(services.serve)
                found = await main()
                group.cancel_scope.cancel()
            return found

        return run_on(request.param, serve_while)

    return run


def count_begun(place):
    """Return how often a body that notes that has begun."""
    return len(place.log.read_text().split()) if place.log.exists() else 0


def test_what_waits_for_two_is_begun_once(place, make, run_here):
    """A processor that waits for two others is begun once, though several services have it and both end at one time."""
    before = count_begun(place)

    async def main():
        flow = Flow(SQUARED, INVERTED)
        flow.add(declared("joined", "squared", "inverted"), wait=True)
        async with await flow.start({"numbers": [1, 2]}, on=make()) as run:
            return await run["joined"].list()

    assert run_here(main) == [6.5]
    assert count_begun(place) - before == 1


def test_inputs_end(make, run_here):
    """The values of an input are followed by its end, so that its readers end."""

    async def main():
        async with await Flow(SQUARED).start({"numbers": [5, 6]}, on=make()) as run:
            return await run["squared"].list()

    assert run_here(main) == [25, 36]


def test_values_stream_before_the_end(make, run_here):
    """A value goes through two services before the next one is there."""

    async def main():
        seen = anyio.Event()

        async def numbers():
            yield 2
            await seen.wait()
            yield 4

        async with await Flow(SQUARED, HALVED).start({"numbers": numbers}, on=make()) as run, run["halved"].open() as reader:
            found = [await anext(reader)]
            seen.set()
            return [*found, *[value async for value in reader]]

    assert run_here(main) == [2.0, 8.0]


def test_a_failure_is_told_to_who_waits(make, run_here):
    """A reader in another service that waits for a value gets the error of the processor, whichever step it reads."""

    async def main():
        asked = anyio.Event()

        async def numbers():
            await asked.wait()
            yield 0

        flow = Flow(INVERTED)
        flow.add(HALVED, inputs={"squared": "inverted"})
        async with await flow.start({"numbers": numbers}, on=make()) as run, run["halved"].open() as reader:
            asked.set()
            with pytest.raises(ZeroDivisionError):
                await anext(reader)

    run_here(main)


def test_a_body_runs_in_a_process_that_serves(place, make, run_here):
    """A body runs in the process of its service; of a Celery worker, in a process of its pool."""

    async def main():
        async with await Flow(declared("placed", "numbers")).start({"numbers": [1]}, on=make()) as run:
            return await run["placed"].first()

    pid = run_here(main)
    if place.way == "celery":
        assert pid not in (os.getpid(), *place.pids)
    else:
        assert pid in (place.pids or {os.getpid()})


def test_a_consumer_may_be_slow(make, run_here):
    """A reader that does not come before all others have ended gets everything; with keep= the writer waits for it."""

    async def main():
        services, found = make(), []
        async with await Flow(SQUARED).start({"numbers": range(50)}, on=services) as run:
            await wait_until(lambda: services.status(run.id).state == "ended")
            found.append(await run["squared"].list())
        async with await Flow(SQUARED).start({"numbers": range(50)}, on=make(keep=10)) as run:
            await wait_until(lambda: services.status(run.id).find("squared").items["squared"] > 5)
            async with run["squared"].open() as reader:
                found.append([value async for value in reader])
        return found

    assert run_here(main) == [[number * number for number in range(50)]] * 2


def test_one_flow_runs_twice_at_a_time(make, run_here):
    """Two runs of one flow at the same time have their own values."""

    async def main():
        services, flow = make(), Flow(SQUARED)
        first, second = [await flow.start({"numbers": numbers}, on=services) for numbers in ([1, 2], [3])]
        async with first, second:
            return await second["squared"].list(), await first["squared"].list()

    assert run_here(main) == ([9], [1, 4])


def test_streams_of_different_length_are_merged(make, run_here):
    """A merge of 3 and of 200 values gives 203."""

    async def main():
        flow = Flow(SQUARED)
        flow.add(SQUARED, name="others", inputs={"numbers": "few"})
        async with await flow.start({"numbers": range(200), "few": range(3)}, on=make()) as run:
            async with merge(run["squared"], run["others"]) as merged:
                return len([value async for value in merged])

    assert run_here(main) == 203


def test_asking_for_the_first_value_leaves_nothing_behind(make, run_here):
    """After 50 readers that took one value there is no more connection than after the first, and nobody listens."""

    async def main():
        services = make()
        async with await Flow(SQUARED).start({"numbers": range(9)}, on=services) as run:
            await wait_until(lambda: services.status(run.id).state == "ended")
            await run["squared"].first()
            client, threads = services._server.client, services._server.threads
            before, held = client.info("clients")["connected_clients"], len(threads.held)
            for _ in range(50):
                await (await services.open(run.id))["squared"].first()
            after = client.info("clients")["connected_clients"]
            gc.collect()  # a run and its streams know each other
            await wait_until(lambda: (run.id, "s:squared") not in threads.bells and len(threads.held) <= held)
            return after - before

    assert run_here(main) <= 3 * 8  # as many threads as make trips, in each process that there is


def test_no_lock_outlives_its_owner(make, run_here):
    """What a process holds in the server expires soon: a claim is gone after the lease, unless it is prolonged."""

    async def main():
        services = make()

        async def numbers():
            yield 1
            await anyio.sleep_forever()

        async with await Flow(SQUARED).start({"numbers": numbers}, on=services) as run:
            await run["squared"].first()
            client = services._server.client
            found = [client.pttl(key) for key in client.keys(f"*{run.id}*:c:*")]
            services.delete(run.id)
            return found

    found = run_here(main)
    assert len(found) == 2
    assert all(0 < left <= LEASE_S * 1000 for left in found)


def test_there_is_no_secret_by_default():
    """Nothing is signed or unpickled with a secret that everybody knows: without a key there is none."""
    assert inspect.signature(Services).parameters["key"].default is None
    services = Services("redis://localhost:1/0")
    assert services._signing is None
    services.close()
