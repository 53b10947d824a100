"""Random programs, tweaks and worlds outside, for Hypothesis.

Everything is small on purpose: six functions of two arguments, values 0, 1, 2 and what compares equal to them, so
that equal values, cut-offs and tweaks that change nothing are common.
A function mostly reads the functions just below it, so that chains and diamonds are common too.
"""

from __future__ import annotations

import math
from functools import cache

from hypothesis import strategies as st

from .programs import (
    FAILS,
    FUNCTIONS,
    SOURCES,
    Argument,
    Bump,
    Call,
    Catch,
    Choose,
    Constant,
    Expression,
    Fail,
    Key,
    Kind,
    Original,
    Outside,
    Read,
    Replacement,
    Sum,
    Tweak,
    Tweaks,
    Untweaked,
    Value,
    Within,
)

NODES = tuple(Call(function, argument) for function in range(FUNCTIONS) for argument in (0, 1))
SOURCE_NODES = tuple(node for node in NODES if node.function < SOURCES)

arguments = st.sampled_from([0, 0, 0, 1])
numbers = st.sampled_from([0, 1, 2])
values = st.sampled_from([0, 1, 2, 0, 1, True, 0.0, -0.0, math.nan])
held_outside = st.sampled_from([0, 1, 2, 0, 1, 2, True, FAILS])
outsides = st.fixed_dictionaries(dict.fromkeys(SOURCE_NODES, held_outside))
bumps = st.sampled_from([Bump("shift", 1), Bump("shift", 2), Bump("add", 1), Bump("add", 0), Bump("fail", 1)])


def expressions(below: int, size: int) -> st.SearchStrategy[Expression]:
    """Expressions over functions with a number less than `below`, of at most `size` levels above the reads."""
    return _expressions_of(below, size) if size else _leaves_of(below)


def replacements(function: int) -> st.SearchStrategy[Expression]:
    """Bodies that may replace a function's own: they also reach the replaced one."""
    return _replacements_of(function)


def assignments(below: int) -> st.SearchStrategy[tuple[Key, Tweak]]:
    """One key and one tweak for it, over functions with a number less than `below`."""
    return _assignments_below(below)


@cache
def tweaks(below: int) -> st.SearchStrategy[Tweaks]:
    """A few assignments."""
    return st.lists(assignments(below), max_size=2).map(dict)


@cache
@st.composite
def _reads_of(draw: st.DrawFn, below: int) -> Expression:
    near, anywhere = st.integers(max(0, below - 3), below - 1), st.integers(0, below - 1)
    kind = draw(st.integers(0, 7))
    function = draw(anywhere if kind % 4 == 0 else near)
    if kind < 6:
        return Read(function, Argument() if kind < 3 else Constant(draw(arguments)))
    return Read(function, Read(draw(anywhere), Constant(draw(arguments))))


@cache
@st.composite
def _leaves_of(draw: st.DrawFn, below: int) -> Expression:
    kind = draw(st.integers(0, 5))
    if kind < 4:
        return draw(_reads_of(below))
    return Constant(draw(values)) if kind == 4 else Argument()


@cache
@st.composite
def _expressions_of(draw: st.DrawFn, below: int, size: int) -> Expression:
    part, leaf, read = expressions(below, size - 1), _leaves_of(below), _reads_of(below)
    match draw(st.integers(0, 9)):
        case 0 | 1:
            return draw(read)
        case 2:
            return Sum(draw(leaf), draw(part))
        case 3 | 4 | 5:
            return Choose(draw(read), draw(part), draw(leaf))
        case 6:
            return Choose(draw(read), draw(leaf), Fail(draw(leaf)))
        case 7:
            return Catch(draw(part), draw(leaf))
        case 8:
            return Kind(draw(leaf))
        case _:
            first, more = draw(tweaks(below)), draw(tweaks(below))
            return Within(first, draw(part), more, draw(leaf), draw(st.booleans()))


@cache
@st.composite
def _replacements_of(draw: st.DrawFn, function: int) -> Expression:
    part = st.just(Original()) | (_leaves_of(function) if function else st.builds(Constant, values))
    match draw(st.integers(0, 5)):
        case 0 | 1:
            return draw(part)
        case 2:
            return Sum(draw(part), draw(part))
        case 3:
            return Catch(Original(), draw(part))
        case 4:
            return Choose(draw(part), draw(part), draw(part))
        case _:
            return Within(draw(tweaks(function + 1)), draw(part), {}, draw(part), draw(st.booleans()))


@cache
@st.composite
def _assignments_below(draw: st.DrawFn, below: int) -> tuple[Key, Tweak]:
    function = draw(st.integers(0, below - 1))
    node, kind = Call(function, draw(arguments)), draw(st.integers(0, 7))
    if kind < 4:
        return node, Value(draw(values))
    if kind == 4:
        return node, draw(bumps | st.just(Untweaked()))
    if kind == 5:
        return function, draw(bumps | st.just(Untweaked()))
    return function, Replacement(draw(_replacements_of(function)))


def bodies(function: int) -> st.SearchStrategy[Expression]:
    """Bodies for a function."""
    return st.just(Outside()) if function < SOURCES else expressions(function, 2)


nodes = st.builds(Call, st.integers(0, FUNCTIONS - 1), arguments)
targets = st.builds(Call, st.sampled_from([3, 4, 5, 5]), arguments)
programs = st.tuples(*map(bodies, range(FUNCTIONS)))


@st.composite
def situations(draw):
    """A program, the questions asked in contexts around, the forgotten nodes, and the question asked now, in which scenario."""
    asked = st.just(NODES) | st.lists(targets, max_size=2)  # no plan knows a node that never ran: mostly all did
    first, *inner = draw(st.lists(st.tuples(tweaks(FUNCTIONS), asked), min_size=1, max_size=3))
    levels = [(draw(st.sampled_from([{}, first[0]])), draw(st.sampled_from([NODES, NODES, first[1]]))), *inner]
    return draw(programs), draw(outsides), levels, draw(st.lists(nodes, max_size=1)), draw(targets)
