"""`EventLog` records the events of a context, and counts them."""

import pytest
from support.spots import price, spot

import dug
from dug.testing import EventLog


def test_a_computed_node_is_logged_after_what_it_read():
    """`computed` holds the nodes that ran, in the order in which they finished."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        price("A")

    assert log.computed == [spot.node("A"), price.node("A")]


def test_a_served_memo_is_a_hit():
    """`hits` holds a node once for each time it was served."""
    with dug.Context() as ctx:
        price("A")
        with EventLog(ctx) as log:
            price("A")
            price("A")

    assert log.hits == [price.node("A"), price.node("A")]
    assert log.computed == []


def test_a_verified_value_is_reused():
    """`reused` holds the nodes whose older value was kept after an early cut-off."""
    with dug.Context() as ctx:
        price("A")
        ctx.invalidate(spot.node("A"))
        with EventLog(ctx) as log:
            price("A")

    assert log.computed == [spot.node("A")]
    assert log.reused == [price.node("A")]


def test_a_failure_is_logged_with_its_error():
    """`failed` holds the nodes that raised, and the event holds the exception."""
    with dug.Context(tweaks={spot.node("A"): -1.0}) as ctx, EventLog(ctx) as log:
        with pytest.raises(ValueError, match="A") as caught:
            price("A")

    assert log.failed == [price.node("A")]
    assert [event.error for event in log.events if event.kind == "failed"] == [caught.value]


def test_tweaks_and_invalidations_are_logged():
    """`tweaked` and `invalidated` hold the user's changes while the log was open."""
    with dug.Context() as ctx:
        spot("A")
        with EventLog(ctx) as log:
            ctx.tweak(spot.node("A"), 1.0)
            ctx.invalidate(spot.node("A"))

    assert log.tweaked == [spot.node("A")]
    assert log.invalidated == [spot.node("A")]


def test_count_of_a_node_counts_its_runs():
    """`count(node)` says how often this node was computed."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        price("A")
        price("B")
        price("A")

    assert log.count(price.node("A")) == 1
    assert log.count(price.node("C")) == 0


def test_count_of_a_function_counts_all_its_nodes():
    """`count(fn)` says how often any node of a memoised function was computed."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        price("A")
        price("B")

    assert log.count(price) == 2


def test_count_takes_a_method():
    """`count(Class.method)` counts the method on every instance."""

    class Trade:
        __hash__ = object.__hash__  # its identity is what counts

        @dug.memoize
        def value(self):
            return 1

    one, two = Trade(), Trade()
    with dug.Context() as ctx, EventLog(ctx) as log:
        one.value()
        two.value()

    assert log.count(Trade.value) == 2
    assert log.count(one.value.node()) == 1


def test_count_refuses_what_is_neither():
    """A plain function, or a method of one instance, is an error that says what to name."""
    with dug.Context() as ctx, EventLog(ctx) as log, pytest.raises(TypeError, match="a node or a memoised function"):
        log.count(len)


def test_clear_forgets_and_goes_on():
    """After `clear()` only later events are in the log."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        price("A")
        log.clear()
        price("B")

    assert log.computed == [spot.node("B"), price.node("B")]


def test_a_closed_log_hears_nothing():
    """Leaving the `with` ends the recording and keeps the events."""
    with dug.Context() as ctx:
        with EventLog(ctx) as log:
            spot("A")
        spot("B")

    assert log.computed == [spot.node("A")]


def test_a_log_can_be_opened_again():
    """A log that is opened a second time goes on where it ended."""
    with dug.Context() as ctx:
        log = EventLog(ctx)
        with log:
            spot("A")
        with log:
            spot("B")

    assert log.computed == [spot.node("A"), spot.node("B")]


def test_an_open_log_cannot_be_opened():
    """Opening an open log says what to do instead, and leaves it open."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        with pytest.raises(RuntimeError, match="own EventLog"):
            log.__enter__()
        spot("A")

    assert log.computed == [spot.node("A")]


def test_the_repr_counts_by_kind():
    """The repr shows how many events of each kind there are."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        assert repr(log) == "<EventLog: no events>"
        price("A")

    assert "2 computed" in repr(log)


@pytest.mark.parametrize("wrong", [3, None, spot], ids=str)
def test_what_is_not_a_context_is_refused(wrong):
    """A log of something else than a context is refused when it is made."""
    with pytest.raises(TypeError, match=r" is not a context. Write EventLog\(ctx\)."):
        EventLog(wrong)


def test_a_stream_is_computed_once():
    """`computed` and `count` have a stream once, and not once more when its generator ends."""

    @dug.memoize
    def numbers(count):
        yield from range(count)

    with dug.Context() as ctx, EventLog(ctx) as log:
        assert numbers(3).list() == [0, 1, 2]

        assert log.computed == [numbers.node(3)]
        assert [event.kind for event in log.events].count("computed") == 2
        assert log.count(numbers) == 1


def test_an_async_stream_is_computed_once(run):
    """A stream that a pump writes is in `computed` once as well, also in another what-if that makes another one."""

    @dug.memoize
    async def numbers(count):
        for number in range(count):
            yield number

    async def main():
        with dug.Context() as ctx, EventLog(ctx) as log:
            await numbers(3).list()
            await numbers(2).first()
            return log.computed == [numbers.node(3), numbers.node(2)] and log.count(numbers)

    assert run(main) == 2
