"""Functions decorated by ``memoize`` and ``source``: the binding of calls, the options, the kinds of functions."""

from __future__ import annotations

import abc
import builtins
import dataclasses
import decimal
import doctest
import enum
import functools
import importlib
import inspect
import io
import itertools
import numbers
import pydoc
import sys
import types
import typing
import unittest.mock

import attrs
import pytest
import wrapt

import dug
from dug import snapshot
from dug.testing import EventLog


@dug.memoize
def documented(n: int, scale: float = 2.0, *, label: str | None = None) -> float:
    """Return n scaled.

    >>> documented.__wrapped__(2)
    4.0
    """
    return n * scale


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    """A function that writes a module to disk and imports or reloads it."""
    names = set()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name, code):
        (tmp_path / f"{name}.py").write_text("import dug\n\n" + code)
        importlib.invalidate_caches()
        names.add(name)
        return importlib.reload(sys.modules[name]) if name in sys.modules else importlib.import_module(name)

    yield write
    for name in names:
        sys.modules.pop(name, None)


@dug.memoize
def plain(a, b=2):
    """A parameter and a default."""
    return a, b


@dug.memoize
def keyword_only(a, *, b=2, c):
    """Parameters that are passed by keyword only."""
    return a, b, c


@dug.memoize
def positional_only(a, b=2, /, c=3):
    """Parameters that are passed by position only."""
    return a, b, c


@dug.memoize
def packed(a, b=2, *rest, c=3, **others):
    """Every kind of parameter."""
    return a, b, rest, c, others


@dug.memoize
def shadowing(a, /, **a_and_more):
    """Keywords that may be named like the positional parameter."""
    return a, a_and_more


def call(*args, **kwargs):
    """Return the arguments of a call, to be spelled as a call."""
    return args, kwargs


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (plain, [call(1), call(a=1), call(1, 2), call(1, b=2), call(b=2, a=1)]),
        (plain, [call(1, 5), call(1, b=5), call(b=5, a=1)]),
        (keyword_only, [call(1, c=4), call(a=1, c=4), call(1, b=2, c=4), call(c=4, b=2, a=1)]),
        (positional_only, [call(1), call(1, 2), call(1, 2, 3), call(1, c=3)]),
        (packed, [call(1), call(a=1), call(1, 2), call(1, c=3), call(1, b=2, c=3)]),
        (packed, [call(1, 2, 7, 8, c=3), call(1, 2, 7, 8)]),
        (packed, [call(1, x=7, y=8), call(1, y=8, x=7), call(a=1, b=2, y=8, x=7)]),
        (shadowing, [call(1, a=2, b=3), call(1, b=3, a=2)]),
    ],
    ids="plain default keyword-only positional-only packed rest keywords shadowing".split(),
)
def test_all_spellings_of_a_call_are_one_node(function, calls):
    """However arguments are passed, the same values reach the same node and run once."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = [function(*args, **kwargs) for args, kwargs in calls]

    expected = function.__wrapped__(*calls[0][0], **calls[0][1])
    assert values == [expected] * len(calls)
    assert len({function.node(*args, **kwargs) for args, kwargs in calls}) == 1
    assert log.count(function) == 1


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (plain, [call(1), call(2), call(1, 1), call(2, 1)]),
        (keyword_only, [call(1, c=1), call(1, c=2), call(1, b=1, c=2)]),
        (packed, [call(1, 2, 3), call(1, 2, 3, 4), call(1, 2, (3, 4)), call(1, 2, c=4), call(1, 2, d=4), call(1, 2, e=4)]),
        (packed, [call(1, 2, ("d", 4)), call(1, 2, d=4), call(1, 2, "d", 4), call(1, 2, (("d", 4),))]),
        (shadowing, [call(1), call(1, a=1), call(1, a=2)]),
    ],
    ids="plain keyword-only rest keywords shadowing".split(),
)
def test_different_arguments_are_different_nodes(function, calls):
    """Calls that differ in any argument are different nodes with their own values."""
    with dug.Context():
        values = [function(*args, **kwargs) for args, kwargs in calls]

    assert values == [function.__wrapped__(*args, **kwargs) for args, kwargs in calls]
    assert len({function.node(*args, **kwargs) for args, kwargs in calls}) == len(calls)


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (plain, call()),
        (plain, call(1, 2, 3)),
        (plain, call(1, a=1)),
        (plain, call(1, other=1)),
        (keyword_only, call(1)),
        (keyword_only, call(1, 2, c=3)),
        (positional_only, call(a=1)),
        (packed, call(b=2)),
    ],
)
def test_a_call_that_does_not_bind_raises_as_the_function_would(function, wrong):
    """A call that the function would refuse is refused by the call and by ``node``, naming the function."""
    args, kwargs = wrong
    for refused in (function, function.node):
        with dug.Context(), pytest.raises(TypeError, match=function.__name__):
            refused(*args, **kwargs)


@pytest.mark.parametrize("name", "self key frame view memo node args kwargs cache value function found call current get".split())
@pytest.mark.parametrize("form", ["{}, b=2", "{}, /, b=2", "b=2, *{}", "b=2, *, {}=3", "b=2, **{}"])
def test_a_parameter_can_have_any_name(name, form):
    """Whatever its parameters are called, a function gets its own arguments."""
    namespace = {}
    exec(f"def f({form.format(name)}): return {name}, b", namespace)
    plain, memoised = namespace["f"], dug.memoize(namespace["f"])
    calls = [call(1), call(1, 5)] if form.startswith(("{}", "b=2, *{}")) else [call(5), call(**{name: 7})]
    with dug.Context():
        values = [memoised(*args, **kwargs) for args, kwargs in calls]

    assert values == [plain(*args, **kwargs) for args, kwargs in calls]


def test_a_mutable_default_is_an_error_only_when_used():
    """A default that cannot be hashed is refused when a call uses it."""

    @dug.memoize
    def listed(items=[]):  # noqa: B006 - the default is what is tested
        return len(items)

    with dug.Context():
        value = listed((1, 2))
        with pytest.raises(dug.UnhashableArgumentError, match="items"):
            listed()

    assert value == 2


def test_the_body_gets_what_the_caller_passed():
    """The body of the function is run with the objects the caller gave."""
    seen = []

    @dug.memoize
    def look(item, *, other):
        seen.append((item, other))

    item, other = object(), object()
    with dug.Context():
        look(other=other, item=item)

    assert seen[0][0] is item
    assert seen[0][1] is other


def count_nodes(function, *arguments):
    """Return how many nodes the arguments make, checked against how many runs they cause."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        for argument in arguments:
            function(argument)
    nodes = {function.node(argument) for argument in arguments}
    assert log.count(function) == len(nodes)
    return len(nodes)


