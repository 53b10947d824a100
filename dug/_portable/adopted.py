"""Moves carried memos into an ordinary cache: `adopt`; `_Intake` is a shelf that files what it brings in with another cache.

A `Shelf` asks its carrier before it says that a node is unknown, which takes the compiled call path's place.  Once everything has
come in and every value is read there is nothing to ask for: then an ordinary cache answers as well, and at full speed.
"""

from typing import Any

from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.read import Cache, CacheGroup, Function, Key, Memo, NodeMemos, View
from ..errors import SnapshotError
from .shelf import Shelf

_MOST_NAMED = 5


def adopt(scenario: Scenario, shelf: Shelf, *, name: str | None) -> tuple[Context, dict[str, tuple[str, ...]]]:
    """Returns an outermost context with the memos of a shelf's carrier, each with its value, in a cache of its own.

    The second part of the answer has the functions that have changed, each with the places.

    Args:
        scenario: the tweaks of the carrier.
        shelf: brings in the memos; nothing of what was computed in it since is moved.
        name: that of the context.

    Raises:
        SnapshotError: functions of the carrier are not here, or a value cannot be read.
    """
    cache = Cache()
    ctx = Context(scenario, cache=cache, name=name)
    intake = _Intake(shelf, cache)
    assert intake.group is cache.group  # noqa: S101  to ask binds the cache, as an outermost entry does
    intake.expect(ctx._scenario.specs)
    ctx._view_inside(None)  # outermost wherever this is called; it holds the tweaks under which the memos are filed
    intake.fill()
    waiting = sorted(intake.names())
    if waiting:
        shown = ", ".join(waiting[:_MOST_NAMED]) + (", ..." if len(waiting) > _MOST_NAMED else "")
        what = f"{shelf.carrier.shown} has nodes of functions that are not here: {shown}"
        raise SnapshotError(f"{what}. Import their modules before.")
    for _, home in cache.list_homes():
        for memo in home.memos():
            if memo.is_stored:
                memo.take_value()
    vars(ctx)["_adopted"] = intake.kept()
    return ctx, intake.changed


class _Intake(Shelf):
    """A shelf that keeps nothing itself: it files the memos with the cache that it was given."""

    def __init__(self, shelf: Shelf, into: Cache) -> None:
        super().__init__(
            shelf.carrier, trust=shelf._trust, recompute_changed=shelf._recompute_changed, check_files=shelf._check_files
        )
        self._left_out = shelf._left_out
        self._into = into

    @property
    def group(self) -> CacheGroup:
        """That of the other cache."""
        return self._into.group

    def home_of(self, key: Key) -> NodeMemos:
        """Returns the home of a node there."""
        return self._into.home_of(key)

    def file(self, memo: Memo, tweaks: Any) -> Memo:
        """Files a memo there."""
        return self._into.file(memo, tweaks)

    def _add_readers(self, memo: Memo, known: Memo | None) -> None:
        self._into._add_readers(memo, known)

    def _list_filed(self, function: Function) -> list[Memo]:
        return [memo for home in self._into.homes.list_of(function) for memo in home.memos()]

    def _derive(self) -> None:
        view = View.outermost(self._layers, self._held, self._into)
        self._base, self._kept = view.tweaks, view.keep

    def kept(self) -> Any:
        """What holds the tweaks under which the memos are filed."""
        return self._base, self._held, self._kept
