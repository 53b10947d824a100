"""Cells and modules are run again: a function is the same definition only while its reach is the same."""

from __future__ import annotations

import asyncio
import gc
import importlib
import linecache
import sys
import traceback
import types

import pytest

import dug
from dug.testing import EventLog

HELPERS = """
import enum
import functools
import dug
class Side(enum.Enum):
    BUY = 1
    SELL = 2
class Curve:
    level = 1
    def __init__(self, rate): self.rate = rate
    def at(self, years): return self.rate * years
RATE = 0.5
LIMITS = {"low": 1}
def half(x): return x / 2
def make(k):
    def times(x): return x * k
    return times
twice = make(2)
add = lambda x: x + 1
@functools.singledispatch
def tell(x): return "object"
@tell.register
def _(x: int): return "int"
"""
FUNCTIONS = """
@dug.memoize
def side(): return Side.BUY
@dug.memoize
def is_buy(): return side() is Side.BUY
@dug.memoize
def curve(): return Curve(RATE)
@dug.memoize
def is_curve(): return isinstance(curve(), Curve)
@dug.memoize
def at_two(): return Curve(RATE).at(2)
@dug.memoize
def limit(): return LIMITS["low"]
@dug.memoize
def halved(x): return half(x)
@dug.memoize
def doubled(x): return twice(x)
@dug.memoize
def added(x): return add(x)
@dug.memoize
def told(x): return tell(x)
@dug.memoize
def alone(): return [1]
"""


@pytest.fixture
def notebook(monkeypatch):
    """A module in which cells are run, with a context that is active."""
    module = types.ModuleType("run_again")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.run = lambda cell: exec(compile(cell, "<cell>", "exec"), vars(module))
    ctx = dug.Context()
    ctx.activate()
    module.ctx = ctx
    module.run(HELPERS)
    module.run(FUNCTIONS)
    yield module
    ctx.deactivate()


def ask(notebook):
    """Ask for everything, and return it."""
    return (
        notebook.is_buy(), notebook.is_curve(), notebook.at_two(), notebook.limit(), notebook.halved(4), notebook.doubled(3),
        notebook.added(1), notebook.told(1), notebook.alone(),
    )  # fmt: skip


FIRST = (True, True, 1.0, 1, 2.0, 6, 2, "int", [1])


def test_all_cells_run_again_give_what_they_gave(notebook):
    """Values of a class or an enum that was defined again are of the new one; memos that reach none of them are kept."""
    assert ask(notebook) == FIRST
    alone = notebook.alone()
    notebook.run(HELPERS)
    notebook.run(FUNCTIONS)

    assert ask(notebook) == FIRST
    assert notebook.side() is notebook.Side.BUY
    assert type(notebook.curve()) is notebook.Curve
    assert notebook.alone() is alone


def test_the_same_helpers_and_constants_are_the_same(notebook):
    """An undecorated function, a lambda, a closure and plain data with the same content change nothing."""
    ask(notebook)
    notebook.run(HELPERS)
    notebook.run(FUNCTIONS)
    with EventLog(notebook.ctx) as log:
        ask(notebook)

    for function in (notebook.limit, notebook.halved, notebook.doubled, notebook.added, notebook.alone):
        assert log.count(function) == 0, function


CHANGES = {
    "a constant": ("RATE = 0.5", "RATE = 0.25", {"at_two": 0.5}),
    "a type": ("RATE = 0.5", "RATE = 1", {"at_two": 2}),
    "a dict": ('{"low": 1}', '{"low": 3}', {"limit": 3}),
    "a helper": ("x / 2", "x / 4", {"halved": 1.0}),
    "a closure": ("make(2)", "make(5)", {"doubled": 15}),
    "what makes a closure": ("x * k", "x * k + 1", {"doubled": 7}),
    "a lambda": ("x + 1", "x + 7", {"added": 8}),
    "what a generic function picks": ('return "int"', 'return "whole"', {"told": "whole"}),
    "a method": ("self.rate * years", "self.rate + years", {"at_two": 2.5}),
}
ARGUMENTS = {"halved": (4,), "doubled": (3,), "added": (1,), "told": (1,)}


