"""Ends inputs whose starters are gone: `give_up` ends one, `Watch` sees to it for a reader where nobody else does.

All claims expire while a server is away, so an input is given up when it was without an owner for a lease: a starter that is
there has its own again before.
"""

import time

from ._claims import Claim, Link, claim, name_owner
from ._errors import StarterLostError
from ._looking import FREE, look
from ._plan import Step
from ._writing import TapeWriter


async def give_up(link: Link, step: Step) -> None:
    """Ends an input with an error, unless somebody has it."""
    found = await link.server.ask(claim, link, step, name_owner())
    if isinstance(found, Claim):
        writer = TapeWriter(found, lambda _: None, bool)
        await writer.end(StarterLostError(link.run, step.name))
        found.release()


class Watch:
    """Watches the input that a reader waits for: workers of a queue read it, and may be alone.

    Args:
        link: the run.
        step: what writes the tape; nothing is done for one that has a processor.
        every_s: how often it looks at most.
    """

    def __init__(self, link: Link, step: Step, every_s: float) -> None:
        self._link, self._step, self._every_s = link, step, every_s
        self._looked = time.monotonic()
        self._free_since: float | None = None

    async def look(self) -> None:
        """Looks whether somebody gives the values, if it is time to; the reader has waited in vain."""
        now, link = time.monotonic(), self._link
        if self._step.processor or now < self._looked + self._every_s:
            return
        self._looked = now
        state = (await link.server.ask(look, link)).find(self._step.name).state
        if state != FREE:
            self._free_since = None
        elif self._free_since is None:
            self._free_since = now
        elif now >= self._free_since + link.server.lease_ms / 1000:
            await give_up(link, self._step)
