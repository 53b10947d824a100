"""The errors of runs that services share: each names the run, what is wrong, and what to type.

The parent is `ServicesError`; a run can be gone, cancelled or tampered with (`RunGoneError`, `RunCancelledError`,
`TamperedError`), state, starter, server or claim be lost, or a key be another's (`OtherKeyError`).
"""

from .._errors import FlowError


class ServicesError(FlowError):
    """The parent of the errors that only services raise."""


class RunGoneError(ServicesError, LookupError):
    """A run is not in the server: it was deleted, it expired, or the server lost its data."""

    def __init__(self, run: str, server: str) -> None:
        self.run = run
        super().__init__(
            f"The run {run!r} is not on {server}: it was deleted, it expired (ttl_seconds=), the server was restarted without "
            "its data or evicts keys, or it was started with another key= or namespace=. Start the flow again."
        )


class RunCancelledError(ServicesError):
    """A run was cancelled."""

    def __init__(self, run: str) -> None:
        self.run = run
        super().__init__(f"The run {run!r} was cancelled. To go on with it, type services.retry({run!r}).")


class TamperedError(ServicesError, ValueError):
    """Something in the server was not signed with the key of the services for the place where it is, or is missing there."""

    def __init__(self, run: str, what: str, position: int | None = None, reason: str | None = None) -> None:
        self.run, self.what, self.position = run, what, position
        where = "" if position is None else f" at position {position}"
        super().__init__(
            f"The entry of {what!r}{where} in the run {run!r} {reason or 'was not signed with this key for that place'}: it is "
            f"not used. Find who else writes to the server, and type services.delete({run!r})."
        )


class StateLostError(ServicesError):
    """A step lost its process, and what it had read is dropped."""

    def __init__(self, run: str, step: str, keep: int | None) -> None:
        self.run, self.step, self.keep = run, step, keep
        super().__init__(
            f"{step!r} of the run {run!r} lost its process and cannot begin again: what it had read is dropped (keep={keep}). "
            "Register it with resume='value' or resume='checkpoint', or start the flow without keep=."
        )


class StarterLostError(ServicesError):
    """The process that gave values to an input is gone, and did not give all."""

    def __init__(self, run: str, name: str) -> None:
        self.run, self.name = run, name
        super().__init__(
            f"The process that gave values to the input {name!r} of the run {run!r} is gone. Start the flow again; a list as the "
            "input is in the server before the start returns."
        )


class ServerLostError(ServicesError, OSError):
    """The server did not answer for too long."""

    server = ""
    """Where it is."""


class OtherKeyError(ServicesError):
    """Under a key of these services is something that they did not put there."""


class ClaimLostError(ServicesError):
    """Another process works on a step by now: this one must not write any more."""

    def __init__(self, run: str, step: str) -> None:
        self.run, self.step = run, step
        super().__init__(f"Another process has taken over {step!r} of the run {run!r}; this one stops.")