@pytest.mark.parametrize("when", ["at once", "asked in between", "the functions first"])
@pytest.mark.parametrize("what", CHANGES)
def test_an_edit_of_what_is_reached_makes_it_run(notebook, what, when):
    """After an edit, and all cells again, a function that reaches it gives the new value, in whatever order the cells are."""
    old, new, expected = CHANGES[what]
    ask(notebook)
    edited = HELPERS.replace(old, new)
    cells = [FUNCTIONS, edited] if when == "the functions first" else [edited, FUNCTIONS]
    for cell in cells:
        notebook.run(cell)
        if when == "asked in between":
            notebook.alone()

    for name, value in expected.items():
        assert getattr(notebook, name)(*ARGUMENTS.get(name, ())) == value


@pytest.mark.parametrize("what", CHANGES)
def test_a_helper_below_its_caller_is_seen(notebook, what):
    """In one cell, the reach of a function may be bound after it is decorated, and a node asked for before."""
    old, new, expected = CHANGES[what]
    ask(notebook)
    notebook.run(f"{FUNCTIONS}\nalone()\n{HELPERS.replace(old, new)}")

    for name, value in expected.items():
        assert getattr(notebook, name)(*ARGUMENTS.get(name, ())) == value


def test_a_cell_that_asks_for_what_it_defines_keeps_it(notebook):
    """A function that is defined and asked for in one cell is not run again when the cell is, though it is being run still."""
    notebook.run("RAN = []\n")
    cell = "@dug.memoize\ndef counted():\n    RAN.append(1)\n    return half(8)\ncounted()\nlater = 1\n"
    notebook.run(cell)
    notebook.run(cell)

    assert notebook.RAN == [1]


def test_a_look_sees_what_is_in_doubt(notebook):
    """The memos of a node are not shown when the reach of its function has changed."""
    notebook.halved(4)
    notebook.run(HELPERS.replace("x / 2", "x / 4"))
    notebook.run(FUNCTIONS)

    assert notebook.halved.node(4) not in notebook.ctx
    assert "run_again.half changed" in str(notebook.ctx.explain(notebook.halved.node(4)))


def test_a_cell_may_have_a_name_of_its_own(notebook):
    """Notebooks name the code of their cells otherwise than a module's."""
    cell = "@dug.memoize\ndef early(): return late(4)\nearly2 = 1\n" + "def late(x): return x {}\n"
    for text, expected in (("+ 1", 5), ("+ 2", 6)):
        code = compile(cell.format(text), "<cell>", "exec").replace(co_name="<cell line: 1>")
        exec(code, vars(notebook))
        assert notebook.early() == expected


def test_coroutine_functions_are_compared_alike(notebook):
    """The reach of a coroutine function is noted when it first runs, too."""
    cell = "@dug.memoize\nasync def soon(x): return half(x)\n"
    notebook.run(cell)
    assert asyncio.run(notebook.soon(4)) == 2.0
    notebook.run(HELPERS.replace("x / 2", "x / 4") + cell)

    assert asyncio.run(notebook.soon(4)) == 1.0


def test_unusual_objects_are_themselves(notebook):
    """A class whose instances refuse to be looked at is not an obstacle."""
    cell = (
        "class Odd(dict):\n    __class__ = property(lambda self: 1 / 0)\n    def items(self): raise SystemExit\n"
        "    def __iter__(self): raise SystemExit\n    def __len__(self): raise SystemExit\n"
        "ODD = Odd()\n@dug.memoize\ndef odd(): return ODD is not None\n"
    )
    notebook.run(cell)
    assert notebook.odd()
    notebook.run(cell)
    assert notebook.odd()


def test_an_override_that_is_taken_out_is_seen(notebook):
    """A class that is defined again without a method is another class, and so are its instances."""
    cell = (
        "class Book:\n    def price(self): return 1\nclass Child(Book):\n    def price(self): return 2\n"
        "CHILD = Child()\n@dug.memoize\ndef priced(): return CHILD.price()\n"
    )
    notebook.run(cell)
    assert notebook.priced() == 2
    notebook.run(cell.replace("def price(self): return 2", "pass"))
    assert notebook.priced() == 1


