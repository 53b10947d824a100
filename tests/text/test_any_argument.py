"""Whatever an argument or a value is, everything that shows nodes works, and two nodes with one text are two."""

from __future__ import annotations

import json
import sys
from html import unescape
from io import StringIO

import pytest

import dug
from dug import draw, snapshot
from dug._text.values import show
from dug.cli import main
from dug.scenarios import grid, ladder
from dug.testing import EventLog, assert_pure, assert_transparent


class Raising:
    """Its text cannot be made."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        raise ZeroDivisionError


class NoText:
    """Its text is not a text."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return None


class Panicking:
    """Its text raises something other than an Exception, as a library in another language does that gives up."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        raise GeneratorExit


class Unbound:
    """Stands for an object that is not there: even the question for its class raises."""

    __hash__ = object.__hash__  # its identity is what counts

    @property
    def __class__(self):
        raise RuntimeError


class Closed:
    """Raises whatever it is asked for."""

    __hash__ = object.__hash__  # its identity is what counts

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Endless:
    """Its text holds itself."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return f"<{self!r}>"


class Huge:
    """Its text is long."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return "<" + "x\n" * 1_000_000 + ">"


class Wild(str):
    """A text of a subclass, with characters that move the cursor of a terminal."""

    __slots__ = ()

    def __repr__(self):
        return Wild("\x1b[2J\nwild\ud800\u202e")


KINDS = {
    "huge int": lambda: 10**5_000,
    "huge int in a tuple": lambda: (1, (10**5_000,)),
    "raises": Raising,
    "panics": Panicking,
    "panics in a tuple": lambda: (1, Panicking()),
    "no text": NoText,
    "endless": Endless,
    "huge": Huge,
    "wild": lambda: Wild("a"),
    "surrogate": lambda: "\ud800\x1b[31m",
    "long": lambda: "x" * 200_000,
}


@dug.memoize(name="any_argument:same")
def same(value, number=0):
    """Return the argument."""
    return value


@dug.memoize(name="any_argument:extra")
def extra():
    """Return a number to tweak."""
    return 0


@dug.memoize(name="any_argument:top")
def top(value):
    """Read two nodes."""
    return [same(value), extra()]


@dug.memoize(name="any_argument:failing")
def failing(value):
    """Fail with the argument."""
    raise KeyError(value)


@pytest.fixture(params=KINDS)
def value(request):
    """An argument that is hard to show."""
    return KINDS[request.param]()


def check(text):
    """Refuse a text that cannot be printed, or is very long."""
    assert type(text) is str
    assert len(text) < 1_000_000
    text.encode()
    assert all(line.isprintable() for line in text.split("\n"))
    return text


@pytest.fixture
def ctx(value):
    """A context in which nodes of the argument ran, and one failed."""
    with dug.Context(name="a context") as ctx:
        top(value)
        with pytest.raises(KeyError):
            failing(value)
        yield ctx


def test_looks_and_tables_show_any_argument(ctx, value):
    """Nodes, records, states, failures, plans, explanations and comparisons have texts."""
    node = top.node(value)
    for one in (node, ctx.memo(node), ctx.states(), ctx.failures(), ctx.failures()[0], ctx.graph(node), ctx.plan(node)):
        check(repr(one))
        check(str(one))
    for one in (ctx, ctx.memo(node), ctx.states(), ctx.failures(), ctx.failures()[0], ctx.graph(node), ctx.explain(node)):
        check(one._repr_html_().partition("</style>")[2])
        check(one._write_lines())
    check(str(ctx.explain(node))), check(str(ctx.explain(failing.node(value)))), check(str(ctx.explain(same.node(value))))
    with dug.Context(tweaks={same.node(value): 5, extra.node(): value, top: dug.bump(lambda old, _: old, value)}) as inner:
        top(value)
        for one in (inner, inner.scenario, ctx.compare(inner, node), inner.states(), inner.plan(node)):
            check(repr(one))
            check(str(one))
        check(str(inner.explain(node)))
        check(str(ctx.compare(inner, node)))
        assert any("same" in str(found.node) for found in inner.states())
    ctx.states().to_frame(), ctx.graph().to_frame(), ctx.failures().to_frame(), ctx.graph().to_networkx()
    with pytest.raises(KeyError):
        ctx.graph(extra.node()).fact(node)


def test_pictures_show_any_argument(ctx, value):
    """A tree, and the texts for dot and Mermaid, have the node."""
    for paint in (draw.tree, draw.dot, draw.mermaid):
        assert "same" in check(paint(ctx.graph()))


def test_batches_and_sweeps_show_any_argument(value):
    """Results have names and texts, and frames have rows."""
    node = top.node(value)
    with dug.Context() as ctx:
        batch = ctx.run_all([node, failing.node(value)])
        check(repr(batch)), check(str(batch.failures))
        assert len(batch.to_frame()) == 2
        for scenarios in (
            [{extra.node(): value}, {same.node(value): 1}],
            ladder([same.node(value)], 1, 2),
            grid({same.node(value): [1, 2]}),
        ):
            results = dug.sweep([node, same.node(value)], scenarios)
            for result in results:
                check(repr(result)), check(str(result.name))
                assert results[result.name] is result
            check(repr(results)), check(show(scenarios)), check(results._write_lines()), check(results._repr_html_())
            results.to_frame()
        with pytest.raises(LookupError):  # a number is a place
            results[value]


def test_files_and_the_command_line_show_any_argument(ctx, value, tmp_path, capsys):
    """A saved file is looked at, loaded, and printed by each command."""
    path = tmp_path / "x.dug"
    check(str(snapshot.save(ctx, path)))
    with snapshot.look(path) as looked:
        for text in looked.nodes():
            check(text), check(looked[text].value), check(repr(looked[text]))
            assert main(["show", str(path), text]) == 0
            assert main(["explain", str(path), text]) == 0
        check(str([one.text for one in looked.failures()]))
    for command in ("info", "show", "failures", "graph"):
        assert main([command, str(path)]) == 0
    assert main(["diff", str(path), str(path)]) == 0
    check(capsys.readouterr().out)
    for command in ("info", "show", "failures"):
        assert main([command, str(path), "--json"]) == 0
        json.loads(capsys.readouterr().out)
    loaded = snapshot.load(path)
    check(repr(loaded)), check(str(loaded.absent)), check(str(loaded.states()))
    loaded.close()


def test_nodes_of_one_text_are_several_everywhere(tmp_path, capsys):
    """Rows, boxes, columns and lines of a file are as many as there are nodes, and can be told apart."""
    nodes = [same.node(Raising(), number) for number in (1, 1, 1)]
    with dug.Context() as ctx:
        for node in nodes:
            node()
        states = ctx.states()
        batch = ctx.run_all(nodes)
        snapshot.save(ctx, tmp_path / "x.dug")
        sweep = dug.sweep(nodes, [{}]).to_frame()
        ladders = [scenario.name for scenario in dug.sweep(nodes[0], ladder(nodes, 1))]

    assert len({str(node) for node in nodes}) == 1
    shown = [line.split("  ")[0] for line in str(states).splitlines()[1:]]
    assert len(set(shown)) == len(shown) == 3
    assert all(line.endswith(f"#{number}") for number, line in enumerate(shown, 1))
    for frame in (batch.to_frame(), ctx.graph().to_frame()):
        assert len(set(frame.index)) == 3
    assert len(set(sweep.columns)) == len(sweep.columns)
    assert len(set(ladders)) == 3
    for paint in (draw.tree, draw.dot, draw.mermaid):
        assert all(f"#{number}" in unescape(paint(ctx.graph())).replace("#35;", "#") for number in (1, 2, 3))
    text = str(nodes[0])
    assert main(["show", str(tmp_path / "x.dug"), text]) == 2
    said = capsys.readouterr().out
    assert all(f"{text} #{number}" in said for number in (1, 2, 3))
    for named in (f"{text} #2", f"{text} #2".removeprefix("any_argument:")):
        assert main(["show", str(tmp_path / "x.dug"), named]) == 0


def test_a_node_of_a_file_with_a_text_of_its_own_kind_is_tweaked_from_the_command_line(tmp_path, capsys, monkeypatch):
    """The typed text is that of the file, with its number if others share it."""
    huge = same.node(10**5_000, 3)
    with dug.Context() as ctx:
        huge()
        snapshot.save(ctx, tmp_path / "x.dug")
    monkeypatch.chdir(tmp_path)

    assert main(["run", "any_argument:extra", "--load", "x.dug", "--tweak", f"{huge}=5", "--save", "y.dug"]) == 0
    with snapshot.look("y.dug") as looked:
        assert [(one.target, one.text) for one in looked.tweaks] == [(str(huge), "5")]


class Silent(Exception):
    """An exception that says nothing of itself."""

    def __repr__(self):
        raise ZeroDivisionError

    __str__ = __repr__


@dug.memoize(name="any_argument:silent")
def silent():
    """Fail without a word."""
    raise Silent


def test_an_error_that_cannot_be_shown_is_kept_and_told(tmp_path):
    """Failures, records, batches, sweeps and files have an error of any class."""
    node = silent.node()
    with dug.Context() as ctx:
        batch = ctx.run_all([node])
        for one in (ctx.failures(), ctx.failures()[0], ctx.memo(node), ctx.states(), batch, *dug.sweep(node, [{}])):
            check(repr(one)), check(str(one))
        check(str(ctx.explain(node))), check(ctx.failures()[0].traceback)
        batch.to_frame(), dug.sweep(node, [{}]).to_frame()
        snapshot.save(ctx, tmp_path / "x.dug")
    with snapshot.look(tmp_path / "x.dug") as looked:
        assert "Silent" in str(looked.failures()[0])
    loaded = snapshot.load(tmp_path / "x.dug")
    assert "Silent" in str(loaded.failures()[0].error)
    loaded.close()


def test_scenarios_and_targets_may_be_called_anything(value):
    """A key of the mappings that a sweep takes is a name, whatever its text is."""
    with dug.Context():
        results = dug.sweep({value: extra.node(), "other": extra.node()}, {value: {}, "again": {extra.node(): 1}})
        assert [result[value] for result in results] == [0, 1]
        for result in results:
            check(repr(result))
        assert results[value][value] == 0
        results.to_frame(), results.to_dict()
        for found in (results, results[value]):
            with pytest.raises(KeyError):
                found["nowhere"]


def test_errors_of_use_name_any_argument(value):
    """The error of a tweak, a call or a circle names it, whatever the argument is."""
    around = dug.memoize(name="any_argument:around")(lambda one: [around(one)])
    with dug.Context() as ctx:
        with pytest.raises(dug.CycleError) as raised:
            around(value)
        check(str(raised.value))
        for wrong in ({value: 1}, {same: value} if not callable(value) else {1: 1}, {same.node(value): iter(())}):
            with pytest.raises(dug.TweakError) as raised:
                dug.Context(tweaks=wrong)
            check(str(raised.value))
        with pytest.raises(dug.DugError) as raised:
            same([value])
        check(str(raised.value))
        with pytest.raises(KeyError):
            ctx[same.node(value)]


@pytest.mark.parametrize("kind", ["huge int", "huge int in a tuple", "long", "surrogate"])
def test_checks_take_any_argument(kind):
    """Purity and transparency are checked, and events delivered, for arguments that are hard to show."""
    node = top.node(KINDS[kind]())

    assert_pure(node)
    assert_transparent(node)
    with dug.Context() as ctx, EventLog(ctx) as log:
        node()
    check(repr(log))
    assert log.count(node) == 1


@pytest.mark.parametrize("number", ["0x" + "f" * 5_000, "(1, 0x" + "f" * 5_000 + ")"])
def test_a_function_has_any_constant_or_default(number, tmp_path):
    """The number may be in the code, a default, the closure and the version of a function that is saved."""
    names = {"dug": dug, "N": eval(number)}
    exec(
        f"@dug.memoize(name='any_argument:constant', version=N)\ndef constant(one={number}):\n    return one == {number} == N\n",
        names,
    )
    with dug.Context() as ctx:
        assert names["constant"]()
        snapshot.save(ctx, tmp_path / "x.dug")
    loaded = snapshot.load(tmp_path / "x.dug")
    with loaded:
        assert loaded.changed == ()
        assert names["constant"].node() in loaded
    loaded.close()


@pytest.mark.parametrize("make", [Unbound, Closed, lambda: (1, Unbound()), lambda: ((Closed(),),)])
def test_an_argument_need_not_tell_its_class(tmp_path, make):
    """An object that refuses to tell its class is an argument like any other, as it is for a plain function."""

    @dug.memoize
    def takes(value):
        return id(value)

    value = make()
    with dug.Context() as ctx, EventLog(ctx) as log:
        assert takes(value) == takes(value) == id(value)
        check(str(takes.node(value))), check(repr(ctx.graph())), check(str(ctx.explain(takes.node(value))))
        assert ctx.run_all([takes.node(value)]).values == {takes.node(value): id(value)}
        snapshot.save(ctx, tmp_path / "x.dug")
    assert len(log.computed) == 1


def test_a_graph_is_printed_where_only_text_can_be(ctx, tmp_path, monkeypatch):
    """The standard output of a notebook takes no bytes."""
    pytest.importorskip("click")
    snapshot.save(ctx, tmp_path / "x.dug")
    monkeypatch.setattr("sys.stdout", StringIO())

    assert main(["graph", str(tmp_path / "x.dug"), "--format", "dot"]) == 0
    assert sys.stdout.getvalue().startswith("digraph")
