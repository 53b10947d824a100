"""``dug web``: shows a file in the browser, until Ctrl-C.

`_load` opens a file as a context, for a page that may tweak.  Its options: ``--port``, ``--no-open``, ``--allow-tweaks``,
``--trust``.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ._file import READABLE, Command, file_argument
from ._names import import_module_of
from ._output import echo, flush, one_line, tell

if TYPE_CHECKING:
    from ..snapshot import Snapshot

EPILOG = """\
\b
Examples:
  dug web night.dug
  dug web night.dug --no-open --port 8765
  dug web night.dug --allow-tweaks
  dug web yesterday.dug today.dug
"""


@click.command("web", cls=Command, epilog=EPILOG)
@file_argument
@click.argument("after", required=False, type=READABLE, metavar="[B]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; by default one that is free.")
@click.option("--no-open", "stays_shut", is_flag=True, help="Print the address, and open no browser.")
@click.option("--allow-tweaks", is_flag=True,
              help="Import the modules that the file names, and compute with other values: for files of your own.")  # fmt: skip
@click.option("--trust", is_flag=True, help="With --allow-tweaks, read pickles, too.")
def command(file: str, after: str | None, *, port: int, stays_shut: bool, allow_tweaks: bool, trust: bool) -> None:
    """Show a file in the browser, to this machine only, until Ctrl-C.

    With a second file, say what moved from the first one to that.
    Nothing in the file is decoded, imported or run, unless you say --allow-tweaks.
    Modules are then looked for in the current folder first.
    """
    from ..web import serve  # only this command serves

    if trust and not allow_tweaks:
        raise click.UsageError("--trust needs --allow-tweaks: without that nothing in the file is decoded.")
    load: Any = partial(_load, trust=trust) if allow_tweaks else str
    before = None if after is None else load(file)
    try:
        page = serve(load(after or file), before=before, port=port, open=not stays_shut, allow_tweaks=allow_tweaks)
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    with page:
        echo(page.url)
        flush()
        page.wait()


def _load(file: str, *, trust: bool) -> "Snapshot":
    """Returns the context of a file, after an import of the modules of its functions; tells what could not be used."""
    from ..snapshot import load, look  # only commands that name a file need them

    with look(file) as saved:
        for function in saved.functions:
            import_module_of(function.name)
    loaded = load(file, trust=trust)
    if loaded.absent:
        tell(f"dug web: {len(loaded.absent):,} of {one_line(file)} could not be used: {one_line(str(loaded.absent[0]))}")
    return loaded