NAN, OTHER_NAN = float("nan"), float("nan")


class Pair(typing.NamedTuple):
    """A tuple of a type of its own."""

    left: float
    right: float


class Unknown(numbers.Number):
    """A number that nobody knows, without a conversion to float or complex."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return False


@pytest.mark.parametrize(
    "arguments",
    [
        (1, 1.0, True),
        (0.0, -0.0),
        (NAN, OTHER_NAN),
        ((1, 2), (1.0, 2.0)),
        (complex(NAN, 2), complex(OTHER_NAN, 2)),
        (decimal.Decimal("nan"), decimal.Decimal("nan")),
        (Unknown(), Unknown()),
    ],
    ids=repr,
)
def test_arguments_are_keys_in_a_dicts_sense(arguments):
    """Arguments that a dict would take for one key are one node, and all NaN are one."""
    assert count_nodes(dug.memoize(lambda n: n), *arguments) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((1, 1.0, True), 3),
        ((0.0, -0.0), 2),
        ((NAN, OTHER_NAN), 1),
        (((1, 2), (1.0, 2), (1, 2)), 2),
        (((1, (True,)), (1, (1,))), 2),
        (((0.0,), (-0.0,), (0.0,)), 2),
        (("a", "a"), 1),
        ((Pair(1, 2), Pair(1.0, 2), Pair(1, 2), (1, 2)), 3),
        ((Pair(0.0, 1), Pair(-0.0, 1)), 2),
        ((decimal.Decimal(0), decimal.Decimal("-0")), 2),
        ((complex(0.0, 1.0), complex(-0.0, 1.0)), 2),
    ],
    ids=repr,
)
def test_typed_keeps_types_and_the_sign_of_zero_apart(arguments, expected):
    """With ``typed=True`` types and zeros differ, through tuples."""
    assert count_nodes(dug.memoize(typed=True)(lambda n: n), *arguments) == expected


def test_key_gives_the_key_of_an_unhashable_parameter():
    """With ``key=`` a parameter of any type is allowed, and calls with equal keys are one node."""

    @dug.memoize(key={"frame": lambda frame: tuple(sorted(frame))})
    def total(frame, scale=1):
        return sum(frame) * scale

    with dug.Context() as ctx, EventLog(ctx) as log:
        values = total([1, 2]), total([2, 1]), total(frame=[1, 2]), total([1, 2], 10)

    assert values == (3, 3, 3, 30)
    assert log.count(total) == 2


def test_ignore_leaves_a_parameter_out():
    """With ``ignore=`` calls that differ in that parameter only are one node, and the body still gets it."""
    seen = []

    @dug.memoize(ignore=("logger",))
    def logged(n, logger=None):
        seen.append(logger)
        return n

    first, second = [], []
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = logged(1, first), logged(1, logger=second), logged(2, second), logged(1)

    assert values == (1, 1, 2, 1)
    assert [logger is expected for logger, expected in zip(seen, (first, second), strict=True)] == [True, True]
    assert log.count(logged) == 2


@pytest.mark.parametrize("options", [{"key": {"missing": len}}, {"ignore": ("missing",)}], ids=["key", "ignore"])
def test_an_option_that_names_no_parameter_is_refused(options):
    """``key=`` and ``ignore=`` with a name that is not a parameter fail at decoration, naming it."""
    with pytest.raises((TypeError, ValueError), match="missing"):
        dug.memoize(**options)(lambda n: n)


def test_an_unknown_option_is_refused():
    """An option that does not exist fails at decoration."""
    with pytest.raises(TypeError, match="maxsize"):
        dug.memoize(maxsize=5)(lambda n: n)


@pytest.mark.parametrize("argument", [[1], {"a": 1}, {1}, (1, [2])], ids=repr)
def test_an_unhashable_argument_is_named(argument):
    """An argument that cannot be a key raises an error with the function, the parameter and the remedy."""

    @dug.memoize
    def total(n, items):
        return n

    for refused in (total, total.node):
        with dug.Context(), pytest.raises(dug.UnhashableArgumentError) as caught:
            refused(1, argument)

        assert isinstance(caught.value, TypeError)
        assert all(word in str(caught.value) for word in ("total", "items", type(argument).__name__, "key="))


def test_name_gives_the_node_another_name():
    """With ``name=`` the text of the node has that name."""

    @dug.memoize(name="spot_price")
    def spot(ticker):
        return ticker

    with dug.Context():
        value = spot("AAPL")

    assert value == "AAPL"
    assert "spot_price('AAPL')" in str(spot.node("AAPL"))


def test_version_is_accepted():
    """With ``version=`` the function works as before."""

    @dug.memoize(version="2")
    def spot(ticker):
        return ticker

    with dug.Context():
        value = spot("AAPL")

    assert value == "AAPL"


@pytest.mark.parametrize("decorate", [dug.memoize, dug.memoize(), dug.source, dug.source()], ids=repr)
def test_bare_and_called_decorators_are_the_same(decorate):
    """``@memoize`` and ``@memoize()`` both decorate, and so do ``@source`` and ``@source()``."""
    double = decorate(lambda n: 2 * n)
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = double(2), double(2)

    assert values == (4, 4)
    assert log.count(double) == 1


@attrs.frozen
class Trade:
    """A trade with memoised methods."""

    quantity: int

    @dug.memoize
    def pv(self, price=10):
        """Return the present value."""
        return self.quantity * price

    @dug.memoize
    @classmethod
    def make(cls, quantity):
        """Return a trade."""
        return cls(quantity)

    @classmethod
    @dug.memoize
    def make_below(cls, quantity):
        """Return a trade, decorated the other way."""
        return cls(quantity)

    @dug.memoize
    @staticmethod
    def fee(quantity):
        """Return the fee."""
        return quantity / 10

    @staticmethod
    @dug.memoize
    def fee_below(quantity):
        """Return the fee, decorated the other way."""
        return quantity / 10


@attrs.frozen
class Swap(Trade):
    """A trade of another class."""


def test_the_instance_of_a_method_is_an_argument():
    """A method is memoised per instance, in the sense of the instance's equality."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = Trade(2).pv(), Trade(2).pv(price=10), Trade(3).pv(), Trade.pv(Trade(3))

    assert values == (20, 20, 30, 30)
    assert log.count(Trade.pv) == 2
    assert Trade.pv.node(Trade(2)) == Trade(2).pv.node() == Trade(2).pv.node(10)


