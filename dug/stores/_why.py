"""`why` says why a node is computed though a store is there, or that it is not; `accept` says that an edit changed nothing.

Nothing runs for that: what is not known in the context is said to be unknown.

`_follow` follows the kept runs by what is known, `_find_parting` finds where they part, `_tell_absent` says of a call that was
never kept whether an older definition's was.  `_tell` puts that into words.
"""

import getpass
import json
from typing import Any

from .._core.read import Function, Key, Memo, Node, find_answer, frame_in_force
from .._functions.proxy import function_of
from .._functions.stream import AnyStream
from .._inspect.explain import Explanation
from .._text.sheet import list_on_lines
from .._text.values import show
from ..errors import StoreError
from ..fingerprint import changed_parts
from ._backend import Accepted
from ._definitions import Definition, define_now
from ._digest import branch_of, digest_of, place_of, write_call
from ._items import digest_span
from ._path import Path, has_needs, unpack
from ._reads import is_kept
from ._store import AnyStore


def why(ctx: Any, node: Node[Any]) -> Explanation:
    """Returns why a node of a context is in its store, or is not, as lines to print; runs nothing.

    Args:
        ctx: a context with a store.
        node: ``f.node(...)``.

    Raises:
        TypeError: it is not a context with a store, or not a node.
    """
    keeper = getattr(getattr(ctx, "cache", None), "keeper", None)
    if keeper is None:
        raise TypeError(f"{show(ctx)} is not a context with a store. Write why(ctx, node) for ctx = dug.Context(store=...).")
    if not isinstance(node, Node):
        raise TypeError(f"why() takes a node, not {show(node)}. Write f.node(...).")
    said = _tell(keeper.store, ctx._here(), node._function, node._key)
    return Explanation(list_on_lines(said.split("\n")).parts)


_DEEPEST = 50
"""How many nodes that each read the next one are told of."""


def _tell(store: AnyStore, view: Any, function: Function, key: Key, depth: int = 0) -> str:
    if function.is_source:
        return f"{function} is a source: each process runs it, and what it gives is compared."
    if not is_kept(function):
        return f"{function} says store=False."
    definition = define_now(function)
    if definition.print is None:
        return f"Nothing of {function} is kept: {definition.reason}."
    call = write_call(key)
    if call is None:
        return f"{Node._of(key)} is not kept: an argument has no codec."
    at = place_of(function.name, definition.print, call)
    return _follow(store, view, key, at, depth) or _tell_absent(store, definition, key)


def _follow(store: AnyStore, view: Any, key: Key, at: bytes, depth: int) -> str | None:
    """Follows the kept runs of a node by what is known in a view; returns how far; None where there is none at all."""
    steps = list[str]()
    while (found := store.get(at)) is not None:
        path = unpack(found, at) if has_needs(found) else None
        if path is None:
            return f"The kept run of {Node._of(key)} is damaged."
        place, now, said = _find_parting(store, view, path, depth)
        if place is None and said is None:
            return "\n".join([*steps, f"{Node._of(key)} is kept: a run of {found.seconds:.3g} s."])
        if now is None or place is None:
            return "\n".join([*steps, said or ""])
        steps.append(said or "")
        at = branch_of(at, place, now)
    return "\n".join([*steps, f"No run of {Node._of(key)} is kept that read this."]) if steps else None


