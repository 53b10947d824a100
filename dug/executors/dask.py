"""Sweeps on a cluster of Dask: `DaskPool`, what `dug.sweep(..., executor=client)` makes of a client.

A batch is a task.  The scheduler gives up a task with `KilledWorker` after some workers died that had it, *had* and not *ran*: it
suspects whatever lay on a worker that died.  So each scenario of a batch that was given up is asked again with nothing beside it
on any worker; only one that is given up then too has killed its workers.

To send and to fetch is most of what a task costs the client and the scheduler, so as many messages as there are workers are sent
together, while each worker has some ahead, and so many answers are fetched together, where they are there.

A `LocalCluster` forgets a worker that is starting again some seconds after it was lost; where many are lost, it comes to have
none, and nobody would ever answer.  So it is told its size again while somebody waits.

`answer_with` runs in the worker; `_Answer` is what comes of a message, `_Alone` one that is sent when somebody waits for it.
`send_due`, `submit`, `_scatter` and `_gather` send and fetch, `_fetch_done` in one go, `_restore` tells the size; `drain`,
`wait_for`.
"""

import logging
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import groupby, islice
from typing import Any
from weakref import WeakKeyDictionary

import distributed
from distributed import KilledWorker, LocalCluster
from distributed.client import FutureCancelledError

from .._batch.call_site import AHEAD
from ._pools import AnyPool
from ._worker import answer

_logger = logging.getLogger("dug")
_wait: Any = distributed.wait  # it has no annotations
_LOOK_SECONDS = 5.0
"""How long a wait takes until the size of the cluster is looked at."""


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
        self._in_flight: WeakKeyDictionary[_Answer, None] = WeakKeyDictionary()
        """What was sent, and not taken yet, in its order."""
        self._unsent: list[_Answer] = []
        self._bases: dict[str, Any] = {}
        """The bases that the workers have, by digest."""
        threads = client.nthreads()
        self.workers = max(1, sum(threads.values()))
        self._size = len(threads)
        self.ships = "path" if isinstance(client.cluster, LocalCluster) else "bytes"

    def submit(self, message: Any) -> "_Answer":
        """Has a message answered; it is sent with others, when somebody waits for an answer."""
        answer = _Answer(self, message)
        self._unsent.append(answer)
        return answer

    def send_due(self, awaited: "_Answer") -> None:
        """Sends what was not sent yet: for a message that somebody waits for, or as soon as each worker needs another one."""
        if awaited.future is not None and len(self._in_flight) > (AHEAD - 1) * self.workers:
            return
        for _, answers in groupby(self._unsent.copy(), lambda answer: answer.message["base"]["digest"]):
            self.send(list(answers))

    def send(self, answers: "list[_Answer]") -> None:
        """Sends messages with the same base together."""
        messages, data = [answer.message for answer in answers], None
        base = dict(messages[0]["base"])
        if "bytes" in base:
            data = self._scatter(base["digest"], base.pop("bytes"))
        told = [{**message, "base": base} for message in messages]
        futures = self._client.map(answer_with, told, data=data, pure=False)
        for one, future in zip(answers, futures, strict=True):
            one.future = future
            self._in_flight[one] = None
        self._unsent = [answer for answer in self._unsent if answer.future is None]

    def withdraw(self, answer: "_Answer") -> None:
        """Sends a message no more."""
        self._unsent = [other for other in self._unsent if other is not answer]

    def submit_alone(self, message: Any) -> "_Alone":
        """Has a message answered once nothing else is in flight."""
        return _Alone(self, message)

    def drain(self) -> None:
        """Returns when nothing is in flight."""
        for sent in list(self._in_flight):
            with suppress(CancelledError):
                self.wait_for(sent.future)

    def wait_for(self, future: Any) -> None:
        """Returns when a future is done; a local cluster that has lost all its workers has them again until then."""
        while not future.done():
            try:
                _wait([future], timeout=_LOOK_SECONDS)
            except TimeoutError:
                self._restore()

    def fetch(self, answer: "_Answer") -> None:
        """Fetches an answer, which is made again where the worker that had it is lost before it is here."""
        patience = _LOOK_SECONDS
        while answer.said is None:
            self.wait_for(answer.future)
            try:
                self._fetch_done(answer, patience)
            except TimeoutError:
                patience *= 2  # it may be large and on its way
                self._restore()

    def _fetch_done(self, answer: "_Answer", seconds: float) -> None:
        """Fetches an answer that is done, and with it the next ones that are: as many as there are workers."""
        others = (one for one in list(self._in_flight) if one is not answer and one.said is None and one.has_value())
        together = [answer, *islice(others, self.workers - 1)]
        if len(together) > 1:
            with suppress(Exception):  # whichever was lost meanwhile: that of the first is raised below
                values = self._client.sync(self._gather, [one.future for one in together], callback_timeout=seconds)
                for one, said in zip(together, values, strict=True):
                    one.said = said
        if answer.said is None:
            answer.said = answer.future.result(timeout=seconds)

    async def _gather(self, futures: list[Any]) -> Any:
        return await self._client.gather(futures, asynchronous=True)

    def _restore(self) -> None:
        cluster: Any = self._client.cluster
        is_fixed = isinstance(cluster, LocalCluster) and getattr(cluster, "_adaptive", None) is None
        if is_fixed and not cluster.workers:
            _logger.warning("The LocalCluster of a sweep has no worker left, and is told to start %d again.", self._size)
            cluster.scale(self._size)

    def is_loss(self, error: BaseException) -> bool:
        """True when workers died, with a batch or with the last copy of the base."""
        return isinstance(error, (KilledWorker, FutureCancelledError))

    def _scatter(self, digest: str, data: bytes) -> Any:
        held = self._bases.get(digest)
        if held is None or held.status != "finished":  # a base whose last copy went with a worker is sent again
            held = self._bases[digest] = self._client.scatter(data, broadcast=True, hash=False)
        return held


class _Answer:
    """What comes of a message."""

    def __init__(self, pool: DaskPool, message: Any) -> None:
        self._pool, self.message = pool, message
        self.future: Any = None
        """None until it is sent."""
        self.said: Any = None
        """None until it is here."""

    def result(self) -> Any:
        """Returns the answer."""
        self._pool.send_due(self)
        self._pool.fetch(self)
        return self.said

    def has_value(self) -> bool:
        """True when some worker has it."""
        return self.future is not None and self.future.status == "finished"

    def done(self) -> bool:
        """True when it is there."""
        return self.future is not None and bool(self.future.done())

    def cancel(self) -> None:
        """Cancels it where it has not begun."""
        self._pool.withdraw(self)
        if self.future is not None:
            self.future.cancel()


class _Alone:
    """A message that goes to a worker when somebody waits for its answer."""

    def __init__(self, pool: DaskPool, message: Any) -> None:
        self._pool, self._message = pool, message

    def result(self) -> Any:
        """Returns the answer."""
        self._pool.drain()
        answer = _Answer(self._pool, self._message)
        self._pool.send([answer])
        self._pool.fetch(answer)
        return answer.said

    def cancel(self) -> None:
        """It has not begun."""
