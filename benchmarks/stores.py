"""What a store costs: a call whose value it has, and one whose value it has not, beside diskcache, joblib.Memory and redun.

The function multiplies a number, so the figures are of the keeping alone. A hit begins with nothing in memory; the misses of dug
include the writing of all rows. redun is measured where it is installed: no extra names it, as it brings the clients of a cloud.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

import dug
from dug.stores import Store

from ._harness import Case, Contender, as_in_module

PACKAGES = ("diskcache", "joblib")


@attrs.frozen
class Sizes:
    """How many calls are made on one opening of a store."""

    calls: int = 500
    redun_calls: int = 20
    """For redun, which takes a thousand times as long."""


def find_missing() -> tuple[str, ...]:
    """The packages of contenders that are not installed."""
    return tuple(name for name in (*PACKAGES, "redun") if find_spec(name) is None)


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of stores, the first contender of which is diskcache."""
    missing = find_missing()
    if set(PACKAGES) & set(missing):
        return
    contenders = {"diskcache": _use_diskcache, "dug": _use_dug, "joblib.Memory": _use_joblib, "redun": _use_redun}
    calls = {"redun": sizes.redun_calls}
    with TemporaryDirectory() as folder:
        for what in ("miss", "hit"):
            timed = (
                Contender(name, _time(begin(Path(folder) / what / name), calls.get(name, sizes.calls), is_hit=what == "hit"))
                for name, begin in contenders.items()
                if name not in missing
            )
            yield Case(f"{what} of a store", "call", tuple(timed))


def _multiply(number: int) -> float:
    return number * 1.5


Opening = Callable[[], tuple[Callable[[int], float], Callable[[], object], Callable[[], object]]]
"""Opens a store with nothing in memory: returns the function, what finishes the writing, and what closes it."""


def _time(begin: Opening, calls: int, *, is_hit: bool) -> Callable[[int], float]:
    """Returns a ``run`` that times calls of new numbers, or of those that a first run has kept."""
    numbers = itertools.count(calls)

    def ask(several: range | list[int]) -> float:
        call, flush, close = begin()
        started = time.process_time()
        for number in several:
            call(number)
        flush()
        seconds = time.process_time() - started
        close()
        return seconds

    if is_hit:
        ask(range(calls))

    def run(number: int) -> float:
        seconds = 0.0
        while number > 0:
            count = min(number, calls)
            seconds += ask(range(count) if is_hit else list(itertools.islice(numbers, count)))
            number -= count
        return seconds

    return run


def _use_dug(folder: Path) -> Opening:
    multiply: Any = as_in_module(dug.memoize)(_multiply)

    def begin() -> Any:
        store = Store(folder, min_seconds=0)
        ctx = dug.Context(store=store)
        ctx.__enter__()

        def close() -> None:
            ctx.__exit__(None, None, None)
            store.close()

        return multiply, store.flush, close

    return begin


def _use_diskcache(folder: Path) -> Opening:
    import diskcache  # an optional package

    def begin() -> Any:
        cache = diskcache.Cache(folder)
        return cache.memoize()(_multiply), lambda: None, cache.close

    return begin


def _use_joblib(folder: Path) -> Opening:
    import joblib  # an optional package

    def begin() -> Any:
        return joblib.Memory(folder, verbose=0).cache(_multiply), lambda: None, lambda: None

    return begin


def _use_redun(folder: Path) -> Opening:
    from redun import Scheduler, task  # an optional package
    from redun.config import Config

    logging.getLogger("redun").setLevel(logging.ERROR)
    folder.mkdir(parents=True)
    multiply = task(namespace="dug", version="1")(_multiply)

    def begin() -> Any:
        scheduler = Scheduler(config=Config({"backend": {"db_uri": f"sqlite:///{folder}/redun.db"}}))
        scheduler.load()
        return lambda number: scheduler.run(multiply(number)), lambda: None, lambda: None

    return begin
