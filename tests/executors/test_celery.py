"""``dug.sweep`` on the workers of a Celery app: a real worker process, and a real server of Redis between."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import carriers
import pytest
import remote_book
from celery import Celery
from remote_book import book, mood, risky, spot, trade
from support.servers import celery_working, serving

import dug
from dug import TweakError, WorkerLostError
from dug.errors import StoreError
from dug.executors.celery import TASK, CeleryExecutor, register
from dug.stores import Store, Tiered
from dug.stores.redis import RedisStore

pytestmark = pytest.mark.slow  # a worker takes two seconds to start


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for what is sent and what comes back."""
    with serving("redis", tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """The file to which bodies write, in the processes of the worker too."""
    os.environ[remote_book.COUNTS] = str(tmp_path_factory.mktemp("counts") / "bodies")
    yield Path(os.environ[remote_book.COUNTS])
    del os.environ[remote_book.COUNTS]


@pytest.fixture(scope="module")
def executor(server, counts, tmp_path_factory):
    """An executor on a worker with a pool of two processes."""
    app = Celery("test", broker=server.url, backend=server.url)
    options = ("--pool", "prefork", "--concurrency", "2")
    with celery_working("dug.executors.celery_app", server.url, tmp_path_factory.mktemp("worker"), *options):
        yield CeleryExecutor(app, workers=2, timeout=60.0)
    app.close()


def test_results_are_those_of_a_loop(executor):
    """Names, values, errors and their order are those of a loop."""
    with dug.Context():
        sweep = dug.sweep(carriers.TARGETS, carriers.SCENARIOS, executor=executor)
        found = carriers.read(sweep)

    assert found == carriers.sweep_in_a_loop()
    assert None not in {result.worker for result in sweep}


def test_the_base_is_computed_once_in_all(executor, counts):
    """What no scenario changes runs in no process of the worker, and here once."""
    counts.write_text("")
    with dug.Context():
        tuple(dug.sweep(book.node(), [{spot.node(0): float(x)} for x in range(5)], executor=executor))

    bodies = counts.read_text().split()
    assert {name: bodies.count(name) for name in set(bodies)} == {"spot": 10, "trade": 15, "book": 6}


def test_what_cannot_go_is_refused_here(executor):
    """A bump by a lambda is refused with its name before anything is sent."""
    with dug.Context(), pytest.raises(TweakError, match="cannot go to another process"):
        tuple(dug.sweep(book.node(), [{spot.node(0): dug.bump(lambda price: price + 1)}], executor=executor))


def test_only_the_scenario_that_kills_its_process_is_lost(executor, counts):
    """A scenario that kills a process of the pool is a WorkerLostError after its retries; all others are right, none goes on."""
    scenarios = [{mood.node(): "die" if number == 2 else f"mood {number}"} for number in range(6)]
    counts.write_text("")
    with dug.Context():
        sweep = dug.sweep(risky.node(), scenarios, executor=executor, batch=2, retries=1)
        results = tuple(sweep)
        again = dug.sweep(risky.node(), [{mood.node(): f"mood {number}"} for number in range(8)], executor=executor, batch=1)
        values = [result.value for result in again]  # whatever was delivered again had to be taken before the last of these

    assert [type(result.error) for result in results if result.error] == [WorkerLostError]
    assert [result.value for result in results if not result.error] == [f"mood {x}" for x in range(6) if x != 2]
    assert values == [f"mood {number}" for number in range(8)]
    assert (results[2].attempts, results[3].attempts) == (2, 2)
    assert counts.read_text().split().count("die") == results[2].error.attempts == 2
    assert list(sweep.failed()) == [results[2].name]


def test_a_time_limit_of_the_worker_loses_the_scenario_alone(executor, counts, tmp_path, monkeypatch):
    """A process that the worker kills because of its time limit is a WorkerLostError of what it was at."""
    send = executor.app.send_task
    monkeypatch.setattr(executor.app, "send_task", lambda *args, **options: send(*args, **options, time_limit=1))
    with dug.Context():
        stuck, well = dug.sweep(risky.node(), [{mood.node(): "wait"}, {}], executor=executor, batch=1, retries=0)

    assert type(stuck.error) is WorkerLostError
    assert "killed by the time limit of the worker" in str(stuck.error)
    assert well.value == "well"


def test_a_store_is_warmed_by_workers(executor, server, tmp_path):
    """Workers keep what they run in the server, where the context finds it; a folder before it gets a copy."""
    store = Tiered(Store(tmp_path / "near"), RedisStore(server.url, prefix="warm"))
    store.min_seconds = 0.0
    with dug.Context(store=store) as ctx:
        ctx.warm([trade.node(number) for number in range(4)], executor=executor)
        values = [trade(number) for number in range(4)]

    with dug.Context():
        assert values == [trade(number) for number in range(4)]
    assert store.hits == 4
    store.close()


def test_a_key_is_not_told_to_workers(executor, server):
    """A store that signs is opened by no worker, as its key would have to be sent."""
    store = RedisStore(server.url, prefix="signed", key=b"k" * 16)
    with dug.Context(store=store) as ctx, pytest.raises(StoreError, match="has a key, which a message to a worker would"):
        ctx.warm([trade.node(1)], executor=executor)
    store.close()


@pytest.fixture
def app():
    """An app in memory, which no worker hears."""
    with Celery("lonely", broker="memory://", backend="cache+memory://", set_as_current=False) as app:
        yield app


def test_the_task_is_of_the_registered_app_alone():
    """Another app of the process does not answer sweeps because one does."""
    one, other = (Celery(name, set_as_current=False) for name in ("one", "other"))
    register(one)

    assert [TASK in app.tasks for app in (one, other)] == [True, False]


def test_an_app_answers_once_it_is_registered(app):
    """The task is found by its name, takes JSON, and is acknowledged when it is done."""
    register(app)

    task = app.tasks[TASK]
    assert (task.acks_late, task.reject_on_worker_lost, task.serializer) == (True, True, "json")


def test_a_batch_that_comes_again_is_not_begun(app):
    """A batch that another worker had, and did not end, may have killed it: it is told as lost."""
    register(app)

    task = app.tasks[TASK]
    task.push_request(id="a batch")
    assert "refused" in task(dict.fromkeys(("pickles", "base", "nodes")))
    assert task({"nothing": "is read"}) == {"lost": True}


def test_no_pickles_are_read(app):
    """A worker refuses a message of the form with pickles before it looks into it."""
    register(app)

    with pytest.raises(ValueError, match="no pickles"):
        app.tasks[TASK]({"pickles": True})


def test_a_batch_without_an_answer_in_time_is_lost(app):
    """With a timeout nobody waits for workers that are gone."""
    with dug.Context():
        (result,) = dug.sweep(risky.node(), [{}], executor=CeleryExecutor(app, workers=1, timeout=0.01), retries=0)

    assert "there was no answer in 0.01 seconds" in str(result.error)


def test_a_timeout_of_scenarios_is_refused(app):
    """Who gives timeout= to the sweep hears what the workers and the executor can do instead."""
    with dug.Context(), pytest.raises(TypeError, match=r"start these with --time-limit.*CeleryExecutor\(app, timeout=\)"):
        dug.sweep(risky.node(), [{}], executor=CeleryExecutor(app, workers=1), timeout=5)


def test_a_sweep_without_workers_is_refused(app):
    """Where the workers are counted and none answers, the message says what to start."""
    with dug.Context(), pytest.raises(RuntimeError, match=r"No worker of .* on lonely> answers\. Start one: celery -A"):
        dug.sweep(risky.node(), [{}], executor=CeleryExecutor(app))


def test_what_is_no_app_is_refused(monkeypatch):
    """Anything but an app is refused with what to type, and so is a missing Celery."""
    with pytest.raises(TypeError, match=r"5 is not a Celery app. Write CeleryExecutor\(app\)"):
        CeleryExecutor(5)
    with pytest.raises(ValueError, match="ship must be 'path' or 'bytes', not 'air'"):
        CeleryExecutor(Celery(set_as_current=False), ship="air")
    monkeypatch.setitem(sys.modules, "celery", None)
    with pytest.raises(ImportError, match=r'CeleryExecutor needs celery. Type: pip install "dug\[celery\]"'):
        CeleryExecutor(5)
