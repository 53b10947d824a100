"""The commands that read a file: ``show``, ``info``, ``failures``, ``explain`` and ``graph``."""

import json
import re
import shutil
import sys

import pytest

import dug
from dug import snapshot

pytestmark = pytest.mark.usefixtures("saved")


CHAIN = """\
import dug


@dug.source
def bottom():
    raise KeyError("IBM")


@dug.memoize
def middle():
    return bottom()


@dug.memoize
def top():
    return middle()


@dug.memoize
def own():
    try:
        return middle()
    except KeyError:
        raise ValueError("none") from None


def all():
    return dug.current_context().run_all([top.node(), own.node(), other.node()])


@dug.memoize
def other():
    return own()
"""


def test_show_lists_the_targets(dug_says):
    """A node that nothing read is shown with its value, below a line about the file."""
    said = dug_says("show", "book.dug")
    first, head, row = said.out.splitlines()

    assert said.status == 0
    assert first.startswith("book.dug, saved 20")
    assert first.endswith(": 5 nodes, 5 values, 0 failures")
    assert dug_says("show", "failed.dug").out.splitlines()[0].endswith(": 2 nodes, 0 values, 2 failures")
    assert head.split() == ["node", "state", "value", "seconds"]
    assert row.split()[:3] == ["pricing:book()", "computed", "39500.0"]


def test_show_lists_all_when_asked(dug_says):
    """``--all`` has a row for each node, each after its dependencies."""
    rows = json.loads(dug_says("show", "book.dug", "--all", "--json").out)

    assert len(rows) == 5
    assert rows[-1]["node"] == "pricing:book()"
    assert rows[0] | {"seconds": 0} == {"node": "pricing:spot('AAPL')", "state": "computed", "value": "190.0", "seconds": 0}


def test_show_takes_a_node_or_all(dug_says):
    """``--all`` beside a node would say nothing, and is refused."""
    said = dug_says("show", "book.dug", "book", "--all")

    assert (said.status, said.out) == (2, "")
    assert "--all lists the nodes of the file, and NODE is one. Leave one of them out" in said.complaint


@pytest.mark.parametrize("text", ["pricing:position('AAPL', 100, 1)", "position('AAPL', 100, 1)", 'position("AAPL",100,1)'])
def test_show_tells_all_of_a_node(dug_says, text):
    """A node is found by its text, without its module, and however its literals are written."""
    said = dug_says("show", "crash.dug", text).out

    assert "  value    10000.0\n" in said
    assert "  state    computed\n" in said
    assert "  read     pricing:spot('AAPL') = 100.0\n" in said


def test_show_finds_a_function_with_one_node(dug_says):
    """A function that ran once needs no arguments."""
    assert dug_says("show", "book.dug", "book").out.startswith("pricing:book()\n")


def test_show_tells_of_a_tweak(dug_says):
    """A tweaked node shows its tweak."""
    said = json.loads(dug_says("show", "crash.dug", "spot('AAPL')", "--json").out)

    assert (said["state"], said["value"], said["tweak"], said["is_source"]) == ("tweaked", "100.0", "100.0", True)


def test_show_has_the_source_text(dug_says):
    """The function is shown as it was when the file was saved."""
    assert '    return position("AAPL", 100) + position("MSFT", 50)' in dug_says("show", "book.dug", "book", "--source").out


def test_show_has_the_traceback(dug_says):
    """A failed node says where it failed."""
    said = dug_says("show", "failed.dug", "spot").out

    assert "  error    KeyError: 'IBM'\n" in said
    assert 'return {"AAPL": 190.0' in said


@pytest.mark.parametrize("command", ["show", "explain"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bok", "'bok' is not in book.dug. Did you mean pricing:book()?"),
        ("spot(APPL)", "Did you mean pricing:spot('AAPL'), pricing:spot('MSFT')?"),
        ("position(AAPL, 10)", "is not in book.dug"),
        ("nothing", 'is not in book.dug. Write it as "module:function(arguments)"'),
    ],
)
def test_a_node_that_is_not_there_is_one_readable_line(dug_says, command, text, complaint):
    """A node that is not known is named, and what is like it."""
    said = dug_says(command, "book.dug", text)

    assert (said.status, said.out) == (2, "")
    assert complaint in said.complaint


