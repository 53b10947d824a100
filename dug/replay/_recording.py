"""`Recording`, which `open_recording` gives: what was recorded, what a replay of it lacks, the plan of one, and the replay.

It has `nodes`, `gaps`, `missing`, `differences`, `timeline`, `is_complete`; `_serve` makes the replay.  `_plan` and `_find` find
nodes for it.
"""

import errno
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.read import Function, Node
from .._text.counts import count
from .._text.sheet import Line, Sheet
from .._text.shown import Shown
from .._text.values import show
from ._differences import Differences, find_differences
from ._errors import UncoveredError
from ._names import list_targets
from ._plan import Replacing, ReplayPlan, make_plan
from ._playing import Player
from ._served import Served
from ._trace import Entry, Trace

Target = Node[Any] | str


def open_recording(path: str | os.PathLike[str]) -> "Recording":
    """Returns the recording in a file, as far as it was written: a last line that is torn is left out.

    Nothing is imported, and no value is decoded before it is asked for.

    Raises:
        FileNotFoundError: there is no such file; the message says how to make one.
        OSError: the file cannot be read.
        RecordingError: it is not a recording.
        TypeError: `path` is not one.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{show(path)} is not a path. Write dug.replay.open('monday.dugrec').")
    file = Path(path).absolute()
    try:
        return Recording(Trace(file))
    except FileNotFoundError as exc:
        text = f"there is no recording of this name in {file.parent}. Record one: with dug.replay.record(ctx, {str(path)!r}): ..."
        raise FileNotFoundError(errno.ENOENT, text, str(path)) from exc


class Recording(Shown):
    """What was recorded of a context: values of sources, items of streams, and what every other node read."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    @property
    def path(self) -> Path:
        """The file."""
        return self._trace.path

    @property
    def nodes(self) -> tuple[Node[Any] | str, ...]:
        """All nodes, each as a node where its function is imported here, else as its text."""
        return tuple(entry.find_node() or entry.text for entry in self._trace.entries.values())

    @property
    def is_complete(self) -> bool:
        """True when the recording came to its end and met no trouble; `missing` names the values that no codec writes."""
        return self._trace.has_end and not self._trace.gaps

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be written, each with the reason; and that the recording was cut off, if so."""
        return (*self._trace.gaps, *([] if self._trace.has_end else ["the recording was cut off before its end"]))

    def missing(self, *targets: Target, cut: Iterable[Any] | None = None) -> tuple[Node[Any] | str, ...]:
        """Returns the nodes that a replay of some nodes needs, by the trace, and that no recorded value stands in front of.

        Args:
            targets: the nodes, or their texts; none for all that were recorded.
            cut: the functions and nodes that are not run, see `replay`.

        Raises:
            TypeError: a target is not a node.
        """
        return tuple(entry.find_node() or entry.text for entry in self._find_missing(targets, self._serve(cut)))

    def plan(
        self, *targets: Target, cut: Iterable[Any] | None = None, tweaks: "Mapping[Any, Any] | Scenario | None" = None
    ) -> ReplayPlan:
        """Returns what a replay of some nodes would run, and what it would take from the recording, by the trace; runs nothing.

        Args:
            targets: the nodes, or their texts; none for all that were recorded.
            cut: the functions and nodes that are not run, see `replay`.
            tweaks: those of a what-if that is entered in the replay.

        Raises:
            TypeError: a target is not a node.
            TweakError: a tweak is not possible.
        """
        said = {key: (show(one), getattr(one, "reads_beneath", False)) for key, one in Scenario(tweaks).tweaks.items()}
        return self._plan(targets, cut, said)

    def _plan(
        self, targets: Iterable[Target], cut: Iterable[Any] | None, said: Mapping[Any, tuple[str, bool]]
    ) -> ReplayPlan:
        """Returns the plan with nodes and functions that are tweaked: to what, and whether they are asked for beneath that."""
        nodes = {entry: tweak for key, tweak in said.items() if isinstance(key, Node) and (entry := self._trace.find(key))}
        functions = {key._self_function.name: tweak for key, tweak in said.items() if not isinstance(key, Node)}
        return make_plan(self._trace, self._find(targets), self._serve(cut), Replacing(nodes, functions))

    def replay(
        self,
        *targets: Target,
        cut: Iterable[Any] | None = None,
        strict: bool = True,
        speed: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> AbstractContextManager[Context]:
        """Returns a context manager that gives a context in which every source gives what it gave in the recording.

        The context is an outermost one: nothing that is tweaked around it is in force in it.  Enter what-ifs inside it.

        Args:
            targets: the nodes that will be asked for: where the trace knows that one needs a source which is not covered, that is
                said before anything runs.
            cut: the functions and nodes that are given by the recording, in the place of being run, besides sources and what was
                tweaked; None for all of which values were recorded, ``()`` for none.
            strict: refuses each source that is not covered; False to run it.
            speed: how many seconds of the recording pass in one second, for the items of streams; None to give them at once.
            clock: gives the seconds that items wait by; `dug.testing.Clock` is one for tests, and waits for nothing real.
            sleep: waits so many seconds; awaited where a stream is read on a loop.  The default waits by the clock.

        Raises:
            UncoveredError: a source is not covered; when the block is entered, or when the source is first asked for.  Or nothing
                was recorded of what is in `cut`.
            LookupError: a target is a text that is not in the recording.
            TypeError: a target is not a node.
            ValueError: `speed` is not a number above 0.
        """
        if speed is not None and not (isinstance(speed, (int, float)) and speed > 0):
            raise ValueError(f"speed must be a number above 0, not {show(speed)}. Leave it out to give all items at once.")
        served = self._serve(cut)
        idle = served.list_idle_cuts()
        if idle and strict:
            raise UncoveredError(idle, ["it is in cut=, and no value of it was recorded: name it in cut= of record"] * len(idle))
        if strict and targets:
            missing = self._find_missing(targets, served)
            if missing:
                raise UncoveredError([one.find_node() or one.text for one in missing], [served.tell_gap(one) for one in missing])
        return served.enter(Player(self._trace, speed, clock, sleep), strict=strict)

    def differences(self, ctx: Context, *targets: Node[Any]) -> Differences:
        """Returns which nodes of a context have other values than in the recording, those in which a difference begins first.

        Args:
            ctx: a context in which the nodes were asked for, such as that of a replay with changed code.
            targets: the nodes to begin with; none for all that are known in the context.

        Raises:
            TypeError: `ctx` is not a context, or a target not a node.
        """
        if not isinstance(ctx, Context):
            raise TypeError(f"{show(ctx)} is not a context. Write recording.differences(ctx, f.node(x)).")
        return find_differences(self._trace, ctx, targets)

    def timeline(self) -> str:
        """Returns the runs as trace events of Chrome, as JSON text: for Perfetto, speedscope and the like.

        Each run is one bar, from its real start to its real end, in the row of its thread; what read its value later has none
        of it.  A run lies within the one that read it; runs that overlapped otherwise (tasks, or a what-if in between) have
        rows of their own.  What was known before the recording began, and generators of streams, have no bar.

        Complexity: O(n log n) in runs and reads.

        Raises:
            RecordingError: it has no run with a time.

        .. versionadded:: 0.1.0
        """
        from ._timeline import make_timeline  # a replay needs none

        return make_timeline(self._trace)

    def __enter__(self) -> NoReturn:
        raise TypeError("A recording is not entered itself. Write with recording.replay() as ctx.")

    def __exit__(self, *said: object) -> None:
        """For ``with`` to call `__enter__`, which says what to write."""

    def _find(self, targets: Iterable[Target]) -> list[Entry]:
        """Returns the entries of the targets, or of all nodes when there is no target."""
        given = list(targets)
        for one in given:
            if not isinstance(one, (Node, str)):
                raise TypeError(f"{show(one)} is not a node. Write f.node(x).")
            if isinstance(one, str) and not self._trace.has_text(one):
                raise LookupError(f"{self.path} has no node {one!r}.{self._trace.suggest(one)}")
        known = [self._trace.find(one) for one in given]
        return [one for one in known if one is not None] if given else list(self._trace.entries.values())

    def _find_missing(self, targets: Iterable[Target], served: Served) -> list[Entry]:
        needed = self._trace.walk(self._find(targets), served.covers)
        return [entry for entry in needed if served.is_needed(entry) and not served.covers(entry)]

    def _serve(self, cut: Iterable[Any] | None) -> Served:
        return Served(self._trace, None if cut is None else _read_cut(cut))

    def _sheet(self) -> Sheet:
        return Sheet([Line(text) for text in self._describe()])

    def _describe(self) -> list[str]:
        entries = self._trace.entries.values()
        given = [entry for entry in entries if entry.given and entry.find_gap() is None]
        items = sum(len(entry.items.pieces) for entry in entries if entry.items is not None)
        what = f"{count(len(entries), 'node')}, {len(given):,} with values, {count(items, 'item')} of streams"
        return [f"{self.path.name}: {what}"] + [f"gap: {one}" for one in self.gaps[:3]]

    def __repr__(self) -> str:
        return f"<dug.replay.Recording {self._describe()[0]}>"


def _read_cut(cut: Iterable[Any]) -> "frozenset[Function | Node[Any]]":
    """Returns functions and nodes as they are looked up."""
    return frozenset(one if isinstance(one, Function) else Node._of(one) for one in list_targets(cut))
