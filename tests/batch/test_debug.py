"""pdb in a node that failed."""

import io
import sys
from contextlib import suppress

import pytest

import dug
from dug.testing import EventLog


@dug.memoize(name="p:rate")
def rate():
    """Reads nothing."""
    return 0.5


@dug.memoize(name="p:ratio")
def ratio(top, bottom):
    """Reads the rate, and fails for no bottom."""
    scaled = top * rate()
    return scaled / bottom


@dug.memoize(name="p:report")
def report():
    """Passes an error on."""
    return ratio(3, 0) + 1


@pytest.fixture
def session(monkeypatch, capsys):
    """Return a function that debugs a node with these lines typed, and gives the output."""

    def debug(ctx, node, *typed):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in (*typed, "q"))))
        ctx.debug(node)
        return capsys.readouterr().out

    return debug


def test_it_stops_where_the_node_raises(session):
    """Pdb is entered at the line that raises, with the locals there; calls are answered."""
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            ratio(3, 0)
        printed = session(ctx, ratio.node(3, 0), "p scaled, bottom", "p rate()", "w")

    assert "(1.5, 0)" in printed
    assert "\n(Pdb) 0.5\n" in printed
    assert "-> return scaled / bottom" in printed


def test_arguments_and_reads_are_at_hand(session):
    """The failed node, its arguments and its reads are printed first."""
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            ratio(3, 0)
        printed = session(ctx, ratio.node(3, 0))

    assert printed.splitlines()[:4] == [
        "p:ratio(3, 0) raised ZeroDivisionError: float division by zero",
        "  top = 3",
        "  bottom = 0",
        "  read p:rate(): 0.5",
    ]


def test_a_node_that_passed_an_error_on_leads_to_where_it_began(session):
    """Debugging a node that passed an error on enters the node in which it began."""
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            report()
        printed = session(ctx, report.node())

    assert printed.startswith("p:ratio(3, 0) raised")


def test_nothing_of_it_is_remembered(session):
    """Debugging files no memo and emits no event; the failure stays as it was."""
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            report()
        before = len(ctx.cache)
        with EventLog(ctx) as log:
            session(ctx, report.node(), "p ratio(3, 0)")

        assert log.events == []
        assert len(ctx.cache) == before
        assert isinstance(ctx.memo(report.node()).error, ZeroDivisionError)


def test_what_is_not_known_is_computed(session):
    """Lines typed in pdb may call nodes that are not known yet."""
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            ratio(3, 0)
        printed = session(ctx, ratio.node(3, 0), "p ratio(4, 1)")

    assert "(Pdb) 2.0" in printed


def test_a_replacement_is_debugged_in_its_place(session):
    """Where the function is replaced, it is the replacement that is entered."""

    def broken(top, bottom):
        below = ratio(top, 1)
        raise LookupError(below)

    with dug.Context({ratio: broken}) as ctx:
        with suppress(LookupError):
            ratio(3, 0)
        printed = session(ctx, ratio.node(3, 0), "p below")

    assert "raise LookupError(below)" in printed
    assert "(Pdb) 1.5" in printed


def test_a_bump_is_debugged_with_the_value_beneath(session):
    """If the node is bumped, pdb enters the bump's function, with the value beneath."""

    def fail(value):
        raise LookupError(value)

    with dug.Context({rate.node(): dug.bump(fail)}) as ctx:
        with suppress(LookupError):
            rate()
        printed = session(ctx, rate.node(), "p value")

    assert "(Pdb) 0.5" in printed


def test_a_body_that_does_not_fail_again_says_so(session):
    """A body that gives a value this time shows it, with advice."""
    outcomes = iter([ValueError(), 3])

    @dug.memoize
    def flaky():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with dug.Context() as ctx:
        with suppress(ValueError):
            flaky()
        printed = session(ctx, flaky.node())

    assert printed.splitlines()[-1] == "It returned 3 this time. ctx.invalidate(node), and ask again."


def test_what_did_not_fail_cannot_be_debugged():
    """A node that did not fail, and one that is not known, are refused."""
    with dug.Context() as ctx:
        rate()
        with pytest.raises(ValueError, match=r"p:rate\(\) did not fail in <dug.Context tweaks={}>"):
            ctx.debug(rate.node())
        with pytest.raises(KeyError, match="has no memo"):
            ctx.debug(report.node())
