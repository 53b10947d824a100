"""``dug.stores.redis`` against real servers of Redis and of Valkey."""

from __future__ import annotations

import os
import sys
from itertools import count

import pytest
from support.servers import PROGRAMS, serving

import dug
from dug.errors import StoreError
from dug.stores._packed import pack
from dug.stores._redis import RedisBackend
from dug.stores.redis import RedisStore
from dug.testing import Clock, EventLog, check_store
from dug.testing._backend import make_row

_numbers = count()


@dug.memoize
def square(x):
    """Return the square of a number."""
    return x * x


@dug.memoize
def total(count):
    """Return the sum of squares."""
    return sum(map(square, range(count)))


class Plain:
    """A class without a codec."""

    def __init__(self, number):
        self.number = number


@dug.memoize
def plain(number):
    """Return what only pickle takes."""
    return Plain(number)


@pytest.fixture(scope="module", params=list(PROGRAMS))
def server(request, tmp_path_factory):
    """A server of each kind, for all tests of this file."""
    with serving(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def make(server, tmp_path):
    """A maker of clients of one place, which no other test has."""
    prefix, made = f"test-{next(_numbers)}", []

    def make(**options):
        made.append(RedisBackend(server.url, **{"prefix": prefix, "blobs": None, "key": None, "clock": Clock(), **options}))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "signed"])
def test_it_is_a_store(server, key):
    """A server of Redis or Valkey does all that a store must do."""
    prefix = f"test-{next(_numbers)}"
    check_store(lambda: RedisStore(server.url, prefix=prefix, key=key))


def test_books_with_prefixes_share_a_server(make):
    """What one book keeps is not found by a book with another prefix, and is not swept by it."""
    row = make_row("book:one")
    make().put([row])

    other = make(prefix=f"other-{next(_numbers)}")
    assert (other.get(row.at), list(other.list_rows()), other.sweep()) == (None, [], 0)
    assert make().get(row.at) is not None


def test_a_prefix_with_signs_of_patterns_is_taken_literally(make):
    """A prefix may have any characters: rows are listed with it, and only those."""
    row, other = make_row("book:one"), make_row("book:two")
    make(prefix="a*[b]?").put([row])
    make(prefix="abb?").put([other])

    assert [one.at for one in make(prefix="a*[b]?").list_rows()] == [row.at]


def test_a_row_comes_without_a_value_that_is_not_small(make):
    """A look brings a small value along, and a larger one only for who asks."""
    rows = [make_row("book:small", bytes(1_000)), make_row("book:larger", bytes(100_000))]
    store = make()
    store.put(rows)

    assert [store.get(row.at).data for row in rows] == [rows[0].data, None]
    assert store.get_data(rows[1].digest) == rows[1].data


def test_a_large_value_lies_in_the_folder(make, tmp_path):
    """A value over 256 kB goes into the folder, and comes from there; a client without the folder computes."""
    row = make_row("book:large", os.urandom(300_000))
    make(blobs=tmp_path / "blobs").put([row])

    there, elsewhere = make(blobs=tmp_path / "blobs"), make()
    assert (there.get(row.at).size, there.get_data(row.digest) == row.data) == (300_000, True)
    assert (elsewhere.get(row.at).codec, elsewhere.get_data(row.digest)) == ("", None)


def test_a_large_value_is_refused_by_name_without_a_folder(make, caplog):
    """Without a folder a value over 256 kB is not kept, its function is named once, and the others of the batch are kept."""
    large, small = make_row("book:large", bytes(300_000)), make_row("book:small")
    store = make()
    for _ in range(2):
        store.put([large, small])

    assert (store.get(large.at), store.get(small.at).digest) == (None, small.digest)
    why = "a value has 300,000 bytes, and more than 262,144 go into a folder: give it blobs=folder"
    assert store.refused == {"book:large": why}
    assert caplog.messages == [f"{store.shown} does not keep runs of book:large: {why}"]


