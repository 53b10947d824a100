"""The value of a memoised async generator: `Stream`; and `StreamKind`, what its function says of all its streams.

A stream holds no items: it stands for its node, and is read in the scenario in force where it is read.  So any two streams of one
node are the same value, and what their readers rest on are the marks of the tapes that they read (`stream_driver`, `reader`).

`AnyStream` is the base of it and of `SyncStream`: `state`, the marks and items that are known.  `same_streams` compares two of
them, `check_start` an item to begin at.  A stream is read by `open`, `first`, `last`, `seek`, `list`; a kind makes them (`make`,
`make_bumped`, `make_loaded`, `check_bump`).  Tapes are found by `_find_state` and `find_last_mark`, items made by `make_items`
and `begin_items`.
"""

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from types import AsyncGeneratorType
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from .._core.read import (
    INNER,
    Binding,
    Fixed,
    Function,
    Key,
    Memo,
    Node,
    NodeMemos,
    Run,
    Tweak,
    TweakSpec,
    find_answer,
    frame_in_force,
    is_consumable,
    is_same,
    plain_key,
)
from .._text.counts import count
from .._text.values import show
from ..errors import TweakError, say_node
from .any_reader import LATEST, OLDEST, Latest
from .reader import Reader, fetch_mark
from .stream_bumps import as_async_generator, call_of, check_function
from .stream_misuse import OF_STREAM, MisusedStream
from .sync_driver import what_runs
from .tape import CLOSED, ENDED, FAILED, Reach, Tape, is_same_prefix

T_co = TypeVar("T_co", covariant=True)

_ONE_NUMBER = inspect.Signature([inspect.Parameter("number", inspect.Parameter.POSITIONAL_ONLY)])
_OF_A_NUMBER = Binding.of(None, _ONE_NUMBER)


class AnyStream(MisusedStream, Fixed, Generic[T_co]):
    """What streams of all kinds have in common: they stand for their node, and know their tapes."""

    __slots__ = (
        "__weakref__", "_args", "_body", "_bump", "_kwargs", "ahead", "eq", "is_beneath", "is_source", "items", "keep", "marks",
        "node", "pumps", "reaches", "tapes",
    )  # fmt: skip

    def __init__(
        self, node: Node[Any], kind: "StreamKind", items: tuple[Any, ...] | None = None, *, is_beneath: bool = False
    ) -> None:
        self.node = node
        """The node whose value it is."""
        self.is_beneath = is_beneath
        """True for the one that the function of a bump gets: it is read in the scenario without the bump."""
        self.ahead, self.keep, self.eq = kind.ahead, kind.keep, kind.eq
        self.is_source = node._function.is_source
        self.items = items
        """The items of a stream that somebody gave as a whole; None for one that a generator gives."""
        self._body: Callable[..., Any] | None = None
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        self.tapes: dict[Run, Tape] = {}
        self.reaches: WeakKeyDictionary[NodeMemos, Reach] = WeakKeyDictionary()
        self._bump: Any = None
        """The function of the bump that gives its items, if one does."""
        if items is None and not is_beneath:
            name = str(node)
            self.marks = _make_function(self, f"{name}.mark", kind)
            self.pumps = _make_function(self, f"{name}.pump", kind)
            self.marks.is_async = kind.is_async

    def make_items(self, run: Run) -> Any:
        """Returns the generator for a pump, or what a store gives in its place."""
        keeper = run.view.cache.keeper
        kept = None if keeper is None else keeper.recall_items(run, self)
        return self.begin_items() if kept is None else kept

    def begin_items(self) -> Any:
        """Returns the generator of one more run."""
        assert self._body is not None  # noqa: S101  it has no items
        made = self._body(*self._args, **self._kwargs)
        return made if self._bump is None else self._bump(self.node, self._body, made)

    @property
    def state(self) -> str:
        """What is known of it in the scenario in force, which runs nothing.

        ``open`` while its generator goes on, ``ended`` or ``failed``; ``closed`` when nobody reads it and its end is not known.
        """
        return self.state_in(frame_in_force(self.node).view)

    def state_in(self, view: Any) -> str:
        """Returns what is known of it in the scenario of a view."""
        answer = find_answer(view, self.node._key)
        stream = None if answer is None else answer.value
        if not isinstance(stream, AnyStream):
            return CLOSED
        return ENDED if stream.items is not None else stream._find_state(view)

    def _find_state(self, view: Any) -> str:
        tapes = tuple(self.tapes.values())
        own = [tape for tape in tapes if tape.is_of(view) and tape.is_true()]
        if own:
            return own[-1].state
        memo = self.find_last_mark(view)
        tape = None if memo is None or memo.failure is not None else memo.value.tape
        if memo is None or tape is None:
            return CLOSED if memo is None else FAILED
        return tape.state if memo.value.number + 1 == tape.kept.count else CLOSED

    def find_last_mark(self, view: Any) -> Memo | None:
        """Returns the last mark that answers in a view; None when none does."""
        last = find_answer(view, (self.marks, 0))
        first = 0 if last is not None else self._find_first_kept(view)
        number = first
        while number is not None and (memo := find_answer(view, (self.marks, number))) is not None:
            last, number = memo, number + 1
        return last

    def _find_first_kept(self, view: Any) -> int | None:
        """Returns the number of the first mark of a tape that dropped some, if it answers in a view."""
        pumped = find_answer(view, (self.pumps, 0))
        ended = [] if pumped is None or pumped.failure is not None else [pumped.value]
        for tape in (*tuple(self.tapes.values()), *ended):
            kept = tape.kept
            if kept.first and find_answer(view, (self.marks, kept.first)) is not None:
                return kept.first  # type: ignore[no-any-return]  # a number
        return None

    def runs_as(self, other: "AnyStream[Any]") -> bool:
        """True when the items of both come from the same generator function, without a bump over it."""
        return self._body is other._body and self._bump is other._bump is None

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} cannot be pickled: it is read in its own process. Keep a list of its items.")

    @property
    def _said(self) -> str:
        return say_node(self.node)

    def __repr__(self) -> str:
        items = "" if self.items is None else f" of {count(len(self.items), 'item')}"
        return f"<{type(self).__name__} {say_node(self.node)}{items}>"


