"""The programs of the gallery print what their pages say, and recompute what they say, counted here by other means."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import math
import re
import sys
from pathlib import Path

import pytest

import dug
from dug import replay
from dug.testing import EventLog

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "gallery"
PAGES = ROOT / "docs" / "gallery"
NEEDS = {"monte_carlo_var": "numpy", "factor_model": "pandas"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture
def program(request, monkeypatch):
    """One program of the gallery, as a module of its own."""
    name = request.param
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{name} needs {NEEDS[name]}")
    spec = importlib.util.spec_from_file_location(f"gallery_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def of(name):
    """Return the mark that gives a test one program."""
    return pytest.mark.parametrize("program", [name], indirect=True, ids=[name])


def run(program):
    """Run a program and return what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if asyncio.iscoroutinefunction(program.main):
            asyncio.run(program.main())
        else:
            program.main()
    return printed.getvalue()


def count(target, tweaks, *functions):
    """Return how often functions run for a node inside the context in force, under tweaks."""
    with dug.Context(tweaks) as scenario, EventLog(scenario) as log:
        target()
    return [log.count(function) for function in functions]


def test_there_are_eleven():
    """The gallery has eleven programs, each with a page, and the index names them all."""
    index = (ROOT / "docs" / "gallery.rst").read_text(encoding="utf-8")

    assert len(NAMES) == 11
    assert sorted(path.stem for path in PAGES.glob("*.rst")) == NAMES
    assert [name for name in NAMES if f"gallery/{name}" not in index] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_program_is_read_at_one_sitting(name):
    """A program of the gallery has 60 to 120 lines."""
    assert 60 <= len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.slow
@pytest.mark.parametrize("program", NAMES, indirect=True)
def test_the_page_shows_what_is_printed(program):
    """The page of a program holds the program, and what it prints, to the letter."""
    name = program.__name__.removeprefix("gallery_")
    page = (PAGES / f"{name}.rst").read_text(encoding="utf-8")
    block = re.search(r"^\.\. code-block:: text\n\n((?:   .*\n|\n)+)", page, re.MULTILINE)[1]
    said = "\n".join(line.removeprefix("   ") for line in block.rstrip().splitlines())

    assert f".. literalinclude:: ../../examples/gallery/{name}.py" in page
    assert run(program).rstrip() == said


@of("curve")
def test_a_par_swap_is_worth_nothing(program):
    """The curve gives back the quotes that it was made from, also under a tweak."""
    with dug.Context(tweaks={program.quote: dug.shift(0.01)}):
        values = [program.Swap(years, program.quote(years), 1e6).value() for years in program.QUOTES]

    assert values == pytest.approx([0.0] * len(values), abs=1e-6)


@of("curve")
@pytest.mark.parametrize(("years", "factors"), [(1, 30), (5, 27), (10, 23), (30, 10)])
def test_a_quote_moves_the_factors_after_the_quote_before(program, years, factors):
    """A bump of a quote runs the discount factors from the last quote before it on, and no others."""
    with dug.Context():
        program.portfolio()
        ran = count(program.portfolio, {program.quote.node(years): dug.shift(1e-4)}, program.discount, program.annuity)

    assert ran == [factors, factors]


@of("greeks")
def test_the_delta_is_that_of_the_formula(program):
    """The difference of two values is near the derivative that the formula has."""
    with dug.Context():
        expected = 0.0
        for option in program.BOOK:
            if option.ticker == "AAPL":
                deviation = program.volatility("AAPL") * math.sqrt(program.years_left(option.months))
                upper = math.log(program.forward("AAPL", option.months) / option.strike) / deviation + deviation / 2
                expected += option.quantity * (program.normal(upper) - (0 if option.is_call else 1))
        moved = dug.sweep(program.book.node(), [{program.spot.node("AAPL"): dug.shift(step)} for step in (0.5, -0.5)])

        assert moved[0].value - moved[1].value == pytest.approx(expected, rel=1e-3)


