"""``dug demo`` as a click command: prints the report of the example book; `_main` prints it without click."""

import click

from ..demo import report
from ._file import Command
from ._output import echo

EPILOG = """\
\b
Example:
  dug demo
"""


@click.command("demo", cls=Command, epilog=EPILOG)
def command() -> None:
    """Price a book of equity trades under what-if scenarios, and show what each one recomputes."""
    echo(report.text())
