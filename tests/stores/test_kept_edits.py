"""What a store takes for another definition of a function, and for the same one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dug

BASE = '''
import functools
import dug
import tools

RATE = 0.5
TABLE = {"a": 1}

def helper(x):
    """Return something."""
    return x + 1

class Model:
    def shift(self, x):
        return x + 2

class Better(Model):
    pass

def wrap(fn):
    @functools.wraps(fn)
    def wrapped(x):
        return fn(x) + 3
    return wrapped

@wrap
def wrapped(x):
    return x

def make(step):
    def inner(x):
        return x + step
    return inner

closed = make(5)
double = lambda x: 2 * x

@dug.memoize(store=True)
def callee(x):
    return x // 10

@dug.memoize(store=True)
def f(x, more=1):
    # a comment
    """A docstring."""
    RAN.append(x)
    return [x + more, helper(x), RATE, TABLE["a"], Better().shift(x), wrapped(x), closed(x), double(x), tools.tenth(x), callee(x)]

RAN = []
'''
TOOLS = "def tenth(x):\n    return scale(x)\n\ndef scale(x):\n    return x / 10\n"
RUN = """
import sys
import dug, book
with dug.Context(store=sys.argv[1]):
    kept = book.f(3)
ran = len(book.RAN)
with dug.Context():
    assert book.f(3) == kept, (book.f(3), kept)
print(ran)
"""
EDITS = {
    "nothing": (None, "", False),
    "a comment": ("# a comment", "# another one", False),
    "a docstring": ("A docstring.", "Another one.", False),
    "the docstring of a helper": ("Return something.", "Return more.", False),
    "lines above": ("import functools", "\n\n\nimport functools", False),
    "the layout": ("    return x + 1", "    return (\n        x + 1\n    )", False),
    "the body of a memoised callee that gives the same": ("x // 10", "x // 11", False),
    "the body": ("x + more", "x - more", True),
    "a default": ("more=1", "more=2", True),
    "the version": ("store=True)\ndef f", "store=True, version=2)\ndef f", True),
    "a helper": ("return x + 1", "return x + 11", True),
    "a constant": ("RATE = 0.5", "RATE = 0.25", True),
    "the content of a dict": ('{"a": 1}', '{"a": 2}', True),
    "a method": ("return x + 2", "return x + 22", True),
    "a base class": ("class Better(Model):\n    pass", "class Better(Model):\n    def shift(self, x):\n        return x", True),
    "a wrapper": ("fn(x) + 3", "fn(x) + 33", True),
    "a closure": ("make(5)", "make(6)", True),
    "a lambda": ("2 * x", "3 * x", True),
    "a helper of a helper in another module": ("tools: x / 10", "x / 20", True),
}


@pytest.mark.slow
def test_each_edit_is_seen_for_what_it_is(tmp_path):
    """Every edit that decides a result runs the function again, and none of the others does, each in a process of its own."""
    wrong, first = [], tmp_path / "first"
    assert run(first, BASE, TOOLS, seed="1") == "1"
    for name, (old, new, runs) in EDITS.items():
        folder = tmp_path / name.replace(" ", "_")
        shutil.copytree(first / "kept.store", folder / "kept.store")
        after, tools = BASE, TOOLS
        if old is not None and old.startswith("tools: "):
            tools = TOOLS.replace(old.removeprefix("tools: "), new)
            assert tools != TOOLS
        elif old is not None:
            after = BASE.replace(old, new)
            assert after != BASE, name
        if run(folder, after, tools, seed="2") != ("1" if runs else "0"):
            wrong.append(name)

    assert wrong == []


def run(folder, book, tools, *, seed):
    """Run a program with a store in a process of its own, and return how often the function ran; what it gives is compared."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "book.py").write_text(book)
    (folder / "tools.py").write_text(tools)
    root = str(Path(dug.__file__).parent.parent)
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join([str(folder), root, *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", RUN, str(folder / "kept.store")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


RATES = [1.0]
RATE = 1.0
SEEN: list[int] = []


@dug.memoize
def rated(x):
    """Return something of a global list."""
    return x * RATES[0]


@dug.memoize
def flat(x):
    """Return something of a global number."""
    return x * RATE


@dug.memoize
def counting(x):
    """Return how many numbers were seen before, and see one more."""
    SEEN.append(x)
    return len(SEEN)


@pytest.fixture(autouse=True)
def _globals():
    """Have the globals as they were before and after each test."""
    yield
    RATES[:] = [1.0]
    SEEN.clear()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_global_list_that_changes_is_seen(begin):
    """While a list that a function reads is not what it was, nothing is served that was computed with the old one."""
    with begin():
        assert rated(2) == 2.0
    RATES[0] = 3.0
    with begin():
        assert rated(2) == 6.0
        RATES[0] = 5.0
        assert rated(3) == 15.0
        assert rated(4) == 20.0
    RATES[0] = 1.0
    with begin():
        assert rated(2) == 2.0
        assert rated(3) == 3.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_list_that_a_function_grows_is_told(begin):
    """A function that changes what it reads is not kept, and the store says why."""
    with begin() as log:
        assert counting(1) == 1
        assert counting(2) == 2
        log.store.flush()
        assert list(log.store.backend.list_rows()) == []
        assert "changed" in log.store.refused[f"{__name__}:counting"]
    SEEN.clear()
    with begin() as log:
        assert counting(2) == 1


def test_a_global_that_is_bound_again_is_seen(begin, monkeypatch):
    """A global that leads to another value is noticed before the next look, without a redefinition."""
    module = sys.modules[__name__]
    with begin():
        assert flat(2) == 2.0
        monkeypatch.setattr(module, "RATE", 3.0)
        assert flat(3) == 9.0
    with begin() as log:
        assert flat(2) == 6.0
        assert len(log.computed) == 1
    monkeypatch.setattr(module, "RATE", 1.0)
    with begin() as log:
        assert flat(2) == 2.0
        assert flat(3) == 3.0
    assert [node.args for node in log.computed] == [(3,)]