@of("greeks")
def test_a_move_of_a_share_values_its_options(program):
    """A spot runs the three forwards and 18 options of its share, a volatility the options, a day all."""
    with dug.Context():
        program.book()
        forward, value = program.forward, program.Option.value

        assert count(program.book, {program.spot.node("MSFT"): dug.shift(1.0)}, forward, value) == [3, 18]
        assert count(program.book, {program.volatility.node("MSFT"): 0.3}, forward, value) == [0, 18]
        assert count(program.book, {program.days_gone.node(): 1}, forward, value) == [9, 54]


@pytest.mark.slow
@of("monte_carlo_var")
def test_the_simulation_runs_where_it_must(program):
    """Holdings run the losses; a covariance the returns; a seed the draws; a file in another order none of these."""
    with dug.Context({program.count.node(): 2_000}):
        program.value_at_risk()
        steps = program.market.history, program.covariance, program.draws, program.returns, program.losses, program.value_at_risk
        ran = {name: count(program.value_at_risk, tweaks, *steps) for name, tweaks in program.WHAT_IFS.items()}

    assert ran == {
        "as it is": [0, 0, 0, 0, 0, 0],
        "another level": [0, 0, 0, 0, 0, 0],
        "no Amazon": [0, 0, 0, 0, 1, 1],
        "twice the portfolio": [0, 0, 0, 0, 1, 1],
        "the file in another order": [5, 0, 0, 0, 0, 0],
        "volatilities up by a half": [0, 1, 0, 1, 1, 1],  # a bump counts as a run of its node
        "another seed": [0, 0, 1, 1, 1, 1],
    }


@pytest.mark.slow
@of("factor_model")
def test_a_file_that_is_read_again_and_is_the_same_runs_nothing_else(program):
    """Equal frames stop the change; a half-life runs the covariance and the risks; a wrong price runs all."""
    risks = [program.risk.node(shares) for shares in program.PORTFOLIOS.values()]
    with dug.Context() as ctx:

        def ask():
            return [node() for node in risks]

        ask()
        ctx.invalidate(program.prices)

        assert count(ask, {}, *program.STEPS) == [1, 0, 0, 0, 0, 0, 0, 0]
        assert count(ask, {program.half_life.node(): 20}, *program.STEPS) == [0, 0, 0, 0, 0, 0, 1, 3]
        assert count(ask, {program.prices.node(): dug.bump(program.slip)}, *program.STEPS) == [1, 1, 1, 1, 1, 1, 1, 3]


@of("projection")
def test_a_policy_is_worth_what_a_loop_says(program):
    """The recursions give what a loop over the years gives."""
    policy = program.BOOK[7]
    with dug.Context():
        owed, in_force, discount = 0.0, 1.0, 1.0
        for year in range(policy.years):
            dies = program.mortality(policy.age + year)
            owed += in_force * discount * (program.expense(year) - policy.premium)
            discount /= 1 + program.rate(year)
            owed += in_force * dies * discount * policy.amount
            in_force *= (1 - dies) * (1 - program.lapse(year))

        assert policy.liability() == pytest.approx(owed)


@pytest.mark.slow
@of("projection")
def test_a_stress_keeps_what_does_not_read_it(program):
    """Rates leave who stays alone, expenses leave the benefits alone, and an age that no policy reaches leaves all alone."""
    steps = program.stays, program.benefit, program.annuity, program.expenses, program.Policy.liability
    with dug.Context():
        program.best_estimate()

        assert count(program.best_estimate, program.STRESSES["rates + 1 %"], *steps) == [0, 420, 420, 420, 42]
        assert count(program.best_estimate, program.STRESSES["expenses + 10 %"], *steps) == [0, 0, 0, 420, 42]
        assert count(program.best_estimate, program.STRESSES["lapses + 50 %"], *steps) == [210, 420, 420, 420, 42]
        assert count(program.best_estimate, {program.mortality.node(85): dug.scale(2)}, *steps) == [0, 0, 0, 0, 0]


@pytest.mark.slow
@of("nightly")
def test_in_the_morning_only_the_rest_runs(program, tmp_path, capsys):
    """At night the six good offices run; in the morning the rows of one, the positions of two, their values and the total."""
    program.deliver(tmp_path)
    program.at_night(tmp_path)
    program.in_the_morning(tmp_path)
    said = capsys.readouterr().out

    prices, good, failed = 20, 6 * (1 + 40 + 1), 2 + 2 + 1
    assert f"{prices + good + failed} ran" in said
    assert f"{1 + (5 + 20) + 2 + 1} ran" in said


