"""What is compiled: the modules of the engine with a ``.pxd`` beside them, how these are typed, and which file is in use."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dug

CORE = Path(dug.__file__).parent / "_core"
DECLARATIONS = sorted(CORE.rglob("*.pxd"))  # an installed dug has none, and is not what is tested
MODULES = [f"dug._core.{path.parent.name}.{path.stem}" for path in DECLARATIONS]

HOLDS_BITS = re.compile(
    r"_*(bits?|low|chunk|rest|window|mask|delta|beneath|sieve|([a-z]+_)?(bits?|footprint|mask|delta)|footprint_\w+)"
)
"""The names, in the engine, of what holds bits."""
OF_BITS = {"object", "cython.py_int", "Sparse"}
"""The types that it may have: an int of C has 64 bits, and drops the others without a word."""


def list_declared(text):
    """Yield the type and the name of all that a ``.pxd`` declares: attributes, parameters and locals."""
    text = re.sub(r"#.*", "", text)
    for names in re.findall(r"@cython\.locals\((.*?)\)", text, re.DOTALL):
        yield from ((kind, name) for name, kind in re.findall(r"(\w+)=([\w.]+)", names))
    for line in re.findall(r"^ *cp?def (.*)$", text, re.MULTILINE):
        _, bracket, parameters = line.partition("(")
        if line.startswith("class "):
            continue
        if bracket:
            for parameter in filter(None, parameters.partition(")")[0].split(",")):
                kind, name = parameter.split("=")[0].split()
                yield kind, name
        else:
            kind, _, names = line.removeprefix("public ").removeprefix("readonly ").partition(" ")
            yield from ((kind, name.strip()) for name in names.split(","))


@pytest.mark.parametrize("path", DECLARATIONS, ids=MODULES)
def test_whatever_holds_bits_is_an_object(path):
    """No bits are in an integer of C, which would cut them off at the 64th target and go on."""
    declared = list(list_declared(path.read_text()))

    assert declared
    assert [(kind, name) for kind, name in declared if HOLDS_BITS.fullmatch(name) and kind not in OF_BITS] == []


def test_the_lint_reads_what_is_declared():
    """An attribute, a parameter and a local of another type are all found."""
    text = "cdef class Memo:\n    cdef long footprint, status\n\n@cython.locals(open_mask=size_t)\ncdef int ask(long bits=*)\n"

    found = [name for kind, name in list_declared(text) if HOLDS_BITS.fullmatch(name) and kind not in OF_BITS]
    assert sorted(found) == ["bits", "footprint", "open_mask"]


@pytest.mark.parametrize("path", DECLARATIONS, ids=MODULES)
def test_no_number_that_is_written_out_is_shifted(path):
    """In a compiled module ``1 << place`` is a shift of C where ``place`` is an integer of C: it is ``pow(2, place)`` there."""
    tree = ast.parse(path.with_suffix(".py").read_text())
    shifts = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift)]

    assert [node.lineno for node in shifts if isinstance(node.left, ast.Constant)] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_compiled_where_the_call_path_is(name):
    """Both or none: on the pure path the same module runs as Python, although a compiled one may lie there."""
    used, source = Path(import_module(name).__file__), CORE / name.split(".")[2] / f"{name.rpartition('.')[2]}.py"

    assert (used != source) is dug.COMPILED
    if dug.COMPILED:
        assert used.parent == CORE / "native" / source.parent.name
        newest = max(path.stat().st_mtime for path in (source, source.with_suffix(".pxd")))
        assert used.stat().st_mtime >= newest, "changed since it was compiled: python -m pip install -e ."


LIST_FILES = f"import dug, importlib; print(*[importlib.import_module(name).__file__ for name in {MODULES!r}])"
IN_ANOTHER = f"""import dug
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
failed = _interpreters.run_string(_interpreters.create(), {LIST_FILES!r})
assert failed is None, failed
"""


def run_python(code, **variables):
    """Return the paths that code prints in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    command = [sys.executable, "-W", "ignore", "-c", code]
    return list(map(Path, subprocess.check_output(command, env=environment, text=True).split()))


def test_the_environment_chooses():
    """``DUG_NO_EXTENSIONS=1`` when dug is imported asks for the files that are not compiled."""
    assert run_python(LIST_FILES, DUG_NO_EXTENSIONS="1") == [path.with_suffix(".py") for path in DECLARATIONS]


def test_another_interpreter_takes_the_pure_path():
    """What Cython compiles is loaded into one interpreter of a process; a second one runs the same files as Python."""
    assert run_python(IN_ANOTHER) == [path.with_suffix(".py") for path in DECLARATIONS]
