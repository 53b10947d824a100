"""Streams read in layered caches: what a context with a cache of its own read of them is not seen outside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.sync_points import BACKENDS, run_on

import dug


@pytest.fixture
def world() -> list[int]:
    """What is outside: one number."""
    return [2]


@pytest.fixture
def p(world) -> SimpleNamespace:
    """Streams whose items read a source, one with and one without ``async``, and who reads the first item."""

    @dug.source
    def quote():
        return world[0]

    @dug.memoize
    def quotes():
        for _ in range(3):
            yield quote()

    @dug.memoize
    def opening():
        return quotes().first()

    @dug.memoize
    async def async_quotes():
        for _ in range(1_000):
            yield quote()

    return SimpleNamespace(quote=quote, quotes=quotes, opening=opening, async_quotes=async_quotes)


def test_an_item_of_a_dropped_layer_is_not_served_after_an_invalidation(p, world):
    """What a context with its own cache read of a stream stands for nothing outside, once the source has changed."""
    with dug.Context() as ctx:
        assert p.opening() == 2
        ctx.invalidate(p.quote)
        with dug.Context(cache=dug.Cache()):
            assert p.opening() == 2
        world[0] = 0
        ctx.invalidate(p.quote)
        assert p.opening() == 0
        assert p.quotes().list() == [0, 0, 0]


def test_an_item_read_in_a_layer_does_not_keep_a_reader_outside_from_running(p, world):
    """A stream that was only read in a context with its own cache runs outside, where its source has not been read."""
    with dug.Context() as ctx:
        with dug.Context(cache=dug.Cache()) as layer:
            assert p.quotes().list() == [2, 2, 2]
        world[0] = 3
        assert p.quotes().list() == [3, 3, 3]
        assert ctx[p.quote.node()] == 3
        assert layer[p.quote.node()] == 2


def test_the_state_of_a_stream_is_that_of_the_cache_in_force(p):
    """A generator that goes on for a reader in a context with its own cache is not open outside of that."""
    with dug.Context():
        stream: Any = p.quotes()
        with dug.Context(cache=dug.Cache()):
            reader = stream.open()
            assert next(reader) == 2
            assert stream.state == "open"
        assert stream.state == "closed"
        assert next(reader) == 2
        reader.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_state_of_an_async_stream_is_that_of_the_cache_in_force(p, backend):
    """The same of an async generator."""

    async def main():
        with dug.Context():
            stream: Any = p.async_quotes()
            with dug.Context(cache=dug.Cache()):
                reader = stream.open()
                assert await anext(reader) == 2
                assert stream.state == "open"
            assert stream.state == "closed"
            await reader.aclose()

    run_on(backend, main)