@of("service")
def test_each_answer_is_fetched_once(program, capsys):
    """Whoever asks at the same time shares the requests, and an equal answer runs no quote again."""

    async def serve_twice():
        crowd = [(number, item) for number in range(4) for item in ("tea", "cup")]
        with dug.Context() as ctx, EventLog(ctx) as log:
            await program.serve(crowd)
            first = dict(program.asked), log.count(program.quote)
            log.clear()
            ctx.invalidate(program.exchange_rate.node("US"))
            await program.serve(crowd)
        return first, log.count(program.exchange_rate), log.count(program.quote)

    assert asyncio.run(serve_twice()) == (({"customers": 4, "products": 2, "rates": 3}, 8), 1, 0)


@of("pipeline")
def test_an_edit_runs_its_own_chain(program, tmp_path):
    """Each edit runs the steps that the page says, and a comment stops at the table."""
    ctx = dug.Context({program.folder.node(): str(tmp_path)})
    ran = {}
    for what, files in program.EDITS.items():
        with EventLog(ctx) as log, contextlib.redirect_stdout(io.StringIO()):
            program.run(ctx, what, files)
        ran[what] = [log.count(function) for function in program.STEPS]

    assert ran == {  # text, table, country, orders, rate, sales, report
        "The first report": [5, 5, 4, 3, 3, 3, 1],
        "An order comes in": [1, 1, 0, 1, 0, 1, 1],
        "Somebody writes a comment": [1, 1, 0, 0, 0, 0, 0],
        "Somebody becomes a customer": [1, 1, 4, 1, 0, 1, 1],
        "The pound falls": [1, 1, 0, 0, 3, 2, 1],
        "A month begins": [1, 1, 0, 1, 0, 1, 1],
    }


@pytest.mark.slow
@of("etl")
def test_each_file_goes_through_each_stage_once(program, tmp_path):
    """Two hundred files are read once, all but the damaged ones priced and stored once, and the database is closed."""
    program.ran.clear()
    program.make_files(tmp_path)
    first = []

    async def main():
        async with await program.make_flow(tmp_path).start() as outputs:
            first.append((await outputs["stored"].first(), program.ran["stored"]))
            return await outputs["stored"].list(), await outputs["rejects"].list()

    totals, rejects = asyncio.run(main())

    assert dict(program.ran) == {"parsed": 200, "priced": 197, "stored": 197}
    assert len(rejects) == len(program.DAMAGED)
    assert totals == sorted(totals)
    assert first[0][0] == totals[0]
    assert first[0][1] < len(totals)


@of("market_data")
def test_a_question_starts_no_feed(program):
    """While the flow runs, each what-if starts what it changes and what reads that; the feed is connected once."""
    program.started.clear()
    counts = []
    say, program.ran = program.ran, lambda: counts.append(dict(program.started)) or say()
    run(program)

    assert [sorted(count) for count in counts[1:]] == [["alerts"], ["averages"], ["alerts", "averages", "mids"], []]
    assert [count.get("connect", 0) for count in counts] == [1, 0, 0, 0, 0]


@of("recorded_day")
def test_a_replayed_day_asks_no_feed(program, tmp_path):
    """A replay runs the same nodes but for the sources, and the change begins in the fees of the dear shares."""
    day = dug.Context()
    with replay.record(day, tmp_path / "day.dugrec"), day:
        earned = program.desk()
    program.asked.clear()
    recording = replay.open(tmp_path / "day.dugrec")

    with recording.replay(program.desk.node()) as evening:
        assert program.desk() == earned
        with dug.Context({program.fees: program.fees_with_a_minimum}) as changed:
            program.desk()
            found = recording.differences(changed, program.desk.node())
        assert len(recording.differences(evening)) == 0

    assert program.asked == []
    assert set(found.first) == {program.fees.node("AAPL"), program.fees.node("MSFT")}
    assert set(found.carried) == {program.profit.node("AAPL"), program.profit.node("MSFT"), program.desk.node()}