@pytest.mark.parametrize("command", ["show", "explain"])
@pytest.mark.parametrize(
    ("text", "count"), [("spot", 2), ("pricing:spot", 2), ("'MSFT", 2), ("msft", 2), ("pot", 2), ("position(", 2), ("pricing", 5)]
)
def test_the_nodes_that_a_text_can_be_are_listed(dug_says, command, text, count):
    """A part of several nodes, however its letters are written, lists them with their values, and is no answer."""
    said = dug_says(command, "book.dug", text)
    head, *rows = said.out.splitlines()

    assert said.status == 2
    assert head.split() == ["node", "state", "value", "seconds"]
    assert len(rows) == count
    assert f"{text!r} can be any of these {count} nodes. Write one of them in full" in said.complaint


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("spot(AAPL)", "pricing:spot('AAPL')"),
        ("pricing:spot(AAPL)", "pricing:spot('AAPL')"),
        ("spot('aapl", "pricing:spot('AAPL')"),
        ("position(MSFT, 50)", "pricing:position('MSFT', 50, 1)"),
        ("position(MSFT)", "pricing:position('MSFT', 50, 1)"),
        ("50", "pricing:position('MSFT', 50, 1)"),
        ("boo", "pricing:book()"),
    ],
)
def test_a_part_of_one_node_is_enough(dug_says, text, node):
    """A node is found by its words without quotes, without its last arguments, and by any part that no other has."""
    for command in ("show", "explain"):
        assert dug_says(command, "book.dug", text).out.startswith(node)


def test_a_node_that_is_one_of_several_is_no_json(dug_says):
    """A program gets no list where it asked for one node."""
    said = dug_says("show", "book.dug", "spot", "--json")

    assert (said.status, said.out) == (2, "")
    assert "'spot' can be pricing:spot('AAPL'), pricing:spot('MSFT'). Write one of them in full" in said.complaint


def test_explain_without_a_node_is_about_the_target(dug_says):
    """The node that nothing read is explained; several are listed."""
    assert dug_says("explain", "book.dug").out.startswith("pricing:book() = 39500.0\n")

    with dug.Context() as ctx:
        one, other = (dug.memoize(name=f"several:{name}")(lambda: 1.0) for name in ("one", "other"))
        one(), other()
        snapshot.save(ctx, "several.dug")
    said = dug_says("explain", "several.dug")

    assert said.status == 0
    assert [line.split()[0] for line in said.out.splitlines()] == ["node", "several:one()", "several:other()"]


def test_info_says_what_a_file_is(dug_says):
    """When it was saved, by what, and how much is in it."""
    said = json.loads(dug_says("info", "crash.dug", "--json").out)

    assert (said["nodes"], said["values"], said["failures"], said["format"]) == (5, 5, 0, 2)
    assert said["tweaks"] == ["pricing:spot('AAPL') = 100.0"]
    assert "tweaks    pricing:spot('AAPL') = 100.0\n" in dug_says("info", "crash.dug").out


def test_failures_say_why(dug_says):
    """Each node that failed has its error and the node in which that began."""
    assert dug_says("failures", "failed.dug").out.splitlines() == [
        "2 failures from 1 error",
        "node                           error            began in",
        "pricing:spot('IBM')            KeyError: 'IBM'",
        "pricing:position('IBM', 5, 1)  KeyError: 'IBM'  pricing:spot('IBM')",
    ]


def test_failures_are_counted_as_where_they_were_saved(dug_says, pricing):
    """``run --save`` and ``failures`` say the same of a chain, of two errors, and of an error that a body made of another."""
    (pricing / "chain.py").write_text(CHAIN)
    for target, counts in (("chain:top", "3 failures from 1 error"), ("chain:all", "5 failures from 2 errors")):
        report = dug_says("run", target, "--save", "chain.dug").err
        sys.modules.pop("chain")

        assert f", {counts}, " in report.splitlines()[-1]
        assert dug_says("failures", "chain.dug").out.splitlines()[0] == counts


def test_failures_have_tracebacks(dug_says):
    """``--traceback`` prints one for each error, where it began."""
    said = dug_says("failures", "failed.dug", "--traceback").out

    assert said.count("Traceback") == 1
    assert json.loads(dug_says("failures", "failed.dug", "--json").out)[0]["traceback"].startswith("Traceback")


def test_no_failures_are_said(dug_says):
    """A file without failures is a sentence, or an empty list."""
    assert dug_says("failures", "book.dug").out == "nothing failed in book.dug\n"
    assert json.loads(dug_says("failures", "book.dug", "--json").out) == []


