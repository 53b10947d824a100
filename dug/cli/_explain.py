"""``dug explain``: where the value of a node in a file comes from, told from what was written when it was saved."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .._text.seconds import in_seconds
from ._failures import find_origin
from ._file import Command, file_argument, find_node, node_argument, open_file
from ._frames import keep_own
from ._output import echo, one_line

if TYPE_CHECKING:
    from .._inspect.graph import Graph
    from ..snapshot import Look, SavedNode

EPILOG = """\
\b
Examples:
  dug explain night.dug "pricing:book()"
  dug explain night.dug "pricing:book()" --code
"""

MOST_READS = 20
MOST_TWEAKS = 10
MOST_FRAMES = 8


@click.command("explain", cls=Command, epilog=EPILOG)
@file_argument
@node_argument
@click.option("--code", "wants_code", is_flag=True, help="Import its module, and say what of the code has changed since.")
def command(file: str, node: str, *, wants_code: bool) -> None:
    """Say where the value of a node comes from: what it read, which tweaks it rests on, or why there is none."""
    with open_file(file) as saved:
        found = find_node(saved, node)
        lines = list(explain(saved, found))
        if wants_code:
            from ._changes import tell_changes  # it imports modules of the user's, and all that compares code

            lines += tell_changes(saved, found)
    echo("\n".join(map(one_line, lines)))


def explain(saved: "Look", node: str) -> Iterator[str]:
    """Yields the lines that tell where the value of a node comes from."""
    known = saved[node]
    yield _headline(known)
    if known.state == "tweaked":
        text = next((tweak.text for tweak in reversed(saved.tweaks) if tweak.target == node), None)
        yield f"  The tweak says {text}." if text else "  The tweak is one of its function."
    if known.error is not None:
        yield from _tell_error(saved, node)
    if known.absent is not None:
        yield f"  The value is not in the file: {known.absent}"
    yield from _tell_reads(saved, known)
    yield from _tell_tweaks(saved, node)


def _headline(known: "SavedNode") -> str:
    took = f"{in_seconds(known.seconds)} ({in_seconds(known.own_seconds)} by itself)"
    if known.state == "failed":
        return f"{known.node} failed: {known.error}"
    if known.state == "tweaked":
        return f"{known.node} = {known.value}, because it is tweaked."
    if known.state == "masked":
        return f"{known.node} has no value here: what is known of it read something that is tweaked differently here."
    if known.state == "not-run":
        return f"{known.node} was not run."
    source = "read from outside" if known.is_source else "computed"
    return f"{known.node} = {known.value}, {source} in {took}."


def _tell_error(saved: "Look", node: str) -> Iterator[str]:
    failures = {failure.node: failure for failure in saved.failures()}
    origin = find_origin(saved, failures, node)
    if origin == node:
        yield "  The error began here:"
        yield from [f"    {line}" for line in keep_own(failures[node].traceback, MOST_FRAMES)]
    else:
        yield f"  The error began in {origin}"
        yield f"  and came here by {_arrows(saved.graph(), origin, node)}"


def _tell_reads(saved: "Look", known: "SavedNode") -> Iterator[str]:
    if known.dependencies:
        yield "  It read:"
    for read in known.dependencies[:MOST_READS]:
        yield f"    {_headline(saved[read]).rstrip('.')}"
    if len(known.dependencies) > MOST_READS:
        yield f"    and {len(known.dependencies) - MOST_READS:,} more"


def _tell_tweaks(saved: "Look", node: str) -> Iterator[str]:
    """Yields the tweaks that a node rests on, and by which way."""
    tweaks = {tweak.target: tweak.text for tweak in saved.tweaks}
    if not tweaks:
        return
    graph = saved.graph()
    functions = {read: graph.fact(read).function for read in graph.ancestors(node)}
    found = [read for read in graph if read in functions and (read in tweaks or functions[read] in tweaks)]
    if found:
        yield "  It rests on tweaks:"
    for read in found[:MOST_TWEAKS]:
        yield f"    {read} = {tweaks.get(read, tweaks.get(functions[read]))}, by {_arrows(graph, read, node)}"
    if len(found) > MOST_TWEAKS:
        yield f"    and {len(found) - MOST_TWEAKS:,} more"


def _arrows(graph: "Graph[str]", start: str, end: str) -> str:
    """Returns one of the ways from a node to what read it, directly or through others."""
    way = next(graph.paths(start, end), (start, end))
    return " -> ".join(way if len(way) <= 8 else [*way[:4], "...", *way[-3:]])
