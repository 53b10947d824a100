"""Text of anything: bounded, in one line, without an error, and another one for another value."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dug import Node, memoize
from dug._text.values import (
    LONGEST,
    Short,
    describe_error,
    name_type,
    number_alike,
    shorten,
    show,
    show_str,
    show_whole,
    spell,
    spell_call,
    visible,
)

MOST = 3 * LONGEST


class Raising:
    """Its text cannot be made."""

    __hash__ = object.__hash__  # its identity is what counts

    def __init__(self, error=ZeroDivisionError):
        self.error = error

    def __repr__(self):
        raise self.error


class Panic(BaseException):
    """The exception of a library in another language when it gives up: not an Exception."""


class NoText:
    """Its text is not a text."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return 5


class Endless:
    """Its text holds itself."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return f"<{self!r}>"


class Huge:
    """Its text is very long."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return "x" * 3_000_000


class Wild(str):
    """A text that lies about itself."""

    __slots__ = ()

    def __repr__(self):
        return Wild("\x1b[2J\nwild\ud800\u202e")

    def __len__(self):
        raise ZeroDivisionError

    def __getitem__(self, place):
        raise ZeroDivisionError

    def isprintable(self):
        return True


class NoName(type):
    """A class of classes that refuse to tell a name."""

    def __getattribute__(cls, name):
        if name.endswith("name__"):
            raise ZeroDivisionError
        return super().__getattribute__(name)


