"""What a page says of a sweep: how far it is, what failed, who computed it, and the results beside their bases."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import evolve

import dug
from dug import web
from dug.scenarios import grid
from dug.web._shown import show
from dug.web._taken import AskError
from dug.web._tally import Tally

ran = []
hook = SimpleNamespace(look=lambda: None)


@dug.source
def spot(ticker):
    """A price."""
    return {"a": 100.0, "b": 50.0}[ticker]


@dug.memoize
def book():
    """What all are worth, or a failure below zero."""
    ran.append(spot("a"))
    hook.look()
    if spot("a") < 0:
        raise ValueError("a price below zero")
    return 2 * spot("a") + spot("b")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No hook is left over, and nothing has run."""
    monkeypatch.setattr(hook, "look", lambda: None)
    ran.clear()


def sweep_prices(*prices, target=None):
    """Return a sweep of the book over prices."""
    return dug.sweep(target or book.node(), {f"at {price}": {spot.node("a"): price} for price in prices})


def ask(swept, **query):
    """Return what is said of a sweep."""
    return show(swept).answer("sweep", query)["parts"]


def read_rows(parts, title="", column=0):
    """Return the cells of the table with a title and a first column."""
    tables = [part for part in parts if part["kind"] == "table" and part["title"] == title]
    table = next(part for part in tables if not column or part["columns"][0] == column)
    return [[cell["text"].removeprefix("test_swept:") for cell in row["cells"]] for row in table["rows"]]


def test_a_sweep_that_nobody_asks_runs_nothing():
    """A page of a sweep shows how many scenarios there are, and looks at them without a run."""
    with dug.Context():
        answers = show(sweep_prices(1.0, 2.0))
        said = answers.answer("sweep", {})

    assert answers.answer("head", {})["first"] == "sweep"
    assert answers.answer("head", {})["title"] == "sweep of test_swept:book()"
    assert said["parts"][0] == {"kind": "meter", "label": "scenarios done", "done": 0, "total": 2}
    assert said["busy"]
    assert ran == []


def test_a_page_shows_what_runs_while_it_runs():
    """In the middle of a sweep the page says how many are done and failed, which scenario runs, and how long the rest takes."""
    with dug.Context():
        swept = sweep_prices(-1.0, 2.0)
        answers, seen = show(swept), []
        hook.look = lambda: seen.append(answers.answer("sweep", {}))
        tuple(swept)

    first, second = [said["parts"] for said in seen]
    assert [part[0]["done"] for part in (first, second)] == [0, 1]
    assert read_rows(second)[0][:5] == ["1", "0", "1", "0", "0"]
    assert (read_rows(first)[0][6], read_rows(second)[0][6] != "") == ("", True)
    assert read_rows(first, "What runs now") == [["at -1.0", "1"]]
    assert read_rows(second, "What runs now") == [["at 2.0", "1"]]
    over = answers.answer("sweep", {})
    assert (over["parts"][0]["done"], over["busy"]) == (2, False)


def test_results_are_shown_beside_their_base():
    """Each result has its difference to the base, and a target that failed its error."""
    with dug.Context():
        book()
        swept = sweep_prices(-1.0, 101.0, 90.0)
        tuple(swept)
        runs = len(ran)
        rows = read_rows(ask(swept), "Results")
        moved = read_rows(ask(swept, show="moved"), "Results")
        failed = read_rows(ask(swept, show="failed"), "Results")

    assert [row[:3] for row in rows] == [
        ["at -1.0", "failed: ValueError: a price below zero", ""], ["at 101.0", "252.0", "+2"], ["at 90.0", "230.0", "-20"],
    ]  # fmt: skip
    assert [row[0] for row in moved] == ["at 90.0", "at 101.0", "at -1.0"]
    assert [row[0] for row in failed] == ["at -1.0"]
    assert len(ran) == runs


def test_a_base_that_nobody_asked_for_is_not_asked_for():
    """Without a base the page has no differences, says so, and has them as soon as somebody asks for it."""
    with dug.Context():
        swept = sweep_prices(101.0)
        tuple(swept)
        answers = show(swept)
        before, runs = answers.answer("sweep", {})["parts"], len(ran)
        assert runs == 1
        _ = swept.base
        after = answers.answer("sweep", {})["parts"]

    assert "Nobody has asked for the base yet" in str(before)
    assert read_rows(before, "Results")[0][:3] == ["at 101.0", "252.0", ""]
    assert read_rows(after, "Results")[0][:3] == ["at 101.0", "252.0", "+2"]


def test_one_scenario_has_its_tweaks_and_its_traceback():
    """The name of a scenario leads to what it tweaks, what came of it, and the traceback of what failed."""
    with dug.Context():
        book()
        swept = sweep_prices(-1.0, 101.0)
        parts = ask(swept)
        assert parts[-1]["text"].startswith("There are no results")
        tuple(swept)
        (link,) = [row["cells"][0] for part in ask(swept) if part.get("title") == "What failed" for row in part["rows"]]
        parts = ask(swept, **link["query"])

        assert link["view"] == "sweep"
        assert read_rows(parts, column="target") == [["spot('a')", "-1.0"]]
        assert read_rows(parts[4:])[0] == ["book()", "250.0", "failed: ValueError: a price below zero", ""]
        assert "ValueError: a price below zero" in parts[-1]["text"]
        with pytest.raises(AskError, match="scenario 2 has no result yet"):
            ask(swept, scenario="2")
        with pytest.raises(AskError, match="target must be a whole number"):
            ask(swept, target="-1")


