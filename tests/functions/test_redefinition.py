"""A function is redefined with other parameters, defaults or options: its calls mean other nodes, and callers must run."""

from __future__ import annotations

import asyncio
import sys
import types

import pytest

import dug
from dug.testing import EventLog

OLD = """
@dug.memoize
def price(ticker, currency="EUR"):
    return 100.0 if currency == "EUR" else 7.0

@dug.memoize
def book():
    return 3 * price("A")

@dug.memoize
def top():
    return book() + 1
"""
OTHERWISE = {
    "another default": 'def price(ticker, currency="USD"):\n    return 100.0 if currency == "EUR" else 7.0\n',
    "fewer parameters": "def price(ticker):\n    return 7.0\n",
    "more parameters": 'def price(ticker, currency="EUR", side="mid"):\n    return 7.0\n',
    "another name": 'def price(name, currency="EUR"):\n    return 7.0\n',
    "typed": '(typed=True)\ndef price(ticker, currency="EUR"):\n    return 7.0\n',
    "another key": '(key={"ticker": str.lower})\ndef price(ticker, currency="EUR"):\n    return 7.0\n',
}


@pytest.fixture
def notebook(monkeypatch):
    """A module in which cells are run."""
    module = types.ModuleType("redefinition_notebook")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.dug = dug
    module.run = lambda cell: exec(cell, vars(module))
    module.run(OLD)
    return module


def redefine(notebook, how):
    """Redefine the price."""
    text = OTHERWISE[how]
    notebook.run("@dug.memoize" + (text if text.startswith("(") else "\n" + text))


@pytest.mark.parametrize("how", OTHERWISE)
def test_callers_ask_for_the_new_nodes(notebook, how):
    """A caller of the old function runs and asks for the node that its call means now; its dependents are verified."""
    with dug.Context() as ctx:
        notebook.top()
        redefine(notebook, how)
        with EventLog(ctx) as log:
            assert notebook.top() == 22.0

        assert notebook.price.node("A") in ctx.memo(notebook.book.node()).dependencies
        assert log.count(notebook.price) == 1


@pytest.mark.parametrize("how", OTHERWISE)
def test_a_tweak_of_a_new_node_is_met(notebook, how):
    """A caller meets a tweak of the node that its call means now, in a scenario that was there before too."""
    with dug.Context():
        notebook.top()
        redefine(notebook, how)
        with dug.Context(tweaks={notebook.price.node("A"): 1.0}):
            assert notebook.top() == 4.0


@pytest.mark.parametrize("how", OTHERWISE)
def test_the_new_nodes_can_be_invalidated(notebook, how):
    """Forgetting a new node forgets its callers."""
    with dug.Context() as ctx:
        notebook.top()
        redefine(notebook, how)
        notebook.top()
        ctx.invalidate(notebook.price.node("A"))
        with EventLog(ctx) as log:
            notebook.top()

    assert log.count(notebook.price) == 1


@pytest.mark.parametrize(
    ("tweaks", "before", "after"),
    [
        (lambda price: {price.node("A"): 5.0}, 16.0, 22.0),
        (lambda price: {price.node("A"): dug.shift(1.0)}, 304.0, 22.0),
        (lambda price: {price: lambda ticker, currency: len(currency)}, 10.0, 10.0),
        (lambda price: {price: lambda ticker, currency: ord(currency[0])}, 208.0, 256.0),
    ],
    ids="value bump replacement replacement-of-the-default".split(),
)
def test_what_met_a_tweak_of_an_old_node_runs_again(notebook, tweaks, before, after):
    """A tweak of an old node is met by nobody any more; one of the function is met with the new arguments."""
    base, scenario = dug.Context(), dug.Context(tweaks=tweaks(notebook.price))
    with base, scenario:
        assert notebook.top() == before
    redefine(notebook, "another default")

    with base, scenario:
        assert notebook.top() == after


def test_early_cut_off_ends_at_the_callers(notebook):
    """A caller that gives the same value as before does not make its own dependents run."""
    with dug.Context() as ctx:
        notebook.top()
        notebook.run('@dug.memoize\ndef price(ticker, currency="EUR", side="mid"):\n    return 100.0\n')
        with EventLog(ctx) as log:
            assert notebook.top() == 301.0

    assert (log.count(notebook.book), log.count(notebook.top)) == (1, 0)


def test_the_same_signature_leaves_callers_to_be_verified(notebook):
    """With other code and the same parameters, a caller does not run when it reads the same values."""
    with dug.Context() as ctx:
        notebook.top()
        notebook.run('@dug.memoize\ndef price(ticker, currency="EUR"):\n    return 50.0 * 2\n')
        with EventLog(ctx) as log:
            assert notebook.top() == 301.0

    assert (log.count(notebook.price), log.count(notebook.book)) == (1, 0)


def test_a_stale_candidate_is_not_verified_by_old_nodes(notebook):
    """A caller that was forgotten before is not verified by asking for a node that its call no longer means."""
    with dug.Context() as ctx:
        notebook.top()
        ctx.invalidate(notebook.price.node("A"))
        redefine(notebook, "another default")

        assert notebook.top() == 22.0


