"""Which edits of a program a store takes for another definition: each edit in a module of its own, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import attr
import attrs
import pytest
import wrapt

import dug

pytestmark = pytest.mark.slow  # five processes, for all tests together

BOOK = '''
import functools
import dug
import tools as t

RATE = 0.5
TABLE = {"a": 1, "b": (2, 3)}
NAMES = {"spot", "rate", "vol", "fx", "curve"}

def helper(x):
    """Return something."""
    return x + 1

class Model:
    def shift(self, x):
        return x + 2

class Better(Model):
    def more(self, x):
        return self.shift(x) + 20

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
given = make(6)
double = lambda x: 2 * x

def other(x):
    return x + 7

@dug.memoize(store=True)
def callee(x):
    return x // 10

def make_f(cell):
    @dug.memoize(store=True, name="book:f", ignore=("fn", "inner"))
    def f(x, more=1, fn=other, inner=given):
        # a comment
        """A docstring."""
        RAN.append(x)
        known = x in {"spot", "rate", "vol"} or "spot" in NAMES
        said = [x + more, fn(x), inner(x), cell, helper(x), RATE, TABLE["a"], Better().more(x), wrapped(x), closed(x), double(x)]
        return [*said, t.tenth(x), t.sub.half(x), callee(x), known]
    return f

RAN = []
f = make_f(8)
'''
TOOLS = "import sub as sub\n\ndef tenth(x):\n    return x / 10 + sub.scale(x)\n"
SUB = "def half(x):\n    return x / 2\n\ndef scale(x):\n    return deep(x) + 1\n\ndef deep(x):\n    return x\n"
TEXTS = {"book": BOOK, "tools": TOOLS, "sub": SUB}

HARMLESS = {
    "nothing": ("book", "import functools", "import functools"),
    "a comment": ("book", "# a comment", "# another one, and longer"),
    "a docstring": ("book", "A docstring.", "Another one."),
    "the docstring of a helper": ("book", "Return something.", "Return more."),
    "lines above": ("book", "import functools", "# more\n\n\nimport functools"),
    "lines above in another module": ("sub", "def deep", "\n\n\n\ndef deep"),
    "the layout": ("book", "    return x + 1\n", "    return (\n        x +\n        1\n    )\n"),
    "the body of a memoised callee that gives the same": ("book", "x // 10", "x // 11"),
    "what nothing reads": ("book", "RAN = []", "RAN = []\nMORE = 3\ndef unused(x):\n    return MORE\n"),
}
"""Edits that change no result: the module, and what in it is replaced by what."""
EDITS = {
    "the body": ("book", "x + more", "x - more"),
    "a default": ("book", "more=1", "more=2"),
    "the version": ("book", 'name="book:f"', 'name="book:f", version=2'),
    "a helper": ("book", "return x + 1\n", "return x + 11\n"),
    "a helper in another module": ("tools", "x / 10", "x / 20"),
    "a helper of a helper through its module": ("sub", "return deep(x) + 1", "return deep(x) + 2"),
    "a helper of that": ("sub", "    return x\n", "    return 2 * x\n"),
    "a helper through a module of a module": ("sub", "x / 2", "x / 4"),
    "a constant": ("book", "RATE = 0.5", "RATE = 0.25"),
    "the content of a dict": ("book", '{"a": 1', '{"a": 2'),
    "the content of a set": ("book", '"spot", "rate", "vol", "fx", "curve"', '"rate", "vol", "fx", "curve"'),
    "a method": ("book", "self.shift(x) + 20", "self.shift(x) + 21"),
    "a method of a base": ("book", "return x + 2\n", "return x + 22\n"),
    "a method that hides that of a base": ("book", "    def more", "    def shift(self, x):\n        return x\n\n    def more"),
    "the closure of a helper": ("book", "closed = make(5)", "closed = make(55)"),
    "a lambda": ("book", "2 * x", "3 * x"),
    "the wrapper of a decorated helper": ("book", "fn(x) + 3", "fn(x) + 33"),
    "what a wrapper wraps": ("book", "def wrapped(x):\n    return x\n", "def wrapped(x):\n    return -x\n"),
    "the body of a helper that is a default": ("book", "return x + 7", "return x + 77"),
    "the closure of a helper that is a default": ("book", "given = make(6)", "given = make(66)"),
    "its own closure": ("book", "make_f(8)", "make_f(88)"),
}
"""Edits that change one."""
ALL = {**HARMLESS, **EDITS}
RUN = """
import importlib, json, sys
import dug
folder, names, said = sys.argv[1], sys.argv[2:], {}
sys.path.insert(0, folder)
books = [importlib.import_module(name) for name in names]
with dug.Context(store=folder + "/kept.store"):
    kept = [book.f(3) for book in books]
