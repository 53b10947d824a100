"""An ETL over 200 files: read, check, price with a slow service, store; every stage works while the others do.

Run it with ``python etl.py``. The stages are functions of a flow, wired by the names of their parameters, and what goes
from one to the next is a stream. So the first file is stored long before the last one is read, the slow stage works on
sixteen files at a time, and damaged files go another way and stop nothing.
"""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

from dug import streams
from dug.flow import Depends, Flow, Output

FILES, DAMAGED = 200, (17, 63, 144)
ran: Counter[str] = Counter()
"""How many files each stage has worked on."""


def make_files(folder: Path) -> None:
    """Write the files that other programs would deliver: an article and a quantity a line."""
    for number in range(FILES):
        rows = [f"article{number % 7},{number % 5 + 1}", f"article{number % 3},2"]
        text = "article0;1" if number in DAMAGED else "\n".join(rows)
        (folder / f"order{number:03}.csv").write_text(text, encoding="utf-8")


def paths(folder: Path) -> Iterator[Path]:
    """Find the files, the oldest first."""
    yield from sorted(folder.glob("*.csv"))


async def parsed(paths: Any) -> AsyncIterator[Output[Any]]:
    """Read each file; one that is damaged goes to the rejects."""
    async for path in paths:
        ran["parsed"] += 1
        try:
            rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
            yield Output("orders", (path.name, [(article, int(count)) for article, count in rows]))
        except ValueError:
            yield Output("rejects", path.name)


async def ask_price(article: str) -> int:
    """Stand for a slow request to another service."""
    await asyncio.sleep(0.002)
    return 10 + int(article[-1])


async def price(order: tuple[str, list[tuple[str, int]]]) -> tuple[str, int]:
    """Return the name of an order, and what it is worth."""
    ran["priced"] += 1
    name, rows = order
    return name, sum([count * await ask_price(article) for article, count in rows])


async def priced(orders: Any) -> AsyncIterator[tuple[str, int]]:
    """Price each order: the slow stage, on sixteen orders at a time."""
    async with streams.map(price, orders, concurrency=16) as results:
        async for result in results:
            yield result


def connect() -> Iterator[sqlite3.Connection]:
    """Give the database, and close it at the end."""
    database = sqlite3.connect(":memory:")
    try:
        database.execute("create table orders (name text, value int)")
        yield database
    finally:
        database.close()


async def stored(priced: Any, database: Annotated[sqlite3.Connection, Depends(connect)]) -> AsyncIterator[int]:
    """Store each order; say what all that are stored are worth."""
    async for order in priced:
        ran["stored"] += 1
        database.execute("insert into orders values (?, ?)", order)
        yield database.execute("select sum(value) from orders").fetchone()[0]


def make_flow(folder: Path) -> Flow:
    """Wire the stages by their names."""
    flow = Flow(paths, priced, stored, name="etl", values={"folder": folder})
    flow.add(parsed, outputs=["orders", "rejects"])
    return flow


async def main() -> None:
    """Run the flow: the first result, then all of them, and how far each stage has come."""
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder))
        async with await make_flow(Path(folder)).start() as outputs:
            print(f"The first order is worth {await outputs['stored'].first()}")
            print(f"  all orders are priced by then: {ran['priced'] == FILES - len(DAMAGED)}")
            print(f"All of them are worth {await outputs['stored'].last():,}")
            print(f"  rejected: {', '.join(await outputs['rejects'].list())}")
            print("How far each stage has come")
            for row in outputs.states():
                print(f"  {row.name:<8} {row.state:<8} {'' if row.items is None else row.items}".rstrip())


if __name__ == "__main__":
    asyncio.run(main())
