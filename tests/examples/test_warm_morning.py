"""The example of a book that is warm in the morning does what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "warm_morning.py"


@pytest.mark.slow
def test_one_edit_costs_what_it_concerns(tmp_path):
    """In the morning nothing runs, and after an edit the edited function and what reads another value of it."""
    done = subprocess.run([sys.executable, str(EXAMPLE), str(tmp_path)], capture_output=True, text=True, check=True)
    ran = [line.removeprefix("ran: ") for line in done.stdout.splitlines() if line.startswith("ran: ")]

    assert ran[0].count("price") == 3
    assert ran[1] == "nothing"
    assert sorted(ran[2].split(", ")) == ["limit('AAPL')", "limit('IBM')", "limit('MSFT')", "report()"]
