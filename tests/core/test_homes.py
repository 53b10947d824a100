"""`Homes`, the tables of the nodes of a cache, against dicts; and which memo a home answers with by itself."""

from __future__ import annotations

import gc
import subprocess
import sys
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.calls import list_calls

import dug
from dug._core.facts.binding import PartialKey
from dug._core.facts.events import Subscription
from dug._core.facts.extra import Extra
from dug._core.facts.homes import NO_HOMES, Homes, args_of
from dug._core.facts.memo import DEAD, LIVE, STALE, Memo, NodeMemos, ScenarioBase
from dug._core.facts.node import BENEATH
from dug._core.facts.sparse import make_bit, union
from dug._core.steps.frame import current
from dug.testing import EventLog


class Meddler:
    """A key element that is equal to its like and does something whenever it is compared."""

    def __init__(self, name, act=lambda: None):
        self.name, self.act = name, act

    def __hash__(self):
        return 7

    def __eq__(self, other):
        self.act()
        if not isinstance(other, Meddler):
            return NotImplemented
        other.act()
        return self.name == other.name


class Broken:
    """A key element that raises in one of its methods once it is told in which."""

    broken = None

    def __hash__(self):
        return 7 if self.broken != "hash" else 1 // 0

    def __eq__(self, other):
        return self is other if self.broken != "eq" else 1 // 0


def put(homes, *elements):
    """Put a new home with a key of these elements into a table, and return it."""
    home = NodeMemos(elements, None)
    assert homes.put(elements, home) is home
    return home


def move(homes):
    """Move the homes of a table, as a cache does, and return the new table."""
    cache, made = SimpleNamespace(homes=homes), Homes()
    homes.move_to(made, cache)
    assert cache.homes is made
    return made


@pytest.fixture
def homes():
    """Returns an empty table."""
    return Homes()


# Few values, equal across types, with clashing hashes (-1 and -2; multiples of 2**61 - 1), so that keys meet.
elements = st.one_of(
    st.sampled_from(
        [0, 0.0, -0.0, False, 1, 1.0, True, Fraction(1), -1, -2, 2**61 - 1, 2**62 - 2, "a", b"a", None, (), (1,), (1.0,)]
    ),
    st.integers(0, 40),
    st.floats(allow_nan=True, width=16),
    st.builds(Meddler, st.sampled_from("ab")),
)
# A function has keys of one kind; those beneath a tweak stand for themselves.
plain_keys = st.tuples(st.sampled_from("fg"), st.lists(elements, max_size=3)).map(lambda key: (key[0], *key[1]))
partial_keys = st.tuples(st.sampled_from("pq"), st.lists(elements, max_size=2)).map(lambda key: PartialKey((key[0], *key[1])))
keys_beneath = st.tuples(st.just(BENEATH), plain_keys | partial_keys, st.integers(0, 1))
keys = plain_keys | partial_keys | keys_beneath
steps = st.one_of(
    st.tuples(st.just("put"), keys),
    st.tuples(st.just("get"), keys),
    st.tuples(st.just("take out"), st.integers(0, 20)),
    st.tuples(st.just("take out another"), keys),
    st.tuples(st.just("take all")),
    st.tuples(st.just("move")),
)


@given(st.lists(steps, max_size=40))
def test_homes_are_a_dict_for_each_function(script):
    """Whatever is put in, looked up and taken out, the tables agree with dicts by whole keys, in their order too."""
    table, model = Homes(), {}
    for verb, *given_ in script:
        if verb == "put":
            home, nodes = NodeMemos(given_[0], None), model.setdefault(given_[0][0], {})
            assert table.put(given_[0], home) is nodes.setdefault(given_[0], home)
        elif verb == "get":
            assert table.get(*given_) is model.get(given_[0][0], {}).get(*given_)
        elif verb == "take out" and any(model.values()):
            known = [home for nodes in model.values() for home in nodes.values()]
            home = known[given_[0] % len(known)]
            assert table.take_out(home) is True
            del model[home.key[0]][home.key]
            if not model[home.key[0]]:
                del model[home.key[0]]
        elif verb == "take out another":
            assert table.take_out(NodeMemos(given_[0], None)) is False
        elif verb == "take all":
            assert table.take_all() == [home for nodes in model.values() for home in nodes.values()]
            model.clear()
        elif verb == "move":
            before, table = table, move(table)
            assert len(before) == 0
            assert before.list_all() == []

        assert table.list_all() == [home for nodes in model.values() for home in nodes.values()]
        assert len(table) == len(table.list_all())
        assert all(table.list_of(function) == list(nodes.values()) for function, nodes in model.items())
    assert all(table.get(key) is home for nodes in model.values() for key, home in nodes.items())


