"""Which commands ``python -m dug`` has, and what each of them prints.

A command is a function that takes the stream to print on. A wrong command line is one readable line on the standard
error stream and the exit status 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO

from ..demo import report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name (by default those of the process) and give its exit status.

    Raises:
        SystemExit: when the arguments name no command, with status 2; after ``--help``, with status 0.
    """
    command = _parser().parse_args(arguments).command
    COMMANDS[command](sys.stdout)
    return 0


def demo(out: TextIO) -> None:
    """Price a book of equity trades under what-if scenarios, and show what each one recomputes."""
    print(report.text(), file=out)


COMMANDS: dict[str, Callable[[TextIO], None]] = {"demo": demo}


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line; argparse's own complaint starts with the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. Type: {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m dug", description="What-if questions on plain Python functions.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__, description=command.__doc__)
    return parser
