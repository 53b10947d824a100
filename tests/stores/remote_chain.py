"""A diamond of nodes, one beneath the other."""

from __future__ import annotations

import dug


@dug.memoize
def bottom(number):
    """Read nothing."""
    return number


@dug.memoize
def middle(number):
    """Read the bottom."""
    return bottom(1) + bottom(2) + number


@dug.memoize
def top():
    """Read the middle and the bottom."""
    return middle(1) + middle(2) + bottom(1)


@dug.memoize(store=False)
def unkept():
    """Be kept nowhere."""
    return 1


@dug.memoize
def reads_unkept():
    """Read what is kept nowhere."""
    return unkept()
