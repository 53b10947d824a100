"""``dug failures``: what failed, and why."""

from typing import TYPE_CHECKING

import click

from ._file import file_argument, open_file
from ._tables import as_json, lines_of, one_line, print_rows

if TYPE_CHECKING:
    from ..snapshot import Look, SavedError

EPILOG = """\
\b
Examples:
  dug failures night.dug
  dug failures night.dug --traceback
"""


@click.command("failures", epilog=EPILOG)
@file_argument
@click.option("--traceback", "wants_traceback", is_flag=True, help="Print the whole traceback of each.")
@as_json
def command(file: str, *, wants_traceback: bool, wants_json: bool) -> None:
    """List the nodes that failed, each after what it read, with the error and the node in which that began."""
    with open_file(file) as saved:
        failures = {failure.node: failure for failure in saved.failures()}
        origins = {node: find_origin(saved, failures, node) for node in failures}
    columns = ["node", "error", "began in", *(["traceback"] if wants_json else [])]
    rows = [
        [node, str(failure), None if origins[node] == node else origins[node], *([failure.traceback] if wants_json else [])]
        for node, failure in failures.items()
    ]
    if wants_json or rows:
        print_rows(columns, rows, wants_json=wants_json)
    else:
        click.echo(f"nothing failed in {file}")
    if wants_traceback and not wants_json:
        for node, failure in failures.items():
            if origins[node] == node:
                click.echo("\n".join(["", one_line(node), *lines_of(failure.traceback)]))


def find_origin(saved: "Look", failures: "dict[str, SavedError]", node: str) -> str:
    """Returns the node in which the error of a node began: the last one, from read to read, that failed alike."""
    seen = {node}
    while True:
        failure = failures[node]
        alike = (read for read in saved[node].dependencies if read in failures and read not in seen)
        passed = next((read for read in alike if str(failures[read]) == str(failure)), None)
        if passed is None:
            return node
        seen.add(passed)
        node = passed
