"""The demo gives the values of a plain recompute, and reruns only the nodes that each question changes."""

import json
import math
import pathlib
import runpy
import subprocess
import sys

import pytest

import dug
from dug.cli import main
from dug.demo import book, market, notebook, report

ROOT = pathlib.Path(__file__).parent.parent
STOCKS = ("AAPL", "AMZN", "GOOG", "IBM", "MSFT")
BASE_VALUE = 533714.7111817372


@pytest.fixture(scope="module")
def rows():
    """The rows of the report, under the names the report prints; timed no more often than a spread needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "RUNS", 2)
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
    example = ROOT / "examples" / "what_if.py"
    runpy.run_path(str(example), run_name="__main__")

    assert f"The book today                  {BASE_VALUE:16,.2f}" in capsys.readouterr().out


def test_each_answer_is_timed_several_times(monkeypatch):
    """A timing values the book in so many contexts, none of which knows what another computed."""
    asked = []
    monkeypatch.setattr(book, "book_value", lambda: asked.append(dug.current_context()))
    timing = report.time_answer(report.BASE)

    assert len(set(map(id, asked))) == report.RUNS
    assert 0 <= timing.low <= timing.middle <= timing.high


def test_a_timing_is_the_quartiles():
    """Half of the runs lie between low and high; one slow run moves neither."""
    assert report.Timing.of([1.0, 2.0, 3.0, 4.0, 100.0]) == report.Timing(2.0, 3.0, 4.0)


def test_a_spread_is_told_in_milliseconds():
    """The median comes with the quartiles, and what a clock cannot tell apart is not told apart."""
    assert report.tell_spread(report.Timing(0.0019, 0.0021, 0.0244)) == "2.1 (1.9-24)"
    assert report.tell_spread(report.Timing(1e-7, 2e-7, 3e-7)) == "under 0.01"


def test_a_ratio_is_no_more_exact_than_the_spreads():
    """It goes from the least that the quartiles allow to the most; of very much, the order is told."""
    scratch = report.Timing(0.008, 0.009, 0.010)

    assert report.tell_ratio(report.Timing(0.002, 0.003, 0.004), scratch) == "2.0-5.0 x"
    assert report.tell_ratio(report.Timing(0.0004, 0.0005, 0.0006), scratch) == "13-25 x"
    assert report.tell_ratio(report.Timing(1e-7, 2e-7, 3e-7), scratch) == "over 100 x"


def test_the_program_of_the_notebook_is_the_first_of_the_gallery():
    """The package has the very program that the gallery shows."""
    inside, shown = ROOT / "dug" / "demo" / notebook.PROGRAM, ROOT / "examples" / "gallery" / notebook.PROGRAM

    assert inside.read_text(encoding="utf-8") == shown.read_text(encoding="utf-8"), f"Copy {shown} to {inside}"


def test_the_notebook_has_the_whole_program():
    """Each line of the program is in a cell, but for the docstring and how it is run."""
    cells = ["".join(cell["source"]) for cell in notebook.make_notebook()["cells"] if cell["cell_type"] == "code"]
    source = (ROOT / "dug" / "demo" / notebook.PROGRAM).read_text(encoding="utf-8")
    program = source.split('"""\n', 1)[1].partition("\n\nif __name__")[0]

    assert "\n".join(cells).startswith("import attrs")
    assert [line for line in program.splitlines() if line not in "\n".join(cells).splitlines() and line] == []
    assert max(cell.count("\ndef ") + cell.startswith("def ") for cell in cells) == 1


@pytest.fixture
def written(tmp_path):
    """The notebook that the command wrote."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat reads notebooks")
    path = tmp_path / "curve.ipynb"
    assert main(["demo", "--notebook", str(path)]) == 0
    return nbformat.read(path, as_version=4)


def test_the_notebook_is_one(written):
    """The file is what the format says, and has no output yet."""
    import nbformat

    nbformat.validate(written)
    assert written.nbformat == 4
    assert not any(cell.outputs for cell in written.cells if cell.cell_type == "code")


@pytest.mark.slow
def test_the_notebook_runs(written, capfd):
    """Every cell runs; the program prints in it what it prints in a terminal, and the questions show themselves."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient runs notebooks")
    pytest.importorskip("ipykernel", reason="a notebook needs a kernel")
    nbclient.NotebookClient(written, timeout=120, kernel_name="python3").execute()
    outputs = {cell.source: cell.outputs for cell in written.cells if cell.cell_type == "code"}
    capfd.readouterr()
    runpy.run_path(str(ROOT / "examples" / "gallery" / notebook.PROGRAM), run_name="__main__")

    assert "".join(one.text for one in outputs["main()"]) == capfd.readouterr().out
    assert all(outputs[code] for _, _, code in notebook.QUESTIONS)


@pytest.mark.parametrize("is_with_click", [True, False])
def test_a_notebook_that_cannot_be_written_is_one_line(is_with_click, tmp_path, monkeypatch, capsys):
    """A folder that is not there is named, with click and without."""
    if not is_with_click:
        monkeypatch.setitem(sys.modules, "click", None)
        monkeypatch.delitem(sys.modules, "dug.cli._app", raising=False)
    status = main(["demo", "--notebook", str(tmp_path / "gone" / "x.ipynb")])
    complaint = capsys.readouterr().err

    assert status == 1
    assert complaint.count("\n") == 1
    assert "cannot be written: No such file or directory" in complaint


@pytest.mark.parametrize("is_with_click", [True, False])
def test_a_notebook_in_which_somebody_works_is_not_replaced(is_with_click, tmp_path, monkeypatch, capsys):
    """A file that is there stays as it is, and the complaint says what to do."""
    if not is_with_click:
        monkeypatch.setitem(sys.modules, "click", None)
        monkeypatch.delitem(sys.modules, "dug.cli._app", raising=False)
    path = tmp_path / "curve.ipynb"
    path.write_text("mine")

    assert main(["demo", "--notebook", str(path)]) == 1
    assert "there is a file already, which may have your work in it. Give another name" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_the_notebook_needs_no_click(tmp_path, monkeypatch, capsys):
    """Without click the notebook is written all the same."""
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "dug.cli._app", raising=False)
    path = tmp_path / "curve.ipynb"

    assert main(["demo", "--notebook", str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat"] == 4
    assert str(path) in capsys.readouterr().out
