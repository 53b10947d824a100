"""Many scenarios of the demo's book on a cluster of Dask, one of whose workers is killed on the way.

Run it with ``python examples/cluster_sweep.py``, or with ``--scenarios 10000``.  It needs Dask: ``pip install "dug[dask]"``.

The cluster is one of processes on this machine.  A third of the way in, one of them is killed from outside, as by a system that
is out of memory.  What it was at is computed by another one, nothing is lost, and the results are those of a loop, bit by bit.
"""

import argparse
import logging
import os
import signal
import time

from distributed import Client, LocalCluster

import dug
from dug.demo.book import book_value
from dug.demo.market import spot, tickers, volatility


def make_scenarios(count: int) -> list[dict[object, object]]:
    """Shocks of a spot and a volatility: another stock and another size each time."""
    names = tickers()
    scenarios: list[dict[object, object]] = []
    for number in range(count):
        name = names[number % len(names)]
        size = 0.8 + 0.4 * number / count
        scenarios.append({spot.node(name): dug.scale(size), volatility.node(name): dug.scale(2.0 - size)})
    return scenarios


def sweep_on(client: Client, scenarios: list[dict[object, object]]) -> tuple[list[float], set[str]]:
    """The value of the book under each scenario, and the workers that computed them; one worker is killed on the way."""
    values, workers = [], set()
    for result in dug.sweep(book_value.node(), scenarios, executor=client):
        values.append(result.value)
        workers.add(result.worker)
        if len(values) == len(scenarios) // 3:
            victim = min(client.run(os.getpid).values())
            os.kill(victim, signal.SIGKILL)
            print(f"worker {victim} is killed after {len(values):,} scenarios")
    return values, workers


def make_cluster() -> LocalCluster:
    """Two worker processes on this machine, which do not tell at length that one of them was killed."""
    return LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL)


def main() -> None:
    """Sweep on the cluster and in a loop, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenarios", type=int, default=200)
    count = parser.parse_args().scenarios
    with make_cluster() as cluster, Client(cluster) as client, dug.Context():
        scenarios = make_scenarios(count)
        began = time.perf_counter()
        values, workers = sweep_on(client, scenarios)
        print(f"{count:,} scenarios on {len(workers)} workers in {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        in_a_loop = [result.value for result in dug.sweep(book_value.node(), scenarios)]
        print(f"and in a loop in {time.perf_counter() - began:.1f} s")
    print("the same, bit by bit" if values == in_a_loop else "THEY DIFFER")


if __name__ == "__main__":
    main()
