"""The defects of Datagraph with several services, each a test that passes here."""

from __future__ import annotations

import inspect

import anyio
import pytest
from served import FUNCTIONS, LEASE_S, wait_until

from dug.flow import Flow
from dug.flow.services import Services, declared
from dug.streams import merge


async def serve_while(body, *served):
    """Return what a coroutine function returns while services work on all runs."""
    async with anyio.create_task_group() as group:
        for services in served:
            group.start_soon(services.serve)
        found = await body()
        group.cancel_scope.cancel()
    return found


def test_what_waits_for_two_is_begun_once(make, run_here):
    """A processor that waits for two others is begun once, though several services have it and both end at one time."""
    begun = []

    async def joined(squared, parted):
        begun.append(True)
        yield sum(await squared.list()) + sum(await parted.list())

    async def main():
        served = [make("squared"), make("squared"), make("squared")]
        for services in served:
            services.processor(FUNCTIONS["squared"], name="parted")
            services.processor(joined)
        flow = Flow(declared("squared", "numbers"), declared("parted", "numbers"))
        flow.add(joined, wait=True)
        starter = make()
        starter.processor(joined)

        async def start():
            async with await flow.start({"numbers": [1, 2]}, on=starter) as run:
                return await run["joined"].list()

        return await serve_while(start, *served)

    assert run_here(main) == [10]
    assert begun == [True]


def test_inputs_end(make, run_here):
    """The values of an input are followed by its end, so that its readers end."""

    async def main():
        async with await Flow(FUNCTIONS["squared"]).start({"numbers": [5, 6]}, on=make("squared")) as run:
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

        flow = Flow(declared("squared", "numbers"), declared("halved", "squared"))

        async def start():
            async with await flow.start({"numbers": numbers}, on=make()) as run, run["halved"].open() as reader:
                found = [await anext(reader)]
                seen.set()
                return [*found, *[value async for value in reader]]

        return await serve_while(start, make("squared"), make("halved"))

    assert run_here(main) == [2.0, 8.0]


def test_a_failure_is_told_to_who_waits(make, run_here):
    """A reader in another service that waits for a value gets the error of the processor, whichever step it reads."""

    async def main():
        asked = anyio.Event()

        async def numbers():
            await asked.wait()
            yield 0

        flow = Flow(declared("inverted", "numbers"))
        flow.add(declared("halved", "squared"), inputs={"squared": "inverted"})

        async def start():
            async with await flow.start({"numbers": numbers}, on=make()) as run, run["halved"].open() as reader:
                asked.set()
                with pytest.raises(ZeroDivisionError):
                    await anext(reader)

        await serve_while(start, make("inverted"), make("halved"))

    run_here(main)


def test_a_consumer_may_be_slow(make, run_here):
    """A reader that does not come before all others have ended gets everything; with keep= the writer waits for it."""

    async def main():
        services = make("squared")
        async with await Flow(FUNCTIONS["squared"]).start({"numbers": range(50)}, on=services) as run:
            await wait_until(lambda: services.status(run.id).state == "ended")
            found = await run["squared"].list()
        kept = make("squared", keep=10)
        async with await Flow(FUNCTIONS["squared"]).start({"numbers": range(50)}, on=kept) as run:
            await wait_until(lambda: services.status(run.id).find("squared").items["squared"] > 5)
            async with run["squared"].open() as reader:
                return found, [value async for value in reader]

    found, kept = run_here(main)
    assert found == kept == [number * number for number in range(50)]


def test_one_flow_runs_twice_at_a_time(make, run_here):
    """Two runs of one flow at the same time have their own values."""

    async def main():
        services, flow = make("squared"), Flow(FUNCTIONS["squared"])
        first, second = [await flow.start({"numbers": numbers}, on=services) for numbers in ([1, 2], [3])]
        async with first, second:
            return await second["squared"].list(), await first["squared"].list()

    assert run_here(main) == ([9], [1, 4])


def test_streams_of_different_length_are_merged(make, run_here):
    """A merge of 3 and of 200 values gives 203."""

    async def main():
        services = make("squared")
        services.processor(FUNCTIONS["squared"], name="others")
        flow = Flow(FUNCTIONS["squared"])
        flow.add(declared("others", "numbers"), inputs={"numbers": "few"})
        async with await flow.start({"numbers": range(200), "few": range(3)}, on=services) as run:
            async with merge(run["squared"], run["others"]) as merged:
                return len([value async for value in merged])

    assert run_here(main) == 203


def test_asking_for_the_first_value_leaves_nothing_behind(make, run_here):
    """After 50 readers that took one value there is no more connection than after the first, and nobody listens."""

    async def main():
        services = make("squared")
        async with await Flow(FUNCTIONS["squared"]).start({"numbers": range(9)}, on=services) as run:
            await wait_until(lambda: services.status(run.id).state == "ended")
            await run["squared"].first()
            client, bells = services._server.client, services._server.threads.bells
            before = client.info("clients")["connected_clients"]
            for _ in range(50):
                await (await services.open(run.id))["squared"].first()
            after = client.info("clients")["connected_clients"]
            await wait_until(lambda: [topic for topic in bells if topic[1]] == [])
            return after - before

    assert run_here(main) <= 8  # as many threads as make trips


def test_no_lock_outlives_its_owner(make, run_here):
    """What a process holds in the server expires soon: a claim is gone after the lease, unless it is prolonged."""

    async def main():
        services = make("squared")

        async def numbers():
            yield 1
            await anyio.sleep_forever()

        async with await Flow(FUNCTIONS["squared"]).start({"numbers": numbers}, on=services) as run:
            await run["squared"].first()
            client = services._server.client
            return [client.pttl(key) for key in client.keys(f"*{run.id}*:c:*")]

    found = run_here(main)
    assert len(found) == 2
    assert all(0 < left <= LEASE_S * 1000 for left in found)


def test_there_is_no_secret_by_default():
    """Nothing is signed or unpickled with a secret that everybody knows: without a key there is none."""
    assert inspect.signature(Services).parameters["key"].default is None
    services = Services("redis://localhost:1/0")
    assert services._signing is None
    services.close()
