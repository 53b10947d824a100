"""A service that asks other services: many requests at the same time, each upstream answer fetched once.

Run it with ``python service.py``. Fifty requests for prices wait for the same few answers, of customers,
products and rates. They share the requests that are on their way, and the answers that came. A request with
an assumption of its own is a scenario: it shares everything that the assumption does not touch.
"""

import asyncio
from collections import Counter
from itertools import product

import dug

asked: Counter[str] = Counter()
"""How many requests went to each service."""


async def fetch(service: str, answer: object) -> object:
    """Stand for a request to another service, which takes some milliseconds."""
    asked[service] += 1
    await asyncio.sleep(0.005)
    return answer


@dug.source
async def customer(number: int) -> dict[str, str]:
    """Who the customer is."""
    return await fetch("customers", {"country": ("NL", "GB", "US")[number % 3], "kind": "trade" if number % 2 else "private"})


@dug.source
async def list_price(item: str) -> float:
    """What the catalogue says, in euros."""
    return await fetch("products", {"tea": 4.0, "coffee": 6.0, "cup": 10.0, "pot": 25.0, "tray": 15.0}[item])


@dug.source
async def exchange_rate(country: str) -> float:
    """How much of its money a country gives for a euro."""
    return await fetch("rates", {"NL": 1.0, "GB": 0.85, "US": 1.1}[country])


@dug.memoize
async def tax(country: str) -> float:
    """The part that the state adds."""
    return {"NL": 0.21, "GB": 0.2, "US": 0.0}[country]


@dug.memoize
async def quote(number: int, item: str) -> float:
    """What an item costs a customer, in his own money."""
    who, price = await asyncio.gather(customer(number), list_price(item))
    money, added = await asyncio.gather(exchange_rate(who["country"]), tax(who["country"]))
    rebate = 0.9 if who["kind"] == "trade" else 1.0
    return round(price * rebate * money * (1 + added), 2)


async def serve(requests: list[tuple[int, str]]) -> list[float]:
    """Answer requests that come at the same time."""
    return await asyncio.gather(*[quote(number, item) for number, item in requests])


async def what_if(tweaks: dict[object, object], number: int, item: str) -> float:
    """Answer one request that brings an assumption of its own."""
    with dug.Context(tweaks):
        return await quote(number, item)


def tell(what: str) -> None:
    """Print which services were asked since the last time."""
    print(f"{what:<45}upstream: {sum(asked.values()):2}  {dict(sorted(asked.items()))}")
    asked.clear()


async def main() -> None:
    """Serve a crowd, again, under assumptions, and after a change."""
    crowd = list(product(range(10), ("tea", "coffee", "cup", "pot", "tray")))
    with dug.Context(name="service") as ctx:
        answers = await serve(crowd)
        tell(f"{len(answers)} quotes at the same time")
        await serve(crowd)
        tell("The same again")

        sterling = [what_if({exchange_rate.node("GB"): 0.8 + 0.01 * step}, 1, "pot") for step in range(20)]
        answers = await asyncio.gather(*sterling, what_if({tax: dug.shift(0.02)}, 3, "cup"))
        tell(f"{len(answers)} what-ifs at the same time")

        ctx.invalidate(exchange_rate.node("US"))
        await serve(crowd)
        tell("The rate of the dollar may have changed")

        late = asyncio.create_task(quote(11, "tea"))
        others = [asyncio.create_task(quote(11, "tea")) for _ in range(3)]
        await asyncio.sleep(0)
        late.cancel()
        await asyncio.gather(*others)
        tell("One of four who wait for a customer gives up")


if __name__ == "__main__":
    asyncio.run(main())
