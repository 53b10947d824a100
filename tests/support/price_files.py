"""A small program over files, some of which may be missing: a report of prices, each of a parsed file.

The fixture `missing` of `tests/conftest.py` holds the names of the files that are not there, and empties it around each test.
"""

from __future__ import annotations

import dug

MISSING: set[str] = set()


@dug.source(name="prices:file")
def file(name):
    """Looks outside."""
    if name in MISSING:
        raise FileNotFoundError(name)
    return float(len(name))


@dug.memoize(name="prices:parsed")
def parsed(name):
    """Reads a file."""
    return file(name)


@dug.memoize(name="prices:price")
def price(name, quantity):
    """Reads a parsed file, and fails for no quantity."""
    return parsed(name) / quantity


@dug.memoize(name="prices:report")
def report(*names):
    """Reads several prices."""
    return sum(price(name, 1) for name in names)
