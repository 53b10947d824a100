"""Globals that change while a function runs are named, and lead to no wrong hit; ``memoize(ignore_globals=)`` allows them."""

from __future__ import annotations

import sys
import types
from itertools import count

import pytest

import dug
from dug.fingerprint import reach

_numbers = count()
HEAD = "import dug\n"


@pytest.fixture
def load(monkeypatch):
    """Return a function that runs a text as a module, under a new name or the one of another module."""

    def load(text, name=None):
        module = types.ModuleType(name or f"ignored_{next(_numbers)}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(HEAD + text, f"{module.__name__}.py", "exec"), vars(module))
        return module

    return load


GROWING = {
    "a list": ("RAN = []", "RAN.append(x)\n    return [x, len(RAN)]"),
    "a dict": ("RAN = {}", "RAN[x] = x\n    return [x, len(RAN)]"),
    "a set": ("RAN = set()", "RAN.add(x)\n    return [x, len(RAN)]"),
    "a list of objects": ("RAN = []", "RAN.append(object())\n    return [x, len(RAN)]"),
    "a number": ("RAN = 0", "global RAN\n    RAN += 1\n    return [x, RAN]"),
    "what a helper grows": ("RAN = []\ndef note(x):\n    RAN.append(x)\n    return len(RAN)", "return [x, note(x)]"),
    "what a callee grows": (
        "RAN = []\n@dug.memoize(store=False)\ndef note(x): RAN.append(x)",
        "note(x)\n    return [x, len(RAN)]",
    ),
}


def write(kind, option=""):
    """Return a program that changes a global while it runs, in some way."""
    first, body = GROWING[kind]
    return f"{first}\n@dug.memoize(store=True{option})\ndef f(x):\n    {body}\n"


@pytest.mark.parametrize("kind", GROWING)
def test_a_global_that_grows_is_named_once_and_never_served(begin, load, kind):
    """A global that changed while a function ran is named once, with what to type; no run is served that had read another one."""
    module = load(write(kind))
    here = module.__name__

    with begin() as log:
        with pytest.warns(RuntimeWarning, match=rf"^No run of {here}:f is kept. {here}:RAN changed while it ran: ") as warned:
            found = [module.f(1), module.f(2)]
        reason = log.store.refused[f"{here}:f"]
    again = load(write(kind), here)
    with begin(read_only=True):
        fresh = again.f(2)

    name = "RAN" if kind != "what a helper grows" else f"{here}.RAN"
    assert len(warned) == 1
    assert f"pass it, make it a source, or say memoize(ignore_globals=('{name}',))" in str(warned[0].message)
    assert reason.startswith((f"{here}:RAN changed while it ran", f"{here}.RAN was changed"))
    assert found == [[1, 1], [2, 2]]
    assert fresh == [2, 1]


@pytest.mark.parametrize("kind", GROWING)
def test_a_global_that_is_ignored_is_no_part_of_the_function(begin, load, kind):
    """What a function says to ignore may change: its runs are kept, and nothing is told of."""
    name = f"ignored_{next(_numbers)}"
    module = load(write(kind, f", ignore_globals=('{'RAN' if kind != 'what a helper grows' else f'{name}.RAN'}',)"), name)

    with begin():
        found = [module.f(1), module.f(2)]
    with begin() as log:
        assert [module.f(1), module.f(2)] == found
        assert log.store.refused == {}

    assert [node for node in log.computed if node.function is module.f] == []
    assert reach(module.f).parts[f"{name}.RAN"] == "ignored"


def test_an_ignored_global_may_differ_in_the_next_process(begin, load):
    """A run is served whatever an ignored global leads to, and everything else that the function reaches still counts."""
    text = "RAN = [1]\nRATE = 2\n@dug.memoize(store=True, ignore_globals='RAN')\ndef f(x):\n    return x * RATE + 0 * len(RAN)\n"
    name = load(text).__name__
    for edited, computed, right in (
        (text, 1, 6),
        (text.replace("[1]", "{5: 6}"), 0, 6),
        (text.replace("RATE = 2", "RATE = 3"), 1, 9),
    ):
        module = load(edited, name)
        with begin() as log:
            assert module.f(3) == right
        assert len(log.computed) == computed


@pytest.mark.parametrize("is_alias", [False, True])
def test_a_global_of_another_module_is_ignored(begin, load, is_alias):
    """A name with a module, or with what that is called here, is a global which helpers or the function read of it."""
    tools = load("RAN = []\ndef note():\n    global RAN\n    RAN = [*RAN, 1]\n    return len(RAN)\n")
    option = f"ignore_globals=('{'t' if is_alias else tools.__name__}.RAN',)"
    text = f"import {tools.__name__} as t\n@dug.memoize(store=True, {option})\ndef f(x):\n    return [x, t.note(), len(t.RAN)]\n"
    module = load(text)

    for computed in (1, 0):
        with begin() as log:
            assert module.f(1) == [1, 1, 1]
        assert len(log.computed) == computed


def test_a_cell_that_is_run_again_keeps_its_memos(load):
    """A definition that is run again, with a new list in an ignored global, is the same definition."""
    body = "@dug.memoize(ignore_globals=('RAN',))\ndef f(x):\n    RAN.append(x)\n    return len(RAN)\n"
    text = f"RAN = globals().get('RAN', [])\n{body}FOUND = f(1)\nRAN = [1, 2]\n"
    with dug.Context() as ctx:
        module = load(text)
        exec(compile(HEAD + text, f"{module.__name__}.py", "exec"), vars(module))

        assert module.f.node(1) in ctx
    assert module.FOUND == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("RUN",), r"has 'RUN', and it reads no such global; it reads HELPERS, RAN, rate\. Write one that a helper reads"),
        (("x",), r"has 'x', and it reads no such global"),
        (("HELPERS.RAN",), r"has 'HELPERS\.RAN', and HELPERS is not a module: .*\. Write 'HELPERS', or pass"),
        (("nowhere.RAN",), r"has 'nowhere\.RAN', and there is no module nowhere\. Import it"),
        (5, r"ignore_globals must be the names of globals, not 5\. Write ignore_globals=\('RAN',\)"),
        ((5,), r"ignore_globals must be the names of globals, not \(5,\)\. Write"),
    ],
)
def test_a_name_that_is_no_global_is_refused(load, names, message):
    """A name that the function does not read is refused where it is decorated, with what there is."""
    body = "def f(x):\n    RAN.append(rate(x))\n    return [len(HELPERS), print]\n"
    text = f"HELPERS = {{}}\n@dug.memoize(ignore_globals={names!r})\n{body}"
    with pytest.raises(TypeError, match=message):
        load(text)


