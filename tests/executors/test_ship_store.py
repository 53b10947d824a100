"""``ship="store"``: nothing of the base is sent, workers ask the store of the context, and keep there what they run."""

from __future__ import annotations

import shutil

import pytest
import remote_book
from remote_book import anything, at_least, book, mood, risky, spot, trade
from test_dispatch import Held

import dug
from dug import ContextError, SnapshotError
from dug.errors import StoreError
from dug.executors._bases import BASES
from dug.executors.processes import Processes
from dug.snapshot import load
from dug.stores import Store

SCENARIOS = [{spot.node(number): 200.0 + number} for number in range(4)]


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """The file to which all bodies write, in all processes."""
    monkeypatch.setenv(remote_book.COUNTS, str(tmp_path / "counts"))
    (tmp_path / "counts").write_text("")
    return tmp_path / "counts"


def read_counts(counts):
    """Return how often each body ran since the last look."""
    ran = counts.read_text().split()
    counts.write_text("")
    return {name: ran.count(name) for name in sorted(set(ran))}


def open_context(tmp_path, tweaks=None, **options):
    """Return a context with the store, as a process of its own would open it."""
    BASES._known.clear()
    return dug.Context(tweaks, store=Store(tmp_path / "store", min_seconds=0.0, **options))


def values_of(results):
    """Return the values of results."""
    return [result.value for result in results]


def in_a_loop(target, scenarios, tweaks=None):
    """Return what a loop gives."""
    with dug.Context(tweaks):
        return values_of(dug.sweep(target, scenarios))


def test_base_bodies_run_once_and_workers_find_them(tmp_path, counts):
    """The base runs here, once; a worker runs what a scenario changes, and sources run nowhere else."""
    with open_context(tmp_path):
        found = values_of(dug.sweep(book.node(), SCENARIOS, executor=Held(), ship="store"))

    assert read_counts(counts) == {"spot": 10, "trade": 10 + 4, "book": 1 + 4}
    assert found == in_a_loop(book.node(), SCENARIOS)


def test_what_workers_ran_outlives_the_sweep(tmp_path, counts):
    """Tomorrow's process runs no body for the same scenarios, whether it sweeps in a loop or on workers."""
    with open_context(tmp_path):
        found = values_of(dug.sweep(book.node(), SCENARIOS, executor=Held(), ship="store"))
    read_counts(counts)
    for executor in (None, Held()):
        with open_context(tmp_path):
            again = dug.sweep(book.node(), SCENARIOS, executor=executor, **({"ship": "store"} if executor else {}))
            assert values_of(again) == found
        assert read_counts(counts) == {"spot": 10}


def test_a_store_that_is_read_only_is_read(tmp_path, counts):
    """Workers take the base from it, and keep nothing."""
    with open_context(tmp_path):
        book()
    read_counts(counts)
    for _ in range(2):
        with open_context(tmp_path, read_only=True):
            tuple(dug.sweep(book.node(), SCENARIOS[:3], executor=Held(), ship="store"))
        assert read_counts(counts) == {"spot": 10, "trade": 3, "book": 3}


def test_only_sources_are_sent(tmp_path):
    """The file that goes to the workers has the sources that were read, and no other node."""
    pool = Held()
    with open_context(tmp_path):
        swept = dug.sweep(book.node(), SCENARIOS, executor=pool, ship="store")
        next(iter(swept))
        shutil.copy(pool.sent[0].message["base"]["path"], tmp_path / "base.dug")
    sent = load(tmp_path / "base.dug")

    assert [node._function.name for node in sent.graph()] == ["remote_book:spot"] * 10
    sent.close()


