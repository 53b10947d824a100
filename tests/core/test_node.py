"""Nodes: identity, the text form and its parser, pickling, order, repr."""

from __future__ import annotations

import contextlib
import copy
import datetime
import pickle
import random
import subprocess
import sys

import attrs
import pytest

import dug


@dug.memoize
def forward(ticker, years=1, *rest, basis="act", **others):
    """A function whose nodes have a text form."""
    return ticker, years, rest, basis, others


@dug.memoize
def other(ticker):
    """A second function."""
    return ticker


@attrs.frozen
class Trade:
    """A trade with a memoised method."""

    quantity: int

    @dug.memoize
    def pv(self):
        """Return the present value."""
        return self.quantity

    @dug.memoize
    @classmethod
    def make(cls, quantity):
        """Return a trade."""
        return cls(quantity)

    @dug.memoize
    @staticmethod
    def fee(quantity):
        """Return the fee."""
        return quantity


def test_nodes_of_the_same_call_are_equal():
    """A node is its function and its arguments: made twice it is equal and has an equal hash."""
    first, second = forward.node("AAPL"), forward.node(ticker="AAPL", years=1)

    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1


def test_nodes_of_other_calls_differ():
    """Another argument or another function is another node, and no node equals anything else."""
    assert forward.node("AAPL") != forward.node("MSFT")
    assert forward.node("AAPL") != other.node("AAPL")
    assert forward.node("AAPL") != ("AAPL", 1)
    assert forward.node("AAPL") != str(forward.node("AAPL"))


def test_a_node_knows_its_function_and_arguments():
    """``function``, ``args`` and ``kwargs`` of a node make the same call again."""
    node = forward.node("AAPL", 2, 3, 4, basis="30", x=5)
    again = node.function.node(*node.args, **node.kwargs)

    assert node.function is forward
    assert again == node
    assert (node.args, dict(node.kwargs)) == (("AAPL", 2, 3, 4), {"basis": "30", "x": 5})


def test_a_node_cannot_be_changed():
    """A node is immutable: its parts cannot be set, and changes of its keyword arguments do not reach it."""
    node = forward.node("AAPL", x=5)
    for name in ("args", "function", "anything"):
        with pytest.raises(AttributeError):
            setattr(node, name, ())
    with contextlib.suppress(TypeError):  # a mapping that refuses is as good as a copy
        node.kwargs["x"] = 6

    assert node == forward.node("AAPL", x=5)
    assert dict(node.kwargs)["x"] == 5


def test_a_node_is_called_in_the_current_context():
    """``node()`` makes the call it names, in the context in force, and only there."""
    node = forward.node("AAPL", 3)
    with pytest.raises(dug.NoContextError):
        node()
    with dug.Context() as ctx:
        value = node()
        with dug.Context(tweaks={node: 7}):
            tweaked = node()

    assert value == ("AAPL", 3, (), "act", {})
    assert tweaked == 7
    assert node in ctx


def test_naming_a_node_runs_nothing():
    """``f.node(...)`` needs no context and does not run the function."""

    @dug.memoize
    def explosive(n):
        raise AssertionError("it ran")

    node = explosive.node(1)

    assert node.function is explosive


def test_a_copy_of_a_node_is_the_node():
    """``copy`` and ``deepcopy`` give an equal node."""
    node = forward.node("AAPL", 2)

    assert copy.copy(node) == copy.deepcopy(node) == node


def test_the_text_is_what_a_person_would_type():
    """The text of a node is module, qualified name and arguments."""
    assert str(other.node("AAPL")) == f"{__name__}:other('AAPL')"
    assert str(Trade.fee.node(5)) == f"{__name__}:Trade.fee(5)"


def test_the_text_is_the_same_for_all_spellings():
    """Two spellings of a call have one text."""
    assert str(forward.node("AAPL")) == str(forward.node(basis="act", years=1, ticker="AAPL"))


LITERALS = [
    None,
    True,
    0,
    -5,
    10**30,
    1.5,
    -0.5,
    1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
    1 + 2j,
    -1.5 - 2j,
    'it\'s "quoted" \n, (not, a, call)',
    b"bytes\x00",
    (),
    (1,),
    (1, (2.5, "a"), None),
]