def test_callers_are_verified(notebook):
    """A caller of a function that runs again is run if the value is another, and kept if not."""
    notebook.run("@dug.memoize\ndef top(): return halved(4)\n")
    notebook.top()
    for text, runs in (("(x + x) / 4", 0), ("x / 4", 1)):
        notebook.run(HELPERS.replace("x / 2", text))
        notebook.run(FUNCTIONS)
        with EventLog(notebook.ctx) as log:
            value = notebook.top()
        assert (value, log.count(notebook.top)) == (2.0 if not runs else 1.0, runs)


def test_a_replaced_helper_of_another_module_is_seen(notebook, monkeypatch):
    """A part reached through a module counts, too."""
    other = types.ModuleType("run_again_other")
    monkeypatch.setitem(sys.modules, other.__name__, other)
    exec("def f(x): return g(x)\ndef g(x): return x + 1\n", vars(other))
    cell = "import run_again_other as other\n@dug.memoize\ndef through(): return other.f(1)\n"
    notebook.run(cell)
    assert notebook.through() == 2
    exec("def g(x): return x + 10\n", vars(other))
    notebook.run(cell)

    assert notebook.through() == 11


def test_a_dict_that_was_changed_in_place_is_seen(notebook):
    """The content of a dict at the first run counts."""
    notebook.limit()
    notebook.LIMITS["low"] = 9
    notebook.run(FUNCTIONS)

    assert notebook.limit() == 9


def test_a_function_that_counts_its_runs_is_the_same(notebook):
    """A global that a function writes itself, or only appends to, does not belong to its definition."""
    notebook.run("COUNT = 0\nLOG = []\n")
    cell = "@dug.memoize\ndef counted():\n    global COUNT\n    COUNT += 1\n    LOG.append(COUNT)\n    return COUNT\n"
    notebook.run(cell)
    assert notebook.counted() == 1
    notebook.run(cell)

    assert notebook.counted() == 1
    assert notebook.LOG == [1]


@pytest.mark.slow
def test_memory_does_not_grow_with_definitions(notebook):
    """A cell that is run again and again leaves nothing."""
    notebook.halved(4)
    for _ in range(20):
        notebook.run(FUNCTIONS)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        notebook.run(FUNCTIONS)
    gc.collect()

    assert len(gc.get_objects()) - before < 200


# Data that is changed in place


@pytest.mark.parametrize(
    "change",
    ["LIMITS['low'] = 2", "LIMITS['new'] = 1", "LIMITS.clear()"],
)
def test_data_that_was_changed_is_named_when_the_context_closes(notebook, change):
    """The first outermost context that closes names data that was changed beneath a memo, and what to type; once."""
    notebook.ctx.deactivate()
    kept = dug.Context()
    with kept:
        notebook.limit()
    with pytest.warns(RuntimeWarning, match=r"run_again\.LIMITS, a dict that run_again:limit reads.*ctx\.invalidate\(limit\)"):
        with dug.Context():
            notebook.run(change)
    with kept:
        pass
    notebook.ctx.activate()


@pytest.mark.parametrize("said", ["ctx.invalidate(limit)", "@dug.memoize(ignore_globals=('LIMITS',))", "Make it a source"])
def test_what_the_warning_says_ends_it(notebook, said):
    """Data that was changed is named with what to do, and each of that ends the warnings."""
    notebook.ctx.deactivate()
    with pytest.warns(RuntimeWarning) as told, notebook.ctx:  # noqa: PT031  it warns as the context closes
        notebook.limit()
        notebook.run("LIMITS['low'] = 2")
    assert said in str(told[0].message)
    mark = said if said.startswith("@") else "@dug.memoize"
    read = "low()" if "source" in said else "LIMITS['low']"
    notebook.run("LIMITS = {'low': 2}\n@dug.source\ndef low(): return LIMITS['low']\n")

    notebook.run(f"{mark}\ndef limit(): return {read}\n")
    with notebook.ctx:
        notebook.limit()
        notebook.run("LIMITS['low'] = 3")
        if said.startswith("ctx"):
            notebook.ctx.invalidate(notebook.limit)
    notebook.ctx.activate()


