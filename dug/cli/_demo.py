"""``dug demo`` as a click command: prints the report of the example book, or writes a notebook; `_main` does so without click."""

import click

from ._file import Command
from ._output import echo, reason_of

EPILOG = """\
\b
Examples:
  dug demo
  dug demo --notebook curve.ipynb
"""


@click.command("demo", cls=Command, epilog=EPILOG)
@click.option("--notebook", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write the first program of the gallery as a notebook.")  # fmt: skip
def command(notebook: str | None) -> None:
    """Price a book of equity trades under what-if scenarios, and show what each one recomputes."""
    if notebook is None:
        from ..demo import report  # takes a while

        echo(report.text())
        return
    from ..demo.notebook import write  # likewise

    try:
        echo(write(notebook))
    except OSError as exc:
        raise click.ClickException(f"{notebook} cannot be written: {exc.strerror or reason_of(exc)}") from exc
