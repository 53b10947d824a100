"""The demo gives the values of a plain recompute, and reruns only the nodes that each question changes."""

import math
import pathlib
import runpy
import subprocess
import sys

import pytest

import dug
from dug.cli import main
from dug.demo import book, market, report

STOCKS = ("AAPL", "AMZN", "GOOG", "IBM", "MSFT")
BASE_VALUE = 533714.7111817372


@pytest.fixture(scope="module")
def rows():
    """The rows of the report, under the names the report prints."""
    return report.measure()


@pytest.fixture
def context():
    """A root context around the test."""
    with dug.Context() as ctx:
        yield ctx


def plain_value(spot_factor=1.0, volatility_factor=1.0, rate=0.02, stock=None):
    """The value of the book by plain arithmetic; the factors act on one stock, or on all of them."""
    return math.fsum(
        math.fsum(
            plain_price(
                trade,
                market.spot(ticker) * (spot_factor if stock in (None, ticker) else 1),
                market.volatility(ticker) * (volatility_factor if stock in (None, ticker) else 1),
                math.exp(-rate * trade.years),
            )
            for trade in book.trades(ticker)
        )
        for ticker in STOCKS
    )


def plain_price(trade, spot, volatility, discount):
    """The value of one trade from the numbers it depends on."""
    forward = spot / discount
    if isinstance(trade, book.Forward):
        return trade.quantity * discount * (forward - trade.strike)
    deviation = volatility * math.sqrt(trade.years)
    return trade.quantity * discount * book.black(forward, trade.strike, deviation, is_call=trade.is_call)


def test_the_market_is_the_last_close_of_the_file(context):
    """The spots are the closes of March 2010."""
    assert [market.spot(ticker) for ticker in market.tickers()] == [223.02, 128.82, 560.19, 125.55, 28.8]


def test_volatility_is_the_annualised_deviation_of_log_returns(context):
    """A stock whose monthly returns are +x, -x, +x, -x has the volatility that the formula gives by hand."""
    up = math.exp(0.1)
    with dug.Context(tweaks={market.history.node("IBM"): (1.0, up, 1.0, up, 1.0)}):
        volatility = market.volatility("IBM")

    assert volatility == pytest.approx(math.sqrt(12 * 4 * 0.1**2 / 3))


def test_black_gives_the_textbook_option():
    """Hull's example (spot 42, strike 40, rate 10 %, volatility 20 %, six months): call 4.76, put 0.81."""
    discount = math.exp(-0.1 * 0.5)
    deviation = 0.2 * math.sqrt(0.5)
    call, put = (discount * book.black(42 / discount, 40, deviation, is_call=is_call) for is_call in (True, False))

    assert (round(call, 2), round(put, 2)) == (4.76, 0.81)


def test_the_book_has_a_few_hundred_different_trades(context):
    """70 options and 5 forwards on each of five stocks."""
    trades = {trade for ticker in market.tickers() for trade in book.trades(ticker)}

    assert len(trades) == 375


def test_the_base_value_is_known(rows):
    """The book is the same on every machine; only the last bits of exp, log and erfc may differ."""
    assert rows[0].shared.value == pytest.approx(BASE_VALUE, rel=1e-12)


def test_sharing_and_scratch_agree_to_the_bit(rows):
    """Every row has the value of a context that knows nothing."""
    assert [row.shared.value for row in rows] == [row.scratch.value for row in rows]


def test_the_base_is_the_plain_value(rows, context):
    """The base row equals plain arithmetic."""
    assert rows[0].shared.value == plain_value()


@pytest.mark.parametrize("stock", STOCKS)
def test_a_spot_what_if_is_the_plain_value(rows, context, stock):
    """A spot row equals plain arithmetic with that spot."""
    row = next(row for row in rows if row.name == f"{stock} spot +10 %")

    assert row.shared.value == plain_value(spot_factor=1.1, stock=stock)


def test_a_crash_inside_a_rate_scenario_is_the_plain_value(rows, context):
    """The nested row has both the higher rate and the crash."""
    assert rows[-1].shared.value == plain_value(spot_factor=0.7, volatility_factor=1.5, rate=0.02 + 0.01)


def test_every_what_if_changes_the_value(rows):
    """No row repeats the base value, so no tweak was lost."""
    assert rows[0].shared.value not in [row.shared.value for row in rows[1:]]


def test_each_row_reruns_only_what_its_scenario_changes(rows):
    """The nodes rerun are the tweaked inputs and their descendants, and none when the question is repeated."""
    base = 1 + 1 + 1 + 5 * (1 + 1 + 1 + 1 + 5 + 75 + 1) + 5 + 1
    spot = 1 + 5 + 75 + 1 + 1
    volatility = 1 + 70 + 1 + 1
    rate = 1 + 5 + 25 + 375 + 5 + 1
    crash = 5 + 5 + 25 + 375 + 5 + 1

    assert [row.shared.recomputed for row in rows] == [base] + 5 * [spot] + 5 * [volatility] + [rate, crash, 0]
    assert {row.scratch.recomputed for row in rows} == {base}


@pytest.mark.slow
def test_the_command_prints_every_row(rows, capsys):
    """``python -m dug demo`` ends with status 0 and shows each what-if by name."""
    status = main(["demo"])
    printed = capsys.readouterr().out

    assert status == 0
    assert [row.name for row in rows if row.name not in printed] == []


@pytest.mark.slow
def test_the_module_is_runnable():
    """``python -m dug --help`` names the demo."""
    done = subprocess.run([sys.executable, "-m", "dug", "--help"], capture_output=True, text=True, check=True)

    assert "demo" in done.stdout


def test_the_example_runs(capsys):
    """``examples/what_if.py`` prints its three answers, the base among them."""
    example = pathlib.Path(__file__).parent.parent / "examples" / "what_if.py"
    runpy.run_path(str(example), run_name="__main__")

    assert f"The book today                  {BASE_VALUE:16,.2f}" in capsys.readouterr().out
