"""The memos of a local function's nodes, and how they are freed when nobody holds the function: `Local`.

Nobody can ask for a node of a local function (one that no name leads to) once nobody holds the function.  So the function itself
holds the memos of its nodes, and caches refer to them weakly: to the function (`cache.Cache.locals`), to a node among the
readers of a node (`NodeMemos.link`), and to a node among the readers of a tweak.  A value, an argument or a closure that leads
back to the function makes a circle of the function's own, which the garbage collector frees.

Three things would lead from a cache to the function all the same:

* *a memo that read a node of it* needs that memo, as long as it is in force.  If the run itself decorated the function, a new run
  would make another one, and no tweak or invalidation of the old one can concern it; so its memo takes the reads of that
  function's nodes in their place, and keeps no more of the function than a mark (`steps/finish`);
* *the notice of a tweak of one of its nodes that nobody holds any more*: it is taken in before a full collection;
* *a memo that is no longer in force and whose values may still be verified*, of which a cache keeps a bounded number.

`make_local` makes the place of a function's memos; `_drain_first` has the queues taken in before a full collection.
"""

import gc
from collections import deque
from typing import Any

from ..facts.homes import Homes
from .group import CacheGroup
from .weak import members


class Local(Homes):
    """The memos that one cache has of each node of one local function; reports the number of memos when it is freed."""

    __slots__ = ("gone",)
    gone: "deque[int]"

    def __del__(self) -> None:
        # Homes and memos refer to each other: taken apart here, they are freed at once and not by the next garbage collection.
        lost = 0
        if not hasattr(self, "gone"):  # an interrupt kept it from being made
            return
        for home in self.take_all():
            lost += home.plain is not None if home.variants is None else sum(1 for _ in home.memos())
            home.plain = home.variants = home.newest = home.waiting = home.here = home.readers = None
        if lost:
            self.gone.append(lost)


def make_local(gone: "deque[int]") -> Local:
    """Returns the empty table of one local function's nodes in a cache, which `gone` belongs to."""
    if _drain_first not in gc.callbacks:
        gc.callbacks.append(_drain_first)
    made = Local()
    made.gone = gone
    return made


def _drain_first(phase: str, info: dict[str, Any]) -> None:
    """Takes in the notices of tweaks that are gone, which have their targets, before a full collection starts."""
    if phase == "start" and info["generation"] == 2:
        groups = CacheGroup.all()
        if any(group.lock._is_owned() for group in groups):  # it may run within the engine: an interrupt here must free no lock
            return
        for group in groups:
            if group.released and any(members(cache.locals) for cache in members(group.caches)):
                group.drain(fully=True)