@pytest.mark.parametrize("literal", LITERALS, ids=repr)
def test_parse_is_the_inverse_of_str_for_literals(literal):
    """A node with literal arguments is parsed from its text, in any position."""
    for node in (other.node(literal), forward.node("AAPL", literal, literal, basis=literal, x=literal)):
        parsed = dug.Node.parse(str(node))

        assert parsed == node
        assert str(parsed) == str(node)
        assert list(map(type, parsed.args)) == list(map(type, node.args))


@pytest.mark.parametrize("spelling", ["('AAPL')", "(ticker='AAPL')", "( 'AAPL' , 1 )", "('AAPL', basis='act',)"])
def test_parse_takes_any_spelling_of_the_call(spelling):
    """A call as a person types it is parsed, whatever the spaces, keywords and defaults."""
    assert dug.Node.parse(f"{__name__}:forward{spelling}") == forward.node("AAPL")


def test_parse_finds_methods():
    """A static method is found by its qualified name."""
    assert dug.Node.parse(f"{__name__}:Trade.fee(5)") == Trade.fee.node(5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "module:"),
        ("forward", "module:"),
        ("forward('AAPL')", "module:"),
        (f"{__name__}:forward", r"\("),
        (f"{__name__}:forward('AAPL'", "AAPL"),
        (f"{__name__}:forward('AAPL'))", "AAPL"),
        (f"{__name__}:forward('AAPL') + 1", "forward"),
        (f"{__name__}:missing(1)", "missing"),
        (f"{__name__}:Trade.missing(1)", "missing"),
        (f"{__name__}:LITERALS(1)", "memoi"),
        ("no_such_module_anywhere:forward('AAPL')", "no_such_module_anywhere"),
        (f"{__name__}:forward(AAPL)", "AAPL"),
        (f"{__name__}:forward()", "ticker"),
        (f"{__name__}:other('AAPL', 2)", "other"),
        (f"{__name__}:other(*'AAPL')", "other"),
        (f"{__name__}:other([1])", "other"),
    ],
)
def test_parse_says_what_is_wrong(text, says):
    """A text that names no node raises an error that names the text's faulty part."""
    with pytest.raises((ValueError, TypeError, LookupError, ImportError), match=says):
        dug.Node.parse(text)


@pytest.mark.parametrize(
    "code",
    ["EXPLODE.append(1)", "__import__('os').getpid()", "(lambda: 1)()", "[n for n in (1,)]", "1 + 1 ** 9"],
)
def test_parse_evaluates_nothing(code):
    """The arguments of a text are literals: code is refused and not run."""
    with pytest.raises(ValueError, match="forward"):
        dug.Node.parse(f"{__name__}:forward({code})")

    assert EXPLODE == []


EXPLODE: list[int] = []


def test_parse_refuses_what_is_not_text():
    """Something that is not a string is a TypeError."""
    with pytest.raises(TypeError):
        dug.Node.parse(5)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_node_is_pickled_by_reference(protocol):
    """A node survives a round trip under every protocol, and its function is found by name."""
    nodes = [
        forward.node("AAPL", 2, 3, basis="30", x=datetime.date(2024, 1, 31)),
        Trade(2).pv.node(),
        Trade.make.node(2),
        Trade.fee.node(2),
    ]
    copies = pickle.loads(pickle.dumps(nodes, protocol))

    assert copies == nodes
    assert list(map(hash, copies)) == list(map(hash, nodes))
    assert copies[0].function is forward


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_memoised_function_is_pickled_by_reference(protocol):
    """A memoised function comes back as the same object."""
    assert pickle.loads(pickle.dumps(forward, protocol)) is forward
    assert pickle.loads(pickle.dumps(Trade.fee, protocol)).node(1) == Trade.fee.node(1)


PRICING = """
import dug

@dug.memoize
def forward(ticker, years):
    return f"{ticker} in {years}"
"""


def run_python(code, *arguments, cwd, stdin=b""):
    """Run code in a fresh interpreter that finds the modules of cwd, and return its output."""
    path = [str(cwd), *filter(None, sys.path)]
    code = f"import sys; sys.path[:0] = {path!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.slow
