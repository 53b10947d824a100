"""`Claim`, the right of this process to work on a step, with its epoch; `claim` takes one; `Link` is a run that is within reach.

A thread prolongs it until it is given back or lost.

`Link` is what works on a run shares: its server, keys, sealing and plan.  `find_checkpoint` finds the `Checkpoint` from which a
step goes on; `name_owner` names this process, `pairs` makes a dict of a hash of the server.
"""

import json
import os
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import field, frozen

from ._entries import Sealing
from ._errors import RunCancelledError, RunGoneError, TamperedError
from ._keys import RunKeys
from ._plan import Plan, Step

if TYPE_CHECKING:
    from ._redis import Server  # it needs redis-py

NOBODY_WAITS = 1 << 53
"""How far a reader is that has ended."""


@frozen
class Link:
    """A run, and how this process reaches it."""

    server: "Server"
    names: RunKeys
    sealing: Sealing
    plan: Plan
    all_keys: tuple[str, ...] = field(init=False)
    lasting_keys: tuple[str, ...] = field(init=False)
    """Those that any process of the run prolongs, with the lists in which others find it.

    A claim is its owner's alone, and must expire when that one is gone.
    """

    def __attrs_post_init__(self) -> None:
        claims = {self.names.claim(step.name) for step in self.plan.steps}
        object.__setattr__(self, "all_keys", tuple(self.plan.keys(self.names)))
        lists = (self.server.keys.runs, self.server.keys.open)
        object.__setattr__(self, "lasting_keys", (*lists, *[key for key in self.all_keys if key not in claims]))

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.plan.run

    def check(self, word: bytes) -> None:
        """Raises the error that a script's first word is.

        Raises:
            RunGoneError: the run is not there.
            RunCancelledError: it was cancelled.
        """
        if word == b"gone":
            raise RunGoneError(self.run, self.server.shown)
        if word == b"cancelled":
            raise RunCancelledError(self.run)


@frozen
class Checkpoint:
    """From where a step goes on."""

    inputs: dict[str, int]
    """How many values of each input need not be read again."""
    counts: dict[str, int]
    """How many values of each tape were given before."""
    state: tuple[str, bytes] | None = None
    """What the body noted, packed."""

    def write(self) -> bytes:
        """Returns it as JSON."""
        state = None if self.state is None else [self.state[0], b64encode(self.state[1]).decode("ascii")]
        return json.dumps([self.inputs, self.counts, state]).encode()

    @classmethod
    def read(cls, data: bytes) -> "Checkpoint":
        """Returns what `write` wrote."""
        inputs, counts, state = json.loads(data)
        return cls(inputs, counts, None if state is None else (state[0], b64decode(state[1])))


class Claim:
    """A step that this process has.

    Args:
        link: the run.
        step: the step.
        owner: how this process is named in the server.
        found: what the server knows of the step.
    """

    def __init__(self, link: Link, step: Step, owner: str, found: dict[bytes, bytes]) -> None:
        self.link, self.step, self.owner = link, step, owner
        self.epoch = int(found[b"epoch"])
        self.counts = {tape: int(found.get(f"n:{tape}".encode(), 0)) for tape in step.outputs}
        """How many values were on each tape when it was taken."""
        self.error: TamperedError | None = None
        """Why the step cannot go on: it is to be ended with this."""
        self.checkpoint = Checkpoint({}, {})
        sealed = found.get(b"checkpoint")
        if sealed is not None:
            opened = link.sealing.open("k", step.name, sealed)
            if opened is None:
                self.error = TamperedError(link.run, f"the checkpoint of {step.name}")
            else:
                self.checkpoint = Checkpoint.read(opened)
        self.has_checkpoint = sealed is not None
        self.on_lost: Callable[[], object] | None = None
        """Called, in a thread, when another process has taken the step over, or the run is gone."""
        self.is_over = False
        """Whether this process has ended the step."""
        self.keys = link.lasting_keys
        self._keys = [link.names.run, link.names.step(step.name), link.names.claim(step.name)]

    def hold(self) -> None:
        """Lets a thread prolong it from now on."""
        self.link.server.threads.held[self] = None

    def prolong(self) -> None:
        """Prolongs it; a thread does so again and again; blocks."""
        server = self.link.server
        if not server.scripts["renew"](self._keys, [self.owner, server.lease_ms]):
            self.drop()
            if self.on_lost is not None:
                self.on_lost()

    def drop(self) -> None:
        """Lets it expire."""
        self.link.server.threads.held.pop(self, None)

    def release(self) -> None:
        """Gives it back, so that another process may begin at once, unless the step has ended; does not wait for the server."""
        self.drop()
        server = self.link.server
        if not self.is_over:
            message = f"{self.link.run}/e:{self.step.name}"
            server.post(server.run, "release", self._keys[1:], [self.owner, server.keys.news, message])


def name_owner() -> str:
    """Returns a name of this process that no other one has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def claim(link: Link, step: Step, owner: str) -> Claim | str:
    """Takes a step, if nobody has it; blocks.

    Returns:
        The claim; or why there is none: ``taken`` or ``done``.

    Raises:
        RunGoneError: the run is not there.
        RunCancelledError: it was cancelled.
    """
    names, server = link.names, link.server
    keys = [names.run, names.step(step.name), names.claim(step.name)]
    word, *found = server.run("claim", keys, [owner, server.lease_ms, server.ttl_ms])
    link.check(word)
    if not found:
        return str(word.decode())
    return Claim(link, step, owner, pairs(found[0]))


def find_checkpoint(link: Link, step: Step) -> Checkpoint:
    """Returns from where a step goes on: from the start where there is no checkpoint that can be used; blocks."""
    sealed = link.server.trip(link.server.client.hget, link.names.step(step.name), "checkpoint")
    opened = None if sealed is None else link.sealing.open("k", step.name, sealed)
    return Checkpoint({}, {}) if opened is None else Checkpoint.read(opened)


def pairs(flat: Sequence[Any]) -> dict[bytes, bytes]:
    """Returns a hash of the server as a dict."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