def test_a_folder_of_large_values_that_fails_is_not_the_server(make, tmp_path, caplog):
    """Where a large value cannot be written its function is named, the others are kept, and the server is not said to be gone."""
    large, small = make_row("book:large", os.urandom(300_000)), make_row("book:small")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / large.digest.hex()[:2]).write_text("no folder")
    store = make(blobs=tmp_path / "blobs")

    assert store.put([large, small]) == 1
    assert (store.get(large.at), store.get(small.at).digest, store.unanswered) == (None, small.digest, 0)
    assert "a value of 300,000 bytes cannot be written" in store.refused["book:large"]
    assert "Look after the folder of blobs=" in caplog.text


def test_swept_files_are_counted(make, tmp_path):
    """Sweeping removes the files of values that no row needs."""
    row = make_row("book:large", os.urandom(300_000))
    store = make(blobs=tmp_path / "blobs")
    store.put([row])
    store.delete([row.at])

    assert store.sweep() > 300_000
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


def test_entries_of_another_key_lie_apart(make):
    """Whoever has another key, or none, neither sees the entries nor is in the way."""
    row = make_row("book:signed")
    mine, theirs, nobody = make(key=b"m" * 16), make(key=b"t" * 16), make()
    mine.put([row])
    assert (theirs.get(row.at), nobody.get(row.at), theirs.forged) == (None, None, 0)

    theirs.put([row._replace(path=b"theirs")])
    assert (mine.get(row.at).path, theirs.get(row.at).path) == (b"path", b"theirs")


@pytest.mark.parametrize("kind", ["r", "v"])
def test_a_forged_entry_is_a_miss_and_is_told(make, caplog, kind):
    """An entry that the key did not sign is not used, is told, and is written anew by the next run."""
    row, store = make_row("book:forged", b"1"), make(key=b"k" * 16)
    store.put([row])
    place = store._name(kind, row.at if kind == "r" else row.digest)
    store._client.set(place, store._client.get(place)[:-1] + b"2")

    found = store.get(row.at)
    assert found is None or (found.codec, found.data) == ("", None)
    assert store.get_data(row.digest) in (None, b"1")
    assert store.forged == 1
    assert caplog.messages == [f"{store.shown} holds an entry that was not signed with the key of this store. It is not used."]
    store.put([row])
    assert (store.get(row.at).data, store.forged) == (b"1", 1)


@pytest.mark.parametrize("changes", [{"arguments": "[[7],{}]"}, {"needs": "class:book:Other"}, {"function": "book:other"}])
@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "signed"])
def test_a_changed_row_is_refused_by_name_and_healed(server, key, changes, caplog):
    """A row that says another call or other needs than its run had costs a run, is named, and is whole after that run."""
    options = {"prefix": f"test-{next(_numbers)}", "min_seconds": 0, "key": key}

    def run():
        store = RedisStore(server.url, **options)
        with dug.Context(store=store) as ctx, EventLog(ctx) as log:
            assert square(3) == 9
        store.close()
        return len(log.computed), store.refused

    run()
    store = RedisStore(server.url, **options)
    backend = store.backend
    (name,) = (name for names in backend._scan("r") for name in names)
    at, sealed = name[-16:], backend._client.get(name)
    changed = sealed[: -len(pack(backend._unpack(at, sealed)))] + pack(backend._unpack(at, sealed)._replace(**changes))
    backend._client.set(name, changed)
    store.close()

    computed, refused = run()
    assert computed == 1
    if key is None:
        assert "was damaged, or changed" in refused["test_redis:square"]
    else:
        assert "holds an entry that was not signed with the key of this store" in caplog.text
    assert run() == (0, {})


def test_an_entry_in_the_place_of_another_is_a_miss(make):
    """A signed entry that somebody copied to another place is not used there."""
    one, two, store = make_row("book:one"), make_row("book:two"), make(key=b"k" * 16)
    store.put([one, two])
    store._client.set(store._name("r", two.at), store._client.get(store._name("r", one.at)))

    assert (store.get(two.at), store.forged) == (None, 1)


