"""`Record`, which ``ctx.memo`` returns: one node's memo, its reads, readers and tweaks; `find_record`, `is_masked`.

A table of tweaks is made here for a context too: `tabulate_tweaks`.

Keys: `look_up` finds the memo of a key, `seen_key` the node that a look shows for it (in the place of a stream's marks and pump,
or beneath a tweak), `find_seen` the memo of that; `read_keys` lists its dependencies.  A record has `kind`, `value`, `error`,
`traceback`, `seconds`, `own_seconds`, `dependents`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import frozen

from .._core.read import INNER, TWEAKED, Key, Memo, Node, View, find_answer, plain_key
from .._functions.proxy import show_key
from .._text.shown import Shown
from .._text.values import describe_error, drop_main, in_seconds, show

_SHOWN = 12
"""How many reads, and how many tweaks, are shown."""


@frozen(eq=False, repr=False)
class Record(Shown):
    """The memo of one node in one context at the time of the look, and the nodes that have read it since."""

    node: Node[Any]
    _memo: Memo
    _view: View

    @property
    def kind(self) -> str:
        """``computed``, ``tweaked`` (to a value) or ``failed``."""
        if self._memo.failure is not None:
            return "failed"
        return "tweaked" if self._memo.body == TWEAKED else "computed"

    @property
    def value(self) -> Any:
        """The value; None when it failed."""
        return self._memo.value

    @property
    def error(self) -> BaseException | None:
        """The exception it raised, as it was then, if it failed; later askers get another one that says the same."""
        return None if self._memo.failure is None else self._memo.failure.error

    @property
    def traceback(self) -> str | None:
        """The traceback of the failure as text."""
        return None if self._memo.failure is None else self._memo.failure.text

    @property
    def seconds(self) -> float:
        """How long its run took, with its callees."""
        return self._memo.seconds

    @property
    def own_seconds(self) -> float:
        """How long its run took without the runs that it led to; 0 where these overlapped for longer."""
        return max(0.0, self._memo.own_seconds)

    @property
    def dependencies(self) -> tuple[Node[Any], ...]:
        """The nodes that it read, in the order of the first reads, and those that ran under contexts it opened itself."""
        keys = dict.fromkeys(map(seen_key, read_keys(self._memo)))
        return tuple(Node._of(key) for key in keys)

    @property
    def dependents(self) -> tuple[Node[Any], ...]:
        """The nodes whose memos here read this one."""
        found = dict.fromkeys(map(seen_key, _reader_keys(self._view, self.node._key)))
        return tuple(Node._of(key) for key in found if key != self.node._key)

    @property
    def tweaks(self) -> Mapping[Any, Any]:
        """The tweaks that it read, directly or through others, by node or function, as the user gave them."""
        tweaks = {}
        for handle in self._view.tweaks.find_read(self._memo.footprint):
            target = handle.target
            tweaks[Node._of(target) if isinstance(target, tuple) else target.wrapper()] = handle.spec.said
        return MappingProxyType(tweaks)

    def _sheet(self) -> Any:
        from .._text.sheet import Line, Rows, Sheet  # loaded when somebody looks

        readers, reads = len(self.dependents), self.dependencies
        took = f"took {in_seconds(self.seconds)}, {in_seconds(self.own_seconds)} by itself"
        said = Line(f"{self.kind}, {took}, read by {readers:,} node{'' if readers == 1 else 's'}")
        title = Line(f"{drop_main(str(self.node))}{_tell_outcome(self._memo)}", is_title=True)
        tweaks = [tabulate_tweaks(list(self.tweaks.items()))] if self.tweaks else []
        values = [_tell_outcome(find_answer(self._view, node._key)).removeprefix(" = ") for node in reads[:_SHOWN]]
        rows = [[drop_main(str(node)), value] for node, value in zip(reads, values, strict=False)]
        return Sheet([title, said, *tweaks, *([Rows(["read", "value"], rows, _tell_more(len(reads)))] if rows else [])])

    def __repr__(self) -> str:
        what = show(self.error) if self.error is not None else show(self.value)
        return f"<{self.kind} {self.node!r} = {what}>"[:400]


def tabulate_tweaks(tweaks: Sequence[tuple[Any, Any]]) -> Any:
    """Returns a table of tweaks by their targets, for a sheet."""
    from .._text.sheet import Rows  # loaded when somebody looks

    rows = [[drop_main(show_key(key)), show(tweak)] for key, tweak in tweaks[:_SHOWN]]
    return Rows(["target", "tweak"], rows, _tell_more(len(tweaks)))


def _tell_more(count: int) -> str:
    return f"... {count - _SHOWN:,} more" if count > _SHOWN else ""


def _tell_outcome(memo: Memo | None) -> str:
    if memo is None:
        return ""
    return f" = {show(memo.value)}" if memo.failure is None else f" raised {describe_error(memo.failure.error)}"


def check_node(node: Any) -> Node[Any]:
    """Returns its argument.

    Raises:
        TypeError: it is not a node.
    """
    if not isinstance(node, Node):
        raise TypeError(f"{show(node)} is not a node. Write f.node(x).")
    return node


def find_record(view: View, node: Node[Any]) -> Record | None:
    """Returns the memo of a node in `view`, errors of earlier calls included."""
    view.group.drain(fully=True)
    return look_up(view, node)


def look_up(view: View, node: Node[Any]) -> Record | None:
    """Returns what `find_record` does, and lets what was dropped be until another look."""
    memo = find_answer(view, node._key)
    if memo is not None and memo.home.find_function().stream is not None:
        from .stream_nodes import see  # loaded with the first stream

        memo = see(view, memo)
    return None if memo is None else Record(node, memo, view)


def find_seen(view: Callable[[], View | None], node: Node[Any]) -> Record | None:
    """Returns the memo of a node in a view that may be gone."""
    found = view()
    return None if found is None else find_record(found, node)


def is_masked(view: View, node: Node[Any]) -> bool:
    """True when a context around has a memo of the node that does not answer in `view`; the nearest one with a memo decides."""
    view.group.drain(fully=True)
    key = node._key
    around = view.parent
    while around is not None:
        memo = find_answer(around, key)
        if memo is not None:
            return memo is not find_answer(view, key) and not view.matches(memo)
        around = around.parent
    home = view.cache.find_home(key)
    plain = None if home is None else home.plain
    return plain is not None and plain is not find_answer(view, key) and bool(plain.footprint & view.tweaks.mask)


def seen_key(key: Key) -> Key:
    """Returns the key of the node that a look shows for a key: for one beneath a tweak, and for a part of a stream, too."""
    key = plain_key(key)
    function = key[0]
    return function.body.node._key if function.kind == INNER else key


def read_keys(memo: Memo) -> Iterator[Key]:
    """The dependencies of a memo; a read of its own node beneath a tweak counts as the reads of that one."""
    for read in memo.dependencies:
        if plain_key(read.home.key) == plain_key(memo.home.key):
            yield from read_keys(read)
        else:
            yield read.home.key
    yield from memo.inner_nodes


def _reader_keys(view: View, key: Key) -> Iterator[Key]:
    """The nodes whose memos in this view read `key`."""
    view.group.drain(fully=True)
    for cache in view.group.list_caches():
        home = cache.find_home(key)
        for reader in () if home is None else home.live_readers():
            memo = find_answer(view, reader.key)
            if memo is not None and plain_key(reader.key) != key and key in set(read_keys(memo)):
                yield reader.key
