"""`Recording.differences` names the nodes in which a change of the code begins."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import dug
from dug import codec, replay
from dug.replay._content import digest_of
from dug.replay._entries import digest_of_error


@pytest.fixture
def recording(desk, tmp_path):
    """The book, recorded."""
    ctx = dug.Context()
    with replay.record(ctx, tmp_path / "day.dugrec"), ctx:
        desk.book()
    return replay.open(tmp_path / "day.dugrec")


def change(desk, old, new):
    """Replace a text of the module, and import it anew."""
    file = Path(desk.__file__)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    importlib.invalidate_caches()
    sys.modules.pop("recorded_desk")
    return importlib.import_module("recorded_desk")


def compare(recording, desk, *targets):
    """Return the differences after a replay of the book."""
    with recording.replay() as ctx:
        desk.book()
        return recording.differences(ctx, *targets)


def test_the_same_code_has_no_differences(recording, desk):
    """A replay of the same code gives the same values everywhere."""
    found = compare(recording, desk, desk.book.node())

    assert len(found) == 0
    assert str(found) == "7 nodes compared: no difference"


@pytest.mark.parametrize(
    ("edit", "first", "carried"),
    [
        (("bid + spread / 2", "bid + spread"), ["mid", "mid"], ["position", "position", "book"]),
        (("quantity * mid(ticker)", "quantity * mid(ticker) + 1"), ["position", "position"], ["book"]),
        (('+ position("MSFT", 50)', '- position("MSFT", 50)'), ["book"], []),
    ],
)
def test_changed_nodes_come_first(recording, desk, edit, first, carried):
    """Exactly the nodes of the changed function are first, and those that depend on them are carried."""
    desk = change(desk, *edit)

    found = compare(recording, desk, desk.book.node())

    assert [node.function.__name__ for node in found.first] == first
    assert sorted(node.function.__name__ for node in found.carried) == sorted(carried)
    assert found.new == ()
    assert [row.kind for row in found] == ["first"] * len(first) + ["carried"] * len(carried)


def test_a_change_that_changes_nothing_is_no_difference(recording, desk):
    """Other code that gives the same values has no differences."""
    desk = change(desk, "bid + spread / 2", "(2 * bid + spread) / 2")

    assert len(compare(recording, desk)) == 0


def test_a_node_that_reads_others_is_first(recording, desk):
    """A node that reads a new node is where the change is, and says what it reads now; the other node is new."""
    desk = change(desk, '+ position("MSFT", 50)', '+ position("MSFT", 1)')

    found = compare(recording, desk, desk.book.node())

    assert found.first == (desk.book.node(),)
    assert found.new == (desk.position.node("MSFT", 1),)
    assert found[0].reason == (
        "reads recorded_desk:position('MSFT', 1), too, reads recorded_desk:position('MSFT', 50) no more"
    )


def test_a_failure_is_a_difference(recording, desk):
    """A node that fails now, and gave a value then, differs, and its error is told."""
    desk = change(desk, "return quantity * mid(ticker)", "return quantity * mid(ticker) / (quantity - 50)")

    with recording.replay() as ctx:
        with pytest.raises(ZeroDivisionError):
            desk.book()
        found = recording.differences(ctx)

    row = next(row for row in found if row.node == desk.position.node("MSFT", 50))
    assert row.kind == "first"
    assert row.before == "20512.5"
    assert row.now.startswith("ZeroDivisionError")


def test_a_what_if_differs_from_its_tweak_on(recording, desk):
    """In a what-if on a replay the tweaked node is first, and what depends on it is carried."""
    with recording.replay(), dug.Context({desk.mid.node("AAPL"): 1.0}) as ctx:
        desk.book()
        found = recording.differences(ctx)

    assert found.first == (desk.mid.node("AAPL"),)
    assert found.carried == (desk.position.node("AAPL", 100), desk.book.node())


def test_what_cannot_be_compared_is_told(desk, tmp_path):
    """A recording without digests compares nothing but what it has values of, and says so."""
    path = tmp_path / "bare.dugrec"
    ctx = dug.Context()
    with replay.record(ctx, path, digests=False), ctx:
        desk.mid("AAPL")

    with replay.open(path).replay() as ctx:
        desk.mid("AAPL")
        found = replay.open(path).differences(ctx)

    assert found.unknown == (desk.mid.node("AAPL"),)
    assert "1 cannot be compared" in str(found)


def test_differences_are_a_table(recording, desk):
    """They are shown as a table, as text and HTML, and become a frame."""
    desk = change(desk, "bid + spread / 2", "bid + spread")

    found = compare(recording, desk, desk.position.node("AAPL", 100))

    assert str(found).splitlines()[:3] == [
        "3 nodes compared: 1 first, 1 carried, 0 new",
        "  node                                 kind     before   now      because",
        "  recorded_desk:mid('AAPL')            first    190.25   190.5",
    ]
    assert "carried" in found._repr_html_()
    assert list(found.to_frame().columns) == ["node", "kind", "before", "now", "because"]


def test_sets_have_one_digest():
    """A set of texts has the same digest whatever the order of its hashes."""
    assert digest_of(codec.encode({"a", "b", "c"})) == "099a8c6e7b135d3b43c2e9c3"


class Opaque:
    """A value without a codec."""

    def __init__(self, number):
        self.number = number


def test_a_difference_goes_through_what_cannot_be_compared(tmp_path):
    """A node that differs because of a changed one, by way of a node that cannot be compared, is carried, and says so."""

    @dug.source(name="test_replay_differences:given")
    def given():
        return 1

    @dug.memoize(name="test_replay_differences:opaque")
    def opaque():
        return Opaque(given())

    @dug.memoize(name="test_replay_differences:top")
    def top():
        return opaque().number

    ctx = dug.Context()
    with replay.record(ctx, tmp_path / "day.dugrec"), ctx:
        top()
    with dug.Context({given.node(): 2}) as ctx:
        top()
        found = replay.open(tmp_path / "day.dugrec").differences(ctx)

    assert found.first == (given.node(),)
    assert found.carried == (top.node(),)
    assert found[1].reason == "test_replay_differences:opaque(), which cannot be compared"
    assert found.unknown == (opaque.node(),)


def test_local_functions_of_one_name_are_not_compared_with_each_other(tmp_path):
    """Each of two local functions of one name is compared with itself, and one that was not recorded with none."""

    def make(number):
        @dug.memoize
        def local():
            return number

        return local

    one, two, three = make(1), make(2), make(3)
    ctx = dug.Context()
    with replay.record(ctx, tmp_path / "day.dugrec"), ctx:
        one(), two()
    with ctx:
        three()
        found = replay.open(tmp_path / "day.dugrec").differences(ctx)

    assert len(found) == 0
    assert found.unknown == (three.node(),)


def test_the_order_of_a_dict_and_addresses_in_errors_are_no_difference(tmp_path):
    """Equal dicts have one digest, and so have errors that only name objects at other places in memory."""
    given = [{"b": 1, "a": {2: 0, 1: 0}}]

    @dug.source(name="test_replay_differences:table")
    def table():
        return dict(given[-1])

    ctx, again = dug.Context(), dug.Context()
    with replay.record(ctx, tmp_path / "day.dugrec"):
        ctx.run(table)
    given.append({"a": {1: 0, 2: 0}, "b": 1})
    again.run(table)

    assert len(replay.open(tmp_path / "day.dugrec").differences(again, table.node())) == 0
    text = ["<Feed object at 0x7f00aa>", "<Feed object at 0x7f00bb>", "<Feed>"]
    digests = [digest_of_error(ValueError(one)) for one in text]
    assert digests[0] == digests[1] != digests[2]


def test_a_target_that_the_context_does_not_know_is_named(recording, desk):
    """A context in which nobody asked for the target does not pass for one without differences."""
    found = recording.differences(dug.Context(), desk.book.node())

    assert found.unknown == (desk.book.node(),)
    assert str(found) == (
        "0 nodes compared: nothing was asked for in this context; 1 cannot be compared, such as recorded_desk:book()"
    )
