"""Calls on both paths: the compiled one against the pure one, its specification, in one process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import pytest

import dug
from dug._core._frame import current
from dug._core._memo import Memo

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


def test_a_function_may_be_called_while_it_is_redefined(path, monkeypatch):
    """What the old definition held may call the function when it goes, and meets the new one."""
    seen = []

    def define(factor, default):
        @dug.memoize(name="test_accel_calls:redefined")
        def redefined(x, late=default):
            return factor * x

        return redefined

    class Late:
        def __del__(self):
            with dug.Context():
                seen.append(functions[0](2))

    functions = [define(1, Late())]
    functions.append(define(3, None))  # the first one goes on under a function of its own
    del functions[0]
    gc.collect()

    assert seen == [6]


@compiled_only
def test_a_call_may_be_made_while_its_function_is_given_another():
    """The old call goes last: what it held may call the function, and meets the new one."""
    from dug._core._accel import compiled

    function = dug.memoize(lambda x, late=None: x)
    seen, record = [], function._self_function

    class Late:
        def __del__(self):
            with dug.Context():
                seen.append(function(1, None))

    def attach(value, default):
        names = ("x", "late"), (compiled.Call, default), 0, 2
        pure = record.binding.make_key
        compiled.attach(function, compiled.Call(record, *names, pure, lambda frame, key: value, False))

    known = Memo(None, "old", 0), Memo(None, "new", 0)
    attach(known[0], Late())
    attach(known[1], None)

    assert seen == ["new"]


def test_a_decorated_function_in_a_cycle_is_collected(path):
    """A function that its own arguments, defaults or attributes lead to goes with the garbage."""

    class Box:
        """Something hashable in a cycle."""

    box = Box()

    def make():
        @dug.memoize
        def held(x, default=box):
            return x

        box.held = held.attribute = held
        with dug.Context():
            assert path(held)(1) == 1
        return weakref.ref(held), weakref.ref(held._self_function)

    refs = make()
    del box
    gc.collect()

    assert [ref() for ref in refs] == [None, None]


def test_an_instance_that_nobody_made_callable_is_not():
    """The class of a decorated function cannot be used to make another one by hand."""
    made = type(one)(len)

    if dug.COMPILED:
        with pytest.raises(TypeError, match="does not support vectorcall"):
            made([])


def test_functions_of_an_uncompiled_wrapt_work():
    """Where wrapt is without its own extension, decorated functions are called all the same, without a warning."""
    code = """if True:
        import dug
        @dug.memoize
        def double(x):
            return 2 * x
        double.attribute = double
        with dug.Context():
            print(double(1), double(x=1), double.attribute is double)
        """
    environment = {**os.environ, "WRAPT_DISABLE_EXTENSIONS": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("2 2 True\n", "")
