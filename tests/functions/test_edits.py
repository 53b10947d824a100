"""Edits of a small project, each seen by a process of its own that loads the file of one before the edit."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # a process for each edit

FILES = {
    "desk.py": '''
import enum
import math
from dataclasses import dataclass

import helpers
import shapes.lines
from helpers import discount, logged
from helpers import Base as Parent
import dug

RATE = 0.05
LIMITS = {"low": 1, "high": [2, 3]}
ORDER = ("a", ("b", 1.5))
HOLIDAYS = {"2024-01-01", "2024-12-25"}


def local_helper(x):
    return x + 1


def scaled_by(k):
    def scale(x):
        return x * k
    return scale


twice = scaled_by(2)
thrice = lambda x: x * 3
ROUTES = {"up": local_helper, "down": lambda x: x - 1}


class Side(enum.Enum):
    BUY = 1
    SELL = 2


@dataclass(frozen=True)
class Config:
    level: int = 3


CONFIG = Config()


class Curve(Parent):
    """A curve."""

    shift = 0.5

    def value(self):
        return self.base() + 1

    @property
    def width(self):
        return 2

    @staticmethod
    def unit():
        return 1


@logged
def decorated(x):
    return x


@dug.memoize
def low():
    return 10


@dug.memoize
def own():
    return 1


@dug.memoize
def with_default(x=1):
    return x


@dug.memoize(version=1)
def with_version():
    return 1


def _closed(k):
    def closed():
        return k
    closed.__qualname__ = closed.__name__ = "closed"
    return closed


closed = dug.memoize(name="desk:closed")(_closed(5))


def applied(x, fn=lambda x: x + 7):
    return fn(x)


@dug.memoize
def calls_default():
    return applied(1)


@dug.memoize
def calls_local():
    return local_helper(1)


@dug.memoize
def calls_other():
    return discount(1)


@dug.memoize
def calls_attribute():
    return helpers.outer(1)


@dug.memoize
def calls_nested():
    return shapes.lines.length(3)


@dug.memoize
def reads_constant():
    return RATE


@dug.memoize
def reads_tuple():
    return ORDER


@dug.memoize
def reads_dict():
    return LIMITS["low"]


@dug.memoize
def reads_set():
    return sorted(HOLIDAYS)


@dug.memoize
def reads_module_constant():
    return helpers.FEE


@dug.memoize
def reads_instance():
    return CONFIG.level


@dug.memoize
def reads_enum():
    return Side.BUY.value


@dug.memoize
def uses_class():
    return Curve().value()


@dug.memoize
def uses_property():
    return Curve().width


@dug.memoize
def calls_closure():
    return twice(1)


@dug.memoize
def calls_lambda():
    return thrice(1)


@dug.memoize
def calls_route():
    return ROUTES["down"](1)


@dug.memoize
def calls_decorated():
    return decorated(1)


@dug.memoize
def calls_library():
    return math.floor(1.5)


@dug.memoize
def calls_node():
    return low() + 1


class Book:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __hash__(self):
        return self.n

    def _part(self):
        return 1

    @staticmethod
    @dug.memoize
    def total(n):
        return Book(n)._part()
''',
    "helpers.py": '''
import functools

FEE = 2


def inner(x):
    return x + 5


def outer(x):
    return inner(x)


def discount(x):
    """Discounts."""
    return x * 2


def logged(fn):
    @functools.wraps(fn)
    def wrapper(*args):
        return fn(*args) + 0
    return wrapper


class Base:
    def base(self):
        return 4
''',
    "shapes/__init__.py": "",
    "shapes/lines.py": "WIDTH = 1\ndef length(x):\n    return x * WIDTH\n",
}

EDITS = {
    "its own body": ("desk.py", "def own():\n    return 1", "def own():\n    return 2", "own"),
    "a default": ("desk.py", "def with_default(x=1)", "def with_default(x=2)", "with_default"),
    "its version": ("desk.py", "version=1", "version=2", "with_version"),
    "its closure": ("desk.py", "_closed(5)", "_closed(6)", "closed"),
    "a function that is a default": ("desk.py", "x + 7", "x + 8", "calls_default"),
    "a helper in its module": ("desk.py", "return x + 1\n", "return x + 2\n", "calls_local calls_route"),
    "a helper of another module": ("helpers.py", "return x * 2", "return x * 3", "calls_other"),
    "a helper of a helper, through a module": ("helpers.py", "return x + 5", "return x + 6", "calls_attribute"),
    "a helper in a package": ("shapes/lines.py", "return x * WIDTH", "return x * WIDTH + 1", "calls_nested"),
    "a constant of a helper": ("shapes/lines.py", "WIDTH = 1", "WIDTH = 2", "calls_nested"),
    "a constant": ("desk.py", "RATE = 0.05", "RATE = 0.06", "reads_constant"),
    "the type of a constant": ("desk.py", "RATE = 0.05", "RATE = 5", "reads_constant"),
    "a tuple": ("desk.py", '("b", 1.5)', '("b", 2.5)', "reads_tuple"),
    "a dict": ("desk.py", '{"low": 1', '{"low": 0', "reads_dict"),
    "a list in a dict": ("desk.py", "[2, 3]", "[2, 4]", "reads_dict"),
    "a set": ("desk.py", '"2024-12-25"', '"2024-12-26"', "reads_set"),
    "a constant of another module": ("helpers.py", "FEE = 2", "FEE = 3", "reads_module_constant"),
    "a field of an instance": ("desk.py", "CONFIG = Config()", "CONFIG = Config(4)", "reads_instance"),
    "a default of a dataclass": ("desk.py", "level: int = 3", "level: int = 5", "reads_instance"),
    "a member of an enum": ("desk.py", "BUY = 1", "BUY = 7", "reads_enum"),
    "a method of a class": ("desk.py", "return self.base() + 1", "return self.base() + 2", "uses_class uses_property"),
    "a property of a class": ("desk.py", "        return 2\n", "        return 3\n", "uses_class uses_property"),
    "an attribute of a class": ("desk.py", "shift = 0.5", "shift = 0.6", "uses_class uses_property"),
    "a static method of a class": (
        "desk.py",
        "def unit():\n        return 1",
        "def unit():\n        return 9",
        "uses_class uses_property",
    ),
    "a method of a base": ("helpers.py", "return 4", "return 5", "uses_class uses_property"),
    "the closure of a helper": ("desk.py", "scaled_by(2)", "scaled_by(4)", "calls_closure"),
    "a lambda": ("desk.py", "x * 3", "x * 5", "calls_lambda"),
    "a function in a dict": ("desk.py", "x - 1", "x - 2", "calls_route"),
    "what a helper is wrapped in": ("helpers.py", "fn(*args) + 0", "fn(*args) + 1", "calls_decorated"),
    "a helper that is wrapped": (
        "desk.py",
        "def decorated(x):\n    return x\n",
        "def decorated(x):\n    return -x\n",
        "calls_decorated",
    ),
    "an undecorated method of its class": (
        "desk.py",
        "def _part(self):\n        return 1",
        "def _part(self):\n        return 2",
        "Book.total",
    ),
    "another function of a library": ("desk.py", "math.floor", "math.ceil", "calls_library"),
    "what a memoised function does": ("desk.py", "return 10", "return 11", "low"),
}
"""The edits: the file, the text there, its replacement, and the functions that are changed by it."""

NOTHING = {
    "nothing": lambda text: text,
    "comments": lambda text: text.replace("\n    return", "\n    # a comment\n    return"),
    "docstrings": lambda text: text.replace('"""Discounts."""', '"""Takes off."""').replace('"""A curve."""', '"""Of rates."""'),
    "a new docstring": lambda text: text.replace("(x):\n    return", '(x):\n    """Says."""\n    return').replace(
        "():\n    return", '():\n    """Says."""\n    return'
    ),
    "positions": lambda text: "# more\n" * 30 + "\n\n\n" + text,
    "format": lambda text: (
        text.replace(" + ", "+").replace(" * ", "   *   ").replace("(x):\n    return x", "(\n    x,\n):\n    return (x)")
    ),
    "annotations": lambda text: text.replace("def discount(x):", "def discount(x: float) -> float:"),
    "what nobody reads": lambda text: text + "\nUNUSED = 1\ndef unused():\n    return UNUSED\n",
}
"""Edits that change nothing, in every file."""

SAVE = """
import desk, dug
from dug import snapshot
functions = {name: f for name, f in vars(desk).items() if hasattr(f, "_self_function")} | {"Book.total": desk.Book.total}
with dug.Context() as ctx:
    for name, f in functions.items():
        f(1) if name == "Book.total" else f()
    snapshot.save(ctx, "night.dug")
