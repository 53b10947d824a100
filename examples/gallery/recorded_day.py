"""A day on a desk, recorded, and replayed with one function changed: which figures differ, and where that begins.

Run it with ``python recorded_day.py``; it writes to a folder of its own. During the day the desk reads its fills
from a stream, and closing prices and fees from two feeds, which a recording keeps as they give them. In the
evening the feeds are closed. The day is replayed from the file: with the same code, under a what-if, and with
another way to charge fees, after which the differences say what the new fees changed, and what is new.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import dug
from dug import replay

TICKERS = {"AAPL": 190.0, "MSFT": 410.0, "NVDA": 120.0}
asked: list[str] = []
"""Which feeds were asked, in order."""


@dug.source
def fills() -> Iterator[tuple[str, int, float]]:
    """What the desk traded: ticker, quantity and price, one after the other."""
    asked.append("fills")
    day = random.Random(7)
    for _ in range(60):
        ticker = day.choice(list(TICKERS))
        yield ticker, day.randint(-20, 40), TICKERS[ticker] + day.randint(-300, 300) / 100


@dug.source
def close(ticker: str) -> float:
    """The closing price."""
    asked.append(f"close {ticker}")
    return TICKERS[ticker] + 1.25


@dug.source
def fee_per_share(ticker: str) -> float:
    """What the broker charges."""
    asked.append(f"fee {ticker}")
    return 0.02 if ticker == "NVDA" else 0.05


@dug.memoize
def trades(ticker: str) -> tuple[tuple[int, float], ...]:
    """The fills of one share."""
    return tuple((quantity, price) for name, quantity, price in fills() if name == ticker)


@dug.memoize
def fees(ticker: str) -> float:
    """What trading a share cost in fees."""
    return fee_per_share(ticker) * sum(abs(quantity) for quantity, _ in trades(ticker))


@dug.memoize
def profit(ticker: str) -> float:
    """What a share has earned, at the closing price."""
    return sum(quantity * (close(ticker) - price) for quantity, price in trades(ticker)) - fees(ticker)


@dug.memoize
def desk() -> float:
    """What the desk has earned."""
    return sum(map(profit, TICKERS))


def fees_with_a_minimum(ticker: str) -> float:
    """Another way to charge: each fill costs at least 50 cents, but for cheap shares, whose fees are as they were."""
    if close(ticker) < 150:
        return fee_per_share(ticker) * sum(abs(quantity) for quantity, _ in trades(ticker))
    return sum(max(0.5, fee_per_share(ticker) * abs(quantity)) for quantity, _ in trades(ticker))


def tell(differences: replay.Differences) -> None:
    """Print what differs, a line for each node, and from which nodes that comes."""
    for row in differences:
        name = f"{row.node.function.__name__}({', '.join(row.node.args)})"
        reason = row.reason.replace(f"{__name__}:", "")
        print(f"  {row.kind:<7}  {name:<12}  {float(row.before):7.2f} -> {float(row.now):7.2f}  {reason}".rstrip())


def main() -> None:
    """Record the day, and replay it three times."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "monday.dugrec")
        day = dug.Context(name="monday")
        with replay.record(day, path), day:
            print(f"The desk has earned {desk():,.2f}; the feeds were asked {len(asked)} times.")
        asked.clear()
        monday = replay.open(path)
        print(f"The recording is {'complete' if monday.is_complete else 'not complete'}: {len(monday.nodes)} nodes.")
        plan = monday.plan(desk.node())
        print(f"A replay runs {len(plan.runs)} nodes, and takes {len(plan.recorded)} from it.")
        with monday.replay(desk.node()) as evening:
            print(f"Replayed, it has earned {desk():,.2f}; {len(monday.differences(evening))} nodes differ.")
            with dug.Context({close.node("MSFT"): dug.shift(-2.0)}):
                print(f"Had MSFT closed 2.00 lower: {desk():,.2f}.")
            with dug.Context({fees: fees_with_a_minimum}) as changed:
                print(f"With a minimum fee: {desk():,.2f}.  What differs, and because of what:")
                tell(monday.differences(changed, desk.node()))
        print(f"The feeds were asked {len(asked)} times since.")


if __name__ == "__main__":
    main()
