"""Ten services behind one page of a shop, asked at the same time; then only those again that a change can reach.

Run it with ``python examples/fan_out.py``, or with ``--backend trio``.  It needs anyio: ``pip install "dug[async]"``.

The services are fakes: each sleeps for as long as it takes and answers with a text.  Everything else is as in a real program.
Nothing says which service waits for which but the functions themselves, and nothing is asked for twice: the customer and the
cart are needed by several services each, which wait for the same answer.
"""

import argparse
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio

import dug

LATENCY_S = {
    "session": 0.20, "customer": 0.30, "cart": 0.25, "stock": 0.30, "prices": 0.20,
    "rate": 0.35, "taxes": 0.15, "discounts": 0.20, "shipping": 0.25, "advice": 0.40,
}  # fmt: skip

contents = {"cart": "tea"}  # what the services answer from; the outside world
timeline: list[tuple[str, float, float]] = []  # who was asked, from when to when


async def ask(service: str, *known: str) -> str:
    """The fake of a request: takes its time, notes when that was, and answers."""
    started = anyio.current_time()
    await anyio.sleep(LATENCY_S[service])
    timeline.append((service, started, anyio.current_time()))
    return " ".join((service, contents.get(service, ""), *known))


async def together(*functions: Callable[[], Awaitable[str]]) -> list[str]:
    """What ``asyncio.gather`` does, on any backend: calls all functions at the same time and returns what they give."""
    answers = [""] * len(functions)

    async def keep(position: int) -> None:
        answers[position] = await functions[position]()

    async with anyio.create_task_group() as group:
        for position in range(len(functions)):
            group.start_soon(keep, position)
    return answers


@dug.source
async def session() -> str:
    """Who is logged in."""
    return await ask("session")


@dug.source
async def customer() -> str:
    """Who that is."""
    return await ask("customer", await session())


@dug.source
async def cart() -> str:
    """What is in the cart."""
    return await ask("cart", await session())


@dug.source
async def stock() -> str:
    """Whether all of it is there."""
    return await ask("stock", await cart())


@dug.source
async def prices() -> str:
    """What it costs."""
    return await ask("prices", await cart())


@dug.source
async def rate() -> str:
    """What the customer's money is worth."""
    return await ask("rate")


@dug.source
async def taxes() -> str:
    """Which taxes the customer pays."""
    return await ask("taxes", await customer())


@dug.source
async def discounts() -> str:
    """What this customer gets off on this cart."""
    return await ask("discounts", *await together(customer, cart))


@dug.source
async def shipping() -> str:
    """When all of it can be where the customer lives."""
    return await ask("shipping", *await together(customer, stock))


@dug.source
async def advice() -> str:
    """What else the customer may like."""
    return await ask("advice", await customer())


@dug.memoize
async def page() -> tuple[str, ...]:
    """What the shop shows: all that it needs is asked for at once."""
    return tuple(await together(prices, rate, taxes, discounts, shipping, advice))


def critical_path_s(ctx: dug.Context, node: Any, asked: set[str]) -> float:
    """The longest chain of services in `asked` that wait for one another, by the dependencies that dug has recorded."""
    memo = ctx.memo(node)
    before = max((critical_path_s(ctx, read, asked) for read in memo.dependencies), default=0.0)
    name = node.function.__name__
    return before + (LATENCY_S[name] if name in asked else 0.0)


def draw(ctx: dug.Context, total_s: float) -> Iterator[str]:
    """The timeline as bars, 40 characters for a second, and how the total compares with the critical path."""
    first = min(started for _, started, _ in timeline)
    for service, started, ended in timeline:
        start, end = round(40 * (started - first)), round(40 * (ended - first))
        yield f"  {service:>10} {' ' * start}{'=' * max(1, end - start)}"
    least_s = critical_path_s(ctx, page.node(), {service for service, _, _ in timeline})
    sum_s = sum(LATENCY_S[service] for service, _, _ in timeline)
    more = 100 * (total_s / least_s - 1)
    yield f"  {total_s:.2f} s; the critical path is {least_s:.2f} s ({more:+.0f} %), one after the other it is {sum_s:.2f} s"


@contextmanager
def shown(title: str, ctx: dug.Context) -> Iterator[None]:
    """Prints the timeline of what is asked inside."""
    timeline.clear()
    started = anyio.current_time()
    yield
    print(title, *draw(ctx, anyio.current_time() - started), "", sep="\n")


async def main() -> None:
    """Ask for the page, and again after three changes."""
    with dug.Context() as shop:
        with shown("The page, for the first time:", shop):
            await page()

        with dug.Context(tweaks={stock.node(): "stock sold out"}) as what_if, shown("What if all is sold out?", what_if):
            await page()

        contents["cart"] = "coffee"
        shop.invalidate(cart.node())
        with shown("The cart is another one:", shop):
            await page()

        shop.invalidate(rate.node())
        with shown("The rate may have changed, and has not:", shop):
            await page()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Ten services behind one page, asked at the same time.")
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio", help="which event loop to use")
    anyio.run(main, backend=parser.parse_args().backend)