@given(plain_keys)
def test_a_node_is_found_by_its_arguments(key):
    """The only one stands for itself, so that a call makes no tuple; but a tuple, which others could be taken for."""
    args = args_of(key)

    assert args is key[1] if len(key) == 2 and not isinstance(key[1], tuple) else args == key[1:] and type(args) is tuple


def test_a_table_keeps_the_order_in_which_homes_came(homes):
    """However large it becomes, and whatever was taken out in between, homes are listed as they came."""
    came = [put(homes, "f", number) for number in range(1000)]
    left = [home for number, home in enumerate(came) if number % 3]
    assert all(homes.take_out(home) for number, home in enumerate(came) if number % 3 == 0)
    left += [put(homes, "f", -number) for number in range(1000, 1500)]

    assert homes.list_all() == left
    assert move(homes).list_all() == left


def test_a_table_stays_small_when_functions_come_and_go(homes):
    """A function without nodes is let go, so that a table grows only with its content."""
    stays = put(homes, "stays")
    for number in range(10_000):
        assert homes.take_out(put(homes, number))

    assert homes.list_all() == [stays]
    assert list(homes.tables) == ["stays"]


def test_an_empty_table_gives_nothing(homes):
    """There is nothing to find, to list or to take out."""
    assert homes.get((1,)) is None
    assert homes.take_out(NodeMemos((1,), None)) is False
    assert homes.list_all() == homes.list_of(1) == move(homes).list_all() == []
    assert homes.take_all() == []


def test_the_homes_of_a_function_are_found(homes):
    """They are listed by the very object that comes first in their keys."""
    functions = [object(), object(), object()]
    found = [[put(homes, function, number) for number in range(20)] for function in functions[:2]]

    assert [homes.list_of(function) for function in functions] == [*found, []]


def test_who_looks_where_the_homes_were_finds_nothing(homes):
    """Moved homes are in the new table alone, and the old one has another serial."""
    home, serial = put(homes, 1), homes.serial
    moved = move(homes)

    assert len({serial, homes.serial, moved.serial}) == 3
    assert (moved.get((1,)), homes.get((1,))) == (home, None)
    assert (moved.list_all(), homes.list_all()) == ([home], [])
    assert (len(moved), len(homes)) == (1, 0)
    assert homes.take_out(home) is False
    assert moved.take_out(home) is True


def test_a_home_is_taken_out_but_no_other_with_its_key(homes):
    """A home that came too late is not the one in the table."""
    home, late = put(homes, 1), NodeMemos((1,), None)

    assert homes.put((1,), late) is home
    assert homes.take_out(late) is False
    assert homes.list_all() == [home]


def test_a_nan_is_found_by_identity(homes):
    """A NaN equals nothing, but the very same NaN is found, as in a dict."""
    nan = float("nan")
    home = put(homes, "f", nan)

    assert homes.get(("f", nan)) is home
    assert homes.get(("f", float("nan"))) is None


@pytest.mark.parametrize("where", ["hash", "eq"])
@pytest.mark.parametrize("verb", ["get", "put", "take out"])
def test_an_error_of_an_element_passes_through(homes, where, verb):
    """An error of hashing or comparing an argument comes out, and the table is as before."""
    key = ("f", Broken())
    home, other = put(homes, "f", Meddler("a")), NodeMemos(key, None)
    acts = {
        "get": lambda: homes.get(key),
        "put": lambda: homes.put(key, other),
        "take out": lambda: homes.take_out(other),
    }
    key[1].broken = where

    with pytest.raises(ZeroDivisionError):
        acts[verb]()
    assert homes.list_all() == [home]
    assert homes.get(("f", Meddler("a"))) is home


@pytest.mark.parametrize("verb", ["get", "put"])
def test_an_argument_without_a_hash_is_no_key(homes, verb):
    """It is an error like that of a dict, and nothing is put in."""
    key, home = ("f", []), put(homes, "f", 1)
    with pytest.raises(TypeError, match="unhashable"):
        homes.get(key) if verb == "get" else homes.put(key, NodeMemos(key, None))

    assert homes.list_all() == [home]


