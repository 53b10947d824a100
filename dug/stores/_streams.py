"""Keeps streams that have ended, as their items; `StreamKeeper`.

**What is kept** is what the generator gave, and its path: what it read, in order, each read with the digest of what it gave.
The `Gate` of an item says up to which read the generator had come when it gave that item.  So the items before the first read
that gives something else are those that a fresh run of the generator would give, for the reason that is in `_keeper`.

A generator that reads the items of other streams has read them span by span, one before each of its own items (`WatchedItems`).

`_Spans` is what it read of other streams; `_list_marks` the marks of a tape.

`StreamKeeper` looks, where a generator would begin, for what is kept (`begin`, `_find_row`; `find_branch` where it parts) and
keeps at its end (`keep`, `_tell` its path).  `note_hit` counts a stream that was given.
"""

from time import perf_counter
from typing import Any

from .._core.read import LIVE, Memo, Run
from .._functions.stream import AnyStream
from .._functions.tape import Mark, Tape, tape_of
from .._text.values import STOPPING, describe_error
from ._backend import StoreError
from ._digest import NO_DIGEST, branch_of
from ._giving import Giving, Row
from ._items import WatchedItems, are_as_given
from ._path import Gate, Path, Span, Told
from ._reads import NotTold, ReadTeller, is_kept, is_plain
from ._search import Search

MOST_READS = 100_000
"""A stream that has read more, such as as many items of another one, is not kept."""


class StreamKeeper:
    """The half of a keeper that keeps streams."""

    def __init__(self, keeper: Any) -> None:
        self._keeper = keeper
        self._store = keeper.store
        self.find_key, self.of_tweaks = keeper.find_key, keeper.of_tweaks

    # Looking

    def begin(self, run: Run, stream: AnyStream[Any]) -> Any:
        """Returns what gives the items of a stream that is kept, in the place of its generator; None where that must run."""
        tape = tape_of(run)
        if tape is None:
            return None
        tape.kept.values = items = WatchedItems(tape)
        if stream._bump is not None or stream._body is not stream.node._function.body:  # a tweak gives its items
            return None
        items.search = search = self._keeper.begin_search(stream.node._key)
        if type(search) is not Search:
            return None
        row: Row | None = self._ask(self._find_row, search)
        if row is None:
            return None
        giving = Giving(self, stream, run, tape, items, search, row)
        return giving.give_async() if stream.node._function.stream.is_async else giving.give()

    def _find_row(self, search: Search) -> Row | None:
        """Returns the kept stream where a search is, or in the other places where it may be."""
        while True:
            found, path = self._keeper.find_path(search)
            value = None if found is None or path is None or not path.gates else self._store.read_value(search.at, found)
            if path is not None and value is not None and len(value[0]) == path.gates[-1].item:
                return Row(path, value[0])
            search.slot = search.slot or search.at
            if not search.places:
                self._store.misses += 1
                return None
            search.at = search.places.pop()

    def _ask(self, look: Any, search: Search, *args: Any) -> Any:
        """Returns what a look gives; None where something goes wrong: whatever that is, the generator must run."""
        try:
            return look(search, *args)
        except StoreError as exc:
            self._store.writer.tell(exc)
            search.reason = f"the store did not answer when it was looked for: {exc}"
        except STOPPING:
            raise
        except Exception as exc:  # noqa: BLE001  see above
            self._store.note_trouble(search.definition.function, exc)
            search.reason = f"a look for it failed: {describe_error(exc)}"
        return None

    def find_branch(self, search: Search, path: Path, given: int, held: int, now: bytes | None) -> tuple[Row, int] | None:
        """Returns the kept stream that parted from another one where this run does, and how many of its reads have held.

        Args:
            search: the look for it.
            path: that of the other one.
            given: how many items this run has given.
            held: how many reads have given the same.
            now: the digest of what the next one gives here.
        """
        if not now:
            name, arguments = path.reads[held].call
            search.reason = f"an earlier run has read {name}{arguments}, whose value cannot be told now"
            return None
        branch: tuple[Row, int] | None = self._ask(self._find_branch, search, path, given, held, now)
        return branch

    def _find_branch(self, search: Search, path: Path, given: int, held: int, now: bytes) -> tuple[Row, int] | None:
        if search.slot is None:
            search.parted.append((held, path.reads[held], now))
        search.at, search.places = branch_of(search.at, held, now), []
        while (row := self._find_row(search)) is not None:
            pairs = zip(row.path.reads[:held], path.reads, strict=False)
            alike = next((place for place, (one, other) in enumerate(pairs) if one != other), min(held, len(row.path.reads)))
            if len(row.items) >= given and all(gate.item >= given for gate in row.path.gates if gate.reads > alike):
                return row, alike
            search.at = branch_of(search.at, alike, NO_DIGEST)  # it gave an item that is given here after other reads
        return None

    def note_hit(self) -> None:
        """Counts a stream of which some items, or the end, are given."""
        self._store.hits += 1

    # Keeping

    def keep(self, run: Run, memo: Memo, tape: Tape) -> None:
        """Keeps the stream of a tape whose generator has come to its end, if it is worth it and can be told."""
        stream, items = run.key[0].body, tape.kept.values
        try:
            self._keep(stream, memo, tape, items)
        finally:
            if type(items) is WatchedItems:
                items.search = None  # both are of use for this only
                items.progress.clear()

    def _keep(self, stream: AnyStream[Any], memo: Memo, tape: Tape, items: list[Any]) -> None:
        function = stream.node._function
        if tape.is_held or memo.status != LIVE or not is_kept(function):
            return
        if type(items) is not WatchedItems:
            self._store.refuse(function.name, f"it does not keep its first items (keep={tape.keep})")
            return
        search, seconds = items.search, perf_counter() - items.started
        if type(search) is not Search or not self._keeper.is_worth(search, function, seconds):
            return
        try:
            path = self._tell(stream, tape, items)
        except NotTold as exc:
            exc.note(self._store, function)
        else:
            self._keeper.keep_row(search, stream.node._key, path, list(items), seconds, seconds)

    def _tell(self, stream: AnyStream[Any], tape: Tape, items: WatchedItems) -> Path:
        """Returns the path of a stream that has ended.

        Raises:
            NotTold: something that it read cannot be told, or an item may have been changed in place.
        """
        if are_as_given(items, 0, len(items)) is False:
            raise NotTold("its items may have been changed in place")
        items.note_progress(len(items))
        marks = _list_marks(tape)
        spans, teller = _Spans(marks, items), ReadTeller(self._keeper)
        starts = tape.kept.starts
        reads, gates, told = list[Told](), list[Gate](), set[Memo]()
        for place in sorted({*starts, *spans.due}):
            due = spans.due.get(place, {})
            own = [memo for start, memo in zip(starts, marks, strict=True) if start == place]
            new = [read for memo in own for read in memo.dependencies if type(read.value) is not Mark and read not in told]
            new = [read for read in dict.fromkeys(new) if read.home.find_key() != stream.node._key]
            first = {read.value for read in new if isinstance(read.value, AnyStream)}
            for other in [other for other in due if other not in first]:
                reads.extend(spans.tell(teller, other, due.pop(other)))
            for read in new:
                reads.append(teller.tell(read))
                if isinstance(read.value, AnyStream) and read.value in due:  # what it read of one comes right after it
                    reads.extend(spans.tell(teller, read.value, due.pop(read.value)))
            told.update(new)
            gates.append(Gate(place, len(reads)))
            if len(reads) > MOST_READS:
                raise NotTold(f"it has read more than {MOST_READS:,} times")
        return Path(reads, [], gates)


