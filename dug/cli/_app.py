"""The click group `app`: `invoke` imports and runs the command that was typed, suggests a like name, and words errors.

A command's module is imported when the command is typed, so that a command does not wait for imports of another.

`_Commands` is that group.  `_invoke` runs one and turns its errors into a line.
"""

import errno
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from .. import __version__
from ..errors import DugError
from ._commands import COMMANDS
from ._output import OutputError, complain, reason_of

_OF_STREAMS = frozenset({errno.EBADF, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPIPE})
EPILOG = """\
\b
Examples:
  dug demo
  dug run pricing:book --tweak "spot(AAPL)=x0.5" --save book.dug
  dug failures book.dug
  dug diff yesterday.dug today.dug

\b
Completion (once, in the shell's start-up file):
  bash: eval "$(_DUG_COMPLETE=bash_source dug)"
  zsh:  eval "$(_DUG_COMPLETE=zsh_source dug)"
  fish: _DUG_COMPLETE=fish_source dug | source
"""


class _Stopped(Exception):  # noqa: N818  never leaves this file
    """Says that the user pressed Ctrl-C."""


class _Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f".{COMMANDS[cmd_name][0]}", __package__).command
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; click would print an empty line for an interrupt, and take the end of a file for one."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Stopped from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Finds the command that was typed, or says which one is like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            near = get_close_matches(args[0], COMMANDS, 1)
            if near:
                raise click.UsageError(f"there is no command {args[0]!r}. Did you mean {near[0]}?", ctx) from exc
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    "dug", cls=_Commands, no_args_is_help=False, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="dug")
def app() -> None:
    """What-if questions on plain Python functions: run them, and read the files that contexts were saved to."""


def invoke(words: list[str], program: str) -> int:
    """Runs the command that `words` name and returns the exit status.

    Raises:
        OutputError: the standard output stream takes nothing more.
    """
    try:
        return _invoke(words, program)
    except (click.Abort, _Stopped):  # click has its own for those that it sees itself
        return complain(program, "stopped", 130)
    except click.UsageError as exc:
        path = exc.ctx.command_path if exc.ctx is not None else program
        what = exc.format_message().rstrip(".")
        return complain(path, f"{what}{'' if what.endswith('?') else '.'} Type: {path} --help", 2)
    except click.ClickException as exc:
        return complain(program, exc.format_message(), 1)
    except DugError as exc:
        return complain(program, str(exc), 1)
    except MemoryError:
        return complain(program, "there is not enough memory for that", 1)
    except OSError as exc:
        if exc.filename is None and exc.errno in _OF_STREAMS:  # click has printed its help
            raise OutputError(exc) from exc
        return complain(program, reason_of(exc), 1)


def _invoke(words: list[str], program: str) -> int:
    streams = sys.stdout, sys.stderr
    try:
        status: Any = app.main(words, prog_name=program, standalone_mode=False)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except SystemExit:
        if sys.stdout is streams[0]:
            raise
        sys.stdout, sys.stderr = streams  # click replaced them: the reader of its help has gone
        raise OutputError(BrokenPipeError()) from None
    return status if isinstance(status, int) else 0