def test_a_method_is_tweaked_through_the_instance():
    """A method's node can be tweaked through the instance or the class."""
    trade = Trade(2)
    with dug.Context(tweaks={trade.pv.node(): 1}):
        values = trade.pv(), Trade(2).pv(), trade.pv(11)

    assert values == (1, 1, 22)


def test_a_method_of_a_subclass_is_another_node():
    """The same method of an instance of another class is another node."""
    assert Swap(2).pv.node() != Trade(2).pv.node()


@attrs.frozen
class Scaled(Trade):
    """A trade whose methods call those of its base."""

    @dug.memoize
    def pv(self, price=10):
        """Return the present value, scaled."""
        return super().pv(price) * 100

    @dug.memoize
    @classmethod
    def make(cls, quantity):
        """Return a trade of one more."""
        return super().make(quantity + 1)

    @classmethod
    @dug.memoize
    def make_below(cls, quantity):
        """Return a trade of one more, decorated the other way."""
        return super().make_below(quantity + 1)


def test_super_reaches_the_method_of_the_base():
    """A memoised method calls the memoised one of its base, which is a node of its own."""
    with dug.Context() as ctx:
        values = Scaled(2).pv(), Scaled.make(2), Scaled.make_below(2)
        recorded = ctx.memo(Scaled(2).pv.node()).dependencies

    assert values == (2000, Scaled(3), Scaled(3))
    assert recorded == (Trade.pv.node(Scaled(2), 10),)


