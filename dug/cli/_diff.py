"""``dug diff``: what changed from one file to another, from the targets down to what made the difference."""

import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

import click
from attrs import frozen

from ._file import READABLE, Command, open_file
from ._output import echo
from ._tables import as_json, print_rows

if TYPE_CHECKING:
    from ..snapshot import Look, SavedFunction, SavedNode

EPILOG = """\
\b
Examples:
  dug diff yesterday.dug today.dug
  dug diff yesterday.dug today.dug --json
"""

MOST_ROWS = 200
MOST_INDENT = 8
MOST_CAUSES = 2
MOST_TEXT = 40


@frozen
class Change:
    """A node that is not the same in two files."""

    node: str
    depth: int
    """How many changed nodes it is below a target."""
    was: str | None
    """What it was; None where it was not there."""
    now: str | None
    because: str


@click.command("diff", cls=Command, epilog=EPILOG)
@click.argument("before", type=READABLE, metavar="A")
@click.argument("after", type=READABLE, metavar="B")
@click.option("--all", "wants_all", is_flag=True, help="Show every change, however many there are.")
@as_json
def command(before: str, after: str, *, wants_all: bool, wants_json: bool) -> None:
    """Say which nodes are not the same in B as in A, and because of what.

    Targets come first, and below each what it read that changed, too; what did not change is left out.
    """
    with open_file(before) as one, open_file(after) as other:
        changes = find_changes(one, other)
        total = other.info.nodes
    if wants_json:
        names = ["node", "was", "now", "because"]
        print_rows(names, [[change.node, change.was, change.now, change.because] for change in changes], wants_json=True)
        return
    new, gone = sum(change.was is None for change in changes), sum(change.now is None for change in changes)
    echo(f"{len(changes) - new - gone:,} of {total:,} nodes changed, {new:,} are new, {gone:,} are gone")
    shown = changes if wants_all else changes[:MOST_ROWS]
    if shown:
        rows = [[_indent(change), _shorten(change.was), _shorten(change.now), change.because] for change in shown]
        print_rows(["node", "was", "is", "because"], rows)
    if len(shown) < len(changes):
        echo(f"and {len(changes) - len(shown):,} more. Type: dug diff {before} {after} --all")


def find_changes(one: "Look", other: "Look") -> list[Change]:
    """Returns the nodes that changed, targets first, each above what it read; then what is in the first file only."""
    was = {known.node: known for known in one.known()}
    now = {known.node: known for known in other.known()}
    changed: dict[str, None] = {}
    for node, known in now.items():  # what it read comes before it
        if node not in was or not _is_same(was[node], known, changed):
            changed[node] = None
    reads = _read_among(list(changed), now)
    targets = {tweak.target for tweak in one.tweaks} ^ {tweak.target for tweak in other.tweaks}
    recoded = _find_recoded(one, other)
    causes = recoded.keys() | targets
    floating = _find_floating(one, other)
    changes = [
        Change(
            node=node,
            depth=depth,
            was=_tell(was[node]) if node in was else None,
            now=_tell(now[node]),
            because=_find_cause(now[node], reads[node], causes, floating, recoded) + _tell_unknown(was.get(node), now[node]),
        )
        for node, depth in _walk(reads)
    ]
    return changes + [Change(node, 0, _tell(known), None, "") for node, known in was.items() if node not in now]


def _read_among(nodes: list[str], known: "dict[str, SavedNode]") -> dict[str, list[str]]:
    """Returns for each of the nodes which of the others it read; what reads comes first."""
    among = set(nodes)
    return {node: [read for read in known[node].dependencies if read in among] for node in reversed(nodes)}


