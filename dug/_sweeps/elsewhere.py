"""What a user says of a sweep on other processes: `Elsewhere`, which checks it."""

from typing import Any

from attrs import fields, frozen

from .._text.values import show

SHIPS = ("path", "bytes", "store")


@frozen
class Elsewhere:
    """Options that only other processes have a use for; None where nothing is said.  `sweep` documents them."""

    batch: Any = None
    retries: Any = None
    ship: Any = None
    timeout: Any = None

    def refuse(self) -> None:
        """Refuses all of them, where the scenarios run in this process.

        Raises:
            TypeError: one was said.
        """
        for one in fields(Elsewhere):
            if getattr(self, one.name) is not None:
                raise TypeError(
                    f"{one.name}= is for other processes. Give executor=dug.executors.processes.Processes(), for example."
                )

    def check(self) -> None:
        """Refuses what is none of its kind.

        Raises:
            ValueError: the batch, the retries or the seconds are no such number, or there is no such way to ship.
        """
        for name, number, least in (("batch", self.batch, 1), ("retries", self.retries, 0)):
            if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < least):
                raise ValueError(f"{name} must be a number, at least {least}, not {show(number)}.")
        seconds = self.timeout
        if seconds is not None and (not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not seconds > 0):
            raise ValueError(f"timeout must be how many seconds a scenario may take, more than 0, not {show(seconds)}.")
        if self.ship is not None and self.ship not in SHIPS:
            raise ValueError(f"ship must be 'path', 'bytes' or 'store', not {show(self.ship)}.")
