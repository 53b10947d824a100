"""Picks what a context gives out: `collect` returns each node with its memo or state and its reads as `Picked`, in order.

`memos` writes what it picks as rows.  Takes only memos that `Context.memo` would show.  Where a node read itself beneath its
own tweak, the reads of that memo take its place, so that each node has one memo.  Dependencies come before their readers.

`_add` goes through the reads of a node without recursion, `_find` finds its facts, `_mark` flags what the engine needs to know,
`_error_from` where a failure began, `_edges` its reads and inner nodes.  `_open` and `_follow` begin and go on with a node,
`_seen_elsewhere` finds a memo that does not answer.
"""

from collections.abc import Iterable, Iterator

from attrs import define, field

from .._core.read import BENEATH, TWEAKED, Cache, Function, Key, Memo, Target, View, plain_key
from .._inspect.node_states import NodeStates, passed_from
from . import rows
from .streams import is_left_out, is_mark


@define(eq=False)
class Picked:
    """One node, and its memo or state in the context."""

    key: Key
    memo: Memo | None
    """Its memo; for a masked or forgotten node, a memo to take the edges from."""
    state: str
    flags: int = 0
    edges: list[tuple[int, Key]] = field(factory=list)
    """Its reads, in their order, the nodes that ran under contexts it opened, and the one that its error came from, by kind."""
    consulted: tuple[Target, ...] = ()
    """For a node that opened contexts: the tweakable nodes that it consulted, directly or through others."""
    times_read: int = 0
    is_open: bool = False
    """True until all that it read is in the order."""

    @property
    def answers(self) -> bool:
        """True when the memo answers for the node in the context."""
        return self.state in (rows.COMPUTED, rows.TWEAKED, rows.FAILED)

    @property
    def has_value(self) -> bool:
        """True when the memo answers in the context, with a value."""
        return self.state in (rows.COMPUTED, rows.TWEAKED) and self.memo is not None


def collect(view: View, wanted: Iterable[Key] | None) -> list[Picked]:
    """Returns all nodes of a view, or some and their dependencies, in an order in which dependencies come first."""
    states = NodeStates(view)
    known: dict[Key, Picked] = {}
    order: list[Picked] = []
    keys = list(_keys(view) if wanted is None else wanted)
    # Nodes that answer come first, so that a dependency that is gone is written as it was read.
    silent = []
    for key in keys:
        if key in known:
            continue
        if states.memo(key) is None:
            silent.append(key)
        else:
            _add(states, known, order, key)
    for key in silent:
        _add(states, known, order, key)
    for found in order:
        for kind, key in found.edges:
            if kind == rows.READ:
                known[key].times_read += 1
    return order


def _keys(view: View) -> Iterator[Key]:
    """The nodes that the caches of a view know, and those that it tweaks."""
    cache: Cache | None = view.cache
    while cache is not None:
        yield from [key for key, _ in cache.list_homes() if key[0] is not BENEATH and not is_left_out(view, key)]
        cache = cache.beneath
    yield from (key for key in view.tweaks.content if not isinstance(key, Function))


def _add(states: NodeStates, known: dict[Key, Picked], order: list[Picked], first: Key) -> None:
    """Adds a node after all that it reads; without recursion, as chains are long."""
    if first in known:
        return
    stack = [_open(states, known, first, None)]
    while stack:
        found, reads = stack[-1]
        for key, read in reads:
            if key not in known:
                stack.append(_open(states, known, key, read))
                break
        else:
            stack.pop()
            order.append(found)


def _open(
    states: NodeStates, known: dict[Key, Picked], key: Key, read: Memo | None
) -> tuple[Picked, Iterator[tuple[Key, Memo | None]]]:
    """Returns a node, noted as known, and its dependencies that must be added before it."""
    found = known[key] = _find(states, key, read)
    memo = found.memo
    if memo is None or not (memo.dependencies or memo.inner_nodes):
        return found, iter(())
    edges = dict.fromkeys(_edges(memo))
    circular = {key for kind, key, _ in edges if kind == rows.READ and key in known and known[key].is_open}
    if circular:  # only a memo of another scenario can be read in a circle
        found.flags |= rows.LOST
    found.edges = list(dict.fromkeys((kind, key) for kind, key, _ in edges if key not in circular))
    passed = _error_from(memo)
    if passed is not None and passed not in circular:
        found.edges.append((rows.ERROR_FROM, passed))
    return found, _follow(known, found, {key: memo for _, key, memo in edges if key not in circular})


