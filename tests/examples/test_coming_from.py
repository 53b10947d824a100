"""Each program of ``examples/coming_from`` gives the same answers on both sides: with another library, and with dug."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "coming_from"
PAGE = ROOT / "docs" / "howto" / "coming-from.rst"
NEEDS = {
    "functools_cache": "functools",
    "loman_computation": "loman",
    "loman_flow": "loman",
    "modelx_cells": "modelx",
    "hamilton_driver": "hamilton",
    "joblib_memory": "joblib",
}


@cache
def ask(name, side):
    """Return what one side of a program answers, in a process of its own: such libraries change settings of the process."""
    program = f"import json, {name} as one; print(json.dumps([one.{side}(), one.DIFFERENT]))"
    path = os.pathsep.join([str(ROOT), str(FOLDER), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_both_sides_give_the_same_answers(name):
    """What the page says of the other library was tried, and dug answers the same but for what the program names."""
    if importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    (there, different), (here, _) = ask(name, "there"), ask(name, "here")

    assert {key: [there.get(key), here.get(key)] for key in {**there, **here} if there.get(key) != here.get(key)} == different


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_the_side_of_dug_answers_without_the_other_library(name):
    """The side of dug needs nothing but dug."""
    here, _ = ask(name, "here")

    assert len(here) >= 6


def test_the_page_shows_both_sides_of_every_program():
    """The page includes both functions of each program, and there is no other program."""
    include = r"literalinclude:: ../../examples/coming_from/(\w+)\.py\n +:language: python\n +:pyobject: (\w+)"
    shown = re.findall(include, PAGE.read_text(encoding="utf-8"))

    assert {path.stem for path in FOLDER.glob("*.py")} == set(NEEDS)
    assert sorted(shown) == sorted((name, side) for name in NEEDS for side in ("there", "here"))
