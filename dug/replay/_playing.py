"""Gives what was recorded: `Player`, values and errors of nodes, and the items of streams, at once or at a speed.

With a speed an item does not come before its time, counted from the moment at which the replay was entered.  Streams that are
read on one loop give their items in the order of the day, as `_order` says.  A stream whose recording has no end refuses the item
after the last one that it has.  `play` and `play_async` give items, `make_tweak` a node's value; `_wait_for` and `_find_wait`
wait for the time.  `_list_pieces` and `_find_order` go through the items.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from .._contexts.kinds import bump
from .._core.read import Node
from .._functions.async_driver import backend
from .._text.counts import count
from ._content import error_of
from ._errors import UncoveredError
from ._order import Order, Reading
from ._trace import Entry, Piece, Trace


class Player:
    """Gives values of one recording."""

    def __init__(
        self, trace: Trace, speed: float | None, clock: Callable[[], float], sleep: Callable[[float], Any] | None
    ) -> None:
        self._trace, self._speed, self._clock, self._sleep = trace, speed, clock, sleep
        self._start = clock()
        self._orders: dict[Any, Order] = {}
        """By loop."""

    def begin(self) -> None:
        """Begins to count the time."""
        self._start = self._clock()

    def give(self, entry: Entry) -> Any:
        """Returns what a node gave, decoded anew.

        Raises:
            BaseException: it failed; what is raised says the same.
        """
        assert entry.piece is not None  # noqa: S101  it is covered
        return self._trace.value_of(entry, entry.piece)

    def make_tweak(self, entry: Entry, node: Node[Any]) -> Any:
        """Returns the tweak with which a node that is not a source gives what it gave."""
        if not entry.line.get("stream"):
            return self.give(entry)
        play = self.play_async if node._function.stream.is_async else self.play
        return bump(lambda _: play(entry))

    async def play_async(self, entry: Entry) -> AsyncGenerator[Any, None]:
        """Gives the items of a stream that is read on a loop."""
        if not entry.line.get("stream"):  # it was tweaked to a list
            for item in self.give(entry):
                yield item
            return
        pieces = self._list_pieces(entry)
        reading = Reading(self._find_order(), entry)
        try:
            for piece, following in zip(pieces, [*pieces[1:], None], strict=False):
                await reading.take_turn(piece.place, None if following is None else following.place, self._wait_for(piece))
                if piece.line["is"] == "item":
                    yield self._take(entry, piece)
        finally:
            reading.close()
        self._end(entry)

    async def _wait_for(self, piece: Piece) -> None:
        """Waits for the time of a line."""
        wait = self._find_wait(piece)
        if wait > 0:
            await (self._sleep or getattr(self._clock, "sleep", None) or backend().Sleep().last)(wait)

    def _find_order(self) -> Order:
        """Returns the order of the streams that are read on the loop in force."""
        loop = backend().find_loop()
        if loop not in self._orders:
            pieces = {entry: self._list_pieces(entry) for entry in self._trace.entries.values() if entry.line.get("stream")}
            self._orders[loop] = Order({entry: all_of_it[0].place for entry, all_of_it in pieces.items() if all_of_it})
        return self._orders[loop]

    def play(self, entry: Entry) -> Iterator[Any]:
        """Gives the items of a stream that is read without await."""
        if not entry.line.get("stream"):  # as above
            yield from self.give(entry)
            return
        for piece in self._list_pieces(entry):
            wait = self._find_wait(piece)
            if wait > 0:
                (self._sleep or getattr(self._clock, "advance", None) or time.sleep)(wait)
            if piece.line["is"] == "item":
                yield self._take(entry, piece)
        self._end(entry)

    @staticmethod
    def _list_pieces(entry: Entry) -> list[Piece]:
        items = entry.items
        return [] if items is None else [*items.pieces, *([] if items.end is None else [items.end])]

    def _find_wait(self, piece: Piece) -> float:
        """Returns how many seconds are left to the time of a line."""
        if self._speed is None:
            return 0.0
        return float(self._start + piece.line["at"] / self._speed - self._clock())

    def _take(self, entry: Entry, piece: Piece) -> Any:
        if "absent" in piece.line:
            raise UncoveredError([entry.text], [f"its item {piece.line['p']} was not recorded: {piece.line['absent']}"])
        return self._trace.value_of(entry, piece)

    @staticmethod
    def _end(entry: Entry) -> None:
        """Ends a stream as the recorded one ended.

        Raises:
            BaseException: it failed; what is raised says the same.
            UncoveredError: it had not ended.
        """
        items = entry.items
        if items is None or items.end is None:
            length = 0 if items is None else len(items.pieces)
            raise UncoveredError([entry.text], [f"the recording has {count(length, 'item')} of it, and not its end"])
        if "error" in items.end.line:
            raise error_of(items.end.line["error"])
