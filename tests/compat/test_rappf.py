"""The spelling of rappf: wiring by types, updates, recordings that are replayed, and what is refused."""

import json
import runpy
import sys
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

import dug
from dug.compat import rappf
from dug.flow import DuplicateNameError

EXAMPLE = Path(__file__).parents[2] / "examples" / "rappf_messages.py"


@dataclass
class Value:
    """A value that can be recorded."""

    v: float

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, found):
        return cls(**found)


class Price(Value):
    """A source."""


class Count(Value):
    """Another source."""


class Worth(Value):
    """What a function gives."""


def value(price: Price, count: Count | None) -> Worth:
    """Give the worth, of one where there is no count."""
    return Worth(price.v * (1 if count is None else count.v))


class Sink:
    """Keeps what it is given."""

    def __init__(self):
        self.seen = []

    def __call__(self, *, worth: Worth | None = None) -> None:
        self.seen.append(worth and worth.v)


@pytest.fixture
def sink():
    """A sink."""
    return Sink()


def test_the_example_prints_what_its_page_shows(tmp_path, capsys, monkeypatch):
    """The program of the page runs, and prints what the page says."""
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), str(tmp_path)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")

    printed = capsys.readouterr().out
    page = (EXAMPLE.parents[1] / "docs" / "howto" / "coming-from-rappf.rst").read_text(encoding="utf-8")
    assert len(printed.splitlines()) == 7
    assert textwrap.indent(printed, "   ") in page


def test_the_example_runs_records_and_replays(tmp_path):
    """The program of the page shows the same in a run, in one that is recorded, and in the replay."""
    first, recorded, replayed = runpy.run_path(str(EXAMPLE))["main"](tmp_path)

    assert first == recorded == replayed
    assert first[2:4] == ["11 h: 1 unread, the last one says 'good day'", None]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Hour.jsonl", "Newest.jsonl", "Unread.jsonl"]


def test_plain_functions_and_two_sinks_are_wired(sink):
    """A plain function is a function of the graph, and two that give nothing are two sinks."""
    other = Sink()
    dag = rappf.DAG([sink, value, other], lambda: None, expected_sources=[Price, Count])
    dag.run([[Price(2.0), Count(3.0)], [Price(4.0)], [Worth(9.0)]])

    assert sink.seen == other.seen == [6.0, 4.0, 9.0]
    assert dag.predecessors_list == {sink: [Worth], value_of(dag): [Price, Count], other: [Worth], Price: [], Count: []}
    assert "Worth" in dag.flow.draw()


def value_of(dag):
    """Return the node of the function that gives a worth."""
    return next(kind for kind in dag.predecessors_list if kind is Worth)


def test_a_missing_value_is_stale(sink):
    """A function whose parameter has no value and no default does not run: the callback is called, and the type has None."""
    stale = []
    rappf.DAG([value, sink], lambda: stale.append(1)).run([[Count(3.0)], [Price(1.0)]])

    assert (sink.seen, stale) == ([None, 1.0], [1])


def test_every_update_runs_every_function(sink):
    """A function runs in each update, in one that brings nothing new too: it may have a state of its own."""
    rappf.DAG([value, sink], lambda: None).run([[], [], []])

    assert sink.seen == [None, None, None]


def test_a_second_provider_is_refused_with_both_names():
    """Two functions that give one type are refused, and both are named."""

    def guess() -> Worth | None:
        return None

    with pytest.raises(DuplicateNameError, match=r"value and .*guess both give Worth"):
        rappf.DAG([value, guess], lambda: None)
    assert issubclass(DuplicateNameError, ValueError)


def test_other_sources_than_expected_are_named():
    """Sources that are not those that are expected are named, on both sides."""
    with pytest.raises(ValueError, match="Count besides them, and without Worth"):
        rappf.DAG([value], lambda: None, expected_sources=[Price, Worth])


