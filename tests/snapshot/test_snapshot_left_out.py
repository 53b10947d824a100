"""A saved file loads: parts that cannot be written are left out with the reason, and only their dependents are missing."""

from __future__ import annotations

import gc
import pickle
import sqlite3
import subprocess
import sys
import types
from contextlib import closing

import pytest

import dug
from dug import codec, snapshot
from dug.codec import _classes
from dug.testing import EventLog

SOURCE = """
import dug


class Desk:
    factor = 1.0

    @dug.memoize
    @classmethod
    def rate(cls):
        return cls.factor

    @dug.memoize
    @classmethod
    def price(cls, number):
        return number * cls.rate()

    class Inner:
        @dug.memoize
        @classmethod
        def rate(cls):
            return 7.0


class Other(Desk):
    factor = 2.0


class Trade:
    __hash__ = object.__hash__

    @dug.memoize
    def value(self):
        return 2 * other()


class Key:
    __hash__ = object.__hash__


@dug.memoize
def other():
    return 3.0


@dug.memoize
def by_key(key):
    return 1.0


@dug.memoize
def of(kind):
    return kind.__name__


@dug.memoize
def above(trade):
    return trade.value() + 1


@dug.memoize
def book():
    return other() + 1


@dug.memoize
def opened():
    with dug.Context(tweaks={other.node(): 5.0}):
        return by_key(KEY) + other()


KEY = Key()
"""


@pytest.fixture
def desk():
    """A module with methods of classes and of instances."""
    module = sys.modules["left_out_desk"] = types.ModuleType("left_out_desk")
    exec(SOURCE, vars(module))
    yield module
    del sys.modules["left_out_desk"]


def save(path, tweaks, *asked):
    """Save a context with tweaks in which some nodes were asked for; return the parts that the report leaves out."""
    with dug.Context(tweaks=tweaks) as ctx:
        for node in asked:
            node()
        return [one.what for one in snapshot.save(ctx, path).absent]


def test_nodes_of_class_methods_are_served(tmp_path, load, desk):
    """A class is an argument by its name: of a module, of a class, a subclass."""
    asked = [
        desk.Desk.price.node(2), desk.Other.price.node(2), desk.Desk.Inner.rate.node(), desk.of.node(int),
        desk.of.node(desk.Key), desk.of.node(type), desk.of.node(dug.Context),
    ]  # fmt: skip
    with dug.Context() as ctx:
        values = [node() for node in asked]
        assert snapshot.save(ctx, tmp_path / "x.dug").absent == ()

    with load(tmp_path / "x.dug") as loaded, EventLog(loaded) as log:
        assert [node() for node in asked] == values == [2.0, 4.0, 7.0, "int", "Key", "type", "Context"]
        assert log.computed == []


def test_a_tweak_of_a_class_method_is_in_force_again(tmp_path, load, desk):
    """Tweaks of nodes whose argument is a class are written and read."""
    assert save(tmp_path / "x.dug", {desk.Desk.rate.node(): 5.0}, desk.Desk.price.node(2), desk.Other.price.node(2)) == []

    with load(tmp_path / "x.dug"):
        assert (desk.Desk.price(2), desk.Other.price(2), desk.Desk.price(3)) == (10.0, 4.0, 15.0)


def make_local():
    """Return a class that no name leads to."""

    class Local:
        pass

    return Local


def test_a_class_that_no_name_leads_to_is_left_out(tmp_path, load, desk):
    """A local class, and one whose name was taken by another, cannot be found again."""
    taken = desk.Key
    desk.Key = type("Key", (), {"__module__": desk.__name__})
    absent = save(
        tmp_path / "x.dug", {}, desk.of.node(make_local()), desk.of.node(taken), desk.of.node(desk.Key), desk.book.node()
    )

    assert len(absent) == 2
    with load(tmp_path / "x.dug") as loaded, EventLog(loaded) as log:
        assert (desk.book(), desk.of(desk.Key)) == (4.0, "Key")
        assert log.computed == []


def test_no_module_is_imported_for_a_class(tmp_path, desk, load):
    """A class whose module is not there is said, and nothing is imported; modules that make attributes are not asked."""
    (tmp_path / "canary_class.py").write_text("raise SystemExit('imported')")
    asked = []
    module = sys.modules["left_out_lazy"] = types.ModuleType("left_out_lazy")
    module.__getattr__ = lambda name: asked.append(name) or int
    try:
        for name in ("canary_class:A", "left_out_lazy:Made", "os:path.join", "builtins:print", "a", ":", "left_out_desk:"):
            with pytest.raises(codec.CodecError, match="is not here"):
                codec.decode(codec.Encoded("json", (f'{{"$class":"{name}"}}'.encode(),)))
    finally:
        del sys.modules["left_out_lazy"]
    assert asked == []


