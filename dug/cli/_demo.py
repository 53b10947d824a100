"""``dug demo``."""

import click

from ..demo import report

EPILOG = """\
\b
Example:
  dug demo
"""


@click.command("demo", epilog=EPILOG)
def command() -> None:
    """Price a book of equity trades under what-if scenarios, and show what each one recomputes."""
    click.echo(report.text())
