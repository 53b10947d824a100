"""The fingerprint of a function, as text that other processes compare."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys

import attrs
import pytest

import dug
from dug._functions.definition.source import text_of
from dug.fingerprint import calls_alike, changed_parts, fingerprint_of, has_changed, reach, source_of

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


def read_module(path, name="m"):
    """Return the names of a module that is run from a file."""
    space = {"__name__": name}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space


def make(tmp_path, name="m", *, doc="'''One.'''", comment="# one", constant=1, closed="(1, 2)"):
    """Return the names of a module that was written and run."""
    path = tmp_path / f"{name}.py"
    path.write_text(MODULE.format(doc=doc, comment=comment, constant=constant, closed=closed))
    return read_module(path, name)


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
    """Functions made by one function differ by their closures."""
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
    """``memoize(version=...)`` is part of the fingerprint of a function."""

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
    """The function that a decorator wraps, a default calls or a partial passes on decides the behaviour of a function."""
    found = []
    for file, constant in (("m.py", 1), ("n.py", 1), ("o.py", 2)):
        path = tmp_path / file
        path.write_text(WRAPPED.format(constant=constant))
        found.append(fingerprint_of(read_module(path)[name]))

    assert found[0] == found[1]
    assert has_changed(found[0], found[2])
    assert has_changed(found[0].replace("cpython", "other"), found[2])


MANY = """
def make():
    class One:
        @staticmethod
        def inner(x, y=lambda: 1):
            text = '''
   of two lines'''
            return text * x
    return One.inner

pairs = [(lambda x: x + 1), (lambda x: x + 2)]
"""


def test_a_file_is_parsed_once(tmp_path, monkeypatch):
    """A hundred functions of one file cost one look at it, and closures of one definition the same text."""
    path = tmp_path / "many.py"
    path.write_text("\n".join(f"def f{number}():\n    return {number}\n" for number in range(100)))
    space, parsed, parse = read_module(path), [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda text, *args: parsed.append(len(text)) or parse(text, *args))

    assert len({fingerprint_of(space[f"f{number}"]) for number in range(100)}) == 100
    assert sum(parsed) <= 2 * len(path.read_text())


def test_an_edited_file_is_read_again(tmp_path):
    """What was known of a file is not said of the text that it has now."""
    path = tmp_path / "edited.py"
    path.write_text("def f():\n    return 1\n")
    before = read_module(path)["f"]
    assert "return 1" in text_of(before)
    path.write_text("# a line more\ndef f():\n    return 2 + 2\n")

    assert "return 2 + 2" in text_of(read_module(path)["f"])


def test_the_text_of_a_definition_is_taken_out_of_the_middle_of_a_file(tmp_path):
    """An indented definition, with strings that begin further left, reads as in its file; of two lambdas in a line none does."""
    path = tmp_path / "indented.py"
    path.write_text(MANY)
    space = read_module(path)
    inner = space["make"]()

    assert text_of(inner) == "def inner(x, y=lambda: 1):\n    text = '\\n   of two lines'\n    return text * x"
    assert text_of(inner.__defaults__[0]) == "lambda: 1"
    assert [text_of(one) for one in space["pairs"]] == [None, None]


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
    """The parameters, the written defaults and the decorators decide; if they cannot be told, two functions differ."""
    assert calls_alike(before, now) is expected


# The reach of a function

REACHING = """
import math
import os.path
import threading
import functools
LOCK = threading.Lock()
BIG = list(range(20_000))
RATES = {{"EUR": {rate}}}
class Terms:
    years = 2
TERMS = Terms()
def helper(x): return math.sqrt(x) * RATES["EUR"] * TERMS.years
def top(x):
    import some_helpers
    with LOCK:
        return helper(x) + len(BIG) + some_helpers.f()
