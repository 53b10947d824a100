"""The value at risk of a portfolio, by simulation of monthly returns, and what it would be under other assumptions.

Run it with ``python monte_carlo_var.py``; it needs numpy. The simulation is the dear part, and most questions
leave it alone: the draws depend on the seed only, the returns on the draws and the covariance, and the loss
on the returns and the holdings.
"""

import numpy as np

import dug
from dug.demo import market  # monthly closing prices of five shares
from dug.testing import EventLog

HELD = {"AAPL": 2.0e6, "AMZN": 1.5e6, "GOOG": -0.8e6, "IBM": 3.0e6, "MSFT": 1.2e6}


@dug.source
def held(ticker: str) -> float:
    """How much money is in a share; less than nothing if it is owed."""
    return HELD[ticker]


@dug.memoize
def seed() -> int:
    """Where the random numbers begin."""
    return 2010


@dug.memoize
def count() -> int:
    """How many months are simulated."""
    return 50_000


@dug.memoize(eq=dug.eq.array)
def covariance() -> np.ndarray:
    """How the monthly returns of the shares move together, from the months that all of them have."""
    months = min(len(market.history(ticker)) for ticker in market.tickers())
    closes = np.array([market.history(ticker)[-months:] for ticker in market.tickers()])
    return np.cov(np.diff(np.log(closes)))


@dug.memoize
def draws() -> np.ndarray:
    """Independent normal numbers, a row for each month and a column for each share."""
    return np.random.default_rng(seed()).standard_normal((count(), len(market.tickers())))


@dug.memoize
def returns() -> np.ndarray:
    """The simulated returns: the draws, moving together as the shares do."""
    return np.exp(draws() @ np.linalg.cholesky(covariance()).T) - 1


@dug.memoize
def losses() -> np.ndarray:
    """What the portfolio loses in each month, in order."""
    return np.sort(returns() @ [-held(ticker) for ticker in market.tickers()])


@dug.memoize
def value_at_risk(level: float = 0.99) -> float:
    """The loss that is exceeded in one month of a hundred, at a level of 99 %."""
    return float(np.quantile(losses(), level))


@dug.memoize
def expected_shortfall(level: float = 0.99) -> float:
    """The mean of the losses beyond the value at risk."""
    return float(losses()[losses() > value_at_risk(level)].mean())


def reverse_shares(prices: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    """The rows of the file with the last share first; those of a share stay in their order."""
    return tuple(sorted(prices, key=lambda row: row[0], reverse=True))


WHAT_IFS = {
    "as it is": {},
    "another level": {},
    "no Amazon": {held.node("AMZN"): 0.0},
    "twice the portfolio": {held: dug.scale(2)},
    "the file in another order": {market.closing_prices.node(): dug.bump(reverse_shares)},
    "volatilities up by a half": {covariance.node(): dug.scale(2.25)},
    "another seed": {seed.node(): 2011},
}
STEPS = (market.history, covariance, draws, returns, losses, value_at_risk)


def main() -> None:
    """Ask for the risk under each scenario; then how sure the simulation is of it."""
    with dug.Context(name="today"):
        print(f"{'what if':<32}{'VaR':>11}{'shortfall':>11}   what ran")
        for name, tweaks in WHAT_IFS.items():
            level = 0.95 if name == "another level" else 0.99
            with dug.Context(tweaks) as scenario, EventLog(scenario) as log:
                at_risk, shortfall = value_at_risk(level), expected_shortfall(level)
            ran = ", ".join(function.__name__ for function in STEPS if log.count(function))
            print(f"{name:<32}{at_risk:11,.0f}{shortfall:11,.0f}   {ran}")

        seeds = dug.sweep(value_at_risk.node(), [{seed.node(): number} for number in range(20)])
        values = [result.value for result in seeds]
        print(f"\n20 seeds: {np.mean(values):,.0f}, give or take {np.std(values):,.0f}; a seed runs {seeds[0].recomputed} nodes.")


if __name__ == "__main__":
    main()