def test_a_static_method_is_replaced_through_its_class():
    """A static method, in both decorator orders, is a function key."""
    with dug.Context(tweaks={Trade.fee: lambda quantity: -1, Trade.fee_below: lambda quantity: -2}):
        values = Trade.fee(20), Trade(5).fee(30), Trade.fee_below(20)

    assert values == (-1, -1, -2)


@pytest.mark.parametrize("name", ["make", "make_below"])
def test_a_classmethod_is_replaced_for_all_classes(name):
    """A class method taken from a class is a function key: the replacement gets the class."""
    replacement = {getattr(Trade, name): lambda cls, quantity: (cls, quantity)}
    with dug.Context(tweaks=replacement):
        values = getattr(Trade, name)(2), getattr(Swap, name)(3)

    assert values == ((Trade, 2), (Swap, 3))


def test_a_bound_method_is_no_function_key():
    """A method taken from an instance is refused as a function key, naming what to use."""
    with pytest.raises(dug.TweakError, match=r"Trade\.pv.*\.node\("):
        dug.Context(tweaks={Trade(2).pv: lambda: 5})


@pytest.mark.parametrize("kind", ["dataclass", "named tuple", "enum"])
def test_methods_of_other_value_classes(kind):
    """Frozen dataclasses, named tuples and enums can have memoised methods."""

    @dataclasses.dataclass(frozen=True)
    class Data:
        n: int

        @dug.memoize
        def double(self):
            return 2 * self.n

    class Named(typing.NamedTuple):
        n: int

        @dug.memoize
        def double(self):
            return 2 * self.n

    class Numbers(enum.Enum):
        TWO = 2

        @dug.memoize
        def double(self):
            return 2 * self.value

    thing = {"dataclass": Data(2), "named tuple": Named(2), "enum": Numbers.TWO}[kind]
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = thing.double(), thing.double()

    assert values == (4, 4)
    assert log.count(type(thing).double) == 1


def test_an_abstract_method_stays_abstract():
    """A class with a memoised abstract method cannot be instantiated."""

    class Base(abc.ABC):
        @dug.memoize
        @abc.abstractmethod
        def pv(self):
            """Return the present value."""

    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_an_unhashable_instance_is_said_to_be_so():
    """A method of an instance that cannot be hashed raises an error that says so."""

    @attrs.define
    class Curve:
        points: list

        @dug.memoize
        def rate(self):
            return self.points[0]

    with dug.Context(), pytest.raises(dug.UnhashableArgumentError, match="Curve"):
        Curve([1]).rate()


@pytest.mark.parametrize("name", ["make", "make_below"])
def test_a_classmethod_is_memoised_per_class(name):
    """A class method gets its class, in both decorator orders, from the class and from an instance."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = [getattr(owner, name)(2) for owner in (Trade, Swap, Trade(5), Swap)]

    assert values == [Trade(2), Swap(2), Trade(2), Swap(2)]
    assert len(log.computed) == 2


def test_the_node_of_a_classmethod():
    """``memoize`` above ``classmethod`` knows its class; below, Python 3.13 passes it explicitly."""
    explicit = (Trade,) if sys.version_info >= (3, 13) else ()
    nodes = Trade.make.node(2), Trade.make_below.node(*explicit, 2)
    with dug.Context(tweaks=dict.fromkeys(nodes, "tweaked")):
        values = Trade.make(2), Trade.make_below(2), Swap.make(2), Swap.make_below(2)

    assert values == ("tweaked", "tweaked", Swap(2), Swap(2))


@pytest.mark.parametrize("name", ["fee", "fee_below"])
def test_a_staticmethod_is_memoised(name):
    """A static method gets no instance, in both decorator orders."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        values = [getattr(owner, name)(20) for owner in (Trade, Swap, Trade(5))]

    assert values == [2.0, 2.0, 2.0]
    assert len(log.computed) == 1
    assert getattr(Trade, name).node(20) in ctx


def test_methods_keep_their_documentation():
    """Methods of every kind keep name, docstring and the signature without the instance."""
    for method in (Trade.make, Trade.make_below, Trade.fee, Trade.fee_below, Trade(2).pv):
        assert inspect.getdoc(method).startswith("Return")
    assert str(inspect.signature(Trade(2).pv)) == "(price=10)"
    assert str(inspect.signature(Trade.pv)) == "(self, price=10)"
    assert str(inspect.signature(Trade.make)) == str(inspect.signature(Trade.fee)) == "(quantity)"


def test_the_signature_is_the_functions_own():
    """``inspect.signature`` shows the function's own parameters."""
    assert inspect.signature(documented) == inspect.signature(documented.__wrapped__)
    assert list(inspect.signature(documented).parameters) == ["n", "scale", "label"]


