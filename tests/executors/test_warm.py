"""`Context.warm`: worker processes compute into a store, and the context finds it there."""

from __future__ import annotations

import os

import pytest
import remote_book
from remote_book import anything, book, desk, firm, risky, spot, trade
from test_dispatch import Held

import dug
from dug import ContextError
from dug.errors import StoreError
from dug.executors.processes import Processes
from dug.stores import Store


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """The file to which all bodies write, in all processes."""
    path = tmp_path_factory.mktemp("counts") / "counts"
    os.environ[remote_book.COUNTS] = str(path)
    yield path
    del os.environ[remote_book.COUNTS]


@pytest.fixture
def counts(counted):
    """That file, empty."""
    counted.write_text("")
    return counted


@pytest.fixture(scope="module")
def pool(counted):
    """Two worker processes."""
    with Processes(2) as pool:
        yield pool


@pytest.mark.slow
def test_what_was_warmed_is_found(tmp_path, counts, pool):
    """After eight trades were computed by two processes, the book runs the other two; an error is in the batch."""
    with dug.Context({spot.node(1): 7.0}, store=Store(tmp_path / "store", min_seconds=0.0)) as ctx:
        for number in range(8):  # else a trade begins twice: it comes back for the price that it lacks
            spot(number)
        batch = ctx.warm([*(trade.node(number) for number in range(8)), risky.node()], executor=pool)
        warmed = counts.read_text().split().count("trade")
        value = book()
    with dug.Context({spot.node(1): 7.0}):
        expected = book()

    assert (warmed, value, len(batch.values)) == (8, expected, 9)
    assert counts.read_text().split().count("trade") == 8 + 2 + 10


def warm_again(tmp_path, pool, counts, nodes, tweaks=None):
    """Warm nodes in a context whose sources are known; return the batch, and how often each body ran for it, and for who asks."""
    with dug.Context(tweaks, store=Store(tmp_path / "store", min_seconds=0.0)) as ctx:
        for number in range(4):
            spot(number)
        counts.write_text("")
        batch = ctx.warm(nodes, executor=pool)
        ran = counts.read_text().split()
        counts.write_text("")
        values = [node() for node in nodes]

    assert values == list(batch.values.values())
    return batch, {name: ran.count(name) for name in sorted(set(ran))}, counts.read_text().split()


def told_nodes(pool):
    """Return the nodes that were sent, in their order."""
    return [f"{name.partition(':')[2]}{arguments}" for future in pool.sent for name, arguments in future.message["nodes"]]


STEPS = [*(f"trade[[{number}],{{}}]" for number in range(4)), "desk[[0],{}]", "desk[[1],{}]", "firm[[],{}]"]


def test_what_a_target_read_last_time_is_handed_out_one_by_one(tmp_path, counts):
    """Under other prices each trade, then each desk goes to a worker, and the firm at last; no body begins twice."""
    pool = Held()
    warm_again(tmp_path, Held(), counts, [firm.node()])
    batch, ran, ran_here = warm_again(tmp_path, pool, counts, [firm.node()], {spot: dug.scale(2.0)})

    assert told_nodes(pool) == STEPS
    assert (ran, ran_here, batch.recomputed) == ({"desk": 2, "firm": 1, "trade": 4}, [], 7)


def test_an_edited_function_leaves_its_reads_as_a_hint(tmp_path, counts, monkeypatch):
    """After an edit the path of the older definition says what to hand out."""
    pool = Held()
    warm_again(tmp_path, Held(), counts, [firm.node()])
    monkeypatch.setattr(remote_book, "FACTOR", 3.0)
    _, ran, _ = warm_again(tmp_path, pool, counts, [firm.node()])

    assert sorted(told_nodes(pool)[:4]) == STEPS[:4]
    assert ran["trade"] >= 4


def test_without_a_path_the_target_itself_is_computed(tmp_path, counts):
    """Where nothing is kept of a target, or what it read is not there any more, it is handed out as it is."""
    pool = Held()
    _, ran, _ = warm_again(tmp_path, pool, counts, [firm.node()])

    assert told_nodes(pool) == ["firm[[],{}]"]
    assert ran == {"desk": 2, "firm": 1, "trade": 4}


def test_values_of_the_steps_do_not_come_home(tmp_path, counts):
    """What is computed on the way to a target stays in the store; progress counts it."""
    told, pool = [], Held()
    warm_again(tmp_path, Held(), counts, [firm.node()])
    with dug.Context({spot: dug.scale(2.0)}, store=Store(tmp_path / "store", min_seconds=0.0)) as ctx:
        for number in range(4):
            spot(number)
        batch = ctx.warm([firm.node()], executor=pool, progress=lambda done, total: told.append((done, total)))

    assert list(batch.values) == [firm.node()]
    assert [len(answered["values"]) for future in pool.sent for answered in future.result()["answers"]] == [0] * 6 + [1]
    assert told == [(done, 7) for done in range(1, 8)]


def test_what_is_known_or_cannot_go_is_in_no_step(tmp_path, counts):
    """A node that is known here, and what it read, is not handed out; nor is one without a codec for its arguments."""
    pool = Held()
    warm_again(tmp_path, Held(), counts, [firm.node()])
    with dug.Context(store=Store(tmp_path / "store", min_seconds=0.0)) as ctx:
        desk(0)
        spot(2), spot(3)
        ctx.warm([firm.node(), anything.node()], executor=pool)

    assert sorted(told_nodes(pool)) == sorted([*STEPS[2:4], STEPS[5], "firm[[],{}]", "anything[[],{}]"])


@pytest.mark.slow
def test_two_processes_share_what_was_read_last_time(tmp_path, counts, pool):
    """On real workers no body of the firm begins twice, in whatever process."""
    warm_again(tmp_path, Held(), counts, [firm.node()])
    _, ran, ran_here = warm_again(tmp_path, pool, counts, [firm.node()], {spot: dug.scale(2.0)})

    assert (ran, ran_here) == ({"desk": 2, "firm": 1, "trade": 4}, [])


def test_it_needs_a_store(tmp_path):
    """Without a store, or with one that keeps nothing, the error says what to type."""
    Store(tmp_path / "store").close()
    with dug.Context(store=Store(tmp_path / "store")) as ctx, pytest.raises(TypeError, match=r"Write warm\(\[f\.node\(x\)\]\)"):
        ctx.warm(trade.node(1))
    with dug.Context() as ctx, pytest.raises(ContextError, match=r"Write dug\.Context\(store='book\.store'\)"):
        ctx.warm([trade.node(1)])
    with (
        dug.Context(store=Store(tmp_path / "store", read_only=True)) as ctx,
        pytest.raises(StoreError, match="keeps nothing, because it was opened with read_only=True"),
    ):
        ctx.warm([trade.node(1)], executor=Processes(1))


def test_in_this_process_it_computes_into_the_store(tmp_path):
    """Without other processes it is a batch, whose runs are kept as any are."""
    for _ in range(2):
        with dug.Context(store=Store(tmp_path / "store", min_seconds=0.0)) as ctx:
            assert ctx.warm([trade.node(1)]).values == {trade.node(1): 303.0}
            hits = ctx.store.hits

    assert hits == 1