def test_explain_tells_where_a_value_comes_from(dug_says):
    """The dependencies, and the tweaks with the path to each."""
    lines = dug_says("explain", "crash.dug", "book").out.splitlines()

    assert lines[0] == "pricing:book() = 30500.0"
    assert re.fullmatch(r"  computed here in [\d.]+ (ms|us) \([\d.]+ (ms|us) by itself\)", lines[1])
    assert [line.split("  (computed")[0] for line in lines[2:5]] == [
        "  from",
        "    pricing:position('AAPL', 100, 1) = 10000.0",
        "    pricing:position('MSFT', 50, 1) = 20500.0",
    ]
    assert lines[5:] == [
        "  rests on pricing:spot('AAPL'), tweaked to 100.0 here",
        "    by way of pricing:position('AAPL', 100, 1)",
    ]


def test_explain_follows_an_error(dug_says):
    """A node that only passed an error on names the one in which it began."""
    assert dug_says("explain", "failed.dug", "position").out.splitlines() == [
        "pricing:position('IBM', 5, 1) raised KeyError: 'IBM'",
        "  passed on: the error began in pricing:spot('IBM') at pricing.py:9",
        "  by way of pricing:spot('IBM') > pricing:position('IBM', 5, 1)",
        "  from",
        "    pricing:spot('IBM') raised KeyError: 'IBM'  (failed)",
    ]


def test_explain_shows_where_a_node_failed(dug_says):
    """Of a node whose own run failed, the frames of its code are shown."""
    lines = dug_says("explain", "failed.dug", "spot").out.splitlines()

    assert lines[1] == "  its own run raised that at pricing.py:9; asked again, it is tried again"
    assert '    return {"AAPL": 190.0, "MSFT": 410.0}[ticker]' in [line.strip() and f"    {line.strip()}" for line in lines]


def test_explain_a_tweak(dug_says):
    """A tweaked node says so."""
    assert dug_says("explain", "crash.dug", "spot('AAPL')").out.splitlines() == [
        "pricing:spot('AAPL') = 100.0",
        "  tweaked to 100.0 here",
        "  its body does not run",
    ]


@pytest.mark.parametrize(("kind", "begins"), [("dot", "digraph"), ("mermaid", "flowchart LR"), ("ascii", "5 nodes")])
def test_a_graph_is_drawn(dug_says, kind, begins):
    """Each kind of picture that is text is printed."""
    said = dug_says("graph", "book.dug", "--format", kind)

    assert said.status == 0
    assert said.out.startswith(begins)
    assert "position(" in said.out


def test_a_graph_of_one_node_is_what_it_read(dug_says):
    """``--node`` leaves out nodes that the node did not read."""
    said = dug_says("graph", "book.dug", "--node", "position('AAPL', 100, 1)").out

    assert [line.split("  [")[0] for line in said.splitlines()[1:]] == ["position('AAPL', 100, 1)", "└── spot('AAPL')"]


def test_a_graph_is_drawn_by_function(dug_says):
    """``--by`` is that of `dug.draw`."""
    assert "position \N{MULTIPLICATION SIGN}2" in dug_says("graph", "book.dug", "--by", "function").out


def test_a_terminal_that_knows_ascii_only_gets_that(dug_says, monkeypatch):
    """The output can be printed on the stream."""
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)

    assert "`-- position('MSFT'" in dug_says("graph", "book.dug").out


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")
@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("html", b"<!DOCTYPE html>")])
def test_a_picture_is_written_to_a_file(dug_says, pricing, kind, begins):
    """The picture of Graphviz goes to the file of ``--output``."""
    assert dug_says("graph", "book.dug", "--format", kind, "--output", f"x.{kind}").status == 0
    assert (pricing / f"x.{kind}").read_bytes().startswith(begins)


def test_a_graph_without_graphviz_says_what_to_type(dug_says, monkeypatch, tmp_path):
    """A missing program is one line."""
    monkeypatch.setenv("PATH", str(tmp_path))
    said = dug_says("graph", "book.dug", "--format", "svg")

    assert said.status == 1
    assert "apt-get install graphviz" in said.complaint


@pytest.mark.parametrize(
    "words",
    [
        ["show", "FILE"],
        ["info", "FILE"],
        ["failures", "FILE"],
        ["explain", "FILE", "x"],
        ["graph", "FILE"],
        ["diff", "book.dug", "FILE"],
    ],
)
def test_a_file_that_is_none_is_one_readable_line(dug_says, pricing, words):
    """A file that is not a snapshot, and a missing file, are named as such."""
    (pricing / "text.dug").write_text("hello")
    said, missing = [dug_says(*[name if word == "FILE" else word for word in words]) for name in ("text.dug", "no.dug")]

    assert said.status == 1
    assert "text.dug" in said.complaint
    assert missing.status == 2
    assert "'no.dug' does not exist" in missing.complaint


