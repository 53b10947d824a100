"""The spelling of Datagraph on flows of dug: `Processor`, `Flow`, `IO`, `IOVal`, `Depends`, `Supervisor`, `LocalExecutor`.

Without ``redis_config`` everything runs in the process and on the loop that starts the flow, and no server is needed.  With it,
the processes that attach a supervisor to one server share runs: `dug.flow.services` does what Datagraph's executors do.

A processor is a node called ``name()``, its inputs and outputs are nodes of their names.

`_make_step` makes the function of a processor's node; `_Instance` gives the supervisor; `UnresolvedFlowError` and
`UnregisteredProcessorError` are Datagraph's own.  `Supervisor` has `attach`, `start_flow`, `serve`, `shutdown`; `Flow.resolve`
wires; `IO` has `stream`, `first`, `stream_with`, `as_available`.
"""

import inspect
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from attrs import field, frozen

from ..errors import CycleError
from ..flow import Depends, DuplicateNameError, FloatingInputError, FlowError, RunningFlow
from ..flow import Flow as NamedFlow
from ..flow import Output as IOVal
from ..flow._processors import open_items
from ..streams import Stream, merge
from ._datagraph_executors import CeleryExecutor, Executor, LocalExecutor, is_open, make_services

if TYPE_CHECKING:
    from ..flow.services import Services, ServicesRun

__all__ = [
    "IO",
    "CeleryExecutor",
    "CyclicFlowError",
    "Depends",
    "DuplicateIOError",
    "Executor",
    "FloatingIOError",
    "Flow",
    "IOVal",
    "LocalExecutor",
    "Processor",
    "Supervisor",
    "Task",
    "UnregisteredProcessorError",
    "UnresolvedFlowError",
]

T_co = TypeVar("T_co", covariant=True)
F = TypeVar("F", bound=Callable[..., Any])

CyclicFlowError = CycleError
DuplicateIOError = DuplicateNameError
FloatingIOError = FloatingInputError

_NO_PAD: Any = object()


class UnresolvedFlowError(FlowError):
    """A flow was started before ``flow.resolve()``."""


class UnregisteredProcessorError(FlowError, LookupError):
    """No function is registered for a processor."""


