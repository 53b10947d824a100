"""`Services`: the processors that this process has, and the runs that it shares with others through a server.

Its verbs: `processor` registers one, `serve` and `perform` work on runs, `open` finds a run, `_start` begins one (for
`flow.start`) and writes its plan, `close`.  `_write_plan` keeps it in the server, `_give_all` gives inputs.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload
from uuid import uuid4

from ..._extras.packages import import_extra
from ..._functions.proxy import name_of
from ..._text.values import show
from ...stores._address import check_address
from ...stores._signing import LEAST_KEY_BYTES, Signing
from .._starting import Wired
from ._claims import Claim, Link, name_owner
from ._crew import Crew, Dispatch, perform
from ._entries import Sealing
from ._errors import ServicesError
from ._keys import Keys
from ._looking import look
from ._plan import make_plan
from ._running import InputGiver, ServicesRun
from ._runs import Runs
from ._stepping import FROM_CHECKPOINT, FROM_START, VALUE_BY_VALUE, Processor

F = TypeVar("F", bound=Callable[..., Any])

FAIL, SKIP = "fail", "skip"
_RESUMES = (FROM_START, VALUE_BY_VALUE, FROM_CHECKPOINT)


class Services(Runs):
    """Processors by name, and the runs of flows whose processors are in several processes; the server is Redis or Valkey.

    Args:
        url: where the server is, as redis-py takes it: ``redis://host:6379/0``, ``rediss://`` with TLS, ``unix://path``.
            With ``?cluster=true`` at its end it is any server of a cluster, which must answer when this is made.
        key: a secret of at least 16 bytes that all services of a run have: everything is signed with it, and what it did not
            sign is refused.  There is no default; without one, whoever can write to the server can change values.
        namespace: the first part of the names of all keys, a text without braces; services with different ones share a server
            and nothing else.
        keep: how many values the server keeps of each stream of the runs that are started here; writers wait for the slowest
            reader.  None: all, until the run is deleted or expires.
        ttl_seconds: after so long without a sign of life of anybody, a run is gone from the server.
        lease_seconds: after so long without a sign of life of a process, others take over what it works on.
        patience_seconds: how long a server that does not answer is asked again; and after how long what was dispatched, and
            nobody began, is dispatched again, each time after twice as long.
        allow_pickle: pickles values without a codec, which needs a `key`.
        dispatch: a coroutine function of the name of a processor and the id of a run, which lets `perform` be called with them
            somewhere, such as on a queue.  None: processors run in the processes that have them and call `serve` or start a run.

    Raises:
        ImportError: redis-py is not installed; the message says what to type.
        ServerLostError: the cluster does not answer.
        ServicesError: the key is too short, pickles are allowed without one, or the namespace has braces.

    Example:
        >>> from dug.flow.services import Services
        >>> services = Services("redis://localhost:6379/0", namespace="etl")
        >>> @services.processor
        ... async def doubled(numbers):
        ...     async for number in numbers:
        ...         yield 2 * number

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        url: str,
        *,
        key: bytes | None = None,
        namespace: str = "dug",
        keep: int | None = None,
        ttl_seconds: float = 86_400.0,
        lease_seconds: float = 10.0,
        patience_seconds: float = 30.0,
        allow_pickle: bool = False,
        dispatch: Dispatch | None = None,
    ) -> None:
        check_address(url, "Services")
        if key is not None and (not isinstance(key, bytes) or len(key) < LEAST_KEY_BYTES):
            raise ServicesError(f"key must be at least {LEAST_KEY_BYTES} bytes. Make one: secrets.token_bytes(32).")
        if allow_pickle and key is None:
            raise ServicesError(
                "Whoever can write to the server could run code in your process by a pickle. Sign what is written: "
                "Services(url, allow_pickle=True, key=secret)."
            )
        if not isinstance(namespace, str) or not namespace or {*namespace} & {*"{}"}:
            said = "namespace must be a text without { and }, between which a cluster looks for the place of a key"
            raise ServicesError(f"{said}, not {show(namespace)}.")
        if keep is not None and (type(keep) is not int or keep < 1):
            raise ServicesError(f"keep must be a number of values, at least 1, or None for all, not {show(keep)}.")
        for name, seconds in (("ttl", ttl_seconds), ("lease", lease_seconds), ("patience", patience_seconds)):
            if not isinstance(seconds, (int, float)) or not seconds > 0:
                raise ServicesError(f"{name}_seconds must be a number of seconds, more than 0, not {show(seconds)}.")
        import_extra("redis", "redis", "Services")
        from ._redis import Server  # optional package: imported where it is used

        signing = None if key is None else Signing(key)
        keys = Keys(namespace, None if signing is None else signing.name)
        server = Server(url, keys, lease_s=lease_seconds, ttl_s=ttl_seconds, patience_s=patience_seconds)
        super().__init__(server, keys, signing, allow_pickle=allow_pickle)
        self._keep, self._dispatch = keep, dispatch
        self._processors: dict[str, Processor] = {}
        self.namespace = namespace
        """The first part of the names of all keys."""

    # Processors

    @overload
    def processor(
        self, fn: F, *, name: str | None = None, resume: str = FROM_START, on_error: str = FAIL, attempts: int = 3
    ) -> F: ...
    @overload
    def processor(
        self, *, name: str | None = None, resume: str = FROM_START, on_error: str = FAIL, attempts: int = 3
    ) -> Callable[[F], F]: ...
    def processor(
        self,
        fn: Any = None,
        *,
        name: str | None = None,
        resume: str = FROM_START,
        on_error: str = FAIL,
        attempts: int = 3,
    ) -> Any:
        """Registers a function as a processor of this process, and returns it; decorates, too.

        Args:
            fn: a function, as flows take it: it reads streams, and gives values.
            name: the name by which runs know it; the default is that of the function.
            resume: where it goes on when its process is gone: ``"start"`` of what it reads; with ``"value"`` at the next value,
                for one that reads one stream and gives for each value what depends on that alone; with ``"checkpoint"`` where
                it called `checkpoint` last.
            on_error: what an error of it does: ``"fail"`` ends its streams; with ``"skip"``, which needs ``resume="value"``, it
                begins again, and leaves out a value that has failed `attempts` times, see `dead_letters`.
            attempts: how often a value is tried before it is skipped.

        Raises:
            ServicesError: another function has the name, or an option is invalid.
        """
        if fn is None:
            return partial(self.processor, name=name, resume=resume, on_error=on_error, attempts=attempts)
        if not callable(fn):
            raise TypeError(f"processor() takes a function, not {show(fn)}.")
        if resume not in _RESUMES:
            raise ServicesError(f"resume must be 'start', 'value' or 'checkpoint', not {show(resume)}.")
        if on_error not in (FAIL, SKIP):
            raise ServicesError(f"on_error must be 'fail' or 'skip', not {show(on_error)}.")
        if on_error == SKIP and resume != VALUE_BY_VALUE:
            raise ServicesError(
                "on_error='skip' leaves out the value that failed, so it must be known which one that is. "
                "Write services.processor(resume='value', on_error='skip')."
            )
        if not isinstance(attempts, int) or attempts < 1:
            raise ServicesError(f"attempts must be a number, at least 1, not {show(attempts)}.")
        named = str(name or getattr(fn, "__name__", ""))
        known = self._processors.get(named)
        if known is not None and known.fn is not fn and not _is_reload(known.fn, fn):
            raise ServicesError(f"two functions are registered as {named!r}. Name one: services.processor(name='...').")
        self._processors[named] = Processor(named, fn, resume, attempts if on_error == SKIP else 0)
        return fn

    @property
    def processors(self) -> tuple[str, ...]:
        """The names of the processors that this process has."""
        return tuple(self._processors)

    def _find_name(self, fn: Callable[..., Any]) -> str:
        """Returns the name of the processor that a function of a flow is."""
        said = getattr(fn, "__dug_processor__", None)
        if said is not None:
            return str(said)
        for name, known in self._processors.items():
            if known.fn is fn:
                return name
        raise ServicesError(
            f"{name_of(fn)} is not a processor of these services. Write @services.processor above it where it is defined, or add "
            "declared(name, *parameters) to the flow for one of another service."
        )

    async def serve(self, *, limit: int = 100) -> None:
        """Works on all steps of all runs for which this process has the processors, until it is cancelled.

        Args:
            limit: how many steps it works on at once; what comes up beyond that is left to other processes, or waits.  Those of
                the oldest run begin nevertheless, so that no two processes wait for each other.

        Raises:
            ServerLostError: the server does not answer.
            ServicesError: no processor is registered, or the limit is not a number of steps.
        """
        if type(limit) is not int or limit < 1:
            raise ServicesError(f"limit must be a number of steps, at least 1, not {show(limit)}.")
        if not self._processors and self._dispatch is None:
            raise ServicesError("no processor is registered. Import the modules with @services.processor before serve().")
        await Crew(self._server, self._processors, self._find_open, self._settle, self._dispatch, limit=limit).work()

    async def perform(self, processor: str, run: str) -> bool:
        """Works on the steps of one processor of one run, to their ends: what a task of a queue does.

        Args:
            processor: the name of a processor that is registered here.
            run: the id of a run.

        Returns:
            Whether a step was ended by this; False if others have it, or it has ended, or waits for its inputs to end.

        Raises:
            ServicesError: the processor is not registered here.
            RunGoneError: the run is not there.
        """
        if processor not in self._processors:
            has = ", ".join(self._processors) or "none"
            raise ServicesError(f"the processor {processor!r} is not registered here; there are: {has}. Import its module.")
        link, ended = await self._server.ask(self._link, run), False
        for step in link.plan.find(processor):
            state = await self._server.ask(look, link)
            if state.find(step.name).state == "free":
                ended |= await perform(link, step, self._processors[processor])
        if self._dispatch is not None:  # what waited for this is to be sent
            await Crew(self._server, {}, lambda: [link], self._settle, self._dispatch).look_once()
        return ended

    # Runs

    async def open(self, run: str) -> ServicesRun:
        """Returns a run that was started, here or elsewhere, with its outputs from their first values.

        One that is not closed is left when it is not used any more.

        Raises:
            RunGoneError: it is not there.
        """
        opened = ServicesRun(await self._server.ask(self._link, run))
        opened.leave_when_unused()
        return opened

    async def _start(self, wired: Wired) -> ServicesRun:
        """Starts a flow: `Flow.start` calls this."""
        plan = make_plan(
            wired,
            uuid4().hex[:16],
            sealing=Sealing("", self._signing, self._allow_pickle),
            find_name=self._find_name,
            keep=self._keep,
            started=time.time(),
        )
        link = self._make_link(plan)
        reads = tuple([tape for tape in plan.asked if tape in plan.keep])
        await self._server.ask(self._server.threads.wait_subscribed)
        running = ServicesRun(link, reads=reads)
        claims = await self._server.ask(self._write_plan, link, running.reader, reads)
        for claim in claims:
            items = wired.items[claim.step.name]
            if isinstance(items, tuple):
                await self._give_all(running, claim, items)
            else:
                running.give(claim, items)
        running.begin(Crew(self._server, self._processors, lambda: [link], self._settle, self._dispatch).work_on)
        return running

    async def _give_all(self, running: ServicesRun, claim: Claim, items: tuple[Any, ...]) -> None:
        """Writes the values of an input; a run that lacks one is not left behind."""
        giving = InputGiver(claim, items)
        await giving.run()
        if giving.error is not None:
            await running.aclose()
            await self._server.ask(self.delete, running.id)
            giving.error.add_note(f"It is a value of the input {claim.step.name!r}, which goes to other services.")
            raise giving.error

    def _write_plan(self, link: Link, reader: str, reads: tuple[str, ...]) -> list[Claim]:
        """Writes a plan, and claims the inputs; then the run can be found."""
        plan, names, server = link.plan, link.names, self._server
        inputs = [step for step in plan.steps if not step.processor]
        owners = {step.name: name_owner() for step in inputs}

        def write() -> None:
            with server.client.pipeline(transaction=True) as pipeline:
                pipeline.set(names.plan, link.sealing.seal("p", "plan", plan.write()), px=server.ttl_ms)
                pipeline.hset(names.run, "started", str(plan.started))
                for tape in plan.keep:
                    for name in plan.readers_of(tape):
                        pipeline.hset(names.readers(tape), name, "0:0")
                    if tape in reads:
                        pipeline.hset(names.readers(tape), reader, "0:0")
                for step in plan.steps:
                    pipeline.hset(names.step(step.name), "epoch", 0)
                    pipeline.pexpire(names.step(step.name), server.ttl_ms)
                for step in inputs:
                    pipeline.set(names.claim(step.name), owners[step.name], px=server.lease_ms)
                    pipeline.hset(names.step(step.name), mapping={"epoch": 1, "owner": owners[step.name]})
                for key in [names.run, *map(names.readers, plan.keep)]:
                    pipeline.pexpire(key, server.ttl_ms)
                pipeline.execute()

        server.trip(write)
        for tape in reads:  # when its lease ends is said by the server's clock
            server.run("lease", [names.run, names.readers(tape)], [reader, server.lease_ms, server.ttl_ms])
        self._note_run(plan.run, plan.started)
        server.publish(plan.run)
        return [Claim(link, step, owners[step.name], {b"epoch": b"1"}) for step in inputs]

    def close(self) -> None:
        """Ends the threads and connections of this process."""
        self._server.close()

    def __repr__(self) -> str:
        return f"<dug.flow.services.Services {self.namespace} on {self._server.shown}>"


def _is_reload(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    """True where a module was imported again, so that its functions are new objects."""
    return (old.__module__, getattr(old, "__qualname__", "")) == (new.__module__, getattr(new, "__qualname__", None))
