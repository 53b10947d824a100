"""The command line reports an error in one line, and ``demo`` needs nothing."""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from dug.cli import main
from dug.cli._commands import COMMANDS

ROOT = Path(__file__).parents[2]
WITHOUT_CLICK = (
    "import sys; sys.modules['click'] = sys.modules['rich'] = None; from dug.cli import main; sys.exit(main(sys.argv[1:]))"
)


def run_python(*arguments):
    """Run Python in a process of its own."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("words", [["dmeo"], [], ["demo", "--fast"], ["run"], ["run", "a:b", "--tweak"], ["show"]])
def test_a_wrong_command_line_is_one_readable_line(dug_says, words):
    """An invalid command line exits with 2, and one line says what to type."""
    pytest.importorskip("click")
    said = dug_says(*words)

    assert said.status == 2
    assert said.out == ""
    assert said.complaint.startswith("python -m dug")
    assert "--help" in said.complaint


def test_a_command_that_is_nearly_one_is_named(dug_says):
    """One slip of the finger is answered with the word that was meant."""
    pytest.importorskip("click")

    assert "Did you mean show?" in dug_says("shwo").complaint
    assert "Did you mean" not in dug_says("zzz").complaint


@pytest.mark.parametrize(("command", "option"), [("run", "--tweak"), ("graph", "--output"), ("diff", "--al")])
def test_a_wrong_option_names_its_command(dug_says, command, option):
    """The help to ask for is that of the command, and not that of all."""
    pytest.importorskip("click")

    assert dug_says(command, option).complaint.endswith(f"Type: python -m dug {command} --help")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(dug_says, command):
    """Each command has a description and shows a line to type."""
    pytest.importorskip("click")
    said = dug_says(command, "--help")

    assert said.status == 0
    assert f"dug {command}" in said.out
    assert "Example" in said.out


def test_help_names_each_command(dug_says):
    """The list of commands is complete, and says how to get completion."""
    pytest.importorskip("click")
    said = dug_says("--help")

    assert all(f"\n  {command} " in said.out for command in COMMANDS)
    assert "_DUG_COMPLETE=bash_source dug" in said.out


def test_the_version_is_said(dug_says):
    """``--version`` prints the version."""
    pytest.importorskip("click")
    import dug

    assert dug_says("--version").out == f"dug, version {dug.__version__}\n"


@pytest.mark.slow
def test_the_demo_needs_nothing():
    """Where click is not installed, the demo runs all the same."""
    done = run_python("-c", WITHOUT_CLICK, "demo")

    assert done.returncode == 0, done.stderr
    assert "AAPL spot +10 %" in done.stdout


@pytest.mark.parametrize("words", [["show", "x.dug"], ["run", "a:b"], [], ["dmeo"], ["demo", "--fast"]])
def test_other_commands_say_what_to_install(words, monkeypatch, capsys):
    """Without click, one line says what to type."""
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "dug.cli._app", raising=False)
    status = main(words)
    complaint = capsys.readouterr().err

    assert status == 2
    assert complaint.count("\n") == 1
    assert 'pip install "dug[cli]"' in complaint
    assert ("Did you mean demo?" in complaint) is (words == ["dmeo"])


def test_without_click_help_helps(monkeypatch, capsys):
    """``--help`` lists the commands, and how to get the rest."""
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "dug.cli._app", raising=False)

    assert main(["--help"]) == 0
    assert 'pip install "dug[cli]"' in capsys.readouterr().out


def test_there_is_a_script():
    """``dug`` is ``python -m dug``, and the README's first command installs its packages."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extra = setup["options.extras_require"]["cli"].split()
    readme = (ROOT / "README.rst").read_text()

    assert "dug = dug.cli:main" in setup["options.entry_points"]["console_scripts"]
    assert {"click", "rich"} <= set(extra)
    assert readme.index('pip install -e ".[cli]"') < readme.index('pip install -e ".[test]"')


@pytest.mark.slow
def test_completion_knows_the_commands():
    """The shell gets the commands that begin with the typed text."""
    pytest.importorskip("click")
    code = "import sys; sys.argv = ['dug']; from dug.cli import main; sys.exit(main())"
    environment = {"_DUG_COMPLETE": "bash_complete", "COMP_WORDS": "dug f", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), **environment}
    )

    assert done.stdout.split() == ["plain,failures", "plain,flow"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_has_each_option(command):
    """The page about the command line describes each option of each command."""
    pytest.importorskip("click")
    from dug.cli._app import app

    page = (ROOT / "docs" / "reference" / "command_line.rst").read_text()
    section = page[page.index(f"\n``{command}") :].partition("\n--------")[2].partition("\n--------")[0]
    options = [name for option in app.get_command(None, command).params for name in option.opts if name.startswith("--")]

    assert [name for name in options if f"``{name}" not in section] == []


@pytest.mark.slow
def test_a_reader_that_has_read_enough_is_told_of():
    """``dug ... | head`` ends with one line of error: the unread part was not written either."""
    pytest.importorskip("click")
    code = "import sys; sys.argv = ['dug', '--help']; sys.stdout.reconfigure(write_through=True)\n"
    code += "from dug.cli import main; input(); sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    process.stdout.close()  # before anything is written
    with process:
        process.stdin.write(b"\n")
        process.stdin.close()
        complaint = process.stderr.read()

    assert complaint.decode().splitlines() == ["dug: the output could not be written: its reader has gone"]
    assert process.returncode == 1


def test_an_interrupt_is_one_line(dug_says, monkeypatch):
    """Ctrl-C stops a command without a traceback."""
    pytest.importorskip("click")
    from dug.demo import report

    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "text", stop)
    said = dug_says("demo")

    assert said.status == 130
    assert said.err.strip() == "python -m dug: stopped"