ran = [len(book.RAN) for book in books]
with dug.Context():
    print(json.dumps([*zip(ran, kept, [book.f(3) for book in books])]))
"""


def write(folder, *, is_edited):
    """Write the program into a folder, once for each edit and under names of its own."""
    folder.mkdir(exist_ok=True)
    for number, (name, (module, old, new)) in enumerate(ALL.items()):
        assert TEXTS[module].count(old) == 1, name
        for file, text in TEXTS.items():
            written = text.replace(old, new) if is_edited and file == module else text
            for one in TEXTS:
                written = written.replace(f"import {one}", f"import {one}_{number}").replace(f'"{one}:', f'"{one}_{number}:')
            (folder / f"{file}_{number}.py").write_text(written)


def run(folder, seed, *command):
    """Run all of them in one process: by edit, how often the body ran, what it gave, and what is right."""
    root = str(Path(dug.__file__).parent.parent)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([root, *([str(find_packages(folder))] if command else filter(None, sys.path))])
    command = [*(command or (sys.executable,)), "-c", RUN, str(folder), *(f"book_{number}" for number in range(len(ALL)))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(ALL, json.loads(done.stdout), strict=True))


def find_packages(folder):
    """Return a folder with what dug needs and no more, as the other packages of this Python may not suit another one."""
    found = folder / "packages"
    found.mkdir(exist_ok=True)
    for package in (attr, attrs, wrapt):
        link = found / package.__name__
        if not link.exists():
            link.symlink_to(Path(package.__file__).parent, target_is_directory=True)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a folder with the stores that a process has written, and what its programs gave."""
    folder = tmp_path_factory.mktemp("matrix") / "written"
    write(folder, is_edited=False)
    return folder, run(folder, "1")


@pytest.fixture(scope="module")
def found(written, tmp_path_factory):
    """Return what each program gave to the first process, and what it gives to the next one, edited."""
    kept, before = written
    folder = tmp_path_factory.mktemp("matrix") / "edited"
    shutil.copytree(kept, folder)
    write(folder, is_edited=True)
    after = run(folder, "2")
    return {name: (before[name], after[name]) for name in ALL}


@pytest.mark.parametrize("name", HARMLESS)
def test_an_edit_that_changes_nothing_runs_nothing(found, name):
    """A function whose meaning an edit leaves is taken from the store, in a process with another order of hashes."""
    (ran_first, first, _), (ran, kept, right) = found[name]

    assert (ran_first, ran) == (1, 0)
    assert kept == right == first


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_changes_something_runs_the_function(found, name):
    """A function that an edit reaches runs again in the next process, and gives what is right now."""
    (ran_first, first, _), (ran, kept, right) = found[name]

    assert (ran_first, ran) == (1, 1)
    assert kept == right
    assert right != first or name == "the version"


def find_others():
    """Return the commands of Pythons whose byte code is another: those of other versions, and this one without asserts."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    versions = {
        version: path
        for version in ("3.11", "3.12", "3.13", "3.14")
        for path in sorted(root.glob(f"{version}.*/bin/python"))
        if version != mine
    }
    return {f"{mine} -O": (sys.executable, "-O"), **{version: (str(path),) for version, path in versions.items()}}


@pytest.mark.parametrize("python", find_others())
def test_another_python_is_given_nothing_wrong(written, tmp_path, python):
    """A store that another Python has written gives what is right, whatever was edited."""
    kept, before = written
    folder = tmp_path / "kept"
    shutil.copytree(kept, folder)
    write(folder, is_edited=True)

    after = run(folder, "3", *find_others()[python])

    assert [name for name in ALL if after[name][1] != after[name][2]] == []
    assert [name for name in HARMLESS if after[name][2] != before[name][2]] == []
    assert [name for name in EDITS if not after[name][0]] == []
