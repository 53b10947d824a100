"""A node is found in a recording by what tells it from others, and by nothing less."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

import dug
from dug import codec, replay
from dug.replay._names import name_of, stamp_of


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


def record(path, ask):
    """Record a call, and return the recording."""
    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        ask()
    return replay.open(path)


def make(ticker):
    """Return a local source; all of them have one name."""

    @dug.source
    def quote():
        return ticker

    return quote


class Desk:
    """An argument without a codec, whose text is that of all others."""

    __hash__ = object.__hash__

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return self is other

    def __repr__(self):
        return "<Desk>"


@dug.source
def quote(desk, *, others=()):
    """A source of a desk."""
    return desk.number


@dug.source
def price(number):
    """A source of a number."""
    return ["a price"]


def test_a_local_source_is_not_taken_for_another_of_its_name(path):
    """A local function is found by its identity: the one that was not recorded is refused, though the name is the same."""
    apple, other = make("AAPL"), make("MSFT")
    recording = record(path, apple)

    with recording.replay():
        assert apple() == "AAPL"
        with pytest.raises(replay.UncoveredError, match=r"quote\(\)"):
            other()


def test_two_local_sources_of_one_name_are_both_replayed(path):
    """Each of two local functions of one name gives what it gave itself."""
    apple, other = make("AAPL"), make("MSFT")
    recording = record(path, lambda: (apple(), other()))

    with recording.replay():
        assert (apple(), other()) == ("AAPL", "MSFT")


def test_an_argument_without_a_codec_is_not_taken_for_another(path):
    """An argument that cannot be written is found by its identity, also inside of a tuple, whatever its text is."""
    one, two = Desk(1), Desk(2)
    recording = record(path, lambda: (quote(one), quote(one, others=(one, two))))

    with recording.replay():
        assert quote(one) == quote(one, others=(one, two)) == 1
        for ask in (lambda: quote(two), lambda: quote(one, others=(two, one)), lambda: quote(one, others=(one,))):
            with pytest.raises(replay.UncoveredError, match="Desk"):
                ask()


def test_an_object_at_an_address_that_was_used_before_has_another_stamp():
    """What tells an object from others is never given again, also where another object has its place in memory."""
    known = {stamp_of(Desk(0)) for _ in range(100)}

    assert len(known) == 100


def test_an_argument_that_cannot_be_told_from_others_is_refused(path):
    """A node whose argument has no codec and no weak references is found by nothing."""
    one = object()
    assert name_of(price.node(one)) is None

    with record(path, lambda: price(one)).replay(), pytest.raises(replay.UncoveredError, match="object"):
        price(one)


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [(1, 1.0), (1, True), (0.0, -0.0), (2.5, Decimal("2.5")), ((1, 2), (1.0, 2)), (frozenset({1}), frozenset({1.0}))],
)
def test_equal_arguments_are_one_node(path, recorded, asked):
    """Arguments that make one node find what was recorded with the others."""
    assert price.node(recorded) == price.node(asked)

    for first, second in [(recorded, asked), (asked, recorded)]:
        with record(path.with_name(f"{first!r}"), lambda first=first: price(first)).replay():
            assert price(second) == ["a price"]


def test_typed_arguments_are_apart(path):
    """With ``typed=True`` the number 1 does not find what 1.0 gave."""

    @dug.source(typed=True)
    def typed(number):
        return str(number)

    with record(path, lambda: typed(1)).replay():
        assert typed(1) == "1"
        with pytest.raises(replay.UncoveredError, match=r"1\.0"):
            typed(1.0)


def test_nodes_that_are_written_alike_are_refused(path):
    """Two nodes whose arguments are written in the same way, and are not equal, are both refused."""

    @codec.register(name="test_recorded_names:Feed")
    @attrs.frozen(eq=False)
    class Feed:
        name: str

    one, two = Feed("x"), Feed("x")
    assert price.node(one) != price.node(two)

    recording = record(path, lambda: (price(one), price(two)))

    with recording.replay(), pytest.raises(replay.UncoveredError, match="several nodes of the recording have this text"):
        price(one)
