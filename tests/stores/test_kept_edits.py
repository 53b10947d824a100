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
HARMLESS = {
    "a comment": ("# a comment", "# another one"),
    "a docstring": ("A docstring.", "Another one."),
    "the docstring of a helper": ("Return something.", "Return more."),
    "lines above": ("import functools", "\n\n\nimport functools"),
    "the layout": ("    return x + 1", "    return (\n        x + 1\n    )"),
    "the body of a memoised callee that gives the same": ("x // 10", "x // 11"),
}
"""Edits that change no result: what is replaced by what."""
EDITS = {
    "the body": ("x + more", "x - more"),
    "a default": ("more=1", "more=2"),
    "the version": ("store=True)\ndef f", "store=True, version=2)\ndef f"),
    "a helper": ("return x + 1", "return x + 11"),
    "a constant": ("RATE = 0.5", "RATE = 0.25"),
    "the content of a dict": ('{"a": 1}', '{"a": 2}'),
    "a method": ("return x + 2", "return x + 22"),
    "a base class": ("class Better(Model):\n    pass", "class Better(Model):\n    def shift(self, x):\n        return x"),
    "a wrapper": ("fn(x) + 3", "fn(x) + 33"),
    "a closure": ("make(5)", "make(6)"),
    "a lambda": ("2 * x", "3 * x"),
    "a helper of a helper in another module": ("tools: x / 10", "x / 20"),
}
"""Edits that may change it."""


@pytest.mark.slow
def test_each_edit_is_seen_for_what_it_is(tmp_path):
    """Every edit that may change a result runs the function again, and all that change none together do not."""
    first, after = tmp_path / "first", BASE
    assert run(first, BASE, TOOLS, seed="1") == "1"
    for old, new in HARMLESS.values():
        assert old in after, old
        after = after.replace(old, new)
    shutil.copytree(first / "kept.store", tmp_path / "harmless" / "kept.store")
    assert run(tmp_path / "harmless", after, TOOLS, seed="2") == "0"

    unseen = []
    for name, (old, new) in EDITS.items():
        folder = tmp_path / name.replace(" ", "_")
        shutil.copytree(first / "kept.store", folder / "kept.store")
        of_tools = old.startswith("tools: ")
        text = TOOLS if of_tools else BASE
        edited = text.replace(old.removeprefix("tools: "), new)
        assert edited != text, name
        ran = run(folder, BASE if of_tools else edited, edited if of_tools else TOOLS, seed="2")
        unseen += [name] if ran != "1" else []

    assert unseen == []


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
