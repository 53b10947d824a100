"""``dug record``: calls a function in a context of its own, and records what its sources give.

Its options: ``--to``, ``--tweak``, ``--cut``, ``--no-digests``; at the end it tells the gaps of the recording and prints the
value.
"""

import warnings

import click

from .. import replay
from .._contexts.context import Context
from .._contexts.literals import TWEAKS
from .._contexts.scenario import Scenario
from ._calling import check_words, describe, make_call, readable_errors, show_value
from ._file import Command
from ._frames import format_error
from ._names import import_module_of
from ._output import one_line, tell
from ._targets import find_call, parse_target, parse_tweak

EPILOG = """\
\b
Examples:
  dug record pricing:book --to monday.dugrec
  dug record pricing:position AAPL 100 --to monday.dugrec --cut pricing:spot
"""


@click.command("record", cls=Command, epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("target", metavar="MODULE:FUNCTION")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@click.option("--to", "path", required=True, type=click.Path(dir_okay=False), help="The file, which must not be there yet.")
@click.option("--tweak", "tweaks", multiple=True, metavar="NODE=VALUE",
              help=f"Say what is different: VALUE is a literal, {TWEAKS}; may be given several times.")  # fmt: skip
@click.option("--cut", "cut", multiple=True, metavar="NODE_OR_FUNCTION",
              help="Record the values of this, too, so that a replay need not run it; may be given several times.")  # fmt: skip
@click.option("--no-digests", is_flag=True, help="Leave out what differences are found by: digests of all other values.")
@click.option("--traceback", "wants_traceback", is_flag=True, help="Print the traceback of an error.")
def command(
    target: str,
    arguments: tuple[str, ...],
    path: str,
    tweaks: tuple[str, ...],
    cut: tuple[str, ...],
    *,
    no_digests: bool,
    wants_traceback: bool,
) -> int:
    """Call a function as dug run does, and record what its sources give.

    The file is written while the function runs: what was recorded is in it when the program is killed.
    """
    check_words(arguments, command.params)
    for named in (target, *tweaks, *cut):
        import_module_of(named)
    home = target.partition(":")[0]
    with readable_errors():
        call = find_call(target, arguments)
        ctx = Context(Scenario(dict(parse_tweak(word, home) for word in tweaks)))
        cuts = [parse_target(word, home) for word in cut]
    with warnings.catch_warnings(), replay.record(ctx, path, cut=cuts, digests=not no_digests), ctx:
        value, error = make_call(call)
        warnings.filterwarnings("ignore", "the recording ", RuntimeWarning)  # it is told below
    recording = replay.open(path)
    for text in recording.gaps:
        tell(f"dug record: {one_line(path)} has a gap: {one_line(text)}")
    if error is not None:
        if wants_traceback:
            tell(format_error(error))
        tell(f"dug record: {target} failed: {one_line(describe(error))}")
    show_value(value)
    tell(f"dug record: {one_line(recording._describe()[0])}")
    return 1 if error is not None or not recording.is_complete else 0
