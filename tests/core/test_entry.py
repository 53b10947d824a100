"""What surrounds a what-if costs little: making a context, entering it, and leaving it."""

from __future__ import annotations

import sys
from itertools import count

import pytest

import dug

VALUES = count(1)


@dug.source
def level(number):
    """Return an input."""
    return float(number)


@pytest.fixture
def ctx():
    """A context that stays open, in which the input was tweaked before."""
    with dug.Context() as ctx:
        with dug.Context({level.node(1): -1.0, level.node(2): -1.0}):
            pass
        yield ctx


def list_calls(act):
    """Return the names of the Python functions of the engine that are called."""
    called = []
    sys.setprofile(lambda frame, event, arg: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        act()
    finally:
        sys.setprofile(None)
    return called[1:]


def test_making_a_context_of_one_tweak_takes_few_calls(ctx):
    """Its tweak is read, and nothing is done for each layer, place or kind."""
    tweaks = {level.node(1): float(next(VALUES))}

    assert len(list_calls(lambda: dug.Context(tweaks))) <= 15


def test_the_keys_of_tweaks_are_not_hashed_again(ctx):
    """A copy of a dict knows the hashes of its keys."""
    tweaks = {level.node(1): float(next(VALUES)), level.node(2): 0.0}

    assert "__hash__" not in list_calls(lambda: dug.Context(tweaks))