def _is_same(was: "SavedNode", now: "SavedNode", changed: Container[str]) -> bool:
    """True when a node is what it was; one whose value was not kept, when its text is and nothing that it read has changed."""
    if was.state != now.state and "failed" in (was.state, now.state):
        return False
    if was.error is not None and now.error is not None:
        return str(was.error) == str(now.error)
    if was.digest is not None and now.digest is not None:
        return was.digest == now.digest
    if was.state != now.state or _without_addresses(was.value) != _without_addresses(now.value):
        return False
    return not any(read in changed for read in now.dependencies)


def _without_addresses(text: str | None) -> str | None:
    """Returns the text of a value without where in memory its parts were, which says nothing."""
    return text and re.sub(r"\b0x[0-9a-f]+\b", "0x", text)


def _tell(known: "SavedNode") -> str:
    if known.error is not None:
        return f"failed: {known.error}"
    return known.value or known.state


def _find_recoded(one: "Look", other: "Look") -> dict[str, str]:
    """Returns the functions that are not the same in both, each with what is another of it, in brackets."""
    was = {function.name: function for function in one.functions}
    pairs = [(was[function.name], function) for function in other.functions if function.name in was]
    return {now.name: _tell_parts(before, now) for before, now in pairs if before.fingerprint != now.fingerprint}


def _tell_parts(before: "SavedFunction", now: "SavedFunction") -> str:
    if not before.parts or not now.parts:
        return ""
    from .._inspect.explain import list_some  # who only compares values starts sooner
    from ..fingerprint import changed_parts  # as above

    places = [place for place in changed_parts(before.parts, now.parts) if place != "its code"]
    return f" ({list_some(places)})" if places else ""


def _find_floating(one: "Look", other: "Look") -> dict[str, bool]:
    """Returns, of what the second file tweaks, what both tweak alike and not to a value: what changed beneath it shows."""
    was, now = _list_tweaks(one), _list_tweaks(other)
    return {target: said == was.get(target) and said[-1][0] != "value" for target, said in now.items()}


def _list_tweaks(file: "Look") -> dict[str, list[tuple[str, str]]]:
    said: dict[str, list[tuple[str, str]]] = {}
    for tweak in file.tweaks:
        said.setdefault(tweak.target, []).append((tweak.kind, tweak.text))
    return said


def _find_cause(
    now: "SavedNode", reads: list[str], causes: Container[str], floating: dict[str, bool], recoded: dict[str, str]
) -> str:
    """Returns why a node changed: a tweak, its code, what it read that changed, or the outside."""
    if now.state == "tweaked" and not floating.get(now.node, floating.get(now.function)):
        return "a tweak"
    reasons = reads[:MOST_CAUSES]
    if len(reads) > MOST_CAUSES:
        reasons.append(f"{len(reads) - MOST_CAUSES:,} more")
    if now.node in causes:
        reasons.insert(0, "a tweak that is gone")
    if now.function in causes:
        reasons.insert(0, f"its function{recoded.get(now.function, '')}")
    return ", ".join(reasons) or ("the outside" if now.is_source else "it ran again")


def _tell_unknown(was: "SavedNode | None", now: "SavedNode") -> str:
    """Says of a value that is not in the files that it may be what it was."""
    if was is None or was.error is not None or now.error is not None or (was.digest is not None and now.digest is not None):
        return ""
    return " (not kept, may be the same)" if _without_addresses(was.value) == _without_addresses(now.value) else ""


def _walk(reads: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    """Yields each node once, below the first that read it, with its depth."""
    seen: set[str] = set()
    below = {read for others in reads.values() for read in others}
    targets = [node for node in reads if node not in below]
    for target in [*targets, *reads]:  # what only a circle of contexts inside contexts leads to is a target, too
        pending = [(target, 0)]
        while pending:
            node, depth = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            yield node, depth
            pending += [(read, depth + 1) for read in reversed(reads[node]) if read not in seen]


def _shorten(text: str | None) -> str | None:
    """Returns a value as it fits in a column; JSON has it in full."""
    return text if text is None or len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 3]}..."


def _indent(change: Change) -> str:
    return "  " * min(change.depth, MOST_INDENT) + change.node