TWEAKS = {
    "value": lambda desk, trade: {trade.value.node(): 5.0},
    "bump": lambda desk, trade: {trade.value.node(): dug.shift(1.0)},
    "untweaked": lambda desk, trade: {trade.value.node(): dug.UNTWEAKED},
    "argument": lambda desk, trade: {desk.above.node(trade): 5.0},
    "beside a good one": lambda desk, trade: {trade.value.node(): 5.0, desk.other.node(): 4.0},
    "object": lambda desk, trade: {desk.by_key.node(object()): 5.0},
}


@pytest.mark.parametrize("kind", TWEAKS)
def test_a_tweak_that_cannot_be_written_is_left_out_with_what_rests_on_it(tmp_path, load, desk, kind):
    """The file opens, nodes that do not depend on the tweak answer, the others do not, and both sides say so."""
    trade = desk.Trade()
    tweaks = TWEAKS[kind](desk, trade)
    absent = save(tmp_path / "x.dug", tweaks, desk.above.node(trade), desk.book.node())
    assert any(what.startswith("the tweak of ") for what in absent)

    with load(tmp_path / "x.dug") as loaded, EventLog(loaded) as log:
        assert desk.book() == (5.0 if kind == "beside a good one" else 4.0)
        assert log.computed == []
        assert any(one.what.startswith("the tweak of ") and "were not written" in one.reason for one in loaded.absent)
    with snapshot.look(tmp_path / "x.dug") as looked:
        assert len(looked.tweaks) == len(tweaks)


def test_what_opened_a_context_and_looked_at_a_lost_tweak_is_not_served(tmp_path, load, desk):
    """A node that read the tweaked node under a context of its own depends on the tweak, too."""
    assert save(tmp_path / "x.dug", {desk.by_key.node(desk.KEY): 9.0}, desk.opened.node(), desk.book.node())

    with load(tmp_path / "x.dug") as loaded:
        assert desk.opened.node() not in loaded
        assert (desk.opened(), desk.book()) == (6.0, 4.0)
        assert loaded.pending == ()


def test_a_tweak_of_a_local_function_is_left_out(tmp_path, load, desk):
    """A function that no name leads to is tweaked in the saved context only."""

    @dug.memoize
    def local():
        return desk.other() + 1

    assert save(tmp_path / "x.dug", {local: dug.shift(5.0)}, local.node(), desk.book.node())

    with load(tmp_path / "x.dug") as loaded, EventLog(loaded) as log:
        assert desk.book() == 4.0
        assert log.computed == []
        assert "local function" in str(loaded.absent[0])
        assert loaded.pending == ()


def test_a_tweak_that_the_code_of_today_does_not_allow_is_left_out(tmp_path, load, desk):
    """Where a function has gone, or has other parameters, the rest of the file is served."""
    save(
        tmp_path / "x.dug",
        {desk.other.node(): 4.0, desk.by_key.node(1): 2.0},
        desk.book.node(),
        desk.by_key.node(1),
        desk.of.node(int),
    )
    del desk.by_key
    gc.collect()
    exec("@dug.memoize\ndef other(number):\n    return number\n", vars(desk))

    with load(tmp_path / "x.dug") as loaded, EventLog(loaded) as log:
        assert desk.of(int) == "int"
        assert log.computed == []
        assert desk.book.node() not in loaded
        assert len([one for one in loaded.absent if one.what.startswith("the tweak of")]) == 2


def test_a_class_that_is_registered_later_does_not_bring_what_rests_on_its_tweak(tmp_path, load, desk):
    """A tweak that was left out when the file was loaded stays out of force, and so do memos computed under it."""

    class Ticker(tuple):
        _fields = ("name",)
        __slots__ = ()

    codec.register(name="left_out:Ticker")(Ticker)
    node = desk.by_key.node(Ticker(("A",)))
    save(tmp_path / "x.dug", {node: 9.0}, node, desk.book.node())
    known = _classes._by_name.pop("left_out:Ticker")
    with load(tmp_path / "x.dug") as loaded:
        _classes._by_name["left_out:Ticker"] = known
        assert "not registered" in str(loaded.absent) or "no class is registered" in str(loaded.absent)
        assert desk.by_key(Ticker(("A",))) == 1.0
        assert desk.book() == 4.0


@pytest.mark.slow
def test_a_module_that_is_not_imported_is_still_asked_for(tmp_path, desk):
    """A file that tweaks an importable function names the import: without the tweak its numbers would be others."""
    save(tmp_path / "x.dug", {desk.other.node(): 4.0}, desk.book.node())
    code = f"from dug import snapshot; snapshot.load({str(tmp_path / 'x.dug')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "import left_out_desk before you load it" in done.stderr


