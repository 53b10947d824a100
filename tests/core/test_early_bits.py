"""The first sources have their bit before anybody tweaks them: their first tweak walks through nothing."""

from __future__ import annotations

import gc
from weakref import ref

import pytest

import dug
from dug._core.state import group
from dug.testing import EventLog


@dug.source
def quote(number):
    """Return an input."""
    return number


@dug.memoize
def price(number):
    """Return twice an input."""
    return 2 * quote(number)


@dug.memoize
def total(count):
    """Return the sum of all prices."""
    return sum(price(number) for number in range(count))


class Subject:
    """An argument that can be watched."""

    __hash__ = object.__hash__  # its identity is what counts


@pytest.fixture
def walks(monkeypatch):
    """The targets of the walks that are made for a first bit, as they are made."""
    made = []

    class Noted(group.Walk):
        def __init__(self, caches, target, *args, **kwargs):
            made.append(target)
            super().__init__(caches, target, *args, **kwargs)

    monkeypatch.setattr(group, "Walk", Noted)
    return made


def test_the_first_tweak_of_a_source_walks_through_nothing(walks):
    """What read it is masked all the same, and runs again."""
    with dug.Context() as ctx:
        assert total(3) == 6
        with EventLog(ctx) as log, dug.Context({quote.node(1): 10}):
            assert total(3) == 24

    assert walks == []
    assert log.computed == [price.node(1), total.node(3)]


def test_a_source_after_the_first_few_is_walked_from(walks):
    """The bits of the first few leave room for those of other nodes in a machine word; all answers are right."""
    many = group.EARLY + 8
    with dug.Context():
        base = total(many)
        for number in range(many):
            with dug.Context({quote.node(number): number + 1}):
                assert total(many) == base + 2

    assert len(walks) == 8


def test_a_node_that_is_no_source_is_walked_from(walks):
    """Its sisters would all have to be asked for bits of their own."""
    with dug.Context():
        total(3)
        with dug.Context({price.node(1): 10}):
            assert total(3) == 14

    assert walks == [price.node(1)._key]


def test_a_source_that_was_read_before_it_was_invalidated(walks):
    """A source keeps the bit that it has."""
    with dug.Context() as ctx:
        total(3)
        ctx.invalidate(quote.node(1))
        assert total(3) == 6
        with dug.Context({quote.node(1): 10}):
            assert total(3) == 24

    assert [target for target in walks if target != quote.node(1)._key] == []


def test_a_bit_keeps_no_argument():
    """A source of an object has no bit before it is tweaked, which would keep the object."""
    subject = Subject()
    held = ref(subject)
    with dug.Context() as ctx:
        quote(subject)
        ctx.invalidate(quote)
        del subject
        gc.collect()

        assert held() is None


def test_a_source_that_a_running_node_read_in_a_cache_that_is_gone():
    """The node that runs has read it, though no cache knows: its memo is masked by a tweak of the source."""

    @dug.source
    def outside():
        return 1

    @dug.memoize
    def beside():
        return 0

    @dug.memoize
    def reader():
        with dug.Context(cache=dug.Cache()):
            found = outside()
        beside()
        return found

    def ask(event):
        if event.node == beside.node():
            outside()

    base = dug.Context()
    with base, base.listen(ask, kinds="computed"):
        assert reader() == 1
    base.tweak(outside.node(), 100)

    assert base.run(lambda: (outside(), reader())) == (100, 100)


@pytest.mark.parametrize("text", ["x" * 100_000, b"x" * 100_000, 1 << 100_000], ids=type)
def test_a_bit_keeps_no_large_argument(walks, text):
    """A source of a long text has no bit before it is tweaked."""
    with dug.Context():
        quote(text)
        with dug.Context({quote.node(text): 1}):
            assert price(text) == 2

    assert len(walks) == 1


def test_a_bit_keeps_no_argument_that_is_left_out_of_the_key():
    """An ignored argument is freed with the memos."""

    @dug.source(ignore="connection")
    def fetch(connection, number):
        return number

    subject = Subject()
    held = ref(subject)
    with dug.Context() as ctx:
        fetch(subject, 1)
        ctx.clear()
        del subject
        gc.collect()

        assert held() is None
