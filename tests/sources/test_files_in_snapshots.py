"""A saved context knows its files: one that was edited since is read again, in a process and on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

import dug
from dug import snapshot, sources
from dug.testing import EventLog

PROGRAM = """
    import dug
    from dug import sources

    @dug.memoize
    def rates():
        return {name: float(value) for name, value in sources.json("rates.json").items()}

    @dug.memoize
    def names():
        return tuple(sorted(rates()))

    @dug.memoize
    def report():
        print("report runs")
        return ", ".join(names())
"""


@pytest.fixture
def program(folder, monkeypatch):
    """A module that reads a file beside it, in the current folder."""
    folder.write("nightly.py", textwrap.dedent(PROGRAM))
    folder.write("rates.json", '{"EUR": 1.0, "USD": 0.5}')
    monkeypatch.chdir(folder.path)
    monkeypatch.syspath_prepend(folder.path)
    import nightly

    yield nightly
    del sys.modules["nightly"]


@pytest.fixture
def saved(program, folder):
    """The path of a snapshot in which the program has run, and the file of the program as it was then."""
    with dug.Context() as ctx:
        program.report()
    path = folder.path / "night.dug"
    snapshot.save(ctx, path)
    return path


def ask(path, program, **options):
    """Load a file, ask for the report, and return it with the nodes that ran."""
    with snapshot.load(path, **options) as loaded, EventLog(loaded) as log:
        value = program.report()
        return value, [str(node) for node in log.computed]


def test_a_file_that_is_as_it_was_runs_nothing(saved, program):
    """A loaded context answers while the files are those that it was saved with."""
    assert ask(saved, program) == ("EUR, USD", [])


def test_an_edited_file_is_read_again(saved, program, folder):
    """What depends on a file that was edited since the context was saved runs again, down to where the values are equal."""
    folder.write("rates.json", '{"EUR": 1.0, "USD": 0.75}')
    value, ran = ask(saved, program)

    assert value == "EUR, USD"
    assert ran == [
        "dug.sources:file('rates.json', by='mtime')",
        "dug.sources:json('rates.json')",
        "nightly:rates()",
        "nightly:names()",
    ]


def test_a_file_that_was_written_again_is_read_and_nothing_more(saved, program, folder):
    """Equal data keep everything that was computed from them."""
    folder.touch("rates.json")
    _, ran = ask(saved, program)

    assert ran == ["dug.sources:file('rates.json', by='mtime')", "dug.sources:json('rates.json')"]


def test_a_file_that_is_gone_is_an_error(saved, program, folder):
    """A file that is not there any more is the error that it is in a live context."""
    folder.remove("rates.json")

    with pytest.raises(FileNotFoundError, match=r"dug.sources:file\('rates.json'.*\) reads a file that is not there"):
        ask(saved, program)


@pytest.mark.parametrize("edit", [lambda folder: folder.remove("rates.json"), lambda folder: folder.write("rates.json", "{}")])
def test_unchecked_files_answer_as_they_were_saved(saved, program, folder, edit):
    """``check_files=False`` looks at a context as it was, whatever became of the files."""
    edit(folder)

    assert ask(saved, program, check_files=False) == ("EUR, USD", [])


def test_an_unchecked_file_that_is_invalidated_is_watched_again(saved, program, folder):
    """A file that was read here is a live one, in a loaded context too."""
    with snapshot.load(saved, check_files=False) as loaded:
        program.report()
        folder.write("rates.json", '{"EUR": 1.0}')
        assert program.report() == "EUR, USD"
        loaded.invalidate(sources.file)
        assert program.report() == "EUR"
        folder.write("rates.json", '{"GBP": 1.0}')
        assert program.report() == "GBP"


def test_a_file_that_is_edited_after_loading_is_noticed(saved, program, folder):
    """A loaded context is a live one."""
    with snapshot.load(saved):
        assert program.report() == "EUR, USD"
        folder.write("rates.json", '{"GBP": 1.0}')
        assert program.report() == "GBP"


def test_by_content_a_saved_file_is_read_to_compare_it(folder, monkeypatch):
    """A file that is known by its content has no time in a snapshot, and holds while it has that content."""
    path = folder.write("a", "one")
    with dug.Context() as ctx:
        sources.file(path, by="content")
    snapshot.save(ctx, folder.path / "a.dug")
    folder.touch("a")

    with snapshot.load(folder.path / "a.dug") as loaded, EventLog(loaded) as log:
        sources.file(path, by="content")
        assert log.computed == []
        folder.write("a", "two")
        sources.file(path, by="content")
        assert log.computed == [sources.file.node(path, by="content")]


def test_a_snapshot_that_is_saved_again_knows_the_new_content(saved, program, folder):
    """What was read again is saved as it is now."""
    folder.write("rates.json", '{"GBP": 1.0}')
    with snapshot.load(saved) as loaded:
        program.report()
        snapshot.save(loaded, saved)

    assert ask(saved, program) == ("GBP", [])


def test_a_relative_path_elsewhere_is_another_file(saved, program, folder, monkeypatch):
    """A context that is loaded in another folder reads the files of that one."""
    (folder.path / "other").mkdir()
    folder.write("other/rates.json", '{"CHF": 1.0}')
    monkeypatch.chdir(folder.path / "other")

    assert ask(saved, program)[0] == "CHF"


@pytest.mark.slow
def test_dugs_own_readers_are_there_when_a_file_is_loaded(saved, folder):
    """A process that has read no file yet knows the readers by their names: no node waits for them."""
    code = (
        "import sys, nightly\n"
        "from dug import snapshot\n"
        "assert 'dug.sources._readers' not in sys.modules\n"
        f"with snapshot.load({str(saved)!r}) as loaded:\n"
        "    print(len(loaded.pending), len(loaded.absent), nightly.report())\n"
    )
    path = os.pathsep.join([str(folder.path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )

    assert (done.stdout, done.stderr) == ("0 0 EUR, USD\n", "")


@pytest.mark.slow
def test_the_command_line_notices_an_edit(program, folder, capsys):
    """``dug run --load`` reads the files again that were edited since, and runs what they change."""
    pytest.importorskip("click", reason="click is in the cli extra")
    from dug.cli import main

    def run(*options):
        assert not main(["run", "nightly:report", *options])
        return capsys.readouterr().out.split("\n")[:-1]

    assert run("--save", "night.dug") == ["report runs", "EUR, USD"]
    assert run("--load", "night.dug") == ["EUR, USD"]
    folder.write("rates.json", '{"EUR": 2.0, "USD": 0.5}')
    assert run("--load", "night.dug") == ["EUR, USD"]
    folder.write("rates.json", '{"GBP": 2.0}')
    assert run("--load", "night.dug") == ["report runs", "GBP"]


def test_an_explanation_of_a_missing_file_names_no_line_of_the_library(program, folder):
    """Of an error that began in a reader of the library, a context and its file say the node and the way, and no place."""
    folder.remove("rates.json")
    with dug.Context() as ctx:
        with pytest.raises(FileNotFoundError):
            program.names()
        told = str(ctx.explain(program.names.node()))
        itself = str(ctx.explain(sources.file.node("rates.json")))
    snapshot.save(ctx, folder.path / "night.dug")
    with snapshot.look(folder.path / "night.dug") as looked:
        saved = str(looked.explain("nightly:names()"))

    assert "  passed on: the error began in dug.sources:file('rates.json', by='mtime')\n  by way of " in told
    assert "  its own run raised that; asked again" in itself
    assert "  passed on: the error began in dug.sources:file('rates.json', by='mtime')\n" in saved
