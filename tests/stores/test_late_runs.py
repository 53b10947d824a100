"""A run that was in flight when another process invalidated its function is not kept: it may have seen the outside of before."""

from __future__ import annotations

from functools import partial
from itertools import count
from threading import Thread

import pytest
from support.servers import serving

import dug
from dug.errors import StoreError
from dug.stores import Store, Tiered
from dug.stores.redis import RedisStore

_numbers = count()


def look_outside():
    """Return what is outside, where no fingerprint looks, after whatever is to happen meanwhile."""
    outside = vars(held)["outside"]
    seen = outside["number"]
    meanwhile = outside.pop("meanwhile", None)
    if meanwhile is not None:
        run_apart(meanwhile)
    return seen


def run_apart(do):
    """Do something in no context."""
    other = Thread(target=do)
    other.start()
    other.join()


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

    def ask(do, before=lambda _: None):
        store = open_store()
        before(store)
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


def fail(*_):
    """Give no answer."""
    raise StoreError("It does not answer.")


def test_a_store_that_fails_after_the_write_gives_no_late_row(ask, outside):
    """Where nobody can tell whether a row came too late, it is not used until it is known, and then it is removed."""

    def invalidate():
        outside["number"] = 2
        ask(lambda ctx: ctx.invalidate(held))

    def ask_again(store, given):
        with dug.Context(store=store, cache=dug.Cache()):
            given.append(held())

    def do(ctx):
        backend = ctx.store.backend
        put, ask_for = backend.put, backend.tell_invalidation

        def put_late(rows):
            run_apart(invalidate)
            backend.tell_invalidation = fail
            return put(rows)

        backend.put = put_late
        given = [held()]
        ctx.store.flush()
        run_apart(partial(ask_again, ctx.store, given))
        backend.put, backend.tell_invalidation = put, ask_for
        return given

    assert ask(do) == ([1, 2], 0)

    assert ask(lambda _: held())[0] == 2


def test_a_run_that_began_while_nobody_answered_is_not_kept(ask, outside):
    """Where nobody could tell whether a function was invalidated before its run, nobody can tell whether it was meanwhile."""

    def meanwhile():
        outside["number"] = 2
        ask(lambda ctx: ctx.invalidate(held))
        del opened.backend.tell_invalidation

    def cut_off(store):
        nonlocal opened
        opened, store.backend.tell_invalidation = store, fail

    opened = None
    outside["meanwhile"] = meanwhile
    assert ask(lambda _: held(), cut_off) == (1, 0)

    assert ask(lambda _: held()) == (2, 0)


@pytest.mark.parametrize("ask", ["tiered"], indirect=True)
@pytest.mark.parametrize("when", ["from the start", "from the middle"])
def test_a_machine_without_its_server_keeps_no_late_row(ask, outside, when):
    """Processes of one machine tell each other of invalidations through the near store while the far one is gone."""

    def cut_off(store):
        store.backend.far._insist, store.backend.far._ask = fail, lambda otherwise, *_: otherwise

    def begin(store):
        nonlocal opened
        opened = store
        if when == "from the start":
            cut_off(store)

    def meanwhile():
        outside["number"] = 2
        cut_off(opened)
        ask(lambda ctx: ctx.invalidate(held), cut_off)

    opened = None
    outside["meanwhile"] = meanwhile
    assert ask(lambda _: held(), begin) == (1, 0)

    assert ask(lambda _: held(), cut_off) == (2, 0)
    assert ask(lambda _: held(), cut_off) == (2, 1)
