"""Values that a processor skips: `Skipper` tries one again and then keeps it as a dead letter; `list_letters` reads these.

A letter is written before the checkpoint behind its value.  Who takes the step over removes those that no checkpoint is behind:
their values are tried again, so that a value is either processed or a letter, and never both.

`DeadLetter` is one of them; `is_of_input` tells an error of what the body read.  `_read_letters` reads them from the server.
"""

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

from attrs import frozen

from ..._inspect.table import Table
from ..._text.values import describe_error, show
from ...codec import CodecError
from ._claims import Claim, Link
from ._entries import Packed, Sealing, read_failure, write_failure
from ._errors import ClaimLostError, ServicesError, TamperedError
from ._plan import Step
from ._reading import Place, read_values

_logger = logging.getLogger("dug")


@frozen
class DeadLetter:
    """A value that a processor with ``on_error="skip"`` could not process."""

    step: str
    number: int
    """Which value of its input it is, from 0."""
    attempts: int
    """How often it was tried."""
    error: BaseException
    """What the last attempt raised."""
    _packed: Packed
    _sealing: Sealing

    @property
    def value(self) -> Any:
        """The value.

        Raises:
            CodecError: this process has not the codec of its type.
        """
        return self._sealing.unpack(self._packed)

    @property
    def shown(self) -> str:
        """The beginning of the value, as text; who looks need not be able to read it."""
        try:
            return show(self.value)
        except CodecError as exc:
            return f"({exc})"


class Skipper:
    """Says of the values of one input of a step which are tried again, and which are skipped.

    Args:
        claim: the step.
        attempts: how often a value is tried.
    """

    def __init__(self, claim: Claim, attempts: int) -> None:
        self._claim, self._link, self._attempts = claim, claim.link, attempts
        self._key = claim.link.names.letters(claim.step.name)
        self._number, self._failed = -1, 0

    def forget_later(self, first: int) -> None:
        """Removes the letters of values that are tried again, from this number on; blocks.

        Raises:
            ServicesError: the step is another process's by now, or the run is over.
        """
        self._change("forget", first)

    async def skips(self, tape: str, number: int, error: Exception) -> bool:
        """Notes that a value failed; returns whether it is skipped now, else it is to be tried again.

        Raises:
            ServicesError: the step is another process's by now, or the run is over.
        """
        self._failed = self._failed + 1 if number == self._number else 1
        self._number = number
        if self._failed < self._attempts:
            return False
        link = self._link
        place = Place(tape, number, say_dropped=lambda _: ServicesError(f"the value {number} of {tape!r} is dropped"))
        async with aclosing(read_values(link, place)) as values:
            value = await anext(values)
        head, data = link.sealing.pack(value)
        said = [self._failed, head, b64encode(data).decode("ascii"), write_failure(error).decode()]
        sealed = link.sealing.seal("d", f"{self._claim.step.name}/{number}", json.dumps(said).encode())
        await link.server.ask(self._write, number, sealed)
        _logger.warning("%r of the run %r skips the value %d of %r: %s", self._claim.step.name, link.run, number, tape,
                        describe_error(error))  # fmt: skip
        return True

    def _write(self, number: int, sealed: bytes) -> None:
        self._change("skip", number, sealed, self._link.server.ttl_ms)

    def _change(self, script: str, *args: Any) -> None:
        link, step = self._link, self._claim.step.name
        keys = [link.names.run, link.names.step(step), self._key]
        word = link.server.run(script, keys, [self._claim.owner, *args])
        link.check(word)
        if word == b"lost":
            raise ClaimLostError(link.run, step)


def is_of_input(error: BaseException | None, failures: list[Exception]) -> bool:
    """Returns whether an error is that of what the body read, or was raised because of it."""
    while error is not None:
        if any(error is one for one in failures):
            return True
        error = error.__cause__ or error.__context__
    return False


def list_letters(link: Link) -> Table[DeadLetter]:
    """Returns the values of a run that were skipped, by step and number; blocks for a trip for each step.

    Raises:
        TamperedError: one was not written by a service with the key.
    """
    letters = [letter for step in link.plan.steps for letter in _read_letters(link, step)]
    return Table(
        letters,
        {
            "step": lambda row: row.step,
            "number": lambda row: row.number,
            "value": lambda row: row.shown,
            "attempts": lambda row: row.attempts,
            "error": lambda row: describe_error(row.error),
        },
    )


def _read_letters(link: Link, step: Step) -> Iterator[DeadLetter]:
    server = link.server
    found = server.trip(server.client.hgetall, link.names.letters(step.name))
    for number in sorted(map(int, found)):
        data = link.sealing.open("d", f"{step.name}/{number}", found[b"%d" % number])
        if data is None:
            raise TamperedError(link.run, f"the dead letters of {step.name}", number)
        attempts, head, text, failure = json.loads(data)
        packed = head, b64decode(text)
        yield DeadLetter(step.name, number, attempts, read_failure(failure.encode()), packed, link.sealing)
