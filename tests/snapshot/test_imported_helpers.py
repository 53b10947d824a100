"""Files and the helpers that functions import when they run: seen where both processes have imported them."""

from __future__ import annotations

import sys
import types

import pytest

import dug
from dug import snapshot
from dug.snapshot import look

IMPORTS = {
    "a function": "from imported_helper import rate\n    return rate()",
    "a module": "import imported_helper as h\n    return h.rate()",
    "a class": "from imported_helper import Rate\n    return Rate().rate()",
}
HELPER = "RATE = {}\ndef rate():\n    return RATE\nclass Rate:\n    def rate(self): return rate()\n"


def define(monkeypatch, name, text):
    """Run a text as a module."""
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, f"{name}.py", "exec"), vars(module))
    return module


@pytest.fixture
def save(monkeypatch, tmp_path):
    """Return a function that computes with a helper and saves that; it returns the path and the module."""

    def save(kind, rate):
        define(monkeypatch, "imported_helper", HELPER.format(rate))
        module = define(monkeypatch, "importing", f"import dug\n@dug.memoize\ndef top():\n    {IMPORTS[kind]}\n")
        path = tmp_path / f"{rate}.dug"
        with dug.Context() as ctx:
            assert module.top() == rate
            snapshot.save(ctx, path)
        return path, module

    return save


@pytest.mark.parametrize("kind", IMPORTS)
def test_an_edited_helper_is_seen_where_it_is_imported(save, monkeypatch, kind):
    """A process that has imported an edited helper is told that the function has changed, and runs it again if it wants to."""
    path, module = save(kind, 1)
    with snapshot.load(path) as same:
        assert same.changed == ()
    define(monkeypatch, "imported_helper", HELPER.format(2))

    with snapshot.load(path) as old:
        assert (old.changed, module.top()) == (("importing:top",), 1)
    with snapshot.load(path, recompute_changed=True):
        assert module.top() == 2


@pytest.mark.parametrize("kind", IMPORTS)
def test_two_files_tell_that_a_helper_differs(save, kind):
    """A comparison of files says by which helper a function differs."""
    before, after = (look(save(kind, rate)[0]) for rate in (1, 2))
    with before, after:
        (function,) = after.functions
        told = str(before.compare(after))

    assert "imported_helper.RATE" in function.imported
    assert function.parts == before.functions[0].parts
    assert "imported_helper.RATE" in told


def test_a_helper_that_is_not_imported_cannot_be_compared(save, monkeypatch):
    """Where nobody has imported the helper yet, the file answers: to load one imports nothing."""
    path, module = save("a function", 1)
    monkeypatch.delitem(sys.modules, "imported_helper")

    with snapshot.load(path) as loaded:
        assert (loaded.changed, module.top()) == ((), 1)
    assert "imported_helper" not in sys.modules