def test_name_docstring_and_annotations_are_the_functions_own():
    """Name, qualified name, module, docstring and annotations are the function's."""
    own = documented.__wrapped__

    for attribute in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(documented, attribute) == getattr(own, attribute)
    assert typing.get_type_hints(documented) == typing.get_type_hints(own)


def test_inspect_finds_the_source():
    """``inspect`` unwraps to the function and finds its source."""
    assert inspect.unwrap(documented) is documented.__wrapped__
    assert "return n * scale" in inspect.getsource(documented)
    assert callable(documented)


def test_help_shows_signature_and_docstring():
    """``help`` shows the signature and the docstring."""
    text = pydoc.render_doc(documented, renderer=pydoc.plaintext)

    assert "Return n scaled." in text
    assert "scale" in text.partition("Return n scaled.")[0]


def test_help_of_the_module_lists_a_memoised_function_as_a_function():
    """``help`` of a module shows memoised functions among its functions."""
    text = pydoc.render_doc(sys.modules[__name__], renderer=pydoc.plaintext)

    functions = text.partition("\nFUNCTIONS\n")[2].partition("\nDATA\n")[0]
    assert "documented(" in functions


def test_doctest_finds_and_runs_the_examples():
    """``doctest`` collects the examples of a memoised function."""
    module = sys.modules[__name__]
    found = [test for test in doctest.DocTestFinder().find(module) if test.name.endswith(".documented")]
    results = [doctest.DocTestRunner(verbose=False).run(test) for test in found]

    assert [(result.attempted, result.failed) for result in results] == [(1, 0)]


def test_other_decorators_can_wrap_it():
    """A decorator above ``memoize`` finds the attributes that ``functools.wraps`` needs."""

    @functools.wraps(documented)
    def wrapped(*args, **kwargs):
        return documented(*args, **kwargs)

    assert inspect.signature(wrapped) == inspect.signature(documented)


@dug.memoize
def _one(number=1):
    return number


class _One:
    @dug.memoize
    def method(self):
        return 1


@pytest.mark.parametrize("function", [_one, _One().method], ids=["function", "method"])
def test_a_memoised_function_is_not_a_collection(function, tmp_path):
    """What takes several nodes says so of a function, which hands on nothing to iterate."""
    with dug.Context() as ctx:
        for ask in (
            ctx.run_all,
            ctx.graph().subgraph,
            lambda nodes: dug.sweep(_one.node(1), nodes),
            lambda nodes: snapshot.save(ctx, tmp_path / "x.dug", nodes=nodes),
        ):
            with pytest.raises(TypeError, match=r"<dug function .*Write "):
                ask(function)


def test_a_memoised_function_has_one_text():
    """A format string shows a memoised function as `str` does."""
    assert f"{_one}" == str(_one) == repr(_one)


def test_attributes_of_the_function_are_visible():
    """Attributes that other code sets on the function are there."""

    def tagged():
        return 1

    tagged.tag = "mine"

    assert dug.memoize(tagged).tag == "mine"


def test_what_is_not_callable_is_refused():
    """``memoize`` of something that cannot be called raises TypeError naming it."""
    with pytest.raises(TypeError, match="5"):
        dug.memoize(5)


def test_memoising_twice_is_harmless_or_refused():
    """A memoised function memoised again gives the same values, or a TypeError."""
    once = dug.memoize(lambda n: n + 1)
    try:
        twice = dug.memoize(once)
    except TypeError:
        return
    with dug.Context():
        assert twice(1) == once(1) == 2


@pytest.mark.parametrize("decorate", [dug.memoize, dug.source, dug.memoize(typed=True)], ids=["memoize", "source", "options"])
def test_a_generator_function_gives_a_value_that_many_read(decorate):
    """A decorated generator function gives a stream, which is no generator: it is read twice."""

    @decorate
    def numbers():
        yield 1

    with dug.Context():
        assert [list(numbers()), list(numbers())] == [[1], [1]]


def test_a_reloaded_function_with_other_code_invalidates_what_ran_it(write_module):
    """After a reload with another body, the next call gives the new value, for dependents too."""
    code = "@dug.memoize\ndef rate():\n    return {}\n\n@dug.memoize\ndef value():\n    return rate() * 10\n"
    module = write_module("reloaded_code", code.format(1))
    with dug.Context() as ctx:
        first = module.value()
        module = write_module("reloaded_code", code.format(22))
        known = module.value.node() in ctx
        second = module.value()

    assert (first, second) == (10, 220)
    assert not known