@pytest.mark.parametrize("verb", ["get", "put", "take out"])
@pytest.mark.parametrize("act", ["move", "grow", "replace", "shrink"])
def test_the_table_may_change_while_a_key_is_compared(homes, verb, act):
    """A search ends in the nodes of its function as they are then; who puts a home in is told when these have moved."""
    done = ["not yet"]

    def change():
        if done:
            return
        done.append(act)
        if act == "move":
            done.append(move(homes))
        elif act == "grow":
            done.extend(put(homes, "f", number) for number in range(100))
        else:
            assert homes.take_out(home)
            if act == "replace":
                done.append(put(homes, "f", Meddler("a")))

    others = [put(homes, "f", Meddler(name)) for name in "xy"]
    probe = ("f", Meddler("a", change))
    home = put(homes, *probe)
    made = NodeMemos(probe, None)
    done.clear()

    if verb == "get":
        got = homes.get(probe)
        assert got is {"move": home, "grow": home, "replace": done[-1], "shrink": None}[act]
    elif verb == "put":
        got = homes.put(probe, made)
        assert got is {"move": None, "grow": home, "replace": done[-1], "shrink": made}[act]
    else:
        assert homes.take_out(home) is (act in {"grow", "move"})
    where = done[1] if act == "move" else homes
    left = {"move": [*others, home], "grow": [*others, home, *done[1:]], "replace": [*others, done[-1]], "shrink": others}[act]
    if verb == "take out" and home in left:
        left.remove(home)
    if verb == "put" and act == "shrink":
        left = [*left, made]
    assert where.list_all() == left


def test_a_search_that_looks_up_others_ends(homes):
    """Comparing may look up homes itself, which changes nothing: the search is not begun anew."""
    other = put(homes, "f", 1)
    compared = []

    def look():
        compared.append(1)
        assert len(compared) < 100, "the search does not end"
        assert homes.put(("f", 1), NodeMemos(("f", 1), None)) is other

    home = put(homes, "f", Meddler("a"))

    assert homes.get(("f", Meddler("b", look))) is None
    assert homes.get(("f", Meddler("a", look))) is home


def test_a_key_that_comes_in_while_it_is_searched_for_is_there_once(homes):
    """A home put in by an argument's own code is found by the search that ran it, and no other is put in."""
    for name in "bca":
        put(homes, "f", Meddler(name))
    homes.take_out(homes.get(("f", Meddler("a"))))
    acts = [lambda: acts.append(put(homes, "f", Meddler("d")))]
    probe = ("f", Meddler("d", lambda: acts.pop(0)() if callable(acts[0]) else None))
    got = homes.put(probe, NodeMemos(probe, None))

    assert [got] == acts
    assert len(homes) == 3
    assert homes.take_out(got)
    assert homes.get(("f", Meddler("d"))) is None


class Hashed:
    """A function that does something when its hash is asked for, after so many times."""

    def __init__(self):
        self.acts = []

    def __hash__(self):
        if self.acts:
            self.acts.pop()()
        return 7


def test_a_home_that_comes_while_its_function_is_let_go_is_not_lost(homes):
    """Another thread may put one in when the last one was just taken out."""
    function, came = Hashed(), []
    home = put(homes, function, 1)
    function.acts[:] = [lambda: came.append(put(homes, function, "late")), lambda: None]
    assert homes.take_out(home)

    assert homes.list_all() == came
    assert homes.get((function, "late")) is came[0]


def test_finalizers_may_use_the_table_that_lets_go_of_them(homes):
    """An argument that a table drops may ask the table again, in its own finalizer."""
    seen = []

    class Final:
        def __del__(self):
            seen.append((len(homes), homes.get((1,))))
            put(homes, len(seen), "late")

    stays = put(homes, 1)
    homes.take_out(put(homes, "f", Final()))
    put(homes, "moved", Final())
    move(homes)

    assert seen == [(1, stays), (0, None)]
    put(homes, "taken", Final())
    homes.take_all()

    assert seen == [(1, stays), (0, None), (0, None)]
    assert homes.get((3, "late")).key == (3, "late")


FREED_DEEP_DOWN = """
import gc, sys
import dug

def make():
    fn = dug.memoize(lambda number: number)
    list(map(fn, range(3)))
    return fn

def go_down():
    try:
        go_down()
    except RecursionError:
        pass
    if fns:
        fns.pop()
        gc.collect()

sys.unraisablehook = print
with dug.Context():
    fns = [make() for _ in range(200)]
    for _ in range(200):
        make()
    sys.setrecursionlimit(200)
    go_down()
    sys.setrecursionlimit(1000)
print(len(fns) < 200)
"""


def test_a_table_is_freed_where_no_call_fits_any_more():
    """The collector may free a local function at any depth, and does not stay there."""
    ended = subprocess.run([sys.executable, "-c", FREED_DEEP_DOWN], capture_output=True, text=True, timeout=60, check=True)

    assert ended.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize("place", ["key", "value"])
