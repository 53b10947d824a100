"""``dug run --progress`` shows how far a run is."""

import io
import sys
from contextlib import suppress

import pytest

import dug
from dug.cli._watch import watch


@dug.memoize
def low(number):
    """Fails for 3."""
    if number == 3:
        raise ValueError("no")
    return number


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


def run_some(*, wanted):
    """Compute four nodes, one of which fails."""
    with dug.Context() as ctx, watch(ctx, wanted=wanted):
        for number in range(4):
            with suppress(ValueError):
                low(number)


def test_a_terminal_shows_how_many_ran(monkeypatch):
    """Runs and failures are counted."""
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    run_some(wanted=True)

    assert "computed" in sys.stderr.getvalue()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_pipe_shows_nothing(capsys, wanted):
    """Where nobody watches, nothing is printed."""
    run_some(wanted=wanted)

    assert capsys.readouterr() == ("", "")


def test_nothing_is_shown_unless_it_is_wanted(monkeypatch):
    """A terminal alone is not a reason."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_some(wanted=False)

    assert sys.stderr.getvalue() == ""


def test_an_error_stream_that_closes_meanwhile_breaks_nothing(monkeypatch):
    """A watcher does not stop a run, and no listener is left."""
    pytest.importorskip("rich")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with dug.Context() as ctx:
        with watch(ctx, wanted=True):
            low(1)
            terminal.close()
            low(2)
        assert ctx._listeners == []
