"""Listening by kind: who listens hears what was asked for, and slows nothing else."""

from __future__ import annotations

import gc
from time import perf_counter
from weakref import ref

import pytest

import dug

KINDS = ("hit", "computed", "reused", "failed", "tweaked", "invalidated")


@dug.source
def quote(number):
    """Return an input."""
    return float(number)


@dug.memoize
def price(number):
    """Return twice an input."""
    return 2 * quote(number)


@dug.memoize
def sign(number):
    """Return whether a price is positive, which most changes leave as it is."""
    return price(number) > 0


@dug.memoize
def fails():
    """Raise an error after a read."""
    raise ValueError(quote(9))


@pytest.fixture
def ctx():
    """An open context."""
    with dug.Context() as ctx:
        yield ctx


def act(ctx):
    """Do something of every kind, and return the kinds of the events of it all."""
    price(1)
    price(1)
    with pytest.raises(ValueError, match="9"):
        fails()
    sign(1)
    with dug.Context({quote.node(1): 1.0}):
        sign(1)
        price(1)
    ctx.tweak(quote.node(2), 7)
    ctx.invalidate(price.node(1))


def hear(ctx, **options):
    """Return what a listener hears of `act`, as kinds and nodes."""
    heard = []
    with ctx.listen(lambda event: heard.append((event.kind, event.node)), **options):
        act(ctx)
    return heard


@pytest.mark.parametrize("kinds", [("computed",), ("failed", "tweaked"), "invalidated", ["hit"], set(KINDS), ()])
def test_a_listener_hears_the_kinds_that_it_names(kinds):
    """What it hears is what a listener of everything hears, but for the other kinds."""
    with dug.Context() as everything, dug.Context() as some:
        pass
    named = {kinds} if isinstance(kinds, str) else set(kinds)
    with everything:
        expected = [(kind, node) for kind, node in hear(everything) if kind in named]
    with some:
        assert hear(some, kinds=kinds) == expected
    assert {kind for kind, _ in expected} == named


@pytest.mark.parametrize("only", ["source", "function"])
def test_a_listener_hears_of_sources_only_or_of_other_functions_only(only):
    """The nodes of the other kind of function are not told of."""
    with dug.Context() as everything:
        heard = hear(everything)
    with dug.Context() as some:
        expected = [(kind, node) for kind, node in heard if node._function.kind == only]
        assert hear(some, only=only) == expected != heard


def test_a_value_that_is_kept_is_heard_of(ctx):
    """A value that was verified is told as reused, whoever else listens."""
    sign(1)
    with ctx.listen(print, kinds="failed"), dug.Context({quote.node(1): 1.0}) as inner:
        heard = []
        with inner.listen(lambda event: heard.append((event.kind, event.node)), kinds=("reused", "computed")):
            assert sign(1)

    assert heard == [("reused", price.node(1)), ("reused", sign.node(1))]


class Counted(float):
    """A number that counts how often it is hashed: once where a call is looked up, and more often in the engine."""

    hashes = 0

    def __hash__(self):
        Counted.hashes += 1
        return super().__hash__()


def test_known_values_do_not_come_to_the_engine_for_a_listener_of_runs(ctx):
    """A hit is answered where it is looked up while somebody listens to runs, and comes to the engine for a listener of hits."""
    number = Counted(1)
    price(number)

    def count():
        Counted.hashes = 0
        price(number)
        return Counted.hashes

    assert count() == 1
    with ctx.listen(print, kinds=("computed", "failed")):
        assert count() == 1
    with ctx.listen(lambda _: None, kinds="hit"):
        assert count() > 1


def test_an_event_leads_to_the_record_of_its_memo(ctx):
    """The record says what was read and given, in the scenario of the event."""
    records = []
    with dug.Context({quote.node(1): 5.0}) as inner, inner.listen(lambda event: records.append(event.record), kinds="computed"):
        price(1)

    record = records[0]
    assert (record.node, record.value, record.dependencies) == (price.node(1), 10.0, (quote.node(1),))
    assert dict(record.tweaks) == {quote.node(1): 5.0}


def test_the_record_of_a_failure_has_its_error(ctx):
    """It says what the error of the event says, and what the node had read."""
    seen = []
    with ctx.listen(lambda event: seen.append((event.error, event.record)), kinds="failed"), pytest.raises(ValueError, match="9"):
        fails()

    ((error, record),) = seen
    assert repr(error) == repr(record.error) == "ValueError(9.0)"
    assert record.dependencies == (quote.node(9),)


def test_a_kept_event_keeps_no_value():
    """A list of events does not keep the contexts and values of what they tell."""

    class Big:
        pass

    @dug.memoize
    def make():
        return Big()

    events = []
    with dug.Context() as ctx, ctx.listen(events.append, kinds="computed"):
        held = ref(make())
    record = events[0].record
    assert record.value is held()
    del ctx, record
    gc.collect()

    assert held() is None
    assert events[0].record is None


def test_a_tweak_has_no_record(ctx):
    """Nothing was computed for it."""
    events = []
    with ctx.listen(events.append, kinds=("tweaked", "invalidated")):
        ctx.tweak(quote.node(1), 1)
        ctx.invalidate(price)

    assert [event.record for event in events] == [None, None]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kinds": "computd"}, r"'computd' is not a kind of event. Write some of kinds=\('hit', 'computed', 'reused'"),
        ({"kinds": ("hit", 3)}, "3 is not a kind of event"),
        ({"kinds": b""}, "kinds must be names of kinds of events, not b''"),
        ({"kinds": 3}, r"kinds must be names of kinds of events, not 3. Write kinds=\('computed', 'failed'\)"),
        ({"only": "sources"}, "only must be 'source' or 'function', not 'sources'"),
        ({"only": []}, r"only must be 'source' or 'function', not \[\]"),
    ],
)
def test_what_is_no_kind_is_refused_at_once(ctx, options, said):
    """The error says what came and what there is, before anything is listened to."""
    with pytest.raises((TypeError, ValueError), match=said):
        ctx.listen(print, **options)
    assert ctx._listeners == []


class Noting:
    """What dug does before the first run of a function: it takes a while, and `ended` is when it was done."""

    ended = 0.0

    def __call__(self, function):
        function.disarm()
        begun = perf_counter()
        while perf_counter() < begun + 0.005:
            pass
        self.ended = perf_counter()


def test_the_seconds_of_a_first_run_are_those_of_its_body():
    """What dug notes of a function before it runs for the first time does not count as time of the node."""
    noting, late = Noting(), []
    fetched = dug.memoize(lambda: 1)
    fetched._self_function.call_at_next_run(noting)

    with dug.Context() as ctx, ctx.listen(lambda event: late.append(perf_counter() - event.seconds), kinds=["computed"]):
        fetched()

    assert late[0] >= noting.ended


def test_the_seconds_of_a_first_awaited_run_are_those_of_its_body(run):
    """So it is with a coroutine function."""
    noting, late = Noting(), []

    @dug.memoize
    async def fetched():
        return 1

    fetched._self_function.call_at_next_run(noting)

    async def main():
        with dug.Context() as ctx, ctx.listen(lambda event: late.append(perf_counter() - event.seconds), kinds=["computed"]):
            await fetched()

    run(main)

    assert late[0] >= noting.ended
