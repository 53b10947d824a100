"""Values and errors in a line: `put_content` and `take_content`, `words_of_error` and `error_of`.

Digests: `digest_of`, over typed JSON in order (`_sort_json`).  Texts: `text_of_value`, `text_of_error`.  `error_of` makes an
exception of a loaded class, or `tell_error_gap` says why it cannot.  `encoded_of` gives the bytes of a value as a codec wrote
them, `_make_of_class` makes an exception.
"""

import json
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

from .._portable.errors import RecordedError, make_error
from .._portable.nodes import clean, json_of, read_json
from .._portable.rows import ErrorRow
from .._text.values import describe_error, shorten, show
from ..codec import CodecError, Encoded, decode
from ._errors import RecordingError
from ._log import Line, read_bytes

_TEXT = 80
"""How many characters of a value or an error are shown."""


def put_content(line: Line, encoded: Encoded) -> tuple[Any, ...]:
    """Adds to a line how a value is read, and its text if it has one; returns its bytes otherwise."""
    line["codec"] = encoded.codec
    line["digest"] = digest_of(encoded)
    if encoded.needs:
        line["needs"] = sorted(encoded.needs)
    if encoded.codec == "json":
        line["data"] = b"".join(encoded.parts).decode("ascii")
        return ()
    line["size"] = encoded.size_bytes
    return encoded.parts


def take_content(path: Path, line: Line, place: int, text: str) -> Any:
    """Returns the value in a line, decoded now: each call gives an object of its own.

    Args:
        path: the file.
        line: the line.
        place: that of its bytes in the file.
        text: the node, for the message.

    Raises:
        CodecError: it cannot be read here; the message says why.
        RecordingError: the file is not as it was written.
    """
    encoded = encoded_of(path, line, place)
    if line.get("digest") != digest_of(encoded):
        raise RecordingError(f"{path} is damaged: what it has of {text} is not what was written. Record it again.")
    try:
        return decode(encoded)
    except CodecError as exc:
        raise CodecError(f"{text} in {path}: {exc}") from exc


def encoded_of(path: Path, line: Line, place: int) -> Encoded:
    """Returns the value in a line as it was written.

    Raises:
        RecordingError: the file is not as it was written.
    """
    codec, data = line.get("codec"), line.get("data")
    if not isinstance(codec, str) or not (isinstance(data, str) or isinstance(line.get("size"), int)):
        raise RecordingError(f"{path} has a line with a value that was not written by dug: {json.dumps(line)[:200]}")
    content = data.encode("ascii", "replace") if isinstance(data, str) else read_bytes(path, place, line["size"])
    return Encoded(codec, (content,), frozenset(line.get("needs", ())))


def digest_of(encoded: Encoded) -> str:
    """Returns a short text that equal contents share, in every process."""
    made = blake2b(encoded.codec.encode(), digest_size=12)
    parts = encoded.parts
    if encoded.codec == "json" and any([b"{" in bytes(part) for part in parts]):  # noqa: C419  quicker for the one there is
        parts = (_sort_json(b"".join(parts)),)
    for part in parts:
        made.update(part)
    return made.hexdigest()


def _sort_json(data: bytes) -> bytes:
    """Returns typed JSON with the same order of equal dicts; as it is where it is none."""
    try:
        return json.dumps(_sort_pairs(json.loads(data)), sort_keys=True, separators=(",", ":")).encode("ascii")
    except (ValueError, RecursionError):
        return data


def _sort_pairs(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_sort_pairs, value))
    if not isinstance(value, dict):
        return value
    sorted_ones = {name: _sort_pairs(one) for name, one in value.items()}
    pairs = sorted_ones.get("$dict")
    return {"$dict": sorted(pairs, key=json.dumps)} if isinstance(pairs, list) else sorted_ones


def text_of_value(value: object) -> str:
    """Returns a value as it is shown."""
    return shorten(show(value), _TEXT)


def text_of_error(error: BaseException) -> str:
    """Returns an exception as it is shown."""
    return shorten(describe_error(error), _TEXT)


def words_of_error(row: ErrorRow, error: BaseException) -> Line:
    """Returns an error as a part of a line; one of a user's class with what it can be made of again."""
    said = {"type": row.type, "text": row.text, "traceback": row.traceback, "arguments": row.arguments}
    if row.arguments is None:
        said["content"] = json_of([list(error.args), dict(vars(error))]) or json_of([[row.text], {}])
    return said


def error_of(said: Line) -> BaseException:
    """Returns a new exception that says what a recorded one said, of its class if that is loaded here."""
    arguments = said.get("arguments")
    kind, text, trace = (str(said.get(name, "")) for name in ("type", "text", "traceback"))
    made = make_error(ErrorRow(0, kind, text, trace, arguments if isinstance(arguments, str) else None))
    return (_make_of_class(said) or made) if isinstance(made, RecordedError) else made


def tell_error_gap(said: Line) -> str | None:
    """Returns why an exception of the recorded class cannot be raised here; None where it can."""
    if not isinstance(error_of(said), RecordedError):
        return None
    return f"it failed with {said.get('type')}, which cannot be made here: import its module, at the top of which it must be"


def _make_of_class(said: Line) -> BaseException | None:
    """Returns an exception of a class that is loaded under the recorded name, whose ``__init__`` does not run."""
    module, _, name = str(said.get("type")).partition(":")
    found: Any = sys.modules.get(module)
    try:
        for part in name.split("."):
            found = vars(found)[part]
        args, attributes = read_json(said["content"])
        if not issubclass(found, Exception):
            return None
        base = next(one for one in found.__mro__ if one.__module__ == "builtins")
        made: BaseException = base.__new__(found, *args)
        vars(made).update(attributes)
        return made if clean(made) == said.get("text") else None
    except Exception:  # noqa: BLE001  there is no such class, or another one by now
        return None
