"""What services cost: values that go to another process, through one processor there, and back; first values, and errors.

Beside them is what one writes by hand with redis-py: a loop in another process that reads a stream and writes another one, a
thousand entries a trip, without claims, checkpoints, signatures or ends.  Values and messages go through a server of Redis that
listens on a socket in a folder of its own.  ``python -m benchmarks.services URL`` is the other process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from dug.flow import Flow
from dug.flow.services import Services, declared

from ._harness import Case, Contender

NAMESPACE = "benchmarks"
AT_ONCE = 1_000
"""How many entries a trip of the loop by hand has."""
MOST_WAITS = 10
"""How many waits a sample has at most."""
Find = Callable[[], float]


@attrs.frozen
class Sizes:
    """How many values go through a processor in one run."""

    values: int = 10_000


def find_missing() -> tuple[str, ...]:
    """What is not installed of what the cases need."""
    return (*(() if find_spec("redis") else ("redis",)), *(() if shutil.which("redis-server") else ("redis-server",)))


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of services, the first contender of which is a loop of redis-py."""
    if find_missing():
        return
    with TemporaryDirectory() as folder, _serving(Path(folder)) as url, _working(url) as pid:
        dug, by_hand = _Shared(url), _ByHand(url)
        for what, now in (("by the wall", time.perf_counter), ("CPU of both processes", lambda: _cpu_of_both(pid))):
            timed = [
                Contender("redis-py, by hand", _repeat(by_hand.pass_values, sizes.values, now)),
                Contender("dug", _repeat(dug.pass_values, sizes.values, now)),
            ]
            yield Case(f"value through another process, {what}", "value", tuple(timed), per=sizes.values)
        yield Case("first value from another process", "wait", _waits(by_hand.wait_for_message, dug.wait_for_value))
        yield Case("error from another process", "wait", _waits(by_hand.wait_for_message, dug.wait_for_error))
        dug.close()


def _repeat(work: Callable[[int], object], values: int, now: Find) -> Callable[[int], float]:
    def run(number: int) -> float:
        started = now()
        for _ in range(number):
            work(values)
        return now() - started

    return run


def _waits(by_hand: Find, dug: Find) -> tuple[Contender, ...]:
    """The contenders of a case of waits, which measure themselves: from the clock of one process to that of the other one."""

    def make(wait: Find) -> Callable[[int], float]:
        def run(number: int) -> float:
            count = min(number, MOST_WAITS)  # between two waits is more time than in one
            return number * sum(wait() for _ in range(count)) / count

        return run

    return Contender("redis-py, by hand", make(by_hand)), Contender("dug", make(dug))


def _cpu_of_both(pid: int) -> float:
    """Returns the CPU seconds of this process and of the other one, whose clock has a number that is made of its id."""
    return time.process_time() + time.clock_gettime((~pid << 3) | 2)


# With dug


class _Shared:
    """Runs of flows whose only processor is in the other process."""

    def __init__(self, url: str) -> None:
        self._services = Services(url, namespace=NAMESPACE)
        self.close = self._services.close

    def pass_values(self, values: int) -> None:
        """Gives so many values, and reads what comes back."""
        asyncio.run(self._pass_values(values))

    async def _pass_values(self, values: int) -> None:
        async def numbers() -> Any:
            for number in range(values):
                yield number

        count = 0
        async with await self._start("passed", numbers) as run, run["passed"].open() as reader:
            async for _ in reader:
                count += 1
        assert count == values
        self._services.delete(run.id)

    def wait_for_value(self) -> float:
        """Returns how long the first value takes from the processor to here."""
        return asyncio.run(self._wait(is_error=False))

    def wait_for_error(self) -> float:
        """Returns how long an error takes from where it is raised to here."""
        return asyncio.run(self._wait(is_error=True))

    async def _wait(self, *, is_error: bool) -> float:
        async def numbers() -> Any:
            await asyncio.sleep(0.01)  # until who reads is waiting
            yield is_error

        async with await self._start("stamped", numbers) as run, run["stamped"].open() as reader:
            try:
                text = await anext(reader)
            except ValueError as exc:
                text = exc.args[0]
            seconds = time.time() - float(text)
        self._services.delete(run.id)
        return seconds

    async def _start(self, name: str, numbers: Any) -> Any:
        return await Flow(declared(name, "numbers")).start({"numbers": numbers}, on=self._services)


def _make_processors(url: str) -> Services:
    services = Services(url, namespace=NAMESPACE)

    @services.processor
    async def passed(numbers: Any) -> Any:
        async for number in numbers:
            yield number

    @services.processor
    async def stamped(numbers: Any) -> Any:
        async for is_error in numbers:
            if is_error:
                raise ValueError(repr(time.time()))
            yield repr(time.time())

    return services


# By hand


class _ByHand:
    """The same with redis-py."""

    def __init__(self, url: str) -> None:
        from redis import Redis  # an optional package

        self._client = Redis.from_url(url)

    def pass_values(self, values: int) -> None:
        """Writes so many entries to a stream, and reads what comes back."""
        client = self._client
        for stream in ("asked", "answered"):
            client.xtrim(stream, maxlen=0, approximate=False)  # it knows its last entry, which one that is deleted does not
        written, found, last = 0, 0, b"0"
        while found < values:
            if written < values:
                with client.pipeline(transaction=False) as pipeline:
                    for number in range(written, min(written + AT_ONCE, values)):
                        pipeline.xadd("asked", {"v": number})
                        written += 1
                    pipeline.execute()
            for _, entries in client.xread({"answered": last}, count=AT_ONCE, block=1 if written < values else 1_000) or ():
                found, last = found + len(entries), entries[-1][0]

    def wait_for_message(self) -> float:
        """Returns how long a message takes from the other process to here."""
        self._client.xadd("asked", {"w": 1})
        [_, stamp] = self._client.blpop(["stamp"])
        return time.time() - float(stamp)


def _answer(url: str) -> None:
    """Passes on what is in a stream, for ever."""
    from redis import Redis  # an optional package

    client, last = Redis.from_url(url), b"0"
    while True:
        for _, entries in client.xread({"asked": last}, count=AT_ONCE, block=1_000) or ():
            last = entries[-1][0]
            with client.pipeline(transaction=False) as pipeline:
                for _, fields in entries:
                    if b"w" in fields:
                        pipeline.rpush("stamp", repr(time.time()))
                    else:
                        pipeline.xadd("answered", fields)
                pipeline.execute()


# The other processes


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Gives the address of a server, and stops it at the end."""
    from redis import Redis  # an optional package
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    socket = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with Redis(unix_socket_path=str(socket), retry=Retry(ConstantBackoff(0.01), 1_000)) as client:
            client.ping()
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def _working(url: str) -> Iterator[int]:
    """Gives the id of the other process, once it answers, and kills it at the end."""
    from redis import Redis  # an optional package

    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    worker = subprocess.Popen([sys.executable, "-m", "benchmarks.services", url], env=environment)
    try:
        with Redis.from_url(url) as client:
            while client.blpop(["ready"], timeout=1) is None:
                if worker.poll() is not None:
                    raise RuntimeError("the other process of the benchmark of services has ended")
        yield worker.pid
    finally:
        worker.kill()
        worker.wait()


async def _work(url: str) -> None:
    from redis import Redis  # an optional package

    services = _make_processors(url)
    async with asyncio.TaskGroup() as group:
        group.create_task(services.serve())
        group.create_task(asyncio.to_thread(_answer, url))
        with Redis.from_url(url) as client:
            client.rpush("ready", 1)


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))
