"""A small program with a source, whose functions have names that texts can show."""

from __future__ import annotations

import dug


@dug.source(name="g:file")
def file():
    """Looks outside."""
    return 2.0


@dug.memoize(name="g:x")
def x():
    """Reads nothing."""
    return 1


@dug.memoize(name="g:twice")
def twice():
    """Reads x."""
    return 2 * x()


@dug.memoize(name="g:total")
def total():
    """Reads twice, x and the source."""
    return twice() + x() + file()
