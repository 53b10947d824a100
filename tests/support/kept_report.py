"""What random programs with a store did: `Report`; `play_many` plays some, each on a store of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from attrs import define, field


@define
class Report:
    """What happened in some programs."""

    asked: int = 0
    """How many answers were compared."""
    hits: int = 0
    """How many runs were taken from a store."""
    wrong: list[str] = field(factory=list)
    needless: list[str] = field(factory=list)
    """What ran though nothing had changed since another process did so."""


def play_many(play: Callable[[int, Path, Report], object], first: int, count: int, folder: Path) -> Report:
    """Play the programs of a range of seeds; no store is left of them."""
    report = Report()
    for seed in range(first, first + count):
        store = folder / str(seed)
        play(seed, store, report)
        shutil.rmtree(store)
    return report
