"""What a page says of two contexts or files, of a plan, and of a store."""

from __future__ import annotations

import pytest

import dug
from dug import snapshot, web
from dug.cli import main
from dug.web._shown import show
from dug.web._taken import AskError


@dug.source
def spot(ticker):
    """A price."""
    return {"a": 1.0, "b": 2.0}[ticker]


@dug.memoize
def position(ticker):
    """What ten of them are worth."""
    return 10 * spot(ticker)


@dug.memoize
def book():
    """What all are worth."""
    return position("a") + position("b")


@pytest.fixture
def base():
    """A context in which a book is known."""
    with dug.Context(name="base") as made:
        book()
    return made


@pytest.fixture
def crash(base):
    """One inside it, in which a price is another."""
    with base, dug.Context({spot.node("a"): 0.5}, name="crash") as made:
        book()
    return made


def save(ctx, path):
    """Save a context, and return the path."""
    snapshot.save(ctx, path)
    return path


def read_rows(parts, title=""):
    """Return the cells of the table with a title."""
    table = next(part for part in parts if part["kind"] == "table" and part["title"] == title)
    return [[cell["text"].removeprefix("test_beside:") for cell in row["cells"]] for row in table["rows"]]


def ask_node(answers, text):
    """Return what is said of the node with a text."""
    (name,) = [row["name"] for row in answers.answer("rows", {"text": text})["rows"]]
    return answers.answer("node", {"name": name})


def test_two_contexts_are_compared_as_a_story(base, crash):
    """The page opens with what moved from one to the other, down to the tweak, with links to the nodes."""
    answers = show(crash, before=base)
    parts = answers.answer("compare", {})["parts"]

    assert answers.answer("head", {})["first"] == "compare"
    assert "3 of 5 nodes changed, 0 new, 0 gone; there were 5" in [part.get("text") for part in parts]
    rows = read_rows(parts)
    assert rows[0] == ["book()", "30.0", "25.0", "-5", ""]
    assert rows[2] == ["spot('a')", "1.0", "0.5", "-0.5", "= 0.5"]


def test_two_files_are_compared_as_dug_diff_does(base, crash, tmp_path):
    """Of two files every change is listed as well, as ``dug diff`` lists it."""
    answers = show(save(crash, tmp_path / "b.dug"), before=save(base, tmp_path / "a.dug"))
    rows = read_rows(answers.answer("compare", {"all": "1"})["parts"])

    with snapshot.look(tmp_path / "a.dug") as one, snapshot.look(tmp_path / "b.dug") as other:
        changes = one.compare(other)
        told = [(change.name, *change.texts, change.because) for change in changes]
    assert rows == [[cell.removeprefix("test_beside:") for cell in row] for row in told]
    assert len(rows) == 3
    answers.close()


def test_the_command_compares_two_files(base, crash, tmp_path, monkeypatch):
    """``dug web A B`` shows B, and what moved from A to it."""
    paths = [str(save(ctx, tmp_path / name)) for ctx, name in [(base, "a.dug"), (crash, "b.dug")]]
    served = []
    monkeypatch.setattr(web.Page, "wait", lambda page: served.append(page._answers.answer("compare", {})["parts"]))

    assert main(["web", *paths, "--no-open"]) == 0
    assert served[0][0]["text"] == "from a.dug, base to b.dug, crash"


def test_a_node_says_how_it_was_before(base, crash):
    """The page of a node has the path that explains its difference; one that did not move says so."""
    answers = show(crash, before=base)
    (moved,) = [part for part in ask_node(answers, "book()")["more"] if part["kind"] == "folded"]
    (same,) = [part for part in ask_node(answers, "position('b')")["more"] if part["kind"] == "folded"]

    assert read_rows(moved["parts"])[0] == ["book()", "30.0", "25.0", "-5", ""]
    assert moved["parts"][-1]["text"].startswith("test_beside:book() = 30.0")
    assert same["parts"][0]["text"] == "It is the same."


def test_a_story_is_told_again_when_the_one_before_changes(base, crash):
    """What moved is told of the present state of both contexts, and once for each."""
    answers = show(crash, before=base)
    first = answers.answer("compare", {})["parts"]
    assert answers.answer("compare", {})["parts"] is first
    base.tweak(spot.node("b"), 4.0)
    with base:
        book()
    with base, crash:
        book()
    while read_rows(answers.answer("compare", {})["parts"])[0][:3] != ["book()", "50.0", "45.0"]:
        pass


@pytest.mark.parametrize("swapped", [False, True])
def test_a_context_and_a_file_are_not_compared(base, tmp_path, swapped):
    """One of each is refused, with what to compare."""
    path = save(base, tmp_path / "a.dug")
    what, before = (path, base) if swapped else (base, path)

    with pytest.raises(TypeError, match="Compare two contexts, or two files"):
        web.serve(what, before=before, open=False)


def test_a_node_that_is_not_known_says_what_would_run(base):
    """The page of a node has its plan, as long as something would run."""
    base.tweak(spot.node("a"), 3.0)
    answers = show(base)
    rows = read_rows(ask_node(answers, "book()")["more"], "What would run if it were asked for")

    assert ["position('a')", "yes"] in [row[:2] for row in rows]
    assert ask_node(answers, "position('b')")["more"] == []


def test_a_node_says_why_it_is_in_the_store(tmp_path):
    """Where the context has a store, the page of a node says what the store says."""
    with dug.Context(store=tmp_path / "book.store") as ctx:
        book()
    ctx.store.flush()
    answers = show(ctx)
    said = {part["title"]: part["text"] for part in ask_node(answers, "position('a')")["more"]}

    assert "position(.a.) is kept" in said["In the store"].replace("'", ".")
    assert "is a source" in ask_node(answers, "spot('a')")["more"][0]["text"]


def test_a_store_that_is_away_is_said(tmp_path, monkeypatch):
    """The page of a node is shown when its store does not answer."""
    with dug.Context(store=tmp_path / "book.store") as ctx:
        book()

    def fail(*_):
        raise OSError("no such host")

    monkeypatch.setattr("dug.web._plans.why", fail)
    assert ask_node(show(ctx), "book()")["more"][0]["text"] == "The store does not answer: OSError: no such host"


def test_an_unknown_panel_is_refused(base):
    """A page without a story says that there is none."""
    with pytest.raises(AskError, match="there is no 'compare' here"):
        show(base).answer("compare", {})
