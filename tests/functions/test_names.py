"""Which function a name belongs to: the one that an import finds, and no other that shares it."""

from __future__ import annotations

import importlib
import sys
import types

import pytest

import dug

BASE = """
import dug, functools
@dug.memoize
def base(t): return t
"""


@pytest.fixture
def module(monkeypatch):
    """A module in which source is run."""
    made = types.ModuleType("names_module")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    made.run = lambda source: exec(source, vars(made))
    made.run(BASE)
    return made


VARIANTS = {
    "functools.wraps": """
def scaled(k):
    @functools.wraps(base)
    def f(t): return base(t) * k
    return dug.memoize(f)
two, three = scaled(2), scaled(3)
""",
    "functools.wraps, decorated at the top": """
def scaled(k):
    @functools.wraps(base)
    def f(t): return base(t) * k
    return f
two = dug.memoize(scaled(2))
three = dug.memoize(scaled(3))
""",
    "a decorator inside a function": """
def scaled(k):
    @dug.memoize
    @functools.wraps(base)
    def f(t): return base(t) * k
    return f
two, three = scaled(2), scaled(3)
""",
    "names that are set by hand": """
def scaled(k):
    def f(t): return base(t) * k
    f.__name__, f.__qualname__, f.__module__ = "base", "base", __name__
    return dug.memoize(f)
two, three = scaled(2), scaled(3)
""",
    "a callable of another kind": """
class Scaled:
    def __init__(self, k):
        self.k = k
        functools.update_wrapper(self, base)
        self.__qualname__ = base.__qualname__
    def __call__(self, t): return base(t) * self.k
two, three = dug.memoize(Scaled(2)), dug.memoize(Scaled(3))
""",
    "in a list": """
def scaled(k):
    @functools.wraps(base)
    def f(t): return base(t) * k
    return f
two, three = [dug.memoize(scaled(k)) for k in (2, 3)]
""",
}


@pytest.mark.parametrize("how", VARIANTS)
def test_functions_that_copied_a_name_are_objects_of_their_own(module, how):
    """None redefines another, no result is forgotten, and the text of a node is that of the function with the name."""
    with dug.Context() as ctx:
        module.base(1)
        module.run(VARIANTS[how])

        assert module.base.node(1) in ctx
        assert (module.two(5), module.three(5), module.base(5)) == (10, 15, 5)
        assert dug.Node.parse(str(module.base.node(1))) == module.base.node(1)
        with dug.Context(tweaks={module.base.node(5): 7}):
            assert (module.two(5), module.three(5)) == (14, 21)
        with dug.Context(tweaks={module.two: lambda t: 0}):
            assert (module.two(5), module.three(5), module.base(5)) == (0, 15, 5)


def test_one_function_may_be_remembered_in_two_ways(module):
    """The same function, decorated with other options, is another object; the first one keeps the name."""
    module.run("def plain(x): return [x]\none = dug.memoize(plain)\n")
    with dug.Context() as ctx:
        value = module.one(1)
        module.run("typed = dug.memoize(typed=True)(plain)\n")

        assert module.one(1) is value
        assert module.one.node(1) in ctx
        assert module.typed(1) is not value


def test_one_source_in_two_namespaces_makes_two_functions():
    """Where no import finds either, both are remembered, and neither forgets the other."""
    spaces = [{"__name__": "names_of_nowhere"} for _ in range(3)]
    with dug.Context() as ctx:
        for number, space in enumerate(spaces):
            exec(f"{BASE}K = {number}\n@dug.memoize\ndef f(x): return x + K\n", space)
            assert space["f"](10) == 10 + number
        nodes = [space["f"].node(10) for space in spaces]

        assert all(node in ctx for node in nodes)
        assert len(set(nodes)) == 3
        assert [space["f"](10) for space in spaces] == [10, 11, 12]


@pytest.mark.parametrize("order", ["the module first", "the copy first"])
def test_the_function_of_the_module_has_the_name(monkeypatch, order):
    """Of two namespaces of one name, the one that an import finds has it, whenever it came; nothing is forgotten for that."""
    made = types.ModuleType("names_of_one")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    copy = {"__name__": made.__name__}
    spaces = [vars(made), copy] if order == "the module first" else [copy, vars(made)]
    with dug.Context() as ctx:
        for space in spaces:
            exec(BASE, space)
            space["base"](1)

        assert all(space["base"].node(1) in ctx for space in spaces)
        assert dug.Node.parse("names_of_one:base(1)") == made.base.node(1) != copy["base"].node(1)


