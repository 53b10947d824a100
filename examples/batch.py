"""A nightly batch over files, of which one is missing: see what failed, mend one input, run only the rest.

The story is told in ``docs/tutorial/batch.rst``. In an empty folder with this file::

    python batch.py                        # writes the files of the night, all but one
    dug run batch:night --save night.dug   # values the positions of eight offices
    dug failures night.dug                 # what failed, and why: in another process, hours later
"""

import csv
from pathlib import Path

import dug

OFFICES = ("amsterdam", "boston", "cairo", "dublin", "lisbon", "oslo", "quito", "seoul")


@dug.memoize
def path(office: str) -> str:
    """Where an office delivers its positions."""
    return f"positions/{office}.csv"


@dug.source
def rows(office: str) -> tuple[tuple[str, int], ...]:
    """The positions of an office: what it holds, and how many of it."""
    with Path(path(office)).open(newline="") as file:
        return tuple((ticker, int(quantity)) for ticker, quantity in csv.reader(file))


@dug.source
def prices() -> dict[str, float]:
    """What everything costs tonight."""
    with Path("prices.csv").open(newline="") as file:
        return {ticker: float(price) for ticker, price in csv.reader(file)}


@dug.memoize
def price(ticker: str) -> float:
    """What one share costs."""
    return prices()[ticker]


@dug.memoize
def position(office: str, number: int) -> float:
    """What one position is worth."""
    ticker, quantity = rows(office)[number]
    return quantity * price(ticker)


@dug.memoize
def value(office: str) -> float:
    """What all positions of an office are worth."""
    return sum(position(office, number) for number in range(len(rows(office))))


def night() -> object:
    """Value all offices, whatever fails, and say how many did."""
    return dug.current_context().run_all([value.node(office) for office in OFFICES])


def main() -> None:
    """Write the files of a night on which Lisbon delivers late, under another name."""
    tickers = [f"T{number:02}" for number in range(20)]
    write("prices.csv", [(ticker, 10 + number / 4) for number, ticker in enumerate(tickers)])
    for number, office in enumerate(OFFICES):
        count = 5 if office == "lisbon" else 40
        name = "lisbon-late" if office == "lisbon" else office
        write(f"positions/{name}.csv", [(tickers[(3 * row + number) % 20], 10 * row + number) for row in range(count)])
    print("7 offices have delivered")


def write(name: str, lines: list[tuple[object, ...]]) -> None:
    """Write a CSV file in the current folder."""
    Path(name).parent.mkdir(exist_ok=True)
    with Path(name).open("w", newline="") as file:
        csv.writer(file).writerows(lines)


if __name__ == "__main__":
    main()
