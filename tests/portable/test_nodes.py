"""Nodes, functions, exceptions as text."""

from __future__ import annotations

import operator

import pytest

import dug
from dug._portable.errors import RecordedError, make_error, write_error
from dug._portable.nodes import call_of, name_of, read_node
from dug.errors import CodecError


@dug.memoize
def price(name, *, units=1):
    """Take a name."""
    return units


@dug.memoize(key={"error": id})
def fails(error):
    """Raise what it is given."""
    raise error


class UnknownError(Exception):
    """No codec knows it."""


@pytest.mark.parametrize(
    "node", [price.node("A"), price.node(("A", 1.5, None), units=2), price.node(name=frozenset({1}))], ids=str
)
def test_a_node_comes_back(node):
    """The arguments of a node make the same node again."""
    text, arguments = call_of(node._key)

    assert text == str(node)
    assert read_node(node._function, arguments) == node


def test_arguments_without_a_codec_are_not_written():
    """A node whose arguments have no codec has a text only."""
    text, arguments = call_of(price.node(print)._key)

    assert text.endswith(":price(<built-in function print>, units=1)")
    assert arguments is None


def test_arguments_that_do_not_fit_are_refused():
    """Arguments that the function does not take make no node."""
    with pytest.raises(TypeError):
        read_node(price.node("A")._function, "[[1,2,3],{}]")
    with pytest.raises(CodecError):
        read_node(price.node("A")._function, '{"$unknown":1}')


def test_a_function_is_named_where_it_can_be_found():
    """A name is that of a module's own; what has none says why."""
    assert name_of(price) == (f"{__name__}:price", None)
    assert name_of(operator.add) == ("operator:add", None)
    assert name_of(lambda: 1)[0] is None
    assert "cannot be found by a name" in name_of([].append)[1]


@pytest.mark.parametrize("error", [KeyError("Z"), ValueError(1, "two"), FileNotFoundError(2, "No such file", "x.csv")], ids=repr)
def test_an_exception_comes_back(error):
    """An exception of a builtin class is made again and says the same."""
    made = make_error(write_error(1, failure_of(error)))

    assert (type(made), str(made), made.args) == (type(error), str(error), error.args)


def test_an_unknown_exception_says_what_it_said():
    """An exception of a class that is not registered becomes one that says the same."""
    made = make_error(write_error(1, failure_of(UnknownError("it broke"))))

    assert type(made) is RecordedError
    assert str(made) == "UnknownError: it broke"


def failure_of(error):
    """Return the failure of a node that raises an error."""
    with dug.Context() as ctx, pytest.raises(type(error)):
        fails(error)
    return ctx.memo(fails.node(error))._memo.failure