class IO(Generic[T_co]):
    """A named stream of a run: what a processor reads, and what a start returns."""

    def __init__(self, name: str, values: Stream[T_co], run: "ServicesRun | None" = None) -> None:
        self._run = run
        self.name = name
        """The name of the stream."""
        self.values = values
        """The stream itself, with all that dug's streams can."""

    def stream(self) -> AsyncIterator[T_co]:
        """Returns an iterator over all values, from the first."""
        return self.values.open()

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self.stream()

    async def first(self) -> T_co:
        """Returns the first value.

        Raises:
            LookupError: there is none.
        """
        return await self.values.first()

    async def list(self) -> list[T_co]:
        """Returns all values, once the stream has ended."""
        return await self.values.list()

    async def is_complete(self) -> bool:
        """Returns whether the stream has ended."""
        if self._run is None:
            return self.values.state in ("ended", "failed")
        return any(self.name in step.items and step.state in ("ended", "failed") for step in (await self._run.state()).steps)

    async def stream_with(
        self, *others: "IO[Any]", pad: Any = _NO_PAD, strict_when_no_pad: bool = False
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Yields tuples of the first values, of the second ones, and so on; reads from the first value.

        Args:
            others: the other streams.
            pad: what stands in the place of values of a stream that has ended; without it, the shortest ends all.
            strict_when_no_pad: whether, without `pad`, streams of different length are an error.

        Raises:
            ValueError: one stream is shorter than another, and `strict_when_no_pad`.
        """
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(one.values.open()) for one in (self, *others)]
            while True:
                row = [await anext(reader, _NO_PAD) for reader in readers]
                ended = [one for one in row if one is _NO_PAD]
                if len(ended) == len(row) or (ended and pad is _NO_PAD):
                    if len(ended) < len(row) and strict_when_no_pad:
                        raise ValueError(f"{self.name!r} and {', '.join(repr(one.name) for one in others)} differ in length.")
                    return
                yield tuple([pad if one is _NO_PAD else one for one in row])

    async def as_available(self, *others: "IO[Any]") -> AsyncGenerator[Any, None]:
        """Yields the values of several streams as they come, until all have ended."""
        async with merge(*[one.values for one in (self, *others)]) as found:
            async for value in found:
                yield value

    def __repr__(self) -> str:
        return f"IO({self.name!r}, {self.values!r})"


@frozen
class Processor:
    """A step with named inputs and outputs; decorates the function that does it."""

    name: str
    """The name by which its function is registered."""
    inputs: frozenset[str] = field(converter=frozenset, default=())
    """The names of the streams that it reads."""
    outputs: frozenset[str] = field(converter=frozenset, default=())
    """The names of the streams that it gives."""
    wait: bool = False
    """Whether it begins only when its inputs have ended."""

    def __call__(self, fn: F) -> F:
        """Registers the function, and returns it."""
        Supervisor.functions[self.name] = fn
        Supervisor.processors[self.name] = self
        if Supervisor.attached is not None:
            Supervisor.attached._serve(self)
        return fn


Task = Processor
"""What processors were called in early versions."""


class Flow:
    """Processors wired by the names of their streams.

    Args:
        processors: the processors.
    """

    def __init__(self, processors: Iterable[Processor]) -> None:
        self.processors = tuple(processors)
        """Its processors, as they were given."""
        self.flow: NamedFlow | None = None
        """The flow of dug that runs it, for what-ifs and pictures; None before `resolve`."""

    @classmethod
    def from_processors(cls, *processors: Processor) -> Self:
        """Returns a flow of processors."""
        return cls(processors)

    @classmethod
    def from_tasks(cls, *tasks: Processor) -> Self:
        """Returns a flow of processors."""
        return cls(tasks)

    @property
    def resolved(self) -> bool:
        """Whether `resolve` was called."""
        return self.flow is not None

    def resolve(self) -> Self:
        """Wires the processors, and returns the flow.

        Raises:
            DuplicateIOError: two processors give one output, or have one name.
            CyclicFlowError: a processor reads what comes of its own output.
        """
        flow = NamedFlow()
        for processor in self.processors:
            node = _node_of(processor)
            if node in flow:
                raise DuplicateIOError(f"two processors are named {processor.name!r}. Rename one.")
            inputs = {name: name for name in sorted(processor.inputs)}
            wait = processor.wait and bool(inputs)
            flow.add(_make_step(processor), node, inputs=inputs, outputs=sorted(processor.outputs), wait=wait)
        flow.order()
        self.flow = flow
        return self

    def draw(self) -> str:
        """Returns a picture of the wiring as a Mermaid flowchart.

        Raises:
            UnresolvedFlowError: it is not resolved.
        """
        return self._resolved().draw()

    def _resolved(self) -> NamedFlow:
        if self.flow is None:
            raise UnresolvedFlowError("the flow is not resolved. Call flow.resolve() first.")
        return self.flow


class _Instance:
    """Gives the supervisor: ``Supervisor.instance``, and ``Supervisor.instance()`` as well, since a supervisor returns itself."""

    def __get__(self, _: object, owner: "type[Supervisor]") -> "Supervisor":
        if owner.attached is None:
            raise FlowError("no supervisor is attached. Write Supervisor.attach(executor=LocalExecutor()) before.")
        return owner.attached


class Supervisor:
    """Starts flows, in this process, or in all that share its server."""

    functions: ClassVar[dict[str, Callable[..., Any]]] = {}
    """The functions of processors, by the names of these."""
    processors: ClassVar[dict[str, Processor]] = {}
    """The processors that have functions, by name."""
    attached: "ClassVar[Supervisor | None]" = None
    """The supervisor of this process; None before `attach`."""
    instance: ClassVar[_Instance] = _Instance()
    """That supervisor, with or without a call."""

    def __init__(self, executor: Executor | None = None, services: "Services | None" = None) -> None:
        self.executor = executor or LocalExecutor()
        self.services = services
        """What shares runs with other processes, to look after them; None without a server."""
        self._at_work: list[tuple[RunningFlow, list[str]]] = []
        """The runs of flows with processors that give nothing, and the nodes of those: nobody holds a stream of theirs."""
        self._shared: list[ServicesRun] = []
        """Those of them that are in a server."""
        for processor in self.processors.values():
            self._serve(processor)

    def __call__(self) -> Self:
        """Returns itself."""
        return self

    @classmethod
    def attach(
        cls,
        executor: Executor | None = None,
        *,
        redis_config: Mapping[str, Any] | None = None,
        serialization_secret: str | bytes | None = None,
        namespace: str = "datagraph",
        **settings: Any,
    ) -> "Supervisor":
        """Makes the supervisor of this process, and returns it.

        Args:
            executor: a `LocalExecutor`, which is the default, or a `CeleryExecutor`.
            redis_config: ``{"url": "redis://localhost:6379/0"}``, where processes share runs; None: all runs in this process.
            serialization_secret: signs what is written there, of at least 16 bytes, the same in all processes; no default.
            namespace: those who share a server and not their runs have different ones.
            settings: other settings of Datagraph, which dug does not need: it warns of them.

        Raises:
            FlowError: a `CeleryExecutor` has no server; or ``redis_config`` has no url, or more.
        """
        if redis_config is None and serialization_secret is not None:
            settings["serialization_secret"] = serialization_secret
        if settings:
            why = "without redis_config dug connects to no server" if redis_config is None else "dug has no such setting"
            warnings.warn(f"{why}: {', '.join(settings)} has no effect. Leave it out.", stacklevel=2)
        services = None if redis_config is None else make_services(executor, redis_config, serialization_secret, namespace)
        if services is None and isinstance(executor, CeleryExecutor):
            raise FlowError(
                "CeleryExecutor needs a server, where processes share runs. Write Supervisor.attach(executor=..., "
                "redis_config={'url': 'redis://localhost:6379/0'})."
            )
        cls.attached = Supervisor(executor, services)
        return cls.attached

    def _serve(self, processor: Processor) -> None:
        """Lets this process work on a processor of any run."""
        if self.services is not None:
            self.services.processor(_make_step(processor), name=processor.name)

    async def serve(self) -> None:
        """Works on the processors of this process in all runs of the server, until it is cancelled.

        Raises:
            FlowError: there is no server.
        """
        if self.services is None:
            raise FlowError("there is no server. Write Supervisor.attach(redis_config={'url': 'redis://localhost:6379/0'}).")
        await self.services.serve()

    def shutdown(self) -> None:
        """Ends the connections to the server."""
        if self.services is not None:
            self.services.close()

    async def start_flow(
        self,
        flow: Flow,
        inputs: Iterable[IOVal[Any]] | None = None,
        all_outputs: bool = False,  # noqa: FBT001, FBT002  as there
    ) -> dict[str, IO[Any]]:
        """Starts a flow and returns its streams by name: those that nothing reads, or all outputs.

        Every start is a run of its own.  It ends when nobody holds a stream of it any more, and the processors without outputs
        have ended; with a server, this process leaves it then, and the others go on.

        Args:
            flow: a resolved flow.
            inputs: the values of inputs, several of one name for a stream of several.
            all_outputs: whether to return the streams that processors of the flow read, too.

        Raises:
            UnresolvedFlowError: the flow is not resolved.
            FloatingIOError: an input has no value.
            UnregisteredProcessorError: a processor has no function, and without a server no other process can have one.
        """
        named = flow._resolved()
        given: dict[str, list[Any]] = {}
        for value in inputs or ():
            given.setdefault(value.name, []).append(value.value)
        silent = [_node_of(one) for one in flow.processors if not one.outputs]
        outputs = [name for one in flow.processors for name in sorted(one.outputs)]
        asked = [name for name in outputs if all_outputs or name in named.outputs()]
        if self.services is not None:
            shared = await self._start_shared(named, given, self.services, holds=bool(silent))
            return {name: IO(name, shared[name], shared) for name in asked}
        for processor in flow.processors:
            _find_function(processor)
        running: RunningFlow = await named.start(given, all_outputs=True)
        self._at_work = [(one, nodes) for one, nodes in self._at_work if any(one[node].state == "open" for node in nodes)]
        if silent:
            self._at_work.append((running, silent))
        return {name: IO(name, running[name]) for name in asked}

    async def _start_shared(
        self, named: NamedFlow, given: Mapping[str, Any], services: "Services", *, holds: bool
    ) -> "ServicesRun":
        """Starts a flow on the server; this process leaves the run when it holds no stream, and no processor gives nothing."""
        run = await named.start(given, all_outputs=True, on=services)
        run.leave_when_unused()
        self._shared = [one for one in self._shared if await is_open(one)]
        if holds:
            self._shared.append(run)
        return run


def _node_of(processor: Processor) -> str:
    return f"{processor.name}()"


def _find_function(processor: Processor) -> Callable[..., Any]:
    fn = Supervisor.functions.get(processor.name)
    if fn is None:
        raise UnregisteredProcessorError(
            f"no function is registered for the processor {processor.name!r}. Import the module that decorates one with it."
        )
    return fn


def _make_step(processor: Processor) -> Callable[..., AsyncGenerator[Any, None]]:
    """Returns the function of the node of a processor."""

    async def step(**streams: Stream[Any]) -> AsyncGenerator[Any, None]:
        fn = _find_function(processor)
        parameters = inspect.signature(fn).parameters
        takes_all = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
        ios = {name: IO(name, stream) for name, stream in streams.items() if takes_all or name in parameters}
        async with aclosing(open_items(fn, (), ios, processor.outputs)) as items:
            async for item in items:
                yield item

    step.__dug_processor__ = processor.name  # type: ignore[attr-defined]  # by which services know it
    return step
