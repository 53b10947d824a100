"""The file of a recording: `Log` appends lines to it, and `read_log` gives them back, up to one that is torn.

A line is JSON and ends with a newline.  One with a ``size`` is followed by so many bytes and another newline: the content of a
frame or an array, as its codec wrote it.  A line is written in one go when it is made, so what a process has recorded is in the
file when the process is killed.  A file is never written to by two recordings.

`make_header` is the first line, `make_encoder` writes one, `read_bytes` reads the bytes behind it, `_parse` a line.  `Log` has
`begin`, `append`, `close`, `is_mine`.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any

from ._errors import RecordingError

FORMAT = 1
_HEADER = "dug recording"
Line = dict[str, Any]
encode_text = json.encoder.encode_basestring_ascii


def make_encoder() -> Callable[[Line], str]:
    """Returns what writes a line as JSON.

    A `json.JSONEncoder` makes the encoder in C, and more, for each text, which takes twice as long as the text itself; here it is
    made once, where there is one.
    """
    encoder = json.JSONEncoder(separators=(",", ":"), check_circular=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    encode = make(None, encoder.default, encode_text, None, ":", ",", False, False, True)
    return lambda line: "".join(encode(line, 0))


_encode_line = make_encoder()


class Log:
    """A recording that is being written; any thread may append to it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()  # the program may change its folder
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
        except FileExistsError as exc:
            text = "there is a file already, and a recording overwrites none: give it another name"
            raise FileExistsError(errno.EEXIST, text, str(path)) from exc
        self.lock = RLock()  # a text that is written may run code which is recorded
        self._process = os.getpid()
        self._end = 0
        self.lines = 0
        self.is_open = True

    def is_mine(self) -> bool:
        """True in the process that began it: a fork shares the file, and must not write to it."""
        return self.is_open and os.getpid() == self._process

    def begin(self, header: Line) -> None:
        """Writes the first line.

        Raises:
            OSError: it cannot be written; then the file is gone again.
        """
        try:
            self.append(header)
        except BaseException:
            self.close()
            with suppress(OSError):
                self.path.unlink()
            raise

    def append(self, line: Line, parts: Sequence[bytes | memoryview] = ()) -> None:
        """Writes a line, and the bytes that belong to it.

        Raises:
            OSError: it cannot be written; then nothing of it is in the file.
        """
        text = _encode_line(line).encode("ascii") + b"\n"
        data = b"".join((text, *parts, b"\n")) if line.get("size") else text
        with self.lock:
            if not self.is_mine():
                return
            try:
                _write_all(self._file, data)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(self._file, self._end)
                    os.lseek(self._file, self._end, os.SEEK_SET)
                raise
            self._end += len(data)
            self.lines += 1

    def close(self) -> None:
        """Ends the file."""
        with self.lock:
            if self.is_open:
                self.is_open = False
                os.close(self._file)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def make_header(**said: Any) -> Line:
    """Returns the first line of a recording."""
    return {"is": _HEADER, "format": FORMAT, **said}


def read_log(path: Path) -> Iterator[tuple[Line, int]]:
    """Yields the lines of a recording, each with the place where its bytes begin; ends at one that is torn.

    Raises:
        RecordingError: it is not a recording, or of a later format.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        first = file.readline()
        header = _parse(first)
        if first.startswith(b"SQLite format 3"):
            raise RecordingError(f"{path} is a snapshot, and no recording. Read it with dug.snapshot.load(path), or dug show.")
        if header is None or header.get("is") != _HEADER:
            raise RecordingError(f"{path} is not a recording of dug. Make one with dug.replay.record(ctx, path).")
        if header.get("format") != FORMAT:
            raise RecordingError(f"{path} was written by a later dug, in format {header.get('format')}. Update dug to read it.")
        yield header, 0
        while (line := _parse(file.readline())) is not None:
            place, length = file.tell(), line.get("size", 0)
            if length:
                if not isinstance(length, int) or place + length + 1 > size:
                    return
                file.seek(place + length)
                if file.read(1) != b"\n":
                    return
            yield line, place


def read_bytes(path: Path, place: int, size: int) -> bytes:
    """Returns the bytes that belong to a line.

    Raises:
        RecordingError: the file is shorter by now.
    """
    with path.open("rb") as file:
        file.seek(place)
        data = file.read(size)
    if len(data) != size:
        raise RecordingError(f"{path} was cut off since it was opened. Open it again.")
    return data


def _parse(raw: bytes) -> Line | None:
    """Returns a line; None for one that is torn, and at the end."""
    if not raw.endswith(b"\n"):
        return None
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None
