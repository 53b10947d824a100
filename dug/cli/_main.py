"""Where the command line begins and ends, with click or without: `main` returns the exit status; `_do_without` runs the demo.

An error becomes one line and an exit status.  ``demo`` needs no other package.  All other commands need click, which is
imported when it is there, and by nothing else.

`_run` runs the click group, `_program` is the command as typed, `HELP` the help where click is not there.
"""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from ._commands import COMMANDS
from ._output import OutputError, complain, echo, flush, give_up, prepare, reason_of

HELP = """\
usage: {program} demo [--notebook FILE]

  demo                  Price a book of equity trades under what-if scenarios, and show what each one recomputes.
  demo --notebook FILE  Write the first program of the gallery as a notebook.

All other commands ({commands}) need click and rich.
Type: pip install "dug[cli]"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` name (by default those of the process) and returns the exit status.

    0 when all went well, 1 when the command failed, 2 when the command line is invalid, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    program = _program()
    try:
        prepare()
        status = _run(words, program)
        flush()
        return status
    except OutputError as exc:
        return complain(program, str(exc), 1)
    except KeyboardInterrupt:
        return complain(program, "stopped", 130)
    finally:
        give_up()


def _run(words: list[str], program: str) -> int:
    try:
        from ._app import invoke  # needs click
    except ImportError as exc:
        if exc.name != "click":
            raise
        return _do_without(words, program)
    return invoke(words, program)


def _program() -> str:
    """Returns the command as it was typed."""
    name = Path(sys.argv[0]).name.removesuffix(".exe")
    return "dug" if name == "dug" else "python -m dug"


def _do_without(words: list[str], program: str) -> int:
    """Runs the commands that need no click."""
    if words == ["demo"]:
        from ..demo import report  # the demo's modules take a while, and no other command needs them

        echo(report.text())
        return 0
    if words[:2] == ["demo", "--notebook"] and len(words) == 3:
        return _write_notebook(words[2], program)
    if words in (["--help"], ["demo", "--help"]):
        echo(HELP.format(program=program, commands=", ".join(name for name in COMMANDS if name != "demo")).rstrip())
        return 0
    word = words[0] if words else "a command"
    what = f"{word} needs click and rich." if word in COMMANDS else f"there is no command {word!r} without click and rich."
    near = get_close_matches(word, COMMANDS, 1)
    if words[:1] == ["demo"]:
        what = f"demo takes no {words[1]!r}."
    elif near and word not in COMMANDS:
        what = f"there is no command {word!r}. Did you mean {near[0]}?"
    return complain(program, f'{what} Type: pip install "dug[cli]" (or: {program} --help)', 2)


def _write_notebook(path: str, program: str) -> int:
    from ..demo.notebook import write  # as above

    try:
        echo(write(path))
    except OSError as exc:
        return complain(program, f"{path} cannot be written: {exc.strerror or reason_of(exc)}", 1)
    return 0
