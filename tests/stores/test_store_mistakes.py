"""What a user of a store mistypes is told at once: the error names it, and says what to write."""

from __future__ import annotations

import inspect
import pydoc
import typing

import pytest
import redis
from attrs import fields
from click.testing import CliRunner
from support.servers import serving

import dug
from dug.cli._store import command
from dug.errors import StoreError
from dug.stores import Store, Tiered, _options, accept
from dug.stores._address import tell
from dug.stores._redis import RedisBackend
from dug.stores.backend import AnyStore
from dug.stores.redis import RedisStore
from dug.testing import Clock
from dug.testing._backend import make_row

NOWHERE = "redis://127.0.0.1:1/0"
"""Nobody listens there, and nothing here asks."""

WRONG = [
    ({"min_seconds": "a"}, TypeError, r"min_seconds must be a number of seconds, not 'a'\. Write min_seconds=0\.001\."),
    ({"min_seconds": None}, TypeError, r"min_seconds must be a number of seconds, not None\. Write"),
    ({"min_seconds": True}, TypeError, r"min_seconds must be a number of seconds, not True\. Write"),
    ({"min_seconds": -1}, ValueError, r"min_seconds must be 0 or more seconds, not -1\. Write min_seconds=0\.001\."),
    ({"min_seconds": float("nan")}, ValueError, r"min_seconds must be 0 or more seconds, not nan\. Write"),
    ({"single_flight": "x"}, TypeError, r"Write single_flight=0\.05, or single_flight=None for never\."),
    ({"single_flight": -0.1}, ValueError, r"single_flight must be 0 or more seconds, not -0\.1\. Write"),
    ({"lease_seconds": 0}, ValueError, r"lease_seconds must be 0\.001 or more seconds, not 0\. Write lease_seconds=30\."),
    ({"lease_seconds": None}, TypeError, r"lease_seconds must be a number of seconds, not None\. Write lease_seconds=30\."),
    ({"lease_seconds": float("inf")}, ValueError, r"lease_seconds must end: .* Write lease_seconds=30\."),
    ({"allow_pickle": "yes"}, TypeError, r"allow_pickle must be True or False, not 'yes'\. Write allow_pickle=True, or leave"),
    ({"mode": 3}, TypeError, r"Store has no option mode=; its options: allow_pickle, .*, lease_seconds, min_seconds, .*single"),
]


@pytest.mark.parametrize("make", [Store, lambda path, **options: RedisStore(NOWHERE, **options)], ids=["folder", "server"])
@pytest.mark.parametrize(("options", "kind", "said"), WRONG, ids=[repr(options) for options, *_ in WRONG])
def test_a_wrong_option_is_refused_by_every_store(tmp_path, make, options, kind, said):
    """An option with a wrong value, or one that there is not, is refused before anything is made."""
    with pytest.raises(kind, match=said):
        make(tmp_path / "kept", **options)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["durable", "read_only"])
def test_a_switch_is_true_or_false(tmp_path, option):
    """A text is not taken for a switch: "no" would be yes."""
    with pytest.raises(TypeError, match=rf"{option} must be True or False, not 'no'\. Write {option}=True, or leave it out\."):
        Store(tmp_path / "kept", **{option: "no"})


def test_a_store_over_a_backend_is_as_strict(tmp_path):
    """What is under a store must be a backend, and its options are those of all stores."""
    with pytest.raises(TypeError, match=r"backend must be a dug\.stores\.backend\.Backend, not 'book'\. Write Store"):
        AnyStore("book")
    store = Store(tmp_path / "kept")
    with pytest.raises(ValueError, match="lease_seconds must be"):
        AnyStore(store.backend, lease_seconds=-1)
    store.close()


@pytest.mark.parametrize("cls", [Store, RedisStore, AnyStore])
def test_help_shows_each_option(cls):
    """The signature and the documentation of each store have the shared options, with default and meaning."""
    parameters, text = inspect.signature(cls).parameters, pydoc.render_doc(cls, renderer=pydoc.plaintext)
    words = " ".join(text.replace(" |", " ").split())

    for option in fields(_options.Options):
        assert parameters[option.name].default == option.default
        assert " ".join(f"{option.name}: {option.metadata['meaning']}".split()) in words
    assert "options: those" not in text
    assert "**options" not in text.splitlines()[2]


