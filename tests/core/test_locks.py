"""Interrupts that user code meets inside the engine: the engine keeps the locks that it holds around."""

from __future__ import annotations

import threading

import pytest

import dug
from dug._core.state.lock import Lock, make_lock, renew_lock

HASH = 7


class Odd:
    """An argument whose comparison under the engine's lock asks something, and loses an interrupt, as a finalizer would."""

    def __init__(self, ask=None, group=None):
        self.ask, self.group = ask, group
        self.has_lost = False

    def __hash__(self):
        return HASH

    def __eq__(self, other):
        if self.ask is not None and self.group.lock._is_owned():
            ask, self.ask = self.ask, None
            try:
                ask()
            except KeyboardInterrupt:
                self.has_lost = self.group.lock._is_owned()
        return isinstance(other, Odd)


@dug.memoize
def stopped():
    """Is interrupted."""
    raise KeyboardInterrupt


@dug.memoize
def price(of):
    """Return a value."""
    return 1


@dug.memoize
def plain(number):
    """Return an input."""
    return number


def enter():
    """Is interrupted under a context."""
    with dug.Context({plain.node(1): 2}):
        stopped()


@pytest.mark.parametrize("ask", [stopped, enter], ids=["a call", "a context"])
def test_a_lost_interrupt_leaves_the_lock_to_the_engine(ask):
    """User code that the engine runs under its lock meets an interrupt and goes on: the engine goes on with its lock."""
    with dug.Context() as ctx:
        odd = Odd(ask, ctx.cache.group)
        price(odd)
        with dug.Context({price.node(Odd()): 5}):
            assert price(Odd()) == 5

        assert odd.has_lost
        assert not ctx.cache.group.lock._is_owned()
        assert price(Odd()) == 1


class Passing(Odd):
    """The same, but it lets the interrupt go on."""

    __hash__ = Odd.__hash__

    def __eq__(self, other):
        if self.ask is not None and self.group.lock._is_owned():
            ask, self.ask = self.ask, None
            ask()
        return isinstance(other, Odd)


def test_an_interrupt_that_goes_on_frees_the_lock():
    """User code that the engine runs under its lock lets an interrupt go on: nobody holds the lock afterwards."""
    with dug.Context() as ctx:
        price(Passing(stopped, ctx.cache.group))
        with pytest.raises(KeyboardInterrupt), dug.Context({price.node(Odd()): 5}):
            pass

        assert not ctx.cache.group.lock._is_owned()
        assert price(Odd()) == 1


@pytest.fixture(params=[Lock, make_lock], ids=["Lock", "in use"])
def lock(request):
    """Return a lock; `Lock` is right as Python too as long as no thread comes between two of its lines."""
    return request.param()


def test_a_lock_is_held_until_it_was_given_back_as_often_as_it_was_taken(lock):
    """Its holder may take it again."""
    assert not lock._is_owned()
    with lock:
        with lock:
            assert lock._is_owned()
        assert lock._is_owned()

    assert not lock._is_owned()


def test_a_lock_that_is_not_held_cannot_be_given_back(lock):
    """To leave its block twice is an error, and frees nobody else's."""
    with pytest.raises(RuntimeError):
        lock.__exit__(None, None, None)

    assert not lock._is_owned()


def test_who_waits_for_a_lock_gets_it(lock):
    """A release wakes those that wait, one after the other."""
    got = []

    def take(number):
        with lock:
            got.append(number)

    threads = [threading.Thread(target=take, args=(number,), daemon=True) for number in range(3)]
    with lock:
        for thread in threads:
            thread.start()
        threads[0].join(0.05)  # by then they wait
        assert got == []
    for thread in threads:
        thread.join(5)

    assert sorted(got) == [0, 1, 2]
    assert not lock._is_owned()


def test_a_lock_that_its_holder_renewed_is_held(lock):
    """In a child process the holder goes on, and nobody else is there to wait."""
    with lock:
        renew_lock(lock)
        assert lock._is_owned()

    assert not lock._is_owned()
