"""``dug record`` and ``dug replay``: a run is recorded, and run again without its sources, with the same code or another."""

import json
import sys

import pytest

from dug import replay


@pytest.fixture
def recorded(pricing, dug_says):
    """The recording of the book; the source says when it is called again."""
    said = dug_says("record", "pricing:book", "--to", "day.dugrec")
    assert (said.status, said.out) == (0, "39500.0\n")
    forget(pricing, "return {", 'raise RuntimeError("the feed was asked"); return {')


@pytest.fixture
def pricing(pricing, monkeypatch):
    """The folder; modules are read from their source each time."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield pricing
    for name in ("trial", "pricing"):
        sys.modules.pop(name, None)


def forget(folder, old, new):
    """Change the module, and have it imported anew."""
    text = (folder / "pricing.py").read_text()
    assert old in text
    (folder / "pricing.py").write_text(text.replace(old, new))
    sys.modules.pop("pricing", None)


@pytest.mark.usefixtures("recorded")
def test_a_replay_asks_no_source(dug_says):
    """A recorded run gives the same value again, although its source fails by now."""
    assert dug_says("replay", "day.dugrec", "pricing:book").out == "39500.0\n"


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("replaced", ["position", "position('MSFT', 50)"])
def test_what_is_replaced_by_something_that_is_refused_was_read(pricing, dug_says, replaced):
    """Where a source is not covered, only that is said: what replaces a node was asked for, and came to that source."""
    (pricing / "trial.py").write_text("from pricing import spot\nread = lambda ticker, quantity, years=1: spot('IBM')\n")

    said = dug_says("replay", "day.dugrec", "pricing:book", "--replace", f"{replaced}=trial:read")

    assert said.status == 1
    assert said.complaint.startswith("dug replay: pricing:book failed: UncoveredError: the recording does not cover pricing:spot")


@pytest.mark.usefixtures("recorded")
def test_the_same_code_exits_with_0(dug_says):
    """Against the same code there is no difference, and the exit status is 0."""
    said = dug_says("replay", "day.dugrec", "pricing:book", "--against", ".")

    assert said.status == 0
    assert said.out == "39500.0\n5 nodes compared: no difference\n"


@pytest.mark.usefixtures("recorded")
def test_changed_code_exits_with_1(pricing, dug_says):
    """Against changed code from another folder the nodes that differ are listed, those of the change first."""
    (pricing / "new").mkdir()
    text = (pricing / "pricing.py").read_text()
    (pricing / "new" / "pricing.py").write_text(text.replace("quantity * years *", "quantity * years * 2 *"))

    said = dug_says("replay", "day.dugrec", "pricing:book", "--against", "new", "--json")

    rows = json.loads(said.out)["differences"]
    assert said.status == 1
    assert [(row["node"], row["kind"]) for row in rows] == [
        ("pricing:position('AAPL', 100, 1)", "first"),
        ("pricing:position('MSFT', 50, 1)", "first"),
        ("pricing:book()", "carried"),
    ]


@pytest.mark.usefixtures("recorded")
def test_differences_are_a_table(pricing, dug_says):
    """Without ``--json`` they are a table below the value."""
    forget(pricing, "quantity * years *", "quantity * years * 2 *")

    said = dug_says("replay", "day.dugrec", "pricing:book", "--against", ".")

    assert said.out.splitlines()[:3] == [
        "79000.0",
        "5 nodes compared: 2 first, 1 carried, 0 new",
        "node                              kind     before   now      because",
    ]


@pytest.mark.usefixtures("recorded")
def test_a_source_that_is_not_covered_is_one_line(dug_says):
    """A node of a source that was not recorded is named."""
    said = dug_says("replay", "day.dugrec", "pricing:position", "IBM", "5")

    assert said.status == 1
    assert "pricing:spot('IBM')" in said.complaint


@pytest.mark.usefixtures("recorded")
def test_what_is_missing_is_told_before_the_run(pricing, dug_says):
    """Where the trace knows that a source is needed whose value has no codec, nothing is called."""
    forget(pricing, "return position(", 'print("it ran")\n    return position(')
    lines = [json.loads(line) for line in (pricing / "day.dugrec").read_text().splitlines()]
    for line in lines:
        if line.pop("codec", None):
            line["absent"] = "it is a socket"
    (pricing / "cut.dugrec").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    said = dug_says("replay", "cut.dugrec", "pricing:book")

    assert said.status == 1
    assert said.out == ""
    assert "pricing:spot('AAPL') (it is a socket)" in said.complaint


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("replacement", "value"),
    [
        ("spot(AAPL)=100.0", "30500.0"),
        ("spot=x2", "79000.0"),
        ("spot=trial:ones", "150.0"),
        ("spot(AAPL)=trial:ones", "20600.0"),
        ("position=trial:none", "0"),
    ],
)
def test_a_node_is_replaced(pricing, dug_says, replacement, value):
    """A node or function is replaced by a constant, a tweak or a function from the command line."""
    (pricing / "trial.py").write_text(
        "def ones(ticker):\n    return 1.0\n\ndef none(ticker, quantity, years=1):\n    return 0\n"
    )

    said = dug_says("replay", "day.dugrec", "pricing:book", "--replace", replacement)

    assert (said.status, said.out, said.err) == (0, f"{value}\n", "")


@pytest.mark.usefixtures("recorded")
def test_what_nobody_reads_is_told(dug_says):
    """A replaced node that nobody asked for is named."""
    said = dug_says("replay", "day.dugrec", "pricing:book", "--replace", "spot(IBM)=100.0")

    assert "spot(IBM)" in said.complaint


@pytest.mark.usefixtures("recorded")
def test_the_plan_shows_what_would_run(dug_says):
    """The plan is a tree of what runs, what the recording gives and what is replaced; nothing runs."""
    said = dug_says("replay", "day.dugrec", "pricing:book", "--plan", "--replace", "position(MSFT, 50)=5.0")

    assert said.out == (
        "pricing:book(): runs\n"
        "├── pricing:position('AAPL', 100, 1): runs\n"
        "│   └── pricing:spot('AAPL'): recorded, 190.0\n"
        "└── pricing:position('MSFT', 50, 1): replaced, 5.0\n"
    )
    assert said.status == 0


@pytest.mark.usefixtures("recorded")
def test_a_plan_names_what_the_recording_does_not_know(dug_says):
    """The plan of a node that the recording has never heard of says so, by its name."""
    said = dug_says("replay", "day.dugrec", "pricing:position", "IBM", "3", "--plan")

    assert said.err == (
        "dug replay: pricing:position('IBM', 3, 1) is not in the recording, which does not know what would run for it\n"
    )


@pytest.mark.usefixtures("recorded")
def test_the_plan_as_json(dug_says):
    """The plan is data with ``--json``."""
    said = dug_says("replay", "day.dugrec", "pricing:position", "AAPL", "100", "--plan", "--json")

    assert json.loads(said.out)[0] == {"node": "pricing:spot('AAPL')", "how": "recorded", "because": "190.0"}


@pytest.mark.usefixtures("recorded")
def test_a_run_takes_sources_from_a_recording(pricing, dug_says):
    """``dug run --from`` takes what was recorded, and runs a source that was not."""
    forget(pricing, 'raise RuntimeError("the feed was asked"); return {', 'return {"IBM": 7.0, ')

    assert dug_says("run", "pricing:book", "--from", "day.dugrec", "--replace", "spot(MSFT)=0.0").out == "19000.0\n"
    assert dug_says("run", "pricing:position", "IBM", "2", "--from", "day.dugrec").out == "14.0\n"


@pytest.mark.usefixtures("recorded")
def test_a_second_recording_is_refused(dug_says):
    """A recording overwrites no file."""
    said = dug_says("record", "pricing:book", "--to", "day.dugrec")

    assert said.status == 1
    assert "overwrites none" in said.complaint


@pytest.mark.usefixtures("pricing")
def test_a_cut_is_recorded(dug_says):
    """``--cut`` records a function besides the sources, and ``--no-cut`` runs it."""
    dug_says("record", "pricing:book", "--to", "cut.dugrec", "--cut", "position")

    assert "position('AAPL', 100, 1): recorded" in dug_says("replay", "cut.dugrec", "pricing:book", "--plan").out
    assert "position('AAPL', 100, 1): runs" in dug_says("replay", "cut.dugrec", "pricing:book", "--plan", "--no-cut").out


@pytest.mark.usefixtures("pricing")
def test_a_failure_is_recorded(dug_says):
    """A function that fails exits with 1, and what its sources gave is in the file all the same."""
    said = dug_says("record", "pricing:position", "IBM", "5", "--to", "failed.dugrec")

    assert said.status == 1
    assert "KeyError" in said.err
    assert replay.open("failed.dugrec").is_complete


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--replace", "spot"], "not a tweak"),
        (["--replace", "spot=trial:missing"], "trial:missing"),
        (["--replace", "spot=1"], "function of ticker"),
        (["--replace", "spot=x2", "--replace", "spot=x3"], "twice"),
    ],
)
def test_a_wrong_replacement_is_one_line(dug_says, words, complaint):
    """What cannot be read exits with 2, and nothing has run."""
    said = dug_says("replay", "day.dugrec", "pricing:book", *words)

    assert said.status == 2
    assert complaint in said.complaint
