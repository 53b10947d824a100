"""``dug.sweep`` on a cluster of Dask: real worker processes on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import carriers
import dask
import pytest
import remote_book
from distributed import Client, LocalCluster
from remote_book import book, mood, risky, spot, trade

import dug
from dug import CodeDiffersError, TweakError, WorkerLostError
from dug.executors.dask import DaskPool, _Answer

pytestmark = pytest.mark.slow  # a cluster takes a second to start


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of two workers; the scheduler gives up a task with the first worker that dies: innocents are most at risk."""
    os.environ[remote_book.COUNTS] = str(tmp_path_factory.mktemp("counts") / "bodies")
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": True}
    with dask.config.set(settings), LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            yield client
    del os.environ[remote_book.COUNTS]


def test_results_are_those_of_a_loop(client):
    """Names, values, errors and their order are those of a loop."""
    with dug.Context():
        sweep = dug.sweep(carriers.TARGETS, carriers.SCENARIOS, executor=client)
        found = carriers.read(sweep)
        workers = {result.worker for result in sweep}

    assert found == carriers.sweep_in_a_loop()
    assert None not in workers
    assert not any(worker.endswith(f":{os.getpid()}") for worker in workers)


def test_a_base_can_go_as_bytes(client, monkeypatch):
    """Where the workers share no folder with the client, the cluster carries the base; the results are the same."""
    monkeypatch.setattr("dug.executors.dask.LocalCluster", type(None))
    with dug.Context():
        sweep = dug.sweep(book.node(), [{spot.node(0): float(x)} for x in range(8)], executor=client, batch=2)
        found = [result.value for result in sweep]

    with dug.Context():
        assert found == [result.value for result in dug.sweep(book.node(), [{spot.node(0): float(x)} for x in range(8)])]


def test_the_base_is_computed_once_in_all(client):
    """What no scenario changes runs in no worker, and here once."""
    counts = Path(os.environ[remote_book.COUNTS])
    counts.unlink(missing_ok=True)
    with dug.Context():
        tuple(dug.sweep(book.node(), [{spot.node(0): float(x)} for x in range(5)], executor=client))

    bodies = counts.read_text(encoding="ascii").split()
    assert {name: bodies.count(name) for name in set(bodies)} == {"spot": 10, "trade": 15, "book": 6}


def test_only_the_scenario_that_kills_its_worker_is_lost(client):
    """A scenario that kills its worker is a WorkerLostError, after as many attempts as were allowed; all others are right."""
    scenarios = [{mood.node(): "die" if number == 5 else f"mood {number}"} for number in range(16)]
    with dug.Context():
        results = tuple(dug.sweep(risky.node(), scenarios, executor=client, batch=4, retries=1))

    assert [type(result.error) for result in results if result.error] == [WorkerLostError]
    assert (results[5].error.attempts, results[5].attempts) == (2, 2)
    assert [result.value for result in results if not result.error] == [f"mood {x}" for x in range(16) if x != 5]


def test_other_code_on_the_workers_is_refused(client):
    """A worker whose code reaches something else answers nothing, and names the function."""
    client.run(setattr, remote_book, "FACTOR", 3.0)
    try:
        with dug.Context({spot.node(9): 1.0}), pytest.raises(CodeDiffersError, match="remote_book:trade"):
            tuple(dug.sweep(book.node(), [{}], executor=client))
    finally:
        client.run(setattr, remote_book, "FACTOR", 2.0)


def test_a_timeout_is_refused(client):
    """Who gives timeout= hears why, and what to type."""
    with dug.Context(), pytest.raises(TypeError, match=r"Dask suspects whatever else .* Use dug\.executors\.proc"):
        dug.sweep(book.node(), [{}], executor=client, timeout=5)


def test_what_cannot_go_is_refused_here(client):
    """A bump by a lambda is refused with its name before anything is sent."""
    with dug.Context(), pytest.raises(TweakError, match="cannot go to another process"):
        tuple(dug.sweep(book.node(), [{spot.node(0): dug.bump(lambda price: price + 1)}], executor=client))


def test_a_local_cluster_that_lost_all_workers_has_them_again(client, monkeypatch):
    """Dask forgets workers that are lost again and again; a sweep does not wait for ever for a cluster without any."""
    monkeypatch.setattr("dug.executors.dask._LOOK_SECONDS", 0.1)
    with dug.Context():
        sweep = dug.sweep(book.node(), [{spot.node(0): float(x)} for x in range(8)], executor=client, batch=1)
        client.cluster.scale(0)
        found = [result.value for result in sweep]
        assert found == [result.value for result in dug.sweep(book.node(), [{spot.node(0): float(x)} for x in range(8)])]

    client.wait_for_workers(2, timeout=60)  # one that starts sooner may have answered all


class _LateFuture:
    """A future that is done, whose result is on its way for two looks, or is being made again."""

    def __init__(self):
        self.patience = []

    def done(self):
        return True

    def result(self, timeout):
        self.patience.append(timeout)
        if len(self.patience) < 3:
            raise TimeoutError
        return 32


def test_a_result_that_comes_late_is_waited_for_in_longer_and_longer_looks(client):
    """A task may be done and its worker lost before the result is here: a wait looks after the cluster, and goes on."""
    answer = _Answer(DaskPool(client), {})
    future = answer.future = _LateFuture()

    assert answer.result() == 32
    assert future.patience == [5.0, 10.0, 20.0]


def test_many_nodes_of_one_scenario_go_to_the_cluster(client):
    """A batch takes a client as its executor: values are those of a loop, and no body runs here."""
    nodes = [trade.node(1), book.node(), risky.node()]
    with dug.Context({mood.node(): "value"}) as ctx:
        away = ctx.run_all(nodes, executor=client)
        here = ctx.run_all(nodes)

    assert away.values == here.values
    assert (list(away.failures), away.recomputed > 0) == (list(here.failures), True)
