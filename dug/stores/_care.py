"""Looks after a store: `report` says what is in it and what was not kept, `check` finds damage, `collect` makes room.

Nothing is removed unless somebody asks for it, and each time the answer says how much.

The answers are `StoreReport`, `Checked` and `Collected`; `_find_least` and `_find_unreachable` pick what to remove.
`_check_limits` refuses limits.
"""

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from attrs import frozen

from .._core.read import Function
from .._text.counts import count
from .._text.frames import in_bytes
from .._text.sheet import Sheet, list_on_lines
from .._text.shown import Shown
from .._text.values import show
from ._backend import Row
from ._definitions import define_now
from ._digest import digest_data
from ._options import check_flag, check_seconds
from ._path import has_needs, unpack


@frozen
class StoreReport(Shown):
    """What is in a store, and what it did in this process."""

    rows: int
    values: int
    size: int
    """Bytes of the values, as they are written."""
    hits: int
    """How many runs were taken from it by this process."""
    misses: int
    """How many were looked for and not there."""
    kept: int
    """How many were written."""
    waited: int
    """How many times this process waited for another one that did a run."""
    failures: int
    """How many times the store did not answer."""
    refused: Mapping[str, str]
    """The functions of which runs were not kept, each with the last reason."""
    blind: Mapping[str, tuple[str, ...]]
    """The functions whose fingerprints do not see everything, each with what they do not see."""

    def _sheet(self) -> Sheet:
        lines = [
            f"{count(self.rows, 'run')}, {count(self.values, 'value')}, {in_bytes(self.size)}",
            f"this process: {self.hits:,} taken, {self.misses:,} not there, {self.kept:,} kept, {self.waited:,} waited for",
        ]
        if self.failures:
            lines.append(f"the store did not answer {count(self.failures, 'time')}")
        lines.extend(f"not kept: {name}: {reason}" for name, reason in self.refused.items())
        lines.extend(f"not seen: {name}: {part}" for name, parts in self.blind.items() for part in parts)
        return list_on_lines(lines)

    def __str__(self) -> str:
        return self._write_lines()


@frozen
class Checked(Shown):
    """What a check has found."""

    rows: int
    damaged: tuple[str, ...]
    """The calls whose rows or values are damaged or gone."""
    fixed: bool
    """Whether these were removed, so that the next run is kept in their place."""

    def _sheet(self) -> Sheet:
        done = "removed, and will be computed again" if self.fixed else "a look takes each for a miss"
        done = done if self.damaged else "all whole"
        lines = [f"{count(self.rows, 'run')}, {len(self.damaged):,} damaged: {done}"]
        return list_on_lines([*lines, *self.damaged[:20], *(["..."] if len(self.damaged) > 20 else [])])

    def __str__(self) -> str:
        return self._write_lines()


@frozen
class Collected(Shown):
    """What was removed to make room, or would be."""

    rows: int
    size: int
    """Bytes of the values that nothing else has."""
    done: bool
    """False for a dry run."""

    def _sheet(self) -> Sheet:
        done = "removed" if self.done else "would be removed"
        return list_on_lines([f"{count(self.rows, 'run')}, {in_bytes(self.size)}: {done}"])

    def __str__(self) -> str:
        return self._write_lines()


def report(store: Any) -> StoreReport:
    """Returns what is in a store, and what it did; what is queued is written first."""
    store.flush()
    sizes, writer = store.backend.measure(), store.writer
    blind = {one.function: one.blind for one in store.definitions.list_known() if one.blind}
    return StoreReport(
        sizes.rows, sizes.values, sizes.size, store.hits, store.misses, writer.written, store.waited,
        writer.failures + store.backend.unanswered, dict(store.refused), blind,
    )  # fmt: skip


def check(store: Any, *, fix: bool) -> Checked:
    """Reads every row and every value, and says which are damaged."""
    backend, rows, damaged = store.backend, 0, list[str]()
    for row in backend.list_rows():
        rows += 1
        if _is_whole(store, row):
            continue
        damaged.append(f"{row.function}{row.arguments}")
        if fix:
            backend.delete_data([row.digest])
            backend.delete([row.at])
    return Checked(rows, tuple(damaged), fix)


def _is_whole(store: Any, row: Row) -> bool:
    found = store.backend.get(row.at)
    if found is None or unpack(found, row.at) is None or not has_needs(found):
        return False
    data = found.data if found.data is not None else store.backend.get_data(found.digest)
    return data is not None and len(data) == found.size and digest_data(found.codec, data) == found.digest


def collect(
    store: Any, *, max_bytes: int | None, older_than: float | None, unreachable: bool, dry_run: bool
) -> Collected:
    """Removes rows: the old ones, those of other definitions, and those that save least for their size and age, up to a size.

    Raises:
        TypeError: nothing says which, or something of a wrong type does.
        ValueError: a number is below 0.
    """
    _check_limits(max_bytes, older_than)
    check_flag("unreachable", unreachable)
    check_flag("dry_run", dry_run)
    if max_bytes is None and older_than is None and not unreachable:
        raise TypeError("gc() removes what you say: write gc(max_bytes=10**9), gc(older_than=86400) or gc(unreachable=True).")
    rows, now = list(store.backend.list_rows()), store.now()
    gone = {row.at for row in rows if older_than is not None and now - row.made > older_than}
    if unreachable:
        gone.update(row.at for row in _find_unreachable(store, rows))
    left = [row for row in rows if row.at not in gone]
    if max_bytes is not None:
        gone.update(_find_least(left, max_bytes, now))
    kept = {row.digest for row in rows if row.at not in gone}
    free = {row.digest: row.size for row in rows if row.digest not in kept}
    if gone and not dry_run:
        store.backend.delete(gone)
        store.backend.sweep()
    return Collected(len(gone), sum(free.values()), not dry_run)


def _check_limits(max_bytes: object, older_than: object) -> None:
    if older_than is not None:
        check_seconds("older_than", older_than, "gc(older_than=86400) for a day")
    if max_bytes is None:
        return
    example = "Write gc(max_bytes=10**9)"
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, Integral):
        raise TypeError(f"max_bytes must be a number of bytes, not {show(max_bytes)}. {example}.")
    if max_bytes < 0:
        raise ValueError(f"max_bytes must be 0 or more bytes, not {show(max_bytes)}. {example}.")


def _find_least(rows: list[Row], max_bytes: int, now: float) -> Iterable[bytes]:
    """Yields the places of the rows to remove so that the values of the others take no more than so many bytes."""
    users: dict[bytes, int] = {}
    for row in rows:
        users[row.digest] = users.get(row.digest, 0) + 1
    size = sum({row.digest: row.size for row in rows}.values())
    for row in sorted(rows, key=lambda row: row.own_seconds / (row.size + 100) / (max(0.0, now - row.made) + 3_600)):
        if size <= max_bytes:
            return
        users[row.digest] -= 1
        size -= 0 if users[row.digest] else row.size
        yield row.at


def _find_unreachable(store: Any, rows: list[Row]) -> list[Row]:
    """Returns the rows of definitions that are not in force, of functions that are here."""
    prints: dict[str, set[str] | None] = {}
    for name in {row.function for row in rows}:
        function = Function.find(name)
        definition = None if function is None else define_now(function)
        known = None if definition is None or definition.print is None else {definition.print}
        if known is not None and definition is not None:
            known.update(store.list_accepted(definition))
        prints[name] = known
    return [row for row in rows if row.print not in (prints[row.function] or {row.print})]
