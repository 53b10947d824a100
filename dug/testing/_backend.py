"""What the bytes-keeping part of a store must do, check by check: `CHECKS`, each a function of a maker of clients.

A check makes two or more clients of one place, as two processes would, and uses places and digests of its own.

Each ``check_...`` is named by what it shows, of rows, values, leases, invalidations, definitions and threads; `hold`, `same` and
`there` fail one.  Such as ``check_threads_share_a_client`` and ``check_invalidations_are_noted``.
"""

from collections.abc import Callable, Iterator
from itertools import count
from os import urandom
from threading import Thread
from typing import Any

from .._text.values import show
from ..errors import StoreError
from ..stores._backend import Accepted, Backend, Found, Row, Seen

Make = Callable[[], Backend]

PATIENCE = 100_000
"""How many looks a lease gets to expire; only a failing check takes as many."""


def hold(condition: bool) -> None:  # noqa: FBT001  it is what is asked
    """Fails a check where a condition does not hold."""
    if not condition:
        raise AssertionError


def same(found: object, expected: object) -> None:
    """Fails a check where two values differ, and shows them."""
    if found != expected:
        raise AssertionError(f"found {show(found)}, expected {show(expected)}")


def there(found: Found | None) -> Found:
    """Returns a row that was looked for; fails the check where there is none."""
    if found is None:
        raise AssertionError("there is no row")
    return found


def make_row(name: str, data: bytes = b"1", **changes: Any) -> Row:
    """Returns a row of a function with a name, at a place that nobody has."""
    digest = changes.pop("digest", None) or urandom(16)
    row = Row(urandom(16), name, "print", "[[1],{}]", b"path", digest, "json", "", data, len(data), 0.5, 0.25, 1e9)
    return row._replace(**changes)


def check_a_row_is_found_by_others(make: Make) -> None:
    """A row that one client put is found by another, with its call, the bytes of its value and what it took."""
    row = make_row("check:found", b"\x00\xff\n'")
    make().put([row])

    found, other = there(make().get(row.at)), make()
    hold(found.data in (None, row.data))
    same(other.get_data(row.digest), row.data)
    told = (row.path, row.digest, "json", "", 4, row.data, 0.5, 0.25, row.function, row.arguments)
    same(found._replace(data=row.data), told)


def check_nothing_is_found_where_nothing_is(make: Make) -> None:
    """A place without a row is None, and a digest without a value too."""
    same(make().get(urandom(16)), None)
    same(make().get_data(urandom(16)), None)
    same(make().get_many([urandom(16)]), {})


def check_many_rows_are_found_at_once(make: Make) -> None:
    """Asking for many places gives those that have a row."""
    rows = [make_row("check:many", str(i).encode()) for i in range(20)]
    make().put(rows[:15])

    found = make().get_many([row.at for row in rows])
    same(set(found), {row.at for row in rows[:15]})
    same([found[row.at].digest for row in rows[:15]], [row.digest for row in rows[:15]])


def check_whole_rows_are_found(make: Make) -> None:
    """Rows come back as they were put, small and large, and only those that are there."""
    rows = [make_row("check:whole", b"1"), make_row("check:whole", urandom(100_000))]
    make().put(rows)

    same(make().get_rows([rows[0].at, urandom(16), rows[1].at]), rows)


def check_the_first_row_stays(make: Make) -> None:
    """A second row at a place changes nothing, and neither does a second value under a digest."""
    first = make_row("check:first", b"1")
    other = make_row("check:first", b"2", digest=first.digest)
    same(make().put([first]), 1)
    same(make().put([first._replace(path=b"other", digest=urandom(16)), other]), 1)

    found = there(make().get(first.at))
    same((found.path, found.digest, make().get_data(first.digest)), (b"path", first.digest, b"1"))


def check_large_values_are_whole(make: Make) -> None:
    """A value of a quarter of a megabyte comes back byte for byte."""
    row = make_row("check:large", urandom(250_000))
    make().put([row])

    found = there(make().get(row.at))
    hold((found.size, make().get_data(row.digest) == row.data) == (250_000, True))


def check_rows_are_forgotten(make: Make) -> None:
    """A row that was deleted is found by nobody, and can be put anew."""
    row = make_row("check:forgotten")
    make().put([row])
    make().delete([row.at])
    same(make().get(row.at), None)

    make().put([row._replace(path=b"again")])
    found = there(make().get(row.at))
    same(found.path, b"again")


def check_a_damaged_value_can_be_put_anew(make: Make) -> None:
    """Once the bytes of a value were deleted the row gives nothing, until a run puts the value again."""
    row = make_row("check:damaged", b"3")
    make().put([row])
    make().delete_data([row.digest])
    found = make().get(row.at)
    hold(found is None or (found.codec, found.data) == ("", None))
    same(make().get_data(row.digest), None)

    make().put([row])
    same(make().get_data(row.digest), b"3")


def check_rows_are_listed(make: Make) -> None:
    """Rows are listed by function, each once and with all but the bytes of its value."""
    rows = [make_row("check:listed", str(i).encode()) for i in range(3)]
    make().put([*rows, make_row("check:another")])

    listed = sorted(make().list_rows("check:listed"))
    same(listed, sorted(row._replace(data=b"") for row in rows))
    hold({row.at for row in rows} < {row.at for row in make().list_rows()})


def check_unused_values_are_swept(make: Make) -> None:
    """Sweeping forgets the values of which no row is left, and no other."""
    gone, kept = make_row("check:swept", b"gone"), make_row("check:swept", b"kept")
    make().put([gone, kept])
    before = make().measure()
    make().delete([gone.at])

    hold(make().sweep() >= 4)
    same((make().get_data(gone.digest), make().get_data(kept.digest)), (None, b"kept"))
    same(make().measure().rows, before.rows - 1)


