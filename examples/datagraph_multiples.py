"""Datagraph's first program on dug: a processor streams multiples of a factor that it depends on.

Only the import line is another one; ``python datagraph_multiples.py trio`` runs it on trio.
"""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

import anyio

from dug.compat.datagraph import IO, Depends, Flow, IOVal, LocalExecutor, Processor, Supervisor


def find_factor() -> int:
    """Say by how much to multiply; a connection or a setting in a larger program."""
    return 2


multiples = Processor(name="multiples", inputs=["count"], outputs=["multiple"])


@multiples
async def stream_multiples(
    count: IO[int], factor: Annotated[int, Depends(find_factor)]
) -> AsyncIterator[IOVal[int]]:
    """Stream as many multiples as the first value of ``count`` says."""
    for number in range(await count.first()):
        yield IOVal(name="multiple", value=number * factor)


async def main() -> None:
    """Start the flow, and print each value as it comes."""
    flow = Flow.from_processors(multiples).resolve()
    result = await Supervisor.instance.start_flow(flow, inputs=[IOVal(name="count", value=5)])
    async for multiple in result["multiple"].stream():
        print(multiple)


Supervisor.attach(executor=LocalExecutor())

if __name__ == "__main__":
    anyio.run(main, backend=sys.argv[1] if len(sys.argv) > 1 else "asyncio")
