"""Kills savers: SIGKILL at random moments while a snapshot is saved over another one, and a look at the result.

Run it as a script: ``python tests/kill_saves.py 200``.  It exits with an error when a file does not open, or is
neither the old one nor the new one.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import dug
from dug import snapshot

CELLS = 60


@dug.memoize(name="kills:cell")
def cell(generation: int, number: int) -> bytes:
    """Return a value that contains its generation."""
    return bytes([generation % 256]) * (1_000 * (number % 7))


def save(path: Path, generation: int) -> None:
    """Save a context in which everything is of one generation."""
    with dug.Context(name=str(generation)) as ctx:
        for number in range(CELLS):
            cell(generation, number)
        snapshot.save(ctx, path)


def check(path: Path) -> int:
    """Return the generation of a file, having read all of it."""
    loaded = snapshot.load(path)
    try:
        generation = int(loaded.name)
        with loaded:
            for number in range(CELLS):
                assert cell.node(generation, number) in loaded, f"node {number} of generation {generation} is missing"
                assert loaded[cell.node(generation, number)] == bytes([generation % 256]) * (1_000 * (number % 7))
        return generation
    finally:
        loaded.close()


def kill_one(path: Path, generation: int, delay_s: float) -> bool:
    """Kill a process that saves generation after generation, after some time; True when it was killed in the middle of it."""
    child = os.fork()
    if child == 0:
        try:
            while True:
                generation += 1
                save(path, generation)
        finally:
            os._exit(1)
    time.sleep(delay_s)  # the moment is random here
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the saver ended by itself"
    return True


def run(kills: int, seed: int) -> list[int]:
    """Kill so many savers, and return the generation that was found after each."""
    chance, found = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "killed.dug"
        save(path, 0)
        for _ in range(kills):
            before = check(path)
            kill_one(path, before, chance.uniform(0.0, 0.12))
            found.append(check(path))
            assert found[-1] >= before, "an older file came back"
            for left in path.parent.glob(".*.saving"):  # as if each had been killed long ago
                os.utime(left, (0, 0))
        save(path, found[-1] + 1)
        left = [one.name for one in path.parent.iterdir() if one != path]
        assert not left, f"what killed savers left is still there: {left}"
    return found


if __name__ == "__main__":
    generations = run(int(sys.argv[1]) if len(sys.argv) > 1 else 200, seed=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{len(generations)} kills, {len(set(generations))} different files, each of them whole")
