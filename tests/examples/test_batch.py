"""The story of ``examples/batch.py``: a batch fails at night, and in the morning only the rest runs.

The page that tells it is run as it stands, each command in a process of its own; the counts are asserted apart from its words.
"""

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is in the cli extra")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "batch.rst"
EXAMPLE = ROOT / "examples" / "batch.py"
MEND = "path(lisbon)=positions/lisbon-late.csv"
LISBON, OTHERS, TICKERS = 5, 7 * 40, 20

pytestmark = pytest.mark.slow  # each step is a process


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A function that runs a command in a new process, in a folder with the example, where ``dug`` and ``python`` are ours."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "batch.py").write_text(EXAMPLE.read_text())
    programs = folder / "bin"
    programs.mkdir()
    for name, words in (("python", ""), ("dug", " -m dug")):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{words} "$@"\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # as output is by default
    environment = {**buffered, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path}

    def run(command, **options):
        options = {"stderr": subprocess.STDOUT, **options}
        return subprocess.run(
            command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False, **options
        )

    return run


@pytest.fixture(scope="module")
def night(shell):
    """The files of the night and of the morning."""
    shell("python batch.py")
    first = shell("dug run batch:night --save night.dug")
    second = shell(f'dug run batch:night --load night.dug --tweak "{MEND}" --save morning.dug')
    return first, second


def find_steps(text):
    """The commands of a page and what each prints."""
    blocks = re.findall(r"^\.\. code-block:: console\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    lines = [line.removeprefix("   ") for block in blocks for line in block.rstrip().splitlines()]
    steps = []
    for line in lines:
        if line.startswith("$ "):
            steps.append((line.removeprefix("$ "), []))
        else:
            steps[-1][1].append(line)
    return [(command, "\n".join(said).rstrip()) for command, said in steps]


def test_the_page_tells_what_happens(shell):
    """Each command of the page, typed in order, prints what the page says."""
    steps = find_steps(PAGE.read_text())
    for command, said in steps:
        printed = shell(command).stdout.rstrip()

        assert doctest.OutputChecker().check_output(said + "\n", printed + "\n", doctest.ELLIPSIS), (
            f"{command} printed\n{printed}\nbut the page says\n{said}"
        )
    assert len(steps) == 7


def test_the_rest_completes(night):
    """Two nodes fail, hundreds do not, and the exit status says so."""
    first, _ = night

    assert first.returncode == 1
    assert "7 computed, 1 error, 1 not run" in first.stdout
    assert "2 failures from 1 error" in first.stdout


def test_the_failures_have_their_reason(night, shell):
    """A new process lists them, and what one of them passed on."""
    failures = json.loads(shell("dug failures night.dug --json", stderr=None).stdout)

    assert [(one["node"], one["began in"]) for one in failures] == [
        ("batch:rows('lisbon')", None),
        ("batch:value('lisbon')", "batch:rows('lisbon')"),
    ]
    assert all("No such file or directory: 'positions/lisbon.csv'" in one["error"] for one in failures)


def test_only_the_dependents_run(night):
    """Of hundreds of nodes, the morning runs the rows of one office, its positions and its value."""
    first, second = night
    counts = [int(re.search(r"(\d+) recomputed", done.stdout)[1]) for done in (first, second)]

    assert counts == [8 + 8 + 8 + OTHERS + TICKERS + 1, 1 + LISBON + 1]
    assert second.returncode == 0


def test_diff_shows_what_changed(night, shell):
    """From one file to the other only nodes of that office differ, and the tweak is the cause."""
    changes = json.loads(shell("dug diff night.dug morning.dug --json", stderr=None).stdout)

    assert len(changes) == 3 + LISBON
    assert all("lisbon" in change["node"] for change in changes)
    assert [change["node"] for change in changes if change["because"] == "a tweak"] == ["batch:path('lisbon')"]


def test_reading_a_file_needs_no_code(night, shell):
    """The commands that read give the same where the program is gone."""
    there = [shell(f"dug {command}").stdout for command in ("show morning.dug", "graph night.dug", "explain night.dug value")]
    gone = [
        shell(f"mv batch.py away; dug {command}; mv away batch.py").stdout
        for command in ("show morning.dug", "graph night.dug", "explain night.dug value")
    ]

    assert there == gone