def test_a_grid_is_a_heat_map():
    """A grid of two axes has a cell for each result, shaded by its change; those to come are empty, those that failed say so."""
    axes = {spot.node("a"): [-5.0, 100.0, 110.0], spot.node("b"): [50.0, 60.0]}
    with dug.Context():
        book()
        swept = dug.sweep(book.node(), grid(axes))
        assert swept[4].value == 270.0
        (table,) = [part for part in ask(swept) if part["kind"] == "table" and "\\" in part["columns"][0]]
        (values,) = [part for part in ask(swept, cells="values") if part["kind"] == "table" and "\\" in part["columns"][0]]

    cells = [[(cell["text"], cell.get("class")) for cell in row["cells"][1:]] for row in table["rows"]]
    assert table["columns"] == ["test_swept:spot('a') \\ test_swept:spot('b')", "50.0", "60.0"]
    assert cells == [[("failed", "failed")] * 2, [("0", "heat0"), ("+10", "heat4")], [("+20", "heat8"), ("", None)]]
    assert [cell["text"] for cell in values["rows"][1]["cells"]] == ["100.0", "250", "260"]
    assert table["rows"][1]["cells"][2]["query"] == {"scenario": "3"}


def test_a_fall_and_a_rise_have_other_shades():
    """Where there are both signs, the larger change of any sign has the strongest shade."""
    with dug.Context():
        book()
        swept = dug.sweep(book.node(), grid({spot.node("a"): [80.0, 110.0], spot.node("b"): [50.0]}))
        tuple(swept)
        (table,) = [part for part in ask(swept) if part["kind"] == "table" and "\\" in part["columns"][0]]

    assert [row["cells"][1]["class"] for row in table["rows"]] == ["cold8", "heat4"]


def test_many_results_are_read_page_after_page():
    """A table has a hundred results, and leads to the next hundred."""
    with dug.Context():
        swept = sweep_prices(*range(250))
        tuple(swept)
        first, last = ask(swept), ask(swept, first="200")

    assert (len(read_rows(first, "Results")), len(read_rows(last, "Results"))) == (100, 50)
    links = {one["text"]: one["query"] for part in (*first, *last) if part["kind"] == "choices" for one in part["links"]}
    assert (links["Those after"], links["Those before"]) == ({"first": "100"}, {"first": "100"})


def test_who_computed_what_is_counted_once():
    """Scenarios are counted by the process that computed them, those that were sent again too, however often a page asks."""
    with dug.Context():
        one, other = sweep_prices(-1.0, 2.0)
    results = [evolve(one, worker="h:1", attempts=2), evolve(other, worker="h:2")]
    tally = Tally(SimpleNamespace(_stand=lambda first: SimpleNamespace(results=results[first:])))
    for _ in range(3):
        tally.follow()

    assert {name: (each.scenarios, each.failed) for name, each in tally.workers.items()} == {"h:1": (1, 1), "h:2": (1, 0)}
    assert (tally.retried, tally.failed, tally.errors) == (1, [0], {"ValueError: a price below zero": [0]})


def test_scenarios_that_end_with_an_error_say_so():
    """The error of the iterator of the scenarios is on the page."""

    def scenarios():
        yield {spot.node("a"): 1.0}
        raise LookupError("no more of them")

    with dug.Context():
        swept = dug.sweep(book.node(), scenarios())
        with pytest.raises(LookupError):
            tuple(swept)
        said = show(swept).answer("sweep", {})

    assert said["parts"][0]["total"] == 1
    assert "LookupError: no more of them" in said["parts"][2]["text"]
    assert not said["busy"]


def test_the_nodes_beside_a_sweep_are_those_around_it():
    """The page of a sweep has the nodes of the context in which it was begun, and none of a scenario's."""
    with dug.Context():
        book()
        swept = sweep_prices(101.0)
        tuple(swept)
        rows = show(swept).answer("rows", {})["rows"]

    assert {row["text"]: row["value"] for row in rows}["test_swept:book()"] == "250.0"


def test_a_sweep_takes_no_tweaks_and_is_compared_with_nothing():
    """What a page of a sweep cannot do is refused with what to type."""
    with dug.Context() as ctx:
        swept = sweep_prices(101.0)
    with pytest.raises(TypeError, match=r"of a sweep takes no tweaks. Write serve\(ctx, allow_tweaks=True\)"):
        web.serve(swept, open=False, allow_tweaks=True)
    for before in (ctx, swept):
        with pytest.raises(TypeError, match="Compare two contexts, or two files"):
            web.serve(swept, open=False, before=before)
