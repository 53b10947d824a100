"""``dug info``: the description that a file has of itself.

Path, size, format, dates, versions, counts, tweaks and what was left out, as lines or as JSON.
"""

from pathlib import Path

import click

from ._file import Command, file_argument, open_file
from ._output import echo, one_line
from ._tables import as_json, print_json

EPILOG = """\
\b
Example:
  dug info night.dug
"""


@click.command("info", cls=Command, epilog=EPILOG)
@file_argument
@as_json
def command(file: str, *, wants_json: bool) -> None:
    """Say when and by what a file was saved, what was tweaked, and how much is in it."""
    with open_file(file) as saved:
        info = saved.info
        said = {
            "file": str(info.path),
            "bytes": Path(info.path).stat().st_size,
            "format": info.format,
            "saved": info.created,
            "dug": info.dug,
            "python": info.python,
            "platform": info.platform,
            "context": info.context,
            "nodes": info.nodes,
            "values": info.values,
            "failures": info.failures,
            "tweaks": [f"{tweak.target} = {tweak.text}" for tweak in saved.tweaks],
            "left out": [f"{absent.what}: {absent.reason}" for absent in saved.absent],
        }
    if wants_json:
        print_json(said)
        return
    for name, value in said.items():
        lines = value if isinstance(value, list) else [f"{value:,}" if isinstance(value, int) else str(value)]
        for line in lines[:20]:
            echo(f"{name:<9} {one_line(line)}".rstrip())
        if len(lines) > 20:
            echo(f"{name:<9} and {len(lines) - 20:,} more: dug info {file} --json")
