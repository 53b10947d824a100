"""``dug trace`` writes the runs of a file, or of a recording, as trace events."""

import json

import pytest
from support.trace_events import read_trace

pytestmark = pytest.mark.usefixtures("saved")


def test_the_runs_of_a_file_are_written(dug_says, pricing):
    """The bars nest as the nodes were read, though the code is gone, and the command says what to do with the file."""
    said = dug_says("trace", "book.dug", "book.json")
    bars = read_trace((pricing / "book.json").read_text())

    assert said.status == 0
    assert "ui.perfetto.dev" in said.out
    assert bars["pricing:spot('AAPL')"].around == ("pricing:book()", "pricing:position('AAPL', 100, 1)")
    assert len(bars) == 5


def test_the_runs_of_a_recording_are_written(dug_says, pricing):
    """A recording is told by how it begins, whatever its name; its times are measured."""
    (pricing / "small.py").write_text("import dug\n\n@dug.source\ndef two():\n    return 2\n")
    dug_says("record", "small:two", "--to", "day.x")

    assert dug_says("trace", "day.x", "day.json").status == 0
    made = json.loads((pricing / "day.json").read_text())

    assert made["otherData"]["layout"].startswith("measured")
    assert made["traceEvents"][-1]["name"] == "small:two()"


def test_an_existing_file_is_not_overwritten(dug_says, pricing):
    """It stays as it is, and the command says how to replace it."""
    (pricing / "notes.json").write_text("mine")
    said = dug_says("trace", "book.dug", "notes.json")

    assert said.status == 2
    assert "notes.json is there already. Give another name, or add --overwrite." in said.complaint
    assert (pricing / "notes.json").read_text() == "mine"

    assert dug_says("trace", "book.dug", "notes.json", "--overwrite").status == 0
    assert len(read_trace((pricing / "notes.json").read_text())) == 5


@pytest.mark.parametrize("name", ["book.dug", "./book.dug", "link.dug", "hard.dug"])
def test_the_input_is_never_overwritten(dug_says, pricing, name):
    """Not even when that is asked for, nor under another name of the file."""
    before = (pricing / "book.dug").read_bytes()
    (pricing / "link.dug").symlink_to("book.dug")
    (pricing / "hard.dug").hardlink_to(pricing / "book.dug")

    said = dug_says("trace", "book.dug", name, "--overwrite")

    assert said.status == 2
    assert f"{name} is the file that is read" in said.complaint
    assert (pricing / "book.dug").read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(dug_says, pricing):
    """A folder that is not there is an error of one line, with or without --overwrite."""
    assert "nowhere/o.json cannot be written" in dug_says("trace", "book.dug", "nowhere/o.json").complaint
    assert "nowhere/o.json cannot be written" in dug_says("trace", "book.dug", "nowhere/o.json", "--overwrite").complaint


def test_a_file_of_another_kind_is_refused(dug_says, pricing):
    """Nothing is written for a file that dug did not save."""
    (pricing / "prices.csv").write_text("a,b\n")

    said = dug_says("trace", "prices.csv", "o.json")

    assert said.status == 1
    assert "prices.csv is neither a file that a context was saved to nor a recording. Make one: dug record" in said.complaint
    assert not (pricing / "o.json").exists()
