"""A run that was in flight when another process invalidated its function is not kept: it may have seen the outside of before."""

from __future__ import annotations

from itertools import count
from threading import Thread

import pytest
from support.servers import serving

import dug
from dug.stores import Store, Tiered
from dug.stores.redis import RedisStore

_numbers = count()


def look_outside():
    """Return what is outside, where no fingerprint looks, after whatever is to happen meanwhile."""
    outside = vars(held)["outside"]
    seen = outside["number"]
    meanwhile = outside.pop("meanwhile", None)
    if meanwhile is not None:
        other = Thread(target=meanwhile)
        other.start()
        other.join()
    return seen


@dug.memoize
def held(number=1):
    """Return something of the outside that is no source."""
    return number * look_outside()


@dug.memoize
def items():
    """Give something of the outside that is no source."""
    yield 0
    yield look_outside()


@pytest.fixture
def outside():
    """Return what is outside."""
    outside = vars(held)["outside"] = {"number": 1}
    return outside


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all tests of this file."""
    with serving("redis", tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(params=["folder", "server", "tiered"])
def ask(request, server, tmp_path):
    """Return what asks in a new process, with nothing in memory."""
    prefix = f"late-{next(_numbers)}"

    def open_store():
        far = RedisStore(server.url, prefix=prefix, min_seconds=0, single_flight=None)
        if request.param == "server":
            return far
        near = Store(tmp_path / "kept", min_seconds=0, single_flight=None)
        return near if request.param == "folder" else Tiered(near, far)

    def ask(do):
        store = open_store()
        try:
            with dug.Context(store=store, cache=dug.Cache()) as ctx:
                given = do(ctx)
                store.flush()
                return given, store.hits
        finally:
            store.close()

    return ask


@pytest.mark.parametrize("find_target", [lambda: held, lambda: held.node(1)], ids=["function", "node"])
def test_a_run_in_flight_does_not_outlive_an_invalidation(ask, outside, find_target):
    """What another process invalidates while a run is in flight is computed by the next process, and is kept then."""

    def meanwhile():
        outside["number"] = 2
        ask(lambda ctx: ctx.invalidate(find_target()))

    outside["meanwhile"] = meanwhile
    assert ask(lambda _: held()) == (1, 0)

    assert ask(lambda _: held()) == (2, 0)
    assert ask(lambda _: held()) == (2, 1)


def test_a_stream_in_flight_does_not_outlive_an_invalidation(ask, outside):
    """The items of a stream whose generator ran while another process invalidated it are not kept."""

    def meanwhile():
        outside["number"] = 2
        ask(lambda ctx: ctx.invalidate(items))

    outside["meanwhile"] = meanwhile
    assert ask(lambda _: items().list()) == ([0, 1], 0)

    assert ask(lambda _: items().list()) == ([0, 2], 0)
    assert ask(lambda _: items().list()) == ([0, 2], 1)


def test_runs_after_an_invalidation_of_the_same_process_are_kept(ask, outside):
    """A process that invalidates a function keeps what it computes of it from then on."""

    def do(ctx):
        first = held()
        outside["number"] = 2
        ctx.invalidate(held)
        return first, held()

    assert ask(do)[0] == (1, 2)
    assert ask(lambda _: held()) == (2, 1)
