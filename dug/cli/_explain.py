"""``dug explain``: where the value of a node in a file comes from, from the texts that were written when it was saved.

With ``--code`` also which functions changed (`_changes`).
"""

import click

from ._file import Command, file_argument, node_argument, open_file
from ._frames import keep_own
from ._nodes import choose_node, list_nodes
from ._output import echo, one_line

EPILOG = """\
\b
Examples:
  dug explain night.dug
  dug explain night.dug book
  dug explain night.dug "pricing:spot('AAPL')" --code
"""

MOST_FRAMES = 8


@click.command("explain", cls=Command, epilog=EPILOG)
@file_argument
@node_argument
@click.option("--code", "wants_code", is_flag=True, help="Import its module, and say what of the code has changed since.")
def command(file: str, node: str | None, *, wants_code: bool) -> None:
    """Say where the value of a node comes from: what it read, which tweaks it rests on, or why there is none.

    NODE may be a part of its text; without it, this is about the node that nothing read.  Where it can be several, they are
    listed.  Of a node whose own run failed, what follows is where its code was.
    """
    with open_file(file) as saved:
        targets = saved.targets() if node is None else ()
        if len(targets) != 1 and node is None:
            list_nodes(saved, targets)
            return
        found = targets[0] if node is None else choose_node(saved, node)
        lines = [*saved.explain(found).lines]
        failed = next((one for one in saved.tabulate_failures() if one.node == one.origin == found), None)
        if failed is not None:
            lines += [f"    {line}" for line in keep_own(failed.traceback, MOST_FRAMES)]
        if wants_code:
            from ._changes import tell_changes  # it imports modules of the user's, and all that compares code

            lines += tell_changes(saved, found)
    echo("\n".join(map(one_line, lines)))
