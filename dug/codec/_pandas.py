"""Whole frames and series of pandas as Arrow streams, `write` and `read`; `_pandas_parts` has those that Arrow would change.

A frame that Arrow would change on the way is refused here, with `InPartsError`.

`_import_pyarrow` raises `MissingArrowError`; `takes` tells which frames are written so, `_is_same` that they come back
unchanged.  `_write` writes the stream.
"""

from typing import Any

import pandas as pd

from .. import eq
from ..errors import CodecError
from ._values import InPartsError


class MissingArrowError(CodecError):
    """No usable pyarrow is installed."""


_OLDEST = 15  # earlier versions unpickle data when a stream tells them to (CVE-2023-47248)
_SERIES = b"dug.series"


def takes(value: object) -> bool:
    """True for a frame or series that is written as Arrow."""
    return type(value) in (pd.DataFrame, pd.Series)


def write(value: Any) -> tuple[bytes, ...]:
    """Returns a frame or a series as an Arrow stream.

    Raises:
        MissingArrowError: pyarrow is missing or too old.
        InPartsError: Arrow cannot express the content of the frame.
    """
    try:
        return _write(value)
    except MissingArrowError:
        raise
    except CodecError as exc:
        raise InPartsError(str(exc)) from exc


def _write(value: Any) -> tuple[bytes, ...]:
    pa = _import_pyarrow()
    is_series = type(value) is pd.Series
    try:
        table = pa.Table.from_pandas(value.to_frame() if is_series else value)
        if is_series:
            name = b"named" if value.name is not None else b""
            table = table.replace_schema_metadata({**(table.schema.metadata or {}), _SERIES: name})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        data = sink.getvalue().to_pybytes()
    except Exception as exc:  # pyarrow's own errors have no common parent but this
        raise CodecError(f"Arrow cannot hold this {type(value).__name__}: {exc}") from exc
    if not _is_same(value, read(data)):
        raise CodecError(f"Arrow would change the content of this {type(value).__name__}. Give each column one plain type.")
    return (data,)


def read(data: bytes | bytearray | memoryview) -> Any:
    """Returns the frame or the series that `write` wrote; it can be written to.

    Raises:
        CodecError: pyarrow is missing or too old, or it is not an Arrow stream.
    """
    pa = _import_pyarrow()
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            table = reader.read_all()
        table.validate(full=True)
        frame = table.to_pandas().copy()  # where pandas took the memory of Arrow over, nobody could write to it
        name = (table.schema.metadata or {}).get(_SERIES)
        if name is None:
            return frame
        series = frame.iloc[:, 0]
        series.name = series.name if name else None
        return series
    except Exception as exc:
        raise CodecError(f"it is not an Arrow stream: {exc}") from exc


def _is_same(old: Any, new: Any) -> bool:
    try:
        return bool(eq.frame(old, new))
    except Exception:  # noqa: BLE001  what cannot be compared is not known to be the same
        return False


def _import_pyarrow() -> Any:
    try:
        import pyarrow as pa  # optional package: needed for frames only
        import pyarrow.ipc  # a part of it that is loaded by itself
    except ImportError:
        raise MissingArrowError('frames need pyarrow. Type: pip install "dug[snapshot]"') from None
    if int(pa.__version__.partition(".")[0]) < _OLDEST:
        raise MissingArrowError(f"pyarrow {pa.__version__} is too old: {_OLDEST} is the first that reads streams safely.")
    return pa
