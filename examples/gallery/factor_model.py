"""A factor model of 400 shares over 250 days: a frame of 100,000 rows, regressions day by day, and the risk of portfolios.

Run it with ``python factor_model.py``; it needs pandas. The frames are values like any others: each is made
once and handed from node to node. ``eq=dug.eq.frame`` says that a frame which was made again with equal
content is the same value.
"""

import numpy as np
import pandas as pd

import dug
from dug.testing import EventLog

SHARES, DAYS, FACTORS = 400, 250, ("market", "size", "momentum")
PORTFOLIOS = {"large": tuple(range(0, 400, 8)), "small": tuple(range(7, 400, 8)), "all": tuple(range(400))}


@dug.source(eq=dug.eq.frame)
def prices() -> pd.DataFrame:
    """The closing prices, a row for each share and day: from a file in a real program, here made up."""
    rng = np.random.default_rng(7)
    common = 0.01 * rng.standard_normal((DAYS, 1)) + 0.008 * rng.standard_normal((DAYS, 1)) * np.linspace(-0.5, 1.5, SHARES)
    closes = 100 * np.exp(np.cumsum(common + 0.02 * rng.standard_normal((DAYS, SHARES)), 0))
    day, share = np.divmod(np.arange(DAYS * SHARES), SHARES)
    return pd.DataFrame({"day": day, "share": share, "close": closes.ravel()})


@dug.source
def sizes() -> pd.Series:
    """What each company is worth, in billions."""
    return pd.Series(np.geomspace(1000, 1, SHARES), name="size")


@dug.memoize
def half_life() -> int:
    """After how many days an observation counts half."""
    return 60


@dug.memoize
def returns() -> pd.DataFrame:
    """The daily returns: a row for each day, a column for each share."""
    return prices().pivot_table("close", "day", "share").pct_change().iloc[1:]


@dug.memoize(eq=dug.eq.frame)
def clean_returns() -> pd.DataFrame:
    """The returns, with those cut off that must be slips."""
    return returns().clip(-0.2, 0.2)


@dug.memoize(eq=dug.eq.frame)
def exposures() -> pd.DataFrame:
    """How much each share has of each factor: a row for each share."""
    momentum = clean_returns().iloc[-60:].sum()
    raw = pd.DataFrame({"size": np.log(sizes()), "momentum": momentum})
    return ((raw - raw.mean()) / raw.std()).assign(market=1.0)[list(FACTORS)]


@dug.memoize
def factor_returns() -> pd.DataFrame:
    """What each factor returned each day: one regression over all shares a day."""
    found, *_ = np.linalg.lstsq(exposures().to_numpy(), clean_returns().to_numpy().T, rcond=None)
    return pd.DataFrame(found.T, index=clean_returns().index, columns=list(FACTORS))


@dug.memoize
def specific_variances() -> pd.Series:
    """What the factors do not explain, a year."""
    return 252 * (clean_returns() - factor_returns().to_numpy() @ exposures().to_numpy().T).var()


@dug.memoize
def covariance() -> pd.DataFrame:
    """How the factors move together in a year, the latest days counting most."""
    weights = 0.5 ** (np.arange(len(factor_returns()))[::-1] / half_life())
    return pd.DataFrame(252 * np.cov(factor_returns().T, aweights=weights), FACTORS, FACTORS)


@dug.memoize
def risk(shares: tuple[int, ...]) -> float:
    """How much a portfolio of equal parts moves in a year, in percent."""
    held = exposures().iloc[list(shares)].mean()
    return float(100 * np.sqrt(held @ covariance() @ held + specific_variances().iloc[list(shares)].mean() / len(shares)))


def slip(prices: pd.DataFrame) -> pd.DataFrame:
    """The prices with one that was typed with the point in the wrong place."""
    return prices.assign(close=prices["close"].mask((prices["day"] == 100) & (prices["share"] == 3), prices["close"] * 10))


STEPS = (prices, returns, clean_returns, exposures, factor_returns, specific_variances, covariance, risk)


def show(name: str, ctx: dug.Context) -> None:
    """Print the risks in a context, and what ran for them."""
    with ctx, EventLog(ctx) as log:
        risks = "".join(f"{risk(shares):8.3f}" for shares in PORTFOLIOS.values())
    ran = [function.__name__ for function in STEPS if log.count(function)]
    print(f"{name:<24}{risks}   {'everything' if len(ran) == len(STEPS) else ', '.join(ran)}")


def main() -> None:
    """Ask for the risk of the portfolios, and again after changes."""
    today = dug.Context(name="today")
    print(f"{'risk a year, in %':<24}{''.join(f'{name:>8}' for name in PORTFOLIOS)}   what ran")
    show("as it is", today)
    today.invalidate(prices)
    show("the file is read again", today)
    with today:
        show("a half-life of 20 days", dug.Context({half_life.node(): 20}))
        show("one price is wrong", dug.Context({prices.node(): dug.bump(slip)}))
        show("without momentum", dug.Context({exposures.node(): dug.scale(pd.Series({"market": 1, "size": 1, "momentum": 0}))}))


if __name__ == "__main__":
    main()
