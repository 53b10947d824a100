"""What ``dug.flow.services`` holds, in the server and in a process, while a run goes on for long."""

from __future__ import annotations

import gc
import sys

import pytest
from served import FUNCTIONS, wait_until

from dug.flow import Flow

FIRST, LAST = 10_000, 40_000


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_dropped(make, run_here):
    """With keep= neither the server nor the clients hold more after 40,000 values than after 10,000."""

    async def passed(texts):
        async for text in texts:
            yield text

    async def texts():
        for number in range(LAST + 1):
            yield f"{number:0100}"

    def weigh(services):
        gc.collect()
        return services._server.client.info("memory")["used_memory"], sys.getallocatedblocks()

    async def main():
        services = make(keep=1_000)
        services.processor(passed, resume="value")
        found, count = {}, 0
        async with await Flow(passed).start({"texts": texts}, on=services) as run, run["passed"].open() as reader:
            async for _ in reader:
                count += 1
                if count in (FIRST, LAST):
                    found[count] = weigh(services)
        return [last - first for first, last in zip(found[FIRST], found[LAST], strict=True)]

    size_bytes, blocks = run_here(main)
    assert size_bytes < 2_000_000  # of 6,000,000 that went through the two tapes
    assert blocks < (LAST - FIRST) / 2


@pytest.mark.slow
def test_a_run_that_nobody_has_is_gone(make, run_here):
    """When nobody works on a run or reads it any more, all its keys are gone after ttl_seconds, and it is in no list."""

    async def main():
        services = make("squared", ttl_seconds=0.5, lease_seconds=0.1)
        async with await Flow(FUNCTIONS["squared"]).start({"numbers": [1, 2]}, on=services) as run:
            assert await run["squared"].list() == [1, 4]
        client = services._server.client
        await wait_until(lambda: not client.keys(f"{services._keys.prefix}*{run.id}*"))
        return len(services.runs())

    assert run_here(main) == 0
