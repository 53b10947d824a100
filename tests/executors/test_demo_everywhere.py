"""1,000 scenarios of the demo's book give the same table, to the last bit, wherever they run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery
from distributed import Client, LocalCluster
from support.servers import celery_working, serving

import dug
from dug.demo import book, market
from dug.executors.celery import CeleryExecutor
from dug.executors.processes import Processes

pytestmark = pytest.mark.slow


@pytest.fixture
def client():
    """A client of Dask with two workers."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        yield client


@pytest.fixture
def celery(tmp_path):
    """An executor on a Celery worker with two processes, and a server of Redis between."""
    with serving("redis", tmp_path / "redis") as server, Celery("demo", broker=server.url, backend=server.url) as app:
        with celery_working("dug.executors.celery_app", server.url, tmp_path, "--pool", "prefork", "--concurrency", "2"):
            yield CeleryExecutor(app, workers=2, timeout=60.0)


def make_scenarios():
    """Return scenarios that move spots, volatilities and the rate, alone and together, by values and by bumps."""
    with dug.Context():
        tickers = market.tickers()
    scenarios: list[dict] = []
    for number in range(1_000):
        ticker, other = tickers[number % len(tickers)], tickers[(3 * number + 1) % len(tickers)]
        if number % 500 == 0:  # few: every trade reads the rate
            scenarios.append({market.rate.node(): dug.shift(number / 100_000)})
        elif number % 3 == 0:
            scenarios.append({market.spot.node(ticker): dug.scale(0.5 + number / 1_000)})
        elif number % 3 == 1:
            scenarios.append({market.volatility.node(other): 0.1 + number / 5_000})
        else:
            scenarios.append({market.spot.node(ticker): dug.shift(number / 7), market.volatility.node(ticker): dug.scale(1.5)})
    return scenarios


def tabulate(executor):
    """Return the table of a sweep, the values of each scenario to the last bit, and whether other processes computed it."""
    with dug.Context():
        nodes = [book.book_value.node(), *map(book.stock_value.node, market.tickers())]
        sweep = dug.sweep(nodes, make_scenarios(), executor=executor)
        table = [(result.name, [value.hex() for value in result.value]) for result in sweep]
        return table, {result.worker is not None for result in sweep}


def test_a_thousand_scenarios_give_one_table(client, celery):
    """A loop, threads, worker processes, Dask and Celery give bit-identical tables."""
    with ThreadPoolExecutor(2) as threads, Processes(2) as processes:
        alone, *others = (tabulate(executor) for executor in (None, threads, processes, client, celery))

    assert len(alone[0]) == 1_000
    assert others == [(alone[0], {False}), *[(alone[0], {True})] * 3]
