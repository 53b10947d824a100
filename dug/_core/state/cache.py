"""The store of memos: `Cache` files them where `steps/find` finds them (`file`, `_insert`, `home_of`, `make_home`, `list_memos`).

The memos of a node are a `NodeMemos`, their *home*: mostly one that read no tweak; others are in a table by footprint and
restriction.  It also removes (`remove`, `empty`, `clear`, `drop_emptied`), widens footprints, and belongs to a group (`bind`).
"""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from ...errors import ContextError
from ..facts.binding import Key
from ..facts.function import Function
from ..facts.homes import Homes, Tracked, args_of, function_of, leave_key, track_again, untrack
from ..facts.memo import DEAD, LIVE, STALE, Memo, NodeMemos
from ..facts.node import BENEATH, plain_key
from ..facts.sparse import BitSet
from ..native import machine
from .emptying import Emptied, drop_emptied
from .group import CacheGroup
from .local import make_local
from .lock import make_lock
from .scenario import ActiveTweaks
from .stale import Stale, make_newest
from .weak import WeakBag, members

if TYPE_CHECKING:
    from .protocols import KeeperShape

BINDING = make_lock()  # held where a cache is bound: threads may enter it first at the same time


class Cache:
    """Keeps the memos of any number of contexts.  ``Context(cache=Cache())`` files its new memos in it; dropping it frees them.

    A cache is bound, at its first entry, to the cache of the context around it, whose memos it reads; several outermost
    contexts may share one.  Its length is the number of memos it holds.
    """

    __slots__ = (
        "__weakref__", "_count", "_emptied", "_gone", "_group", "_read", "_token", "beneath", "holds_beneath", "homes",
        "keeper", "locals", "quick", "stale",
    )  # fmt: skip

    def __init__(self) -> None:
        self.beneath: Cache | None = None
        self.homes = self.quick = Homes()
        """The nodes of functions that have a name (others: `homes_of`).  Calls look in `quick`: `homes`, or none in a doubt."""
        self.locals: WeakBag[Function] = WeakBag()  # the local functions with nodes here; each holds the memos itself: `local`
        self._group: CacheGroup | None = None
        self.keeper: KeeperShape | None = None  # of memos outside of the process
        self.holds_beneath = False  # True once a memo was filed under the key of a node beneath a tweak
        self._count = 0
        self._emptied: Emptied = {}
        self._gone: deque[int] = deque()  # how many memos were freed with each local function that is gone
        self._read: dict[int, set[Any]] = {}  # memos to drop with a tweak, by its serial; also links of local nodes
        self.stale = Stale()
        self._token = object()  # identifies what is ours without a reference back

    @property
    def group(self) -> CacheGroup:
        """What this cache shares with those it is layered on; made when the cache is bound."""
        if self._group is None:
            with BINDING:
                if self._group is None:
                    group = CacheGroup()
                    group.caches.add(self)
                    self._group = group
        return self._group

    @property
    def is_bound(self) -> bool:
        """True once a context was entered with it."""
        return self._group is not None

    def bind(self, beneath: "Cache | None") -> None:
        """Lays the cache over `beneath`; the first call decides.

        Raises:
            ContextError: it lies over another cache already.
        """
        if beneath is self:
            return
        if self._group is None and beneath is not None:
            group = beneath.group
            with BINDING, group.lock:
                if self._group is None:
                    group.caches.add(self)
                    self.keeper = self.keeper or beneath.keeper
                    self.beneath, self._group = beneath, group  # an interrupt finds both done, or none
            self.bind(beneath)
        elif self.beneath is not beneath:
            where = "on no other cache" if self.beneath is None else f"over {self.beneath!r}"
            raise ContextError(f"{self!r} was first entered {where} and cannot be entered elsewhere. Use a new dug.Cache() here.")

    def tokens(self) -> Iterator[object]:
        """The `NodeMemos.token` of this cache and of all beneath it."""
        cache: Cache | None = self
        while cache is not None:
            yield cache._token
            cache = cache.beneath

    def homes_of(self, function: Function) -> Homes:
        """Returns the table that has the homes of the nodes of a function."""
        if function.nodes is None:
            return self.homes
        found: Homes | None = function.nodes.get(self._token)
        if found is None:
            self.locals.add(function)  # first: a walk must not miss it
            found = function.nodes.setdefault(self._token, make_local(self._gone))
        return found

    def find_home(self, key: Key, args: Any = None) -> NodeMemos | None:
        """Returns the home of the memos of `key` here, if it has one; `args` are what it is found by, if they are known."""
        function: Function = function_of(key)
        return (self.homes if function.nodes is None else self.homes_of(function)).get(key, args)

    def home_of(self, key: Key) -> NodeMemos:
        """Returns the home of the memos of `key` here, made when it is new."""
        home = self.find_home(key)
        return self.make_home(key, args_of(key)) if home is None else home

    def make_home(self, key: Key, args: Any) -> NodeMemos:
        """Returns the home of the memos of `key`, which was not here a moment ago."""
        function: Function = function_of(key)
        while True:
            made = NodeMemos.__new__(NodeMemos)
            made.fill(key, self._token)
            if function.nodes is not None:
                made.link = ref(made)
            else:
                leave_key(made, args)
            home = self.homes_of(function).put(key, made, args)
            if home is not None:  # else another thread moved the table while arguments were hashed
                return home

    def list_homes(self) -> list[tuple[Key, NodeMemos]]:
        """Returns all nodes that are known here."""
        return [(home.key, home) for home in self._homes()]

    def _homes(self) -> Iterator[NodeMemos]:
        tables = [self.homes, *map(self.homes_of, members(self.locals))]
        return (home for table in tables for home in table.list_all())

    def list_memos(self) -> Iterator[Memo]:
        """Every memo in force here, and those that wait to be verified."""
        for home in self._homes():
            yield from home.memos()
            if home.newest is not None:
                yield home.newest
            yield from home.waiting or ()

    def stand_back(self) -> None:
        """Has each call come to the engine until `answer_quickly`, also in open frames, whose table is emptied."""
        if self.quick is self.homes:
            self._move(self.homes)

    def _move(self, homes: Homes) -> None:
        """Moves all nodes to a new table, unless that was done; under the lock."""
        if self.homes is homes:
            made = homes.make_empty()
            try:
                homes.move_to(made, self)
            except BaseException:  # an interrupt: no frame may find a node in a table that is not that of the cache
                if self.homes is made:
                    homes.let_go()
                raise

    def answer_quickly(self) -> None:
        """Lets calls be answered from the table again; open frames get it back when a call is made there."""
        self.quick = self.homes

    def file(self, memo: Memo, tweaks: ActiveTweaks) -> Memo:
        """Files a memo finished in a scenario and returns the one in force: the first that was filed for these tweaks."""
        home, restriction, extra = memo.home, memo.restriction, memo.extra
        if home.has_failed:
            self._drop_tried_again(memo, tweaks)
        first = home.plain
        if restriction:
            first = home.find_variant(memo.footprint, restriction)
        elif first is not None and machine.overlap(first.footprint, tweaks.mask):
            first = None  # a failure may come before a read of a node tweaked here
        if first is not None and first.serves(None if extra is None else extra.call):
            return first
        known = home.newest
        try:
            self._insert(memo)
            if extra is None or extra.failure is None:
                if home.waiting is None and (known is None or not known.status or known.status != STALE):
                    home.newest = memo
                else:
                    self._take_as_newest(memo)
            if home._key is not None and machine.first(home._key) is BENEATH:
                self.holds_beneath = True
                self.home_of(home.key[1]).add_reader(home)
            untrack(self.homes, memo)  # first: what it read need not say that a reader is tracked
            self._add_readers(memo, known)
        except BaseException:  # an interrupt: a memo that no walk would find must not stay
            self.remove(memo, DEAD)
            raise
        return memo

    def _drop_tried_again(self, memo: Memo, tweaks: ActiveTweaks) -> None:
        """Takes out the failure that an earlier call left here, now that the node was tried again."""
        for old in tuple(memo.home.memos()):
            if not old.serves(memo.call) and old.restriction in (memo.restriction, tweaks.restrict(old.footprint)):
                self.remove(old, DEAD)
                memo.home.has_lost = True

    def _add_readers(self, memo: Memo, known: Memo | None) -> None:
        """Adds the node of a memo to the readers of its dependencies; those of `known`, an earlier memo, have it already."""
        home, token = memo.home, self._token
        reads, before = memo.dependencies, () if known is None else known.dependencies
        if len(before) != len(reads):
            before = ()
        for number, read in enumerate(reads):
            other = read.home
            if before:
                old = before[number]
                if read is old or (other is old.home and other.token is token):
                    continue
            if other.token is not token or not other.alive:
                if other.token is None:  # a value beneath a tweak has no home here, and nothing ever looks for it
                    continue
                other = self.home_of(other.key)
            other.add_reader(home)
        for key in () if memo.extra is None else memo.extra.inner_nodes:
            self.home_of(plain_key(key)).add_reader(home)

    def _insert(self, memo: Memo) -> None:
        """Inserts a memo where `find` looks for it, in the place of an error that no longer answers."""
        home, restriction = memo.home, memo.restriction
        if not restriction and (home.plain is None or home.plain.call is not None):
            old, home.plain = home.plain, memo
            self._count += 1  # no interrupt can come in between
        else:
            old = home.put_variant(memo)
            self._count += 1
        if old is not None:
            self._discount(old)
        assert self._group is not None  # noqa: S101  it is bound: something ran in it
        self._group.filings += 1
        if memo.extra is not None and memo.extra.call is not None:
            home.has_failed = True
        elif not restriction:
            memo.open_footprint = memo.footprint
        for serial in restriction:
            known = None if home.link is not None else self._read.get(serial)
            self._index(serial, memo) if known is None else known.add(memo)

    def _index(self, serial: int, memo: Memo) -> None:
        """Notes that a memo is dropped with a tweak."""
        link = memo.home.link
        known = self._read.setdefault(serial, set())
        known.add(link or memo)
        if link is not None and not len(known) & (len(known) - 1):  # whenever their number has doubled: O(1) for each
            known.difference_update([one for one in known if type(one) is ref and one() is None])

    def remove(self, memo: Memo, status: int) -> None:
        """Takes a memo out, so that it answers no more; a stale one that can be verified waits for that."""
        home = memo.home
        if home.plain is memo:
            home.plain = None
        else:
            home.take_variant(memo)
        self._discount(memo)
        if home.here is memo:  # after its status: then it is not kept at hand again
            home.here = None
        if status == STALE and not memo.must_run:
            memo.status = STALE
            self._take_as_newest(memo)
            for serial in memo.restriction:
                self._index(serial, memo)
        elif home.newest is memo:
            home.newest = home.plain

    def widen(self, memo: Memo, footprint: BitSet) -> None:
        """Gives a filed memo a footprint with a new bit."""
        home = memo.home
        if home.plain is memo or home.variants is memo:
            memo.footprint = footprint
        elif home.take_variant(memo):
            memo.footprint = footprint
            home.put_variant(memo)
        if memo.open_footprint != -1:
            memo.open_footprint = footprint

    def drop_emptied(self, taken: list[Any]) -> None:
        """Forgets the nodes that a dropped tweak has left empty, if nobody has computed them since; under the lock.

        Args:
            taken: collects what is to be released after the lock.
        """
        if self._emptied:
            emptied = self._emptied
            taken.append(emptied)
            self._emptied = drop_emptied(self, emptied, taken)

    def count_gone(self) -> None:
        """Subtracts memos freed with local functions from the count; under the lock."""
        while self._gone:
            self._count -= self._gone.popleft()

    def clear(self) -> None:
        """Empties this cache; the memos in the caches beneath it stay, and so do all tweaks."""
        group = self.group
        taken: list[Any] = []  # released after the lock
        try:
            with group.lock:
                group.generation += 1
                self.empty(taken)
        except BaseException:  # an interrupt: all of it, or nothing
            group.forget_all()
            raise

    def empty(self, taken: list[Any], *, forgotten: int = 0) -> None:
        """Takes all memos out, under the lock, and puts them into `taken`; begun again, it goes on where it was interrupted.

        Args:
            taken: collects the memos to release after the lock.
            forgotten: when given, runs in flight that began before this generation are not filed either.
        """
        for home in self._homes():  # others may add nodes in between, but file nothing
            for memo in home.memos():
                memo.status, memo.open_footprint = DEAD, -1
                taken.append(memo)
            taken.extend((home.newest, *(home.waiting or ())))
            home.plain = home.variants = home.newest = home.waiting = home.here = None
            home.has_lost = True
            home.forgotten = forgotten or home.forgotten
        track_again(taken)
        for other in members(self.group.caches):  # their memos may have read some of these, which are tracked now
            for home in () if other is self else other.homes.list_all():
                home.shown = True
        taken.append(self._emptied)
        self._emptied = {}
        self._gone.clear()
        self._count = 0
        self._read.clear()
        self.stale.clear()
        # Memos of a cache above may depend on memos here: the bare structure must stay for the walks of the group.
        if not any(cache.beneath is self for cache in members(self.group.caches)):
            for homes in (self.homes, *map(self.homes_of, members(self.locals))):
                track_again(homes.list_all())  # first: nothing shows a home that is not in the table
                taken.extend(reversed(homes.take_all()))

    @property
    def nbytes(self) -> int:
        """About the number of bytes by which the process has grown for this cache and the contexts that use it.

        It counts the bookkeeping, the arguments and the values: a builtin container with all that it contains, and any other
        object by ``sys.getsizeof`` alone, which for an array or a frame is all.  Shared objects count once.

        Complexity: O(memos, and the content of their values).
        """
        from .size import measure  # loaded on first use

        self.group.drain(fully=True)
        views = [view for view in members(self.group.views) if view.cache is self]
        roots = [self.homes, *map(self.homes_of, members(self.locals)), *self._homes(), self._read, *views]
        return measure(roots, {type(view): view.counted for view in views})

    def __del__(self) -> None:
        # Homes and memos refer to each other: taken apart here, they are freed at once; nobody has a memo without its cache.
        if getattr(self, "_token", None) is None:  # an interrupt kept it from being made
            return
        self.homes.take_apart()
        if machine.is_ending():  # the names that follow may be gone
            return
        self.homes = self.quick = Tracked()
        for function in members(self.locals):
            if function.nodes is not None:
                function.nodes.pop(self._token, None)
        self.locals.clear()

    def __len__(self) -> int:
        if self._group is not None:
            self._group.drain(fully=True)
        return self._count

    def __bool__(self) -> bool:
        return True

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(f"{self!r} cannot be pickled or copied. Write: from dug import snapshot; snapshot.save(ctx, path).")

    def __repr__(self) -> str:
        layer = "" if self.beneath is None else ", layered"
        return f"<dug.Cache of {self._count} memos{layer}>"

    def _home_here(self, home: NodeMemos) -> NodeMemos:
        """Returns the home of the same node here, which walks find."""
        return home if home.token is self._token and home.alive else self.home_of(home.key)

    def _take_as_newest(self, memo: Memo) -> None:
        """Has a memo be the one that verification starts from, where older ones wait too, or it is one of these."""
        for old in make_newest(memo):
            self._unindex(old)
            track_again((old,))
        self.stale.note(memo.home)

    def _discount(self, memo: Memo) -> None:
        if memo.status == LIVE:
            self._count -= 1
        memo.status = DEAD
        memo.open_footprint = -1
        self._unindex(memo)
        track_again((memo,))

    def _unindex(self, memo: Memo) -> None:
        """Forgets which tweaks lead to a memo; the link of a local node stays, as other memos of it may have read them too."""
        for serial in memo.restriction if memo.home.link is None else ():
            others = self._read.get(serial)
            if others is not None:
                others.discard(memo)
                if not others:
                    del self._read[serial]
