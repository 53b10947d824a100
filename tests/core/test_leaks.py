"""The leak test in small; `python tests/leaks.py` is the large one."""

from __future__ import annotations

import leaks
import pytest


@pytest.mark.parametrize("workload", leaks.WORKLOADS, ids=lambda workload: workload.__name__)
def test_nothing_is_left_behind(workload):
    """Frequent operations leave memory as it was."""
    assert leaks.find_leaks(workload, 1_500) == []


def test_a_leak_is_found():
    """A workload that keeps its objects is noticed."""
    kept = []

    def leak(rounds):
        kept.extend([number] for number in range(rounds))

    assert "objects" in {what.split()[1] for what in leaks.find_leaks(leak, 2_500)}


def test_what_grows_once_is_no_leak():
    """A table that doubles makes one step; a leak makes many, however they are spread."""
    names = ("objects", "blocks", "resident")
    assert leaks.what_grew([leaks.Traces(0, count, 0) for count in (0, 0, 5_000, 5_000)]) == []
    for counts in ((0, 200, 400, 600), (0, 0, 400, 800)):
        for name in names:
            size = (1 << 20) // 100 if name == "resident" else 1
            found = leaks.what_grew([leaks.Traces(**dict.fromkeys(names, 0) | {name: count * size}) for count in counts])
            assert [what.split()[1] for what in found] == [name]