def test_a_table_in_a_cycle_is_collected(place):
    """The garbage collector sees keys and memos."""

    class Value:
        pass

    def leave():
        homes, value = Homes(), Value()
        value.homes = homes
        home = put(homes, "f", value if place == "key" else 1)
        home.plain = Memo(home, value if place == "value" else None, 0)
        return ref(value)

    watched = leave()
    assert watched() is not None
    gc.collect()

    assert watched() is None


def test_a_table_that_is_taken_apart_frees_no_chain():
    """Its homes are empty, or go with it; a memo that somebody still holds has no reads any more."""
    homes = Homes()
    below, above = put(homes, 1), put(homes, 2)
    below.plain = Memo(below, 1, 0)
    above.plain = held = Memo(above, 2, 0, (below.plain,))
    gone = ref(below)
    below = above = None
    homes.take_apart()
    homes = None

    assert held.dependencies == ()
    assert gone() is None


# Homes of calls, which may have no key of their own.


@dug.memoize
def nothing():
    """Return a number."""
    return 0


@dug.memoize
def one(argument):
    """Return the type of the argument."""
    return type(argument).__name__


@dug.memoize
def two(first, second=5):
    """Return both."""
    return first, second


@dug.memoize
def named(*, first, second="b"):
    """Return both."""
    return first, second


@dug.memoize
def any_of(*args, **kwargs):
    """Return all of them."""
    return args, kwargs


@dug.memoize
def many(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r):  # noqa: E741, PLR0917  more than a call has room for
    """Return some of them."""
    return a, i, r


def call(function, *args, **kwargs):
    """Return the node of a call, and what makes it."""
    return function.node(*args, **kwargs), lambda: function(*args, **kwargs)


CALLS = [
    call(nothing), call(one, 1), call(one, "x"), call(one, None), call(one, 1.5), call(one, b"x"), call(one, 2**80),
    call(one, ()), call(one, (1,)), call(one, ((1,),)), call(one, frozenset()), call(one, Fraction(1, 3)), call(one, one),
    call(two, 1), call(two, 1, 2), call(two, (1, 2)), call(two, (), ()), call(two, None, None), call(named, first=1),
    call(named, first=1, second=2), call(any_of), call(any_of, 1), call(any_of, (1,)), call(any_of, 1, x=2),
    call(one, -1), call(one, -2), call(two, -1), call(two, -2), call(two, 5, -1), call(two, 5, -2),  # their hashes are equal
    call(many, *range(18)), call(many, *range(17), "x"), call(many, *[()] * 18),
]  # fmt: skip


@pytest.mark.parametrize(("node", "make"), CALLS, ids=[str(node) for node, _ in CALLS])
def test_the_home_of_a_call_gives_its_key(node, make):
    """Whatever the arguments, the home of a call has the key of its node, and is found and taken out by it."""
    with dug.Context(cache=dug.Cache()) as ctx:
        make()
        table, (home,) = ctx.cache.homes, ctx.cache.homes.list_all()

        assert home.key == node._key
        assert type(home.key) is tuple
        assert [type(element) for element in home.key] == [type(element) for element in node._key]
        assert ctx.cache.list_homes() == [(node._key, home)]
        assert table.get(node._key) is ctx.cache.find_home(node._key) is home
        assert table.put(node._key, NodeMemos(node._key, None)) is home
        assert table.list_of(node._key[0]) == [home]
        assert table.take_all() == [home]
        assert table.put(home.key, home) is home
        assert table.take_out(home)
        assert table.get(node._key) is None


def test_calls_are_told_apart_by_all_of_their_key():
    """The function, the number of arguments and each of them count."""
    with dug.Context(cache=dug.Cache()) as ctx:
        for _, make in CALLS * 2:
            make()

        keys = [node._key for node, _ in CALLS]
        functions = list(dict.fromkeys(key[0] for key in keys))
        assert [key for key, _ in ctx.cache.list_homes()] == sorted(keys, key=lambda key: functions.index(key[0]))


@pytest.mark.parametrize("first", [1, True, 1.0, Fraction(1)])
def test_equal_arguments_are_one_node_with_those_that_came_first(first):
    """Arguments of other types that are equal ask for the same node, by a call and by a key."""
    with dug.Context(cache=dug.Cache()) as ctx:
        for argument in (first, 1, True, 1.0, Fraction(1)):
            assert one(argument) == type(first).__name__
            assert two(argument, argument) == (first, first)
            assert two((argument,), ()) == ((first,), ())
            assert one.node(argument) in ctx

        single, pair, nested = ctx.cache.homes.list_all()
        assert single.key[1] is pair.key[1] is pair.key[2] is nested.key[1][0] is first
        assert all(ctx.cache.find_home(one.node(other)._key) is single for other in (1, True, 1.0, Fraction(1)))


