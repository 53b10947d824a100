"""Random programs on a store give what they give without any memory, whatever other processes have left there."""

from __future__ import annotations

import os

import pytest
from support.kept_programs import play_many

SEED = 1_000


def test_some_programs_give_what_the_oracle_gives(tmp_path):
    """A few programs, several processes, tweaks, edits and changes outside: nothing wrong."""
    report = play_many(SEED, 5, tmp_path)

    assert report.wrong == []


@pytest.mark.slow
def test_programs_give_what_the_oracle_gives(tmp_path):
    """A few hundred programs (``DUG_PROGRAMS`` says how many): nothing wrong, and much of it from the store."""
    report = play_many(SEED + 100, int(os.environ.get("DUG_PROGRAMS", "40")), tmp_path)

    assert report.wrong == []
    assert report.hits > report.calls / 4