@pytest.mark.parametrize("tweaks", [{spot.node(1): 7.0}, {spot: dug.bump(at_least, 105.0)}], ids=["value", "bump"])
def test_tweaks_around_are_in_force_there(tmp_path, tweaks):
    """A tweak of the context around holds on the workers, and errors are those of a loop."""
    with open_context(tmp_path, tweaks):
        found = values_of(dug.sweep(book.node(), SCENARIOS, executor=Held(), ship="store"))
        (failed,) = dug.sweep(risky.node(), [{mood.node(): "value"}], executor=Held(), ship="store")

    assert found == in_a_loop(book.node(), SCENARIOS, tweaks)
    assert failed.error.args == ("bad mood", 7)


def test_a_scenario_may_name_a_function_that_nothing_sent_names(tmp_path):
    """A bump by a function of the book's module is found there, though the file has none of its nodes but sources."""
    scenarios = [{trade.node(1): dug.bump(at_least, 1_000.0)}]
    with open_context(tmp_path):
        found = values_of(dug.sweep([book.node(), anything.node()], scenarios, executor=Held(), ship="store"))

    assert found == in_a_loop([book.node(), anything.node()], scenarios)


def test_what_was_forgotten_here_is_not_known_there(tmp_path, counts):
    """After an invalidation a worker that had the base in memory runs the node again, as a loop does."""
    with open_context(tmp_path) as ctx:
        tuple(dug.sweep(trade.node(1), [{}], executor=Held(), ship="store"))
        ctx.invalidate(trade)
        read_counts(counts)
        tuple(dug.sweep(trade.node(1), [{spot.node(1): 5.0}, {}], executor=Held(), ship="store"))

    assert read_counts(counts) == {"trade": 2}


def test_the_message_stays_small(tmp_path):
    """Besides its scenarios a message has less than a kilobyte and a half, the names of all functions included."""
    pool = Held()
    with open_context(tmp_path):
        next(iter(dug.sweep(book.node(), SCENARIOS, executor=pool, ship="store")))

    assert len(repr({**pool.sent[0].message, "scenarios": []})) < 1_500


def test_what_cannot_be_is_refused_with_what_to_type(tmp_path):
    """No store, a store that is not there, and a way that there is not: each error names it and what to write."""
    with dug.Context():
        with pytest.raises(ContextError, match=r'this context has none\. Write dug\.Context\(store="book\.store"\)'):
            dug.sweep(book.node(), [{}], executor=Held(), ship="store")
        with pytest.raises(ValueError, match="ship must be 'path', 'bytes' or 'store', not 'stoer'"):
            dug.sweep(book.node(), [{}], executor=Held(), ship="stoer")
        with pytest.raises(TypeError, match="ship= is for other processes"):
            dug.sweep(book.node(), [{}], ship="store")
    with open_context(tmp_path):
        swept = iter(dug.sweep(book.node(), [{}] * 20, executor=Held(), ship="store"))
        next(swept)
        BASES._known.clear()
        shutil.rmtree(tmp_path / "store")
        with pytest.raises(SnapshotError, match=r"store is not a folder of a store on this machine.*RedisStore\(url\)"):
            tuple(swept)


def test_a_store_with_a_key_is_refused(tmp_path):
    """A key would have to be told, so that no worker opens a signed server."""
    from dug.stores.redis import RedisStore

    store = RedisStore("redis://127.0.0.1:9/0", key=b"k" * 16)
    with dug.Context(store=store), pytest.raises(StoreError, match="has a key, which a message to a worker would give away"):
        dug.sweep(book.node(), [{}], executor=Held(), ship="store")


@pytest.mark.slow
def test_base_bodies_run_once_over_all_processes(tmp_path, counts):
    """On two real workers, too, the base runs once in all and each scenario what it changes, once in all sweeps."""
    for ran in ({"spot": 10, "trade": 14, "book": 5}, {"spot": 10}):
        with open_context(tmp_path), Processes(2) as pool:
            found = values_of(dug.sweep(book.node(), SCENARIOS, executor=pool, batch=1, ship="store"))
        assert read_counts(counts) == dict(sorted(ran.items()))

    assert found == in_a_loop(book.node(), SCENARIOS)