def test_a_home_without_a_key_has_no_other_attribute_either():
    """What a home does not have is an AttributeError that names it."""
    with dug.Context(cache=dug.Cache()) as ctx:
        one(1)
        (home,) = ctx.cache.homes.list_all()
    for found in (home, NodeMemos((1,), None)):
        with pytest.raises(AttributeError, match="kex"):
            found.kex  # noqa: B018


def named_function(number):
    """Return a function of a module of its own that is gone."""
    module = ModuleType(f"passing_{number}")
    sys.modules[module.__name__] = module
    exec("import dug\n@dug.memoize\ndef passing(x): return x", vars(module))
    del sys.modules[module.__name__]
    return module.passing


@pytest.mark.slow
def test_functions_that_have_no_nodes_any_more_are_let_go():
    """A cache keeps a function for as long as it has nodes of it, and no longer."""
    watched = []
    with dug.Context(cache=dug.Cache()) as ctx:
        for number in range(300):
            passing = named_function(number)
            assert passing(1) == 1
            watched.append(ref(passing.node(1)._key[0]))
            if number < 299:
                ctx.clear()
            del passing
        gc.collect()

        assert sum(one() is not None for one in watched) == 1
        assert watched[-1]() is not None
        assert [home.key for home in ctx.cache.homes.list_all()] == [(watched[-1](), 1)]


# Which memo a home answers with by itself.


def scenario(serial, *, mask=0, after=None):
    """Return a scenario, as far as a home must know it."""
    made = ScenarioBase(serial, mask | 1)
    made.after = after
    return made


@pytest.fixture
def home():
    """Return a home with no memo."""
    return NodeMemos(("f", 1), None)


def test_a_home_answers_with_what_read_no_tweak_where_nothing_it_read_is_tweaked(home):
    """Such a memo needs no note of where it was found."""
    assert home.recall(scenario(1)) is None
    home.plain = memo = Memo(home, 1, 0, footprint=0b110)
    assert home.recall(scenario(1)) is None  # not in force yet
    memo.open_footprint = memo.footprint

    assert home.recall(scenario(1)) is memo
    assert home.recall(scenario(2, mask=0b1000)) is memo
    assert home.recall(scenario(3, mask=0b100)) is None


def test_the_sum_of_footprints_is_known_where_each_read_brings_what_it_brought(home):
    """As an object: sets that are equal are compared by whoever adds them up."""
    high = make_bit(5_000), make_bit(6_000)
    old, same, other = ([Memo(NodeMemos(("g", bits), None), 1, 0, footprint=bits) for bits in high] for _ in range(3))
    other[1].footprint = make_bit(6_000)
    both = union(high)
    assert home.find_sum(tuple(same)) is None
    home.newest = before = Memo(home, 1, 0, tuple(old), both, both)

    assert home.find_sum(tuple(same)) is both
    assert home.find_sum(tuple(other)) is None
    assert home.find_sum(tuple(same[:1])) is None
    assert home.find_sum((*same, same[0])) is None
    old[1].status = DEAD  # it gets no new bits, and what has read it does
    assert home.find_sum(tuple(same)) is None
    old[1].status, before.status = LIVE, STALE
    assert home.find_sum(tuple(same)) is None


@pytest.mark.parametrize("beside", [("opened", True), ("extra", Extra()), ("body", 1)], ids=["context", "inner", "tweak"])
def test_a_sum_with_something_beside_it_is_not_taken_over(home, beside):
    """What a run read in its own contexts, or its node beneath a tweak, is in the footprint too, or is left out of it."""
    read = Memo(NodeMemos("g", None), 1, 0, footprint=make_bit(5_000))
    home.newest = Memo(home, 1, 0, (read,), read.footprint, read.footprint)
    assert home.find_sum((read,)) is read.footprint

    setattr(home.newest, *beside)
    assert home.find_sum((read,)) is None


def test_a_home_answers_with_the_memo_at_hand_where_it_was_found(home):
    """In another scenario it is asked about again."""
    memo = Memo(home, 1, 0, footprint=0b10, restriction=frozenset({5}))
    home.keep_at_hand(memo, scenario(1, mask=0b10))

    assert home.recall(scenario(1, mask=0b10)) is memo
    assert home.recall(scenario(2, mask=0b10)) is None
    assert home.recall(scenario(2, mask=0b10, after=(3, 0))) is None


def test_a_memo_found_in_the_scenario_before_answers_unless_it_read_what_differs(home):
    """Then it counts as found there, so that it answers in the next one too."""
    memo = Memo(home, 1, 0, footprint=0b110, restriction=frozenset({5}))
    home.keep_at_hand(memo, scenario(1))

    assert home.recall(scenario(2, after=(1, 0b10))) is None
    assert home.recall(scenario(2, after=(1, 0b1000))) is memo
    assert home.recall(scenario(3, after=(2, 0b1000))) is memo
    assert home.recall(scenario(4, after=(1, 0b1000))) is None
    assert home.recall(scenario(1)) is None
    assert home.recall(scenario(3)) is memo


