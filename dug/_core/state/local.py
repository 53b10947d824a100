"""The memos of a local function's nodes, and how they are freed when nobody holds the function: `Local`.

Nobody can ask for a node of a local function (one that no name leads to) once nobody holds the function.  So the function itself
holds the memos of its nodes, and caches refer to them weakly: to the function (`cache.Cache.locals`), to a node among the
readers of a node (`NodeMemos.link`), and to a node among the readers of a tweak.  A value, an argument or a closure that leads
back to the function makes a circle of the function's own, which the garbage collector frees.

Three things would lead from a cache to the function all the same:

* *a memo that read a node of it* needs that memo, as long as it is in force.  If the run itself decorated the function, a new run
  would make another one, and no tweak or invalidation of the old one can concern it; so its memo takes the reads of that
  function's nodes in their place, and keeps no more of the function than a mark (`steps/finish`);
* *the hits of a view*, which may be emptied at any time: the garbage collector has them emptied before a full collection;
* *a memo that is no longer in force and whose values may still be verified*, of which a cache keeps a bounded number.
"""

import gc
from collections import deque
from typing import Any

from ..facts.binding import Key
from ..facts.memo import NodeMemos
from ..facts.node import plain_key
from ..native.choose import compiled
from .group import CacheGroup, members


class Local(dict[Key, NodeMemos]):
    """The memos that one cache has of each node of one local function; reports the number of memos when it is freed."""

    __slots__ = ("_gone",)

    def __init__(self, gone: "deque[int]") -> None:
        super().__init__()
        self._gone = gone

    def __del__(self) -> None:
        # Homes and memos refer to each other: taken apart here, they are freed at once and not by the next garbage collection.
        lost = 0
        while self:
            _, home = self.popitem()
            lost += sum(1 for _ in home.memos())
            home.alive = False
            home.plain = home.variants = home.newest = home.readers = None
        if lost:
            self._gone.append(lost)


def make_local(gone: "deque[int]") -> Local:
    """Returns the empty table of one local function's nodes in a cache, which `gone` belongs to."""
    if _look_away not in gc.callbacks:
        gc.callbacks.append(_look_away)
    return Local(gone)


def _look_away(phase: str, info: dict[str, Any]) -> None:
    """Removes local functions from the hits before the garbage collector starts a full collection."""
    if phase == "start" and info["generation"] == 2:
        for group in CacheGroup.all():
            if any(members(cache.locals) for cache in members(group.caches)):
                if group.released and not group.lock._is_owned():
                    group.drain(fully=True)  # the notice of a tweak that is gone leads to its function
                for view in members(group.views):
                    for hits in (view.hits, view.carried):
                        if hits is not None:
                            _drop_local(hits)


def _drop_local(hits: Any) -> None:
    if compiled is not None:
        hits.drop_local()
        return
    for key in [key for key in hits.copy() if plain_key(key)[0].is_local]:
        hits.pop(key, None)
