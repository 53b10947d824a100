"""Sources that give another value each time, and nodes that read them in some scenarios only."""

from __future__ import annotations

import dug

RAN: list[str] = []
"""The sources that ran in this process."""
INTERRUPTS: list[BaseException] = []
"""What comes while the next source runs."""


@dug.memoize
def flag():
    """Say what the others do."""
    return 0


@dug.source
def token():
    """Give another number each time."""
    if INTERRUPTS:
        raise INTERRUPTS.pop()
    RAN.append("token")
    return len(RAN)


@dug.source
def down():
    """Fail."""
    raise OSError("the outside is down")


@dug.source
def tick(number):
    """Give another number each time, for a number."""
    RAN.append("tick")
    return len(RAN) + number


@dug.memoize
def lazy():
    """Read a source if the flag is there."""
    said = flag()
    return down() if said == "fail" else token() if said else 0


@dug.memoize
def scaled():
    """Read a source beside the flag."""
    return (token(), flag()) if flag() else None


@dug.memoize
def patient():
    """Catch whatever a source raises."""
    if not flag():
        return None
    try:
        return token(), flag()
    except Exception:  # noqa: BLE001  that is what it is for
        return "caught"


@dug.source
def follower():
    """Read a node: a source that scenarios change."""
    RAN.append("follower")
    return flag()


@dug.memoize
def either():
    """Read the source that follows."""
    return follower() if flag() else 0


@dug.memoize
def many():
    """Read as many sources as the flag says."""
    return sum(tick(number) for number in range(flag()))


@dug.memoize
def two(number):
    """Read a shared source and one of its own."""
    return token(), tick(number)


@dug.source
def feed():
    """Give two items."""
    RAN.append("feed")
    yield len(RAN)
    yield len(RAN) + 1


@dug.memoize
def steps():
    """Read a stream."""
    return list(feed())


@dug.memoize
def deep():
    """Lead as deep as the flag says."""
    return level(flag())


@dug.memoize
def level(number):
    """Lead one deeper."""
    return 1 + level(number - 1) if number else 0


def add(value, more):
    """Add."""
    return value + more