def test_a_circle_is_refused():
    """Types that need each other are a circle with its path."""

    def back(worth: Worth) -> Price:
        return Price(worth.v)

    with pytest.raises(dug.CycleError, match=r"Worth.*Price|Price.*Worth"):
        rappf.DAG([value, back], lambda: None)


def test_a_recording_has_what_a_value_was_when_it_was_given(tmp_path, sink):
    """A source that a function changes in place is recorded as it came."""

    def spoil(price: Price) -> Worth:
        price.v = -1.0
        return Worth(price.v)

    rappf.DAG([spoil, sink], lambda: None).run([[Price(2.0)], []], capture=[Price], location=tmp_path)

    assert [json.loads(line) for line in (tmp_path / "Price.jsonl").read_text().splitlines()] == [{"v": 2.0}, None]


def test_a_replay_runs_no_function_of_a_recorded_type(tmp_path, sink):
    """In a replay the recorded types have their values, None too, and their functions do not run."""
    dag = rappf.DAG([value, sink], lambda: None)
    dag.run([[Price(2.0)], [Count(1.0)]], capture=[Worth], location=tmp_path)
    seen, sink.seen = sink.seen, []

    def refuse(price: Price) -> Worth:
        raise AssertionError

    rappf.DAG([refuse, sink], lambda: None).run(replay=[Worth], location=tmp_path)
    assert sink.seen == seen == [2.0, None]


def test_types_that_are_no_cut_are_refused_unless_allowed(tmp_path, sink):
    """A replay of types past which a source leads to a sink is refused with that source; it may be allowed."""
    dag = rappf.DAG([value, sink], lambda: None)

    with pytest.raises(ValueError, match=r"Price leave a way round them from Count. Name more types, or write no_cut_ok=True"):
        dag.run([[Price(1.0)]], capture=[Price], location=tmp_path)
    assert list(tmp_path.iterdir()) == []
    dag.run([[Price(1.0)]], capture=[Price], location=tmp_path, no_cut_ok=True)
    dag.run(replay=[Price], location=tmp_path, no_cut_ok=True)
    assert sink.seen == [1.0, 1.0]


def test_recordings_of_different_runs_are_refused(tmp_path, sink):
    """Recordings of different lengths are not of one run."""
    dag = rappf.DAG([value, sink], lambda: None)
    dag.run([[Price(1.0)]] * 2, capture=[Price, Count], location=tmp_path)
    with (tmp_path / "Price.jsonl").open("a") as file:
        file.write("null\n")

    with pytest.raises(ValueError, match=r"different numbers of updates: Price 3, Count 2"):
        dag.run(replay=[Price, Count], location=tmp_path)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "takes updates, or types to replay, and not both"),
        ({"updates": [], "replay": [Price]}, "takes updates, or types to replay, and not both"),
        ({"updates": [], "capture": [Price, Count]}, "Write location=folder"),
        ({"updates": [], "capture": [int], "location": "."}, "int is not a type of the graph. Its types: Worth, Price, Count"),
        ({"updates": [[5]]}, "an update has a int, which no function reads or gives"),
    ],
)
def test_what_does_not_fit_is_refused(options, text):
    """Arguments that do not fit each other, and types that the graph does not have, are refused with what to type."""
    with pytest.raises(ValueError, match=text):
        rappf.DAG([value], lambda: None).run(**options)


def test_a_class_and_a_parameter_without_a_type_are_refused():
    """A class is no function, and a parameter must say its type."""
    with pytest.raises(TypeError, match=r"Sink is a class, and not a function. Give an object of it: Sink\(...\)"):
        rappf.DAG([Sink], lambda: None)
    with pytest.raises(TypeError, match="the parameter 'price' has no type"):
        rappf.DAG([lambda price: price], lambda: None)


def test_an_error_of_a_function_passes_through():
    """What a function raises comes out of the run as it is."""

    def fail(price: Price) -> Worth:
        raise OSError("no feed")

    with pytest.raises(OSError, match="no feed"):
        rappf.DAG([fail], lambda: None).run([[Price(1.0)]])