def test_a_short_key_is_refused(make):
    """A key that could be guessed is refused with what to type."""
    with pytest.raises(StoreError, match=r"at least 16 bytes. Make one: secrets\.token_bytes\(32\)"):
        make(key=b"secret")


def test_rows_are_removed_in_a_pause(make, server):
    """Rows are removed from a server that is back, although it is asked for nothing else yet."""
    row, store = make_row("book:removed"), make(clock=Clock())
    server.kill()
    try:
        assert store.get(row.at) is None
    finally:
        server.start()
    make().put([row])

    store.delete([row.at])

    assert make().get(row.at) is None


def test_a_dead_server_is_a_miss(make, server, caplog):
    """While the server is down everything is a miss, nobody waits for a lease, and one warning a minute says so."""
    row, clock = make_row("book:down"), Clock()
    store = make(clock=clock)
    store.put([row])
    server.kill()
    try:
        for _ in range(130):
            assert (store.get(row.at), store.get_data(row.digest), store.get_many([row.at])) == (None, None, {})
            assert (store.put([row]), store.mean_seconds("book:down", "print"), store.list_seen()) == (0, None, [])
            assert store.acquire(row.at, "me", 60.0)
            clock.advance(1.0)
    finally:
        server.start()

    assert [message.partition(" (")[0] for message in caplog.messages] == [f"{store.shown} does not answer"] * 3
    assert store.unanswered == 9  # at first, after 1, 3, 7, 15 and 31 s, and then each half minute


def test_a_server_that_is_back_is_used_again(make, server):
    """Once the server answers again, it is asked like before, and the next pause is short again."""
    clock = Clock()
    row, store = make_row("book:back"), make(clock=clock)
    for _ in range(2):
        server.kill()
        try:
            store.put([row])
            clock.advance(1.0)
        finally:
            server.start()
        store.put([row])
        assert store.get(row.at).digest == row.digest


def test_looks_at_a_dead_server_say_so(make, server):
    """Who lists or counts what there is gets an error in place of an empty answer."""
    store = make()
    server.kill()
    try:
        for look in (store.measure, store.sweep, lambda: list(store.list_rows())):
            with pytest.raises(StoreError, match=r"does not answer .* Start it, and ask again"):
                look()
    finally:
        server.start()


def test_a_password_is_not_shown():
    """Messages name a server without its password."""
    url = "redis://me:secret@127.0.0.1:1/2?health_check_interval=1"
    store = RedisBackend(url, prefix="p", blobs=None, key=None, clock=Clock())

    assert store.shown == "redis://me@127.0.0.1:1/2"


def test_values_are_right_when_the_server_dies(server, caplog):
    """A server that is killed in the middle of a computation costs runs and one warning, and no value."""
    prefix = f"test-{next(_numbers)}"
    with dug.Context(store=RedisStore(server.url, prefix=prefix, min_seconds=0)) as ctx:
        total(40)
        ctx.store.close()

    store = RedisStore(server.url, prefix=prefix, min_seconds=0, clock=Clock())
    with dug.Context(store=store) as ctx, EventLog(ctx) as log:
        before = [square(x) for x in range(20)]
        server.kill()
        try:
            values = [*before, *(square(x) for x in range(20, 60)), total(60)]
            store.close()
        finally:
            server.start()

    assert values == [*(x * x for x in range(60)), 70210]
    assert len(log.computed) == 41
    assert len(caplog.messages) == 1


def test_what_there_is_is_counted(make):
    """What was evicted is not counted as there, a value without a row is, and a large value with all its bytes."""
    gone, kept, large = make_row("book:gone"), make_row("book:kept", b"1234"), make_row("book:large", bytes(100_000))
    store = make(key=b"k" * 16)
    store.put([gone, kept, large])
    assert (store.measure().rows, store.measure().values, store.measure().size) == (3, 3, 100_005)

    store._client.unlink(store._name("v", gone.digest))
    store.delete([kept.at])

    assert (store.measure().rows, store.measure().values, store.measure().size) == (2, 2, 100_004)


