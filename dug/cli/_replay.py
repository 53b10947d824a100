"""``dug replay``: calls a function with sources as they were recorded; shows the plan, replaces nodes, and says what changed.

`_show_plan` prints the plan as a tree, `_refuse_missing` stops before a source that the recording does not cover, `_show` prints
the value and what differs.  Its options: ``--against``, ``--replace``, ``--no-cut``, ``--live``, ``--plan``.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from .. import replay
from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.read import Node
from ._asked import Asked
from ._calling import check_words, describe, make_call, readable_errors, show_value
from ._file import READABLE, Command
from ._frames import format_error
from ._json import words_of, words_of_error
from ._names import import_module_of
from ._output import echo, lines_of, one_line, tell
from ._replacing import FORMS, Replaced, import_replacements, read_replacements
from ._tables import as_json, print_json, print_rows
from ._targets import find_call

EPILOG = """\
\b
Examples:
  dug replay monday.dugrec pricing:book
  dug replay monday.dugrec pricing:book --against ../new
  dug replay monday.dugrec pricing:book --replace "spot(AAPL)=96.0" --replace mid=trial:mid
  dug replay monday.dugrec pricing:book --plan
"""

_COLUMNS = ["node", "kind", "before", "now", "because"]


@click.command("replay", cls=Command, epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("file", type=READABLE, metavar="FILE")
@click.argument("target", metavar="MODULE:FUNCTION")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@click.option("--against", type=click.Path(exists=True, file_okay=False), metavar="FOLDER",
              help="Take the code from this folder, and list the nodes that differ from the recording.")  # fmt: skip
@click.option("--replace", "replaced", multiple=True, metavar="NODE=VALUE",
              help=f"Replace a node or function: VALUE is {FORMS}; may be given several times.")  # fmt: skip
@click.option("--no-cut", is_flag=True, help="Run what was cut, too: only sources are given.")
@click.option("--live", is_flag=True, help="Run sources that are not in the recording, which are refused otherwise.")
@click.option("--plan", "wants_plan", is_flag=True, help="Show what would run, as a tree, and run nothing.")
@click.option("--traceback", "wants_traceback", is_flag=True, help="Print the traceback of an error.")
@as_json
def command(
    file: str,
    target: str,
    arguments: tuple[str, ...],
    against: str | None,
    replaced: tuple[str, ...],
    *,
    no_cut: bool,
    live: bool,
    wants_plan: bool,
    wants_traceback: bool,
    wants_json: bool,
) -> int:
    """Call a function with sources that give what they gave in a recording; none of them runs.

    With --against, the exit status is 1 when a node differs.
    """
    check_words(arguments, command.params)
    recording = replay.open(file)
    _go_first(against)
    home = target.partition(":")[0]
    import_module_of(target)
    import_replacements(replaced)
    cut: tuple[()] | None = () if no_cut else None
    with readable_errors():
        call = find_call(target, arguments)
        said = read_replacements(replaced, home)
        Scenario(_tweaks_of(said))  # so that what is not possible is told before anything runs
    targets = [call] if isinstance(call, Node) else []
    if wants_plan:
        return _show_plan(_plan(recording, targets, said, cut), call, wants_json=wants_json)
    if not live:
        _refuse_missing(_plan(recording, targets, said, cut) if targets else None)
    with ExitStack() as stack:
        around = stack.enter_context(recording.replay(cut=cut, strict=not live))
        ctx = stack.enter_context(Context(_tweaks_of(read_replacements(replaced, home, beneath=around.tweaks))))
        watched = {name: (one.named, one.tweak) for name, one in said.items()}
        with Asked.watch(ctx, watched, call) as asked:
            value, error = make_call(call)
        for name, hint in asked.find_unread(error).items():
            tell(f"dug replay: no node read what replaces {one_line(name)}. {one_line(hint)}")
        found = None if against is None else recording.differences(ctx, *_find_known(ctx, targets))
    if error is not None:
        if wants_traceback:
            tell(format_error(error))
        tell(f"dug replay: {target} failed: {one_line(describe(error))}")
    _show(value, error, found, wants_json=wants_json)
    return 1 if error is not None or found else 0


def _tweaks_of(said: Mapping[str, Replaced]) -> dict[Any, Any]:
    return {one.target: one.tweak for one in said.values()}


def _go_first(folder: str | None) -> None:
    """Lets modules be found in a folder before the current one."""
    if folder is not None:
        here = str(Path.cwd())
        sys.path[:] = [str(Path(folder).absolute()), here, *(path for path in sys.path if path != here)]


def _find_known(ctx: Context, targets: list[Node[Any]]) -> list[Node[Any]]:
    """Returns the targets, if they were asked for and have a memo."""
    return targets if all(node in ctx for node in targets) else []


def _plan(
    recording: replay.Recording, targets: list[Node[Any]], said: Mapping[str, Replaced], cut: tuple[()] | None
) -> replay.ReplayPlan:
    texts = {one.named: (one.text, getattr(one.tweak, "reads_beneath", False)) for one in said.values()}
    return recording._plan(targets, cut, texts)


def _refuse_missing(plan: replay.ReplayPlan | None) -> None:
    """Refuses a replay that would come to a source which is not covered; what is replaced may stand in front of one.

    Raises:
        UncoveredError: there is one.
    """
    steps = [] if plan is None else [step for step in plan if step.how == "missing"]
    if steps:
        raise replay.UncoveredError([step.node for step in steps], [step.reason for step in steps])


def _show_plan(plan: replay.ReplayPlan, call: object, *, wants_json: bool) -> int:
    """Prints the plan, a tree for a person; returns 1 when something is missing."""
    if wants_json:
        print_json([{"node": str(step.node), "how": step.how, "because": step.reason} for step in plan])
    elif not plan:
        tell(f"dug replay: {one_line(str(call))} is not in the recording, which does not know what would run for it")
    else:
        for line in lines_of(plan.tree()):
            echo(line)
    return 1 if plan.missing else 0


def _show(value: object, error: BaseException | None, found: replay.Differences | None, *, wants_json: bool) -> None:
    """Prints the value, and the nodes that differ."""
    rows = [[str(row.node), row.kind, row.before, row.now, row.reason] for row in found or ()]
    if wants_json:
        said = None if error is None else {**words_of_error(error), "traceback": format_error(error)}
        differences = None if found is None else [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        print_json({"value": words_of(value), "error": said, "differences": differences})
        return
    show_value(value)
    if found is not None:
        echo(found.title)
    if rows:
        print_rows(_COLUMNS, rows)