def test_the_types_of_the_options_are_those_of_their_values():
    """What type checkers know of the options is what they are."""
    assert typing.get_type_hints(_options.StoreOptions) == typing.get_type_hints(_options.Options)


# Folders


def test_a_file_is_no_folder(tmp_path):
    """A path at which a file is, or on the way to which one is, is said to be one."""
    file = tmp_path / "a_file.py"
    file.write_text("1")
    for options in ({}, {"read_only": True}):
        with pytest.raises(StoreError, match=r"a_file\.py is a file, and a store is a folder\. Write Store\('book\.store'\)\."):
            Store(file, **options)
    with pytest.raises(StoreError, match=r"a_file\.py is a file, and a store is a folder, so .*inside cannot be made\. Write"):
        Store(file / "inside")
    with pytest.raises(StoreError, match="is a file, and a store is a folder"):
        dug.Context(store=str(file))


def test_the_database_is_not_the_store(tmp_path):
    """Who gives the database of a store is told to give its folder."""
    Store(tmp_path / "kept").close()

    with pytest.raises(StoreError, match=r"dug\.db is the database in a store\. Write Store\('.*kept'\)\."):
        Store(tmp_path / "kept" / "dug.db")


def test_a_folder_that_cannot_be_made_is_told():
    """Where nothing can be written, the reason is there and what to do."""
    with pytest.raises(StoreError, match=r"/proc/kept cannot be used as a store \(.*\)\. Give a folder that you may write to"):
        Store("/proc/kept")


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_path_is_not_empty(path):
    """An empty path would be the folder in which the program runs."""
    with pytest.raises(ValueError, match=r"path must be the path of a folder, not '.*'\. Write Store\('book\.store'\)\."):
        Store(path)


def test_the_address_of_a_server_is_no_path(tmp_path, monkeypatch):
    """A folder with the name of an address is not made, and the password of the address not shown."""
    monkeypatch.chdir(tmp_path)
    for use in (Store, lambda url: dug.Context(store=url)):
        with pytest.raises(ValueError, match=r"redis://\.\.\. is the address of a server\. Write dug\.stores\.r") as told:
            use("redis://:secret@localhost:6379/0")
        assert "secret" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("store", [3, True, RedisStore])
def test_a_context_takes_a_path_or_a_store(store):
    """Anything else is refused with what to write."""
    with pytest.raises(TypeError, match=r"store must be a store or a path, not .*\. Write Context\(store='book\.store'\)\."):
        dug.Context(store=store)


def test_a_store_is_before_another_one_that_is_further_away(tmp_path):
    """Two tiers are two places, of which the near one comes first."""
    near, again = Store(tmp_path / "kept"), Store(tmp_path / "kept")
    for far in (near, again):
        with pytest.raises(ValueError, match=r"kept> cannot be before itself\. Write Tiered\(Store\(path\), RedisStore\(url"):
            Tiered(near, far)
    with pytest.raises(ValueError, match=r"1/0> is on a server, and cannot be before .*kept>, which is on this machine\. Write"):
        Tiered(RedisStore(NOWHERE), near)
    with pytest.raises(TypeError, match=r"Tiered has no options; those of its near store hold: Tiered\(Store\(path, min"):
        Tiered(near, RedisStore(NOWHERE), min_seconds=1)
    near.close()
    again.close()


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({}, TypeError, r"write gc\(max_bytes=10\*\*9\)"),
        ({"max_bytes": "1 GB"}, TypeError, r"max_bytes must be a number of bytes, not '1 GB'\. Write gc\(max_bytes=10\*\*9\)\."),
        ({"max_bytes": 1.5}, TypeError, "max_bytes must be a number of bytes, not 1.5"),
        ({"max_bytes": -1}, ValueError, "max_bytes must be 0 or more bytes, not -1"),
        ({"older_than": "a day"}, TypeError, r"older_than must be a number of seconds, not 'a day'\. Write gc\(older_"),
        ({"older_than": -1}, ValueError, "older_than must be 0 or more seconds, not -1"),
        ({"max_bytes": 1, "dry_run": "no"}, TypeError, "dry_run must be True or False, not 'no'"),
        ({"unreachable": "f"}, TypeError, "unreachable must be True or False, not 'f'"),
    ],
)
def test_what_may_go_is_said_in_numbers(tmp_path, options, kind, said):
    """Nothing is removed where it is not clear what may go."""
    store = Store(tmp_path / "kept")
    with pytest.raises(kind, match=said):
        store.gc(**options)
    with pytest.raises(TypeError, match="fix must be True or False, not 'no'"):
        store.check(fix="no")
    store.close()


