"""Processes that are killed while they keep runs leave a whole store."""

from __future__ import annotations

import os

import kill_writers
import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked and killed")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_few_killed_writers_leave_whole_rows():
    """After each kill in the middle of writing every row has its value, what was flushed is there, and nothing is left over."""
    rows, _ = kill_writers.run(6, seed=5)

    assert rows > 6
