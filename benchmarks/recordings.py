"""What a recording costs: a run of many sources that is recorded, beside one that is not, and a hit in a recorded context.

A source hashes 32 kB again and again, for two milliseconds or so, about what it takes to ask a server near by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

import dug
from dug import replay

from ._harness import Case, Contender, as_in_module


@attrs.frozen
class Sizes:
    """How many sources run, and how often each hashes its 32 kB."""

    sources: int = 1_000
    hashes: int = 64


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of recordings."""
    total = make_total(sizes)
    yield Case(
        "run of sources",
        "source",
        (
            Contender("not recorded", time_runs(total, is_recorded=False)),
            Contender("recorded", time_runs(total, is_recorded=True)),
        ),
        per=sizes.sources,
    )
    yield Case(
        "hit while recorded",
        "call",
        (
            Contender("not recorded", time_hits(is_recorded=False)),
            Contender("recorded", time_hits(is_recorded=True)),
        ),
    )


def make_total(sizes: Sizes) -> Any:
    """Returns a memoised function that reads all sources."""
    data = bytes(1 << 15)

    @as_in_module(dug.source)
    def quote(number: int) -> float:
        return sum(blake2b(data, digest_size=8).digest()[0] for _ in range(sizes.hashes)) + number

    @as_in_module(dug.memoize)
    def total() -> float:
        return sum(quote(number) for number in range(sizes.sources))

    return total


def time_runs(total: Callable[[], float], *, is_recorded: bool) -> Callable[[int], float]:
    """Times runs from nothing, the beginning and the end of the recording included."""

    def run(number: int) -> float:
        with TemporaryDirectory() as folder:
            started = time.process_time()
            for attempt in range(number):
                ctx = dug.Context()
                with _recording(ctx, Path(folder, f"{attempt}.dugrec"), is_recorded=is_recorded), ctx:
                    total()
            return time.process_time() - started

    return run


def time_hits(*, is_recorded: bool) -> Callable[[int], float]:
    """Times calls that are known."""

    @as_in_module(dug.source)
    def leaf(number: int) -> int:
        return number

    ctx = dug.Context()

    def run(number: int) -> float:
        with (
            TemporaryDirectory() as folder,
            _recording(ctx, Path(folder, "hits.dugrec"), is_recorded=is_recorded),
            ctx,
        ):
            leaf(1)
            started = time.process_time()
            for _ in range(number):
                leaf(1)
            return time.process_time() - started

    return run


def _recording(ctx: dug.Context, path: Path, *, is_recorded: bool) -> AbstractContextManager[None]:
    return replay.record(ctx, path) if is_recorded else nullcontext()
