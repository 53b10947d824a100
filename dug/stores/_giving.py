"""Gives the items of a kept stream again, in the place of its generator: `Giving`.

It is what the pump of the stream iterates over.  Before it gives an item it asks for whatever the kept run had read before that
one, in the same order, in the frame of the pump: so the marks of the tape come to rest on what is read here and now, and nothing
is asked for before somebody needs an item that rests on it.

At the first read that gives something else it goes on with a kept run that parted there, if there is one; what it gave so far is
the same in both.  Else the generator runs, from its start, and its first items, which were given, are left out.

`Row` is a kept stream.  `give` and `give_async` do so, `_walk` goes from read to read, `_ask` asks for one, `_begin_anew` runs
the generator.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from attrs import frozen

from .._core.read import Run
from .._functions.stream import AnyStream
from .._functions.tape import Tape
from ._digest import NO_DIGEST, digest_of
from ._items import WatchedItems, digest_span
from ._path import Path, Told
from ._reading import Readers, read_now
from ._search import Search


@frozen(eq=False)
class Row:
    """A kept stream."""

    path: Path
    items: list[Any]


class Giving:
    """One run of a stream that begins with kept items."""

    def __init__(  # noqa: PLR0917  all that it is about
        self, keeper: Any, stream: AnyStream[Any], run: Run, tape: Tape, items: WatchedItems, search: Search, row: Row
    ) -> None:
        self._keeper, self._stream, self._run, self._items, self._search, self._row = keeper, stream, run, items, search, row
        self._readers = Readers(are_of_body=True)
        self._given = 0
        """How many items it has given."""
        self._held = 0
        """How many reads have given the same."""
        self._is_hit = False
        self._tape: Any = tape
        self._tape.is_held = True

    def give(self) -> Iterator[Any]:
        """Gives the items of a synchronous stream."""
        walk, answer, step, made = self._walk(), None, None, None
        try:
            while (step := _go_on(walk, answer)) is not None:
                if type(step) is Told:
                    answer = read_now(self._ask(step))
                else:
                    answer = None
                    yield step[0]
            if not self._tape.is_held:
                made = self._begin_anew()
                for number, item in enumerate(made):
                    if self._is_new(number):
                        yield item
        finally:
            self._readers.close()
            if made is not None:
                made.close()
            del self, walk, answer, step, made  # see `failure.empty_own_frames`

    async def give_async(self) -> AsyncIterator[Any]:
        """Gives the items of a stream that is read on a loop."""
        walk, answer, step, made = self._walk(), None, None, None
        number = 0
        try:
            while (step := _go_on(walk, answer)) is not None:
                if type(step) is Told:
                    answer = await self._ask(step)
                else:
                    answer = None
                    yield step[0]
            if not self._tape.is_held:
                made = self._begin_anew()
                async for item in made:
                    if self._is_new(number):
                        yield item
                    number += 1
        finally:
            self._readers.close()
            if made is not None:
                await made.aclose()
            del self, walk, answer, step, made  # as above

    def _walk(self) -> Iterator[Any]:
        """Yields each item that holds, in a tuple, and each read to ask for, for the digest of what that gives now."""
        row: Row | None = self._row
        while row is not None:
            now: Any = None
            for gate in row.path.gates:
                while self._given < gate.item:
                    self._given += 1
                    yield (row.items[self._given - 1],)
                while self._held < gate.reads:
                    told = row.path.reads[self._held]
                    now = yield told
                    if now != told.digest or now == NO_DIGEST:
                        break
                    self._held += 1
                if self._held < gate.reads:
                    break
                self._note_hit()
            else:
                return
            branch = self._keeper.find_branch(self._search, row.path, self._given, self._held, now)
            row, self._held = (None, 0) if branch is None else branch
        self._tape.is_held = False

    def _note_hit(self) -> None:
        if not self._is_hit:
            self._is_hit = True
            self._keeper.note_hit()

    async def _ask(self, told: Told) -> bytes | None:
        """Returns the digest of what a read gives in the scenario of the pump; `NO_DIGEST` where that cannot be had."""
        run, unfileable = self._run, self._run.unfileable
        try:
            key = self._keeper.find_key(*told.call)
            if key is None:
                return NO_DIGEST
            if told.span is not None:
                return digest_span(await self._readers.read(run, key, told.span), told.span)
            memo = key[0].fetch(run, key)
            return digest_of(await memo if key[0].is_async else memo, self._keeper.of_tweaks)
        except Exception:  # noqa: BLE001  the generator meets the error itself
            run.unfileable = unfileable
            return NO_DIGEST
        finally:
            del self, run  # as above

    def _begin_anew(self) -> Any:
        """Returns the generator, which reads everything itself: what was read for an item that was not given counts no more."""
        run, last = self._run, self._tape.kept.marks[-1]
        run.reads.clear()
        if last is not None:
            run.reads[last] = None
        if self._tape.reached is not None:
            self._tape.reached.clear()
        self._items.progress.clear()
        return self._stream.begin_items()

    def _is_new(self, number: int) -> bool:
        """True for an item of the generator that was not given already; notes how far it has read by now."""
        if number < self._given:
            self._items.note_progress(number)
            return False
        self._readers.close()
        return True


def _go_on(walk: Any, answer: bytes | None) -> Any:
    try:
        return walk.send(answer)
    except StopIteration:
        return None
