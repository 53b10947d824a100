"""``assert_pure`` of functions that use operators on streams whose result depends on the time."""

from __future__ import annotations

import re
from typing import Any

import pytest

import dug
from dug import streams
from dug.streams import merge as merge_them
from dug.testing import assert_pure, assert_transparent


@dug.source
async def numbers() -> Any:
    """Count."""
    for number in range(3):
        yield number


@dug.memoize
async def by_module() -> Any:
    """Merge."""
    async for item in streams.merge(numbers(), numbers()):
        yield item


def through(stream):
    """Merge, for a helper's callers."""
    return merge_them(stream)


@dug.memoize
async def by_helper() -> Any:
    """Merge through a helper."""
    async for item in through(numbers()):
        yield item


@dug.memoize
async def in_a_generator() -> int:
    """Name the operator in an expression of its own code object."""
    return sum([item async for item in streams.timeout(numbers(), 3)])


@dug.memoize
async def above() -> Any:
    """Read a function that merges."""
    return await by_module().list()


@dug.memoize
async def by_latest() -> Any:
    """Take the latest."""
    async for item in streams.latest(numbers()):
        yield item


@dug.memoize
async def by_batch() -> Any:
    """Divide by the time."""
    async for item in streams.batch(numbers(), 3, seconds=1):
        yield item


@dug.memoize
async def by_map() -> Any:
    """Give what is done."""
    async for item in streams.map(str, numbers(), ordered=False):
        yield item


TIMED = {
    "by_module": (by_module, "by_module", "merge"),
    "by_helper": (by_helper, "by_helper", "merge"),
    "in_a_generator": (in_a_generator, "in_a_generator", "timeout"),
    "above": (above, "by_module", "merge"),
    "by_latest": (by_latest, "by_latest", "latest"),
    "by_batch": (by_batch, "by_batch", "batch(seconds=...)"),
    "by_map": (by_map, "by_map", "map(ordered=...)"),
}


@pytest.mark.parametrize("name", TIMED)
def test_what_depends_on_the_time_is_named(name):
    """A function whose code names such an operator, or that reads one which does, is not pure, and the operator is named."""
    function, blamed, operator = TIMED[name]

    with pytest.raises(AssertionError, match=re.escape(f"{blamed} is not pure: its code names dug.streams.{operator}, ")):
        assert_pure(function.node())


@dug.source
async def merged() -> Any:
    """Merge, as a source may."""
    async for item in streams.merge(numbers(), numbers()):
        yield item


@dug.memoize
async def in_step() -> Any:
    """Use what does not depend on the time, and read a source that does."""
    async for item in streams.batch(streams.map(str, streams.zip(merged(), numbers()), concurrency=2), 2):
        yield item


@pytest.mark.parametrize("function", [merged, in_step])
def test_sources_and_other_operators_are_not_blamed(function):
    """A source may depend on the time, and so may what reads it; a stream is then refused as what cannot be evaluated."""
    with pytest.raises(TypeError, match="is a stream"):
        assert_pure(function.node())


@dug.memoize
def pair():
    """Give two numbers."""
    yield from (1, 2)


@dug.memoize
def pair_total():
    """Return the sum of a stream that is read without a loop."""
    return sum(pair())


@pytest.mark.parametrize("check", [assert_pure, assert_transparent])
def test_what_reads_a_stream_is_refused(check):
    """A node that reads a stream cannot be evaluated without a cache, which is said, and not that the stream is not pure."""
    with dug.Context(), pytest.raises(TypeError, match=r"pair_total\(\) reads the stream .*pair\(\), and dug.testing"):
        check(pair_total.node())
