"""What the tests of stores share: a folder, and a process that begins with nothing in memory."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

import dug
from dug.stores import Store
from dug.testing import Clock, EventLog


@pytest.fixture
def clock():
    """Return a clock that stands still until a test says so."""
    return Clock(1000.0)


@pytest.fixture
def begin(tmp_path):
    """Return a function that opens a context as a new process does: with nothing in memory, on the store as it was left.

    It yields the log of events of the context; further arguments are those of the context, and of the store.
    """

    @contextmanager
    def begin(tweaks=None, *, cache=None, **options):
        options.setdefault("min_seconds", 0)
        store = Store(tmp_path / "kept.store", **options)
        try:
            with dug.Context(tweaks, store=store, cache=cache) as ctx, EventLog(ctx) as log:
                log.ctx, log.store = ctx, store
                yield log
        finally:
            store.close()

    return begin