def test_a_reload_without_a_change_invalidates_nothing(write_module):
    """After a reload of the same code nothing runs again."""
    code = "@dug.memoize\ndef rate():\n    return 1\n\n@dug.memoize\ndef value():\n    return rate() * 10\n"
    module = write_module("reloaded_same", code)
    with dug.Context() as ctx:
        module.value()
        module = write_module("reloaded_same", "\n\n# moved down\n" + code)
        with EventLog(ctx) as log:
            value = module.value()

    assert value == 10
    assert log.computed == []
    assert log.hits == [module.value.node()]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("@dug.memoize\ndef f(n=1):\n    return n", "@dug.memoize\ndef f(n=2):\n    return n", (1, 2)),
        ("@dug.memoize\ndef f(*, n=1):\n    return n", "@dug.memoize\ndef f(*, n=2):\n    return n", (1, 2)),
        (
            "@dug.memoize\ndef f():\n    return (lambda: 1)()",
            "@dug.memoize\ndef f():\n    return (lambda: 2)()",
            (1, 2),
        ),
        (
            "def make(n):\n    def f():\n        return n\n    f.__qualname__ = 'f'\n    return f\nf = dug.memoize(make(1))",
            "def make(n):\n    def f():\n        return n\n    f.__qualname__ = 'f'\n    return f\nf = dug.memoize(make(2))",
            (1, 2),
        ),
    ],
    ids=["default", "keyword default", "nested code", "closure"],
)
def test_other_defaults_code_or_closure_invalidate(write_module, before, after, expected):
    """A redefinition that differs in its defaults, nested code or closure is another function."""
    name = "redefined_parts"
    with dug.Context():
        first = write_module(name, before).f()
        second = write_module(name, after).f()

    assert (first, second) == expected


def test_a_redefinition_reaches_every_live_cache(write_module):
    """A redefinition invalidates in all caches, also of contexts that are not entered."""
    code = "@dug.memoize\ndef rate():\n    return {}\n"
    module = write_module("redefined_everywhere", code.format(1))
    contexts = [dug.Context() for _ in range(3)]
    for ctx in contexts:
        with ctx:
            module.rate()
    module = write_module("redefined_everywhere", code.format(22))

    for ctx in contexts:
        with ctx:
            assert module.rate() == 22


def test_a_cell_run_twice_redefines(monkeypatch):
    """The code of a cell executed again in the same module redefines its functions."""
    module = types.ModuleType("notebook_cell")
    monkeypatch.setitem(sys.modules, "notebook_cell", module)
    module.dug = dug
    cell = "@dug.memoize\ndef rate():\n    return {}\n"
    with dug.Context():
        exec(cell.format(1), module.__dict__)
        first = module.rate()
        exec(cell.format(22), module.__dict__)
        second = module.rate()

    assert (first, second) == (1, 22)


def test_a_redefinition_leaves_other_functions_alone(write_module):
    """A redefinition runs again the nodes that ran the old function, and nothing else."""
    code = (
        "@dug.memoize\ndef rate():\n    return {}\n\n@dug.memoize\ndef other():\n    return 5\n\n"
        "@dug.memoize\ndef value():\n    return rate() + other()\n"
    )
    module = write_module("redefined_one", code.format(1))
    with dug.Context() as ctx:
        module.value()
        with dug.Context(tweaks={module.rate.node(): 100}) as child:
            module.value()
        module = write_module("redefined_one", code.format(22))
        with EventLog(ctx) as log:
            value = module.value()
        with child, EventLog(child) as child_log:
            tweaked = module.value()

    assert (value, tweaked) == (27, 105)
    assert log.count(module.other) == 0
    assert child_log.count(module.rate) == child_log.count(module.other) == 0


def test_local_functions_are_their_own_object():
    """Two local functions of one name and one code are two functions."""

    def make(n):
        @dug.memoize
        def local():
            return n

        return local

    first, second = make(1), make(2)
    with dug.Context():
        values = first(), second(), first()

    assert values == (1, 2, 1)
    assert first.node() != second.node()


def test_functions_of_one_repeated_name_are_not_mixed_up(write_module):
    """Module-level functions that share the name ``_``, as with singledispatch, keep their own values."""
    module = write_module(
        "repeated_names",
        "functions = []\n"
        "@functions.append\n@dug.memoize\ndef _(n):\n    return 'first', n\n"
        "@functions.append\n@dug.memoize\ndef _(n):\n    return 'second', n\n"
        "@functions.append\n@dug.memoize\ndef _(n):\n    return 'third', n\n",
    )
    with dug.Context():
        values = [function(1) for function in module.functions for _ in range(2)]

    assert values == [(name, 1) for name in ("first", "second", "third") for _ in range(2)]


