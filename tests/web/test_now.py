"""What a page says of what goes on: runs in flight, states that move, memory."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest

import dug
from dug.web import _now
from dug.web._now import Now
from dug.web._shown import show
from dug.web._subjects import ContextSubject
from dug.web._taken import Taken
from dug.web._texts import tell_time

hook = SimpleNamespace(look=lambda: None)


@dug.source
def spot(ticker):
    """A price."""
    return {"a": 100.0}[ticker]


@dug.memoize
def position():
    """What ten of them are worth."""
    hook.look()
    return 10 * spot("a")


@dug.memoize
def book():
    """What all are worth."""
    return spot("a") + position()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No hook is left over."""
    monkeypatch.setattr(hook, "look", lambda: None)


def read_rows(parts, title):
    """Return the cells of a table, and the depths of its rows."""
    (table,) = [part for part in parts if part["title"] == title]
    return [[row["depth"], *[cell["text"].removeprefix("test_now:") for cell in row["cells"]]] for row in table["rows"]]


def test_what_runs_is_shown_while_it_runs():
    """In the middle of a run the page shows it, what it waits for, under which tweaks, and for how long it has been seen."""
    seen, times = [], count()
    with dug.Context() as ctx:
        subject = ContextSubject(ctx)
        now = Now(subject, lambda: float(next(times)))
        hook.look = lambda: seen.extend(now.tell(Taken(subject, number), {}) for number in (1, 2))
        with dug.Context({spot.node("a"): 5.0}):
            book()
        hook.look = lambda: None
        after = now.tell(Taken(subject, 3), {})

    first, second = [read_rows(parts, "What runs") for parts in seen]
    tweak = "spot('a') = 5.0"
    assert [row[:3] + row[4:] for row in first] == [
        [0, "book()", "waits for what it reads", tweak, "MainThread", "1"], [1, "position()", "runs", tweak, "MainThread", "0"],
    ]  # fmt: skip
    assert first[0][3] == "0.0 s"
    assert float(second[0][3].removesuffix(" s")) > 0
    assert read_rows(after, "What runs") == []
    assert after[0]["more"] == "Nothing runs now."


def test_nodes_that_change_their_state_are_counted():
    """The page says how many nodes have each state, and by how many a second that changes."""
    times = count()
    with dug.Context() as ctx:
        subject = ContextSubject(ctx)
        now = Now(subject, lambda: float(next(times)))
        before = read_rows(now.tell(Taken(subject, 1), {}), "Nodes by state")
        book()
        after = read_rows(now.tell(Taken(subject, 2), {}), "Nodes by state")

    assert before == []
    assert [row[1:3] for row in after] == [["computed", "3"]]
    assert after[0][3].startswith("+")


def test_the_memory_is_told(monkeypatch):
    """The page says how many memos each cache has, how large values are that tell it, and how large the process is."""
    with dug.Context(), dug.Context({spot.node("a"): 5.0}, cache=dug.Cache()) as ctx:
        book()
        answers = show(ctx)
        rows = read_rows(answers.answer("now", {})["parts"], "Memory")
        monkeypatch.setattr(_now, "read_process_size", lambda: None)
        fewer = read_rows(answers.answer("now", {})["parts"], "Memory")

    assert [row[1] for row in rows[:2]] == ["memos in the cache", "memos in a cache beneath"]
    assert rows[2][1].endswith("nodes that tell their size")
    assert [row[1] for row in fewer] == [row[1] for row in rows if row[1] != "this process"]


def test_a_look_at_what_goes_on_runs_nothing():
    """Nothing runs because a page shows what goes on, which it does as long as it is shown."""
    with dug.Context() as ctx:
        book()
        ran = []
        with ctx.listen(ran.append, kinds=("computed", "failed")):
            said = show(ctx).answer("now", {})

    assert said["busy"]
    assert ran == []
    assert ctx.cache.quick is ctx.cache.homes


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.6, "1 min 0 s"), (3_720.0, "1 h 2 min"), (12.2, "12 s")]
)
def test_a_time_is_told_in_steps(seconds, said):
    """A time that goes on is as exact as one can follow."""
    assert tell_time(seconds) == said