class Stream(AnyStream[T_co]):
    """What a memoised async generator gives: read it from the start, as often as you like, in any number of tasks.

    It is read in the scenario in force.  One run of the generator writes for all who read there, and for those of other scenarios
    as far as these cannot tell the difference.
    """

    __slots__ = ()
    _answers = OF_STREAM

    def __aiter__(self) -> Reader[T_co]:
        return self._read(0)

    def _read(self, start: Any) -> Reader[T_co]:
        """Returns a reader; every other method reads by this one."""
        return Reader(self, start)

    def open(self, start: "int | Latest" = 0) -> Reader[T_co]:
        """Returns a reader that begins with an item: ``async with stream.open() as reader`` leaves the stream at its end.

        Args:
            start: the position of the item, or `dug.streams.LATEST` for the next one that comes, outside of memoised functions.
        """
        check_start(start)
        return self._read(start)

    async def first(self) -> T_co:
        """Returns the first item.

        Raises:
            LookupError: there is none.
        """
        return await self.seek(0)

    async def seek(self, number: int) -> T_co:
        """Returns the item at a position, which may still have to come.

        Raises:
            LookupError: the stream ends before it.
        """
        async with self.open(number) as reader:
            async for value in reader:
                return value
        raise LookupError(f"{say_node(self.node)} ends before item {number}.")

    async def last(self) -> T_co:
        """Returns the last item, once the stream has ended.

        Raises:
            LookupError: there is none.
        """
        found: Any = None
        position = 0
        async with self._read(OLDEST) as reader:
            async for value in reader:
                found, position = value, reader.position
        if not position:
            raise LookupError(f"{say_node(self.node)} is empty.")
        return found  # type: ignore[no-any-return]  # an item

    async def list(self) -> list[T_co]:
        """Returns all items, once the stream has ended."""
        async with self.open() as reader:
            return [value async for value in reader]


def _bind(function: Function) -> Binding:
    """Returns the binding of a function of one number, made after that of the first: each stream has two such functions."""
    return _OF_A_NUMBER.of_other(function, lambda number, /: (function, number))


def check_start(start: object) -> None:
    """Raises TypeError for what is not a position at which a stream can be opened."""
    if start is not LATEST and (not isinstance(start, int) or isinstance(start, bool) or start < 0):
        raise TypeError(f"start must be the position of an item, or dug.streams.LATEST, not {show(start)}. Write start=0.")


def _make_function(stream: AnyStream[Any], name: str, kind: "StreamKind") -> Function:
    """Returns the function whose nodes are the marks or the pumps of a stream; they live as long as the stream."""
    function = Function(name, stream, INNER, eq=partial(is_same_prefix, eq=stream.eq))  # type: ignore[arg-type]  # nobody calls it
    function.is_async, function.fetch, function.ask, function.stream = True, kind.fetch_mark, kind.fetch_mark, kind
    function.binding = _bind(function)
    function.options = (False, (), ())
    function.hold_nodes()
    return function


