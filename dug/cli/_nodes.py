"""Finds the node of a file that was typed: `find_node`, in full or by a part; `choose_node`, which lists those that it can be.

`SeveralNodesError` says that a part fits several; `list_nodes` and `make_row` print a list, `_tidy` reads a text as dug would
print it.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from ._output import echo
from ._tables import print_rows

if TYPE_CHECKING:
    from ..snapshot import Look, SavedNode

_NUMBER = re.compile(r"(?<=\)) #\d+$")
_MOST_NAMED = 5
"""How many nodes a complaint names."""
_MOST_LISTED = 40
COLUMNS = ("node", "state", "value", "seconds")
"""The columns of a list of nodes."""


class SeveralNodesError(click.UsageError):
    """Says that a text is a part of several nodes."""

    def __init__(self, text: str, nodes: Sequence[str]) -> None:
        super().__init__(f"{text!r} can be {name_some(nodes)}. Write one of them in full")
        self.nodes = nodes


def find_node(file: "Look", text: str) -> str:
    """Returns the node of a file that was typed: in full, without its module, by its function, or by any part that one node has.

    Raises:
        SeveralNodesError: it can be several.
        click.UsageError: there is none; the message names some that are like it.
    """
    if text in file:
        return text
    word, nodes = text.strip(), file.nodes()
    tidy = _tidy(word)
    found = [node for node in nodes if {word, tidy} & _short_names(node)]
    if not found:  # defaults follow the arguments that were typed
        parts = [f"{tidy.removesuffix(')')}{end}" for end in ",)"] if tidy.endswith(")") else []
        found = [node for node in nodes if word.casefold() in node.casefold() or any(part in node for part in parts)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SeveralNodesError(text, found)
    short = {name: node for node in nodes for name in _short_names(node)}
    near = dict.fromkeys(short[name] for name in get_close_matches(tidy, short, _MOST_NAMED))
    hint = f"Did you mean {name_some(near)}?" if near else 'Write it as "module:function(arguments)"'
    raise click.UsageError(f"{text!r} is not in {file.info.path}. {hint}")


def choose_node(file: "Look", text: str) -> str:
    """Returns the same; where it can be several, lists them first.

    Raises:
        click.UsageError: there is none, or there are several.
    """
    try:
        return find_node(file, text)
    except SeveralNodesError as exc:
        list_nodes(file, exc.nodes)
        raise click.UsageError(f"{text!r} can be any of these {len(exc.nodes):,} nodes. Write one of them in full") from exc


def list_nodes(file: "Look", nodes: Sequence[str]) -> None:
    """Prints some nodes of a file, with their values."""
    print_rows(COLUMNS, [make_row(file[node]) for node in nodes[:_MOST_LISTED]])
    if len(nodes) > _MOST_LISTED:
        echo(f"and {len(nodes) - _MOST_LISTED:,} more. To list all, type: dug show {file.info.path} --all")


def make_row(known: "SavedNode") -> list[Any]:
    """Returns the row of a node in a list."""
    value = known.value if known.error is None else str(known.error)
    return [known.node, known.state, value, round(known.seconds, 6)]


def name_some(nodes: Iterable[str]) -> str:
    """Returns some names and how many more there are."""
    named = list(nodes)
    more = f" or {len(named) - _MOST_NAMED:,} others" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _short_names(node: str) -> set[str]:
    """Returns the names of a node; without its number, too, if it has one because others have its text."""
    name, _, _ = node.partition("(")
    module, _, _ = name.partition(":")
    full = {node, _NUMBER.sub("", node), name}
    return full | {one.removeprefix(f"{module}:") for one in full}


def _tidy(text: str) -> str:
    """Returns the text of a node as dug prints it: its words as Python writes them."""
    from .._contexts.literals import parse_arguments, split_call  # most nodes are typed as they are printed

    name, inside = split_call(text) or (text, None)
    if inside is None:
        return text
    try:
        args, kwargs = parse_arguments(inside)
    except ValueError:
        return text
    words = [*(repr(word.value) for word in args), *(f"{key}={word.value!r}" for key, word in kwargs.items())]
    return f"{name}({', '.join(words)})"
