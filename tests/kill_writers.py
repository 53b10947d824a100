"""Kills writers: SIGKILL at random moments while runs are kept in a store, and a look at all that is there.

Run it as a script: ``python tests/kill_writers.py 200``.  It exits with an error when a row or its value is damaged or gone,
when a row is missing that was flushed, or when an unfinished file stays.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import dug
from dug.stores import Store
from dug.stores._digest import digest_data
from dug.stores._path import unpack
from dug.stores._sqlite import SqliteBackend

BETWEEN_FLUSHES = 100
A_WRITER = 1_000_000
"""How far apart the numbers of two writers are."""


@dug.memoize(name="kills:text")
def text(number: int) -> str:
    """Return a value that lies in a file of its own for some numbers, and in the database for the others."""
    return f"{number}," * (5_000 if number % 5 == 0 else 10)


def write(folder: Path, first: int, told: int) -> None:
    """Keep runs until the end; tell, through a pipe, up to which number all of them were flushed."""
    with dug.Context(store=Store(folder, min_seconds=0)) as ctx:
        for number in count(first):
            text(number)
            if number % BETWEEN_FLUSHES == BETWEEN_FLUSHES - 1:
                ctx.store.flush()
                os.write(told, number.to_bytes(8, "little"))


def kill_one(folder: Path, first: int, delay_s: float) -> int:
    """Kill a process that keeps runs, some time after the database grew; return up to which number it has flushed."""
    before = measure(folder)
    reading, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            write(folder, first, told)
        finally:
            os._exit(1)
    os.close(told)
    while measure(folder) == before:
        time.sleep(0.001)
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the writer ended by itself"
    time.sleep(delay_s)  # the moment is random here
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    return int.from_bytes(said[-8:], "little") if said else first - 1


def measure(folder: Path) -> int:
    """Return how many bytes the database has with its journal."""
    return sum(place.stat().st_size for place in (folder / "dug.db", folder / "dug.db-wal") if place.exists())


def check(folder: Path, known: set[bytes]) -> set[str]:
    """Return the arguments of all rows, having read those that are not known, with their values."""
    backend = SqliteBackend(folder)
    try:
        rows = list(backend.list_rows())
        for row in rows:
            if row.at in known:
                continue
            found = backend.get(row.at)
            assert found is not None, f"{row.arguments} is listed and not there"
            assert unpack(found, row.at) is not None, f"{row.arguments} is damaged"
            data = found.data if found.data is not None else backend.get_data(found.digest)
            assert data is not None, f"{row.arguments} has no value"
            assert digest_data(found.codec, data) == found.digest, f"the value of {row.arguments} is damaged"
            known.add(row.at)
    finally:
        backend.close()
    left = [place.name for place in (folder / "blobs").rglob("tmp-*")]
    assert not left, f"what a killed writer left is still there: {left}"
    return {row.arguments for row in rows}


def run(kills: int, seed: int) -> tuple[int, int]:
    """Kill so many writers; return how many rows there are, and how many writers left an unfinished file."""
    chance, known, unfinished = random.Random(seed), set[bytes](), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "killed.store"
        Store(folder).close()
        for writer in range(kills):
            first = writer * A_WRITER
            flushed = kill_one(folder, first, chance.uniform(0.0, 0.12))
            unfinished += any((folder / "blobs").rglob("tmp-*"))
            there = check(folder, known)
            lost = [number for number in range(first, flushed + 1) if f"[[{number}],{{}}]" not in there]
            assert not lost, f"{len(lost)} rows were flushed and are not there, the first of {lost[0]}"
        rows = len(check(folder, set()))
    return rows, unfinished


if __name__ == "__main__":
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rows, unfinished = run(kills, seed=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{kills} kills, {unfinished} of them left an unfinished file; {rows:,} rows, each of them whole")
