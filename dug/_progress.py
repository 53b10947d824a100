"""Tells a user how far a sweep is: `Reporter`, and what ``progress=`` means."""

import logging
from collections.abc import Callable
from typing import Any

from ._core._node import show

Progress = bool | Callable[[int, int | None], object] | None
"""True for a bar, or a function of how many are done and how many there will be (None: not known)."""

_logger = logging.getLogger("dug")


class Reporter:
    """Says nothing; its subclasses do."""

    def begin(self, total: int | None) -> None:
        """Says that the first is about to be asked."""

    def tell(self, done: int, total: int | None) -> None:
        """Says that `done` of `total` are done; None where nobody can tell how many there are."""

    def close(self) -> None:
        """Says that there are no more."""


class _Call(Reporter):
    """Calls a function; one that raises is logged and not called again, as with listeners."""

    def __init__(self, fn: Callable[[int, int | None], object]) -> None:
        self._fn: Callable[[int, int | None], object] | None = fn

    def tell(self, done: int, total: int | None) -> None:
        if self._fn is None:
            return
        try:
            self._fn(done, total)
        except Exception:
            _logger.exception("progress=%s failed and is not called again.", show(self._fn))
            self._fn = None


class _Bar(Reporter):
    """Draws a bar of tqdm's."""

    def __init__(self) -> None:
        self._make_bar = _import_tqdm()
        self._bar: Any = None

    def begin(self, total: int | None) -> None:
        if self._bar is None:
            self._bar = self._make_bar(total=total)

    def tell(self, done: int, total: int | None) -> None:
        self._bar.update(1)
        if done == total:
            self.close()

    def close(self) -> None:
        self._bar.close()


def make_reporter(progress: Progress) -> Reporter:
    """Returns who tells what a user asked to be told.

    Raises:
        ImportError: a bar is asked for, and tqdm is not installed.
        TypeError: `progress` is neither a bool nor callable.
    """
    if progress is None or progress is False:
        return Reporter()
    if progress is True:
        return _Bar()
    if not callable(progress):
        raise TypeError(f"progress must be True or a function of how many are done and how many there are, not {show(progress)}.")
    return _Call(progress)


def _import_tqdm() -> Any:
    try:
        from tqdm.auto import tqdm  # optional package: imported where it is used
    except ImportError as exc:
        raise ImportError('progress=True needs tqdm. Type: pip install "dug[progress]", or give a function.') from exc
    return tqdm