def test_a_home_that_lost_all_memos_with_tweaks_has_the_next_one_alone_again(home):
    """The table of several goes with the last of them, as every step is quicker without it."""
    first, second, third = (Memo(home, 1, 0, footprint=0b10, restriction=frozenset({serial})) for serial in (5, 6, 7))
    for memo in (first, second):
        home.put_variant(memo)
    assert home.take_variant(first)
    assert list(home.memos()) == [second]
    assert home.take_variant(second)
    assert home.variants is None

    home.put_variant(third)
    assert home.variants is third


@pytest.mark.parametrize("status", [STALE, DEAD])
def test_a_memo_at_hand_that_is_not_in_force_any_more_does_not_answer(home, status):
    """Its status says so, wherever it still is at hand; it is not put there either."""
    memo = Memo(home, 1, 0, footprint=0b10, restriction=frozenset({5}))
    home.keep_at_hand(memo, scenario(1))
    memo.status = status
    assert home.recall(scenario(1)) is None
    home.keep_at_hand(memo, scenario(1))

    assert home.here is None


def test_what_a_home_finds_anyway_is_not_noted(home):
    """The plain memo is kept at hand only where something that it read is tweaked."""
    home.plain = memo = Memo(home, 1, 0, footprint=0b10)
    memo.open_footprint = memo.footprint
    home.keep_at_hand(memo, scenario(1))
    assert home.here is None

    home.keep_at_hand(memo, scenario(2, mask=0b10))
    assert home.here is memo


@dug.memoize
def rate():
    """Return a number to tweak."""
    return 0


@dug.memoize
def other_rate():
    """Return another one."""
    return 0


@dug.memoize
def charge(amount):
    """Return a number that rests on the first."""
    return amount + rate()


def test_a_scenario_is_answered_from_the_one_before_unless_something_differs():
    """A tweak of what a node did not read changes nothing for it; a tweak of what it read does."""
    with dug.Context({rate.node(): 1, other_rate.node(): 1}, cache=dug.Cache()) as ctx:
        assert charge(10) == 11
        memo = ctx.cache.find_home(charge.node(10)._key).here
        assert memo.value == 11
        ctx.tweak(other_rate.node(), 2)
        assert charge(10) == 11
        assert ctx.cache.find_home(charge.node(10)._key).here is memo
        with dug.Context({other_rate.node(): 3}):
            assert charge(10) == 11
            with dug.Context({rate.node(): 3}):
                assert charge(10) == 13
            assert charge(10) == 11
        ctx.tweak(rate.node(), 2)
        assert charge(10) == 12
        ctx.tweak(rate.node(), 1)
        assert charge(10) == 11


@dug.memoize
def above_charge():
    """Return a number that rests on a charge."""
    return charge(10) * 2


def find_home(ctx, node):
    """Return the home of a node in the cache of a context."""
    return ctx.cache.find_home(node._key)


def test_an_invalidated_memo_does_not_answer_wherever_it_still_is_at_hand():
    """It leaves its place, and a call that finds it all the same asks for another."""
    with dug.Context({rate.node(): 1}, cache=dug.Cache()) as ctx, EventLog(ctx) as log:
        above_charge()
        home = find_home(ctx, charge.node(10))
        memo = home.here
        ctx.invalidate(charge.node(10))
        assert home.here is None
        home.here = memo
        log.clear()
        assert charge(10) == 11

    assert log.computed == [charge.node(10)]
    assert home.here is not memo


@pytest.mark.parametrize("others", [0, 2])
def test_a_memo_is_not_at_hand_any_more_when_its_tweak_is_gone(others):
    """The next look takes it out, whether it is the only one of its node that read a tweak or one of several."""
    with dug.Context(cache=dug.Cache()) as ctx:
        charge(10)
        home = find_home(ctx, charge.node(10))
        kept = [dug.Context({rate.node(): 5 + number}) for number in range(others)]
        for inner in kept:
            with inner:
                charge(10)
        with dug.Context({rate.node(): 3}):
            assert charge(10) == 13
            assert home.here.value == 13
        nothing()

        assert home.here is None
        for inner in kept:
            with inner:
                assert charge(10) == 15 + kept.index(inner)