class _Spans:
    """What a generator has read of other streams."""

    def __init__(self, marks: list[Memo], items: WatchedItems) -> None:
        self._last: dict[AnyStream[Any], Memo] = {}
        """The last mark of each that it has passed."""
        self.due: dict[int, dict[AnyStream[Any], Span]] = {}
        """By its own items: what it had read before each of them, and not before the one before."""
        for read in (read for memo in marks for read in memo.dependencies if type(read.value) is Mark):
            other = read.home.find_function().body
            if other not in self._last or self._last[other].value.number <= read.value.number:
                self._last[other] = read
        for other, steps in items.progress.items():
            before = 0
            for place, position, is_end in steps:
                if position > before or is_end:
                    self.due.setdefault(place, {})[other] = Span(before, position, is_end)
                    before = max(before, position)

    def tell(self, teller: ReadTeller, other: AnyStream[Any], span: Span) -> list[Told]:
        """Returns a span as a path has it: the end by itself.

        Raises:
            NotTold: it cannot be.
        """
        parts = [Span(span.first, span.end, False)] if span.end > span.first else []
        parts += [Span(span.end, span.end, True)] if span.is_end else []
        return [teller.tell_span(other, self._last.get(other), part) for part in parts]


def _list_marks(tape: Tape) -> list[Memo]:
    """Returns the marks of a tape.

    Raises:
        NotTold: one of them does not say all that its items rest on.
    """
    marks = [memo for memo in tape.kept.marks if memo is not None and memo.failure is None]
    if len(marks) < len(tape.kept.marks) or not all(is_plain(memo) for memo in marks):
        raise NotTold(None)
    return marks