def test_a_global_that_nothing_reaches_is_told(load):
    """A global of another module that no helper reads is named when the fingerprint is taken, with what there is."""
    tools = load("RAN = []\nRUN = []\ndef note():\n    return len(RAN)\n").__name__
    module = load(f"import {tools}\n@dug.memoize(ignore_globals=('{tools}.RUN',))\ndef f(x):\n    return {tools}.note()\n")

    with pytest.warns(RuntimeWarning, match=rf"f says ignore_globals=\('{tools}.RUN',\), and reaches no such.*: {tools}.RAN"):
        reach(module.f)


def test_what_a_decorated_function_wraps_may_ignore_too(begin, load):
    """Below other decorators the names are those of the function that was written."""
    wrapper = "import functools\ndef twice(fn):\n    @functools.wraps(fn)\n    def run(x): return 2 * fn(x)\n    return run\n"
    body = "@twice\ndef f(x):\n    RAN.append(x)\n    return x + 0 * len(RAN)\n"
    module = load(f"{wrapper}RAN = []\n@dug.memoize(store=True, ignore_globals=('RAN',))\n{body}")
    for computed in (1, 0):
        with begin() as log:
            assert module.f(1) == 2
        assert len(log.computed) == computed


def test_a_source_has_the_option(load):
    """A source takes the names, too: what it ignores is not a change of it."""
    module = load("RAN = []\n@dug.source(ignore_globals=('RAN',))\ndef f():\n    RAN.append(1)\n    return len(RAN)\n")
    before = reach(module.f).print
    module.RAN.append(1)

    assert reach(module.f).print == before
