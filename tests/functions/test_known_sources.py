"""Every source function that is alive is known, and none is kept alive for that."""

from __future__ import annotations

import gc
import weakref

import pytest

import dug
from dug._functions.known_sources import hear_sources, list_sources


def make():
    """Return a local source."""

    @dug.source
    def local():
        return 1

    return local


def test_local_sources_are_known():
    """A source that no name leads to is in the list, and a memoised function that is no source is not."""
    local = make()
    other = dug.memoize(lambda: 1)

    known = list_sources()

    assert local._self_function in known
    assert other._self_function not in known


def test_a_source_is_not_kept_alive():
    """A local source that nobody holds is gone from the list."""
    local = make()
    gone = weakref.ref(local._self_function)
    del local
    gc.collect()

    assert gone() is None


def test_old_definitions_are_known():
    """The decorated function that lost its name to a new definition is a source that can be called, and so is known."""
    old = dug.source(name="test_known_sources:feed")(lambda: 1)
    new = dug.source(name="test_known_sources:feed")(lambda: 2)

    known = list_sources()

    assert old._self_function is not new._self_function
    assert {old._self_function, new._self_function} <= set(known)


def test_new_sources_are_heard_of():
    """Whoever hears of sources is told each one once, when it is decorated, and no more after the block."""
    heard = []
    with hear_sources(heard.append):
        local = make()
    make()

    assert heard == [local._self_function]
    assert heard[0].wrapper() is local


def test_a_listener_that_fails_is_forgotten():
    """An error in the block ends the hearing."""
    heard = []
    with pytest.raises(KeyError), hear_sources(heard.append):
        raise KeyError
    make()

    assert heard == []
