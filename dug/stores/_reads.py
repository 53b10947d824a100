"""Tells what a run has read, as a path has it: `ReadTeller`; or why that cannot be told, `NotTold`.

`is_kept` tells functions of which runs are kept, `is_plain` memos that can be; `write_back` writes arguments, `_find_span` the
items that were read.  `tell_run` tells all reads of a run, `tell` one, `tell_span` items.
"""

from typing import Any

from .._core.read import BENEATH, Function, Key, Memo, Node, NodeMemos, PartialKey, plain_key
from .._functions.stream import AnyStream
from .._functions.tape import Mark
from ._digest import NO_DIGEST, digest_as_read, write_arguments
from ._items import digest_span, split
from ._path import Path, Span, Told, make_path


class NotTold(Exception):  # noqa: N818  never leaves this package
    """Carries the reason why a run is not kept; None where that goes without saying."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason

    def note(self, store: Any, function: Function) -> None:
        """Notes the reason for the report of a store."""
        if self.reason is not None:
            store.refuse(function.name, self.reason)


class ReadTeller:
    """Tells reads; for one keeper."""

    def __init__(self, keeper: Any) -> None:
        self._keeper = keeper

    def tell_run(self, memo: Memo, home: NodeMemos) -> Path:
        """Returns the path of a run from its memo; `home` is that in which its readers know it.

        Raises:
            NotTold: some read cannot be told.
        """
        reads, places, position_in = list[Told](), list[int](), dict[Any, int]()
        last = {read.home.find_function(): read for read in memo.dependencies if type(read.value) is Mark}
        for read in memo.dependencies:
            places.append(len(reads))
            if type(read.value) is not Mark:
                reads.append(self.tell(read))
                continue
            function = read.home.find_function()
            span = _find_span(read, home, position_in.get(function, 0), is_last=last[function] is read)
            position_in[function] = span.end
            reads.extend(self.tell_span(function.body, read, part) for part in split(span))
        starts = memo.read_starts
        if last and starts and len(starts) == len(places):
            told: list[int | None] = [None] * (len(reads) + 1)
            for place, start in zip(places, starts, strict=True):
                told[place] = None if start is None else places[start]
            starts = tuple(told[:-1])
        return make_path(reads, starts)

    def tell(self, read: Memo) -> Told:
        """Returns the read of a node.

        Raises:
            NotTold: it cannot be told.
        """
        key = read.home.find_key()
        call = self._write_call(key)
        digest = NO_DIGEST if call is None else digest_as_read(read, self._keeper.of_tweaks)
        if digest is None:
            raise NotTold(f"it reads {Node._of(key)}, which may have been changed in place")
        if call is None or digest == NO_DIGEST:
            is_unsaid = call is not None and plain_key(key)[0].digest is not None
            what = "whose digest= gives neither bytes nor a text" if is_unsaid else "whose value or arguments have no codec"
            raise NotTold(None if read.failure is not None else f"it reads {Node._of(key)}, {what}")
        return Told(call, digest)

    def tell_span(self, stream: AnyStream[Any], mark: Memo | None, span: Span) -> Told:
        """Returns the read of some items of a stream, of which this mark covers the last.

        Raises:
            NotTold: it cannot be told.
        """
        call = self._write_call(stream.node._key)
        if stream.keep is not None:
            raise NotTold(f"it reads items of {stream.node}, which has keep={stream.keep}")
        digest = NO_DIGEST if call is None or mark is None else digest_span(mark, span)
        if digest is None:
            raise NotTold(f"it reads items of {stream.node}, which may have been changed in place")
        if call is None or digest == NO_DIGEST:
            raise NotTold(f"it reads {stream.node}, whose items or arguments have no codec")
        return Told(call, digest, span)

    def _write_call(self, key: Key) -> tuple[str, str] | None:
        """Returns a node as a path has it; None where it cannot be made again from that."""
        function: Any = key[0]
        if function is BENEATH or function.owned or "<" in function.name:
            return None
        arguments = write_back(self._keeper, key)
        return None if arguments is None else (function.name, arguments)


def _find_span(read: Memo, home: NodeMemos, first: int, *, is_last: bool) -> Span:
    """Returns which items a run has read at a mark of a stream, at most, after those before a position."""
    mark = read.value
    reach = read.home.find_function().body.reaches.get(home)
    end = mark.find_kept().end_of(mark.number)
    return Span(first, max(first, end if reach is None else min(end, reach.position)), is_last and mark.is_end)


def write_back(keeper: Any, key: Key) -> str | None:
    """Returns the arguments of a node from which it can be made again; None also where one was changed since the call.

    That can be where ``key=`` says what a list is taken for: the key stays, and the list does not.
    """
    arguments = write_arguments(key)
    if arguments is not None and type(key) is PartialKey and keeper.find_key(key[0].name, arguments) != key:
        return None
    return arguments


def is_kept(function: Any) -> bool:
    """True for functions of which a store may keep something: no sources, none that says ``store=False``."""
    return not function.is_source and function.store is not False


def is_plain(memo: Memo) -> bool:
    """True for the memo of a body that did nothing but read; also not one that caught a failure."""
    return not (memo.opened or memo.inner_nodes or memo.made or memo.call is not None or memo.transient)