class Nameless(metaclass=NoName):
    """Neither it nor its class says anything."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        raise ZeroDivisionError


def nested(depth):
    """Return a deep tuple."""
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


UNHASHABLE = (Raising(), [Raising()])
DEEP = nested(100_000)
ANYTHING = [
    10**5_000,
    -(10**5_000),
    1 << 3_400_000,
    (1, 10**5_000),
    {"a": [10**5_000]},
    frozenset({10**5_000, "a"}),
    Raising(),
    Raising(RecursionError),
    Raising(MemoryError),
    Raising(Panic),
    [Raising(Panic)],
    {1: (Raising(GeneratorExit),)},
    UNHASHABLE,
    NoText(),
    Endless(),
    Huge(),
    [Huge()],
    Wild("a"),
    (Wild("a"),),
    Nameless(),
    "x" * 1_000_000,
    b"x" * 1_000_000,
    "\ud800",
    "\x1b[31m",
    DEEP,
    tuple(range(200_000)),
    ((("a" * 100,) * 50,) * 50,) * 50,
    {i: i for i in range(50_000)},
    type,
    None,
]


TELLERS = {
    "show": show,
    "spell": spell,
    "whole": lambda value: show_whole(value, 100),
    "short": Short(200, 12).repr,
    "text": lambda value: show_str(value, 100),
}


@pytest.mark.parametrize("tell", TELLERS.values(), ids=TELLERS)
@pytest.mark.parametrize("place", range(len(ANYTHING)))
def test_anything_has_a_bounded_text_that_can_be_written(tell, place):
    """Whatever a value is, its text raises nothing, is not long, and is UTF-8."""
    text = tell(ANYTHING[place])

    assert type(text) is str
    assert len(text) < MOST
    if tell in (show, spell):
        assert text.isprintable()
        text.encode()


DIFFERENT = [
    (10**5_000, 10**5_000 + 1),
    (10**5_000, -(10**5_000)),
    ("x" * 30_000 + "a" + "x" * 30_000, "x" * 30_000 + "b" + "x" * 30_000),
    (b"x" * 30_000 + b"a" + b"x" * 30_000, b"x" * 30_000 + b"b" + b"x" * 30_000),
    (tuple(range(30_000)), (*range(15_000), 0, *range(15_001, 30_000))),
    ((1, 10**5_000), (1, 10**5_000 + 1)),
]


@pytest.mark.parametrize("place", range(len(DIFFERENT)))
def test_what_differs_where_it_is_cut_has_another_text(place):
    """A text that is cut has a digest of all of it."""
    one, other = DIFFERENT[place]

    assert spell(one) == spell(one)
    assert spell(one) != spell(other)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -5,
        10**400,
        1.5,
        float("inf"),
        "a'b",
        "\n\x00é\ud800",
        b"\xff",
        (1,),
        (1, ("a", None)),
        [],
        {},
        {"a": (1,)},
        True,
        (),
        ((),),
    ],
)
def test_what_is_short_is_spelled_as_python_writes_it(value):
    """The text of a literal is the literal, and the text of a node is read back."""
    assert spell(value) == repr(value)
    assert show(value) == visible(show(value))


@pytest.mark.slow
def test_a_text_is_the_same_in_every_process():
    """Sets have no order of their own, and their texts have."""
    code = "from dug._text.values import spell; print(spell((frozenset('abcdefgh'), {'x', 'y', 'z'}, frozenset(), set())))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "123"
    }

    assert told == {"(frozenset({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}), {'x', 'y', 'z'}, frozenset(), set())\n"}


def test_a_call_of_very_many_arguments_is_cut():
    """The whole of it is bounded, not only each argument, and it still ends like a call."""
    text = spell_call("m:f", range(100_000), {"name": "x" * 100_000})

    assert len(text) < MOST
    assert text.startswith("m:f(0, 1, 2")
    assert text.endswith(")")


def test_a_node_of_any_argument_has_texts():
    """A node can be printed, sorted and shown, whatever its arguments are."""

    @memoize(name="text:take")
    def take(*values, **named):
        return None

    no_arguments = {id(UNHASHABLE), id(DEEP)}
    hashable = [value for value in ANYTHING if not isinstance(value, list | dict) and id(value) not in no_arguments]
    nodes = [take.node(value, named=value) for value in hashable]

    assert all(str(node).startswith("text:take(") and str(node).isprintable() for node in nodes)
    assert all(len(repr(node)) <= 400 for node in nodes)
    assert len(sorted(nodes)) == len(nodes)


def test_a_text_that_is_long_and_not_cut_is_read_back():
    """Literals of some thousand characters are spelled in full."""

    @memoize(name="text:long")
    def long(value):
        return None

    node = long.node("x" * 5_000)

    assert Node.parse(str(node)) == node


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "b", "a"], ["a #1", "b", "a #2"]),
        (["a", "a", "a"], ["a #1", "a #2", "a #3"]),
        ([], []),
    ],
)
def test_alike_texts_are_numbered(texts, told):
    """Each of several things with one text has a number, the first one too."""
    assert number_alike(texts) == told


def test_what_is_cut_keeps_its_ends():
    """The middle is left out."""
    assert shorten("abcdefgh", 5) == "abc…h"
    assert shorten("abc", 5) == "abc"


def test_an_error_is_described_as_a_traceback_ends():
    """The class and the message, in one line that is not too long, also if that is empty or cannot be had."""
    assert describe_error(FileNotFoundError(2, "No such file", "x.csv")) == "FileNotFoundError: [Errno 2] No such file: 'x.csv'"
    assert describe_error(KeyError()) == "KeyError"
    assert describe_error(ValueError("one\ntwo")) == r"ValueError: one\ntwo"
    assert len(describe_error(ValueError("x" * 1_000))) == 400
    assert describe_error(Mute()) == "Mute: <Mute, which cannot be shown: ZeroDivisionError>"


class Mute(Exception):
    """An error that cannot describe itself."""

    def __str__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize("tell", TELLERS.values(), ids=TELLERS)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_stops_the_process_passes(tell, stop):
    """The handler of a signal may raise while a text is made, and nobody but the caller may take it."""
    with pytest.raises(stop):
        tell(Raising(stop))


def test_the_name_of_a_class_is_what_it_was_made_with():
    """Neither a metaclass nor an attribute that is not a text makes naming fail."""
    odd = type("Odd", (), {"__module__": 5})

    assert name_type(Nameless()) == f"{__name__}:Nameless"
    assert name_type(odd()) == "?:Odd"
    assert name_type(1) == "builtins:int"


def test_a_dict_is_shown_in_its_order():
    """The keys of a dict come in the order of the program, the first eight of them."""
    assert show({"b": 1, "a": {"d": 2, "c": 3}}) == "{'b': 1, 'a': {'d': 2, 'c': 3}}"
    assert show(dict.fromkeys(range(20, 0, -1))) == "{" + ", ".join(f"{key}: None" for key in range(20, 12, -1)) + ", ...}"
    assert show({}) == "{}"
    assert show([[[[{1: 2}]]]]) == "[[[[{...}]]]]"
