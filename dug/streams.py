"""Streams: the values of memoised async generators, and where to begin to read one.

`Stream` is what a call of a memoised async generator function gives; nobody else makes one.
"""

from ._functions.reader import LATEST, Reader
from ._functions.stream import Stream

__all__ = ["LATEST", "Reader", "Stream"]