def _find_parting(store: AnyStore, view: Any, path: Path, depth: int) -> tuple[int | None, bytes | None, str | None]:
    """Returns where a path parts from what is known in a view, the digest of what is read there now, and a line about it."""
    for place, told in enumerate(path.reads):
        name, arguments = told.call
        function = Function.find(name)
        read = f"{name}{arguments}" if function is None else None
        memo: Memo | None = None
        below = ""
        if function is not None:
            from .. import codec  # of the arguments of this one node

            args, kwargs = codec.decode(codec.Encoded("json", (arguments.encode(),)))
            node = Node._of_call(function, tuple(args), kwargs)
            read, memo = str(node), find_answer(view, node._key)
            if memo is None and not function.is_source and told.span is None and depth < _DEEPEST:
                below = f"\n{_tell(store, view, function, node._key, depth + 1)}"
        if told.span is not None:
            read, memo = f"items of {read}", None if memo is None else _find_mark(view, memo)
        if memo is None:
            return place, None, f"It has read {read}, which is not known here: ask for it, and look again.{below}"
        now = digest_of(memo) if told.span is None else digest_span(memo, told.span)
        if not now:
            return place, None, f"It has read {read}, which has no value here, or one without a codec."
        if now != told.digest:
            return place, now, f"A kept run has read {read} with another value."
    return None, None, None


def _find_mark(view: Any, memo: Memo) -> Memo | None:
    """Returns the last mark that is known of the stream that a memo gave; None where none is."""
    stream = memo.value
    last = stream.find_last_mark(view) if isinstance(stream, AnyStream) and stream.items is None else None
    return None if last is None or last.failure is not None else last


def _tell_absent(store: AnyStore, definition: Definition, key: Key) -> str:
    """Says of a call that was never kept whether that of another definition was."""
    call = write_call(key)
    olds = [
        seen
        for seen in store.backend.list_seen(definition.function)
        if seen.print != definition.print and store.get(place_of(definition.function, seen.print, call or "")) is not None
    ]
    if olds:
        seen = olds[-1]
        changed = changed_parts(json.loads(seen.parts), dict(definition.parts))
        places = ", ".join(changed) or "something that the parts do not tell"
        return (
            f"{Node._of(key)} is kept of an older definition; since then changed: {places}. "
            f'If that changed nothing, say dug.stores.accept({definition.function.rpartition(":")[2]}, "{seen.print[:40]}").'
        )
    refused = store.refused.get(definition.function)
    return f"No run of {Node._of(key)} is kept{'.' if refused is None else f': {refused}.'}"


def accept(function: Any, old: str, *, store: AnyStore | None = None, note: str = "") -> None:
    """Says that a function means the same as an older definition of it, so that what is kept of that serves.

    Args:
        function: the memoised function, as it is now.
        old: the fingerprint of the older one, or its beginning, as ``dug store ls`` and `why` show it.
        store: the store; that of the context in force when left out.
        note: why, for those who come later.

    Raises:
        TypeError: it is not a memoised function, the fingerprint is not a text, or the context in force has no store.
        NoContextError: neither a store is given nor a context in force.
        StoreError: the store knows no such definition.
    """
    known = function_of(function)
    if known is None:
        raise TypeError(f"accept() takes a memoised function, not {show(function)}. Decorate it with @dug.memoize.")
    for name, text in (("old", old), ("note", note)):
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a text, not {show(text)}. Write accept(f, 'fingerprint', note='why').")
    if store is not None and not isinstance(store, AnyStore):
        raise TypeError(f"store must be a store, not {show(store)}. Write accept(f, old, store=Store(path)).")
    if store is None:
        keeper = frame_in_force("accept()").view.cache.keeper
        if keeper is None:
            raise TypeError("The context in force has no store. Write accept(f, old, store=Store(path)).")
        store = keeper.store
    definition = define_now(known)
    if definition.print is None:
        raise StoreError(f"{known} has no fingerprint: {definition.reason}.")
    prints = [seen.print for seen in store.backend.list_seen(known.name) if seen.print != definition.print]
    found = [print_ for print_ in prints if print_.startswith(old)]
    if len(found) != 1 or not old:
        raise StoreError(
            f"{store.backend.shown} knows {len(found) or 'no'} older definitions of {known} that begin with {show(old)}. "
            + (f"Write one of {', '.join(prints)}." if prints else f"It knows none: nothing of an older {known} was kept.")
        )
    store.backend.accept(Accepted(known.name, found[0], definition.print, getpass.getuser(), store.now(), note))
    store.forget_accepted(known.name)
