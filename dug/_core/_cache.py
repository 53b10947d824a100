"""Where memos live: find, file, forget.  THE rule of dug is `match`, and this page says why it is right.

**The rule.**  A memo answers for its node in a scenario exactly when the scenario, restricted to the memo's footprint, holds
the very tweaks that the memo read: ``in_force.restrict(memo.footprint) == memo.restriction``.

**Why it is right.**  These invariants hold:

* I1 what is in force in a scenario never changes, and a run keeps the scenario that it began with;
* I2 a footprint holds the bit of every node whose tweak status was consulted, untweaked ones included;
* I3 a memo is filed under exactly the tweaks that it read;
* I4 a target has its bit before any scenario tweaks it (`_registry.Registry.give_bit` adds it to the memos that exist);
* I5 the hits of a view are memos that match the view's scenario;
* I6 the dependencies of a memo are everything that was returned or raised to its body, hits included;
* I7 a memo is filed if and only if every tweak that it read is held by somebody and nothing that it ran was invalidated.

Take a memo of node n that matches scenario S.  Follow a fresh run of n in S beside the run that made the memo.  Both start in
the same body with the same arguments.  Each time the body asks for a node m, the tweak that m meets has its bit in the footprint
(I2), and S agrees there with what the memo read (I3, I4); so m is tweaked alike, or runs alike by induction, and the body
gets the same answer (I6).  So it does the same next, up to its end, and gives the same value.  Nothing outside the footprint was
asked, so nothing outside can matter.

**What follows.**  A tweaked node is masked, and so is all that was computed from it, because their footprints hold its bit.  A
memo that read no tweak has an empty restriction and serves every scenario, whoever computed it.  A child never changes what its
parent finds, because it only adds memos, under its own restriction.  Siblings that tweak alike share, because handles are
interned.  Coming back finds what still matches, because nothing was thrown away.

The order of the search is the order of cost: the view's hits, the tweak itself, the hits of the views around it, the memos of
the node here and in the caches beneath.  Only then is an older memo verified, or the node run; both belong to `_frame`.
"""

from collections.abc import Iterator
from sys import getsizeof

from ..errors import ContextError
from ._binding import Key
from ._memo import DEAD, LIVE, STALE, TWEAKED, Call, Memo, State
from ._node import BENEATH
from ._registry import Registry, plain_key
from ._scenario import UNTWEAK, VALUE, Handle, InForce
from ._view import View


def find(view: View, key: Key, handle: Handle | None, call: Call | None) -> Memo | None:
    """Returns the memo that answers for `key`, which meets the tweak `handle`, in `view`, or None; runs nothing."""
    memo = view.hits.get(key)
    if memo is not None:
        return memo
    if handle is not None and handle.spec.kind == VALUE:
        memo = _value_memo(view, key, handle)
    else:
        memo = _find_around(view, key) or _find_filed(view, key, handle, call)
    if memo is not None and memo.call is None:
        view.hits[key] = memo
    return memo


def handle_of(view: View, key: Key) -> Handle | None:
    """Returns the tweak that `key` meets in `view`; for a key beneath a tweak, what it meets there.

    Raises:
        LookupError: the key is beneath a tweak that is gone.
    """
    if key[0] is not BENEATH:
        return view.in_force.handle_of(key)
    serial = key[2]
    if not serial:
        return None
    handle = view.registry.by_serial.get(serial)
    if handle is None:
        raise LookupError(key)
    return handle


def find_masked(view: View, key: Key) -> Memo | None:
    """Returns what the nearest view around knows of `key`, whether or not it matches here."""
    around = view.parent
    while around is not None:
        memo = around.hits.get(key)
        if memo is not None:
            return memo
        around = around.parent
    return None


def _value_memo(view: View, key: Key, handle: Handle) -> Memo:
    """Returns the memo that serves a node tweaked to a value; beneath another tweak, whose footprint says it all, one without."""
    if key[0] is BENEATH:
        return Memo(State(key, None), handle.spec.value, body=TWEAKED)
    if handle.memo is None:
        restriction = frozenset((handle.serial,))
        state = view.cache.state_of(key)
        handle.memo = Memo(state, handle.spec.value, footprint=handle.bit, restriction=restriction, body=TWEAKED)
    return handle.memo


def _find_around(view: View, key: Key) -> Memo | None:
    """Returns a memo from the hits of an enclosing view that read nothing which differs here."""
    delta, around = view.delta, view.parent
    while around is not None:
        memo = around.hits.get(key)
        if memo is not None and not memo.footprint & delta:
            return memo
        delta |= around.delta
        around = around.parent
    return None


def _find_filed(view: View, key: Key, handle: Handle | None, call: Call | None) -> Memo | None:
    cache: Cache | None = view.cache
    while cache is not None:
        is_beneath = key[0] is BENEATH
        if is_beneath or (handle is not None and handle.spec.kind == UNTWEAK):
            state = cache.states.get(key[1] if is_beneath else key)
            memo = None if state is None else _match_beneath(state, handle, view, call)
            if memo is not None:
                return memo
        state = cache.states.get(key)
        if state is not None:
            memo = match(state, view.in_force, call)
            if memo is not None:
                return memo
        cache = cache.beneath
    return None


