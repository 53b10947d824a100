"""Records a context: `record` opens the file, writes what is known already, and listens until its end.

What is written of a node is what the recorded context has of it, in its own scenario: what what-ifs inside make of a node is not
in the recording, but what their sources give is, as far as it read none of their tweaks.  A value is encoded when it is
heard of, so that what a reader changes later cannot reach the file.  Nothing here breaks a computation: what cannot be written is
noted as a gap, and told at the end.

`_Recorder` is the listener; `_entries` makes the lines, `_log` writes the file, `_recording` reads it back.  `hear` and `take`
hear of nodes and items, `note_known` and `note_last` write what the context knows, and what changed by the end, `_write_lost`,
`_note_gap` and `report` are about gaps.
"""

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import local
from typing import Any

from .._contexts.context import Context
from .._core.read import Event, Function, Node, Subscription, View
from .._inspect.record import find_seen
from .._text.values import show
from ._entries import EntryWriter, Ran
from ._log import Log, make_header
from ._names import list_targets

_logger = logging.getLogger("dug")
_KINDS = frozenset({"computed", "failed", "tweaked", "invalidated"})


@contextmanager
def record(
    ctx: Context,
    path: str | os.PathLike[str],
    *,
    cut: Iterable[Any] = (),
    digests: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Records what the sources of a context give, to a file that `open` reads.

    What the context knows already is written first.  A node that is tweaked is recorded like a source: a replay gives its value.
    Use it as a context manager, around or inside of ``with ctx``.

    Args:
        ctx: the context.
        path: a new file; a recording overwrites none.
        cut: functions and nodes of which values are recorded as of sources, so that a replay need not run them.
        digests: whether a digest and a short text of every other value is written, for `Recording.differences`.  Takes time in
            proportion to the size of the values.
        clock: gives the seconds that items of streams are told by.

    Raises:
        FileExistsError: there is a file under that name.
        OSError: the file cannot be made.
        TypeError: `ctx` is not a context, or `cut` not a collection.
        TweakError: something in `cut` is neither a node nor a memoised function.

    Warns:
        RuntimeWarning: at the end, when something could not be written; the file says so, too.
    """
    if not isinstance(ctx, Context):
        raise TypeError(f"{show(ctx)} is not a context. Write dug.replay.record(ctx, path).")
    targets = list_targets(cut)
    log = Log(path)
    recorder = _Recorder(ctx, log)
    recorder.writer = EntryWriter(ctx, log, frozenset(targets), clock, recorder.report, digests=digests)
    try:
        log.begin(make_header(dug=_version(), at=datetime.now(UTC).isoformat(), cut=[_name(one) for one in targets]))
        with ctx._listen(Subscription(recorder.hear, _KINDS, None, find_seen, recorder.take)):
            recorder.note_known()
            try:
                yield
            finally:
                recorder.note_last()
    finally:
        recorder.end(is_failing=sys.exception() is not None)


class _Recorder:
    """A listener that has each node written, and notes what could not be."""

    writer: EntryWriter

    def __init__(self, ctx: Context, log: Log) -> None:
        self._ctx = ctx
        self._log = log
        self._gaps: list[str] = []
        self._thread = local()
        """When the run ended whose value was taken last in this thread."""
        self._is_tweaked = False
        self._heard: tuple[list[Subscription], ...] = ()
        """The listeners of the recorded context and of those around it, as they were when it was heard last."""
        self._around: list[list[Subscription]] = []
        """Those of contexts around in which this listens for tweaks."""
        self._subscription = Subscription(self.hear, frozenset({"tweaked", "invalidated"}))
        self._scenario = ctx._here().tweaks.serial

    def hear(self, event: Event) -> None:
        """Writes the node of an event."""
        if not self._log.is_mine():
            return
        if event.kind in {"tweaked", "invalidated"}:
            self._is_tweaked = True
            self.writer.loosen(event.node)
            if isinstance(event.node, Node):
                self.writer.hold(event.node)
        else:
            ended = getattr(self._thread, "ended", None) or time.perf_counter()
            self._listen_around()
            is_whole = event.node._function.stream is None  # the generator of a stream stops and goes on
            has_memo = self._write(event.node, Ran(ended, event.seconds) if is_whole else None)
            self._thread.ended = None
            self.writer.let_go()
            if not has_memo and event.node._function.is_source and event.record is None:
                self._write_lost(event.node)

    def take(self, view: View, node: Node[Any], value: Any) -> None:
        """Has the value of a run encoded before anybody else has it; the event of the run comes next in this thread."""
        if self._log.is_mine():
            self._thread.ended = time.perf_counter()
            with suppress(Exception):  # whatever is wrong with it is told when it is written
                self.writer.take(view, node, value)

    def _listen_around(self) -> None:
        """Hears of tweaks of the contexts that are around now."""
        heard = self._ctx._here().listeners
        if heard is self._heard:
            return
        self._heard = heard
        for listeners in heard:
            if all(listeners is not known for known in (self._ctx._listeners, *self._around)):
                self._around.append(listeners)
                listeners.append(self._subscription)

    def note_known(self) -> None:
        """Writes what the context knows."""
        self._listen_around()
        self.writer.hold_all()
        for node in self._ctx.graph().order:
            self._write(node)

    def note_last(self) -> None:
        """Writes what has another value since a tweak and was answered by what was known, and how far streams have come."""
        if not self._log.is_mine():
            return
        if self._is_tweaked or self._ctx._here().tweaks.serial != self._scenario:
            self.note_known()
        for node in self.writer.list_streams():
            self._write(node)

    def _write(self, node: Node[Any], ran: Ran | None = None) -> bool:
        """Writes a node, and when its run ended and how long it took; returns whether the context has a memo of it."""
        is_done = has_memo = False
        try:
            has_memo = self.writer.write(node, ran)
            is_done = True
        except Exception as exc:  # noqa: BLE001  a computation goes on whatever happens to its recording
            is_done = True
            self.report(str(node), exc)
        finally:
            if not is_done:  # an interrupt
                self._note_gap(f"{node}: interrupted")
        return has_memo

    def _write_lost(self, node: Node[Any]) -> None:
        try:
            self.writer.write_lost(node)
        except Exception as exc:  # noqa: BLE001  as above
            self.report(str(node), exc)

    def report(self, what: str, error: Exception) -> None:
        """Notes that something could not be written."""
        _logger.error("%s could not be recorded.", what, exc_info=error)
        self._note_gap(f"{what}: {type(error).__name__}: {error}")

    def _note_gap(self, what: str) -> None:
        self._gaps.append(what)
        with suppress(OSError):
            self._log.append({"is": "gap", "what": what})

    def end(self, *, is_failing: bool) -> None:
        """Writes the last line, and tells of gaps: by a warning, or in the log where an error is on its way, which goes first."""
        for listeners in self._around:
            with suppress(ValueError):  # it failed and was removed
                listeners.remove(self._subscription)
        if not self._log.is_mine():
            return
        self.writer.close()
        try:
            self._log.append({"is": "end", "gaps": len(self._gaps)})
        except OSError as exc:
            self._gaps.append(f"the last line: {exc}")
        self._log.close()
        if self._gaps:
            count = len(self._gaps)
            gaps = f"{count:,} gap{'' if count == 1 else 's'}: {self._gaps[0]}"
            text = f"the recording {self._log.path} has {gaps}. A replay refuses what was not written."
            if is_failing:
                _logger.error("%s", text)
            else:
                warnings.warn(text, RuntimeWarning, stacklevel=4)


def _name(target: Any) -> str:
    return target.name if isinstance(target, Function) else str(Node._of(target))


def _version() -> str:
    return str(getattr(sys.modules[__name__.partition(".")[0]], "__version__", "?"))
