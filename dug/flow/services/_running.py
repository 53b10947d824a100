"""A run that services share, as one process sees it: `ServicesRun`, its outputs by name, each a stream from the start.

`InputGiver` gives the values of one input to the run; `iterate` goes through a collection or a generator.  A run has `state`,
`states`, `drain`, `give`, `begin`, `aclose`, `leave_when_unused`.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from contextvars import copy_context
from typing import Any, Self
from uuid import uuid4
from weakref import finalize

from ..._contexts.context import Context
from ..._functions.async_driver import backend
from ..._functions.stream import Stream
from ..._inspect.table import Table
from ...errors import DroppedError
from .._errors import FlowError
from ._claims import Claim, Link
from ._errors import ServicesError
from ._looking import RunState, StepState, look, tabulate_steps
from ._raised import find_ending
from ._reading import Lease, Place, TapeStream
from ._writing import TapeWriter


class ServicesRun(Mapping[str, Stream[Any]]):
    """The outputs of a run, by name; leaving ``async with`` ends what this process does for it, and the run goes on elsewhere."""

    def __init__(self, link: Link, *, reads: tuple[str, ...] = ()) -> None:
        self._link = link
        self._context = Context(name=f"run {link.run} of {link.plan.flow}")
        self._streams: dict[str, TapeStream] = {}
        self.reader = f"reader:{uuid4().hex[:12]}"
        """By which name the server knows that this reads."""
        self._tasks: list[Any] = []
        self._is_closed = False
        self._lease = Lease(link, reads, self.reader)
        link.server.threads.held[self._lease] = None

    @property
    def id(self) -> str:
        """The id of the run, by which other processes open it."""
        return self._link.run

    @property
    def context(self) -> Context:
        """The context in which its streams are read: enter it for memoised functions that read them."""
        return self._context

    def __getitem__(self, name: str) -> Stream[Any]:
        plan = self._link.plan
        if name not in plan.tapes:
            raise KeyError(f"{name!r} is not an output of {self!r}. It has {', '.join(plan.tapes)}.")
        if name not in self._streams:
            keep = plan.keep.get(name)

            def say_dropped(first: int) -> Exception:
                return DroppedError(f"{plan.flow}.{name} of the run {plan.run}", 0, first, keep)

            waits = name in self._lease.tapes
            lease_ms = self._link.server.lease_ms if waits else 0
            place = Place(name, 0, self.reader if waits else "", lease_ms, say_dropped=say_dropped)
            self._streams[name] = TapeStream(self._link, place, self._context, keep=keep, find_end=self._find_end)
        return self._streams[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._link.plan.asked)

    def __len__(self) -> int:
        return len(self._link.plan.asked)

    def _find_end(self) -> Exception | None:
        return FlowError(f"{self!r} is closed. Open it again: await services.open({self.id!r}).") if self._is_closed else None

    async def state(self) -> RunState:
        """Returns how far the run is.

        Raises:
            RunGoneError: it is not there any more.
        """
        found: RunState = await self._link.server.ask(look, self._link)
        return found

    async def states(self) -> Table[StepState]:
        """Returns a table of how far each step is.

        Raises:
            RunGoneError: the run is not there any more.
        """
        return tabulate_steps(await self.state())

    async def drain(self) -> None:
        """Reads all outputs to their end, for a flow that is run for what it does.

        Raises:
            Exception: what a processor raised.
        """
        for stream in self.values():
            async with stream.open() as reader:
                async for _ in reader:
                    pass

    def begin(self, work: Callable[[], Any]) -> Any:
        """Begins a task that ends with this, and returns it."""
        task = backend().start(work, copy_context(), bool)
        self._tasks.append(task)
        return task

    def give(self, claim: Claim, items: Any) -> None:
        """Begins to give values to an input, of a generator function, until that ends or the run is over."""
        giving = InputGiver(claim, items)
        giving.cancel = claim.on_lost = self.begin(giving.run).cancel_threadsafe

    def leave_when_unused(self) -> None:
        """Lets this process leave the run when it holds neither this nor a stream of it any more."""
        finalize(self, _leave, self._lease, self._tasks).atexit = False

    async def aclose(self) -> None:
        """Ends what this process does for the run: its readers, and the steps that it works on, which others may take."""
        if not self._is_closed:
            self._is_closed = True
            self._lease.end()
            tasks, self._tasks = self._tasks, []
            await backend().end(tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<dug.flow.services.ServicesRun {self._link.run} of {self._link.plan.flow}>"


def _leave(lease: Lease, tasks: list[Any]) -> None:
    lease.end()
    for task in tasks:
        task.cancel_threadsafe()


class InputGiver:
    """Gives the values of one input.

    Args:
        claim: the input.
        items: a collection of them; or a generator function without parameters.
    """

    def __init__(self, claim: Claim, items: Any) -> None:
        self._claim, self._items = claim, items
        self._writer = TapeWriter(claim, lambda _: None, self._cancel)
        self.error: Exception | None = None
        """What the user's generator raised, or why a value cannot be written: the input ends with it."""
        self.cancel: Callable[[], object] = bool
        """Called when nothing can be written any more, and no value is there to be told so."""

    def _cancel(self) -> None:
        self.cancel()

    async def run(self) -> None:
        """Gives all values."""
        [tape] = self._claim.step.outputs
        self._claim.hold()
        self._writer.begin()
        try:
            try:
                async with aclosing(iterate(self._items)) as items:
                    async for item in items:
                        if self._writer.put(tape, item):
                            await self._writer.give_way()
            except BaseException as exc:  # whatever the user's generator raises ends the input
                if exc is self._writer.failure:
                    raise
                self.error = find_ending(exc, f"the input {tape!r} of the run {self._claim.link.run!r}")
                if self.error is None:
                    raise
                await self._writer.end(self.error)
            else:
                await self._writer.end()
        except ServicesError:
            pass  # the run is over, and who reads it hears why
        finally:
            await self._writer.close()
            self._claim.release()


async def iterate(items: Any) -> AsyncGenerator[Any, None]:
    """Yields the items of a collection, or of a generator function, async or not, which is closed at the end."""
    made = items() if callable(items) else items
    if hasattr(made, "__aiter__"):
        try:
            async for item in made:
                yield item
        finally:
            await made.aclose()
    else:
        try:
            for item in made:
                yield item
        finally:
            if callable(items):
                made.close()
