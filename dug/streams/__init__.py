"""Streams: the values of memoised generators, where to begin to read one, and operators that read several or in other ways.

`Stream` is what a call of a memoised async generator function gives, and a `Reader` reads one.  A `SyncStream` is what one of a
generator function gives; a `SyncReader` reads it.  An operator on streams gives a `Cursor`, which is read like a reader, in the
scenario in which it was made, and may be given to other operators.
"""

from .._functions.any_reader import LATEST
from .._functions.reader import Reader
from .._functions.stream import Stream
from .._functions.sync_reader import SyncReader
from .._functions.sync_stream import SyncStream
from ._as_they_come import latest, merge
from ._cursor import Cursor
from ._each import each
from ._in_groups import batch, window
from ._in_step import zip, zip_longest
from ._one_by_one import filter, scan, take, timeout
from ._shared import share
from ._tasks import map

__all__ = [
    "LATEST",
    "Cursor",
    "Reader",
    "Stream",
    "SyncReader",
    "SyncStream",
    "batch",
    "each",
    "filter",
    "latest",
    "map",
    "merge",
    "scan",
    "share",
    "take",
    "timeout",
    "window",
    "zip",
    "zip_longest",
]
