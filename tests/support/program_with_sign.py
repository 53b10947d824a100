"""A small program in which one node mostly keeps its value when what it reads changes, under names that texts can show."""

from __future__ import annotations

import dug


@dug.memoize(name="s:x")
def x():
    """Reads nothing."""
    return 1


@dug.memoize(name="s:y")
def y():
    """Reads nothing."""
    return 10


@dug.memoize(name="s:sign")
def sign():
    """Reads x, and mostly stays the same."""
    return x() > 0


@dug.memoize(name="s:twice")
def twice():
    """Reads x."""
    return 2 * x()


@dug.memoize(name="s:total")
def total():
    """Reads all of them."""
    return sign() + twice() + y()
