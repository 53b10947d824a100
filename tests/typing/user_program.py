"""What a user writes: right down to `main`, and wrong in `slips`, on the lines that are marked."""

from dataclasses import dataclass

import dug
from dug.scenarios import grid


@dug.source
def spot(ticker: str) -> float:
    """What one share costs."""
    return {"AAPL": 190.0, "MSFT": 410.0}[ticker]


@dug.memoize
def path(office: str) -> str:
    """Where an office delivers."""
    return f"positions/{office}.csv"


@dug.memoize(typed=True)
def forward(ticker: str, years: float = 1.0) -> float:
    """What one share costs later."""
    return spot(ticker) * (1 + 0.03 * years)


@dataclass(frozen=True)
class Position:
    """Some shares."""

    ticker: str
    quantity: int

    @dug.memoize
    def value(self) -> float:
        """What they are worth."""
        return self.quantity * forward(self.ticker)


def main() -> dict[str, float]:
    """Asks what if."""
    held, apple = Position("AAPL", 100), spot.node("AAPL")
    with dug.Context({path.node("oslo"): "late.csv"}) as base, dug.Context({apple: 96, spot: dug.scale(0.5)}) as crash:
        base.tweak(apple, 191.0)
        found: float = crash.run(held.value)
        sweep = dug.sweep(held.value.node(), grid({apple: [180.0, 200.0], spot.node("MSFT"): [400.0]}))
        return {"crash": found, "again": crash[held.value.node()]} | {result.name: result.value for result in sweep}


def slips() -> None:
    """Six of them."""
    total: str = spot("AAPL")  # E: assignment
    with dug.Context():
        forward("AAPL", "one")  # E: arg-type
        spot.node(Position("AAPL", 1))  # E: arg-type
        Position("AAPL", 1).value(2)  # E: call-arg
    dug.Context(tweaks={spot.node("AAPL"): "ninety-six"})  # E: arg-type
    dug.Context(tweaks={"spot": 96.0})  # E: arg-type
    assert total


if __name__ == "__main__":
    main()
