"""The store of memos: `Cache` files them so that `steps/find` finds them, counts and forgets them, and holds the states of nodes.

A state holds the memos of one node in one cache.  Most nodes have one memo that read no tweak, which has a place of its own; all
others are in a table by footprint and restriction.  Each tweak that a memo read leads to the memo, to drop it with the tweak.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import compress
from operator import is_not
from typing import Any
from weakref import ref

from ...errors import ContextError
from ..facts.binding import Key
from ..facts.function import Function
from ..facts.memo import DEAD, LIVE, STALE, TWEAKED, Memo, State, take_apart
from ..facts.node import BENEATH, plain_key
from ..facts.sparse import BitSet
from ..native.choose import make_lock, make_untracked, track_again, untrack
from .emptying import Emptied, drop_emptied
from .group import Registry, members
from .local import make_local
from .scenario import ActiveTweaks
from .stale import Stale
from .weak import WeakBag

BINDING = make_lock()
"""Held where a cache is bound: threads may enter it first at the same time."""


class Cache:
    """Keeps the memos of any number of contexts.  ``Context(cache=Cache())`` files its new memos in it; dropping it frees them.

    A cache is bound, at its first entry, to the cache of the context around it, whose memos it reads; several outermost
    contexts may share one.  Its length is the number of memos it holds.
    """

    __slots__ = (
        "__weakref__", "_count", "_emptied", "_gone", "_read", "_registry", "_token", "_untracked", "beneath", "holds_beneath",
        "locals", "stale", "states",
    )  # fmt: skip

    def __init__(self) -> None:
        self.beneath: Cache | None = None
        self.states: dict[Key, State] = {}
        """The states of the nodes of functions that have a name; see `states_of` for all others."""
        self.locals: WeakBag[Function] = WeakBag()
        """The local functions with states here; each function holds its states itself, see `local`."""
        self._registry: Registry | None = None
        self.holds_beneath = False
        """True once a memo was filed under the key of a node beneath a tweak."""
        self._count = 0
        self._emptied: Emptied = {}
        self._gone: deque[int] = deque()  # how many memos were freed with each local function that is gone
        self._read: dict[int, set[Any]] = {}  # memos to drop with a tweak, by its serial; also links of local states
        self.stale = Stale()
        self._untracked = make_untracked(self.states)
        self._token = object()  # identifies our states without a reference back

    @property
    def registry(self) -> Registry:
        """The state that this cache shares with those it is layered on; made when the cache is bound."""
        if self._registry is None:
            with BINDING:
                if self._registry is None:
                    registry = Registry()
                    registry.caches.add(self)
                    self._registry = registry
        return self._registry

    @property
    def is_bound(self) -> bool:
        """True once a context was entered with it."""
        return self._registry is not None

    def bind(self, beneath: "Cache | None") -> None:
        """Lays the cache over `beneath`; the first call decides.

        Raises:
            ContextError: it lies over another cache already.
        """
        if beneath is self:
            return
        if self._registry is None and beneath is not None:
            registry = beneath.registry
            with BINDING, registry.lock:
                if self._registry is None:
                    registry.caches.add(self)
                    self.beneath, self._registry = beneath, registry  # an interrupt finds both done, or none
            self.bind(beneath)
        elif self.beneath is not beneath:
            where = "on no other cache" if self.beneath is None else f"over {self.beneath!r}"
            raise ContextError(f"{self!r} was first entered {where} and cannot be entered elsewhere. Use a new dug.Cache() here.")

    def tokens(self) -> Iterator[object]:
        """The `State.home` of this cache and of all beneath it."""
        cache: Cache | None = self
        while cache is not None:
            yield cache._token
            cache = cache.beneath

    def states_of(self, function: Function) -> dict[Key, State]:
        """Returns the states of the nodes of a function."""
        if function.nodes is None:
            return self.states
        found: dict[Key, State] | None = function.nodes.get(self._token)
        if found is None:
            self.locals.add(function)  # first: a walk must not miss it
            found = function.nodes.setdefault(self._token, make_local(self._gone))
        return found

    def find_state(self, key: Key) -> State | None:
        """Returns the state of `key` here, if it has one."""
        function: Function = key[0] if key[0] is not BENEATH else plain_key(key)[0]
        return (self.states if function.nodes is None else self.states_of(function)).get(key)

    def state_of(self, key: Key) -> State:
        """Returns the state of `key` here, made when it is new."""
        function: Function = key[0] if key[0] is not BENEATH else plain_key(key)[0]
        states = self.states_of(function)
        state = states.get(key)
        if state is None:
            made = State(key, self._token)
            if function.nodes is not None:
                made.link = ref(made)
            state = states.setdefault(key, made)
        return state

    def list_states(self) -> list[tuple[Key, State]]:
        """Returns all nodes that are known here."""
        found = [self.states, *map(self.states_of, members(self.locals))]
        return [item for states in found for item in states.copy().items()]

    def file(self, memo: Memo, in_force: ActiveTweaks) -> Memo:
        """Files a memo finished in a scenario and returns the one in force: the first that was filed for these tweaks."""
        state, restriction = memo.state, memo.restriction
        if state.has_failed:
            self._drop_tried_again(memo, in_force)
        first = state.plain
        if restriction:
            first = state.find_variant(memo.footprint, restriction)
        elif first is not None and first.footprint & in_force.mask:  # a failure may come before a read of a node tweaked here
            first = None
        if first is not None and first.serves(memo.call):
            return first
        known = state.newest
        try:
            self._enter(memo)
            if memo.failure is None:
                state.newest = memo
                if known is not None and known.status == STALE:
                    self._unindex(known)
                    track_again((known,))
                    self.stale.discard(state)
            if state.key[0] is BENEATH:
                self.holds_beneath = True
                self.state_of(state.key[1]).add_reader(state)
            self._tell(memo, known)
            untrack(self._untracked, memo)
        except BaseException:  # an interrupt: a memo that no walk would find must not stay
            self.remove(memo, DEAD)
            raise
        return memo

    def _drop_tried_again(self, memo: Memo, in_force: ActiveTweaks) -> None:
        """Takes out the failure that an earlier call left here, now that the node was tried again."""
        for old in tuple(memo.state.memos()):
            if not old.serves(memo.call) and old.restriction in (memo.restriction, in_force.restrict(old.footprint)):
                self.remove(old, DEAD)
                memo.state.has_lost = True

    def _tell(self, memo: Memo, known: Memo | None) -> None:
        """Adds the node of a memo to the readers of its dependencies; those of `known`, an earlier memo, have it already."""
        state, token = memo.state, self._token
        reads: Sequence[Memo] = memo.dependencies
        if known is not None and len(known.dependencies) == len(reads):
            pairs = compress(zip(reads, known.dependencies), map(is_not, reads, known.dependencies))  # noqa: B905  as long
            reads = [new for new, old in pairs if new.state is not old.state or new.state.home is not token]
        for read in reads:
            home = read.state
            if home.home is not token or not home.alive:
                if home.home is None:  # a value beneath a tweak has no state here, and nothing ever looks for it
                    continue
                home = self.state_of(home.key)
            if home.readers is None:
                home.readers, home.shown = state.link or state, True
            else:
                home.add_reader(state)
        for key in memo.inner:
            self.state_of(plain_key(key)).add_reader(state)

    def _enter(self, memo: Memo) -> None:
        """Inserts a memo where `find` looks for it, in the place of an error that no longer answers."""
        state, restriction = memo.state, memo.restriction
        if not restriction and (state.plain is None or state.plain.call is not None):
            old, state.plain = state.plain, memo
            self._count += 1  # no interrupt can come in between
        else:
            old = state.put_variant(memo)
            self._count += 1
        if old is not None:
            self._discount(old)
        self.registry.filings += 1
        if memo.call is not None:
            state.has_failed = True
        elif not restriction:
            memo.sieve = memo.footprint
        for serial in restriction:
            known = None if state.link is not None else self._read.get(serial)
            self._index(serial, memo) if known is None else known.add(memo)

    def _index(self, serial: int, memo: Memo) -> None:
        """Notes that a memo is dropped with a tweak."""
        link = memo.state.link
        known = self._read.setdefault(serial, set())
        known.add(link or memo)
        count = len(known)
        if link is not None and not count & (count - 1):  # whenever their number has doubled: O(1) for each
            known.difference_update([one for one in known if type(one) is ref and one() is None])

    def remove(self, memo: Memo, status: int) -> None:
        """Takes a memo out, so that it answers no more; keeps the newest stale one of a node if it can be verified."""
        state = memo.state
        if state.plain is memo:
            state.plain = None
        else:
            state.take_variant(memo)
        self._discount(memo)
        if status == STALE and memo.verifies != TWEAKED:
            memo.status = STALE
            self._take_as_newest(memo)
            for serial in memo.restriction:
                self._index(serial, memo)
        elif state.newest is memo:
            state.newest = state.plain

    def widen(self, memo: Memo, footprint: BitSet) -> None:
        """Gives a filed memo a footprint with a new bit."""
        state = memo.state
        if state.plain is memo or state.variants is memo:
            memo.footprint = footprint
        elif state.take_variant(memo):
            memo.footprint = footprint
            state.put_variant(memo)
        if memo.sieve != -1:
            memo.sieve = footprint

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
        registry = self.registry
        taken: list[Any] = []  # released after the lock
        try:
            with registry.lock:
                registry.generation += 1
                self.empty(taken)
            registry.forget_hits()
        except BaseException:  # an interrupt: all of it, or nothing
            registry.forget_all()
            raise

    def empty(self, taken: list[Any], *, forgotten: int = 0) -> None:
        """Takes all memos out, under the lock, and puts them into `taken`; begun again, it goes on where it was interrupted.

        Args:
            taken: collects the memos to release after the lock.
            forgotten: when given, runs in flight that began before this generation are not filed either.
        """
        for _, state in self.list_states():  # others may add states in between, but file nothing
            for memo in state.memos():
                memo.status, memo.sieve = DEAD, -1
                taken.append(memo)
            taken.append(state.newest)
            state.plain = state.variants = state.newest = None
            state.has_lost = True
            state.forgotten = forgotten or state.forgotten
        track_again(taken)
        for other in members(self.registry.caches):  # their memos may have read some of these, which are tracked now
            for state in () if other is self else other.states.copy().values():
                state.shown = True
        taken.append(self._emptied)
        self._emptied = {}
        self._gone.clear()
        self._count = 0
        self._read.clear()
        self.stale.clear()
        # Memos of a cache above may depend on memos here: the bare structure must stay for the walks of the registry.
        if not any(cache.beneath is self for cache in members(self.registry.caches)):
            for states in (self.states, *map(self.states_of, members(self.locals))):
                track_again(list(states.values()))  # first: nothing shows a state that is not in the table
                while states:  # one by one, so that no state is left alive that nobody finds
                    state = states.popitem()[1]
                    state.alive = False
                    taken.append(state)

    @property
    def nbytes(self) -> int:
        """About the number of bytes by which the process has grown for this cache and the contexts that use it.

        It counts the bookkeeping, the arguments and the values: a builtin container with all that it contains, and any other
        object by ``sys.getsizeof`` alone, which for an array or a frame is all.  Shared objects count once.

        Complexity: O(memos, and the content of their values).
        """
        from .size import measure  # loaded on first use

        self.registry.drain(fully=True)
        views = [view for view in members(self.registry.views) if view.cache is self]
        apart = {type(view): view.counted for view in views}
        return measure([self.states, *map(self.states_of, members(self.locals)), self._read, *views], apart)

    def __del__(self) -> None:
        # States and memos refer to each other: taken apart here, they are freed at once and not by the next garbage collection.
        # Nobody has a memo without its cache.
        if not hasattr(self, "_token"):  # an interrupt kept it from being made
            return
        if self._untracked is None:
            take_apart(self.states)
        else:
            self._untracked.hold()
        for function in members(self.locals):
            if function.nodes is not None:
                function.nodes.pop(self._token, None)
        self.locals.clear()

    def __len__(self) -> int:
        if self._registry is not None:
            self._registry.drain(fully=True)
        return self._count

    def __bool__(self) -> bool:
        return True

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(f"{self!r} cannot be pickled or copied. Write: from dug import snapshot; snapshot.save(ctx, path).")

    def __repr__(self) -> str:
        layer = "" if self.beneath is None else ", layered"
        return f"<dug.Cache of {self._count} memos{layer}>"

    def _home(self, state: State) -> State:
        """Returns the state of the same node here, which walks find."""
        return state if state.home is self._token and state.alive else self.state_of(state.key)

    def _take_as_newest(self, memo: Memo) -> None:
        """Keeps a stale memo to be verified."""
        old, memo.state.newest = memo.state.newest, memo
        memo.state.shown = True
        if old is not None and old is not memo and old.status == STALE:
            self._unindex(old)
            track_again((old,))
        self.stale.add(memo.state)

    def _discount(self, memo: Memo) -> None:
        if memo.status == LIVE:
            self._count -= 1
        memo.status = DEAD
        memo.sieve = -1
        self._unindex(memo)
        track_again((memo,))

    def _unindex(self, memo: Memo) -> None:
        """Forgets which tweaks lead to a memo; the link of a local state stays, as other memos of it may have read them too."""
        for serial in memo.restriction if memo.state.link is None else ():
            others = self._read.get(serial)
            if others is not None:
                others.discard(memo)
                if not others:
                    del self._read[serial]
