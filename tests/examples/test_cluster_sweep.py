"""The story of ``examples/cluster_sweep.py``: a worker is killed in the middle of a sweep, and nothing is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_results_are_those_of_a_loop():
    """One worker is killed, another one takes its place, and each value has the bits of a loop."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, ROOT / "examples" / "cluster_sweep.py", "--scenarios", "60"]

    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "is killed after 20 scenarios" in done.stdout
    assert done.stdout.endswith("the same, bit by bit\n")