def _follow(known: dict[Key, Picked], found: Picked, reads: dict[Key, Memo | None]) -> Iterator[tuple[Key, Memo | None]]:
    """Yields the reads of a node, and then flags the node if one of them is gone."""
    found.is_open = True
    yield from reads.items()
    found.is_open = False
    for key, read in reads.items():
        now = known[key].memo
        if read is None or now is read:
            continue
        if now is None or not known[key].answers:
            found.flags |= rows.LOST
        elif (now.failure is None) != (read.failure is None) or now.value is not read.value:
            found.flags |= rows.UNVERIFIED  # it was tried again since


def _find(states: NodeStates, key: Key, read: Memo | None) -> Picked:
    """Returns the known facts about a node; if it does not answer, from the memo `read`, which another node read."""
    view = states.view
    memo, handle = states.memo(key), view.tweaks.handle_of(key)
    is_tweaked = handle is not None and not handle.spec.is_untweak
    found = Picked(key, memo, rows.COMPUTED, rows.SOURCE if key[0].is_source else 0)
    if memo is None:
        found.memo = read or _seen_elsewhere(view, key)
        found.state = rows.MASKED if states.find_state(key, None) == rows.MASKED else rows.NOT_RUN
    elif memo.failure is not None:
        found.state = rows.FAILED
    elif is_tweaked:
        found.state = rows.TWEAKED
    found.flags |= rows.MARK if is_mark(key) else 0
    if found.memo is not None:
        _mark(view, found, found.memo)
        if is_tweaked and found.memo.body != TWEAKED:
            found.flags |= rows.UNVERIFIED  # the read beneath the tweak is written as its own reads
    return found


def _mark(view: View, found: Picked, memo: Memo) -> None:
    """Sets the flags of a memo that the engine needs to bring it in."""
    found.flags |= rows.TRANSIENT if memo.transient else 0
    found.flags |= rows.SERVES_CALL if memo.call is not None else 0
    if memo.must_run and memo.body != TWEAKED:
        found.flags |= rows.UNVERIFIED
    if _has_opened(memo):
        found.flags |= rows.OPENED
        found.consulted = tuple(view.group.bits.find_targets(memo.footprint))


def _has_opened(memo: Memo) -> bool:
    own = memo.home.key
    return memo.opened or any(plain_key(read.home.key) == plain_key(own) and _has_opened(read) for read in memo.dependencies)


def _seen_elsewhere(view: View, key: Key) -> Memo | None:
    """Returns a memo of the node that does not answer here, to show its dependencies."""
    cache: Cache | None = view.cache
    while cache is not None:
        home = cache.find_home(key)
        memo = None if home is None else next(home.memos(), None)
        if memo is not None:
            return memo
        cache = cache.beneath
    return None


def _error_from(memo: Memo) -> Key | None:
    """Returns the node from which a failed node had its error, past its own node beneath a tweak; None when that is its own."""
    passed = passed_from(memo)
    while passed is not None and plain_key(passed.home.key) == plain_key(memo.home.key):
        passed = passed_from(passed)
    return None if passed is None else plain_key(passed.home.key)


def _edges(memo: Memo) -> Iterator[tuple[int, Key, Memo | None]]:
    """The reads of a memo and the nodes that ran inside it; a read of its own node beneath a tweak counts as its reads."""
    own = plain_key(memo.home.key)
    for read in memo.dependencies:
        key = plain_key(read.home.key)
        if key == own:
            yield from _edges(read)
        else:
            yield rows.READ, key, read
    for key in memo.inner_nodes:
        plain = plain_key(key)
        yield (rows.RAN_INSIDE if plain is key else rows.RAN_BENEATH), plain, None