def test_many_values_are_measured_in_a_few_trips(make):
    """However many values there are without a row, the server is asked for their sizes together."""
    store, rows = make(), [make_row(f"book:{number}", b"%04d" % number) for number in range(40)]
    store.put(rows)
    store.delete([row.at for row in rows])
    before = store._client.info("stats")["total_reads_processed"]

    assert store.measure().size == 160
    measured = store._client.info("stats")["total_reads_processed"]
    assert store.sweep() == 200

    assert measured - before < 30
    assert store._client.info("stats")["total_reads_processed"] - measured < 30


def test_the_report_tells_what_the_server_did_not_take(server):
    """What a server did not answer is counted as a failure, and what it did not keep is not counted as kept."""
    store = RedisStore(server.url, prefix=f"test-{next(_numbers)}", min_seconds=0)
    kept, large = make_row("book:kept"), make_row("book:large", bytes(300_000))
    for row in (kept, large):
        store.writer.put(row)
    store.flush()
    server.kill()
    try:
        store.writer.put(make_row("book:down"))
        store.flush()
    finally:
        server.start()
    store.backend._outage._until = None

    said = store.report()
    assert (said.kept, said.failures) == (1, 1)
    store.close()


@pytest.mark.parametrize("kind", ["r", "v"])
@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "signed"])
def test_every_damaged_entry_is_computed_again_and_healed(server, kind, key):
    """A flipped bit in each row, or in each value, costs runs, gives nothing wrong, and is gone after them."""
    options = {"prefix": f"test-{next(_numbers)}", "min_seconds": 0, "key": key}

    def run():
        store = RedisStore(server.url, **options)
        with dug.Context(store=store) as ctx, EventLog(ctx) as log:
            assert total(8) == 140
        store.close()
        return len(log.computed)

    assert run() == 9
    store = RedisStore(server.url, **options)
    client, names = store.backend._client, [name for names in store.backend._scan(kind) for name in names]
    assert names
    for name in names:
        data = client.get(name)
        client.set(name, data[:-1] + bytes([data[-1] ^ 1]))
    assert store.report().rows == 9
    assert len(store.check().damaged) == 9
    store.close()

    assert 1 <= run() <= 9
    assert run() == 0


def test_pickles_take_a_key(server):
    """Values without a codec are kept where everything is signed, and nowhere else."""
    prefix = f"test-{next(_numbers)}"
    with pytest.raises(StoreError, match=r"Sign what is kept: RedisStore\(url, allow_pickle=True, key=secret\)"):
        RedisStore(server.url, allow_pickle=True)

    for runs in (1, 0):
        store = RedisStore(server.url, prefix=prefix, allow_pickle=True, key=b"k" * 16, min_seconds=0)
        with dug.Context(store=store) as ctx, EventLog(ctx) as log:
            assert plain(3).number == 3
        store.close()
        assert len(log.computed) == runs


def test_the_store_names_what_it_refused(server):
    """The store has the reason of its backend, why a value was not kept."""
    store = RedisStore(server.url, prefix=f"test-{next(_numbers)}")
    store.backend.put([make_row("book:large", bytes(300_000))])
    store.close()

    assert "more than 262,144 go into a folder" in store.refused["book:large"]


def test_what_is_missing_is_said(monkeypatch):
    """Without redis-py the message says what to type."""
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(ImportError, match=r'RedisStore needs redis\. Type: pip install "dug\[redis\]"'):
        RedisStore("redis://localhost:1/0")


def test_a_url_is_a_text():
    """Anything but a text is refused with what to type."""
    with pytest.raises(TypeError, match="url must be a text, not 6379"):
        RedisStore(6379)
