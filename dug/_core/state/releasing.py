"""Takes out of a cache the memos that read a tweak which nobody holds any more: `release`.

A scenario that is left may leave thousands of memos.  Nearly each is the only one of its node that read a tweak, so that it is
taken out by a few plain steps, with no call of a function; all others take the long way.

`_take_lone` is that short way, `_take_out` the long one; `_put_off` notes nodes of which nothing is left but the dependencies.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..facts.homes import track_again
from ..facts.memo import DEAD, LIVE, Memo, NodeMemos
from .emptying import drop_empty

if TYPE_CHECKING:
    from .protocols import CacheShape


def release(cache: "CacheShape", serial: int) -> list[Memo]:
    """Takes out every memo that read the tweak with this serial, and returns them, to be freed after the lock; under it."""
    taken: list[Memo] = []  # not list[Memo](), which raises and catches an error each time
    bare: list[Memo] = []
    noted: Any = cache._read.pop(serial, ())
    shared, odd = _take_lone(serial, noted, taken, bare)
    cache._count -= len(taken)
    for memo in odd:
        _take_out(cache, memo)
    for memo in (*shared, *odd):
        cache._unindex(memo)
    taken += odd
    if bare or odd:
        _put_off(cache, (*bare, *odd), taken)
    track_again(taken)
    return taken


def _take_lone(  # one function: a call for each memo would cost more than all it does
    serial: int, waiting: Iterable[Any], taken: list[Memo], bare: list[Memo]
) -> tuple[list[Memo], list[Memo]]:
    """Takes out the memos that are the only ones of their nodes with tweaks; returns those of other tweaks too, and all others.

    Args:
        serial: that of the tweak.
        waiting: the memos that read it, and the links of homes of local functions.
        taken: collects what was taken out.
        bare: collects those of nodes that have no memo left.
    """
    shared: list[Memo] = []
    odd: list[Memo] = []
    noted: Any
    for noted in waiting:
        if type(noted) is ref:  # of a local function: nothing here holds the memos of its nodes
            home = noted()
            if home is None:
                continue
            newest = home.newest
            lone: Any = home.variants
            is_alone = home.waiting is None and (lone is newest or newest is home.plain)
            if not is_alone or not isinstance(lone, Memo) or serial not in lone.restriction:
                odd.extend(_find_with(serial, home))
                continue
            memo = lone
        else:
            memo = noted
            home = memo.home
            if home.variants is not memo:
                odd.append(memo)
                continue
        home.variants, plain = None, home.plain
        memo.status = DEAD
        if home.here is memo:
            home.here = None
        if home.newest is memo:
            home.newest = plain
        if plain is None:
            bare.append(memo)
        if len(memo.restriction) > 1:
            shared.append(memo)
        taken.append(memo)
    return shared, odd


def _find_with(serial: int, home: NodeMemos) -> list[Memo]:
    """Returns the memos of a node that read a tweak, in force or waiting to be verified."""
    known = dict.fromkeys((*home.memos(), home.newest, *(home.waiting or ())))
    return [memo for memo in known if memo is not None and serial in memo.restriction]


def _take_out(cache: "CacheShape", memo: Memo) -> None:
    """Takes out a memo that is one of several of its node, or that waits to be verified."""
    home = memo.home
    if memo.status == LIVE and home.take_variant(memo):
        cache._count -= 1
    memo.status = DEAD
    if home.here is memo:
        home.here = None
    if home.newest is memo:
        home.newest = home.plain
    if home.waiting is not None:
        home.waiting = [other for other in home.waiting if other is not memo] or None


def _put_off(cache: "CacheShape", memos: Iterable[Memo], taken: Iterable[Memo]) -> None:
    """Notes nodes of which nothing is left but the dependencies: the next scenario is likely to compute them again.

    A node that depends on one that is gone for another reason is forgotten at once, with that one.

    Args:
        cache: holds the nodes.
        memos: those that were taken out of nodes which may have no others.
        taken: all that were taken out with the same tweak.
    """
    released = set(taken)
    now: list[Memo] = []
    for memo in memos:
        home = memo.home
        if home.plain is None and not home.variants:
            if all(read.status == LIVE or read in released for read in memo.dependencies):
                reads = [read.home.link or read.home for read in memo.dependencies if read.home.token is not None]
                cache._emptied.setdefault(home.link or home, []).extend(reads)
            else:
                now.append(memo)
    drop_empty(cache, (), now)
