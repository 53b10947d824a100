"""A near backend before a far one: a folder before a real server of Redis."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from support.servers import serving

import dug
from dug.errors import StoreError
from dug.stores import Store, Tiered
from dug.stores._redis import RedisBackend
from dug.stores._sqlite import SqliteBackend
from dug.stores._tiered import TieredBackend
from dug.stores.redis import RedisStore
from dug.testing import Clock, EventLog, check_store
from dug.testing._backend import make_row

_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for all tests of this file."""
    with serving("redis", tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def make(server, tmp_path):
    """A maker of clients of one far place, on a machine with a name."""
    prefix, made = f"test-{next(_numbers)}", []

    def make(machine="mine"):
        far = RedisBackend(server.url, prefix=prefix, blobs=None, key=None, clock=Clock())
        made.append(TieredBackend(SqliteBackend(tmp_path / machine), far))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.mark.slow
def test_it_is_a_store(server, tmp_path):
    """A folder before a server does all that a store must do."""
    prefix = f"test-{next(_numbers)}"
    check_store(lambda: Tiered(Store(tmp_path / "near"), RedisStore(server.url, prefix=prefix)))


def test_it_takes_stores():
    """Anything but two stores is refused with what to type."""
    with pytest.raises(TypeError, match=r"'book' is not a store\. Write Tiered\(Store\(path\), RedisStore\(url\)\)"):
        Tiered("book", "redis://localhost")


def test_what_was_asked_for_stays_near(make):
    """A row that another machine kept is copied, and found again without the server."""
    rows = [make_row("book:near"), make_row("book:near", bytes(100_000))]
    make("theirs").put(rows)
    mine = make()

    assert set(mine.get_many([row.at for row in rows])) == {row.at for row in rows}
    assert mine.near.get_rows([row.at for row in rows]) == rows


def test_a_value_that_is_gone_near_is_taken_from_afar(make):
    """A near row without its value is completed by the server's."""
    row, mine = make_row("book:gone"), make()
    mine.put([row])
    mine.near.delete_data([row.digest])

    assert mine.get(row.at).data == row.data
    assert mine.near.get_data(row.digest) == row.data


def test_a_machine_works_on_without_the_server(make, server):
    """While the server is down the folder serves, keeps and hands out leases alone."""
    before, after, mine = make_row("book:alone"), make_row("book:alone"), make()
    mine.put([before])
    server.kill()
    try:
        mine.put([after])
        assert [row.at for row in mine.get_rows([before.at, after.at])] == [before.at, after.at]
        assert (mine.acquire(after.at, "one", 60.0), mine.acquire(after.at, "two", 60.0)) == (True, False)
        assert (mine.measure().rows, len(list(mine.list_rows())), mine.sweep()) == (2, 2, 0)
    finally:
        server.start()


def test_who_removes_rows_without_the_server_is_told(make, server):
    """While the server is down rows are removed from the folder, and it is said that the server still has them."""
    row, mine = make_row("book:removed"), make()
    mine.put([row])
    server.kill()
    try:
        with pytest.raises(StoreError, match="does not answer"):
            mine.delete([row.at])
        assert mine.near.get(row.at) is None
    finally:
        server.start()


def test_who_is_refused_far_has_no_near_lease(make):
    """A lease that another machine has leaves none behind on this one."""
    row, mine = make_row("book:lease"), make()
    assert make("theirs").acquire(row.at, "they", 60.0)
    assert not mine.acquire(row.at, "me", 60.0)
    assert mine.near.acquire(row.at, "somebody here", 60.0)


# Invalidations


@dug.memoize(name="test_tiered:rate", store=True)
def rate(number):
    """Return what the outside says, which no source tells."""
    return int(Path("rate.txt").read_text(encoding="utf-8")) + number


@dug.memoize(name="test_tiered:fee", store=True)
def fee(number):
    """Return what nobody invalidates."""
    return number


@pytest.fixture
def change(tmp_path, monkeypatch):
    """Return a function that changes the outside, which no fingerprint looks at."""
    monkeypatch.chdir(tmp_path)
    return lambda value: Path("rate.txt").write_text(str(value), encoding="utf-8")


@pytest.fixture
def kept_server(tmp_path):
    """A server that has what it had when it is started again."""
    with serving("redis", tmp_path / "redis", "--appendonly", "yes", "--appendfsync", "always") as running:
        yield running


@pytest.fixture
def process(kept_server, tmp_path):
    """Return a function that opens a context as a new process of a machine does."""

    @contextmanager
    def process(machine="mine"):
        store = Tiered(Store(tmp_path / machine), RedisStore(kept_server.url))
        with dug.Context(store=store, cache=dug.Cache()) as ctx, EventLog(ctx) as log:
            log.ctx = ctx
            yield log
        store.close()

    return process


def test_an_invalidation_without_the_server_is_made_up_for(process, kept_server, change):
    """What was invalidated while the server was down is never served after it is back, on any machine."""
    change(10)
    with process() as log:
        assert (rate(1), rate(2), fee(1)) == (11, 12, 1)
    kept_server.kill()
    change(20)
    with process() as log:
        log.ctx.invalidate(rate.node(1))
        assert rate(1) == 21
    kept_server.start()

    with process() as log:
        assert (rate(1), fee(1)) == (21, 1)
    assert log.computed == []
    with process("theirs") as log:
        assert (rate(1), rate(2), fee(1)) == (21, 22, 1)
    assert log.count(fee) == 0


def test_an_invalidation_is_made_up_for_in_its_process(process, kept_server, change):
    """The process that could not tell the server does so when it is back, and takes nothing of the function from it before."""
    change(10)
    with process():
        rate(1)
    with process() as log:
        backend = log.ctx.store.backend
        clock = backend._outage._clock = Clock()
        kept_server.kill()
        log.ctx.invalidate(rate)
        kept_server.start()
        at = [row.at for row in backend.far.list_rows()]
        assert len(backend.far.get_rows(at)) == 1
        assert backend.get_many(at) == {}
        assert len(list(backend.far.list_rows())) == 1

        clock.advance(1.0)
        assert backend.get_many(at) == {}
        assert list(backend.far.list_rows()) == []


def test_another_process_of_the_machine_sees_the_invalidation(process, kept_server, change):
    """A process that runs on does not take from the server what another one of its machine could not remove there."""
    change(10)
    with process():
        rate(1)
    with process() as mine:
        assert rate(1) == 11
        backend = mine.ctx.store.backend
        kept_server.kill()
        with process() as other:
            other.ctx.invalidate(rate)
        kept_server.start()
        (row,) = backend.far.list_rows()

        assert backend.get(row.at) is None


def test_an_invalidation_reaches_the_copies_of_other_machines(process, change):
    """A machine that has a copy of what another one invalidated removes it before it looks."""
    change(10)
    with process():
        rate(1), fee(1)
    with process("theirs") as log:
        assert (rate(1), fee(1)) == (11, 1)
    assert log.computed == []
    change(20)
    with process() as log:
        log.ctx.invalidate(rate)
    with process("theirs") as log:
        assert (rate(1), fee(1)) == (21, 1)
    assert log.count(fee) == 0


def test_an_invalidation_by_a_store_without_tiers_reaches_both_sides(process, kept_server, tmp_path, change):
    """Who has only the folder, or only the server, invalidates what the other one has too."""
    for value, open_one in ((10, lambda: Store(tmp_path / "mine")), (20, lambda: RedisStore(kept_server.url))):
        change(value)
        for machine in ("mine", "theirs"):
            with process(machine):
                assert rate(1) == value + 1
        with dug.Context(store=open_one()) as ctx:
            ctx.invalidate(rate)
            ctx.store.close()
        change(value + 10)
        with process() as log:
            assert rate(1) == value + 11
    with process("theirs") as log:
        assert rate(1) == 31
    assert log.computed == []


def test_a_folder_that_is_only_read_serves_nothing_that_was_invalidated(process, kept_server, tmp_path, change):
    """A machine that may not remove its copies leaves them out, and takes what the server has since."""
    change(10)
    for machine in ("mine", "theirs"):
        with process(machine):
            assert (rate(1), fee(1)) == (11, 1)
    change(20)
    with process() as log:
        log.ctx.invalidate(rate)
        assert rate(1) == 21

    store = Tiered(Store(tmp_path / "theirs", read_only=True), RedisStore(kept_server.url))
    with dug.Context(store=store) as ctx, EventLog(ctx) as log:
        assert (rate(1), fee(1)) == (21, 1)
    store.close()
    assert log.computed == []


def test_an_invalidation_reaches_the_tiers_of_a_tier(process, kept_server, tmp_path, change):
    """A store of three tiers is no exception."""
    change(10)
    with process("theirs"):
        assert rate(1) == 11
    with process() as log:
        log.ctx.invalidate(rate)
    change(20)

    middle = Tiered(Store(tmp_path / "theirs"), RedisStore(kept_server.url))
    store = Tiered(Store(tmp_path / "nearest"), middle)
    with dug.Context(store=store):
        assert rate(1) == 21
    store.close()


def test_two_invalidations_without_the_server_are_made_up_for(process, kept_server, change):
    """Invalidations of several processes, and of another machine meanwhile, are all heeded."""
    change(10)
    with process():
        rate(1)
    with process("theirs"):
        rate(1)
    kept_server.kill()
    for _ in range(2):
        with process() as log:
            log.ctx.invalidate(rate)
            assert rate(1) == 11
    kept_server.start()
    change(20)
    with process("theirs") as log:
        log.ctx.invalidate(rate)
        assert rate(1) == 21

    with process() as log:
        assert rate(1) == 21