def test_a_node_pickled_here_is_computed_in_another_process(tmp_path, monkeypatch):
    """A node goes to another process and back by pickle, and there by its text."""
    (tmp_path / "pricing_for_pickle.py").write_text(PRICING)
    monkeypatch.syspath_prepend(tmp_path)
    import pricing_for_pickle  # the module was written a line above

    node = pricing_for_pickle.forward.node("AAPL", 1)
    code = (
        "import pickle, dug\n"
        "node = pickle.load(sys.stdin.buffer)\n"
        "assert node == dug.Node.parse(sys.argv[1]), node\n"
        "with dug.Context(): value = node()\n"
        "sys.stdout.buffer.write(pickle.dumps((node, value)))\n"
    )
    output = run_python(code, str(node), cwd=tmp_path, stdin=pickle.dumps(node))
    sys.modules.pop("pricing_for_pickle")

    assert b"pricing_for_pickle" in output
    assert str(node) == "pricing_for_pickle:forward('AAPL', 1)"
    assert output.count(b"AAPL in 1") == 1


def test_what_cannot_be_pickled_by_reference_says_why():
    """A node of a local function raises an error that names it and says that it is local."""

    @dug.memoize
    def local(n):
        return n

    for thing in (local, local.node(1)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises((pickle.PicklingError, TypeError, AttributeError), match="local"):
                pickle.dumps(thing, protocol)


def test_a_function_that_its_name_does_not_find_says_why(monkeypatch):
    """A function whose name leads to something else cannot be pickled, and the error names it."""
    monkeypatch.setattr(sys.modules[__name__], "other", None)

    with pytest.raises((pickle.PicklingError, TypeError, AttributeError), match="other"):
        pickle.dumps(OTHER)


OTHER = other.node("AAPL")


@pytest.mark.slow
def test_a_node_of_a_script_is_pickled_by_its_name(tmp_path):
    """A function of ``__main__`` and its nodes come back by pickle, as a plain function does."""
    code = (
        "import pickle, dug\n"
        "@dug.memoize\ndef f(n): return n + 1\n"
        "with dug.Context(): assert f(1) == 2\n"
        "assert pickle.loads(pickle.dumps(f.node(1))) == f.node(1)\n"
        "assert pickle.loads(pickle.dumps(f)) is f\n"
        "assert str(f.node(1)) == '__main__:f(1)', str(f.node(1))\n"
    )

    assert run_python(code, cwd=tmp_path) == b""


def test_nodes_sort_stably():
    """Nodes have one total order, also when their arguments cannot be compared."""
    arguments = [1, 2.5, "a", "b", None, (1, "a"), (None,), b"a", True, frozenset({1}), float("nan")]
    nodes = [f.node(argument) for f in (forward, other) for argument in arguments if argument is not True]
    shuffled = random.Random(5).sample(nodes, len(nodes))

    assert sorted(nodes) == sorted(shuffled)
    assert [node.function for node in sorted(shuffled)] == [forward] * 10 + [other] * 10


def test_all_comparisons_agree():
    """The four comparisons agree, and a node cannot be compared with anything else."""
    low, high = sorted([other.node("a"), other.node("b")])

    assert [low < high, low <= high, high > low, high >= low, low <= low] == [True] * 5
    assert [high < low, high <= low, low > high, low >= high, low < low] == [False] * 5
    with pytest.raises(TypeError):
        low < 5  # noqa: B015 - the comparison is what is tested


def test_the_repr_of_a_node_is_bounded():
    """However long its arguments are, the repr of a node is short and still names the function."""
    node = other.node(tuple(range(100_000)))

    assert len(repr(node)) <= 1000
    assert "other" in repr(node)
    assert "AAPL" in repr(other.node("AAPL"))


def test_a_broken_repr_of_an_argument_does_not_break_that_of_the_node():
    """An argument whose repr raises still leaves a node that can be shown."""

    class Broken:
        __hash__ = object.__hash__  # its identity is what counts

        def __repr__(self):
            raise RuntimeError("no repr")

    assert "other" in repr(other.node(Broken()))


def test_a_node_pickled_before_the_engine_had_folders_loads():
    """A pickle names the function that makes the node by the module of its day, which still leads there."""
    node = forward.node("A", 2)
    pickled = pickle.dumps(node, protocol=0)
    old = pickled.replace(b"dug._core.facts.node", b"dug._core._node")
    assert old != pickled

    assert pickle.loads(old) == node
