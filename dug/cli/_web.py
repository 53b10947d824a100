"""``dug web``: shows a file in the browser, until Ctrl-C."""

import click

from ._file import Command, file_argument
from ._output import echo, flush

EPILOG = """\
\b
Examples:
  dug web night.dug
  dug web night.dug --no-open --port 8765
"""


@click.command("web", cls=Command, epilog=EPILOG)
@file_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; by default one that is free.")
@click.option("--no-open", "stays_shut", is_flag=True, help="Print the address, and open no browser.")
def command(file: str, *, port: int, stays_shut: bool) -> None:
    """Show a file in the browser, to this machine only, until Ctrl-C.

    Nothing in the file is decoded, imported or run.
    """
    from ..web import serve  # only this command serves

    try:
        page = serve(file, port=port, open=not stays_shut)
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    with page:
        echo(page.url)
        flush()
        page.wait()