def match(state: State, in_force: InForce, call: Call | None) -> Memo | None:
    """THE rule: returns the memo of this node whose footprint sees here the very tweaks that it read."""
    plain = state.plain
    if plain is not None and not plain.footprint & in_force.mask and plain.serves(call):
        return plain
    if state.table:
        for footprint, variants in tuple(state.table.items()):
            memo = variants.get(in_force.restrict(footprint))
            if memo is not None and memo.serves(call):
                return memo
    return None


def _match_beneath(state: State, handle: Handle | None, view: View, call: Call | None) -> Memo | None:
    """The rule for a node beneath its own tweak, where it meets `handle` or none.

    Its own bits say nothing there; all others must agree.
    """
    registry = view.registry
    met = None if handle is None or handle.spec.kind == UNTWEAK else handle
    body = 0 if met is None else met.serial
    own = registry.untweaked_serial(state.key) if met is None else frozenset((body,))
    for memo in state.memos():
        if memo.body != body or not memo.serves(call):
            continue
        restriction = view.in_force.restrict(memo.below)
        if memo.restriction != restriction | own and (met is not None or memo.restriction != restriction):
            continue
        # A tweak of the function must also be what the node's sisters met, if it read any.
        if met is None or not memo.below & met.bit or body in restriction:
            return memo
    return None


