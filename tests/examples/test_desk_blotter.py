"""The blotter fits together at every tick, says so, and would notice if it did not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from dug.live import Update

PROGRAM = Path(__file__).parents[2] / "examples" / "desk_blotter.py"


@pytest.fixture
def blotter(monkeypatch):
    """The program, as a module of its own."""
    spec = importlib.util.spec_from_file_location("desk_blotter", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_blotter_fits_together_in_simulated_time(blotter, capsys):
    """Each quote is a tick, no tick is torn, and the Greeks are asked once a second and are never older than that."""
    assert blotter.main(["--simulated", "--seconds", "2", "--rate", "20"]) == 0

    printed = capsys.readouterr().out
    assert "ticks: 40, updates: 126, torn: 0\n" in printed
    assert "Greeks: 3 times, 38 ticks skipped\n" in printed
    assert "oldest 1.000 s when" in printed


def test_the_blotter_notices_what_does_not_fit(blotter):
    """Three sums of which one is of another tick are counted as torn."""
    tally = blotter.Tally()
    for node, found in ((blotter.longs, 5), (blotter.shorts, -3), (blotter.net, 2), (blotter.longs, 6), (blotter.net, 2)):
        tally.take(Update(1, node.node(), found), 0.0)

    assert tally.torn == 1


def test_the_blotter_notices_old_greeks(blotter):
    """Greeks that come later than a period and one run after those before are noticed."""
    tally = blotter.Tally()
    tally.take(Update(1, blotter.greeks.node(), (), at=0.0), 0.25)
    tally.take(Update(9, blotter.greeks.node(), (), at=1.5), 1.75)

    assert (tally.oldest_s, tally.longest_run_s, tally.over_s) == (1.75, 0.25, 0.5)


def test_the_blotter_is_a_table(blotter):
    """The table names the three sums and the shares that move the book most."""
    pytest.importorskip("rich", reason="the table needs rich")
    tally = blotter.Tally(values={blotter.net.node(): 12345, blotter.greeks.node(): ((7, 1.5, 0.25), (8, -9.0, 0.5))})

    table = blotter.make_table(tally)
    assert list(table.columns[0].cells) == ["longs", "shorts", "net", "share 8", "share 7"]
    assert list(table.columns[1].cells)[2] == "123.45"
