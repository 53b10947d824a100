"""What layered caches share: `CacheGroup`: bits, handles (`intern`), scenarios, doubts, walks (`give_bit`, `forget`, `drain`).

The walks are the only operations that reach from a node to the memos computed from it: giving a target its first bit, forgetting
memos that ran a node, and dropping memos of a tweak that nobody holds.  They follow readers: too many perhaps, never too few.

One lock guards all of it: it is held to open and to close a run, to file, and during the walks.  No user code runs under it
but the hashing and comparing of arguments; memos taken out are released after it (`_release_all`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from ..facts.binding import Key
from ..facts.function import Function
from ..facts.homes import track_again
from ..facts.memo import DEAD, FORGOTTEN, LIVE, NO_TWEAKS, STALE, Memo, NodeMemos, Restriction
from ..facts.sparse import BitSet, Unions, union
from ..facts.tweak import UNTWEAK, Target, TweakSpec
from ..native.choose import COMPILED
from .bits import Bits
from .emptying import drop_empty, trim
from .lock import free_locks, make_lock
from .releasing import release
from .scenario import ActiveTweaks, Tweak, TweakRef, make_active, make_tweak, no_handle
from .stale import take_waiting
from .walks import Spread, Walk, concerns, homes_of
from .weak import T, WeakBag, WeakMap, members

if TYPE_CHECKING:
    from .protocols import CacheShape, FrameShape, ViewShape

DAMAGED = "damaged"
SERIAL = attrgetter("serial")
EARLY = 32
"""How many of the first sources get a bit before anybody tweaks them: as many as leave room in a machine word for others."""
_live: "WeakBag[CacheGroup]" = WeakBag()  # a redefined function must be forgotten in every cache group where it ran


class CacheGroup:
    """The shared part of a cache and of all caches that are layered on it."""

    __slots__ = (
        "__weakref__", "_function_bits", "_handles", "_serials", "_watches", "bits", "blocked", "by_serial", "caches", "check",
        "doubts", "early", "filings", "generation", "lock", "mark", "opened", "redefined", "released", "untweaked", "views",
    )  # fmt: skip

    def __init__(self) -> None:
        self.lock = make_lock()
        self.mark = ref(self)
        """Identifies it where it must not be kept alive."""
        self.generation = 0
        """Grows with every invalidation; a run that began in an earlier one is checked before it is filed.  No memo has one."""
        self.early = EARLY
        """How many sources may still get a bit when they are filed first."""
        self.filings = 0
        """Grows whenever a memo is filed, or filed again with a new bit: who looked before that, and found none, looks again."""
        self.redefined: WeakKeyDictionary[Function, int] = WeakKeyDictionary()
        """By function: the generation in which it was last forgotten because it was redefined."""
        self.doubts: WeakKeyDictionary[Function, Callable[[Function], None]] = WeakKeyDictionary()
        """By function: a call to make before the next lookup, because the function may have been redefined."""
        self.check: Callable[[Any], None] | None = None
        """Called with its frame before each outermost call: it may forget what has changed outside.  Few programs have one."""
        self.caches: WeakBag[CacheShape] = WeakBag()
        self.views: WeakBag[ViewShape] = WeakBag()
        self.opened: WeakBag[FrameShape] = WeakBag()
        """The open frames that hold reads made under contexts which are closed already."""
        self.by_serial: WeakMap[int, Tweak] = WeakMap()
        """The handles that others stand on."""
        self.bits = Bits()
        self._function_bits = self.bits.by_function
        """By the mark of a function: its bits, and those of its nodes."""
        self._handles: dict[Any, TweakRef] = {}
        """By the target, the meaning, and the serial beneath: the weak reference to a handle; `drain` takes out dead ones."""
        self.untweaked = make_active(None, NO_TWEAKS, {}, 0)
        """The scenario without any tweak."""
        self._serials = count(1)
        self.blocked: dict[int, object] = {}
        """The wait of each thread that blocks, by its number; see `steps/waits`."""
        self.released: deque[TweakRef | str | None] = deque()
        """The notices of tweaks that nobody holds any more; `DAMAGED` for a walk that was stopped, None for a doubt."""
        self._watches: dict[int, TweakRef] = {}
        """By serial: the weak reference that notices that nobody holds a tweak any more."""
        _live.add(self)

    @staticmethod
    def all() -> "tuple[CacheGroup, ...]":
        """Returns every cache group that some cache in this process still uses."""
        return members(_live)

    @staticmethod
    def free_locks() -> None:
        """Frees every lock that this thread still holds after an interrupt; for callers that hold none themselves."""
        free_locks([] if COMPILED else [group.lock for group in members(_live)])

    def list_caches(self) -> "tuple[CacheShape, ...]":
        """Returns the caches that share this group."""
        return members(self.caches)

    def list_scenarios(self) -> tuple[ActiveTweaks, ...]:
        """Returns the scenarios that somebody holds; under the lock."""
        handles = [watch() for watch in self._watches.copy().values()]
        known = [noted() for handle in handles if handle is not None for noted in handle.scenarios.copy().values()]
        return self.untweaked, *[found for found in known if found is not None]

    def bit_of(self, target: Target) -> BitSet:
        """Returns the bit of a target, 0 when it was never tweaked."""
        return self.bits.of(target)

    def node_bits(self, function: Function) -> BitSet:
        """Returns the bits of the function and of all its nodes."""
        return self._function_bits.get(function.mark, 0)

    def give_bit(self, target: Target) -> BitSet:
        """Returns the bit of a target; a new one is added to the footprint of every memo that consulted it.

        Complexity: O(1) for a target that has one; once, O(its descendants) for a node, O(all nodes) for a function.
        """
        bit = self.bits.of(target)
        if not bit:
            with self.lock:
                bit = self.bits.of(target)
                if not bit:
                    bit = self.bits.next(target, self._list_memos)
                    walks = self._give({target: bit}, self._spread, target, bit)  # noqa: F841  released after the lock
        return bit

    def give_bits(self, targets: Iterable[Target]) -> None:
        """Gives a bit to each of these targets that has none.

        Complexity: O(1) for each that has one; for nodes that have none, O(all their descendants together), once.
        """
        new = [target for target in targets if not self.bits.of(target)]
        nodes = [target for target in new if not isinstance(target, Function)]
        if len(nodes) > 1:
            with self.lock:
                given = {node: self.bits.next(node, self._list_memos) for node in dict.fromkeys(nodes) if not self.bits.of(node)}
                walks = self._give(given, self._spread_all, given)  # noqa: F841  released after the lock
        for target in new:
            self.give_bit(target)

    def _give(self, given: Mapping[Any, BitSet], spread: Callable[..., T], *args: Any) -> list[T]:
        """Spreads bits to the memos that consulted their targets, then keeps them; returns the walks; under the lock.

        A finalizer may run wherever the garbage collector does, and file memos behind the back of a walk: then it walks again.
        """
        walks: list[T] = []
        while True:
            filings = self.filings + 2  # each walk counts twice itself
            walks.append(self._to_the_end(spread, *args))
            if self.filings == filings:
                self.bits.keep_all(given)  # last
                if self.filings == filings:
                    return walks

    def give_early_bit(self, home: NodeMemos) -> None:
        """Gives a source its bit when it is filed first: nobody has read it yet, so there is nothing to walk; under the lock.

        A program tweaks its inputs, and asks for them early: the first tweak of one then costs what any tweak costs.  Only the
        first few get one, as each bit is in the footprint of all that read the node; and no other function, whose nodes would all
        have to ask which of them has one.
        """
        key = home.key
        is_new = home.is_new() and home.readers is None and not home.forgotten and not home.has_lost and not self.bits.of(key)
        if is_new and len(members(self.caches)) == 1 and not members(self.opened):  # nor under a context that is closed
            self.bits.keep(key, self.bits.next(key, self._list_memos))

    def _list_memos(self) -> Iterator[Memo]:
        """Every memo in the caches, and those that wait to be verified."""
        for cache in members(self.caches):
            yield from cache.list_memos()

    def _spread(self, target: Target, bit: BitSet) -> Walk:
        roots = {home.key for cache in members(self.caches) for home in homes_of(cache, target)}
        walk = Walk(members(self.caches), target, roots, reads_tweak_of=self.reads_tweak_of)
        walk.touch_roots()
        walk.follow()
        self.filings += 1
        unions = Unions()
        for memo, cache in walk.touched.items():
            cache.widen(memo, unions[memo.footprint, bit])
            if walk.rests_on_touched(memo):
                memo.footprint_below = unions[memo.footprint_below, bit]
        self.filings += 1  # again: a caller that looked in between may have missed one
        for frame in members(self.opened):
            met = frame.run.view.tweaks.content if frame.run else {}
            if any(concerns(target, key) and key not in met for key in frame.noted()):
                frame.closed_footprint |= bit
        return walk

    def _spread_all(self, given: Mapping[Key, BitSet]) -> Spread:
        spread, unions = Spread(members(self.caches), given), Unions()
        self.filings += 1
        for memo, cache in spread.memos.items():
            bits, below = spread.bits_of(memo)
            if bits:
                cache.widen(memo, unions[memo.footprint, bits])
                memo.footprint_below = unions[memo.footprint_below, below]
        self.filings += 1  # again, as above
        for frame in members(self.opened):
            met = frame.run.view.tweaks.content if frame.run else {}
            frame.closed_footprint = union(
                [frame.closed_footprint, *(given[key] for key in frame.noted() if key in given and key not in met)]
            )
        return spread

    def let_answer(self, memo: Memo) -> None:
        """Lets a memo that read no tweak answer at once, now that it has its value."""
        with self.lock:  # a first tweak may be adding its bit just now
            if memo.status == LIVE and not memo.restriction and memo.call is None and memo.open_footprint == -1:
                memo.open_footprint = memo.footprint

    # Forgetting

    def forget(self, targets: Iterable[Target], *, is_rebound: bool = False) -> None:
        """Takes out every memo of these nodes and functions, and all computed from them; those that only read their tweaks stay.

        Those computed from them may be verified again; they themselves must run.  With `is_rebound` the calls of these functions
        mean other nodes from now on, so that their callers, tweaked or not, must run too: verified, they would ask for the old.
        """
        taken: list[Any] = []  # released after the lock
        with self.lock:
            self._to_the_end(self._forget, targets, is_rebound, taken)

    def _forget(self, targets: Iterable[Target], is_rebound: bool, taken: list[Any]) -> None:  # noqa: FBT001
        self.generation += 1
        self._drop_emptied(taken)
        pending, caches = list(targets), members(self.caches)
        for target in pending:
            filings = self.filings
            for cache in caches:
                cache.stale.allow(cache._count)
            roots = {home.key for cache in caches for home in homes_of(cache, target)}
            walk = Walk(caches, target, roots, reads_tweak_of=self.reads_tweak_of, forgets=True, is_rebound=is_rebound)
            walk.touch_roots()
            walk.follow()
            for memo, cache in walk.touched.items():
                taken += (memo.home.newest, memo.home.waiting)
                must_run = memo.home in walk.callers or walk.is_about(memo)
                cache.remove(memo, DEAD if must_run else STALE)
                memo.footprint |= FORGOTTEN
            lost = list(walk.touched)
            for home in (*walk.visited_roots, *walk.callers):
                home.forgotten = self.generation + 1
                lost += (*take_waiting(home), *(() if home.newest is None else (home.newest,)))
                home.newest = None
            track_again(lost)
            taken.extend((walk, lost))
            for cache in caches:
                drop_empty(cache, walk.visited_roots, lost)
                taken.extend(trim(cache))
            if self.filings != filings:  # by a finalizer, behind the back of the walk; see `_give`
                pending.append(target)
        self.generation += 1  # again: a run that began in between may have looked before the walk came by

    def _to_the_end(self, walk: Callable[..., T], *args: Any) -> T:
        """Returns the result of a walk, under the lock; if an interrupt stops the walk in the middle, forgets everything.

        Nobody knows which steps are missing, and a memo that was not reached would be served for ever.
        """
        try:
            return walk(*args)
        except BaseException:
            self.released.append(DAMAGED)  # should another interrupt come before all is forgotten, the next miss forgets it
            self.forget_all()
            raise

    def forget_all(self) -> None:
        """Takes out every memo of every cache; tweaks and bits stay."""
        taken: list[Any] = []  # released after the lock
        with self.lock:
            self.generation += 1
            for cache in members(self.caches):
                cache.empty(taken, forgotten=self.generation + 1)
            self.filings += 1
            self.generation += 1

    def doubt(self, function: Function, settle: Callable[[Function], None]) -> None:
        """Makes the next call or look run `settle` first, which may forget the memos of a function."""
        with self.lock:  # else another thread that settles would answer quickly in between, or nobody would drain again
            self.doubts[function] = settle
            self.released.append(None)  # every lookup checks whether there is something to drain
            for cache in members(self.caches):
                cache.stand_back()
            self.filings += 1  # a caller that looked in between may have missed a node

    def _settle_doubts(self) -> None:
        while self.doubts:
            for function, settle in tuple(self.doubts.items()):
                settle(function)
                with self.lock:
                    if self.doubts.get(function) is settle:  # else it is in doubt again
                        del self.doubts[function]
            with self.lock:
                for cache in () if self.doubts else members(self.caches):
                    cache.answer_quickly()

    def drain(self, *, fully: bool = False) -> None:
        """Settles doubts, and drops the memos that read a tweak which nobody holds any more.

        A lookup leaves the nodes of which nothing is left then to the next drain; `fully` forgets them as well.
        """
        if self.doubts:
            self._settle_doubts()  # takes the lock when it forgets something, and runs no user code
        taken: list[Any] = []  # released after the lock, and so are the caches
        try:
            with self.lock:
                if DAMAGED in self.released:
                    self.forget_all()
                self._to_the_end(self._release_all, taken)
                if self.doubts:  # since then
                    self.released.append(None)
                if fully:
                    self._to_the_end(self._drop_emptied, taken)
        except BaseException:  # no caller of this holds the lock
            CacheGroup.free_locks()
            raise

    def _drop_emptied(self, taken: list[Any]) -> None:
        for cache in members(self.caches):
            cache.drop_emptied(taken)

    def _release_all(self, taken: list[Any]) -> None:
        caches, released, handles = members(self.caches), self.released, self._handles
        for cache in caches:
            if cache._emptied:
                cache.drop_emptied(taken)
        while released:
            watch = released.popleft()
            if isinstance(watch, TweakRef) and hasattr(watch, "serial"):  # else an interrupt kept its handle from being found
                for cache in caches:
                    if watch.serial in cache._read:
                        taken += release(cache, watch.serial)
                self._watches.pop(watch.serial, None)
                watch.let_value_go()
                if handles.get(watch.key) is watch:
                    del handles[watch.key]
                taken.append(watch)  # it has the arguments of a node
        for cache in caches:
            if cache._gone:
                cache.count_gone()
        self.by_serial.sweep_out()

    # Handles and scenarios

    def intern(self, target: Target, spec: TweakSpec, beneath: Tweak | None) -> Tweak:
        """Returns the handle of a tweak; equal ones of one telling are the same.  The first one of a target masks old memos."""
        key = (target, spec.kind, spec.identity, spec.telling, 0 if beneath is None else beneath.serial)  # with its meaning
        known = self._handles.get(key)
        handle = None if known is None else known()
        if handle is not None:
            return handle
        if beneath is not None:
            self.by_serial[beneath.serial] = beneath
        bit = self.bits.of(target) or self.give_bit(target)  # the first masks all that was computed from the target (I4)
        made = make_tweak(target, spec, no_handle if beneath is None else ref(beneath), next(self._serials), bit)
        watch = TweakRef(made, self.released.append)
        watch.key, watch.home = key, None
        made.watch = watch
        watch.serial = made.serial  # last: `drain` asks whether it is there
        self._watches[made.serial] = watch  # before anybody can find the handle, and hold it
        known = self._handles.setdefault(key, watch)
        if known is watch:
            return made
        with self.lock:  # one that is gone, or another thread's
            known = self._handles.get(key)
            handle = None if known is None else known()
            if handle is None:
                self._handles[key] = watch
                return made
        del self._watches[made.serial], watch
        return handle

    def reads_tweak_of(self, key: Key, memo: Memo) -> bool:
        """True when a memo read a tweak of this very node, which somebody still holds."""
        watches = map(self._watches.get, memo.restriction)
        return any(watch is not None and watch.target == key and watch() is not None for watch in watches)

    def untweaked_serial(self, key: Key) -> Restriction:
        """Returns the restriction of a memo that read only that its node is untweaked under a tweak of its function."""
        watch = self._handles.get((key, UNTWEAK, None, None, 0))
        return NO_TWEAKS if watch is None or watch() is None else frozenset((watch.serial,))

    def scenario(self, content: dict[Target, Tweak]) -> ActiveTweaks:
        """Returns the interned scenario with these tweaks."""
        handles = content.values()
        if not handles:
            return self.untweaked
        newest = max(handles, key=SERIAL)
        return self.make_scenario(newest, frozenset(map(SERIAL, handles)), content, Tweak.bits_of(handles))

    def make_scenario(self, newest: Tweak, serials: Restriction, content: dict[Target, Tweak], mask: BitSet) -> ActiveTweaks:
        """Returns the interned scenario with these tweaks, for a caller that knows the newest, their serials and their bits."""
        known = newest.scenarios.get(serials)
        found = None if known is None else known()
        if found is not None:
            return found
        made = make_active(newest, serials, content, mask)
        noted = ref(made)
        if newest.scenarios.setdefault(serials, noted) is noted:
            if len(newest.scenarios) >= newest.prune_at:
                self._prune(newest)
            return made
        with self.lock:  # one that is gone, or another thread's
            known = newest.scenarios.get(serials)
            found = None if known is None else known()
            if found is None:
                newest.scenarios[serials] = noted
        return made if found is None else found

    def _prune(self, handle: Tweak) -> None:
        """Forgets the scenarios interned at a handle that are gone; whenever their number has doubled."""
        with self.lock:
            for serials in [serials for serials, noted in handle.scenarios.copy().items() if noted() is None]:
                del handle.scenarios[serials]
            handle.prune_at = max(16, 2 * len(handle.scenarios))