def test_singledispatch_with_memoised_implementations(write_module):
    """``singledispatch`` works with implementations that are all named ``_``."""
    module = write_module(
        "dispatching",
        "import functools\n\n"
        "@functools.singledispatch\ndef price(item):\n    raise TypeError(item)\n\n"
        "@price.register\n@dug.memoize\ndef _(item: int):\n    return 'int', item\n\n"
        "@price.register\n@dug.memoize\ndef _(item: str):\n    return 'str', item\n",
    )
    with dug.Context():
        values = [module.price(item) for item in (1, "a", 1, "a")]

    assert values == [("int", 1), ("str", "a"), ("int", 1), ("str", "a")]


def test_a_source_is_memoised_and_says_what_it_is():
    """A source is called once, like any node, and is recognisable as a source."""
    readings = itertools.count()

    @dug.source
    def clock():
        return next(readings)

    with dug.Context() as ctx:
        values = clock(), clock()
        ctx.invalidate(clock)
        after = clock()

    assert (values, after) == ((0, 0), 1)
    assert "source" in repr(clock)
    assert "source" not in repr(documented)


def test_the_error_of_a_source_that_a_node_caught_is_tried_again():
    """A node that caught the error of a source is not served after the outermost call."""
    readings = []

    @dug.source
    def feed():
        readings.append(1)
        if len(readings) == 1:
            raise ConnectionError
        return 5

    @dug.memoize
    def careful():
        try:
            return feed()
        except ConnectionError:
            return None

    @dug.memoize
    def outer():
        return careful()

    with dug.Context():
        values = outer(), outer(), outer()

    assert values == (None, 5, 5)
    assert len(readings) == 2


def test_the_error_of_a_source_is_served_within_the_outermost_call():
    """Within one outermost call a failing source is asked once."""
    readings = []

    @dug.source
    def feed():
        readings.append(1)
        raise ConnectionError

    @dug.memoize
    def careful(n):
        try:
            return feed()
        except ConnectionError:
            return n

    @dug.memoize
    def outer():
        return careful(1) + careful(2)

    with dug.Context():
        value = outer()

    assert value == 3
    assert len(readings) == 1


def test_the_error_of_a_node_that_a_caller_caught_is_remembered():
    """A node that caught the error of a node that is not a source is served: nothing outside has changed."""

    @dug.memoize
    def broken():
        raise LookupError

    @dug.memoize
    def careful():
        try:
            return broken()
        except LookupError:
            return None

    with dug.Context() as ctx:
        careful()
        with EventLog(ctx) as log:
            value = careful()

    assert value is None
    assert log.computed == []


def test_partials_of_one_function_are_functions_of_their_own():
    """Two partials share a class, and nothing else."""
    first, second = (dug.memoize(functools.partial(lambda a, b: (a, b), start)) for start in (1, 2))
    with dug.Context():
        values = first(5), second(5), first.node(5)()

    assert values == ((1, 5), (2, 5), (1, 5))


@pytest.mark.parametrize(
    "make",
    [lambda: (n for n in range(3)), lambda: map(float, [1]), lambda: iter([1]), lambda: zip([1]), lambda: io.StringIO("1")],
    ids="generator map iterator zip file".split(),
)
def test_what_can_be_consumed_once_is_refused_with_the_reason(make):
    """An object that gives its content once is refused as a value, also if decoration could not see it, and as a tweak."""
    numbers = dug.memoize(functools.partial(lambda made: made(), make))
    with dug.Context(), pytest.raises(TypeError, match="consumed once"):
        numbers()
    with pytest.raises(dug.TweakError, match="consumed once"):
        dug.Context(tweaks={numbers.node(): make()})


def test_methods_of_two_instances_are_two_functions():
    """A bound method is decorated as its function with its instance."""

    class Feed:
        def __init__(self, price):
            self.price = price

        def ask(self, ticker):
            return self.price

        @classmethod
        def name(cls):
            return cls.__name__

    class Other(Feed):
        pass

    asks = [dug.memoize(Feed(price).ask) for price in (100.0, 7.0)]
    names = [dug.memoize(kind.name) for kind in (Feed, Other)]
    with dug.Context():
        assert [ask("A") for ask in asks] == [100.0, 7.0]
        assert [name() for name in names] == ["Feed", "Other"]


def test_a_proxy_is_defined_anew_when_it_does_something_else(monkeypatch):
    """A decorator of wrapt shows the code of the wrapped function, which is not all of it."""

    def times(factor):
        return wrapt.decorator(lambda wrapped, instance, args, kwargs: factor * wrapped(*args, **kwargs))

    module = types.ModuleType("proxied_cell")
    monkeypatch.setitem(sys.modules, "proxied_cell", module)
    vars(module).update(dug=dug, times=times)
    cell = "@dug.memoize\n@times({})\ndef rate(x):\n    return x\n"
    with dug.Context():
        exec(cell.format(2), vars(module))
        first = module.rate(1)
        exec(cell.format(3), vars(module))
        assert (first, module.rate(1)) == (2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": 5}, "key must say"),
        ({"key": ["x"]}, "key must say"),
        ({"key": {"x": 5}}, "key must say"),
        ({"ignore": 5}, "ignore must be"),
        ({"ignore": (1,)}, "ignore must be"),
        ({"name": 5}, "name must be"),
        ({"name": ""}, "name must be"),
        ({"name": "rate (EUR)"}, "name must not hold a parenthesis"),
        ({"eq": 5}, "eq must be"),
    ],
    ids=repr,
)
def test_an_option_that_cannot_be_meant_is_refused(options, message):
    """The error names the option and says what to write."""
    with pytest.raises(TypeError, match=f"{message}.* Write"):
        dug.memoize(**options)(lambda x: x)


