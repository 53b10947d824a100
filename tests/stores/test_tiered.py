"""A near backend before a far one: a folder before a real server of Redis."""

from __future__ import annotations

from itertools import count

import pytest
from support.servers import serving

from dug.errors import StoreError
from dug.stores import Store, Tiered
from dug.stores._redis import RedisBackend
from dug.stores._sqlite import SqliteBackend
from dug.stores._tiered import TieredBackend
from dug.stores.redis import RedisStore
from dug.testing import Clock, check_store
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
