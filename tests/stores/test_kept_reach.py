"""What a store keeps of a function holds only while everything that the function reaches is as it was: callees, names, values."""

from __future__ import annotations

import sys
import types
from itertools import count

import pytest

import dug
from dug.fingerprint import fingerprint_of

_numbers = count()


@pytest.fixture
def run(begin, monkeypatch):
    """Return a function that runs a module, one for each test, and gives what its `g` returns, with the store and without."""
    name = f"kept_reach_{next(_numbers)}"

    def run(text):
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile("import dug, functools\n" + text, f"{name}.py", "exec"), vars(module))
        with begin() as log:
            kept = module.g()
            log.store.flush()
        with dug.Context():
            return kept, module.g()

    return run


CALLEES = {
    "a default": ("def f(x=1): return x", "f()", "x=1", "x=2"),
    "a default by keyword": ("def f(*, x=1): return x", "f()", "x=1", "x=2"),
    "a default in a constant": ("RATE = 1\n@dug.memoize\ndef f(x=RATE): return x", "f()", "RATE = 1", "RATE = 2"),
    "the order of parameters": ("def f(a, b): return a - b", "f(a=5, b=2)", "f(a, b): return a - b", "f(b, a): return b - a"),
    "names of parameters": ("def f(a, b=0, **c): return (a, c)", "f(1, b=2)", "b=0, **c)", "d=0, **c)"),
    "ignore": ("def f(a, b=0): return (a, b)", "[f(1), f(1, 2)]", "def f", "def f"),
    "key": ("def f(a): return a", "[f(3), f(4)]", "def f", "def f"),
    "the function of a key": ("def f(a): return a", "[f(3), f(5)]", "% 2", "% 3"),
    "typed": ("def f(a): return type(a).__name__", "[f(1), f(1.0)]", "def f", "def f"),
    "a method": ("class C:\n    @dug.memoize\n    def f(k=1): return k", "C.f()", "k=1", "k=2"),
    "a static method": (
        "class C:\n    @dug.memoize\n    @staticmethod\n    def f(k=1): return k == 1",
        "C().f()",
        "@staticmethod",
        "@classmethod",
    ),
    "a source": ("def f(x=1): return x", "f()", "x=1", "x=2"),
    "a partial": ("def f(x, y=1): return x + y\nP = functools.partial(f, 1)", "P()", "y=1", "y=2"),
    "a bound class method": (
        "class C:\n    @dug.memoize\n    @classmethod\n    def f(cls, k=1): return k\nF = C.f",
        "F()",
        "k=1",
        "k=2",
    ),
}
OPTIONS = {"ignore": "(ignore=('b',))", "key": "(key={'a': bool})", "typed": "(typed=True)"}
"""Typed comes, and the others go."""


@pytest.mark.parametrize("name", CALLEES)
def test_another_way_to_call_a_callee_runs_its_callers(run, name):
    """What turns a call into a node belongs to the callers, too: they ask for another node when it is edited."""
    callee, call, old, new = CALLEES[name]
    decorator = "@dug.source\n" if name == "a source" else "@dug.memoize\n" * callee.startswith("def")
    text = f"{decorator}{callee}\n@dug.memoize\ndef g(): return {call}\n"
    if name == "the function of a key":
        text = text.replace("@dug.memoize\ndef f", "@dug.memoize(key={'a': lambda a: a % 2})\ndef f")
    edited = text.replace(old, new)
    if name in OPTIONS:
        with_option = text.replace("@dug.memoize\ndef f", f"@dug.memoize{OPTIONS[name]}\ndef f")
        text, edited = (text, with_option) if name == "typed" else (with_option, text)
    assert edited != text

    before, _ = run(text)
    kept, right = run(edited)

    assert (kept, right) == (right, right)
    assert before != right


