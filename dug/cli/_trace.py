"""``dug trace``: writes the runs of a file or a recording as trace events, for Perfetto and speedscope.

`_refuse` refuses an output that is the input or is there; `_make_timeline` lays the runs along time; `_write` writes.  Its
option: ``--overwrite``.
"""

import os
from pathlib import Path

import click

from .. import draw
from ._file import READABLE, Command, open_file
from ._output import echo, one_line, reason_of

EPILOG = """\
\b
Examples:
  dug trace night.dug night.json
  dug trace monday.dugrec monday.json
"""

_RECORDING, _SNAPSHOT = b'{"is":"dug recording"', b"SQLite format 3"
"""How a recording begins, and how a file to which a context was saved does."""


@click.command("trace", cls=Command, epilog=EPILOG)
@click.argument("file", type=READABLE, metavar="FILE")
@click.argument("output", type=click.Path(dir_okay=False), metavar="OUT")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def command(file: str, output: str, *, overwrite: bool) -> None:
    """Write the runs of a file as trace events of Chrome: open OUT in ui.perfetto.dev or in speedscope.

    A recording has real times. A file that a context was saved to knows how long runs took, not when they began: their layout is
    a reconstruction, and OUT says so.
    """
    _refuse(file, output, overwrite=overwrite)
    made = _make_timeline(file).encode("ascii")
    try:
        _write(Path(output), made, overwrite=overwrite)
    except FileExistsError as exc:
        raise _is_there(output) from exc
    except OSError as exc:
        raise click.ClickException(f"{output} cannot be written: {exc.strerror or reason_of(exc)}") from exc
    echo(f"{one_line(output)}: open it in ui.perfetto.dev or in speedscope.app")


def _refuse(file: str, output: str, *, overwrite: bool) -> None:
    """Refuses, before anything is read, an output that is the input or that is there."""
    if not os.path.lexists(output):
        return
    if os.path.exists(output) and os.path.samefile(file, output):  # noqa: PTH110, PTH121  a path may be bytes
        raise click.UsageError(f"{output} is the file that is read. Give the output another name")
    if not overwrite:
        raise _is_there(output)


def _is_there(output: str) -> click.UsageError:
    return click.UsageError(f"{output} is there already. Give another name, or add --overwrite")


def _make_timeline(file: str) -> str:
    with Path(file).open("rb") as opened:
        head = opened.read(len(_RECORDING))
    if not head.startswith((_RECORDING, _SNAPSHOT)):
        what = "neither a file that a context was saved to nor a recording"
        raise click.ClickException(f"{one_line(file)} is {what}. Make one: dug record module:function --to FILE")
    if head == _RECORDING:
        from .. import replay  # a file that was saved needs no context

        return replay.open(file).timeline()
    with open_file(file) as saved:
        return draw.timeline(saved.graph(), title=Path(file).name)


def _write(path: Path, made: bytes, *, overwrite: bool) -> None:
    if overwrite:
        from ..snapshot._atomic import replacing  # likewise

        with replacing(path) as beside:
            beside.write_bytes(made)
        return
    with path.open("xb") as file:
        try:
            file.write(made)
            file.flush()
        except BaseException:
            path.unlink()  # it is ours, and torn
            raise
