"""`check_mutation`: notes what values contain when they are made, and looks again when they are read and at the end.

A `MutationCheck` listens to a context and owns all that it notes.  An error of the program that it checks passes it untouched.

It hears of nodes and items (`_hear`, `_note_item`), keeps a `_watched.Watched` for each value (`_watch`, `_look`) and lists a
`_change.Change` for each that changed.  `changes`, `opaque` and `unfrozen` are what it found; `_note_reads` notes readers,
`_find_running` who may have done it.
"""

import logging
from contextlib import AbstractContextManager
from threading import Lock, local
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from .._contexts.context import Context
from .._core.read import INNER, Event, Memo, Node, Subscription, View, is_immutable, plain_key
from .._functions.stream import AnyStream
from .._inspect.record import seen_key
from .._inspect.stream_nodes import StreamMemo
from .._text.sheet import Sheet, list_on_lines
from .._text.shown import Shown
from .._text.values import show
from ._change import Change
from ._errors import MutationError
from ._finding import Seen, find_memos
from ._freezing import Freezer
from ._items import Hooks
from ._watched import Watched

_logger = logging.getLogger("dug")
_SHOWN = 12
"""How many changes are shown."""
_HEARD = frozenset({"hit", "computed", "reused", "failed"})


def check_mutation(ctx: Context, *, freeze: bool = False) -> "MutationCheck":
    """Returns a check, for ``with``, that no value is changed after its function has returned it.

    What a value contains is written down when it is made, or first read, and compared when it is read again, when a node that
    read it has ended, and at the end of the ``with``, which raises for the changes.  It hears of what happens in the context and
    in those entered inside it, in all threads and tasks, and watches the items of streams too.

    A cache that is filled is not a change: the value that a ``functools.cached_property`` keeps, and an attribute whose name
    begins with an underscore and that was absent or None before; what it was filled with counts from then on, until the cache
    is emptied.  A class that has other caches leaves them out in its ``__getstate__``: what is compared is what ``pickle``
    would save; of frames, series and indexes of pandas it is what they hold.

    Args:
        ctx: the context to listen to; it is not entered.
        freeze: also makes the arrays of numpy in values read-only until the end, and those in which frames of pandas keep their
            cells: so the line that writes to one raises ValueError.  What cannot be frozen is named once, in the log.

    Raises:
        MutationError: at the end, when values were changed, unless the program raised an error, which passes as it is; the
            changes are in the log then.
        RuntimeError: at the end, when the check itself failed, so that it may have missed changes; or it is open already.
        TypeError: `ctx` is not a context.

    Complexity:
        O(size of the value) each time that a value is made or read, and as much memory as all values that were seen.

    .. versionadded:: 0.1.0
    """
    if not isinstance(ctx, Context):
        raise TypeError(f"{show(ctx)} is not a context. Write check_mutation(ctx).")
    return MutationCheck(ctx, Freezer() if freeze else None)


