"""Load 200 files into a database, in processes for extract and for load, one of which is killed in the middle.

``python etl_in_services.py redis://localhost:6379/0`` needs a server of Redis or Valkey; it starts the other processes itself.
"""

import csv
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import anyio

from dug.flow import Flow
from dug.flow.services import Services, declared

FILES, ROWS = 200, 50
KILL_AT = 80
"""How many files are loaded when the process that extracts is killed."""


def read_rows(path: str) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


async def extract(paths: AsyncIterator[str]) -> AsyncIterator[list[dict[str, str]]]:
    """Give the rows of each file."""
    async for path in paths:
        yield read_rows(path)


async def load(extract: AsyncIterator[list[dict[str, str]]], database: str) -> AsyncIterator[int]:
    """Write the rows of each file by their keys: a file that is loaded twice is there once; give how many there were."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS sales (id INTEGER PRIMARY KEY, amount INTEGER)")
        async for rows in extract:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO sales VALUES (:id, :amount)", rows)
            yield len(rows)


def make_services(url: str) -> Services:
    """Return what all processes share: a file is a value of its own, and the server keeps 20 of them."""
    return Services(url, namespace="etl-example", keep=20, lease_seconds=1.0)


def serve(url: str, name: str) -> None:
    """Work on one processor of all runs: the whole of a service."""
    services = make_services(url)
    services.processor({"extract": extract, "load": load}[name], resume="value")
    anyio.run(services.serve)


def start_service(url: str, name: str) -> subprocess.Popen[bytes]:
    """Start a process that serves a processor."""
    return subprocess.Popen([sys.executable, __file__, url, name])


def write_files(folder: Path) -> list[str]:
    """Write the files, and return their paths."""
    paths = [folder / f"{number:03}.csv" for number in range(FILES)]
    for number, path in enumerate(paths):
        lines = [f"{number * ROWS + row},{row}" for row in range(ROWS)]
        path.write_text("\n".join(["id,amount", *lines]))
    return [str(path) for path in paths]


async def run_flow(url: str, folder: Path) -> None:
    """Start the flow, kill a service in the middle, and say what happened to each step."""
    services = make_services(url)
    flow = Flow(declared("extract", "paths"), declared("load", "extract", "database"), name="etl")
    flow.insert("database", str(folder / "sales.db"))
    at_work = {name: start_service(url, name) for name in ("extract", "load")}
    try:
        async with await flow.start({"paths": write_files(folder)}, on=services) as run:
            files = 0
            async with run["load"].open() as reader:
                async for _ in reader:
                    files += 1
                    if files == KILL_AT:
                        at_work["extract"].kill()
                        at_work["extract"].wait()
                        at_work["extract"] = start_service(url, "extract")
            print(f"{files} files are loaded, and extract was begun {(await run.state()).find('extract').epoch} times")
        services.delete(run.id)
    finally:
        for process in at_work.values():
            process.kill()
            process.wait()
        services.close()


def main(url: str) -> None:
    """Run the example against a server, and say what is in the database."""
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(run_flow, url, Path(folder))
        with closing(sqlite3.connect(Path(folder) / "sales.db")) as connection:
            [(rows, total)] = connection.execute("SELECT COUNT(*), SUM(amount) FROM sales")
    print(f"{rows:,} rows are in the database, and their sum is {total:,}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve(sys.argv[1], sys.argv[2])
    else:
        main(sys.argv[1])
