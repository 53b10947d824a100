"""``dug show``: lists the nodes of a file, or prints all that is known of one node (`_describe`).

`_show_node` prints one of them as a sheet or as JSON.  Its options: ``--all``, ``--source``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from .._text.counts import count
from .._text.values import in_seconds
from ._file import Command, file_argument, node_argument, open_file
from ._nodes import COLUMNS, choose_node, find_node, make_row
from ._output import echo, lines_of, one_line
from ._tables import as_json, print_json, print_rows

if TYPE_CHECKING:
    from ..snapshot import Look

EPILOG = """\
\b
Examples:
  dug show night.dug
  dug show night.dug --all
  dug show night.dug "pricing:forward('AAPL', 1)"
"""

MOST_ROWS = 100


@click.command("show", cls=Command, epilog=EPILOG)
@file_argument
@node_argument
@click.option("--all", "wants_all", is_flag=True, help="Show all nodes, not only those that nothing read.")
@click.option("--source", "wants_source", is_flag=True, help="Show the source text of the node's function, as it was.")
@as_json
def command(file: str, node: str | None, *, wants_all: bool, wants_source: bool, wants_json: bool) -> None:
    """Show the nodes of a file that nothing read, or all that is known of one node.

    Values are shown as text that was written when the file was saved: nothing in it is decoded, imported or run.
    """
    with open_file(file) as saved:
        if node is not None and wants_all:
            raise click.UsageError("--all lists the nodes of the file, and NODE is one. Leave one of them out")
        if node is not None:
            found = (find_node if wants_json else choose_node)(saved, node)
            _show_node(saved, found, wants_source=wants_source, wants_json=wants_json)
            return
        if wants_source:
            raise click.UsageError("--source needs a NODE")
        info, targets = saved.info, saved.targets()
        if wants_all:
            rows = [make_row(known) for known in saved.known()]
        else:
            rows = [make_row(saved[target]) for target in (targets if wants_json else targets[:MOST_ROWS])]
    if not wants_json:
        known = ", ".join((count(info.nodes, "node"), count(info.values, "value"), count(info.failures, "failure")))
        echo(f"{file}, saved {info.created}: {known}")
    print_rows(COLUMNS, rows, wants_json=wants_json)
    if not wants_all and len(rows) < len(targets):
        echo(f"and {len(targets) - len(rows):,} more. Type: dug show {file} --all")


def _show_node(saved: "Look", node: str, *, wants_source: bool, wants_json: bool) -> None:
    known = saved[node]
    source = next((function.source for function in saved.functions if function.name == known.function), None)
    traceback = None
    if known.error is not None:
        from ._frames import cut  # only a failure has a traceback

        traceback = cut(known.error.traceback)
    said: dict[str, Any] = {
        "node": node,
        "state": known.state,
        "is_source": known.is_source,
        "value": known.value,
        "bytes": known.size_bytes,
        "left_out": known.absent,
        "seconds": known.seconds,
        "own_seconds": known.own_seconds,
        "error": None if known.error is None else str(known.error),
        "traceback": traceback,
        "read": {read: saved[read].value for read in known.dependencies},
        "times_read": known.times_read,
        "tweak": next((tweak.text for tweak in reversed(saved.tweaks) if tweak.target == node), None),
    }
    if wants_source:
        said["source"] = source
    if wants_json:
        print_json(said)
    else:
        echo("\n".join(_describe(said)))


def _describe(said: dict[str, Any]) -> Iterator[str]:
    """Yields the lines that describe a node."""
    yield one_line(said["node"])
    yield f"  state    {said['state']}{', source' if said['is_source'] else ''}"
    for name, text in (
        ("value", said["value"]),
        ("tweak", said["tweak"]),
        ("left out", said["left_out"]),
        ("error", said["error"]),
    ):
        if text:
            yield f"  {name:<8} {one_line(text)}"
    if said["bytes"] is not None:
        yield f"  bytes    {said['bytes']:,}"
    yield f"  took     {in_seconds(said['seconds'])}, {in_seconds(said['own_seconds'])} by itself"
    yield f"  read by  {count(said['times_read'], 'node')}"
    for number, (read, value) in enumerate(said["read"].items()):
        yield f"  {'' if number else 'read':<8} {one_line(read)}{' = ' if value else ''}{one_line(value)}"
    if said["traceback"]:
        yield from ["", *lines_of(said["traceback"])]
    if said.get("source"):
        yield from ["", *lines_of(said["source"])]
