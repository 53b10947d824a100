"""``dug failures``: the nodes that failed, and why.

A row has the node, the error and where it began; ``--traceback`` prints tracebacks below, cut by `_frames`.
"""

import click

from .._text.counts import count_failures
from ._file import Command, file_argument, open_file
from ._frames import cut
from ._output import echo, lines_of, one_line
from ._tables import as_json, print_rows

EPILOG = """\
\b
Examples:
  dug failures night.dug
  dug failures night.dug --traceback
"""


@click.command("failures", cls=Command, epilog=EPILOG)
@file_argument
@click.option("--traceback", "wants_traceback", is_flag=True, help="Print the whole traceback of each.")
@as_json
def command(file: str, *, wants_traceback: bool, wants_json: bool) -> None:
    """List the nodes that failed, those in which an error began first, with the error and the node in which that began."""
    with open_file(file) as saved:
        failures = saved.tabulate_failures()
    columns = ["node", "error", "began in", *(["traceback"] if wants_json else [])]
    rows = [
        [
            one.node,
            str(one.error),
            None if one.origin == one.node else one.origin,
            *([cut(one.traceback)] if wants_json else []),
        ]
        for one in failures
    ]
    if wants_json or rows:
        if not wants_json:
            echo(count_failures(len(rows), sum(one.origin == one.node for one in failures)))
        print_rows(columns, rows, wants_json=wants_json)
    else:
        echo(f"nothing failed in {file}")
    if wants_traceback and not wants_json:
        for one in failures:
            if one.origin == one.node:
                echo("\n".join(["", one_line(one.node), *lines_of(cut(one.traceback))]))