class MutationCheck(Shown):
    """A check of what happens in a context, while its ``with`` is open; `check_mutation` makes one.

    .. versionadded:: 0.1.0
    """

    def __init__(self, ctx: Context, freezer: Freezer | None) -> None:
        self._ctx = ctx
        self._freezer = freezer
        self._listening: AbstractContextManager[None] | None = None
        self._lock = Lock()
        self._thread = local()
        self._hooks = Hooks(self._note_item)
        self._forget()

    def _forget(self) -> None:
        self._by_value: dict[int, Watched] = {}
        self._by_memo: dict[Memo, Watched] = {}
        self._by_key: dict[Any, dict[Watched, None]] = {}
        self._items: dict[AnyStream[Any], dict[Watched, None]] = {}
        self._views: WeakSet[View] = WeakSet()

    def __enter__(self) -> Self:
        if self._listening is not None:
            raise RuntimeError(f"{self!r} is open already; give each `with` its own check_mutation(ctx).")
        self._forget()  # what a thread noted whose event came before the end, and was told after it
        self._hooks = Hooks(self._note_item)
        if self._freezer is not None:
            self._freezer.open()
        self._failure = None
        self._changed: dict[Watched, None] = {}
        self._opaque: dict[Node[Any], None] = {}
        listening = self._ctx._listen(Subscription(self._hear, _HEARD, None, find_memos))
        listening.__enter__()
        self._listening = listening
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        listening, self._listening = self._listening, None
        if listening is None:
            return
        listening.__exit__(None, None, None)
        self._hooks.unhook()
        try:
            if error is None or isinstance(error, Exception):  # an interrupt must not wait for it
                for watched in tuple(self._by_value.values()):
                    self._look(watched)
        finally:
            if self._freezer is not None:
                self._freezer.thaw()
            self._changes = tuple(self._list_changes())
            self._changed.clear()
            self._forget()
        if self._changes and error is None:
            raise MutationError(self._changes)
        if self._failure is not None and error is None:
            raise RuntimeError(f"{self!r} failed on an event, and heard none after it.") from self._failure
        if self._changes:
            _logger.warning("%s", MutationError(self._changes))

    def _sheet(self) -> Sheet:
        changes = self.changes
        more = [f"... {len(changes) - _SHOWN:,} more"] if len(changes) > _SHOWN else []
        return list_on_lines([repr(self)[1:-1], *map(str, changes[:_SHOWN]), *more])

    def __repr__(self) -> str:
        return f"<check_mutation of {self._ctx!r}: {len(self.changes)} changed>"

    _changes: tuple[Change, ...] = ()
    _failure: Exception | None = None
    _changed: dict[Watched, None]
    _opaque: dict[Node[Any], None]

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed, in the order in which the values were made."""
        return self._changes if self._listening is None else tuple(self._list_changes())

    @property
    def opaque(self) -> tuple[Node[Any], ...]:
        """The nodes in whose values something cannot be looked into, such as a lock: changes inside that are not seen."""
        return tuple(self._opaque)

    @property
    def unfrozen(self) -> tuple[Node[Any], ...]:
        """With ``freeze=True``: the first node of each function, and each type of what cannot be frozen in its value."""
        return () if self._freezer is None else self._freezer.unfrozen

    def _list_changes(self) -> list[Change]:
        order = {watched: number for number, watched in enumerate(tuple(self._by_value.values()))}
        found = sorted(self._changed, key=lambda watched: order.get(watched, 0))
        return [Change(one.node, one.changed_at or "", one.suspects, one.position) for one in found]

    # Hearing

    def _hear(self, event: Event) -> None:
        """Notes what an event tells; a value that asks for nodes when it is looked at is not heard."""
        if getattr(self._thread, "is_busy", False):
            return
        self._thread.is_busy = True
        try:
            seen: Seen | None = event.record
            if seen is not None:
                with self._lock:
                    self._views.add(seen.view)
                for memo in seen.memos:
                    self._note(event, memo)
        except Exception as exc:
            self._failure = exc
            raise  # it is logged, and no event comes any more
        finally:
            self._thread.is_busy = False

    def _note(self, event: Event, memo: Memo) -> None:
        if event.kind != "hit":
            self._note_reads(event.node, memo)
        value = memo.value
        if memo.failure is not None and not isinstance(value, AnyStream):
            return
        if isinstance(value, AnyStream):
            self._hooks.hook(value)
            self._note_known_items(value, memo)
        else:
            watched = self._watch(event.node, value)
            if watched is not None:
                watched.memos.add(memo)
                self._by_memo[memo] = watched
                with self._lock:
                    self._by_key.setdefault(memo.home.key, {})[watched] = None
                self._look(watched)

    def _note_reads(self, reader: Node[Any], memo: Memo) -> None:
        """Looks again at what a node has read that has ended."""
        found: dict[Watched, None] = {}
        for read in memo.dependencies:
            function = plain_key(read.home.key)[0]
            if function.kind == INNER:
                found.update(self._items.get(function.body, {}))
            elif read in self._by_memo:
                found[self._by_memo[read]] = None
        for key in memo.inner_nodes:
            found.update(self._by_key.get(key, {}))
        for watched in found:
            watched.readers[reader] = None
            self._look(watched)

    # Looking

    def _watch(self, node: Node[Any], value: Any, position: int | None = None) -> Watched | None:
        """Returns what is known of a value, after noting what it contains if it is seen for the first time."""
        watched = self._by_value.get(id(value))
        if watched is not None or is_immutable(value):
            return watched
        if self._freezer is not None:
            self._freezer.freeze(node, value)
        made = Watched(value, node, position)
        if made.is_opaque:
            self._opaque[node] = None
        with self._lock:
            return self._by_value.setdefault(id(value), made)

    def _look(self, watched: Watched) -> None:
        """Notes where a value has changed since it was last seen, and who may have done it."""
        if watched.changed_at is not None:
            return
        readers = tuple(watched.readers)
        place = watched.look()
        if place is None:
            for reader in readers:
                watched.readers.pop(reader, None)
            return
        watched.suspects = tuple(dict.fromkeys([*readers, *self._find_running(watched)]))
        watched.changed_at = place
        self._changed[watched] = None

    def _find_running(self, watched: Watched) -> list[Node[Any]]:
        """Returns the nodes that are running and have read a value."""
        found = []
        with self._lock:  # other threads add to them
            views = tuple(self._views)
        for view in views:
            for run in tuple(view.tweaks.running.values()):
                reads = tuple(run.reads or ())
                if any(read in watched.memos for read in reads) or any(self._is_item_of(watched, read) for read in reads):
                    found.append(Node._of(seen_key(run.key)))
        return found

    # Items of streams

    def _is_item_of(self, watched: Watched, read: Memo) -> bool:
        function = plain_key(read.home.key)[0]
        return watched.position is not None and function.kind == INNER and watched in self._items.get(function.body, {})

    def _note_item(self, stream: AnyStream[Any], position: int, item: Any) -> None:
        """Watches an item that a stream's generator gives."""
        if getattr(self._thread, "is_busy", False):
            return
        self._thread.is_busy = True
        try:
            self._watch_item(stream, position, item)
        finally:
            self._thread.is_busy = False

    def _watch_item(self, stream: AnyStream[Any], position: int, item: Any) -> None:
        watched = self._watch(stream.node, item, position)
        if watched is not None:
            with self._lock:
                self._items.setdefault(stream, {})[watched] = None

    def _note_known_items(self, stream: AnyStream[Any], memo: Memo) -> None:
        """Watches the items that a stream has had, as far as they are kept."""
        for position, item in enumerate(stream.items or ()):
            self._watch_item(stream, position, item)
        kept = [tape.kept for tape in tuple(stream.tapes.values())]
        kept += [memo.kept] if isinstance(memo, StreamMemo) else []
        for known in kept:
            for position, item in enumerate(tuple(known.values), known.base):
                if id(item) not in self._by_value:
                    self._watch_item(stream, position, item)
