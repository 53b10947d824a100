"""Sweeps on a cluster of Dask: `DaskPool`, what `dug.sweep(..., executor=client)` makes of a client.

A batch is a task.  The scheduler gives up a task with `KilledWorker` after some workers died that had it, *had* and not *ran*: it
suspects whatever lay on a worker that died.  So each scenario of a batch that was given up is asked again with nothing beside it
on any worker; only one that is given up then too has killed its workers.
"""

from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import distributed
from distributed import KilledWorker, LocalCluster
from distributed.client import FutureCancelledError

from ._pools import AnyPool
from ._worker import answer

_wait: Any = distributed.wait  # it has no annotations


def answer_with(message: dict[str, Any], data: bytes | None) -> dict[str, Any]:
    """Answers a message in a worker; `data` is its base, where that does not lie in a folder which all see."""
    return answer(message if data is None else {**message, "base": {**message["base"], "bytes": data}})


class DaskPool(AnyPool):
    """The workers of a client's cluster."""

    batch_seconds = 0.2
    """A task costs some milliseconds of the client and the scheduler, whatever is in it."""
    can_retry = True
    no_limit = "Dask suspects whatever else that process has."

    def __init__(self, client: Any) -> None:
        self._client = client
        self._in_flight: WeakSet[Any] = WeakSet()
        self._bases: dict[str, Any] = {}
        """The bases that the workers have, by digest."""
        self.workers = max(1, sum(client.nthreads().values()))
        self.ships = "path" if isinstance(client.cluster, LocalCluster) else "bytes"

    def submit(self, message: Any) -> Any:
        """Has a message answered."""
        base, data = dict(message["base"]), None
        if "bytes" in base:
            data = self._scatter(base["digest"], base.pop("bytes"))
        future = self._client.submit(answer_with, {**message, "base": base}, data, pure=False)
        self._in_flight.add(future)
        return future

    def submit_alone(self, message: Any) -> "_Alone":
        """Has a message answered once nothing else is in flight."""
        return _Alone(self, message)

    def drain(self) -> None:
        """Returns when nothing is in flight."""
        for future in list(self._in_flight):
            with suppress(CancelledError):
                _wait([future])

    def is_loss(self, error: BaseException) -> bool:
        """True when workers died, with a batch or with the last copy of the base."""
        return isinstance(error, (KilledWorker, FutureCancelledError))

    def _scatter(self, digest: str, data: bytes) -> Any:
        held = self._bases.get(digest)
        if held is None or held.status != "finished":  # a base whose last copy went with a worker is sent again
            held = self._bases[digest] = self._client.scatter(data, broadcast=True, hash=False)
        return held


class _Alone:
    """A message that goes to a worker when somebody waits for its answer."""

    def __init__(self, pool: DaskPool, message: Any) -> None:
        self._pool, self._message = pool, message

    def result(self) -> Any:
        """Returns the answer."""
        self._pool.drain()
        return self._pool.submit(self._message).result()

    def cancel(self) -> None:
        """It has not begun."""
