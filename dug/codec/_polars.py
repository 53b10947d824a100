"""Frames and series of polars as Arrow files, as polars itself writes them: `write`, `read`; pyarrow is not needed.

`takes` tells which frames are written so; columns of objects are refused (`_holds_objects`).
"""

from io import BytesIO
from typing import Any

import polars as pl
from polars.exceptions import PanicException

from ..errors import CodecError


def takes(value: object) -> bool:
    """True for a value that this codec writes: not for lazy frames, which are queries, nor for subclasses."""
    return type(value) in (pl.DataFrame, pl.Series)


def write(value: Any) -> tuple[bytes, ...]:
    """Returns a frame as an Arrow file; a series as a frame of one column, with a mark before it.

    Raises:
        CodecError: it holds Python objects, or would not come back as it was.
    """
    is_series = type(value) is pl.Series
    frame = value.to_frame() if is_series else value
    if any(_holds_objects(dtype) for dtype in frame.schema.values()):
        raise CodecError(f"a {type(value).__name__} of Python objects has no codec. Give each column a type.")
    stream = BytesIO()
    stream.write(b"S" if is_series else b"F")
    try:
        frame.write_ipc(stream)
    except (Exception, PanicException) as exc:  # polars' own errors have no common parent but this; a panic is none of them
        raise CodecError(f"Arrow cannot hold this {type(value).__name__}: {exc}") from exc
    data = stream.getvalue()
    if not _is_same(value, read(data)):
        raise CodecError(f"Arrow would change the content of this {type(value).__name__}. Give each column one plain type.")
    return (data,)


def read(data: bytes | bytearray | memoryview) -> Any:
    """Returns the frame or the series that `write` wrote.

    Raises:
        CodecError: it is not such a file.
    """
    mark = bytes(data[:1])
    try:
        frame = pl.read_ipc(BytesIO(bytes(data[1:])))
    except (Exception, PanicException) as exc:
        raise CodecError(f"it is not an Arrow file: {exc}") from exc
    if mark not in (b"S", b"F") or (mark == b"S" and frame.width != 1):
        raise CodecError("it is neither a frame nor a series.")
    return frame.to_series() if mark == b"S" else frame


def _holds_objects(dtype: Any) -> bool:
    inner = getattr(dtype, "inner", None)
    fields = [field.dtype for field in getattr(dtype, "fields", ())]
    return dtype == pl.Object or any(_holds_objects(one) for one in ([] if inner is None else [inner]) + fields)


def _is_same(old: Any, new: Any) -> bool:
    if type(old) is not type(new):
        return False
    if type(old) is pl.Series:
        return bool(old.name == new.name and old.dtype == new.dtype and old.equals(new, null_equal=True))
    return bool(old.schema == new.schema and old.equals(new, null_equal=True))