def test_while_a_function_is_in_doubt_open_frames_look_in_an_empty_table():
    """Calls come to the engine, which knows all nodes; as soon as the doubt is settled they are answered at once again."""
    with dug.Context(cache=dug.Cache()) as ctx:
        assert charge(10) == 10
        before = ctx.cache.homes
        settled = []
        ctx.cache.group.doubt(charge.node(10)._key[0], settled.append)
        assert before.list_all() == ctx.cache.quick.list_all() == []
        assert [home.key for home in ctx.cache.homes.list_all()] == [charge.node(10)._key, rate.node()._key]

        assert charge(10) == 10
        assert settled == [charge.node(10)._key[0]]
        assert ctx.cache.quick is ctx.cache.homes
        assert list_calls(lambda: charge(10)) == [] or not dug.COMPILED


@pytest.mark.parametrize("times", range(1, 7))
def test_a_node_whose_table_moves_while_it_is_looked_for_is_in_the_new_one(times):
    """A doubt may come while arguments are compared: no home is left where nobody finds it, and nothing runs twice."""
    left, computed = [times], []

    def doubt():
        left[0] -= 1
        if left[0] == 0:
            ctx.cache.group.doubt(one.node(1)._key[0], lambda _: None)

    with dug.Context(cache=dug.Cache()) as ctx:
        one(Meddler("x"))
        with ctx.listen(computed.append, kinds=("computed",)):  # calls are answered at once all the same
            for _ in range(2):
                assert one(Meddler("a", doubt)) == "Meddler"
        home = ctx.cache.home_of(one.node(Meddler("b", doubt))._key)

        assert left[0] <= 0
        assert len(computed) == 1
        assert len(ctx.cache.homes.list_all()) == 3
        assert ctx.cache.homes.get(home.key) is home


@pytest.mark.parametrize("is_near", [True, False], ids=["right around", "further out"])
def test_what_answers_around_is_verified_before_what_is_newest(is_near):
    """The memo that a tweak masks is the likeliest to hold."""
    with dug.Context({other_rate.node(): 1}, cache=dug.Cache()) as ctx:
        assert sum_of_rates() == 1
        with dug.Context({rate.node(): 5}):
            assert sum_of_rates() == 6
        around = dug.Context() if is_near else dug.Context({rate.node(): 7})
        with around, dug.Context({rate.node(): 0}), EventLog(ctx) as log:
            assert sum_of_rates() == 1

    assert log.computed == []


@dug.memoize
def sum_of_rates():
    """Return the sum of both rates."""
    return rate() + other_rate()


class Thing:
    """A value that can be watched."""


@pytest.mark.parametrize("among", ["alone", "in a run"])
def test_the_value_of_a_tweak_that_is_gone_is_not_at_hand(among):
    """The next look lets go of it, though the home of its node stays; the tweak that came after it stays at hand."""

    def ask(thing):
        with dug.Context({rate.node(): thing}):
            assert rate() is thing if among == "alone" else named_rate() == "Thing"

    with dug.Context(cache=dug.Cache()) as ctx:
        rate()
        watched = [ref(thing) for thing in [Thing(), Thing()] if ask(thing) is None]
        home = ctx.cache.find_home(rate.node()._key)
        nothing()
        assert [one() for one in watched] == [None, None]
        assert home.here is None

        with dug.Context({rate.node(): 3}):
            ask(Thing())
            assert rate() == 3
            nothing.node() in ctx  # noqa: B015  a look lets go of what waits
            assert home.here.value == 3
        assert rate() == 0


def test_the_value_of_a_tweak_that_was_asked_for_in_two_caches_is_at_hand_in_none():
    """It goes with its tweak, whichever cache met it last."""
    base, layer = dug.Context(cache=dug.Cache()), dug.Context(cache=dug.Cache())

    def ask(thing):
        inner = dug.Context({rate.node(): thing})
        for _ in range(2):
            with base, layer, inner:
                assert rate() is thing
            with base, inner:
                assert rate() is thing

    with base, layer:
        rate()
    watched = [ref(thing) for thing in [Thing()] if ask(thing) is None]
    with base, layer:
        nothing()

    assert watched[0]() is None
    assert base.cache.find_home(rate.node()._key).here is layer.cache.find_home(rate.node()._key).here is None


@dug.memoize
def named_rate():
    """Return the name of the type of the rate."""
    return type(rate()).__name__


class Growing(frozenset):
    """The kinds of events that a listener hears: all of them, but not at first."""

    asked = 0

    def __contains__(self, kind):
        self.asked += 1
        return self.asked > 1


def test_a_listener_that_comes_while_a_frame_is_refreshed_is_heard():
    """Another thread may say so in between: who decides that calls are answered at once looks again afterwards."""
    with dug.Context(cache=dug.Cache()) as ctx:
        entry = current.get()
        entry.view.listeners[-1].append(Subscription(lambda _: None, Growing()))
        entry.refresh(entry.run)
        assert entry.homes is NO_HOMES
        assert len(ctx.cache) == 0


