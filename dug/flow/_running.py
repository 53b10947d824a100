"""A flow that was started: `RunningFlow`, its outputs by name, each a stream that is read in the run's own scenario.

It holds a reader on every stream of the run, so that all of them begin at once; whoever drops it or closes it ends the run.

`_Output` is such a stream; `_drop_lost` ends readers that nobody has any more.  `what_if`, `drain`, `marks`, `states`, `graph`,
`node` and `aclose` are its verbs; `_measure` asks `_progress`.  `_find_frame` and `_find_stream` find where it is read.
"""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from time import perf_counter
from typing import Any, Self
from weakref import WeakValueDictionary

from .._contexts.context import Context
from .._contexts.current import open_contexts, outermost
from .._contexts.scenario import put_over
from .._core.read import Node, OpenContext, current
from .._functions.reader import Reader
from .._functions.stream import Stream
from .._functions.stream_driver import make_aside
from .._inspect.graph import Fact
from .._inspect.table import Table
from .._text.counts import count
from .._text.sheet import Line, Sheet
from .._text.shown import Shown
from ..draw import mermaid
from ._asking import Asking
from ._errors import FlowError
from ._nodes import items
from ._progress import MarkState, RunningGraph, StreamState, list_marks, measure, tabulate, tabulate_marks


class RunningFlow(Mapping[str, Stream[Any]], Shown):
    """The outputs of a flow that was started, by name; leaving ``async with await flow.start() as outputs`` ends it."""

    def __init__(self, flow: Asking, context: Context, outputs: list[str], started: list[str]) -> None:
        self._flow, self._context = flow, context
        self._mark = vars(context)["_running"] = object()  # no circle holds a run that nobody has any more
        self._view = context._here()
        self._names = dict.fromkeys(outputs)
        self._streams: WeakValueDictionary[str, _Output] = WeakValueDictionary()
        self._is_closed = False
        self._began = perf_counter()
        self._held = [self._find_stream(name).open() for name in started]

    def _find_stream(self, name: str) -> "_Output":
        found = self._streams.get(name)
        if found is None:
            found = self._streams[name] = _Output(items.node(self._flow.name, name), self)
        return found

    def __getitem__(self, name: str) -> Stream[Any]:
        if name not in self._names:
            raise KeyError(f"{name!r} is not an output of {self!r}. It has {', '.join(self)}; start(all_outputs=True) has more.")
        return self._find_stream(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def context(self) -> Context:
        """The context of the run: enter it to ask for nodes as the run has them."""
        return self._context

    def what_if(self, changes: Mapping[Any, Any]) -> Context:
        """Returns a context in which nodes of the run have other values or functions; enter it and read the outputs.

        What the changes do not touch is shared with the run.

        Args:
            changes: as those of `Flow.what_if`.
        """
        with self._context:
            stated = self._flow._say(changes)
        made = self._flow._branch(put_over(self._context.scenario, stated), f"what if of {self._context.name}")
        vars(made)["_running"] = self._mark
        return made

    @property
    def is_closed(self) -> bool:
        """True once the run was ended."""
        return self._is_closed

    def node(self, name: str) -> Node[Any]:
        """Returns the node of a name: that of its stream, or of its value."""
        with nullcontext() if self._is_in_force() else outermost(self._context):
            return self._flow._node_here(name)

    def marks(self, last: int = 20) -> Table[MarkState]:
        """Returns a table of the marks of each stream: from which item on it rests on what; runs nothing.

        Args:
            last: how many marks of each stream, the last ones.
        """
        with nullcontext() if self._is_in_force() else outermost(self._context):
            view, names = self._flow._here()._here(), list(self._flow._wiring.definitions)
        return tabulate_marks([mark for name in names for mark in list_marks(view, self._flow.name, name, last)])

    def states(self) -> Table[StreamState]:
        """Returns a table of how far each name has come, in a what-if of the run in force or else in the run; runs nothing."""
        return tabulate(self._measure()[0])

    def graph(self) -> RunningGraph:
        """Returns the wiring with how far each name has come, for the pictures of `dug.draw`; runs nothing."""
        return RunningGraph(*self._measure())

    def draw(self, *, by: str | None = None) -> str:
        """Returns a picture of how far the flow has come as a Mermaid flowchart; `dug.draw` makes others of `graph`."""
        return mermaid(self.graph(), by="module" if by == "group" else by)

    def _measure(self) -> tuple[list[StreamState], dict[str, Fact[str]]]:
        seconds = perf_counter() - self._began
        with nullcontext() if self._is_in_force() else outermost(self._context):
            view, reads = self._flow._here()._here(), self._flow._wiring.reads
            facts = {fact.node: fact for fact, _ in self._flow._look()}
        states = [measure(view, self._flow.name, fact, reads.get(name, ()), seconds) for name, fact in facts.items()]
        return states, facts

    async def drain(self) -> None:
        """Reads all outputs to their end, for a flow that is run for what it does.

        Raises:
            Exception: what a function raised, as it is.
        """
        for stream in self.values():
            async with stream.open() as reader:
                async for _ in reader:
                    pass

    async def aclose(self) -> None:
        """Ends the run: returns when every function that nobody else reads has been closed."""
        self._is_closed = True
        held, self._held = self._held, []
        for reader in reversed(held):  # those that read others come first
            _drop_lost(reader)
            await reader.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _sheet(self) -> Sheet:
        return Sheet([Line(repr(self)[1:-1], is_title=True), *self.states()._sheet().parts])

    def __repr__(self) -> str:
        return f"<dug.flow.RunningFlow of {self._flow.name} with {count(len(self), 'output')}>"

    def _find_frame(self) -> OpenContext | None:
        """Returns where its outputs are read: None for the scenario in force, if that is one of the run, else the run's own.

        Raises:
            FlowError: the run is closed, or a memoised function asks outside of the run's scenario.
        """
        if self._is_closed:
            raise FlowError(f"{self!r} is closed. Start the flow again.")
        if self._is_in_force():
            return None
        run = current.get().run
        if run is not None:
            raise FlowError(f"{run.key[0]} reads an output of {self!r}. Enter the context of the run around the call.")
        return make_aside(self._view, None, self._context)

    def _is_in_force(self) -> bool:
        return any(vars(context).get("_running") is self._mark for context in open_contexts())


class _Output(Stream[Any]):
    """A stream of a run, which is read in the scenario of that run wherever it is read."""

    __slots__ = ("_running",)

    def __init__(self, node: Node[Any], running: RunningFlow) -> None:
        super().__init__(node, _KIND, ())
        self._running = running

    def _read(self, start: Any) -> Reader[Any]:
        return Reader(self, start, self._running._find_frame())

    @property
    def state(self) -> str:
        frame = self._running._find_frame()
        return super().state if frame is None else self.state_in(frame.view)

    def __repr__(self) -> str:
        return f"<Stream {self._said}>"


def _drop_lost(reader: Reader[Any]) -> None:
    """Lets those readers of a tape leave it now that nobody has any more, and that would leave it soon."""
    tape = reader._tape
    for ticket, found in () if tape is None else tuple(tape.readers.items()):
        if found() is None and tape is not None:
            tape.leave(ticket)


_KIND: Any = items.node("", "")._function.stream
