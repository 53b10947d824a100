"""The leak test in small; `python tests/leaks.py` is the large one."""

from __future__ import annotations

import leaks
import pytest


@pytest.mark.parametrize("workload", leaks.WORKLOADS, ids=lambda workload: workload.__name__)
def test_nothing_is_left_behind(workload):
    """What is done often leaves memory as it was."""
    assert leaks.find_leaks(workload, 1_500) == []


def test_a_leak_is_found():
    """Something that keeps what it makes is noticed."""
    kept = []

    def leak(rounds):
        kept.extend([number] for number in range(rounds))

    assert "objects" in {what.split()[1] for what in leaks.find_leaks(leak, 2_500)}