def test_data_that_is_no_global_has_no_name_to_ignore(notebook):
    """A warning of a closure says nothing of ``ignore_globals=``, which takes globals only."""
    notebook.ctx.deactivate()
    notebook.run("def make(kept):\n    def low(): return kept[0]\n    return low, kept\nlow, KEPT = make([1])\n")
    notebook.run("@dug.memoize\ndef lowest(): return low()\n")
    with pytest.warns(RuntimeWarning, match=r"ctx\.invalidate\(lowest\) whenever it has changed\.$"), dug.Context():  # noqa: PT031  it warns as the context closes
        notebook.lowest()
        notebook.run("KEPT[0] = 2")
    notebook.ctx.activate()


def test_what_is_changed_in_place_may_be_a_list_or_a_set(notebook):
    """Lists and sets are looked at again, nested ones too, and an error on its way out is not hidden by it."""
    notebook.ctx.deactivate()
    notebook.run("A = [[1], 2]\nB = {1}\n@dug.memoize\ndef both(): return len(A) + len(B)\n")
    kept = dug.Context()
    with kept:
        notebook.both()
    notebook.run("A[0].append(2)\nB.add(2)\n")
    with pytest.raises(ZeroDivisionError):
        with dug.Context():
            1 / 0  # noqa: B018  an error on its way
    with pytest.warns(RuntimeWarning) as told:
        with kept:
            pass
    assert sorted(str(one.message).split(",")[0] for one in told) == ["run_again.A", "run_again.B"]
    notebook.ctx.activate()


def test_data_that_was_changed_within_the_context_is_named(notebook):
    """The context still gives values computed before the change, so the change is named."""
    notebook.ctx.deactivate()
    with pytest.warns(RuntimeWarning, match=r"run_again\.LIMITS, a dict that run_again:limit reads"):  # noqa: PT031  it warns as the context closes
        with dug.Context():
            notebook.limit()
            notebook.run("LIMITS['low'] = 2")
            assert notebook.limit() == 1
    notebook.ctx.activate()


@pytest.mark.parametrize("when", ["before the context opens", "in the context", "after an error"])
def test_data_that_nothing_was_computed_from_may_change(notebook, when):
    """Settings that each test sets again for a context of its own make no result wrong, and there is no warning."""
    notebook.ctx.deactivate()
    notebook.ctx.clear()
    for low in range(30):
        if when == "after an error":
            with pytest.raises(ZeroDivisionError), dug.Context():
                notebook.limit() / 0
        if when == "in the context":
            with dug.Context():
                notebook.LIMITS["low"] = low
                assert notebook.limit() == low
        else:
            notebook.LIMITS["low"] = low
            with dug.Context():
                assert notebook.limit() == low
    notebook.ctx.activate()


@pytest.mark.parametrize("many", [3, 40])
def test_a_change_is_named_after_the_same_number_of_contexts(notebook, many):
    """How much is looked at is counted, so that no clock decides whether a change is named."""
    notebook.ctx.deactivate()
    for _ in range(many):
        with dug.Context():
            notebook.limit()
    with pytest.warns(RuntimeWarning, match=r"run_again\.LIMITS"):  # noqa: PT031  it warns as the context closes
        with dug.Context():
            notebook.limit()
            notebook.run("LIMITS['low'] = 2")
    notebook.ctx.activate()


def test_much_data_is_looked_at_in_turn(notebook):
    """A long list is looked at every so many contexts, and a change of it is named then."""
    notebook.ctx.deactivate()
    notebook.run("LONG = list(range(3000))\n@dug.memoize\ndef long(): return LONG[0]\n")
    kept = dug.Context()
    with kept:
        notebook.long()
    for _ in range(20):
        with dug.Context():
            pass
    notebook.run("LONG[0] = 1")
    with pytest.warns(RuntimeWarning, match=r"run_again\.LONG"):  # noqa: PT031  it warns as the context closes
        for _ in range(20):
            with dug.Context():
                pass
    notebook.ctx.activate()


OF_THEIR_OWN = {
    "a cache": "if x not in OWN: OWN[x] = x\n    return OWN[x]",
    "a cache with default": "return OWN.setdefault(x, x)",
    "a counter": "OWN['n'] = OWN.get('n', 0) + 1\n    return x",
    "a counter, added to": "OWN.setdefault('n', 0)\n    OWN['n'] += 1\n    return x",
    "under another name": "mine = OWN\n    mine[x] = x\n    return len(mine) and x",
    "what is inside it": "HOLDER['own'].append(x)\n    return HOLDER['own'] and x",
    "what is taken out": "OWN[x] = 1\n    del OWN[x]\n    return len(OWN) + x",
    "an attribute of a class": "Holder.own[x] = x\n    return Holder.own[x]",
    "its own class": "return Holder.get(x)",
    "a default": "return keep(x)",
    "a closure": "return count(x)",
    "a list": "LOG.append(x)\n    return LOG and x",
    "a slice": "LOG[:0] = [x]\n    return LOG and x",
    "a set": "SEEN.add(x)\n    return x if x in SEEN else None",
}


