"""Picks the codec of a value, or pickle where allowed: `encode` and `decode`; `find_missing` says what `decode` would need.

`Encoded` is a value as a codec wrote it; `_Package` is how frames and arrays of a package are written; any exception of a user's
class becomes a `CodecError` (`_encode_safely`).  `_encode` tries the codecs in turn.
"""

import pickle
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from attrs import frozen

from .._extras.packages import is_there
from .._text.values import STOPPING, show, show_str
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
    """The requirements for reading it: the names of registered classes, of packages as ``package:name``, and of classes that are
    parts of the value as ``class:module:qualname``."""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return sum(len(part) for part in self.parts)


class InPartsError(CodecError):
    """Refuses a value that typed JSON may have all the same, part by part."""


@frozen(eq=False)
class _Package:
    """How whole values of an optional package are written."""

    codec: str
    """What files call it."""
    module: str
    """The file here with `takes`, `write` and `read`, loaded when a value needs it, so that it may import the package."""
    needs: tuple[str, ...]
    """The packages that it takes to read such a value."""

    def load(self) -> Any:
        """Returns the module."""
        return import_module(f".{self.module}", __package__)


_PACKAGES = {
    "numpy": _Package("npy", "_numpy", ("numpy",)),
    "pandas": _Package("arrow", "_pandas", ("pandas", "pyarrow")),
    "polars": _Package("polars", "_polars", ("polars",)),
}
"""The optional packages, by the name that their types are from."""
_BY_CODEC = {package.codec: package for package in _PACKAGES.values()}


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
            raise CodecError(f"{refused} It cannot be pickled either: {show_str(exc, _MOST_SAID)}") from exc


def _encode_safely(value: Any) -> Encoded:
    """Returns the result of `_encode`; any exception of a user's class, even when asked for its name, becomes a CodecError."""
    try:
        return _encode(value)
    except (CodecError, *STOPPING):
        raise
    except BaseException as exc:
        raise CodecError(f"it cannot be taken apart: {type(exc).__name__}: {show_str(exc, _MOST_SAID)}") from exc


def _encode(value: Any) -> Encoded:
    kind = type(value)
    if kind in _NUMBERS:
        return Encoded("json", (_plain.dump(value)[0],))
    if kind is bytes:
        return Encoded("bytes", (value,))
    package = _PACKAGES.get(kind.__module__.partition(".")[0])
    module = None if package is None else package.load()
    if package is None or module is None or not module.takes(value):
        return _encode_plain(value)
    try:
        return Encoded(package.codec, module.write(value))
    except InPartsError as refused:
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
    package = _BY_CODEC.get(codec)
    if package is not None:
        return package.load().read(data)
    try:
        return pickle.loads(data)  # noqa: S301  the caller said that the file is trusted
    except Exception as exc:
        raise CodecError(f"it cannot be unpickled: {type(exc).__name__}: {exc}") from exc


def find_missing(codec: str, needs: Iterable[str] = (), *, trust: bool = False) -> str | None:
    """Returns why nothing that this codec wrote can be read here, or None when it can; decodes nothing."""
    if codec == "pickle":
        return None if trust else "it was pickled, and unpickling can run any code. If you trust the file, say trust=True."
    packages = [name.removeprefix("package:") for name in needs if name.startswith("package:")]
    known = _BY_CODEC.get(codec)
    for package in (*packages, *(() if known is None else known.needs)):
        if not is_there(package):
            return f"it takes {package} to read it, which is not installed."
    if known is None and codec not in ("json", "bytes"):
        return f"it was written by {show(codec)}, which this dug does not know."
    for name in needs:
        if name.startswith(("package:", _plain.CLASS_NEED)):  # a class is looked for when the value is decoded
            continue
        try:
            _classes.find_named(name)
        except CodecError as exc:
            return str(exc)
    return None
