"""First tweaks of many nodes at once: what each memo gets is what a walk for each node gives, in one pass."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dug
from dug._core.facts.memo import DEAD, LIVE
from dug._core.facts.node import plain_key
from dug._core.facts.sparse import list_places
from dug._core.state import group


@dug.memoize
def leaf(number: int) -> int:
    """Return an input."""
    return number


@dug.memoize
def price(number: int) -> int:
    """Return the sum of two inputs; which is the second depends on the first."""
    return leaf(number) + leaf(leaf(number) % 3)


@dug.memoize
def twice(number: int) -> int:
    """Return twice a price, the only read."""
    return 2 * price(number)


@dug.memoize
def inside(number: int) -> int:
    """Return two prices, one of them under a context of its own."""
    with dug.Context({leaf.node(number): 7, price.node(1): dug.shift(1)}):
        here = price(number) + price(1)
    return here + price((number + 1) % 4)


@dug.memoize
def local(number: int) -> int:
    """Return a price by way of a function that is made anew in each run."""

    @dug.memoize
    def helper(x: int) -> int:
        return price(x) + leaf(3)

    return helper(number)


@dug.memoize
def maker() -> Any:
    """Return a function that it made, and called."""

    @dug.memoize
    def escaped(x: int) -> int:
        return price(x)

    escaped(1)
    return escaped


@dug.memoize
def top() -> int:
    """Return the sum of everything."""
    return sum(price(number) + inside(number) + local(number) for number in range(4))


NODES = [node(number) for node in (leaf.node, price.node) for number in range(4)]
NODES += [twice.node(0), twice.node(3), inside.node(0), inside.node(2), local.node(1), top.node()]
tweaks = st.dictionaries(
    st.sampled_from([*NODES, leaf, price]), st.sampled_from([dug.shift(1), dug.scale(3), dug.UNTWEAKED]), min_size=1, max_size=3
)
scripts = st.lists(
    st.one_of(tweaks, st.tuples(st.sampled_from(NODES), st.booleans()), st.lists(st.sampled_from(NODES), min_size=1, max_size=4)),
    max_size=6,
)


def lose(cache, node, *, is_found_again):
    """Invalidate a node, or take out its memo under the memos that read it, as if it came from a file without its value."""
    home = cache.find_home(node._key)
    if is_found_again:
        cache.group.forget([node._key])
    elif home is not None and home.plain is not None:
        home.has_lost = True
        cache.remove(home.plain, DEAD)


def play(script, first: list[Any], *, at_once: bool):
    """Return the footprint and the bits below of each memo, after a script and the first bits of some nodes."""
    with dug.Context() as ctx, ExitStack() as opened:
        for step in script:
            if isinstance(step, dict):
                opened.enter_context(dug.Context(step))
            elif isinstance(step, tuple):
                lose(ctx.cache, step[0], is_found_again=step[1])
            else:
                for node in step:
                    node()
        group, last = ctx.cache.group, maker().node(1)
        if at_once:
            group.give_bits([node._key for node in (*first, last)])
        else:
            for node in (*first, last):
                group.give_bit(node._key)
        names = {group.give_bit(node._key): str(node) for node in (*NODES, last)}
        return sorted(
            (
                str(key),
                str(memo.value),
                *([names[bit] for bit in names if bit & has] for has in (memo.footprint, memo.footprint_below)),
            )
            for key, home in ctx.cache.list_homes()
            if not plain_key(key)[0].is_local  # these go as the garbage collector comes
            for memo in home.memos()
        )


@given(script=scripts, first=st.lists(st.sampled_from(NODES), min_size=2, max_size=6, unique=True))
@settings(deadline=None)
def test_many_nodes_at_once_get_what_each_would_get(script, first):
    """Each memo has the bits of the same nodes, in its footprint and below."""
    assert play(script, first, at_once=True) == play(script, first, at_once=False)


@pytest.mark.parametrize(
    ("script", "first"),
    [
        ([[twice.node(0)], (price.node(0), False)], [leaf.node(0), leaf.node(2)]),
        ([[twice.node(0)], (price.node(0), False)], [price.node(0), leaf.node(2)]),
        ([[inside.node(0)]], [price.node(0), leaf.node(3)]),
        ([{price: dug.shift(1), price.node(0): dug.shift(1)}, [price.node(0)]], [leaf.node(0), twice.node(0)]),
    ],
    ids=["a read that is gone", "a read that is gone is tweaked", "a node that ran under a context", "a bump over another"],
)
def test_rare_ways_lead_to_a_memo(script, first):
    """The same for ways to a memo that few programs have."""
    assert play(script, first, at_once=True) == play(script, first, at_once=False)


@dug.memoize
def desk(number: int) -> int:
    """Return the sum of ten inputs."""
    return sum(map(leaf, range(10 * number, 10 * number + 10)))


@dug.memoize
def book(desks: int) -> int:
    """Return the sum of all desks."""
    return sum(map(desk, range(desks)))


class Looked:
    """A cache that counts how often a node is looked for in it."""

    def __init__(self, cache, looks):
        self._cache, self._looks = cache, looks

    def find_home(self, key):
        """Return the home of a node."""
        self._looks.append(key)
        return self._cache.find_home(key)

    def __getattr__(self, name):
        return getattr(self._cache, name)


def count_looks(desks, monkeypatch):
    """Return how often a context that tweaks every input for the first time looks at a node and its readers."""
    looks = []
    with monkeypatch.context() as patch, dug.Context():
        book(desks)
        for name in ("Spread", "Walk"):
            real = getattr(group, name)
            made = lambda caches, *args, real=real, **options: real([Looked(cache, looks) for cache in caches], *args, **options)  # noqa: E731
            patch.setattr(group, name, made)
        with dug.Context({leaf.node(number): 1 for number in range(10 * desks)}):
            assert book(desks) == 10 * desks
    return len(looks)


def test_first_tweaks_look_at_each_node_once(monkeypatch):
    """A context that tweaks all inputs of a book looks once at each input, desk and book; a walk for each looks at 30 nodes."""
    assert count_looks(20, monkeypatch) == 200 + 20 + 1


def test_what_was_computed_before_is_masked():
    """Every memo that depends on one of the tweaked nodes runs again, and no other."""
    with dug.Context() as ctx:
        book(3)
        with dug.Context({leaf.node(number): 100 for number in (*range(9), 25)}):
            assert book(3) == sum(range(30)) + 1_000 - sum(range(9)) - 25
            assert [desk.node(number) in ctx for number in range(3)] == [True] * 3
        base = {memo for _, home in ctx.cache.list_homes() for memo in home.memos() if not memo.restriction}
        places = {len(list_places(memo.footprint)) for memo in base if memo.home.key[0] is desk._self_function}

    assert places == {9, 0, 1}


def test_an_interrupt_within_forgets_what_may_lack_a_bit(monkeypatch):
    """As with a walk: nobody knows which memos have their bits, so all of them go, and the next call is right."""

    def strike(self, memo):
        raise KeyboardInterrupt

    with dug.Context() as ctx:
        book(2)
        with monkeypatch.context() as patch:
            patch.setattr(group.Spread, "bits_of", strike)
            with pytest.raises(KeyboardInterrupt), dug.Context(dict.fromkeys(map(leaf.node, range(9)), 5)):
                pass

        assert not [memo for _, home in ctx.cache.list_homes() for memo in home.memos() if memo.status == LIVE]
        with dug.Context({leaf.node(1): 5, leaf.node(2): 5}):
            assert book(2) == sum(range(20)) + 4 + 3


def ask_once_after(walk, ask):
    """Return a walk that is followed, the first time, by what a finalizer asks."""
    asks = [ask]

    def run(self, *args):
        done = walk(self, *args)
        while asks:
            asks.pop()()
        return done

    return run


@pytest.mark.parametrize("nodes", [[leaf.node(1)], [leaf.node(1), leaf.node(2)]], ids=["one node", "several"])
def test_what_a_finalizer_files_during_a_walk_gets_the_bits(nodes, monkeypatch):
    """The collector may run a finalizer that asks for a node when the walk of a first tweak has passed its dependencies."""
    with dug.Context():
        assert leaf(1) + leaf(2) == 3
        with monkeypatch.context() as patch:
            for kind, name in ((group.Walk, "follow"), (group.Spread, "__init__")):
                patch.setattr(kind, name, ask_once_after(getattr(kind, name), lambda: price(1)))
            context = dug.Context(dict.fromkeys(nodes, 10))
            if len(nodes) > 1:
                dug.current_context().cache.group.give_bits([node._key for node in nodes])
            with context:
                pass

        assert price(1) == 2
        with context:
            assert price(1) == 20


def test_what_a_finalizer_files_during_an_invalidation_is_forgotten(monkeypatch):
    """The collector may run a finalizer that asks for a node when the walk of an invalidation has passed its dependencies."""
    outside = [1]
    seen = dug.source(name="spread:seen")(lambda: outside[0])
    read = dug.memoize(name="spread:read")(lambda: 10 * seen())
    asked = dug.memoize(name="spread:asked")(lambda: read() + 1)
    with dug.Context() as ctx:
        assert read() == 10
        outside[0] = 2
        with monkeypatch.context() as patch:
            patch.setattr(group.Walk, "follow", ask_once_after(group.Walk.follow, asked))
            ctx.invalidate(seen.node())

        assert (read(), asked()) == (20, 21)
