"""A nightly batch that survives its failures: it saves what it has, and in the morning only the rest runs.

Run it with ``python nightly.py``; it writes to a folder of its own. At night a file is missing and another
one is damaged; the batch values what it can and keeps the context in one file. In the morning another
process, or this one, loads the file, corrects the inputs and asks for the same nodes again.
``examples/batch.py`` tells the same story on the command line.
"""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import dug
from dug import snapshot
from dug.testing import EventLog

OFFICES = ("amsterdam", "boston", "cairo", "dublin", "lisbon", "oslo", "quito", "seoul")
TICKERS = tuple(f"T{number:02}" for number in range(20))


@dug.memoize
def folder() -> str:
    """Where the files of the night are."""
    raise LookupError("Tweak folder() to where the files are.")


@dug.source
def rows(office: str) -> tuple[tuple[str, int], ...]:
    """The positions of an office: what it holds, and how many of it."""
    with Path(folder(), f"{office}.csv").open(newline="") as file:
        return tuple((ticker, int(quantity)) for ticker, quantity in csv.reader(file))


@dug.memoize
def price(ticker: str) -> float:
    """What one share costs."""
    return 10 + TICKERS.index(ticker) / 4


@dug.memoize
def position(office: str, number: int) -> float:
    """What one position is worth."""
    ticker, quantity = rows(office)[number]
    return quantity * price(ticker)


@dug.memoize
def value(office: str) -> float:
    """What all positions of an office are worth."""
    return sum(position(office, number) for number in range(len(rows(office))))


@dug.memoize
def total() -> float:
    """What the firm has."""
    return sum(value(office) for office in OFFICES)


def deliver(where: Path) -> None:
    """Write the files of a night on which Lisbon does not deliver, and Oslo delivers a word for a number."""
    for number, office in enumerate(OFFICES):
        lines = [[TICKERS[(3 * row + number) % 20], 10 * row + number] for row in range(40)]
        if office == "oslo":
            lines[7][1] = "many"
        if office != "lisbon":
            write(where / f"{office}.csv", lines)


def write(file: Path, lines: list[list[object]]) -> None:
    """Write one file of an office."""
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows(lines)


NODES = [*map(value.node, OFFICES), total.node()]


def at_night(where: Path) -> None:
    """Value all offices, whatever fails, and keep the context in a file."""
    with dug.Context({folder.node(): str(where)}, name="night") as night:
        batch = night.run_all(NODES)
        report = snapshot.save(night, where / "night.dug")
    print(f"At night: {len(batch.values)} of {len(NODES)} nodes have a value, {batch.recomputed} ran.")
    print(f"The file keeps {report.values} values and {report.failures} failures.  What began them:")
    for node, failed in batch.failures.items():
        print(f"  the {node.function.__name__} of {node.args[0]}: {type(failed.error).__name__}")


def in_the_morning(where: Path) -> None:
    """Load the file, give Lisbon the positions of the day before and Oslo a corrected file, and ask again."""
    before = tuple((ticker, 100) for ticker in TICKERS[:5])
    write(where / "oslo.csv", [[ticker, 50] for ticker in TICKERS])
    with snapshot.load(where / "night.dug") as loaded, dug.Context({rows.node("lisbon"): before}) as morning:
        with EventLog(morning) as log:
            batch = morning.run_all(NODES)
        print(f"In the morning: {len(batch.values)} of {len(NODES)} have a value, {len(log.computed)} ran.")
        print(f"The firm has {total():,.2f}.  Amsterdam is still {loaded[value.node('amsterdam')]:,.2f}.")


def main() -> None:
    """Run the night and the morning."""
    with TemporaryDirectory() as where:
        deliver(Path(where))
        at_night(Path(where))
        in_the_morning(Path(where))


if __name__ == "__main__":
    main()
