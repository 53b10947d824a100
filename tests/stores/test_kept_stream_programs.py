"""Random programs of streams on a store give what plain Python gives, whatever other processes have left there."""

from __future__ import annotations

import os

import pytest
from support.kept_stream_programs import Play, Report

SEED = 1_000


def play_many(run, first, count, folder):
    """Play some programs, each on a store of its own."""
    report = Report()
    for seed in range(first, first + count):
        run(Play(seed, folder / str(seed), report).main)
    return report


def test_some_stream_programs_give_what_plain_python_gives(tmp_path, run):
    """A few programs, several processes, tweaks and changes outside: nothing wrong, and what was read to its end does not run."""
    report = play_many(run, SEED, 2, tmp_path)

    assert report.wrong == []
    assert report.needless == []


@pytest.mark.slow
def test_stream_programs_give_what_plain_python_gives(tmp_path, run):
    """More programs (``DUG_PROGRAMS`` says how many): nothing wrong, and much of it from the store."""
    report = play_many(run, SEED + 100, int(os.environ.get("DUG_PROGRAMS", "6")), tmp_path)

    assert report.wrong == []
    assert report.needless == []
    assert report.hits > report.asked / 4
