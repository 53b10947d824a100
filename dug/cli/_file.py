"""What the commands share that read a file: how they open it, and how they find the node that was typed."""

import ast
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..snapshot import Look

_NUMBER = re.compile(r"(?<=\)) #\d+$")
MOST_NAMED = 5
"""How many nodes a complaint names."""


def complete_node(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Returns the nodes of the file that was typed before, for the shell's completion."""
    try:
        with open_file(ctx.params["file"]) as file:
            return [node for node in file.nodes() if incomplete in node][:100]
    except Exception:  # noqa: BLE001  nobody wants an error while typing
        return []


file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False), metavar="FILE")
node_argument = click.argument("node", metavar="NODE", shell_complete=complete_node)
optional_node_argument = click.argument("node", required=False, metavar="[NODE]", shell_complete=complete_node)


def open_file(path: str) -> "Look":
    """Opens a file to look at; nothing in it is decoded, imported or run.

    Raises:
        SnapshotError: it is no snapshot, or damaged.
    """
    from ..snapshot import look  # only commands that name a file need it

    return look(path)


def find_node(file: "Look", text: str) -> str:
    """Returns the node of a file that was typed: in full, without its module, or by its function where that has one node.

    Raises:
        click.UsageError: there is none, or there are several; the message names some.
    """
    if text in file:
        return text
    wanted = {text.strip(), _tidy(text)}
    nodes = file.nodes()
    found = [node for node in nodes if wanted & _short_names(node)]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(f"{text!r} can be {_name_some(found)}. Write one of them in full")
    near = [node for node in nodes if text.strip() in node]
    hint = f"Did you mean {_name_some(near)}" if near else 'Write it as "module:function(arguments)"'
    raise click.UsageError(f"{text!r} is not in {file.info.path}. {hint}")


def _short_names(node: str) -> set[str]:
    """Returns what a node may be called; without its number, where it has one because others have its text."""
    node = _NUMBER.sub("", node)
    name, _, _ = node.partition("(")
    module, _, _ = name.partition(":")
    return {node, node.removeprefix(f"{module}:"), name, name.removeprefix(f"{module}:")}


def _tidy(text: str) -> str:
    """Returns the text of a node with its literals written as Python would."""
    name, parenthesis, rest = text.strip().partition("(")
    try:
        call: Any = ast.parse(f"f({rest}", mode="eval").body
        return f"{name}{ast.unparse(call)[1:]}" if parenthesis else text.strip()
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return text.strip()


def _name_some(nodes: Iterable[str]) -> str:
    named = list(nodes)
    more = f" or {len(named) - MOST_NAMED:,} others" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more
