"""Calls on both paths: the compiled one against the pure one, its specification, in one process."""

from __future__ import annotations

import pytest

import dug
from dug._core._frame import current

compiled_only = pytest.mark.skipif(not dug.COMPILED, reason="the compiled call path is not in use")


@dug.memoize
def one(x):
    """One parameter."""
    return x


@dug.memoize
def setting():
    """Something to tweak."""
    return 0


@pytest.fixture(params=["pure", pytest.param("compiled", marks=compiled_only)])
def path(request):
    """Returns what makes a decorated function callable on one of the two paths."""
    if request.param == "compiled":
        return lambda decorated: decorated

    def pure(decorated):
        function = decorated._self_function
        return function.binding.compile_call(current.get, function.fetch, is_async=function.is_async)

    return pure


class Armed:
    """An argument whose ``__hash__`` or ``__eq__`` does something once, when it is told to."""

    def __init__(self, when="hash"):
        self.when, self.act = when, None

    def _fire(self, when):
        if self.act is not None and self.when == when:
            act, self.act = self.act, None
            act()

    def __hash__(self):
        self._fire("hash")
        return 7

    def __eq__(self, other):
        self._fire("eq")
        return type(other) is Armed


@pytest.mark.parametrize("when", ["hash", "eq"])
def test_a_context_may_be_tweaked_while_its_hits_are_searched(path, when):
    """An argument whose own code gives the frame another view finds the call answered all the same."""
    call, litter = path(one), []
    with dug.Context() as ctx:
        known = call(Armed())
        for number in range(20):
            argument = Armed(when)

            def act(number=number):
                ctx.tweak(setting.node(), number)
                ctx.tweak(setting.node(), -1 - number)  # the view of the search has no holder any more
                litter.extend(bytearray(72) for _ in range(500))  # and its memory is used again

            argument.act = act
            assert call(argument) in (known, argument)
