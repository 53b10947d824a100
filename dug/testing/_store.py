"""`check_store`: whether a store does what users and the engine rely on, from the bytes up to whole contexts.

Its checks of whole contexts are here (`process` is one that begins with nothing); those of bytes are in `_backend`, the program
in `_kept`.  Each ``check_...`` there says in its name what holds.  Such as ``check_a_tweak_runs_what_differs`` and
``check_what_is_damaged_is_computed``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._contexts.context import Context
from .._text.values import show
from ..stores._store import AnyStore
from . import _backend, _kept
from ._backend import hold, same
from ._event_log import EventLog

Make = Callable[[], AnyStore]


def check_store(make_store: Callable[[], AnyStore]) -> None:
    """Checks that a store keeps runs for other processes, and that what keeps its bytes does as `Backend` says.

    Our own stores pass it, and one that you write should, too.  It takes seconds, and leaves rows of functions of its own behind.

    Args:
        make_store: returns a new client of a place that nobody else uses: the same place each time, as for one process after
            another.  The clients are closed at the end.

    Raises:
        AssertionError: it does not; the message says what does not hold.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from dug.stores import Store
        >>> from dug.testing import check_store
        >>> with TemporaryDirectory() as folder:
        ...     check_store(lambda: Store(folder))

    .. versionadded:: 0.1.0
    """
    made: list[AnyStore] = []

    def make() -> AnyStore:
        store = make_store()
        if not isinstance(store, AnyStore):
            raise TypeError(f"make_store() returned {show(store)}, which is not a store. Return Store(path), for example.")
        made.append(store)
        store.min_seconds = 0.0
        return store

    try:
        for what, check in _backend.CHECKS.items():
            _run(what, check, lambda: make().backend, made)
        for what, use in USES.items():
            _run(what, use, make, made)
    finally:
        for store in made:
            store.close()


def _run(what: str, check: Callable[[Any], None], make: Any, made: list[AnyStore]) -> None:
    try:
        check(make)
    except AssertionError as exc:
        said = f": {exc}" if str(exc) else ""
        raise AssertionError(f"{made[-1]!r} does not hold that {what}{said}") from exc


@contextmanager
def process(make: Make, tweaks: Any = None) -> Iterator[EventLog]:
    """Gives the log of a context that begins with nothing in memory, as that of a new process does; all is kept at its end."""
    store = make()
    with Context(tweaks, store=store) as ctx, EventLog(ctx) as log:
        yield log
    store.flush()


def check_another_process_runs_nothing(make: Make) -> None:
    """What one process computed another one does not run."""
    with process(make) as log:
        same(_kept.book(), 18.0)
        same(len(log.computed), 9)
    with process(make) as log:
        same(_kept.book(), 18.0)
        same(log.computed, [])


def check_a_tweak_runs_what_differs(make: Make) -> None:
    """Under a tweak runs what reads something else, once for all processes; and a tweak to what it was runs nothing."""
    tweak = {_kept.spot.node("bb"): 5.0}
    with process(make) as log:
        _kept.book()
    for runs in (4, 0):
        with process(make, tweak) as log:
            same(_kept.book(), 36.0)
            same(len(log.computed), runs)
    with process(make, {_kept.spot.node("bb"): 2.0}) as log:
        same((_kept.book(), log.computed), (18.0, []))


def check_values_are_what_they_were(make: Make) -> None:
    """A value comes back as what it was, its type included."""
    with process(make):
        for place in range(len(_kept.VALUES)):
            _kept.value(place)
    with process(make) as log:
        for place, value in enumerate(_kept.VALUES):
            back = _kept.value(place)
            same((type(back), back), (type(value), value))
        same(log.computed, [])


def check_what_has_no_codec_is_computed(make: Make) -> None:
    """A value without a codec, and an error, are had by each process for itself."""
    for _ in range(2):
        with process(make) as log:
            hold(_kept.opaque().acquire(blocking=False))
            try:
                _kept.failing()
            except ArithmeticError:
                same((len(log.computed), len(log.failed)), (1, 1))
            else:
                raise AssertionError("an error became a value")


def check_what_is_damaged_is_computed(make: Make) -> None:
    """Once the values are gone all is computed, and kept anew."""
    with process(make):
        _kept.book()
    backend = make().backend
    backend.delete_data([row.digest for row in backend.list_rows()])
    with process(make) as log:
        same(_kept.book(), 18.0)
        hold(log.computed != [])
    with process(make) as log:
        same((_kept.book(), log.computed), (18.0, []))


USES: dict[str, Callable[[Make], None]] = {
    name.removeprefix("check_").replace("_", " "): use
    for name, use in list(globals().items())
    if name.startswith("check_") and name != "check_store"
}
"""The checks with contexts, by what each says."""
