"""An overnight book that is warm in the morning, though somebody has edited one of its functions.

Night, morning, and the morning after an edit are three processes on one store.  Each says what it ran.

    python examples/warm_morning.py [FOLDER]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

BOOK = '''
import sys
import dug
from dug.testing import EventLog

SPOTS = {"AAPL": 190.0, "MSFT": 410.0, "IBM": 230.0}


@dug.source
def spot(ticker):
    """What the market says; each process asks anew."""
    return SPOTS[ticker]


@dug.memoize(store=True)
def curve(currency):
    """Takes an hour in the night."""
    return tuple(0.01 + 0.001 * year for year in range(10))


@dug.memoize(store=True)
def price(ticker, quantity):
    return round(quantity * spot(ticker) / (1 + curve("USD")[1]), 2)


@dug.memoize(store=True)
def limit(ticker):
    return {"AAPL": 20_000.0}.get(ticker, 50_000.0)


@dug.memoize(store=True)
def report():
    lines = [(ticker, price(ticker, 100), limit(ticker)) for ticker in SPOTS]
    return [f"{ticker} {value:,.0f}{' over' if value > most else ''}" for ticker, value, most in lines]


with dug.Context(store=sys.argv[1]) as ctx, EventLog(ctx) as log:
    said = report()
print("  ".join(said))
print("ran:", ", ".join(str(node).partition(":")[2] for node in log.computed if node.function is not spot) or "nothing")
'''
EDIT = ('{"AAPL": 20_000.0}.get(ticker, 50_000.0)', '{"AAPL": 15_000.0}.get(ticker, 50_000.0)')


def run(folder: Path, title: str) -> None:
    """Run the book in a process of its own."""
    command = [sys.executable, str(folder / "desk.py"), str(folder / "desk.store")]
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    print(f"{title}\n{done.stdout}")


def main(folder: Path) -> None:
    """The night, the morning, and an edit."""
    (folder / "desk.py").write_text(BOOK, encoding="utf-8")
    run(folder, "In the night everything is computed.")
    run(folder, "In the morning nothing is.")
    assert EDIT[0] in BOOK
    (folder / "desk.py").write_text(BOOK.replace(*EDIT), encoding="utf-8")
    run(folder, "One limit was edited: limits run, and the report, which reads one that is another now. No price and no curve.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
