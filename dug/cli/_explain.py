"""``dug explain``: where the value of a node in a file comes from, from the texts that were written when it was saved."""

import click

from ._file import Command, file_argument, find_node, node_argument, open_file
from ._frames import keep_own
from ._output import echo, one_line

EPILOG = """\
\b
Examples:
  dug explain night.dug "pricing:book()"
  dug explain night.dug "pricing:book()" --code
"""

MOST_FRAMES = 8


@click.command("explain", cls=Command, epilog=EPILOG)
@file_argument
@node_argument
@click.option("--code", "wants_code", is_flag=True, help="Import its module, and say what of the code has changed since.")
def command(file: str, node: str, *, wants_code: bool) -> None:
    """Say where the value of a node comes from: what it read, which tweaks it rests on, or why there is none.

    Of a node whose own run failed, what follows is where its code was.
    """
    with open_file(file) as saved:
        found = find_node(saved, node)
        lines = [*saved.explain(found).lines]
        failed = next((one for one in saved.tabulate_failures() if one.node == one.origin == found), None)
        if failed is not None:
            lines += [f"    {line}" for line in keep_own(failed.traceback, MOST_FRAMES)]
        if wants_code:
            from ._changes import tell_changes  # it imports modules of the user's, and all that compares code

            lines += tell_changes(saved, found)
    echo("\n".join(map(one_line, lines)))
