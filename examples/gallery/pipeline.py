"""A data pipeline over CSV files: read, clean, convert, join, report; an edited file runs its own chain again.

Run it with ``python pipeline.py``; it writes to a folder of its own.  Nothing says what depends on what but the
functions themselves, and nobody tells dug of an edit.  A step that gives what it gave before is the end of the
chain: a comment in a file changes no order.
"""

import csv
import io
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import dug
from dug.testing import EventLog

FILES = {
    "customers.csv": "name,country\nAda,NL\nBob,GB\nCleo,US\n",
    "rates.csv": "currency,euros\nEUR,1\nGBP,1.25\nUSD,0.875\n",
    "orders-01.csv": "customer,amount,currency\nAda,100,EUR\nBob,80,GBP\nCleo,60,USD\n",
    "orders-02.csv": "customer,amount,currency\nAda,50,EUR\nBob,40,GBP\nBob,n/a,GBP\n",
    "orders-03.csv": "customer,amount,currency\nCleo,200,USD\nDan,10,EUR\n",
}
Table = tuple[tuple[str, ...], ...]


@dug.memoize
def folder() -> str:
    """Where the files are."""
    return "."


@dug.source
def months() -> tuple[str, ...]:
    """The months for which there are orders."""
    return tuple(sorted(file.stem.removeprefix("orders-") for file in Path(folder()).glob("orders-*.csv")))


@dug.file_source
def text(path: str) -> str:
    """What is in a file: dug notices when it is edited."""
    return Path(path).read_text(encoding="utf-8")


@dug.memoize
def table(name: str) -> Table:
    """The rows of a file below its head, without comments."""
    lines = [line for line in io.StringIO(text(f"{folder()}/{name}")) if not line.startswith("#")]
    return tuple(map(tuple, csv.reader(lines)))[1:]


@dug.memoize
def rate(currency: str) -> float:
    """What one unit of a currency is worth in euros."""
    return float(dict(table("rates.csv"))[currency])


@dug.memoize
def country(customer: str) -> str | None:
    """Where a customer lives; None for a stranger."""
    return dict(table("customers.csv")).get(customer)


@dug.memoize
def orders(month: str) -> tuple[tuple[str, float, str], ...]:
    """The orders of a month that can be used: with an amount that is a number, and from a customer whom we know."""
    rows = [row for row in table(f"orders-{month}.csv") if row[1].replace(".", "", 1).isdigit() and country(row[0])]
    return tuple((customer, float(amount), currency) for customer, amount, currency in rows)


@dug.memoize
def sales(month: str) -> tuple[tuple[str, float], ...]:
    """What was sold in a month to each country, in euros."""
    sums: dict[str, float] = defaultdict(float)
    for customer, amount, currency in orders(month):
        sums[country(customer)] += amount * rate(currency)
    return tuple(sorted(sums.items()))


@dug.memoize
def report() -> str:
    """What was sold to each country so far."""
    sums: dict[str, float] = defaultdict(float)
    for month in months():
        for land, euros in sales(month):
            sums[land] += euros
    return ", ".join(f"{land} {euros:,.2f}" for land, euros in sorted(sums.items()))


def run(ctx: dug.Context, what: str, files: dict[str, str]) -> None:
    """Write files, have the folder listed again, and print the report and what ran for it."""
    for name, content in files.items():
        Path(ctx.tweaks[folder.node()], name).write_text(content, encoding="utf-8")
    ctx.invalidate(months)
    with ctx, EventLog(ctx) as log:
        print(f"{what}\n  {report()}")
    print("  ran:", ", ".join(f"{function.__name__} x{log.count(function)}" for function in STEPS if log.count(function)))


STEPS = (text, table, country, orders, rate, sales, report)
EDITS = {
    "The first report": FILES,
    "An order comes in": {"orders-02.csv": FILES["orders-02.csv"] + "Ada,25,EUR\n"},
    "Somebody writes a comment": {"orders-01.csv": "# checked\n" + FILES["orders-01.csv"]},
    "Somebody becomes a customer": {"customers.csv": FILES["customers.csv"] + "Dan,NL\n"},
    "The pound falls": {"rates.csv": FILES["rates.csv"].replace("1.25", "1.125")},
    "A month begins": {"orders-04.csv": "customer,amount,currency\nBob,20,GBP\n"},
}


def main() -> None:
    """Report, and again after each edit."""
    with TemporaryDirectory() as where:
        ctx = dug.Context({folder.node(): where})
        for what, files in EDITS.items():
            run(ctx, what, files)


if __name__ == "__main__":
    main()