class Cache:
    """Memos of any number of contexts.  ``Context(cache=Cache())`` files what is new in it, and dropping it frees that.

    A cache is bound, at its first entry, to the cache of the context around it, whose memos it reads; several outermost
    contexts may share one.  Its length is the number of memos it holds.
    """

    def __init__(self) -> None:
        self.beneath: Cache | None = None
        self.states: dict[Key, State] = {}
        self._registry: Registry | None = None
        self.holds_beneath = False
        """True once a memo was filed under the key of a node beneath a tweak."""
        self._count = 0
        self._read: dict[int, set[Memo]] = {}  # what to drop when a tweak goes, by its serial
        self._token = object()  # says which states are ours without a reference back

    @property
    def registry(self) -> Registry:
        """What this cache shares with those it is layered on; made when the cache is bound."""
        if self._registry is None:
            self._registry = Registry()
            self._registry.caches.add(self)
        return self._registry

    def bind(self, beneath: "Cache | None") -> None:
        """Lays the cache over `beneath`; the first call decides.

        Raises:
            ContextError: it lies over another cache already.
        """
        if beneath is self:
            return
        if self._registry is None and beneath is not None:
            self.beneath, self._registry = beneath, beneath.registry
            self._registry.caches.add(self)
        elif self.beneath is not beneath:
            where = "on no other cache" if self.beneath is None else f"over {self.beneath!r}"
            raise ContextError(f"{self!r} was first entered {where} and cannot be entered elsewhere. Use a new dug.Cache() here.")

    def tokens(self) -> Iterator[object]:
        """The `State.home` of this cache and of all beneath it."""
        cache: Cache | None = self
        while cache is not None:
            yield cache._token
            cache = cache.beneath

    def state_of(self, key: Key) -> State:
        """Returns the state of `key` here, made when it is new."""
        return self.states.get(key) or self.states.setdefault(key, State(key, self._token))

    def file(self, memo: Memo) -> Memo:
        """Files a finished memo and returns the one that stands: the first that was filed for these tweaks."""
        state = memo.state
        first = state.plain
        if memo.restriction:
            first = state.table.get(memo.footprint, {}).get(memo.restriction) if state.table else None
        if first is not None and first.serves(memo.call):
            return first
        known = state.newest
        self._enter(memo)
        if memo.failure is None:
            self._take_as_newest(memo)
        if state.key[0] is BENEATH:
            self.holds_beneath = True
            self.state_of(state.key[1]).add_reader(state)
        # What a memo of this node that is in force reads as well knows its reader already.
        told = known.dependencies if known is not None and known.status == LIVE else None
        for read in set(memo.dependencies).difference(told) if told else memo.dependencies:
            if read.state.home is not None:  # a value beneath a tweak has no state here, and nothing ever looks for it
                self._home(read.state).add_reader(state)
        for key in memo.inner:
            self.state_of(plain_key(key)).add_reader(state)
        return memo

    def _enter(self, memo: Memo) -> None:
        """Puts a memo where `find` looks for it; an error that no longer serves makes room."""
        state, restriction = memo.state, memo.restriction
        if not restriction and (state.plain is None or state.plain.call is not None):
            old, state.plain = state.plain, memo
        else:
            if state.table is None:
                state.table = {}
            variants = state.table.setdefault(memo.footprint, {})
            old, variants[restriction] = variants.get(restriction), memo
        if old is not None:
            self._discount(old)
        if state.has_failed and state.table is not None:
            for variants in tuple(state.table.values()):  # a failure tried again, perhaps with another footprint
                old = variants.get(restriction)
                if old is not None and old is not memo and not old.serves(memo.call):
                    self.remove(old, DEAD)
        state.has_failed = state.has_failed or memo.call is not None
        self._count += 1
        if not restriction and memo.call is None:
            memo.sieve = memo.footprint
        for serial in restriction:
            self._read.setdefault(serial, set()).add(memo)

    def remove(self, memo: Memo, status: int) -> None:
        """Takes a memo out, so that it answers no more; a stale one that can be verified is kept for that, once a node."""
        state = memo.state
        if state.plain is memo:
            state.plain = None
        elif state.table is not None:
            variants = state.table.get(memo.footprint, {})
            if variants.get(memo.restriction) is memo:
                del variants[memo.restriction]
                if not variants:
                    del state.table[memo.footprint]
        self._discount(memo)
        if status == STALE and memo.failure is None and not memo.opened and not memo.transient:
            memo.status = STALE
            self._take_as_newest(memo)
            for serial in memo.restriction:
                self._read.setdefault(serial, set()).add(memo)
        elif state.newest is memo:
            state.newest = state.plain

    def widen(self, memo: Memo, bit: int) -> None:
        """Adds a new bit to the footprint of a filed memo."""
        table = memo.state.table
        if memo.state.plain is not memo and table is not None:
            variants = table[memo.footprint]
            del variants[memo.restriction]
            if not variants:
                del table[memo.footprint]
            table.setdefault(memo.footprint | bit, {})[memo.restriction] = memo
        memo.footprint |= bit
        if memo.sieve >= 0:
            memo.sieve = memo.footprint

    def release(self, serial: int) -> list[Memo]:
        """Takes out every memo that read a tweak which nobody holds any more, and returns them."""
        memos = list(self._read.pop(serial, ()))
        for memo in memos:
            state, table = memo.state, memo.state.table
            variants = None if table is None else table.get(memo.footprint)
            if memo.status == LIVE and table is not None and variants is not None:
                del variants[memo.restriction]
                if not variants:
                    del table[memo.footprint]
                self._count -= 1
            memo.status = DEAD
            if len(memo.restriction) > 1:
                self._unindex(memo)
            if state.newest is memo:
                state.newest = state.plain
        self._drop_empty(memos)
        return memos

    def clear(self) -> None:
        """Empties this cache; what the caches beneath it hold stays, and so do all tweaks."""
        registry = self.registry
        with registry.lock:
            registry.generation += 1
            for state in self.states.values():
                for memo in tuple(state.memos()):
                    memo.status, memo.sieve = DEAD, -1
                state.plain = state.table = state.newest = None
            self._count = 0
            self._read.clear()
            # Memos of a cache above may rest on what was here: its bare structure must stay for the walks of the registry.
            if not any(cache.beneath is self for cache in registry.caches):
                dropped, self.states = self.states, {}
                for state in dropped.values():
                    state.alive = False
            registry.forget_hits()

    @property
    def nbytes(self) -> int:
        """An estimate, in bytes, of this cache's own bookkeeping: not of values and arguments."""
        self.registry.drain()
        size = getsizeof(self.states)
        for state in self.states.values():
            size += getsizeof(state.key) + getsizeof(state)
            size += sum(getsizeof(part) for part in (state.readers, state.table) if part is not None)
            size += sum(map(getsizeof, (state.table or {}).values()))
            size += sum(getsizeof(memo) + getsizeof(memo.dependencies) for memo in state.memos())
        return size

    def __del__(self) -> None:
        # States and memos refer to each other: taken apart here, they go at once and not with the next garbage collection.
        for state in self.states.values():
            state.plain = state.table = state.newest = state.readers = None

    def __len__(self) -> int:
        if self._registry is not None:
            self._registry.drain()
        return self._count

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        layer = "" if self.beneath is None else ", layered"
        return f"<dug.Cache of {self._count} memos{layer}>"

    def _home(self, state: State) -> State:
        """Returns the state of the same node here, where walks look for it."""
        return state if state.home is self._token and state.alive else self.state_of(state.key)

    def _take_as_newest(self, memo: Memo) -> None:
        old, memo.state.newest = memo.state.newest, memo
        if old is not None and old is not memo and old.status == STALE:
            self._unindex(old)

    def _discount(self, memo: Memo) -> None:
        if memo.status == LIVE:
            self._count -= 1
        memo.status = DEAD
        memo.sieve = -1
        self._unindex(memo)

    def _unindex(self, memo: Memo) -> None:
        for serial in memo.restriction:
            others = self._read.get(serial)
            if others is not None:
                others.discard(memo)
                if not others:
                    del self._read[serial]

    def _drop_empty(self, memos: list[Memo]) -> None:
        """Forgets the nodes of which nothing is left with these memos, and then the nodes that only they had read."""
        gone: dict[State, list[Memo]] = {}
        for memo in memos:
            if memo.state.plain is None and not memo.state.table:
                gone.setdefault(memo.state, []).append(memo)
        pending = list(gone)
        while pending:
            state = pending.pop()
            if state.alive and state.is_empty() and self.states.get(state.key) is state:
                state.alive = False
                del self.states[state.key]
                for memo in gone.get(state, ()):
                    pending.extend(self._home(read.state) for read in memo.dependencies if read.state.home is not None)