@dug.memoize
def fresh():
    """Return an object of its own, whatever the rate is."""
    rate()
    return [rate()]


def test_a_variant_comes_before_what_is_at_hand_beneath():
    """A node that has memos in the cache on top is answered with one of these, if one matches."""
    base, layer = dug.Context(cache=dug.Cache()), dug.Context(cache=dug.Cache())
    one, two = (dug.Context({rate.node(): number}) for number in (1, 2))
    with base, layer, one:
        first = fresh()
    with base, one:
        assert fresh() is not first
    with base, layer, two:
        fresh()

    with base, layer, one:
        assert fresh() is first


@dug.memoize
def doubled():
    """Return twice the rate."""
    return 2 * rate()


@dug.memoize
def raised():
    """Return one more."""
    return doubled() + 1


def test_what_a_check_asks_for_is_filed_on_top_and_not_beneath():
    """A what-if in a cache of its own that verifies what was read in the cache beneath leaves that one as it was."""
    base, layer = dug.Context(cache=dug.Cache()), dug.Context(cache=dug.Cache())
    with base:
        raised()
        count = len(base.cache)
        with layer, dug.Context({rate.node(): 7}):
            assert raised() == 15
            assert len(layer.cache) == 2
            filed = [base.cache.find_home(fn.node()._key) for fn in (doubled, raised)]

        assert len(base.cache) == count
        assert [len(list(home.memos())) for home in filed] == [1, 1]


def test_nothing_is_ever_put_into_the_table_that_stands_for_none():
    """Whatever runs under listeners and in doubt, the table that every such frame shares stays empty."""
    with dug.Context(cache=dug.Cache()) as ctx, EventLog(ctx):
        for _, make in CALLS:
            make()

    assert NO_HOMES.list_all() == []


CLASSES_GO_FIRST = """
import gc
from dug._core.facts.homes import Homes
from dug._core.facts.memo import NodeMemos
for _ in range(5):
    class Kept(Homes):
        pass
    box = [Kept()]
    box.append(box)
    box[0].put((Kept, 1), NodeMemos((Kept, 1), None))
    del box, Kept
    gc.collect()
print("fine")
"""


@pytest.mark.slow
def test_a_table_outlives_its_class():
    """The collector may take a class apart before its tables: it does when an interpreter ends."""
    done = subprocess.run([sys.executable, "-c", CLASSES_GO_FIRST], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr[:2_000]


SUSPENDED = """
import dug
@dug.memoize
def rate():
    return 2
def suspend():
    with dug.Context():
        rate()
        yield
held = suspend()
next(held)
"""


@pytest.mark.slow
def test_a_cache_ends_with_the_interpreter_in_silence():
    """A generator that is suspended in a context keeps it until the names of modules are gone."""
    done = subprocess.run([sys.executable, "-c", SUSPENDED], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


level = [5]


@dug.source
def level_now():
    """Return what the test set."""
    return level[0]


@dug.memoize
def level_of(meddler):
    """Return the level, whatever the argument."""
    return level_now() if meddler is not None else None


@dug.memoize
def ten_levels():
    """Return a number that rests on a node with a meddler."""
    return 10 * level_of(Meddler("c"))


@pytest.mark.parametrize("comparison", range(1, 9))
def test_nodes_that_came_when_a_cache_was_cleared_meanwhile_stay(comparison):
    """An argument that is compared as its node is taken out may clear the cache and ask for another node, which is there."""
    left = [0]

    def act():
        left[0] -= 1
        if left[0] == 0:
            ctx.clear()
            ten_levels()

    level[0] = 5
    with dug.Context() as ctx:
        asked = Meddler("b", act)
        level_of(Meddler("a"))
        level_of(asked)
        left[0] = comparison
        ctx.invalidate(level_of.node(asked))
        left[0] = 0
        ten_levels()
        level[0] = 6
        ctx.invalidate(level_now)

        assert ten_levels() == 60


def test_homes_are_listed_without_comparing_arguments():
    """Arguments with one hash are compared when a sparse dict is copied, and other threads run there."""
    homes, function, compared = Homes(), object(), []
    made = []
    for number in range(60):
        argument = Meddler(str(number), lambda: compared.append(1))
        home = NodeMemos((function, argument), object())
        homes.put((function, argument), home)
        made.append(home)
    for home in made[:45]:
        assert homes.take_out(home)
    compared.clear()

    assert homes.list_all() == homes.list_of(function) == made[45:]
    assert compared == []