class StreamKind:
    """What the decorator of an async generator function was told of its streams."""

    __slots__ = ("ahead", "eq", "keep")

    generator_type: type[Any] = AsyncGeneratorType
    """What a call of the body gives, in the place of which `make` gives a stream."""
    stream_type: type[AnyStream[Any]] = Stream
    is_async = True
    """True when its streams are read on a loop."""
    what = "an async generator function"
    is_one: Callable[[Any], bool] = staticmethod(inspect.isasyncgenfunction)
    fetch_mark: Any = staticmethod(fetch_mark)
    """The driver of the marks."""
    as_generator: Any = staticmethod(as_async_generator)
    """Makes a generator of what the function of a bump returned."""

    def __init__(self, ahead: int, keep: int | None, eq: Callable[[Any, Any], bool] | None) -> None:
        self.ahead, self.keep, self.eq = ahead, keep, eq

    def make(self, run: Run) -> AnyStream[Any]:
        """Returns the value of a run of the function, or of what replaces it, in the place of a generator."""
        stream = self.stream_type(Node._of(plain_key(run.key)), self)
        stream._body, stream._args, stream._kwargs = what_runs(run)
        return stream

    def make_bumped(self, run: Run, beneath: AnyStream[Any]) -> AnyStream[Any]:
        """Returns the value of a run that meets a bump; its function is called when somebody reads."""
        assert run.handle is not None  # noqa: S101  it meets a bump
        stream = self.stream_type(beneath.node, self)
        stream._body, args = call_of(run.handle.spec)
        stream._args, stream._bump = (self.stream_type(beneath.node, self, is_beneath=True), *args), self.as_generator
        return stream

    def make_loaded(self, function: Function, key: Key, met: Tweak | None) -> AnyStream[Any]:
        """Returns the stream of a node that meets a tweak, or none, of which a memo came in and whose body has not run here."""
        node = Node[Any]._of(key)
        stream = self.stream_type(node, self)
        if met is not None and met.spec.reads_beneath:
            stream._body, others = call_of(met.spec)
            stream._args, stream._bump = (self.stream_type(node, self, is_beneath=True), *others), self.as_generator
        else:
            stream._body = function.body if met is None or met.spec.is_untweak else met.spec.fn
            stream._args, stream._kwargs = function.binding.arguments(key)
        return stream

    def say(self, target: Any, tweak: Any) -> Any:
        """Returns what a tweak of a stream, or of a stream function, is entered as.

        Raises:
            TweakError: a stream cannot be tweaked like that.
        """
        if isinstance(target, Function):
            known = getattr(getattr(tweak, "_self_function", None), "stream", None)
            if not self.is_one(tweak) and type(known) is not type(self):
                raise TweakError(f"{target} gives streams, and {show(tweak)} is not a function like it: write {self.what}.")
            return tweak
        node = Node[Any]._of(target)
        if isinstance(target[0].body, AnyStream):
            raise TweakError(f"{node} is a part of a stream, and cannot be tweaked. Tweak {say_node(target[0].body.node)}.")
        if isinstance(tweak, self.stream_type):
            return tweak
        if not isinstance(tweak, Iterable) or isinstance(tweak, (str, bytes)) or is_consumable(tweak):
            raise TweakError(f"{say_node(node)} is a stream, and {show(tweak)} is not. Tweak it to a list of its items.")
        return self.stream_type(node, self, tuple(tweak))

    def check_bump(self, target: Any, bump: TweakSpec) -> None:
        """Raises TweakError for a bump whose function cannot give the items of a stream."""
        name = str(target) if isinstance(target, Function) else say_node(Node[Any]._of(target))
        if not isinstance(target, Function) and isinstance(target[0].body, AnyStream):
            raise TweakError(f"{name} is a part of a stream, and cannot be tweaked. Tweak {target[0].body.node}.")
        check_function(name, bump, is_async=self.is_async)


def same_streams(old: Any, new: Any) -> bool:
    """True when a stream can replace another as a value: what its readers saw is for the marks to tell."""
    if not (isinstance(old, AnyStream) and isinstance(new, AnyStream)) or old.node != new.node:
        return False
    if old.items is None or new.items is None:
        return old.items is new.items
    pairs = zip(old.items, new.items, strict=False)
    return len(old.items) == len(new.items) and all(is_same(one, other, new.eq) for one, other in pairs)
