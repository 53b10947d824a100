"""A book of 200 trades in interpreters of its own, one after another, on one store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dug

pytestmark = pytest.mark.slow  # four processes

BOOK = """
import dug

@dug.source
def spot(number):
    return 100.0 + number

@dug.memoize(store=True)
def trade(number):
    return number * spot(number % 50)

@dug.memoize(store=True)
def book():
    return sum(map(trade, range(200)))
"""
RUN = """
import json, sys
import book as desk
import dug
from dug.testing import EventLog

tweaks = {desk.spot.node(int(number)): value for number, value in json.loads(sys.argv[1]).items()}
with dug.Context(tweaks, store="kept.store") as ctx, EventLog(ctx) as log:
    value = desk.book()
ran = [node.function.__name__ for node in log.computed if node.function is not desk.spot]
print(json.dumps([value, {name: ran.count(name) for name in set(ran)}]))
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that asks for the book in a new interpreter: its value, and how many bodies ran, sources aside."""
    (tmp_path / "book.py").write_text(BOOK)
    root = str(Path(dug.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, str(tmp_path), *filter(None, sys.path)])}

    def run(**tweaks):
        command = [sys.executable, "-c", RUN, json.dumps({name.removeprefix("spot_"): value for name, value in tweaks.items()})]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_next_interpreter_runs_what_differs(run):
    """The same book costs no body; one under a new price costs what reads that price, and nothing from then on."""
    first, ran = run()
    assert ran == {"book": 1, "trade": 200}
    assert run() == [first, {}]

    tweaked, ran = run(spot_7=1.0)
    assert ran == {"book": 1, "trade": 4}
    assert tweaked == first - 106.0 * (7 + 57 + 107 + 157)
    assert run(spot_7=1.0) == [tweaked, {}]