@pytest.mark.parametrize("place", ["start", "end"])
def test_a_damaged_byte_names_the_node(tmp_path, load, desk, place):
    """One wrong byte of a value is an error that says whose value it is."""
    path = tmp_path / "x.dug"
    save(path, {}, desk.of.node(int), desk.book.node())
    with closing(sqlite3.connect(path)) as connection, connection:
        ((number, data),) = connection.execute("SELECT id, data FROM chunks WHERE data = ?", (b'"int"',))
        damaged = b"'" + data[1:] if place == "start" else data[:-1] + b"'"
        connection.execute("UPDATE chunks SET data = ? WHERE id = ?", (damaged, number))

    with load(path):
        assert desk.book() == 4.0
        with pytest.raises(
            snapshot.SnapshotError, match=r"is damaged: the value of left_out_desk:of\(<class 'int'>\) is not as it was written"
        ):
            desk.of(int)


def test_a_damaged_tweak_names_itself(tmp_path, desk):
    """One wrong byte of a tweaked value is an error that names the tweak."""
    path = tmp_path / "x.dug"
    save(path, {desk.other.node(): "seven"}, desk.other.node())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE chunks SET data = ? WHERE node < 0", (b'"eleven"'[:7],))

    with pytest.raises(snapshot.SnapshotError, match="the tweak 'seven' is not as it was written"):
        snapshot.load(path)


def test_a_damaged_row_names_the_node(tmp_path, desk):
    """A row that does not have its check number says which node it is said to be of."""
    path = tmp_path / "x.dug"
    save(path, {}, desk.book.node())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE nodes SET value = '1' WHERE text LIKE '%book%'")

    with pytest.raises(snapshot.SnapshotError, match=r"left_out_desk:book\(\)"):
        snapshot.look(path).nodes()


class Picky(Exception):
    """An exception that cannot be made again from its arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")

    def __setstate__(self, state):
        raise pickle.PicklingError


def test_an_error_of_any_class_does_not_hinder_a_load(tmp_path, load, desk):
    """An exception that its class does not give back is replaced."""
    codec.register(name="left_out:Picky")(Picky)

    @dug.memoize(name="left_out_desk:failing")
    def failing(number):
        if number:
            raise Picky(1, 2)
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")

    with dug.Context() as ctx:
        ctx.run_all([failing.node(0), failing.node(1)])
        snapshot.save(ctx, tmp_path / "x.dug")

    loaded = load(tmp_path / "x.dug")
    assert sorted(str(failed.error) for failed in loaded.failures()) == sorted(
        ["1 2", "'utf-8' codec can't decode byte 0xff in position 0: no text"]
    )


class Unnamed(type):
    """A class of classes that do not tell their module."""

    @property
    def __module__(cls):
        raise RuntimeError


class Nowhere(metaclass=Unnamed):
    """Its class tells no module."""


class Panicking:
    """It cannot be pickled, for a reason that is not an Exception."""

    def __reduce_ex__(self, protocol):
        raise GeneratorExit


class Unsaid(Exception):
    """Says nothing of itself, for a reason that is not an Exception, and its module is not a text."""

    __module__ = 5

    def __str__(self):
        raise GeneratorExit

    def __reduce__(self):
        raise GeneratorExit


ODD = {"a class without a module": Nowhere(), "a panic": Panicking(), "a list of them": [Nowhere(), Panicking()]}


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("kind", ODD)
def test_nothing_that_a_value_raises_makes_a_save_fail(tmp_path, load, kind, allow_pickle):
    """The value is left out with a reason, its dependencies are there, and a function may have it as a global."""

    @dug.memoize(name="left_out_desk:odd")
    def odd(kind):
        return ODD[kind]

    @dug.memoize(name="left_out_desk:plain")
    def plain():
        return 1.0 if odd(kind) else 0.0

    with dug.Context() as ctx:
        plain()
        report = snapshot.save(ctx, tmp_path / "x.dug", allow_pickle=allow_pickle)

    assert {one.what for one in report.absent} == {str(odd.node(kind))}
    loaded = load(tmp_path / "x.dug")
    with loaded, EventLog(loaded) as log:
        assert plain() == 1.0
    assert log.computed == []


def test_nothing_that_an_error_raises_makes_a_save_fail(tmp_path, load):
    """An error that refuses to describe itself is saved by its type."""

    @dug.memoize(name="left_out_desk:failing")
    def failing():
        raise Unsaid

    with dug.Context() as ctx:
        ctx.run_all([failing.node()])
        snapshot.save(ctx, tmp_path / "x.dug")

    with snapshot.look(tmp_path / "x.dug") as looked:
        (failed,) = looked.failures()
    assert failed.type == "?:Unsaid"
    assert "cannot be shown: GeneratorExit" in failed.text
