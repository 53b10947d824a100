"""1,000 scenarios of the demo's book give the same table, to the last bit, wherever they run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import dug
from dug.demo import book, market
from dug.executors.processes import Processes


def make_scenarios():
    """Return scenarios that move spots, volatilities and the rate, alone and together, by values and by bumps."""
    with dug.Context():
        tickers = market.tickers()
    scenarios: list[dict] = []
    for number in range(1_000):
        ticker, other = tickers[number % len(tickers)], tickers[(3 * number + 1) % len(tickers)]
        if number % 100 == 0:  # few: every trade reads the rate
            scenarios.append({market.rate.node(): dug.shift(number / 100_000)})
        elif number % 3 == 0:
            scenarios.append({market.spot.node(ticker): dug.scale(0.5 + number / 1_000)})
        elif number % 3 == 1:
            scenarios.append({market.volatility.node(other): 0.1 + number / 5_000})
        else:
            scenarios.append({market.spot.node(ticker): dug.shift(number / 7), market.volatility.node(ticker): dug.scale(1.5)})
    return scenarios


def tabulate(executor):
    """Return the table of a sweep: the values of each scenario, to the last bit."""
    with dug.Context():
        nodes = [book.book_value.node(), *map(book.stock_value.node, market.tickers())]
        sweep = dug.sweep(nodes, make_scenarios(), executor=executor)
        return [(result.name, [value.hex() for value in result.value]) for result in sweep]


@pytest.mark.slow
def test_a_thousand_scenarios_give_one_table():
    """A loop, threads and worker processes give bit-identical tables."""
    with ThreadPoolExecutor(2) as threads, Processes(2) as processes:
        alone, threaded, remote = map(tabulate, (None, threads, processes))

    assert len(alone) == 1_000
    assert alone == threaded == remote
