"""A market-data flow: ticks come in, spreads, averages and alerts go out; questions are asked while it runs.

Run it with ``python market_data.py``. A feed stands for an exchange. While it goes on, a what-if asks for the alerts of
another threshold, another one for an average over a shorter window, and a third for what a trader would see after a
crash. Each shares what it does not change with the live flow: the feed is connected once.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import Annotated, Any

import dug
from dug import streams
from dug.flow import Depends, Flow

TICKS = 60
started: Counter[str] = Counter()
"""How often the function of each name was started."""


async def connect() -> AsyncIterator[str]:
    """Give the connection to the exchange, and close it."""
    started["connect"] += 1
    yield "exchange"


async def ticks(symbol: str, connection: Annotated[str, Depends(connect)]) -> AsyncIterator[tuple[float, float]]:
    """Stand for a feed of bids and asks, which takes its time."""
    started[f"ticks of {symbol} from the {connection}"] += 1
    for step in range(TICKS):
        middle = 100 + (step * 7 % 11 - 5) / 4 + step / 20
        yield middle - 0.25, middle + 0.25
        await asyncio.sleep(0.001)


async def mids(ticks: Any) -> AsyncIterator[float]:
    """Give the middle of each tick."""
    started["mids"] += 1
    async for bid, ask in ticks:
        yield (bid + ask) / 2


@dug.memoize
def window() -> int:
    """How many ticks an average is over."""
    return 10


async def averages(mids: Any, size: Annotated[int, Depends(window)]) -> AsyncIterator[float]:
    """Give the average of the last ticks, from the first full window on."""
    started["averages"] += 1
    last: deque[float] = deque(maxlen=size)
    async for mid in mids:
        last.append(mid)
        if len(last) == size:
            yield sum(last) / size


async def alerts(mids: Any, averages: Any, size: Annotated[int, Depends(window)], threshold: float) -> AsyncIterator[str]:
    """Tell when the price is far from its average."""
    started["alerts"] += 1
    async with mids.open(size - 1) as prices, streams.zip(prices, averages) as pairs:
        async for mid, average in pairs:
            if abs(mid / average - 1) > threshold:
                yield f"{mid:.2f} against {average:.2f}"


flow = Flow(ticks, mids, averages, alerts, name="market", values={"symbol": "AAPL", "threshold": 0.012})


def ran() -> str:
    """Say what was started since the last time."""
    text = ", ".join([f"{name} x{count}" for name, count in sorted(started.items())]) or "nothing"
    started.clear()
    return f"    started: {text}"


async def main() -> None:
    """Start the flow, and ask while the feed goes on."""
    async with await flow.start(all_outputs=True) as outputs:
        print(f"The first average is {await outputs['averages'].first():.3f}")
        print(f"  the feed goes on: {outputs['ticks'].state}")
        print(ran())
        with outputs.what_if({"threshold": 0.009}):
            print(f"What if alerts came sooner? The first is {await outputs['alerts'].first()}")
        print(ran())
        with outputs.context, dug.Context({window.node(): 5}):
            print(f"What if averages were over 5 ticks? The last is {await outputs['averages'].last():.3f}")
        print(ran())
        with outputs.what_if({"ticks": [(100.0, 100.5)] * 10 + [(90.0, 90.5)]}):
            print(f"What if the price fell by ten? {await outputs['alerts'].list()}")
        print(ran())
        print(f"The live flow has {len(await outputs['alerts'].list())} alerts, and its last average is", end=" ")
        print(f"{await outputs['averages'].last():.3f}")
        print(ran())


if __name__ == "__main__":
    asyncio.run(main())