"""


def reaching(rate=1):
    """Return a function that reaches this and that."""
    space = {"__name__": "reaching"}
    exec(REACHING.format(rate=rate), space)
    return space["top"]


def test_the_parts_have_places():
    """A part is named by the place where it was found, the function itself first."""
    found = reach(reaching())

    assert next(iter(found.parts)) == "its code"
    assert {"reaching.helper", "reaching.RATES", "reaching.TERMS", "reaching.Terms.years"} <= found.parts.keys()
    assert found.print == fingerprint_of(reaching())


def test_what_changed_has_a_place():
    """Two reaches differ where they do."""
    before, now = reach(reaching(1)), reach(reaching(2))

    assert has_changed(before.print, now.print)
    assert changed_parts(before.parts, now.parts) == ("reaching.RATES",)
    assert changed_parts(before.parts, {}) == tuple(before.parts)


def test_what_cannot_be_written_down_is_listed():
    """A lock, a list that is too large and a module that is imported inside are blind spots, and are said to be."""
    blind = {line.partition(":")[0]: line for line in reach(reaching()).blind}

    assert blind.keys() == {"reaching.LOCK", "reaching.BIG", "import some_helpers"}
    assert "20,000 items" in blind["reaching.BIG"]


def test_what_a_class_beneath_holds_is_listed():
    """The content of an own class that another one has in C, and that nobody can take from it, is a blind spot."""
    counter = type("Counter", (itertools.count,), {"__module__": __name__})(1)

    assert reach(lambda: counter).blind == ("its code: closure counter: beneath: what itertools.count holds in it",)


def test_packages_count_with_their_version(monkeypatch):
    """An installed package that is used is a part with the first two numbers of its version; the standard library is Python's."""
    numpy = pytest.importorskip("numpy")
    space = {"__name__": "reaching", "np": numpy}
    exec("def f(x): return np.sin(x)", space)
    found = reach(space["f"])
    assert found.packages == {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", "numpy": numpy.__version__}

    exec("def f(x): return np.sin(x)", space)
    monkeypatch.setattr(numpy, "__version__", "99.1.5")
    now = reach(space["f"])
    assert changed_parts(found.parts, now.parts) == ("package numpy",)


def test_memoised_functions_are_where_it_ends():
    """The reach of a memoised function is its own affair."""
    space = {"__name__": "reaching", "dug": dug}
    exec("K = 1\n@dug.memoize\ndef low(): return K\ndef f(): return low()", space)
    before = reach(space["f"])

    assert before.parts["reaching.low"] == "node reaching:low"
    assert "reaching.K" not in before.parts
    assert "reaching.K" in reach(space["low"]).parts


def test_data_counts_as_it_was_when_the_function_first_ran():
    """A list that a function reads and the program goes on to fill counts with its content at the first run."""
    space = {"__name__": "reaching_first", "dug": dug}
    exec("SEEN = [1]\n@dug.memoize\ndef f(): return len(SEEN)", space)
    before = {"__name__": "reaching_first", "dug": dug}
    exec("SEEN = [1]\ndef f(): return len(SEEN)", before)
    ctx = dug.Context()
    ctx.run(space["f"])
    space["SEEN"].append(2)
    with pytest.warns(RuntimeWarning, match="SEEN"):
        ctx.run(space["f"])

    assert reach(space["f"]).parts["reaching_first.SEEN"] == reach(before["f"]).parts["reaching_first.SEEN"]


def test_what_ran_with_another_helper_says_so():
    """A function whose helper was replaced without decorating again has changed, as some of its results are of the old one."""
    space = {"__name__": "reaching_other", "dug": dug}
    exec("def h(): return 1\n@dug.memoize\ndef f(): return h()", space)
    with dug.Context():
        space["f"]()
    exec("def h(): return 2", space)

    fresh = {"__name__": "reaching_other", "dug": dug}
    exec("def h(): return 2\n@dug.memoize\ndef f(): return h()", fresh)
    assert has_changed(fingerprint_of(space["f"]), fingerprint_of(fresh["f"]))


def test_the_fields_of_a_hash_belong_to_the_reach():
    """A field that an attrs class leaves out of its hash makes another class."""
    prints = set()
    for options in ("", "hash=False"):
        space = {"__name__": "reaching", "attrs": attrs}
        exec(f"@attrs.frozen\nclass C:\n    x = attrs.field({options})\ndef f(): return C", space)
        prints.add(reach(space["f"]).print)

    assert len(prints) == 2


def test_looking_runs_no_code_of_the_user():
    """Properties, descriptors and ``__getattr__`` are not called to find the reach."""
    space = {"__name__": "reaching"}
    exec(
        "class Loud:\n    def __getattr__(self, name): raise SystemExit(name)\n"
        "    @property\n    def p(self): raise SystemExit\n    def __repr__(self): raise SystemExit\n"
        "LOUD = Loud()\ndef f(): return LOUD.p + LOUD.q + Loud.r",
        space,
    )

    assert "reaching.LOUD" in reach(space["f"]).parts


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_reach_is_the_same_whatever_the_order_of_hashes(seed):
    """Sets of functions and classes are walked in an order of their own, and a hash of attrs has no number of its process."""
    code = (
        "import attrs\nfrom dug.fingerprint import reach\n@attrs.frozen\nclass D: x: int\n"
        "def a(): pass\ndef b(): pass\nclass C: pass\nALL = {a, b, C, D, 'x', 1}\nKINDS = frozenset({C, int})\n"
        "def f(): return ALL, KINDS\nprint(sorted(reach(f).parts.items()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": one, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for one in (seed, "3")
    }
    assert len(outputs) == 1