def test_what_a_key_function_gives_must_have_a_hash():
    """The error says that it is the key and not the argument."""
    keyed = dug.memoize(key={"x": lambda x: [x]})(lambda x: x)

    with dug.Context(), pytest.raises(dug.UnhashableArgumentError, match=r"the key from key=\{'x': ...\} for an argument, \[1\]"):
        keyed(1)


def test_a_parameter_may_be_called_self():
    """``node`` takes the parameters of the function, whatever they are called."""
    function, many = dug.memoize(lambda self: self), dug.memoize(lambda **kw: kw)

    assert function.node(self=5) == function.node(5)
    assert many.node(self=5).kwargs == {"self": 5}


def test_a_body_gets_its_own_nan():
    """All NaN are one key, and each call still passes the argument it was given."""

    @dug.memoize
    def part(z):
        return z.imag

    with dug.Context():
        assert part(complex(float("nan"), 2.0)) == 2.0
        assert part(complex(float("nan"), 3.0)) == 3.0


def dressed(wrapper_of):
    """Return a decorator that makes a wrapper and dresses it up as the wrapped function."""
    return lambda function: functools.wraps(function)(wrapper_of(function))


def test_what_wraps_a_function_has_its_own_defaults():
    """The parameters are those of the called function; a wrapper that passes everything on takes those of the wrapped one."""

    def plain(x, mode="a"):
        return x, mode

    own = dug.memoize(dressed(lambda fn: lambda x, mode="b": fn(x, mode))(plain))
    passing = dug.memoize(dressed(lambda fn: lambda *args, **kwargs: (0, fn(*args, **kwargs)))(plain))
    cached = dug.memoize(functools.lru_cache(plain))
    with dug.Context():
        assert own(1) == own.__wrapped__(1) == (1, "b")
    assert passing.node(1) == passing.node(x=1, mode="a")
    assert cached.node(1) == cached.node(x=1, mode="a")


def test_no_time_is_one_argument():
    """Numpy's NaT is one key for each kind, and none of them is that of a number."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    moment, span = numpy.datetime64("NaT", "s"), numpy.timedelta64("NaT", "s")

    assert count_nodes(dug.memoize(lambda n: n), moment, numpy.datetime64("NaT", "s")) == 1
    assert count_nodes(dug.memoize(lambda n: n), (moment, 1), (numpy.datetime64("NaT", "s"), 1)) == 1
    assert count_nodes(dug.memoize(lambda n: n), moment, span, float("nan")) == 3
    with pytest.raises(dug.UnhashableArgumentError):
        dug.memoize(lambda n: n).node(decimal.Decimal("sNaN"))


def test_a_mock_is_a_value():
    """A mock has every attribute, and is not taken for a consumable."""
    connect = dug.memoize(lambda: unittest.mock.MagicMock(name="one"))
    with dug.Context():
        assert connect() is connect()
        with dug.Context(tweaks={connect.node(): unittest.mock.MagicMock(name="another")}):
            assert "another" in repr(connect())


def test_what_is_added_to_a_function_is_found():
    """Completion and ``dir`` show the node and the plain function beside the function's own attributes."""
    assert {"node", "__wrapped__", "__name__"} <= set(dir(documented))


def test_functions_of_one_shape_are_compiled_once(monkeypatch):
    """Decorating compiles code for the first function of a shape; the others take it over, each under its own name."""
    compiled = []
    monkeypatch.setattr(builtins, "compile", lambda source, *rest, real=compile: compiled.append(source) or real(source, *rest))

    def make(name):
        def fn(number_in_no_other_test, scale_in_no_other_test=2, /, *, sign=1):
            return number_in_no_other_test * scale_in_no_other_test * sign

        fn.__qualname__ = name
        return dug.memoize(fn)

    first, second = make("first"), make("second")

    assert len(compiled) == len(set(compiled)) > 0
    with dug.Context():
        assert (first(1), second(1, 3, sign=-1)) == (2, -3)
    with pytest.raises(TypeError, match=r"first\(\) missing 1 required positional argument"):
        first.node()
    with pytest.raises(TypeError, match=r"second\(\) takes from 1 to 2 positional arguments but 3 were given"):
        second.node(1, 2, 3)
