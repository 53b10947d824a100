"""What a page says of a `Live`: its outputs, its inputs and its counters, without a tick or a run."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

import dug
from dug import web
from dug.live import Live
from dug.testing import Clock, EventLog
from dug.web._rates import Rates, write_rate
from dug.web._shown import show

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e"


@dug.source
def spot(name):
    """A price that has to be pushed."""
    raise LookupError(f"no price of {name}")


@dug.memoize
def position(name):
    """What ten of them are worth."""
    return 10 * spot(name)


@dug.memoize
def book():
    """What all are worth."""
    return position("a") + position("b")


@pytest.fixture
def live():
    """A `Live` that has ticked once, and of which one output fails."""
    made = Live({spot.node("a"): 1, spot.node("b"): 2}, policy="block", size=8, name="desk")
    made.output(book.node()), made.output(spot.node("c")), made.output(position.node("a"), every=3600.0)
    made.step(), made.push(spot.node("a"), 3), made.step()
    return made


def read_rows(parts, title):
    """Return the cells of the table with a title, without the module."""
    (table,) = [part for part in parts if part.get("title") == title]
    return [[cell["text"].removeprefix("test_live_page:") for cell in row["cells"]] for row in table["rows"]]


def tell(answers):
    """Return the parts of the panel."""
    return answers.answer("live", {})["parts"]


def test_outputs_are_told_with_their_last_value_or_error(live):
    """Each output has its last value or its error, the tick of it, and how many ticks came since."""
    told = tell(show(live))

    assert [row[:5] for row in read_rows(told, "Outputs")] == [
        ["book()", "50", "current", "1", "0"],
        ["spot('c')", "LookupError: no price of c", "current", "1", "0"],
        ["position('a')", "10", "waits", "0", "1"],
    ]
    cells = next(part for part in told if part.get("title") == "Outputs")["rows"][1]["cells"]
    assert cells[1]["class"] == "failed"


def test_inputs_are_told_with_what_was_pushed(live):
    """Each input has its value of the last tick, and what became of the values that were pushed for it."""
    live.push(spot.node("a"), 4), live.push(spot.node("d"), 5)

    assert read_rows(tell(show(live)), "Inputs") == [
        ["spot('a')", "3", "2", "0", "0", ""],
        ["spot('b')", "2", "0", "0", "0", ""],
        ["spot('d')", "as its function gives it", "1", "0", "0", ""],
    ]


def test_a_page_says_the_policy_and_what_waits(live):
    """The first line has the tick, how many ticks are pending, and the policy."""
    live.push(spot.node("a"), 4), live.push(spot.node("a"), 5)

    assert tell(show(live))[0]["text"] == "tick 1; 2 ticks of at most 8 pending, policy 'block'"
    live.close()
    assert tell(show(live))[0]["text"].endswith(", closed")


def test_counters_are_told_with_how_fast_they_grow(live, monkeypatch):
    """A counter has its value and, from the second look on, by how much it grows in a second."""
    clock = Clock()
    monkeypatch.setattr("dug.web._live.Rates", lambda: Rates(clock))
    answers = show(live)
    assert ["pushes", "1", ""] in read_rows(tell(answers), "Counters")
    for price in range(4, 8):
        live.push(spot.node("a"), price)
    clock.advance(2.0)

    assert ["pushes", "5", "2"] in read_rows(tell(answers), "Counters")


def test_the_page_of_a_live_opens_with_it_and_links_its_nodes(live):
    """The page begins with the outputs, whose nodes are links, and has the nodes of the last tick."""
    answers = show(live)
    head = answers.answer("head", {})

    assert (head["kind"], head["title"], head["first"], head["live"]) == ("live", "dug.live.Live 'desk'", "live", True)
    (table,) = [part for part in tell(answers) if part.get("title") == "Outputs"]
    name = table["rows"][0]["cells"][0]["name"]
    assert answers.answer("node", {"name": name})["about"]["value"] == "50"


def test_looking_takes_no_tick_and_runs_nothing(live):
    """Whatever a page asks, no tick is taken and no node computed."""
    live.push(spot.node("a"), 9)
    answers = show(live)
    with EventLog(live.context) as log:
        for what in ("head", "live", "rows", "failures", "graph"):
            answers.answer(what, {})
        answers.answer("node", {"name": "test_live_page:book()"})

    assert (log.computed, live.tick, live.pending) == ([], 1, 1)
    assert live.context._listeners == []


def test_a_panel_that_costs_much_rests(live, monkeypatch):
    """However often a page asks, a look that took 40 ms is followed by none for nine times as long."""
    clock, work = Clock(), Clock()
    monkeypatch.setattr("dug.web._panel.monotonic", clock)
    monkeypatch.setattr("dug.web._panel.thread_time", lambda: work.advance(0.04) or work())
    answers = show(live)

    def count_waiting():
        clock.advance(0.2)
        return tell(answers)[0]["text"].partition("; ")[2].partition(" ")[0]

    before = count_waiting()
    live.push(spot.node("a"), 4)
    assert [before, count_waiting(), count_waiting()] == ["0", "0", "1"]


def test_a_page_follows_until_it_is_closed(live):
    """The panel is asked again while the `Live` is open."""
    answers = show(live)
    assert answers.answer("live", {})["busy"]
    live.close()
    assert not answers.answer("live", {})["busy"]


def test_a_tick_is_compared_with_a_frozen_one(live):
    """A page of a `Live` tells what moved since a tick that was frozen, and asked, so that its values are kept."""
    frozen = live.freeze()
    frozen.run(book)
    answers = show(live, before=frozen)
    live.push(spot.node("b"), 4), live.step()

    rows = read_rows([{"title": "", **part} for part in answers.answer("compare", {})["parts"] if part["kind"] == "table"], "")
    assert rows[0][:4] == ["book()", "50", "70", "+20"]


def test_a_trial_is_at_the_tick_at_which_it_was_made(live):
    """A tweak that is tried on the page of a `Live` is tried at its last tick, and no tick takes it."""
    answers = show(live, allow_tweaks=True)
    query = {"name": "test_live_page:spot('b')", "value": "x2"}
    answers.begin_trial(query)
    while answers.answer("trial", query)["busy"]:
        pass
    live.push(spot.node("b"), 100), live.step()

    (table,) = [part for part in answers.answer("trial", query)["parts"] if part["kind"] == "table"]
    assert [cell["text"] for cell in table["rows"][0]["cells"]][:4] == ["test_live_page:book()", "50", "70", "+20"]


def test_a_hostile_value_is_text_in_every_cell():
    """Names, values and errors of a stranger are told without marks that reorder text."""
    live = Live({spot.node(HOSTILE): HOSTILE}, name=HOSTILE)
    live.output(spot.node(HOSTILE)), live.output(spot.node(HOSTILE * 2)), live.step()

    told = json.dumps(tell(show(live)), ensure_ascii=False)
    assert "\u202e" not in told
    assert "<script>" in told


def test_a_live_is_served(live):
    """``serve(live)`` answers over HTTP as it does for a context."""
    pytest.importorskip("starlette", reason="starlette is in the web extra")
    pytest.importorskip("uvicorn", reason="uvicorn is in the web extra")
    from test_serving import ask_data

    with web.serve(live, open=False) as page:
        assert ask_data(page, "live")["parts"][0]["text"].startswith("tick 1")
        assert ask_data(page, "node?name=" + quote("test_live_page:book()"))["about"]["value"] == "50"


def test_rates_are_those_of_the_last_seconds():
    """A rate is that of the last five seconds in which somebody looked; nothing is said after half a second at most."""
    clock = Clock()
    rates = Rates(clock)
    assert rates.look({"a": 0}) == {}
    clock.advance(0.25)
    assert rates.look({"a": 100}) == {}
    clock.advance(1.75)
    assert rates.look({"a": 100, "b": 7}) == {"a": 50.0}
    clock.advance(4.0)
    assert rates.look({"a": 140}) == {"a": 10.0}
    clock.advance(60.0)
    assert rates.look({"a": 10_000}) == {}


@pytest.mark.parametrize(("rate", "text"), [(None, ""), (0.0, "0"), (0.25, "0.25"), (9.96, "10"), (1234.5, "1,234")])
def test_a_rate_is_short(rate, text):
    """A rate has two digits, or no fraction."""
    assert write_rate(rate) == text
