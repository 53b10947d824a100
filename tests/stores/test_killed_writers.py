"""Processes that are killed while they write leave a whole store."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dug
from dug.stores._digest import digest_data
from dug.stores._path import unpack
from dug.stores._sqlite import SqliteBackend

PROGRAM = """
import sys
import dug

@dug.memoize
def text(number):
    return f"{number}," * (20_000 if number % 7 == 0 else 10)

with dug.Context(store=dug.stores.Store(sys.argv[1], min_seconds=0)) as ctx:
    number = int(sys.argv[2])
    print("ready", flush=True)
    while True:
        text(number)
        number += 1
        if number % 50 == 0:
            ctx.store.flush()
            print(number, flush=True)
"""


def kill_a_writer(folder, first, moment):
    """Begin a writer, and kill it some time after it has written."""
    root = str(Path(dug.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    command = [sys.executable, "-c", "import dug.stores\n" + PROGRAM, str(folder), str(first)]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        while child.stdout.readline().strip() in ("", "ready") and child.poll() is None:
            pass
        written = 0
        for _ in range(moment):
            said = child.stdout.readline().strip()
            written = int(said) if said else written
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    return written


def check(folder):
    """Return how many rows a store has, each of which is whole."""
    backend = SqliteBackend(folder)
    rows = list(backend.list_rows())
    for row in rows:
        found = backend.get(row.at)
        data = found.data if found.data is not None else backend.get_data(found.digest)
        assert unpack(found.path, row.at, found.digest) is not None
        assert data is not None
        assert digest_data(found.codec, data) == found.digest
    backend.close()
    assert not list((folder / "blobs").rglob("tmp-*"))
    return len(rows)


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_rows(tmp_path):
    """After each of some kills in the middle of writing every row has its value, and nothing is left over."""
    chance = random.Random(5)
    kills = int(os.environ.get("DUG_KILLS", "6"))
    before = 0
    for number in range(kills):
        written = kill_a_writer(tmp_path / "kept", number * 100_000, chance.randrange(4))
        rows = check(tmp_path / "kept")
        assert rows - before >= max(0, written - number * 100_000 - 50) if written else rows >= before
        before = rows
    assert before > 0