@pytest.mark.parametrize("what", OF_THEIR_OWN)
def test_what_a_function_changes_itself_is_no_news(notebook, what):
    """Caches, counters and logs that functions keep for themselves are named to nobody."""
    notebook.ctx.deactivate()
    notebook.run("""
OWN, LOG, SEEN, HOLDER = {}, [], set(), {"own": []}
class Holder:
    own = {}
    @classmethod
    def get(cls, x):
        if x not in cls.own: cls.own[x] = x
        return cls.own[x]
def keep(x, _kept={}):
    try: return _kept[x]
    except KeyError: _kept[x] = x; return _kept[x]
def counting():
    seen = []
    def count(x):
        seen.append(x)
        return x if seen else None
    return count
count = counting()
""")
    notebook.run(f"@dug.memoize\ndef own(x):\n    {OF_THEIR_OWN[what]}\n")
    for x in range(3):
        with dug.Context():
            assert notebook.own(x) == x
            assert notebook.own(x + 1) == x + 1
    notebook.ctx.activate()


# The newest code runs


@pytest.fixture
def moved(tmp_path, monkeypatch):
    """Write a module, with lines above, and import or reload it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text, above=0):
        (tmp_path / "moved_code.py").write_text("# a comment\n" * above + "import dug\n" + text)
        importlib.invalidate_caches()
        module = importlib.import_module("moved_code")
        module = importlib.reload(module) if above else module
        linecache.checkcache()
        return module

    yield write
    sys.modules.pop("moved_code", None)


def line_of(error):
    """Return the last line of a traceback."""
    return traceback.extract_tb(error.__traceback__)[-1].lineno


def test_a_traceback_has_the_lines_of_now(moved):
    """After lines were added above, a failure points at the line that raises now, and memos are kept."""
    text = "@dug.memoize\ndef good(): return [1]\n@dug.memoize\ndef bad(x):\n    raise ValueError(x)\n"
    module = moved(text)
    with dug.Context() as ctx:
        good = module.good()
        for above in (0, 3, 8):
            module = moved(text, above)
            with pytest.raises(ValueError, match="1") as caught:
                module.bad(1)
            assert line_of(caught.value) == 6 + above
            assert module.good() is good
            assert f"moved_code.py:{6 + above}" in str(ctx.explain(module.bad.node(1)))


def test_a_docstring_that_is_edited_is_the_new_one(moved):
    """The decorated function is documented as it is now, and nothing runs again."""
    module = moved('@dug.memoize\ndef f():\n    """One."""\n    return [1]\n')
    with dug.Context():
        value = module.f()
        module = moved('@dug.memoize\ndef f():\n    """Two."""\n    return [1]\n', 1)
        assert module.f() is value

    assert module.f.__doc__ == "Two."


def test_what_was_imported_before_runs_the_newest_code(moved):
    """A name that was imported before a reload calls the code of now."""
    text = "@dug.memoize\ndef f(x):\n    raise ValueError(x)\n"
    kept = moved(text).f
    moved(text, 5)
    with dug.Context(), pytest.raises(ValueError, match="1") as caught:
        kept(1)

    assert line_of(caught.value) == 4 + 5


def test_the_text_in_a_file_is_that_of_now(moved, tmp_path):
    """A snapshot holds the text of the function as it is."""
    from dug import snapshot

    moved("@dug.memoize\ndef f():\n    return 1\n")
    with dug.Context() as ctx:
        sys.modules["moved_code"].f()
        module = moved("@dug.memoize\ndef f():\n    # in other words\n    return 1\n", 2)
        module.f()
        snapshot.save(ctx, tmp_path / "f.dug")
    with snapshot.look(tmp_path / "f.dug") as saved:
        assert "in other words" in saved.functions[0].source
