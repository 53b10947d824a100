"""Runs type checkers on files in which each line with an error is marked: ``# E: code``, the codes being those of mypy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")
MARK = re.compile(r"# E: (?P<codes>[a-z-]+(?:, [a-z-]+)*)$")


def find_marks(path):
    """Returns how often each (line, code) is marked as an error."""
    return Counter(
        (number, code)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (mark := MARK.search(line))
        for code in mark["codes"].split(", ")
    )


def run_mypy(paths, *, cache, python=sys.executable, **variables):
    """Returns the lines that mypy prints of files in one folder, by their names, for the packages that a Python has."""
    options = ["--strict", "--no-pretty", "--no-error-summary", f"--python-executable={python}", f"--cache-dir={cache}"]
    # The configuration of the project is left out: a user has none, and its `files` are others.
    said = _run(["mypy", *options, "--config-file="], paths, variables)
    lines = [line for line in said.splitlines() if ": note: " not in line]
    return {path.name: [line for line in lines if line.startswith(f"{path.name}:")] for path in paths}


def read_mypy(lines):
    """Returns how often mypy reported each (line, code)."""
    found = [ERROR.match(line) for line in lines]
    assert all(found), lines
    return Counter((int(error["line"]), error["code"]) for error in found if error)


def run_pyright(paths, *, python=sys.executable, **variables):
    """Returns what pyright reports of files in one folder by their names, errors and warnings: each by its line and its text."""
    # Otherwise it asks a server whether there is a newer one.
    variables["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"
    said = json.loads(_run(["pyright", "--outputjson", f"--pythonpath={python}"], paths, variables))
    found = {path.name: [] for path in paths}
    for one in said["generalDiagnostics"]:
        if one["severity"] in ("error", "warning"):
            found[Path(one["file"]).name].append((one["range"]["start"]["line"] + 1, one["message"]))
    return found


def _run(command, paths, variables):
    done = subprocess.run(
        [sys.executable, "-m", *command, *(path.name for path in paths)],
        capture_output=True,
        text=True,
        check=False,
        cwd=paths[0].parent,
        env=os.environ | variables,
    )
    assert done.returncode in (0, 1), done.stderr + done.stdout
    return done.stdout
