"""Shows how far a sweep, batch or save is: `make_reporter` reads ``progress=``; `Reporter` calls a function or draws a bar.

`_Call` calls the user's function, `_Bar` draws with tqdm, `_RichBar` with rich, whichever `_find_bars` finds; `is_watched` tells
whether somebody can see a bar.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .._extras.packages import find_loaded, is_there
from .._text.values import show

Progress = bool | Callable[[int, int | None], object] | None
"""True for a bar, which a terminal or notebook shows, or a function of how many are done and how many there will be (or None)."""

RUNNING, COMPUTED, WAITING = "running", "computed", "waiting"
"""How something stands that was asked for, and that nobody has yet."""

_logger = logging.getLogger("dug")


class Reporter:
    """Says nothing; its subclasses do."""

    def begin(self, total: int | None) -> None:
        """Says that the first is about to be asked."""

    def tell(self, done: int, total: int | None) -> None:
        """Reports that `done` of `total` are done; None if the total is unknown."""

    def close(self) -> None:
        """Reports that there are no more."""


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
    """Draws a bar of tqdm's, or of rich's."""

    def __init__(self, make_bar: Callable[[int | None], Any]) -> None:
        self._make_bar = make_bar
        self._bar: Any = None
        self._is_closed = False

    def begin(self, total: int | None) -> None:
        if self._bar is None:
            with suppress(OSError, ValueError):  # the terminal has gone, or the stream was closed: nobody sees a bar
                self._bar = self._make_bar(total)

    def tell(self, done: int, total: int | None) -> None:
        if self._bar is not None:
            with suppress(OSError, ValueError):  # likewise
                self._bar.update(1)
        if done == total:
            self.close()

    def close(self) -> None:
        if self._bar is not None and not self._is_closed:
            self._is_closed = True  # some bars refuse to be closed twice
            with suppress(OSError, ValueError):  # likewise
                self._bar.close()


class _RichBar:
    """A bar of rich's, with the methods of one of tqdm's."""

    def __init__(self, total: int | None) -> None:
        from rich.console import Console  # optional package: imported where it is used
        from rich.progress import Progress  # likewise

        # In a notebook rich would draw with ipywidgets, and warn where that is missing.
        self._shown = Progress(console=Console(stderr=True, force_jupyter=False))
        self._task = self._shown.add_task("", total=total)
        self._shown.start()

    def update(self, n: int) -> None:
        self._shown.advance(self._task, n)

    def close(self) -> None:
        self._shown.stop()


def make_reporter(progress: Progress) -> Reporter:
    """Returns the reporter that a user asked for.

    Raises:
        ImportError: a bar is asked for, and neither tqdm nor rich is installed.
        TypeError: `progress` is neither a bool nor callable.
    """
    if progress is None or progress is False:
        return Reporter()
    if progress is True:
        make_bar = _find_bars()
        return _Bar(make_bar) if is_watched() else Reporter()
    if not callable(progress):
        raise TypeError(f"progress must be True or a function of how many are done and how many there are, not {show(progress)}.")
    return _Call(progress)


def is_watched() -> bool:
    """True when somebody can see a bar: the standard error stream is a terminal, or this is a notebook."""
    is_open = sys.stderr is not None and not getattr(sys.stderr, "closed", False)
    return "ipykernel" in sys.modules or _is_in_marimo() or (is_open and sys.stderr.isatty())


def _is_in_marimo() -> bool:
    asks = find_loaded("marimo", "running_in_notebook")
    return asks is not None and bool(asks())


def _find_bars() -> Callable[[int | None], Any]:
    """Returns the package that draws bars here: tqdm, or else rich; neither needs ipywidgets."""
    try:
        tqdm = _import_tqdm()
    except ImportError:
        pass
    else:
        return lambda total: tqdm(total=total)
    try:
        import rich.progress  # noqa: F401  likewise; it is there or not
    except ImportError as exc:
        raise ImportError('progress=True needs tqdm or rich. Type: pip install "dug[progress]", or give a function.') from exc
    return _RichBar


def _import_tqdm() -> Any:
    """Returns the bar of tqdm's that can be drawn here; in Jupyter one of ipywidgets only where that is there."""
    if _is_in_marimo():
        from tqdm.notebook import tqdm  # optional package: imported where it is used; marimo puts its own bar there
    elif is_there("ipywidgets"):
        from tqdm.auto import tqdm  # likewise
    else:
        from tqdm import tqdm  # likewise; the other one would warn
    return tqdm
