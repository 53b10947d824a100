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

PACKAGE = Path(dug.__file__).parent
BY_NAME = {"machine", "stacks"}
"""Files that are not compiled, as in setup.py: their ``.pxd`` declares C that others call by their names."""
DECLARATIONS = [path for path in sorted(PACKAGE.rglob("*.pxd")) if path.stem not in BY_NAME]  # an installed dug has none
MODULES = [".".join(("dug", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in DECLARATIONS]
EMPTY = {"waits", "weak"}
"""What is compiled as it stands, with nothing to declare."""

HOLDS_BITS = re.compile(
    r"_*(bits?|low|chunk|rest|window|mask|delta|below|sieve|differs|([a-z]+_)*(bits?|footprint|mask|delta)|footprint_\w+)"
)
"""The names, in the engine, of what holds bits."""
OF_BITS = re.compile(r"object|dict|cython\.py_int|[A-Z][A-Za-z]+")
"""The types that it, or a dict of it, may have, a class of the engine too: an int of C has 64 bits, and drops the others."""

FUNCTION = re.compile(r"^ *cp?def (?:inline )?(?:([^\n(]*?) )?(\w+)\(([^)]*)\)", re.MULTILINE)
NAMES = re.compile(r"^ *cdef (?:public |readonly )?((?:unsigned |long )*[\w.]+) (\w+(?:, *\w+)*)$", re.MULTILINE)


def list_declared(text):
    """Yield the type and the name of all that a ``.pxd`` declares: globals, attributes, functions, parameters and locals."""
    text = re.sub(r" *#.*", "", text)
    text = re.sub(r"^cdef extern .*?(?=^\S|\Z)", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^ *cdef (public )?class .*$", "", text, flags=re.MULTILINE)
    for names in re.findall(r"@cython\.locals\((.*?)\)", text, re.DOTALL):
        yield from ((kind, name) for name, kind in re.findall(r"(\w+)=([\w.]+)", names))
    for kind, function, parameters in FUNCTION.findall(text):
        yield kind or "object", function
        for parameter in filter(None, map(str.strip, parameters.split(","))):
            of_it, _, name = parameter.split("=")[0].rpartition(" ")
            yield of_it or "object", name
    for kind, names in NAMES.findall(text):
        yield from ((kind, name.strip()) for name in names.split(","))


def find_cut_off(text):
    """Return the declarations of a ``.pxd`` whose type may be too narrow for the bits in them."""
    return [(kind, name) for kind, name in list_declared(text) if HOLDS_BITS.fullmatch(name) and not OF_BITS.fullmatch(kind)]


@pytest.mark.parametrize("path", DECLARATIONS, ids=MODULES)
def test_whatever_holds_bits_is_an_object(path):
    """No bits are in an integer of C, which would cut them off at the 64th target and go on."""
    text = path.read_text()

    assert bool(list(list_declared(text))) is (path.stem not in EMPTY)
    assert find_cut_off(text) == []


@pytest.mark.parametrize("path", DECLARATIONS, ids=MODULES)
def test_the_lint_misses_no_declaration(path):
    """Each line that declares something is read: as many names as the lines have."""
    text = re.sub(r" *#.*", "", path.read_text())
    lines = [line for line in re.findall(r"^ *cp?def .*$", text, re.MULTILINE) if not re.match(r" *cdef (public )?class ", line)]
    names = {name for _, name in list_declared(text)}

    assert [line for line in lines if not any(re.search(rf"\b{name}\b", line) for name in names)] == []


LINTED = """
# A line with bits that says nothing:  cdef long bits
from dug._core.facts.memo cimport Memo

cdef object NO_BITS, BENEATH
cdef long mask  # which says something

cdef extern from *:
    \"\"\"
    static inline int low(long delta) { return 0; }
    \"\"\"
    int low "dug_low"(long delta)

cdef public class Stamp(Base) [object DugStamp, type DugStamp_Type]:
    cdef public unsigned long long serial, open_mask
    cdef public Bits bits
    cdef readonly int footprint, status
    cdef object below, delta
    cdef fill(
        self, Memo home, object footprint_below,
        long own_bits)
    @cython.locals(rest=Py_ssize_t, sieve=object)
    cpdef bint take_footprint(self, bint differs=*) except -1

@cython.locals(
    window=cython.longlong, memo=Memo)
cdef int _chunk(size_t low, object bit)
"""


def test_the_lint_reads_what_is_declared():
    """Globals, several attributes in a line, parameters, locals and functions of another type are all found, and no others."""
    found = sorted(name for _, name in find_cut_off(LINTED))

    assert found == sorted(
        ["mask", "open_mask", "footprint", "own_bits", "rest", "take_footprint", "differs", "window", "_chunk", "low"]
    )


@pytest.mark.parametrize("path", DECLARATIONS, ids=MODULES)
def test_no_number_that_is_written_out_is_shifted(path):
    """In a compiled module ``1 << place`` is a shift of C where ``place`` is an integer of C: it is ``pow(2, place)`` there."""
    tree = ast.parse(path.with_suffix(".py").read_text())
    shifts = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift)]

    assert [node.lineno for node in shifts if isinstance(node.left, ast.Constant)] == []


@pytest.mark.parametrize("path", DECLARATIONS, ids=MODULES)
def test_what_a_module_is_compiled_with_is_named_in_full(path):
    """Cython follows ``cimport package.module`` to see what changed, and not ``from package cimport module``."""
    taken = re.findall(r"^from ([\w.]+) cimport (.+)$", path.read_text(), re.MULTILINE)
    folders = [(PACKAGE.parent.joinpath(*package.split(".")), names.split(", ")) for package, names in taken]

    assert [name for folder, names in folders for name in names if (folder / name).with_suffix(".pxd").exists()] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_compiled_where_the_call_path_is(name):
    """Both or none: on the pure path the same module runs as Python, although a compiled one may lie there."""
    used, source = Path(import_module(name).__file__), PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")

    assert (used != source) is dug.COMPILED
    if dug.COMPILED:
        assert used.parent == PACKAGE / "_core" / "native" / source.parent.name
        by_name = [path for path in PACKAGE.rglob("*.pxd") if path.stem in BY_NAME]
        newest = max(path.stat().st_mtime for path in (source, source.with_suffix(".pxd"), *by_name))
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


@pytest.mark.slow
def test_the_environment_chooses():
    """``DUG_NO_EXTENSIONS=1`` when dug is imported asks for the files that are not compiled."""
    assert run_python(LIST_FILES, DUG_NO_EXTENSIONS="1") == [path.with_suffix(".py") for path in DECLARATIONS]


@pytest.mark.slow
def test_another_interpreter_takes_the_pure_path():
    """What Cython compiles is loaded into one interpreter of a process; a second one runs the same files as Python."""
    assert run_python(IN_ANOTHER) == [path.with_suffix(".py") for path in DECLARATIONS]


A_SECOND_COPY = f"""import dug, sys
for name in [name for name in sys.modules if name.partition('.')[0] == 'dug']:
    del sys.modules[name]
{LIST_FILES}
"""


@pytest.mark.slow
def test_a_second_copy_takes_the_pure_path():
    """What is compiled is loaded once in a process: it has one state, which a second loading must not take over."""
    assert run_python(A_SECOND_COPY) == [path.with_suffix(".py") for path in DECLARATIONS]
