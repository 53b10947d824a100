"""`Cursor`, what an operator gives: it makes items of those of other cursors or readers, in the task of whoever asks for them.

Each kind of cursor says in `_poll` how to make the next item of what is there, without waiting.  When that is not enough,
`Cursor` waits for those of its inputs that `_list_pending` names, and polls again.  So a cancelled asker loses no item, and
nothing is yielded inside a group of tasks.

`_open` makes a reader of an input; `check_count`, `check_seconds` and `check_is_plain` refuse arguments.  `_add_to` a pause,
`_list_awaited`, `_leave` and `close` are the rest.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Self, TypeAlias, TypeVar

from .._functions.async_driver import backend
from .._functions.reader import PENDING, Reader, is_here
from .._functions.stream import Stream
from .._functions.stream_misuse import OF_READER, Misused
from .._functions.sync_reader import SyncReader
from .._functions.sync_stream import SyncStream
from .._text.values import show
from ._pause import Pause

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Cursor(Misused, Generic[T_co]):
    """Gives items made of those of streams; an async iterator, and an async context manager that closes what it reads.

    It is read once, by the task that asks it for its next item.  It keeps its readers in the scenario in which it was made.  Its
    end, and an error of what it reads, close it; a cancelled wait does not, and loses no item.
    """

    _answers = OF_READER
    operator = ""
    """The name of the operator that gives it."""

    def __init__(self, *readables: Any) -> None:
        self._inputs: list[Input] = []
        self._is_closed = False
        self._ending: list[Any] = []
        """Tasks that were cancelled as it left a stream."""
        try:
            for readable in readables:
                self._inputs.append(_open(readable, self.operator))
        except BaseException:
            self.close()
            raise

    def _poll(self) -> Any:
        """Returns the next item, or `PENDING` when it has still to come.

        Raises:
            StopAsyncIteration: there is none.
        """
        raise NotImplementedError

    def _list_pending(self) -> "Sequence[Input]":
        """Returns the inputs of which any may let it go on, after it has answered `PENDING`."""
        return self._inputs

    def _add_to(self, pause: Pause) -> None:
        """Adds what it waits for to a pause."""
        for one in self._list_pending():
            if isinstance(one, Reader):
                pause.readers.append(one)
            else:
                one._add_to(pause)

    def _list_awaited(self) -> "Iterator[Reader[Any]]":
        """Yields its readers for which a pump may have to wait and that no run has: for that run the pump would wait."""
        for one in self._inputs:
            if not isinstance(one, Reader):
                yield from one._list_awaited()
            elif one._stream.items is None and one.frame.run is None:
                yield one

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        try:
            while not self._is_closed:
                item = self._poll()
                if item is not PENDING:
                    return item  # type: ignore[no-any-return]  # what the operator makes
                pause = Pause()
                pause.own += self._list_awaited()
                self._add_to(pause)
                await pause.last()
        except (backend().CANCELLED, GeneratorExit):
            raise
        except BaseException:
            await self.aclose()
            raise
        finally:
            pause = item = None  # type: ignore[assignment]  # see `failure.empty_own_frames`
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def close(self) -> None:
        """Leaves the streams that it reads; their generators are closed soon, if nobody else reads them."""
        self._is_closed = True
        inputs, self._inputs = self._inputs, []
        for one in inputs:
            self._leave(one)

    async def aclose(self) -> None:
        """Leaves the streams that it reads; returns when their generators are closed, if nobody else reads them."""
        self.close()
        ending, self._ending = self._ending, []
        loop = backend().find_loop()
        tasks = [task for task in ending if not task.is_lost() and is_here(task, loop)]
        if tasks:
            await backend().wait_ended(tasks)

    def __repr__(self) -> str:
        return f"<dug.streams.{self.operator} of {', '.join(map(repr, self._inputs)) or 'nothing any more'}>"

    def _leave(self, one: "Input") -> None:
        """Closes one of its inputs."""
        if isinstance(one, Reader):
            task = one._leave()
            if task is not None:
                self._ending.append(task)
        else:
            one.close()
            self._ending += one._ending
            one._ending = []

    def _drop(self, one: "Input") -> None:
        """Closes an input that has ended, and goes on without it."""
        self._inputs.remove(one)
        self._leave(one)


Readable: TypeAlias = Stream[T] | Reader[T] | Cursor[T]
"""What an operator reads."""

Input: TypeAlias = Reader[Any] | Cursor[Any]


def _open(readable: Any, operator: str) -> Input:
    """Returns what reads a stream from its start, or the reader or cursor that was given.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(readable, Stream):
        return readable.open()
    if isinstance(readable, (Reader, Cursor)):
        return readable
    advice = "Give it a stream"
    if isinstance(readable, (SyncStream, SyncReader)):
        advice = f"It is read without await: use a for loop, zip() or itertools in the place of dug.streams.{operator}"
    if hasattr(readable, "__aiter__"):
        advice = "Make it one: dug.streams.share(...)"
    raise TypeError(f"dug.streams.{operator} reads streams, not {show(readable)}. {advice}.")


def check_count(operator: str, count: object, least: int = 1) -> None:
    """Raises TypeError for anything but a number of items."""
    if type(count) is not int or count < least:
        raise TypeError(f"dug.streams.{operator} takes a number of items, at least {least}, not {show(count)}.")


def check_seconds(operator: str, seconds: object) -> None:
    """Raises TypeError for anything but a time to wait."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not seconds > 0:
        raise TypeError(f"dug.streams.{operator} takes a number of seconds, more than 0, not {show(seconds)}.")


def check_is_plain(operator: str, fn: Callable[..., Any]) -> None:
    """Raises TypeError for what is not a function, or one that would have to be awaited."""
    if not callable(fn):
        raise TypeError(f"dug.streams.{operator} takes a function and then a stream, not {show(fn)} first.")
    function = getattr(fn, "_self_function", None)
    if inspect.iscoroutinefunction(fn) or (function is not None and function.is_async):
        raise TypeError(f"dug.streams.{operator} takes a plain function, and {show(fn)} is awaited. Use dug.streams.map first.")
