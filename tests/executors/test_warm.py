"""`Context.warm`: worker processes compute into a store, and the context finds it there."""

from __future__ import annotations

import os

import pytest
import remote_book
from remote_book import book, risky, spot, trade

import dug
from dug import ContextError
from dug.errors import StoreError
from dug.executors.processes import Processes
from dug.stores import Store


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """The file to which all bodies write, in all processes."""
    monkeypatch.setenv(remote_book.COUNTS, str(tmp_path / "counts"))
    (tmp_path / "counts").write_text("")
    return tmp_path / "counts"


@pytest.mark.slow
def test_what_was_warmed_is_found(tmp_path, counts):
    """After eight trades were computed by two processes, the book runs the other two; an error is in the batch."""
    with dug.Context({spot.node(1): 7.0}, store=Store(tmp_path / "store", min_seconds=0.0)) as ctx, Processes(2) as pool:
        for number in range(8):  # else a trade begins twice: it comes back for the price that it lacks
            spot(number)
        batch = ctx.warm([*(trade.node(number) for number in range(8)), risky.node()], executor=pool)
        warmed = counts.read_text().split().count("trade")
        value = book()
    with dug.Context({spot.node(1): 7.0}):
        expected = book()

    assert (warmed, value, len(batch.values)) == (8, expected, 9)
    assert counts.read_text().split().count("trade") == 8 + 2 + 10
    assert remote_book.COUNTS in os.environ


def test_it_needs_a_store(tmp_path):
    """Without a store, or with one that keeps nothing, the error says what to type."""
    Store(tmp_path / "store").close()
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
