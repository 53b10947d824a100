"""What streams and their readers answer to who takes them for something else: errors that name the stream and say what to type.

Type checkers see none of this: they know better errors.

`Misused` and `MisusedStream` are the bases that answer so, `OF_STREAM` and `OF_READER` the texts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

_OPEN = '"async with stream.open() as reader:"'
OF_STREAM = {
    "await": 'is a stream, and is not awaited. Write "async for item in stream:", "await stream.list()" '
    'or "await stream.first()".',
    "items": 'is a stream, which is read on a loop. Write "async for item in stream:", "await stream.list()", '
    'or "await stream.seek(0)" for one item.',
    "with": f"is a stream, and is not entered. Write {_OPEN}.",
}
OF_SYNC_STREAM = {
    "await": 'is a stream that is read without await. Write "for item in stream:", "stream.list()" or "stream.first()".',
    "items": 'is a stream, which has no places. Write "stream.seek(0)" for one item, or "stream.list()".',
    "with": 'is a stream, and is not entered. Write "with stream.open() as reader:".',
}
OF_READER = {
    "items": 'is read on a loop. Write "async for item in reader:", or "await anext(reader)" for one item.',
    "with": 'is left on a loop. Write "async with" in the place of "with".',
}


class Misused:
    """Refuses to be indexed, iterated without a loop, or entered."""

    __slots__ = ()
    _answers: Mapping[str, str]

    def _refuse(self, what: str) -> TypeError:
        return TypeError(f"{self._said} {self._answers[what]}")

    @property
    def _said(self) -> str:
        return repr(self)

    if not TYPE_CHECKING:

        def __getitem__(self, _number):  # ``for`` comes here too
            raise self._refuse("items")

        def __enter__(self):
            raise self._refuse("with")

        def __exit__(self, *_):
            """Is never called."""


class MisusedStream(Misused):
    """Refuses to be awaited, indexed, iterated in the wrong way, or entered."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __await__(self):
            raise self._refuse("await")

        def __aenter__(self):
            raise self._refuse("with")

        async def __aexit__(self, *_):
            """Is never called."""