def test_the_same_namespace_run_again_is_a_redefinition():
    """Also where no import finds it."""
    space = {"__name__": "names_of_a_cell"}
    exec(f"{BASE}\n@dug.memoize\ndef f(): return 1\n", space)
    with dug.Context():
        assert space["f"]() == 1
        kept = space["f"]
        exec("@dug.memoize\ndef f(): return 2\n", space)
        assert (space["f"](), kept()) == (2, 1)
        exec("@dug.memoize\ndef f(): return 2\n", space)
        assert space["f"].node() == space["f"].node()


DRESSED = {
    "wraps": "@functools.wraps(fn)\n    def w(*a): return fn(*a) + {}\n    return w",
    "names by hand": "def w(t): return fn(t) + {}\n    w.__name__ = w.__qualname__ = fn.__name__\n    return w",
}


@pytest.mark.parametrize("how", ["wraps", "names by hand"])
@pytest.mark.parametrize("above", ["", "@same\n"])
def test_a_decorator_below_does_not_take_the_name_away(module, how, above):
    """The function that the module is about to keep under the name has it, dressed or not: run again, it is redefined."""
    helper = "def same(fn): return fn\ndef dressed(fn):\n    " + DRESSED[how]
    cell = above + "@dug.memoize\n@dressed\ndef f(t): return t\n"
    module.run(helper.format(1) + "\n" + cell)
    with dug.Context() as ctx:
        assert module.f(1) == 2
        assert dug.Node.parse("names_module:f(1)") == module.f.node(1)
        module.run(cell)
        assert module.f.node(1) in ctx
        module.run(helper.format(5) + "\n" + cell)
        assert module.f(1) == 6


def test_methods_have_names(module):
    """A method is that of its class, dressed too, and run again it is redefined; a local class has none."""
    text = (
        "def dressed(fn):\n    @functools.wraps(fn)\n    def w(*a): return fn(*a)\n    return w\n"
        "class C:\n    __hash__ = object.__hash__\n    @dug.memoize\n    @dressed\n    def f(self): return {0}\n"
        "    @dug.memoize\n    @classmethod\n    def g(cls): return {0}\n"
        "    class D:\n        @dug.memoize\n        @staticmethod\n        @dressed\n        def h(): return {0}\n"
    )
    module.run(text.format(1))
    with dug.Context():
        assert (module.C().f(), module.C.g(), module.C.D.h()) == (1, 1, 1)
        module.run(text.format(2))
        assert (module.C().f(), module.C.g(), module.C.D.h()) == (2, 2, 2)
    assert dug.Node.parse("names_module:C.D.h()") == module.C.D.h.node()


def test_a_name_that_was_said_is_the_name(module):
    """With ``name=`` a function takes the name, and one that is decorated later takes it over."""
    with dug.Context():
        one = dug.memoize(name="names_module:said")(lambda: 1)
        assert one() == 1
        two = dug.memoize(name="names_module:said")(lambda: 2)
        assert (one(), two()) == (1, 2)
    assert dug.Node.parse("names_module:said()") == two.node()


def test_a_reimported_module_is_a_redefinition(tmp_path, monkeypatch):
    """A module that was taken out and imported again has the names."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "names_reimported.py"
    with dug.Context():
        for number in (1, 22):
            path.write_text(f"import dug\n@dug.memoize\ndef f(): return {number}\n")
            importlib.invalidate_caches()
            sys.modules.pop("names_reimported", None)
            made = importlib.import_module("names_reimported")
            assert dug.Node.parse("names_reimported:f()")() == made.f() == number
    sys.modules.pop("names_reimported", None)


def test_a_variant_cannot_be_pickled_by_a_name_that_is_not_its_own(module):
    """Another process would find another function."""
    import pickle

    module.run(VARIANTS["functools.wraps"])
    assert pickle.loads(pickle.dumps(module.base.node(1))) == module.base.node(1)
    with pytest.raises(pickle.PicklingError, match="known under no name"):
        pickle.dumps(module.two.node(1))
