"""``dug diff`` lists the changes from one file to another, and their causes."""

import doctest
import json
import sys

import pytest

from dug.cli import _diff

pytestmark = pytest.mark.usefixtures("pricing")


@pytest.fixture
def diff(dug_says):
    """A function that saves two runs and returns the changes between them."""
    pytest.importorskip("dug.snapshot")

    def compare(before, after):
        dug_says("run", *before, "--save", "a.dug")
        dug_says("run", *after, "--save", "b.dug")
        return json.loads(dug_says("diff", "a.dug", "b.dug", "--json").out)

    return compare


def rows(changes):
    """The changes without the modules, which are all the same."""
    return [tuple(None if cell is None else cell.replace("pricing:", "") for cell in change.values()) for change in changes]


def test_a_tweak_is_followed_to_the_target(diff):
    """From the target down to the tweak: the old value, the new one, and the cause of each; unchanged nodes are left out."""
    changes = diff(["pricing:book"], ["pricing:book", "--tweak", "pricing:spot('AAPL')=100.0"])

    assert rows(changes) == [
        ("book()", "39500.0", "30500.0", "position('AAPL', 100, 1)"),
        ("position('AAPL', 100, 1)", "19000.0", "10000.0", "spot('AAPL')"),
        ("spot('AAPL')", "190.0", "100.0", "a tweak"),
    ]


def test_a_tweak_that_is_gone_is_named(diff):
    """Where the second file lacks a tweak of the first, that is the cause."""
    changes = diff(["pricing:book", "--tweak", "pricing:spot('AAPL')=100.0"], ["pricing:book"])

    assert rows(changes)[-1] == ("spot('AAPL')", "100.0", "190.0", "a tweak that is gone")


def test_the_same_is_no_change(diff, dug_says):
    """Two equal runs have no changes, whatever their times."""
    assert diff(["pricing:book"], ["pricing:book"]) == []
    assert dug_says("diff", "a.dug", "b.dug").out == "0 of 5 nodes changed, 0 are new, 0 are gone\n"


def test_a_failure_that_is_mended_is_told(diff):
    """A node that failed and has a value now is a change."""
    changes = diff(["pricing:position", "IBM", "2"], ["pricing:position", "IBM", "2", "--tweak", "pricing:spot('IBM')=5.0"])

    assert rows(changes) == [
        ("position('IBM', 2, 1)", "failed: KeyError: 'IBM'", "10.0", "spot('IBM')"),
        ("spot('IBM')", "failed: KeyError: 'IBM'", "5.0", "a tweak"),
    ]


def test_nodes_come_and_go(diff):
    """A node that only one of the files has is reported as new or gone."""
    changes = diff(["pricing:spot", "AAPL"], ["pricing:spot", "MSFT"])

    assert [(change["was"], change["now"]) for change in changes] == [(None, "410.0"), ("190.0", None)]


def test_a_source_that_changed_is_the_outside(dug_says, pricing, monkeypatch):
    """A source that gave something else, with the same code and no tweak, was changed by the outside."""
    (pricing / "outside.py").write_text(
        "import pathlib\nimport dug\n\n@dug.source\ndef quote():\n    return pathlib.Path('quote').read_text()\n"
    )
    monkeypatch.delitem(sys.modules, "outside", raising=False)
    (pricing / "quote").write_text("190")
    dug_says("run", "outside:quote", "--save", "a.dug")
    (pricing / "quote").write_text("200")
    dug_says("run", "outside:quote", "--save", "b.dug")
    changes = rows(json.loads(dug_says("diff", "a.dug", "b.dug", "--json").out))

    assert changes == [("outside:quote()", "'190'", "'200'", "the outside")]


@pytest.mark.parametrize(("tweak", "why"), [("scale(2)", "the outside"), ("5.0", "a tweak")])
def test_what_changed_beneath_a_tweak_is_the_cause(dug_says, pricing, monkeypatch, tweak, why):
    """A bump that both files have changed nothing; the node beneath it did."""
    monkeypatch.delitem(sys.modules, "outside", raising=False)
    code = "import pathlib\nimport dug\n\n@dug.source\ndef quote():\n    return float(pathlib.Path('quote').read_text())\n"
    (pricing / "outside.py").write_text(code)
    for quote, said, file in (("190", "scale(2)", "a.dug"), ("200", tweak, "b.dug")):
        (pricing / "quote").write_text(quote)
        dug_says("run", "outside:quote", "--tweak", f"outside:quote()={said}", "--save", file)
    changes = json.loads(dug_says("diff", "a.dug", "b.dug", "--json").out)

    assert [change["because"] for change in changes] == [why]


def test_a_change_of_code_is_told(dug_says, pricing):
    """Where a function has other code in the second file, it is the cause."""
    path = pricing / "pricing.py"
    dug_says("run", "pricing:book", "--save", "a.dug")
    del sys.modules["pricing"]
    path.write_text(path.read_text().replace("return quantity * years", "return 2 * quantity * years"))
    dug_says("run", "pricing:book", "--save", "b.dug")
    changes = rows(json.loads(dug_says("diff", "a.dug", "b.dug", "--json").out))

    assert changes[1] == ("position('AAPL', 100, 1)", "19000.0", "38000.0", "its function")


def test_one_is_singular(dug_says, diff):
    """Counts of one read as one."""
    diff(["pricing:spot", "AAPL"], ["pricing:spot", "MSFT"])
    assert dug_says("diff", "a.dug", "b.dug").out.splitlines()[0] == "0 of 1 node changed, 1 is new, 1 is gone"

    assert doctest.testmod(_diff).failed == 0


def test_the_table_is_indented_below_the_targets(dug_says, diff):
    """A table for people shows the levels."""
    diff(["pricing:book"], ["pricing:book", "--tweak", "pricing:spot('AAPL')=100.0"])
    lines = dug_says("diff", "a.dug", "b.dug").out.splitlines()

    assert lines[0] == "3 of 5 nodes changed, 0 are new, 0 are gone"
    assert [line.index("pricing:") for line in lines[2:]] == [0, 2, 4]


UNKEPT = """\
import dug


class Curve:
    def __init__(self, points):
        self.points = points

    def __repr__(self):
        return {}


@dug.source
def level():
    return 0.0


@dug.memoize
def curve():
    return Curve([1.0, level()])


@dug.memoize
def price():
    return sum(curve().points)
"""


@pytest.mark.parametrize("text", ["'<Curve>'", "object.__repr__(self)"], ids=["the same text", "an address"])
def test_a_value_that_is_not_kept_does_not_break_the_chain(dug_says, pricing, monkeypatch, text):
    """A node without a value in the files counts as changed when it read a changed one, else as the same; diff says so."""
    monkeypatch.delitem(sys.modules, "unkept", raising=False)
    (pricing / "unkept.py").write_text(UNKEPT.format(text))
    for file, *tweak in (["a.dug"], ["b.dug"], ["c.dug", "--tweak", "unkept:level()=7.0"]):
        dug_says("run", "unkept:price", "--save", file, *tweak)
    same, other = (json.loads(dug_says("diff", "a.dug", file, "--json").out) for file in ("b.dug", "c.dug"))

    assert same == []
    assert [(change["node"], change["because"]) for change in other] == [
        ("unkept:price()", "unkept:curve()"),
        ("unkept:curve()", "unkept:level() (not kept, may be the same)"),
        ("unkept:level()", "a tweak"),
    ]