def check_means_are_of_own_seconds(make: Make) -> None:
    """The mean of a definition is that of the own seconds of its rows; there is none without rows."""
    make().put([make_row("check:mean", own_seconds=own) for own in (1.0, 2.0, 6.0)])
    make().put([make_row("check:mean", own_seconds=50.0, print="another")])

    same(make().mean_seconds("check:mean", "print"), 3.0)
    same(make().mean_seconds("check:mean", "unknown"), None)


def check_definitions_are_remembered(make: Make) -> None:
    """The definitions of a function are listed the oldest first, each once, as it was seen first."""
    old, new = (Seen("check:seen", print_, f"def {print_}(): ...", "{}", "{}") for print_ in ("old", "new"))
    for seen in (old, new, old._replace(source="changed")):
        make().note(seen)

    same(make().list_seen("check:seen"), [old, new])
    same(make().list_seen("check:nobody"), [])
    hold({old, new} <= set(make().list_seen()))


def check_words_are_remembered(make: Make) -> None:
    """What was said of two definitions is listed, the oldest first; who says it again replaces it."""
    first, second = (Accepted("check:accepted", old, "new", "me", made, "") for old, made in (("a", 1.0), ("b", 2.0)))
    for said in (second, first, second._replace(note="sure")):
        make().accept(said)

    same(make().list_accepted("check:accepted"), [first, second._replace(note="sure")])
    same(make().list_accepted("check:nobody"), [])


def check_invalidations_are_noted(make: Make) -> None:
    """The last invalidation of a function has a name, which whoever knows another last one does not replace."""
    same(make().get_invalidation("check:invalidated"), "")
    make().note_invalidation("check:invalidated", "first", after="another")
    same(make().get_invalidation("check:invalidated"), "")

    make().note_invalidation("check:invalidated", "first", after="")
    make().note_invalidation("check:invalidated", "second", after="first")
    make().note_invalidation("check:invalidated", "third", after="first")
    same(make().get_invalidation("check:invalidated"), "second")
    make().note_invalidation("check:invalidated", "fourth")
    same((make().get_invalidation("check:invalidated"), make().get_invalidation("check:nobody")), ("fourth", ""))


def check_invalidated_rows_are_forgotten(make: Make) -> None:
    """Of a function those rows are forgotten that were invalidated, and no others."""
    rows = [make_row("check:forgets", str(i).encode()) for i in range(3)]
    make().put([*rows, other := make_row("check:keeps")])
    make().forget("check:forgets", lambda row: row.at != rows[1].at)

    same([row.at for row in make().list_rows("check:forgets")], [rows[1].at])
    there(make().get(other.at))
    hold(make().get_invalidation("check:forgets") != make().get_invalidation("check:keeps"))


def check_one_has_the_lease(make: Make) -> None:
    """A lease is had by one owner at a time, and is not given twice to the same one."""
    at = urandom(16)
    hold(make().acquire(at, "one", 60.0))
    hold(not make().acquire(at, "one", 60.0))
    hold(not make().acquire(at, "two", 60.0))
    hold(make().acquire(urandom(16), "two", 60.0))


def check_only_the_owner_gives_a_lease_back(make: Make) -> None:
    """Whoever does not have a lease cannot give it back."""
    at = urandom(16)
    hold(make().acquire(at, "one", 60.0))
    make().release([at], "two")
    hold(not make().acquire(at, "two", 60.0))

    make().release([at], "one")
    hold(make().acquire(at, "two", 60.0))


def check_a_lease_ends_by_itself(make: Make) -> None:
    """A lease whose owner is gone expires."""
    at, store = urandom(16), make()
    hold(store.acquire(at, "gone", 0.05))
    hold(any(store.acquire(at, "next", 60.0) for _ in range(PATIENCE)))
    hold(not store.acquire(at, "gone", 60.0))


def check_only_the_owner_renews_a_lease(make: Make) -> None:
    """A renewed lease lasts from then on as long as was said, and whoever does not have it changes nothing."""
    mine, others, store = urandom(16), urandom(16), make()
    for at in (mine, others):
        hold(store.acquire(at, "one", 60.0))
    store.renew([mine], "one", 0.05)
    store.renew([others], "two", 0.05)

    hold(any(store.acquire(mine, "two", 60.0) for _ in range(PATIENCE)))
    hold(not store.acquire(others, "two", 60.0))


def check_threads_share_a_client(make: Make) -> None:
    """Several threads put and find rows with one client."""
    store, numbers, failed = make(), count(), list[BaseException]()

    def work() -> None:
        try:
            for _ in range(10):
                row = make_row("check:threads", str(next(numbers)).encode())
                store.put([row])
                same(store.get_data(row.digest), row.data)
        except BaseException as exc:  # noqa: BLE001  the caller fails with it
            failed.append(exc)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(failed, [])
    same(len(list(make().list_rows("check:threads"))), 40)


def check_a_closed_client_refuses(make: Make) -> None:
    """After `close` a verb is a StoreError, and other clients go on."""
    closed, other = make(), make()
    closed.close()
    try:
        closed.get(urandom(16))
    except StoreError:
        same(other.get(urandom(16)), None)
    else:
        raise AssertionError("a closed client answered")


def _find_checks() -> Iterator[tuple[str, Callable[[Make], None]]]:
    for name, check in sorted(globals().items()):
        if name.startswith("check_"):
            yield name.removeprefix("check_").replace("_", " "), check


CHECKS = dict(_find_checks())
"""The checks, by what each says."""
