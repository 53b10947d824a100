"""Shows how many nodes a run has computed, while ``dug run`` runs: `watch`, a listener that moves a spinner of rich's."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .._batch.progress import is_watched
from .._contexts.context import Context
from .._core.read import Event

_GONE = (OSError, ValueError)
"""The errors of a terminal that has gone, or of a stream that the user's code has closed."""


@contextmanager
def watch(ctx: Context, *, wanted: bool) -> Iterator[None]:
    """Shows how many nodes ran and failed in a context, on a terminal; nothing where there is none, or when it is not wanted."""
    if not wanted or not is_watched():
        yield
        return
    from rich.console import Console  # takes a while, and is needed here only
    from rich.status import Status  # likewise

    counts: Counter[str] = Counter()
    status = Status("0 computed", console=Console(stderr=True))

    def count(event: Event) -> None:
        counts[event.kind] += 1
        if event.kind in ("computed", "failed"):
            failed = f", {counts['failed']:,} failed" if counts["failed"] else ""
            with suppress(*_GONE):
                status.update(f"{counts['computed']:,} computed{failed}")

    with suppress(*_GONE):
        status.start()
    try:
        with ctx.listen(count):
            yield
    finally:
        with suppress(*_GONE):
            status.stop()
