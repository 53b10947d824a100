"""The evaluation without a cache agrees with the oracle and with dug, on random programs and tweaks."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.oracle import Level, Oracle
from support.oracle import Outcome as Expected
from support.program_on_dug import ProgramOnDug
from support.programs import FAILS, Argument, Boom, Call, Catch, Outside, Read
from support.strategies import FUNCTIONS, NODES, outsides, programs, tweaks

import dug
from dug.testing import assert_transparent, isolated
from dug.testing._reference import Evaluation

layers = st.lists(tweaks(FUNCTIONS), max_size=3)


def as_expected(outcome):
    """Returns an outcome as the oracle writes it."""
    if outcome.error is None:
        return Expected(outcome.value)
    assert isinstance(outcome.error, Boom), outcome.error
    return Expected(outcome.error.args[0], failed=True)


def catch_twice(number):
    """A program whose last function reads one failing node twice, each time in a handler that writes on the error."""
    read = Read(number, Argument())
    return (Outside(), Outside(), read, read, read, Catch(Read(1, Argument()), Read(1, Argument())))


@pytest.mark.slow
@example(  # the second reader met what the first handler had written
    bodies=catch_twice(0),
    outside={Call(0, 0): 0, Call(0, 1): 0, Call(1, 0): FAILS, Call(1, 1): 0},
    scenario=[],
    node=Call(5, 0),
    fresh_runs=0,
)
@given(bodies=programs, outside=outsides, scenario=layers, node=st.sampled_from(NODES), fresh_runs=st.sampled_from([0, 3, 1_000]))
@isolated()
def test_the_evaluation_agrees_with_the_oracle(bodies, outside, scenario, node, fresh_runs):
    """Under nested contexts, and with contexts inside bodies, however much the evaluation keeps in its own table."""
    expected = Oracle(bodies, outside).ask(node, tuple(map(Level, scenario))).outcome
    on_dug = ProgramOnDug(bodies, outside)

    with ExitStack() as stack:
        for level in scenario:
            stack.enter_context(dug.Context(tweaks=on_dug.tweaks(level)))
        found = Evaluation(fresh_runs=fresh_runs).evaluate(on_dug.node(node))

    assert as_expected(found) == expected


@pytest.mark.slow
@given(bodies=programs, outside=outsides, scenario=layers, change=tweaks(FUNCTIONS), node=st.sampled_from(NODES))
@isolated()
def test_dug_is_transparent(bodies, outside, scenario, change, node):
    """`assert_transparent` finds nothing on random programs: neither dug nor the evaluation is wrong about one."""
    on_dug = ProgramOnDug(bodies, outside)

    with ExitStack() as stack:
        for level in scenario:
            stack.enter_context(dug.Context(tweaks=on_dug.tweaks(level)))
        assert_transparent(on_dug.node(node), tweaks=on_dug.tweaks(change))