def test_layers_and_contexts_inside_nodes_follow(notebook):
    """Memos of a cache above, and runs under a context inside a node, run again as well."""
    notebook.run(
        "@dug.memoize\ndef inside():\n    with dug.Context(tweaks={book.node(): dug.shift(1)}):\n"
        '        return book() + price("A")\n'
    )
    layer = dug.Context(cache=dug.Cache())
    with dug.Context():
        notebook.book()
        with layer:
            assert (notebook.top(), notebook.inside()) == (301.0, 401.0)
        redefine(notebook, "another default")
        with layer:
            assert (notebook.top(), notebook.inside()) == (22.0, 29.0)


def test_functions_among_the_options_are_compared_by_what_they_do(notebook):
    """A cell with lambdas as options is the same definition when it is run again."""
    cell = "@dug.memoize(key={'x': lambda x: str(x)}, eq=lambda a, b: a == b)\ndef keyed(x):\n    return x\n"
    notebook.run(cell)
    with dug.Context() as ctx:
        notebook.keyed(1)
        notebook.run(cell)
        with EventLog(ctx) as log:
            notebook.keyed(1)

    assert log.count(notebook.keyed) == 0


def test_a_tweak_of_a_function_that_lost_its_name_is_warned_of(notebook):
    """Code that imported a function before its module was reloaded tweaks one that nobody calls."""
    imported = notebook.price
    redefine(notebook, "another default")

    with pytest.warns(RuntimeWarning, match="older definition of redefinition_notebook:price"):
        dug.Context(tweaks={imported.node("A"): 1.0})
    with pytest.warns(RuntimeWarning, match="Import it again"):
        dug.Context(tweaks={imported: lambda ticker, currency: 1.0})


def test_a_tweak_of_an_old_node_can_be_dropped(notebook):
    """A node that no call means any more can still be untweaked; calling it is an error with advice."""
    old = notebook.price.node("A")
    ctx = dug.Context(tweaks={old: 5.0})
    redefine(notebook, "fewer parameters")
    ctx.untweak(old)

    assert dict(ctx.tweaks) == {}
    with ctx, pytest.raises(TypeError, match="older definition of its function"):
        old()


def test_a_bound_method_goes_on_with_what_it_was_bound_from(notebook):
    """A method that was kept is that of its class, whatever has its name since."""
    head = "class C:\n    __hash__ = object.__hash__\n    @dug.memoize\n"
    notebook.run(head + "    def less(self, a, b):\n        return a - b\nc = C()\n")
    kept, instance = notebook.c.less, notebook.c
    with dug.Context():
        notebook.run(head + "    def less(self, b, a):\n        return a - b\n")
        assert instance.less(a=5, b=2) == kept(a=5, b=2) == 3
        assert kept(5, 2) == 3
        notebook.run(head + "    def less(self):\n        return 77\n")
        assert kept(5, 2) == 3


@pytest.mark.parametrize("options", ["(typed=True)", "(key={'a': str})", "(ignore=('b',))"])
def test_a_node_of_other_options_is_an_old_one(notebook, options):
    """With other options a call is another node, and the old one says so."""
    notebook.run("@dug.memoize\ndef f(a, b=1):\n    return a\n")
    old = notebook.f.node(1)
    notebook.run(f"@dug.memoize{options}\ndef f(a, b=1):\n    return a\n")

    assert notebook.f.node(1).is_current()
    assert notebook.f.node(float("nan")).is_current()
    with dug.Context() as ctx:
        for act in (lambda: dug.Context({old: 5}), lambda: ctx.invalidate(old)):
            with pytest.raises(dug.TweakError, match="older definition"):
                act()


def test_a_node_of_other_kinds_of_parameters_has_a_text(notebook):
    """An old node can be shown, also when it does not fit the new parameters."""
    notebook.run("@dug.memoize\ndef f(a, b):\n    return a\n")
    old = notebook.f.node(1, 2)
    notebook.run("@dug.memoize\ndef f(a, *b):\n    return a\n")

    assert not old.is_current()
    assert str(old) == "redefinition_notebook:f(1, 2)"
    assert notebook.f.node(1, 2, 3).is_current()


def test_a_function_that_is_awaited_now_makes_its_callers_run(notebook):
    """The value of a plain call is not a value for a caller of a coroutine function, nor the other way round."""
    notebook.run("@dug.memoize\nasync def low():\n    return 1\n@dug.memoize\nasync def high():\n    return await low()\n")
    with dug.Context():
        asyncio.run(notebook.high())
        notebook.run("@dug.memoize\ndef low():\n    return 1\n")
        with pytest.raises(TypeError, match="await"):
            asyncio.run(notebook.high())


def test_functions_that_a_cell_makes_anew_are_compared_by_what_they_do(notebook):
    """A cell with a decorator or a function as a default is the same definition when it is run again."""
    notebook.run(
        "import functools\ndef timed(fn):\n    @functools.wraps(fn)\n"
        "    def w(*a, **k):\n        return fn(*a, **k)\n    return w\n"
    )
    cell = "@dug.memoize\n@timed\ndef f(x):\n    return [x]\n@dug.memoize\ndef h(x, fn=lambda v: v):\n    return fn(x)\n"
    notebook.run(cell + "@dug.memoize\ndef both():\n    return f(1)[0] + h(1)\n")
    with dug.Context() as ctx:
        notebook.both()
        notebook.run(cell)
        with EventLog(ctx) as log:
            notebook.both()

    assert log.count(notebook.both) == log.count(notebook.f) == log.count(notebook.h) == 0
