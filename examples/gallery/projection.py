"""An actuarial projection: a book of life insurance, valued year by year, under the stresses that a regulator asks for.

Run it with ``python projection.py``.  A year of a policy is a node that reads the next year, as the formulas in the books do.
All policies share the mortality of an age and the rate of a year; a stress keeps what does not read it.
"""

from itertools import product

import attrs

import dug
from dug.testing import EventLog


@dug.memoize
def mortality(age: int) -> float:
    """The probability to die within a year, by the law of Gompertz and Makeham."""
    return min(1.0, 0.0005 + 0.00007585 * 1.09144**age)


@dug.memoize
def lapse(year: int) -> float:
    """The part of the policies that are given up in a year."""
    return max(0.02, 0.08 - 0.01 * year)


@dug.memoize
def rate(year: int) -> float:
    """What money earns in a year."""
    return 0.02 + 0.0005 * min(year, 20)


@dug.memoize
def expense(year: int) -> float:
    """What it costs to keep a policy for a year."""
    return 30.0 * 1.02**year


@dug.memoize
def stays(age: int, gone: int) -> float:
    """The part of the policies that are still in force a year later."""
    return (1 - mortality(age + gone)) * (1 - lapse(gone))


@dug.memoize
def benefit(age: int, years: int, gone: int = 0) -> float:
    """What 1, paid at death, is worth: after some years, for somebody who was `age` at the beginning."""
    if gone == years:
        return 0.0
    return (mortality(age + gone) + stays(age, gone) * benefit(age, years, gone + 1)) / (1 + rate(gone))


@dug.memoize
def annuity(age: int, years: int, gone: int = 0) -> float:
    """What 1 at the beginning of each year is worth, for as long as the policy is in force."""
    return 0.0 if gone == years else 1 + stays(age, gone) * annuity(age, years, gone + 1) / (1 + rate(gone))


@dug.memoize
def expenses(age: int, years: int, gone: int = 0) -> float:
    """What it costs to keep a policy for as long as it is in force."""
    return 0.0 if gone == years else expense(gone) + stays(age, gone) * expenses(age, years, gone + 1) / (1 + rate(gone))


@attrs.frozen
class Policy:
    """Pays a sum if somebody dies within some years, against a premium at the beginning of each year."""

    age: int
    years: int
    amount: float
    premium: float

    @dug.memoize
    def liability(self) -> float:
        """What the insurer owes: benefits and expenses less premiums."""
        owed = self.amount * benefit(self.age, self.years) + expenses(self.age, self.years)
        return owed - self.premium * annuity(self.age, self.years)


BOOK = tuple(
    Policy(age, years, amount, round(40 + amount * 0.0013 * 1.09 ** (age - 25) * 1.03 ** (years - 10), 2))
    for age, years, amount in product(range(25, 60, 5), (10, 20, 30), (50_000.0, 100_000.0))
)


@dug.memoize
def best_estimate() -> float:
    """What the insurer owes to all."""
    return sum(policy.liability() for policy in BOOK)


STRESSES = {
    "mortality + 15 %": {mortality: dug.scale(1.15)},
    "mortality - 20 %": {mortality: dug.scale(0.8)},
    "lapses + 50 %": {lapse: dug.scale(1.5)},
    "lapses - 50 %": {lapse: dug.scale(0.5)},
    "rates + 1 %": {rate: dug.shift(0.01)},
    "expenses + 10 %": {expense: dug.scale(1.1)},
    "a pandemic this year": {mortality: lambda age: mortality(age) + 0.0015},
}


def main() -> None:
    """Value the book, then under each stress, and under a mortality that differs at one age only."""
    with dug.Context(name="best estimate") as base, EventLog(base) as log:
        worth = -best_estimate()
    print(f"{len(BOOK)} policies are worth {worth:,.0f} to the insurer; that ran {len(log.computed):,} nodes.\n")
    print("stress                     worth   nodes that run again")
    with base:
        sweep = dug.sweep(best_estimate.node(), STRESSES)
        for change, result in zip(sweep.diff(), sweep, strict=True):
            print(f"{result.name:<22}{-change.value:>+10,.0f}   {result.recomputed:,}")
        for age in (25, 45, 65, 85):
            (result,) = dug.sweep(best_estimate.node(), [{mortality.node(age): dug.scale(1.15)}])
            print(f"mortality + 15 % at {age} alone runs {result.recomputed} nodes.")


if __name__ == "__main__":
    main()
