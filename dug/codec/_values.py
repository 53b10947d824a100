"""Picks the codec of a value: `encode`, `decode`, and `find_missing` for what `decode` would need."""

import pickle
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from .._extras.packages import is_there
from .._text.values import STOPPING, show, text_of
from ..errors import CodecError
from . import _classes, _plain

Part = bytes | memoryview
_NUMBERS = frozenset({int, float})
_MOST_SAID = 1_000
"""How many characters of an error's text are passed on."""


@frozen(eq=False)
class Encoded:
    """A value as a codec wrote it."""

    codec: str
    """``json``, ``bytes``, ``npy``, ``arrow``, ``polars`` or ``pickle``."""
    parts: tuple[Part, ...]
    """The bytes, in pieces that may be the value's own memory."""
    needs: frozenset[str] = frozenset()
    """The requirements for reading it: the names of registered classes, and of packages as ``package:name``."""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return sum(len(part) for part in self.parts)


def encode(value: Any, *, allow_pickle: bool = False) -> Encoded:
    """Returns a value as bytes, by the first codec that has its type.

    Args:
        value: anything.
        allow_pickle: pickles a value without a codec; only a reader that trusts the file will read it.

    Raises:
        CodecError: the value has no codec; the message names the type and says what to do.
    """
    try:
        return _encode_safely(value)
    except CodecError as refused:
        if not allow_pickle:
            raise
        try:
            return Encoded("pickle", (pickle.dumps(value, protocol=4),))
        except STOPPING:
            raise
        except BaseException as exc:
            raise CodecError(f"{refused} It cannot be pickled either: {text_of(exc, _MOST_SAID)}") from exc


def _encode_safely(value: Any) -> Encoded:
    """Returns the result of `_encode`; any exception of a user's class, even when asked for its name, becomes a CodecError."""
    try:
        return _encode(value)
    except (CodecError, *STOPPING):
        raise
    except BaseException as exc:
        raise CodecError(f"it cannot be taken apart: {type(exc).__name__}: {text_of(exc, _MOST_SAID)}") from exc


def _encode(value: Any) -> Encoded:
    kind = type(value)
    if kind in _NUMBERS:
        return Encoded("json", (_plain.dump(value)[0],))
    if kind is bytes:
        return Encoded("bytes", (value,))
    origin = kind.__module__.partition(".")[0]
    if origin == "numpy":
        from . import _numpy  # optional package: it is there, because the value is

        if _numpy.is_array(value):
            return Encoded("npy", _numpy.write(value))
    elif origin == "pandas":
        from . import _pandas  # optional package: it is there, because the value is

        if _pandas.is_frame(value):
            return _encode_frame(value)
    elif origin == "polars":
        from . import _polars  # optional package: it is there, because the value is

        if _polars.is_frame(value):
            return Encoded("polars", _polars.write(value))
    return _encode_plain(value)


def _encode_frame(value: Any) -> Encoded:
    """Returns a frame of pandas as Arrow or, if Arrow would change its content, part by part."""
    from . import _pandas  # optional package: it is there, because the value is

    try:
        return Encoded("arrow", _pandas.write(value))
    except _pandas.MissingArrowError:
        raise
    except CodecError as refused:
        try:
            return _encode_plain(value)
        except CodecError as exc:
            raise CodecError(f"{refused} Part by part it cannot be written either: {exc}") from exc


def _encode_plain(value: Any) -> Encoded:
    data, needs = _plain.dump(value)
    return Encoded("json", (data,), needs)


def decode(encoded: Encoded, *, trust: bool = False) -> Any:
    """Returns the value that was encoded.

    Args:
        encoded: the result of `encode`.
        trust: unpickles a pickled value, which can run any code.

    Raises:
        CodecError: it cannot be read here; the message says why.
    """
    codec = encoded.codec
    data: Any = encoded.parts[0] if len(encoded.parts) == 1 else b"".join(encoded.parts)
    if codec == "json":
        return _plain.load(data)
    if codec == "bytes":
        return bytes(data)
    missing = find_missing(codec, encoded.needs, trust=trust)
    if missing is not None:
        raise CodecError(missing)
    if codec == "npy":
        from . import _numpy  # optional package: needed for this value only

        return _numpy.read(data)
    if codec == "arrow":
        from . import _pandas  # optional package: needed for this value only

        return _pandas.read(data)
    if codec == "polars":
        from . import _polars  # optional package: needed for this value only

        return _polars.read(data)
    try:
        return pickle.loads(data)  # noqa: S301  the caller said that the file is trusted
    except Exception as exc:
        raise CodecError(f"it cannot be unpickled: {type(exc).__name__}: {exc}") from exc


def find_missing(codec: str, needs: Iterable[str] = (), *, trust: bool = False) -> str | None:
    """Returns why nothing that this codec wrote can be read here, or None when it can; decodes nothing."""
    if codec == "pickle":
        return None if trust else "it was pickled, and unpickling can run any code. If you trust the file, say trust=True."
    packages = [name.removeprefix("package:") for name in needs if name.startswith("package:")]
    for package in (*packages, *{"npy": ("numpy",), "arrow": ("pandas", "pyarrow"), "polars": ("polars",)}.get(codec, ())):
        if not is_there(package):
            return f"it takes {package} to read it, which is not installed."
    if codec not in ("json", "bytes", "npy", "arrow", "polars"):
        return f"it was written by {show(codec)}, which this dug does not know."
    for name in needs:
        if name.startswith("package:"):
            continue
        try:
            _classes.find_named(name)
        except CodecError as exc:
            return str(exc)
    return None