"""
LOAD = """
import json, desk, dug
from dug import snapshot
functions = {name: f for name, f in vars(desk).items() if hasattr(f, "_self_function")} | {"Book.total": desk.Book.total}
ran = []
with snapshot.load("night.dug", recompute_changed=True) as ctx:
    with ctx.listen(lambda event: ran.append(str(event.node)) if event.kind == "computed" else None):
        for name, f in functions.items():
            f(1) if name == "Book.total" else f()
    print(json.dumps([sorted(name.partition(":")[2] for name in ctx.changed), ran, list(map(str, ctx.absent))]))
"""


def write(folder, files):
    """Write a project."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def run(folder, code, seed):
    """Run code in a new process and return its output."""
    environment = {"PYTHONPATH": ":".join([str(folder), *filter(None, sys.path)]), "PYTHONHASHSEED": str(seed)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project, and a snapshot of it by a process."""
    folder = tmp_path_factory.mktemp("project")
    write(folder, FILES)
    run(folder, SAVE, 1)
    return folder


def load(project, tmp_path, files):
    """Return the view of a new process after an edit: the functions that changed, and the nodes that ran."""
    write(tmp_path, files)
    (tmp_path / "night.dug").write_bytes((project / "night.dug").read_bytes())
    changed, ran, absent = json.loads(run(tmp_path, LOAD, 2))
    assert not absent
    return changed, ran


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_noticed(project, tmp_path, what):
    """A function is another after an edit of anything that it reaches, and is run again; the others are not."""
    name, old, new, expected = EDITS[what]
    assert old in FILES[name]
    changed, ran = load(project, tmp_path, {**FILES, name: FILES[name].replace(old, new, 1)})

    assert changed == sorted(expected.split())
    assert sorted({node.partition(":")[2].partition("(")[0] for node in ran} - {"calls_node"}) == sorted(expected.split())


@pytest.mark.parametrize("what", NOTHING)
def test_what_changes_nothing_is_no_edit(project, tmp_path, what):
    """Comments, docstrings, positions, layout and annotations change no function, and nothing runs again."""
    changed, ran = load(project, tmp_path, {name: NOTHING[what](text) for name, text in FILES.items()})

    assert changed == []
    assert ran == []


def test_each_edit_names_one_thing():
    """The edits are at least the twenty-one that a user is likely to make."""
    assert len(EDITS) >= 21
