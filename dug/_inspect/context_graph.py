"""Fills a `Graph` from a context's memos: `build_graph`, nodes (`list_known`), each `Fact`, the size of a value (`size_of`).

A walk over memos that runs nothing.  The dependencies of a node are those of the memo that answers for it.  A node that no memo
answers for has those of its last known memo, around or before; such edges may contradict others, and one that would close a
circle is left out.

`_list_facts` makes the facts one by one; marks of streams and other inner nodes are left out.
"""

from collections.abc import Iterable, Iterator
from sys import getsizeof
from typing import Any

from .._core.read import BENEATH, INNER, Function, Key, Memo, Node, View
from .._text.frames import find_package
from .._text.values import FRAMES, describe_error, name_type
from .graph import Fact, Graph
from .node_states import NodeStates, list_reads

_OPEN = -1
_slot: Any = vars(Memo)["value"]  # the descriptor of the slot: a value that is in a file yet is left there
_SIZED = (bool, bytearray, bytes, complex, float, int, str, type(None))  # values without parts


def build_graph(view: View, keys: Iterable[Key]) -> Graph[Node[Any]]:
    """Returns the graph of nodes and of all that they read, dependencies first.

    Complexity: linear in the nodes and edges that it returns.
    """
    standing = NodeStates(view)
    found: list[tuple[Key, Memo | None]] = []
    reads: list[tuple[int, ...]] = []
    places: dict[Key, int] = {}
    for root in keys:
        pending = [] if root in places else [_open(standing, root, places)]
        while pending:
            key, memo, read, onward = pending[-1]
            further = next((other for other in onward if other not in places), None)
            if further is not None:
                pending.append(_open(standing, further, places))
                continue
            pending.pop()
            places[key] = len(found)
            found.append((key, memo))
            reads.append(tuple([places[other] for other in read if places[other] != _OPEN]))
    return Graph._make_sorted(tuple(_list_facts(standing, found, reads)), reads)


def list_known(view: View) -> list[Key]:
    """Returns every node that is known in the caches that a view sees."""
    known: dict[Key, None] = {}
    cache: Any = view.cache
    while cache is not None:
        known.update((key, None) for key, home in cache.list_homes() if not _is_inner(key) and _is_known(home))
        cache = cache.beneath
    known.update((key, None) for key in view.tweaks.content if not isinstance(key, Function))
    return list(known)


def _is_inner(key: Key) -> bool:
    """True for a key of which looks show another node."""
    return key[0] is BENEATH or key[0].kind == INNER


def _is_known(state: Any) -> bool:
    return state.newest is not None or next(state.memos(), None) is not None or bool(state.forgotten)


def _open(standing: NodeStates, key: Key, places: dict[Key, int]) -> tuple[Key, Memo | None, list[Key], Iterator[Key]]:
    """Begins with a node: its memo, and its dependencies, as a list and one by one."""
    places[key] = _OPEN
    memo = standing.see(key)
    known = memo or standing.known(key)
    read = [] if known is None else list_reads(known)
    return key, memo, read, iter(read)


def _list_facts(
    standing: NodeStates, found: list[tuple[Key, Memo | None]], reads: list[tuple[int, ...]]
) -> Iterator[Fact[Node[Any]]]:
    times_read = [0] * len(found)
    for places in reads:
        for place in places:
            times_read[place] += 1
    about: dict[Function, tuple[str, str, bool]] = {}
    for (key, memo), times in zip(found, times_read, strict=True):
        function: Function = key[0]
        if function not in about:
            about[function] = function.name, function.name.partition(":")[0], function.is_source
        name, module, is_source = about[function]
        state = standing.find_state(key, memo)
        if memo is None:
            yield Fact(Node._of(key), name, module, state, is_source, times_read=times)
        else:
            own, failure = max(0.0, memo.own_seconds), memo.failure
            error = None if failure is None else describe_error(failure.error)
            yield Fact(Node._of(key), name, module, state, is_source, memo.seconds, own, times, size_of_memo(memo), error)


def size_of_memo(memo: Memo) -> int | None:
    """Returns the size of the value of a memo as `size_of` does; None for a failure."""
    return size_of(_slot.__get__(memo)) if memo.failure is None else None


def size_of(value: object) -> int | None:
    """Returns the size of a value, if its type is known to tell it without running any code of the user's; else None."""
    if type(value) in _SIZED:
        return getsizeof(value)
    package = name_type(value).partition(":")[0].partition(".")[0]
    if package not in FRAMES:
        return None
    said = find_package(package).describe(value)
    size = getattr(value, "nbytes", None) if said is None else said.size_bytes
    return None if size is None else int(size)