@pytest.mark.parametrize("words", [["failures", "--traceback"], ["show", "fail"], ["explain", "fail"], ["graph"], ["failures"]])
def test_a_file_cannot_paint_on_the_terminal(dug_says, pricing, words):
    """Escape sequences in an error, its traceback or a source text arrive as text."""
    code = "import dug\n\n@dug.memoize\ndef fail():\n\traise ValueError('\x1b[2J')\n"
    (pricing / "painter.py").write_text(code)
    dug_says("run", "painter:fail", "--save", "painter.dug")
    command, *rest = words
    extra = ["--source"] if command == "show" else []
    said = dug_says(command, "painter.dug", *rest, *extra)

    assert said.status == 0
    assert "\\x1b[2J" in said.out
    assert "\x1b" not in said.out


def test_no_command_needs_the_code(dug_says):
    """The module of the functions is gone, and nothing tried to import it."""
    for words in (["show", "book.dug", "--all"], ["explain", "book.dug", "book"], ["diff", "book.dug", "crash.dug"]):
        assert dug_says(*words).status == 0

    assert "pricing" not in sys.modules


def test_nodes_are_completed(dug_says):
    """The shell is told the nodes of the file that was typed before, and nothing when that is not a snapshot."""
    import click

    from dug.cli._file import complete_node

    def complete(file, typed):
        context = click.Context(click.Command("show"))
        context.params = {"file": file}
        return complete_node(context, None, typed)

    assert complete("book.dug", "spot") == ["pricing:spot('AAPL')", "pricing:spot('MSFT')"]
    assert complete("pricing.csv", "spot") == []


def test_a_picture_that_cannot_be_written_is_one_line(dug_says):
    """A folder that is not there is named."""
    said = dug_says("graph", "book.dug", "--output", "nowhere/book.txt")

    assert said.status == 1
    assert "nowhere/book.txt cannot be written: No such file or directory" in said.complaint


@pytest.mark.parametrize("command", [["failures"], ["show", "--json"]])
def test_many_failures_take_no_longer_each(dug_says, tmp_path, monkeypatch, command):
    """The reads of a command grow with the failures in a file, not with their square."""
    from dug.snapshot._file import SavedFile

    @dug.memoize(name="many_failures:source")
    def source():
        raise KeyError("feed")

    @dug.memoize(name="many_failures:reader")
    def reader(number):
        source()

    @dug.memoize(name="many_failures:own")
    def own():
        try:
            source()
        except KeyError:
            raise KeyError("feed") from None

    with dug.Context() as ctx:
        ctx.run_all([*map(reader.node, range(100)), own.node()])
        snapshot.save(ctx, tmp_path / "many.dug")
    rows, real = [], SavedFile._select
    monkeypatch.setattr(SavedFile, "_select", lambda *args: (rows.append(row) or row for row in real(*args)))
    said = dug_says(*command[:1], tmp_path / "many.dug", *command[1:])

    assert said.status == 0
    assert len(rows) < 20 * 102
    assert said.out.count("many_failures:source()") == (101 if command == ["failures"] else 0)  # own() raised an error of its own


def test_explain_says_which_part_of_the_code_changed(dug_says, tmp_path):
    """With ``--code`` the modules are imported, and a changed function is named with its place."""
    text = "import dug\nRATE = 1\ndef half(): return RATE / 2\n@dug.memoize\ndef f(): return half()\n"
    (tmp_path / "rated.py").write_text(text)
    assert dug_says("run", "rated:f", "--save", "rated.dug").status == 0
    assert "The code is unchanged." in dug_says("explain", "rated.dug", "rated:f()", "--code").out

    sys.modules.pop("rated")
    (tmp_path / "rated.py").write_text(text.replace("RATE = 1", "RATE = 4000"))
    assert "rated:f has changed since: rated.RATE." in dug_says("explain", "rated.dug", "rated:f()", "--code").out
    assert dug_says("run", "rated:f", "--save", "now.dug").status == 0
    assert "its function (rated.RATE)" in dug_says("diff", "rated.dug", "now.dug").out
    sys.modules.pop("rated")
