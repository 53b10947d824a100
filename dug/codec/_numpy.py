"""Arrays of numpy as ``.npy`` (`write`, `read`), and its scalars inside typed JSON (`pack`, `unpack`).

Objects are never among them, so nothing is unpickled.

`takes` tells which arrays are written so.
"""

import re
from base64 import b64decode, b64encode
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy

from .._text.values import show
from ..errors import CodecError

Part = bytes | memoryview
_PLAIN_DTYPE = re.compile(r"[<>|][biufcSUmM]\d{1,9}(\[\d*[A-Za-z]{1,2}\])?")
_MOST_HEADER = 1 << 20


def takes(value: object) -> bool:
    """True for an array that is written as ``.npy``: not for subclasses, which are more than their numbers."""
    return type(value) is np.ndarray


def write(array: Any) -> tuple[Part, ...]:
    """Returns an array as ``.npy``: its header, and its own memory where that is in one piece.

    Raises:
        CodecError: it holds objects, or fields with names that the format does not have.
    """
    if array.dtype.hasobject:
        raise CodecError("an array of objects has no codec. Give it a dtype.")
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.ascontiguousarray(array)
    stream = BytesIO()
    try:
        description = npy.header_data_from_array_1_0(array)
        npy.write_array_header_2_0(stream, description)
    except Exception as exc:  # a warning, where these are errors
        raise CodecError(f"an array of this type has no codec: {exc}") from exc
    flat = array.reshape(-1, order="F" if description["fortran_order"] else "C")
    return stream.getvalue(), memoryview(flat.view(np.uint8) if flat.dtype.itemsize else flat)


def read(data: bytes | bytearray | memoryview) -> Any:
    """Returns the array that `write` wrote; it can be written to, and keeps `data` where that can.

    Raises:
        CodecError: it is not an array, or its header says another size than the data has.
    """
    try:
        stream = BytesIO(memoryview(data)[:_MOST_HEADER])
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = header(stream, max_header_size=_MOST_HEADER)
        start = stream.tell()
    except Exception as exc:  # a damaged header makes numpy raise nearly anything
        raise CodecError(f"it is not a .npy array: {exc}") from exc
    if dtype.hasobject or version > (2, 0) or any(length < 0 for length in shape):
        raise CodecError("it is an array of objects, or of a newer format.")
    if prod(shape) * dtype.itemsize != len(data) - start:
        raise CodecError(f"its header says {show(shape)} of {dtype}, and there are {len(data) - start} bytes.")
    try:
        if not prod(shape) or not dtype.itemsize:
            return np.empty(shape, dtype, order="F" if is_fortran else "C")
        own = bytearray(data) if memoryview(data).readonly else data
        return np.frombuffer(own, dtype, offset=start).reshape(shape, order="F" if is_fortran else "C")
    except (ValueError, MemoryError) as exc:  # impossible dimensions, of which one is 0
        raise CodecError(f"it is not a .npy array: {exc}") from exc


def pack(value: Any) -> Any:
    """Returns a scalar or an array for typed JSON.

    Raises:
        CodecError: it is neither, or one of objects.
    """
    if takes(value):
        return {"$numpy": _text(b"".join(write(value)))}
    if isinstance(value, np.generic) and _PLAIN_DTYPE.fullmatch(value.dtype.str) and value.dtype.type is type(value):
        return {"$numpy": [value.dtype.str, _text(value.tobytes()[: value.dtype.itemsize])]}
    raise CodecError(f"{type(value).__module__}.{type(value).__qualname__} has no codec.")


def unpack(content: Any) -> Any:
    """Returns the value that `pack` wrote.

    Raises:
        CodecError: `pack` did not write it.
    """
    if isinstance(content, str):
        return read(bytearray(b64decode(content, validate=True)))
    dtype, data = content
    if not _PLAIN_DTYPE.fullmatch(dtype):
        raise CodecError(f"{show(dtype)} is not a number type.")
    raw, kind = b64decode(data, validate=True), np.dtype(dtype)
    if len(raw) != kind.itemsize:
        raise CodecError(f"{len(raw)} bytes are not {dtype}.")
    return np.frombuffer(raw, kind)[0] if raw else kind.type()


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
