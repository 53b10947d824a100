"""mypy sees the types of decorated functions: the examples beside this file are checked with --strict.

A file `ok_*.py` has no error.  In a file `fail_*.py` each line with an error ends in ``# E: code``, and no other line has one.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import dug

HERE = Path(__file__).parent
EXAMPLES = sorted([*HERE.glob("ok_*.py"), *HERE.glob("fail_*.py")])
ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")
MARK = re.compile(r"# E: (?P<codes>[a-z-]+(?:, [a-z-]+)*)$")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Runs mypy once on all examples, and returns its lines by the name of the file."""
    cache = tmp_path_factory.mktemp("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--no-error-summary", f"--cache-dir={cache}"]
    # The configuration of the project is left out: a user has none, and its `files` are others.
    command += ["--config-file=", *(path.name for path in EXAMPLES)]
    root = Path(dug.__file__).parents[1]
    is_installed = root.name in ("site-packages", "dist-packages")
    environment = os.environ | ({} if is_installed else {"MYPYPATH": str(root)})
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE, env=environment)
    assert done.returncode in (0, 1), done.stderr + done.stdout
    lines = [line for line in done.stdout.splitlines() if ": note: " not in line]
    return {path.name: [line for line in lines if line.startswith(f"{path.name}:")] for path in EXAMPLES}


def find_marks(path):
    """Returns how often each (line, code) is marked as an error."""
    return Counter(
        (number, code)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (mark := MARK.search(line))
        for code in mark["codes"].split(", ")
    )


def find_errors(report):
    """Returns how often mypy reported each (line, code)."""
    found = [ERROR.match(line) for line in report]
    assert all(found), report
    return Counter((int(error["line"]), error["code"]) for error in found if error)


def test_the_examples_are_found():
    """There are examples that must pass and examples that must fail."""
    assert {path.name.partition("_")[0] for path in EXAMPLES} == {"ok", "fail"}
    assert all(find_marks(path) for path in EXAMPLES if path.name.startswith("fail"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_mypy_reports_what_is_marked(path, reports):
    """A type checker finds the errors that are marked, on their lines, and no other."""
    assert find_errors(reports[path.name]) == find_marks(path), "\n".join(reports[path.name])
