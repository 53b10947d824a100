"""`TapeWriter` writes the tapes of a step: what comes up while one trip is under way goes with the next one, all tapes in one go.

A task of its own sends; the body puts.  An append says whose it is, so the server refuses it when another process has taken the
step over.

Its verbs: `begin`, `put`, `kick`, `give_way`, `end`, `close`; `_send_all` is the task, `_write_command` makes an append.  `_take`
takes what waits.
"""

import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from ..._functions.async_driver import backend
from ._bells import Bell
from ._claims import NOBODY_WAITS, Checkpoint, Claim
from ._entries import Packed
from ._errors import ClaimLostError

MOST_VALUES, MOST_BYTES = 512, 64 * 1024
"""How much goes into one entry."""
AHEAD_VALUES, AHEAD_BYTES = 4_096, 1 << 20
"""How much may wait to be sent."""
TURN_S = 0.002
"""After so long the body lets the task send, if it waits for nothing by itself."""


FindCheckpoint = Callable[[dict[str, int]], Checkpoint | None]


class TapeWriter:
    """Writes the tapes of a step.

    Args:
        claim: the right to do so.
        find_checkpoint: returns from where the step could go on, if that moved, of how many values of each tape there will be.
        on_failure: called when nothing can be written any more.
    """

    def __init__(self, claim: Claim, find_checkpoint: FindCheckpoint, on_failure: Callable[[], object]) -> None:
        self._claim, self._link = claim, claim.link
        self._find_checkpoint, self._on_failure = find_checkpoint, on_failure
        self.failure: Exception | None = None
        """Why nothing can be written any more."""
        self.sent = dict(claim.counts)
        """How many values of each tape are in the server."""
        self._waiting: dict[str, list[Packed]] = {tape: [] for tape in claim.step.outputs}
        self._values = self._bytes = 0
        self._is_ending = False
        self._last_turn = time.monotonic()
        self._news, self._done = Bell(), Bell()
        self._is_sending = False
        self._task: Any = None

    def begin(self) -> None:
        """Begins the task that sends."""
        self._task = backend().start(self._send_all, copy_context(), self._done.ring)

    def put(self, tape: str, value: Any) -> bool:
        """Takes a value as it is now; returns True if the caller has to await `give_way` before it goes on.

        Raises:
            CodecError: the value cannot be written.
        """
        packed = self._link.sealing.pack(value)
        self._waiting[tape].append(packed)
        self._values += 1
        self._bytes += len(packed[1])
        if not self._is_sending:
            self._is_sending = True
            self._news.ring()
            return True
        is_full = self._values >= AHEAD_VALUES or self._bytes >= AHEAD_BYTES
        return is_full or time.monotonic() - self._last_turn > TURN_S or self.failure is not None

    def kick(self) -> None:
        """Lets the checkpoint be written, also without values."""
        self._news.ring()

    async def give_way(self) -> None:
        """Lets the task send; returns when there is room for more.

        Raises:
            ServicesError: nothing can be written any more.
        """
        await backend().Sleep().last(0.0)
        while self.failure is None and (self._values >= AHEAD_VALUES or self._bytes >= AHEAD_BYTES):
            await self._done.wait(None)
        self._last_turn = time.monotonic()
        self._raise()

    async def end(self, error: BaseException | None = None) -> None:
        """Ends all tapes, after what was put; returns when the server has it.

        Raises:
            ServicesError: nothing can be written any more.
        """
        self._is_ending = True
        self._news.ring()
        while self._task is not None and self.failure is None and self._is_ending:
            await self._done.wait(None)
        self._raise()
        await self._send({}, None, error, is_end=True)
        self._claim.is_over = True
        self._claim.drop()

    async def close(self) -> None:
        """Ends the task; what was not sent is dropped."""
        if self._task is not None:
            await backend().end([self._task])

    def _raise(self) -> None:
        if self.failure is not None:
            raise self.failure

    # The task

    async def _send_all(self) -> None:
        try:
            while True:
                taken = self._take()
                point = self._find_checkpoint(
                    {tape: sent + sum(map(len, taken.get(tape, ()))) for tape, sent in self.sent.items()}
                )
                if not taken and point is None:
                    if self._is_ending:
                        self._is_ending = False
                        return
                    self._is_sending = False
                    await self._news.wait(None)
                    self._is_sending = True
                else:
                    await self._send(taken, point, None, is_end=False)
                    self._done.ring()
        except Exception as exc:  # noqa: BLE001  whoever puts raises it
            self.failure = exc
            self._on_failure()

    def _take(self) -> dict[str, list[list[Packed]]]:
        """Returns what goes with the next trip, in chunks by tape."""
        taken: dict[str, list[list[Packed]]] = {}
        for tape, waiting in self._waiting.items():
            keep = self._link.plan.keep.get(tape)
            most = MOST_VALUES if keep is None else max(1, min(MOST_VALUES, keep // 4))
            chunks = 8 if keep is None else 1  # with keep=, the next one may have to wait
            count = 0
            for _ in range(chunks):
                chunk: list[Packed] = []
                size = 0
                while count < len(waiting) and len(chunk) < most and size < MOST_BYTES:
                    chunk.append(waiting[count])
                    size += len(waiting[count][1])
                    count += 1
                if chunk:
                    taken.setdefault(tape, []).append(chunk)
                    self._values -= len(chunk)
                    self._bytes -= size
            del waiting[:count]
        return taken

    async def _send(
        self, taken: dict[str, list[list[Packed]]], point: Checkpoint | None, error: BaseException | None, *, is_end: bool
    ) -> None:
        """Makes one append, and waits for room where there is none."""
        server = self._link.server
        keys, args = self._write_command(taken, point, error, is_end=is_end)
        with server.listen(self._link.run, *[f"r:{tape}" for tape in taken]) as bell:
            while True:
                [word] = await server.ask(server.run, "append", keys, args)
                self._link.check(word)
                if word == b"lost":
                    raise ClaimLostError(self._link.run, self._claim.step.name)
                if word == b"written":
                    break
                await bell.wait(server.lease_ms / 1000)  # a reader that is gone tells nobody
        for tape, chunks in taken.items():
            self.sent[tape] += sum(map(len, chunks))

    def _write_command(
        self, taken: dict[str, list[list[Packed]]], point: Checkpoint | None, error: BaseException | None, *, is_end: bool
    ) -> tuple[list[str], list[Any]]:
        """Returns the keys and the arguments of an append."""
        claim, link = self._claim, self._link
        step, names, server, plan = claim.step, link.names, link.server, link.plan
        topic = f"{'e' if is_end else 's'}:{step.name}"
        sealed = b"" if point is None else link.sealing.seal("k", step.name, point.write())
        how = ("" if error is None else "failed") or ("ended" if is_end else "")
        tapes = step.outputs if is_end else tuple(taken)
        keys = [names.run, names.step(step.name), names.claim(step.name)]
        args: list[Any] = [claim.owner, server.lease_ms, server.ttl_ms, claim.epoch, server.keys.news, f"{link.run}/{topic}"]
        args += [sealed, how, len(tapes)]
        for tape in tapes:
            keys += [names.tape(tape), names.readers(tape)]
            count, chunks = self.sent[tape], taken.get(tape, [])
            written: list[Any] = []
            for chunk in chunks:
                written += [count, len(chunk), link.sealing.chunk(tape, count, chunk)]
                count += len(chunk)
            last = link.sealing.last(tape, count, claim.epoch, error) if is_end else b""
            args += [tape, plan.keep.get(tape, 0), len(chunks), last, *written]
        if point is not None or is_end:
            for tape in step.inputs:
                if tape in plan.keep:
                    keys.append(names.readers(tape))
                    args += [step.name, NOBODY_WAITS if point is None else point.inputs.get(tape, 0), f"{link.run}/r:{tape}"]
        return keys, args
