"""``dug failures``: what failed, and why."""

from typing import TYPE_CHECKING

import click

from ._file import Command, file_argument, open_file
from ._frames import cut
from ._output import echo, lines_of, one_line
from ._tables import as_json, print_rows

if TYPE_CHECKING:
    from ..snapshot import Look, SavedError

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
    """List the nodes that failed, each after what it read, with the error and the node in which that began."""
    with open_file(file) as saved:
        failures = {failure.node: failure for failure in saved.failures()}
        origins = _find_origins(saved, failures)
    columns = ["node", "error", "began in", *(["traceback"] if wants_json else [])]
    rows = [
        [node, str(failure), None if origins[node] == node else origins[node], *([cut(failure.traceback)] if wants_json else [])]
        for node, failure in failures.items()
    ]
    if wants_json or rows:
        print_rows(columns, rows, wants_json=wants_json)
    else:
        echo(f"nothing failed in {file}")
    if wants_traceback and not wants_json:
        for node, failure in failures.items():
            if origins[node] == node:
                echo("\n".join(["", one_line(node), *lines_of(cut(failure.traceback))]))


def find_origin(saved: "Look", failures: "dict[str, SavedError]", node: str) -> str:
    """Returns the node in which the error of a node began: the last one, from read to read, that failed with it."""
    seen = {node}
    while True:
        passed = _find_passed(saved, failures, node)
        if passed is None or passed in seen:  # contexts inside nodes may close a circle
            return node
        seen.add(passed)
        node = passed


def _find_origins(saved: "Look", failures: "dict[str, SavedError]") -> dict[str, str]:
    """Returns the node in which the error of each node began; each comes after what it read."""
    origins: dict[str, str] = {}
    for node in failures:
        passed = _find_passed(saved, failures, node)
        origins[node] = node if passed is None else origins.get(passed, passed)
    return origins


def _find_passed(saved: "Look", failures: "dict[str, SavedError]", node: str) -> str | None:
    """Returns the node that was read and whose error a node passed on."""
    own = failures[node]
    alike = (str(own), own.place)
    reads = (read for read in saved[node].dependencies if read in failures and read != node)
    return next((read for read in reads if (str(failures[read]), failures[read].place) == alike), None)
