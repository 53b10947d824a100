"""The jobs of Loman's examples on flows: the numbers are those of Loman, and no function runs that Loman does not run."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.loman_jobs import JOBS, Bench

TESTS = Path(__file__).parents[1]


def ask(side, job):
    """Return what one side answers, in a process of its own: Loman changes settings of the process."""
    program = f"import json; from support.loman_jobs import JOBS, SIDES; print(json.dumps(JOBS[{job!r}](SIDES[{side!r}])))"
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("loman") is None, reason="Loman is not installed")
@pytest.mark.parametrize("job", JOBS)
def test_the_numbers_are_those_of_loman(job):
    """A flow gives every number of the job, and every count of functions that ran, that Loman gives."""
    assert ask("here", job) == ask("there", job)


@pytest.mark.parametrize(
    ("job", "ran"),
    [("start_quickly", [3, 1, 3, 2]), ("show_dashboard", [7, 2, 1, 7, 7, 2]), ("price_cdo", [22, 2, 3, 22, 22])],
)
def test_a_change_runs_what_it_reaches(job, ran):
    """After each change of a job only the functions run that the change reaches."""
    assert [one for one in JOBS[job](Bench) if isinstance(one, int)] == ran


def test_a_missing_price_fails_its_position_and_what_needs_it():
    """A price that is missing fails in its own node; the others have their values; when it comes, the totals are there."""
    failed, values, none, totals, after = JOBS["value_portfolio"](Bench)

    assert failed == ["book/C/price"]
    assert values == [50.0, -4455.0]
    assert none == []
    assert totals == pytest.approx([1050 - 4455 + 1626.75 + 3015.3375, 50 + 90 + 128.25 + 75.3375])
    assert after[2] == pytest.approx(30 * 4.75 * 0.8)