@dug.memoize
def fee(trade):
    """Return a number."""
    return trade


def test_accepting_takes_texts_and_a_store(tmp_path):
    """What `accept` is given wrongly is named."""
    store = Store(tmp_path / "kept")
    with pytest.raises(TypeError, match=r"store must be a store, not 'kept'\. Write accept\(f, old, store=Store\(path\)\)\."):
        accept(fee, "old", store="kept")
    with pytest.raises(TypeError, match=r"old must be a text, not 3\. Write accept\(f, 'fingerprint'"):
        accept(fee, 3, store=store)
    with pytest.raises(TypeError, match=r"accept\(\) takes a memoised function, not .*\. Decorate it with @dug\.memoize\."):
        accept(len, "old", store=store)
    with pytest.raises(StoreError, match=r"It knows none: nothing of an older .*:fee was kept\."):
        accept(fee, "old", store=store)
    store.close()


@pytest.mark.parametrize("store", ["yes", 1])
def test_keeping_is_true_false_or_none(store):
    """``memoize(store=)`` takes no path and no number."""
    with pytest.raises(TypeError, match=rf"store must be True, False or None, not {store!r}\. Write store=True"):
        dug.memoize(store=store)(lambda: 1)


def test_the_command_line_says_what_is_no_store(tmp_path):
    """A folder without a store, and one that is damaged, are named with what to do."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "dug.db").write_text("no database " * 50)

    for folder, said in (
        ("empty", "is not a store: it has no dug.db. Write Context(store='"),
        ("bad", "is not the database of a store, or it is damaged (file is not a database). Remove its dug.db, or give another"),
    ):
        told = CliRunner().invoke(command, ["info", str(tmp_path / folder)])
        assert told.exit_code != 0
        assert said in (told.output or str(told.exception)) + str(told.exception)


def test_a_function_of_which_nothing_is_kept_is_told(tmp_path):
    """Who mistypes a function on the command line is told of which functions runs are kept."""
    store = Store(tmp_path / "kept")
    store.backend.put([make_row("book:price")])
    store.close()

    told = CliRunner().invoke(command, ["ls", str(tmp_path / "kept"), "price"])
    assert told.exit_code == 1
    assert "nothing is kept of price. Write one of book:price" in told.output


# Servers


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing", r"url must begin with redis://, rediss:// \(TLS\) or unix://, which 'nothing' does not\. Write Redis"),
        ("", r"which '' does not\. Write RedisStore\('redis://localhost:6379/0'\)\."),
        ("me:secret@host:6379", r"which 'host:6379' does not\. Write"),
        ("http://host", r"which 'http://host' does not\. Write"),
        ("redis://host:99999", r"a port from 1 to 65535, which redis://host:99999 has not\. Write"),
        ("redis://host:port", r"a port from 1 to 65535, which redis://host:port has not\. Write"),
        ("redis://host:6379/book", r"the number of a database, which redis://host:6379/book does not\. Write"),
        ("unix://", r"url must name the socket after unix://\. Write RedisStore\('unix:///run/redis\.sock'\)\."),
        ("redis://:secret@host/0?colour=red", r"what follows the \? of redis://@host/0: colour \(.*\)\. Leave it out\."),
    ],
)
def test_a_wrong_address_is_told_at_once(url, said):
    """What cannot be the address of a server is refused before anybody asks it, and no password is shown."""
    with pytest.raises(ValueError, match=said) as told:
        RedisStore(url)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"prefix": ""}, TypeError, r"prefix must be a text that begins all keys, not ''\. Write prefix='book'\."),
        ({"prefix": 3}, TypeError, "prefix must be a text that begins all keys, not 3"),
        ({"blobs": __file__}, ValueError, r"blobs must be the path of a folder, and .*\.py is a file\. Write blobs='large\.val"),
        ({"blobs": 3}, TypeError, r"blobs must be a path, not 3\. Write blobs='large\.values'\."),
        ({"key": "a text of sixteen signs"}, TypeError, r"key must be bytes\. Make one, .* secrets\.token_bytes\(32\)\."),
        ({"clock": 3}, TypeError, r"clock must be a function that returns seconds, not 3\. Leave it out"),
        ({"durable": True}, TypeError, "RedisStore has no option durable=; its options: allow_pickle, blobs, clock, key, "),
    ],
)
def test_a_wrong_option_of_a_server_is_refused(options, kind, said):
    """What only a server takes is looked at like the rest."""
    with pytest.raises(kind, match=said) as told:
        RedisStore(NOWHERE, **options)
    assert "sixteen" not in str(told.value)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose settings a test changes, and sets back."""
    with serving("redis", tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def ask(server, caplog):
    """Return a function that sets the server, and returns what is said of it: when rows are listed, and when one is put."""
    made = []

    def ask(settings, back, url=None):
        owner = RedisBackend(server.url, prefix="owner", blobs=None, key=None, clock=Clock())
        asked = RedisBackend(url or server.url, prefix="asked", blobs=None, key=None, clock=Clock())
        made.extend((owner, asked))
        owner._client.execute_command(*settings)
        try:
            said = []
            try:
                asked.delete([b"a" * 16])
            except StoreError as exc:
                said.append(str(exc))
            asked.put([make_row("book:asked")])
            return said, caplog.messages
        finally:
            owner._client.execute_command(*back)

    yield ask
    for backend in made:
        backend.close()


PASSWORD = ("CONFIG", "SET", "requirepass", "secret"), ("CONFIG", "SET", "requirepass", "")


def test_a_server_that_wants_a_password_is_told(ask):
    """Who gives no password is told to."""
    said, logged = ask(*PASSWORD)

    (told,) = said
    assert " takes nobody without a password (" in told
    assert told.endswith("Give it: redis://:password@host:6379/0.")
    assert [line for line in logged if "takes nobody without a password" in line and "Until then dug computes" in line] == logged


def test_a_wrong_password_is_told(ask, server):
    """Who gives a wrong password learns it, and it is not shown."""
    said, logged = ask(*PASSWORD, url=server.url.replace("//", "//:wrong@"))

    assert " refuses the name or the password (" in said[0]
    assert "wrong" not in "".join([*said, *logged]).replace("wrong number", "").replace("WRONGPASS", "")


def test_a_full_server_is_told(ask):
    """A server without room that evicts nothing is said to be full."""
    _, logged = ask(("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"))

    assert " is full (" in logged[0]
    assert "--maxmemory-policy allkeys-lru. Until then" in logged[0]


def test_a_replica_is_told(ask):
    """A replica takes nothing."""
    said, _ = ask(("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"))

    assert " is a replica, which keeps nothing (" in said[0]
    assert said[0].endswith("Give the address of its primary.")


def test_one_server_of_a_cluster_is_told(tmp_path):
    """A server that has some of the keys only is not taken for one that has all."""
    with serving("redis", tmp_path / "cluster", "--cluster-enabled", "yes") as running:
        store = RedisStore(running.url)
        with pytest.raises(StoreError, match=r"is one of a cluster \(.*\)\. Give the address of a server that has all keys\."):
            store.backend.delete([b"a" * 16])
        store.close()


def test_a_database_that_there_is_not_is_told(server):
    """The number of a database is one that the server has."""
    store = RedisStore(server.url.replace("/0", "/999"))
    with pytest.raises(StoreError, match=r"has no database of this number \(.*\)\. Give one that it has: redis://host:6379/0\."):
        store.report()
    store.close()


def test_a_server_that_is_gone_is_to_be_started():
    """Where nobody listens a server is to be started."""
    store = RedisStore(NOWHERE)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/0 does not answer \(ConnectionError.*\)\. Start it, and ask again\."):
        store.report()
    store.close()


def test_an_old_server_and_tls_are_told():
    """What an old server lacks, a server without TLS and a name that no machine has are told from a server that is gone."""
    nobody = tell("redis://nobody", redis.ConnectionError("Error -2 connecting to nobody:1. Name or service not known."))
    old = tell("redis://host", redis.ResponseError("unknown command 'UNLINK', with args beginning with: 'a'"))
    plain = tell("rediss://host", redis.ConnectionError("Error 1 connecting to host:1. [SSL: WRONG_VERSION_NUMBER] wrong"))

    assert old.startswith("redis://host does not know a command (ResponseError: unknown command")
    assert old.endswith("Use Redis 7.0 or newer, or Valkey.")
    assert "redis://nobody cannot be found: no machine has this name (" in nobody
    assert plain.endswith("Write redis:// in place of rediss://.")
