"""What a function is, as text that other processes compare."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dug
from dug.fingerprint import calls_alike, fingerprint_of, has_changed, source_of

MODULE = """
FACTOR = 2
def plain(x, y=(1, {{"a"}}), *, z="z"):
    {doc}
    {comment}
    if x in {{"a", "b", "c", "d"}}:
        return [lambda: x + {constant}]
    return y
def close(value):
    def inner(): return value
    return inner
closed = close({closed})
"""


def make(tmp_path, name="m", *, doc="'''One.'''", comment="# one", constant=1, closed="(1, 2)"):
    """Return the names of a module that was written and run."""
    path = tmp_path / f"{name}.py"
    path.write_text(MODULE.format(doc=doc, comment=comment, constant=constant, closed=closed))
    space = {"__name__": name}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space


@pytest.mark.slow  # three processes
def test_a_fingerprint_is_the_same_in_every_process(tmp_path):
    """Sets among the constants and defaults, and the order of hashes, do not show."""
    make(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import m; from dug.fingerprint import fingerprint_of as f\n"
    code += "print(f(m.plain)); print(f(m.closed))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("change", "expected"), [({"comment": "# two"}, False), ({"doc": "'''Two.'''"}, False), ({"constant": 2}, True)]
)
def test_what_a_function_does_is_what_counts(tmp_path, change, expected):
    """Comments and docstrings do not change a function; a constant in an inner function does."""
    before, after = make(tmp_path)["plain"], make(tmp_path, "n", **change)["plain"]

    assert has_changed(fingerprint_of(before), fingerprint_of(after)) is expected


def test_what_is_closed_over_counts(tmp_path):
    """Functions made by one function differ by what they close over."""
    one, two = make(tmp_path)["closed"], make(tmp_path, "n", closed="(1, 3)")["closed"]

    assert has_changed(fingerprint_of(one), fingerprint_of(two))


def test_defaults_count():
    """Another default is another function."""

    def one(x=1.0):
        return x

    def two(x=2.0):
        return x

    two.__code__ = one.__code__

    assert has_changed(fingerprint_of(one), fingerprint_of(two))


def test_the_version_of_a_memoised_function_counts():
    """``memoize(version=...)`` is part of what a function is."""

    def body():
        return 1

    one, two = dug.memoize(version=1)(body), dug.memoize(version=2)(body)

    assert has_changed(fingerprint_of(one), fingerprint_of(two))


def test_another_python_compares_the_text():
    """Where the byte code is of another Python, the source text without its layout decides."""

    def one():
        return 1

    mine = fingerprint_of(one)
    other = mine.replace(mine.partition(":")[0], "cpython-399-0").replace(mine.partition(":")[2][:4], "0000", 1)

    assert not has_changed(mine, other)
    assert has_changed(mine, other[:-4] + "0000")
    assert not has_changed(mine, other.partition("/text:")[0] + "/text:")


def test_what_has_no_code_has_no_fingerprint():
    """A builtin has neither fingerprint nor source, and is never said to have changed."""
    assert fingerprint_of(len) is None
    assert source_of(len) is None
    assert not has_changed(None, fingerprint_of(source_of))


def test_the_source_of_a_memoised_function_is_its_text():
    """The text of a decorated function has its decorator."""

    @dug.memoize
    def area(side):
        return side * side

    assert source_of(area).startswith("@dug.memoize\ndef area(side):")


WRAPPED = """
import functools
def log(fn):
    @functools.wraps(fn)
    def logged(*args):
        return fn(*args)
    return logged
@log
def decorated(x):
    return x + {constant}
def defaulted(x, fn=lambda x: x + {constant}):
    return fn(x)
def grow(x):
    return x + {constant}
applied = functools.partial(grow, {constant})
def make():
    def again(x):
        return again(x - 1) if x else {constant}
    return again
recursive = make()
"""


@pytest.mark.parametrize("name", ["decorated", "defaulted", "applied", "recursive"])
def test_a_function_inside_a_function_counts(tmp_path, name):
    """What a decorator wraps, a default calls or a partial passes on decides what a function does."""
    found = []
    for file, constant in (("m.py", 1), ("n.py", 1), ("o.py", 2)):
        path = tmp_path / file
        path.write_text(WRAPPED.format(constant=constant))
        space = {"__name__": "m"}
        exec(compile(path.read_text(), str(path), "exec"), space)
        found.append(fingerprint_of(space[name]))

    assert found[0] == found[1]
    assert has_changed(found[0], found[2])
    assert has_changed(found[0].replace("cpython", "other"), found[2])


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("def f(x, y=1): return x", "def f(x: int, y=1): return y", True),
        ("@dug.memoize\ndef f(x): return x", "@dug.memoize\ndef f(x): return -x", True),
        ("def f(x, y=1): return x", "def f(x, y=2): return x", False),
        ("def f(x, y=A): return x", "def f(x, y=A): return -x", False),
        ("def f(x): return x", "def f(x, y): return x", False),
        ("@dug.memoize\ndef f(x): return x", "@dug.memoize(typed=True)\ndef f(x): return x", False),
        ("f = dug.memoize(lambda x: x)", "f = dug.memoize(lambda x: -x)", False),
        (None, "def f(x): return x", False),
        ("not Python", "not Python", False),
    ],
)
def test_calls_are_alike_where_the_text_says_so(before, now, expected):
    """The parameters, the defaults that are written out and the decorators decide; what cannot be told is not alike."""
    assert calls_alike(before, now) is expected