F = "@dug.memoize\ndef f(x): return x * 10\n"
EDITS = {
    "a body below a decorator": (F + "@dug.memoize\ndef g(): return f.__wrapped__(1)", "* 10", "* 20"),
    "the body of a method below a decorator": (
        "class C:\n    @dug.memoize\n    def f(self): return 1\n@dug.memoize\ndef g():\n  f = C.f\n  return f.__wrapped__(0)",
        "return 1",
        "return 2",
    ),
    "a body that is unwrapped": ("import inspect\n" + F + "@dug.memoize\ndef g(): return inspect.unwrap(f)(1)", "* 10", "* 20"),
    "a node": (F + "N = f.node(1)\n@dug.memoize\ndef g(): return N()", "node(1)", "node(2)"),
    "a node in a list": (F + "N = [f.node(1)]\n@dug.memoize\ndef g(): return N[0]()", "node(1)", "node(2)"),
    "a node in a default": (F + "def h(n=f.node(x=1)): return n()\n@dug.memoize\ndef g(): return h()", "x=1", "x=2"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_reached_in_unusual_ways_counts(run, name):
    """A function whose text is as it was runs again when something is edited that it comes to by another way than a call."""
    text, old, new = EDITS[name]

    before, _ = run(text)
    kept, right = run(text.replace(old, new))

    assert (kept, right) == (right, right)
    assert before != right


OBJECTS = {
    "a method of a list": ("L = [1, 2]\nX = L.index", "X(2)", "[1, 2", "[1, 3, 2"),
    "a method of a dict": ("D = {'a': 1}\nX = D.get", "X('a')", "1", "9"),
    "a method of a text": ("X = '1'.join", "X('ab')", "'1'", "'9'"),
    "an operator of a number": ("X = (1).__add__", "X(1)", "(1)", "(9)"),
    "a view of a dict": ("D = {'a': 1}\nX = D.values()", "list(X)", "1", "9"),
    "a weak reference": ("import weakref\nclass C:\n  v = 1\nc = C()\nX = weakref.ref(c)", "X().v", "v = 1", "v = 9"),
    "a partial method": ("class C:\n  def m(s, k): return k\n  p = functools.partialmethod(m, 1)", "C().p()", "m, 1", "m, 9"),
    "a chain of dicts": ("from collections import ChainMap\nX = ChainMap({'a': 1}, {'b': 2})", "X['a']", "1", "9"),
    "a user's list": ("from collections import UserList\nX = UserList([1])", "X[0]", "1", "9"),
    "an array": ("from array import array\nX = array('d', [1.0])", "X[0]", "1.0", "9.0"),
    "an array in a closure": (
        "from array import array\ndef make(a): return lambda: a[0]\nX = make(array('d', [1.0]))",
        "X()",
        "1.0",
        "9.0",
    ),
    "a view of bytes": ("X = memoryview(b'1')", "X[0]", "1", "9"),
    "the format of a record": ("import struct\nX = struct.Struct('<i')", "X.unpack(b'\\1\\0\\0\\2')[0]", "<i", ">i"),
    "a getter": ("from operator import itemgetter\nX = itemgetter(1)", "X([1, 2, 3])", "(1", "(2"),
    "a template": ("from string import Template\nX = Template('1')", "X.substitute()", "1", "9"),
    "an object with a state": ("from argparse import Namespace\nX = Namespace(v=1)", "X.v", "=1", "=9"),
    "a polynomial": ("import numpy\nX = numpy.poly1d([1, 2])", "float(X(3))", "[1", "[9"),
    "a masked array": ("import numpy\nX = numpy.ma.array([1, 2], mask=[0, 1])", "bool(X.mask[0])", "[0,", "[1,"),
    "an array of objects": ("import numpy\nX = numpy.array([1, 'a'], dtype=object)", "X[0]", "[1", "[9"),
    "an own number": ("class N(float): pass\nX = N(1)", "X + 0", "(1", "(9"),
    "an own text": ("class T(str): pass\nX = T('1')", "X + ''", "('1", "('9"),
    "own bytes": ("class B(bytearray): pass\nX = B(b'1')", "bytes(X)", "(b'1", "(b'9"),
    "an own date": ("import datetime\nclass D(datetime.date): pass\nX = D(2001, 1, 1)", "X.year", "2001", "2009"),
    "an own queue": ("from collections import deque\nclass Q(deque): pass\nX = Q([1])", "X[0]", "[1", "[9"),
    "an own array": ("import numpy\nclass A(numpy.ndarray): pass\nX = numpy.array([1]).view(A)", "int(X[0])", "[1", "[9"),
    "an own error": ("class E(ValueError): pass\nX = E(1)", "X.args[0]", "(1", "(9"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_what_an_object_holds_counts(run, name):
    """A function runs again when an object that it reads in a global holds something else, whosever its class is."""
    text, asked, old, new = OBJECTS[name]
    text = f"{text}\n@dug.memoize\ndef g(): return {asked}\n"

    before, _ = run(text)
    kept, right = run(text.replace(old, new, 1))

    assert kept == right
    assert before != right


CHANGING = """
import array, collections, types
class Base:
    RATE = 1
    @property
    def p(self): return 1
    @staticmethod
    def s(): return 1
    @classmethod
    def c(cls): return 1
    def total(self): return self.table[0]
class Cfg(Base):
    table = [1]
    def __init__(self): self.v = 1
class Slotted:
    __slots__ = ("v",)
INST, SLOTTED, NS = Cfg(), Slotted(), types.SimpleNamespace(r=1)
SLOTTED.v = 1
def h(x=1): return x
def k(*, x=1): return x
def one(): return 1
one.table = 1
HELPERS = {"a": one}
ARRAY, BYTES, CHAIN = array.array("d", [1.0]), memoryview(bytearray([1])), collections.ChainMap({"a": 1})
class Queue(collections.deque): pass
QUEUE = Queue([1])
"""
CHANGES = {
    "an attribute of a class": ("Cfg.RATE", "Cfg.RATE = 2"),
    "an attribute of a base": ("Cfg.RATE", "Base.RATE = 2"),
    "an attribute of a base by a method": ("(lambda x: x.total())(Cfg())", "Cfg.table[0] = 2"),
    "a property": ("Cfg().p", "Cfg.p = property(lambda self: 2)"),
    "a property of a base": ("Cfg().p", "Base.p = property(lambda self: 2)"),
    "a static method": ("Cfg().s()", "Base.s = staticmethod(lambda: 2)"),
    "a class method": ("Cfg().c()", "Base.c = classmethod(lambda cls: 2)"),
    "the base": ("Cfg().p", "Cfg.__bases__ = (type('Other', (Base,), {'p': 2}),)"),
    "defaults": ("h()", "h.__defaults__ = (2,)"),
    "defaults by keyword": ("k()", "k.__kwdefaults__ = {'x': 2}"),
    "code": ("one()", "one.__code__ = (lambda: 2).__code__"),
    "an attribute of a function": ("one.table", "one.table = 2"),
    "an attribute of an instance": ("INST.v", "INST.v = 2"),
    "a new attribute of an instance": ("INST.RATE", "INST.RATE = 2"),
    "a slot": ("SLOTTED.v", "SLOTTED.v = 2"),
    "a namespace": ("NS.r", "NS.r = 2"),
    "an array": ("ARRAY[0]", "ARRAY[0] = 2.0"),
    "a view of bytes": ("BYTES[0]", "BYTES[0] = 2"),
    "a chain of dicts": ("CHAIN['a']", "CHAIN['a'] = 2"),
    "an own queue": ("QUEUE[0]", "QUEUE.appendleft(2)"),
    "a helper in a dict": ("HELPERS['a']()", "HELPERS['a'] = lambda: 2"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of data that was changed after it was read
@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_in_a_running_process_is_seen(begin, monkeypatch, name):
    """A new context computes with what a function reaches now, and is served nothing that was computed with what it was."""
    asked, change = CHANGES[name]
    module = types.ModuleType(f"kept_reach_{next(_numbers)}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(f"import dug\n{CHANGING}\n@dug.memoize\ndef g(): return {asked}\n@dug.memoize\ndef i(x): return {asked}", vars(module))

    with begin():
        assert (module.g(), module.i(1)) == (1, 1)
    exec(change, vars(module))
    with begin():
        assert (module.g(), module.i(1), module.i(2)) == (2, 2, 2)


IMPORTS = {
    "a function": "from {} import rate\n return rate()",
    "a function by another name": "from {} import other, rate as r\n return r() + other",
    "a module": "import {}\n return {}.rate()",
    "a module by another name": "import {} as h\n return h.rate()",
    "a module in a closure": "import {} as h\n return (lambda: h.rate())()",
    "a function in a branch": "if abs(1):\n  from {} import rate\n return rate()",
    "a class": "from {} import Rate\n return Rate().rate()",
    "two of a module": "import {} as h\n n = h.other\n return h.rate() + n",
}
HELPER = "other = 0\ndef rate(): return 1\nclass Rate:\n    def rate(self): return rate()\n"


@pytest.mark.parametrize("name", IMPORTS)
def test_what_is_imported_inside_a_function_counts(run, monkeypatch, name):
    """A function that imports a helper when it runs is run again when the helper is edited."""
    module = f"kept_helper_{next(_numbers)}"

    def write(text):
        helper = types.ModuleType(module)
        monkeypatch.setitem(sys.modules, module, helper)
        exec(text, vars(helper))
        return run("RAN = []\n@dug.memoize\ndef g():\n RAN.append(1)\n " + IMPORTS[name].format(module, module) + "\n")

    assert write(HELPER) == (1, 1)
    assert write(HELPER.replace("return 1", "return 2")) == (2, 2)


def test_a_module_that_is_not_imported_yet_is_nothing_to_trust(begin, monkeypatch, tmp_path):
    """The run that imports a helper first is kept under no fingerprint; from then on the helper counts."""
    helper, name = tmp_path / "kept_late.py", "kept_late"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = types.ModuleType(f"kept_reach_{next(_numbers)}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("import dug\n@dug.memoize\ndef g(x):\n    from kept_late import rate\n    return rate() * x\n", vars(module))
    found = []
    for rate in (1, 20):
        monkeypatch.delitem(sys.modules, name, raising=False)
        helper.write_text(f"def rate(): return {rate}\n")
        with begin() as log:
            found.append((module.g(1), module.g(2), len(log.computed)))
        with begin() as log:
            found.append((module.g(1), module.g(2), len(log.computed)))
    monkeypatch.delitem(sys.modules, name)

    assert found == [(1, 2, 2), (1, 2, 1), (20, 40, 2), (20, 40, 1)]


@pytest.mark.parametrize(("old", "new"), [("return x + 1", "return 1 + x"), ("x: int", "x"), ("'''One.'''", "'''Two.'''")])
def test_the_body_of_a_callee_is_its_own(monkeypatch, old, new):
    """A callee that is called in the same way leaves the fingerprint of its callers, whatever it does with its arguments."""
    text = "import dug\n@dug.memoize\ndef f(x: int = 1):\n    '''One.'''\n    return x + 1\n@dug.memoize\ndef g(): return f()\n"
    prints = []
    for one in (text, text.replace(old, new)):
        module = types.ModuleType("kept_body")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(one, "kept_body.py", "exec"), vars(module))
        prints.append(fingerprint_of(module.g))

    assert prints[0] == prints[1]
