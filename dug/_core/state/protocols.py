"""Protocols of caches, views and frames (`CacheShape`, `ViewShape`) for lower files, which cannot import these.

They are read by type checkers only.

A group lists the caches and views that share it, and a walk goes through caches; neither makes any.  The classes themselves
stand above, and import what is here by no way: they only have these parts.

Also `ScenarioShape`, `ScopeShape`, `GroupShape`, `RunShape`, `FrameShape`; `KeeperShape` is a store of runs, as a cache asks it;
`Task` the task that drives a run.  The methods of `CacheShape` are those of `cache.Cache`, without code.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from ..facts.binding import Key
from ..facts.function import Function
from ..facts.homes import Homes
from ..facts.memo import Memo, NodeMemos
from ..facts.sparse import BitSet
from ..facts.tweak import Layer, Target
from .scenario import ActiveTweaks
from .stale import Stale
from .weak import WeakBag


class ScenarioShape(Protocol):
    """A scenario of a user, as a scope sees it."""

    @property
    def specs(self) -> tuple[Layer, ...]:
        """The tweaks, layer by layer."""


class Task(Protocol):
    """The task of a run of a coroutine function."""

    def cancel_threadsafe(self) -> None:
        """Cancels it; from any thread."""

    def is_lost(self) -> bool:
        """True when its loop is gone, so that the run will never end."""


class ScopeShape(Protocol):
    """A scope, as its entries see it."""

    _is_sealed: bool

    def _renew(self, entry: Any) -> None:
        """Derives the view of an open entry again."""

    def _is_behind(self, entry: Any) -> bool:
        """True when an entry shows another scenario than the present one."""


class GroupShape(Protocol):
    """A cache group, as who has one of its caches sees it."""

    lock: Any

    def list_caches(self) -> "tuple[CacheShape, ...]":
        """Returns the caches that share it."""


class CacheShape(Protocol):
    """A cache, as a cache group and its walks see it."""

    keeper: "KeeperShape | None"
    stale: Stale
    _count: int
    _emptied: dict[Any, list[Any]]
    _gone: deque[int]
    _read: dict[int, set[Any]]

    @property
    def group(self) -> GroupShape:
        """What it shares with those that are layered on it."""

    @property
    def homes(self) -> Homes:
        """The nodes whose function has a name."""

    @property
    def locals(self) -> WeakBag[Function]:
        """The local functions of which nodes are known, weakly."""

    @property
    def beneath(self) -> "CacheShape | None":
        """The cache that it is layered on."""

    @property
    def _token(self) -> object:
        """Stands for the cache where it must not be kept alive."""

    def homes_of(self, function: Function) -> Homes:
        """Returns where the nodes of a function are known."""

    def find_home(self, key: Key) -> NodeMemos | None:
        """Returns the home of the memos of a node."""

    def home_of(self, key: Key) -> NodeMemos:
        """Returns the home of the memos of a node, made when it is new."""

    def list_homes(self) -> list[tuple[Key, NodeMemos]]:
        """Returns all that is known."""

    def list_memos(self) -> Iterator[Memo]:
        """Returns every memo."""

    def stand_back(self) -> None:
        """Has each call come to the engine."""

    def answer_quickly(self) -> None:
        """Lets calls be answered at once again."""

    def widen(self, memo: Memo, footprint: BitSet) -> None:
        """Files a memo again, with a first bit in its footprint."""

    def remove(self, memo: Memo, status: int) -> None:
        """Takes a memo out of force."""

    def empty(self, taken: list[Any], *, forgotten: int) -> None:
        """Takes out every memo."""

    def drop_emptied(self, taken: list[Any]) -> None:
        """Forgets the nodes that a dropped tweak has left empty."""

    def count_gone(self) -> None:
        """Counts the nodes of local functions that are gone."""

    def _home_here(self, home: NodeMemos) -> NodeMemos:
        """Returns where the readers of a node are noted."""

    def _unindex(self, memo: Memo) -> None:
        """Lets a memo be looked for no more when a tweak goes."""


class KeeperShape(Protocol):
    """Keeps memos outside of the process, as a cache and the steps of a call see it.

    No lock of the engine is held where it is called, and it raises nothing.
    """

    @property
    def store(self) -> Any:
        """The store that it keeps runs in."""

    def recall(self, run: Any) -> Memo | None:
        """Returns the next older memo that a run may verify, before its body runs; None when there is none (any more).

        Its reads are of memos that have no values, and compare themselves (`Memo.knows_same`).  When one has changed, this is
        called again, and `Run.failed_check_reads` has what was read.
        """

    def recall_items(self, run: Any, stream: Any) -> Any:
        """Returns what gives the items of a stream in the place of its generator, for a pump; None where that must run."""

    def pause(self, run: Any) -> float:
        """Returns in how many seconds a task should ask `recall` again before its body runs; 0 when it should run now."""

    def landed(self, run: Any, memo: Memo, held: Memo | None) -> None:
        """Is told of the memo of a run, or that one of the older memos was kept for it; also of one that nothing may remember."""

    def dropped(self, run: Any) -> None:
        """Is told that a run has left no memo; once or several times."""

    def forget(self, targets: Iterable[Target]) -> None:
        """Is told that the outside has changed for nodes or functions, so that what they ran holds no more."""


class ViewShape(Protocol):
    """A view, as a cache group sees it."""

    @property
    def tweaks(self) -> ActiveTweaks:
        """The tweaks in force."""

    @property
    def counted(self) -> tuple[str, ...]:
        """The attributes that count as memory of its cache."""

    @property
    def cache(self) -> object:
        """The cache of the scenario."""


class RunShape(Protocol):
    """A run, as a cache group sees it."""

    @property
    def view(self) -> ViewShape:
        """The scenario that it is in."""


class FrameShape(Protocol):
    """An open frame, as a cache group sees it."""

    closed_footprint: BitSet

    @property
    def run(self) -> RunShape | None:
        """The innermost open run."""

    def noted(self) -> Iterable[Key]:
        """Returns the nodes that ran for it under contexts that are closed already."""
