"""``dug store``: what is in the folder of a store, why a node is not, and making room; runs none of the user's functions.

A command for each: ``info``, ``ls``, ``check``, ``gc``, ``accept``...; `_Folder` is the type of FOLDER.  `_open` opens the
folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._text.counts import count
from .._text.frames import in_bytes
from ._file import Command
from ._output import echo, one_line
from ._tables import as_json, print_rows

if TYPE_CHECKING:
    from ..stores import Store

EPILOG = """\
\b
Examples:
  dug store info book.store
  dug store ls book.store pricing:price
  dug store why book.store "pricing:price(3)"
  dug store gc book.store --max-bytes 1000000000 --dry-run
"""


class _Verb(Command):
    """A command of this group."""


@click.group("store", epilog=EPILOG, no_args_is_help=False)
def command() -> None:
    """Look into the folder of a store, and look after it."""


class _Folder(click.Path):
    """The folder of a store; the address of a server is refused with what to type."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path, or says why it is none."""
        if "://" in str(value):
            self.fail(f"{value} is a server. These commands take a folder; ask a server by RedisStore(url).report()", param, ctx)
        return super().convert(value, param, ctx)


folder = click.argument("folder", type=_Folder(exists=True, file_okay=False), metavar="FOLDER")


@contextmanager
def _open(path: str, *, read_only: bool = True) -> "Iterator[Store]":
    from ..stores import Store  # with SQLite, which the help needs not

    if not (Path(path) / "dug.db").is_file():
        raise click.ClickException(f"{path} is not a store: it has no dug.db. Write Context(store={path!r}) to have one filled")
    store = Store(path, read_only=read_only)
    try:
        yield store
    finally:
        store.close()


@command.command("info", cls=_Verb)
@folder
@as_json
def info(folder: str, *, wants_json: bool) -> None:
    """Say how much is in a store, by function."""
    with _open(folder) as store:
        rows: dict[str, list[Any]] = {}
        for row in store.backend.list_rows():
            said = rows.setdefault(row.function, [row.function, 0, 0, 0.0, set()])
            said[1] += 1
            said[2] += row.size
            said[3] += row.own_seconds
            said[4].add(row.print)
        columns = ("function", "runs", "bytes", "seconds", "definitions")
        table = [(name, runs, size, round(seconds, 3), len(prints)) for name, runs, size, seconds, prints in rows.values()]
        if not wants_json:
            sizes = store.backend.measure()
            echo(f"{count(sizes.rows, 'run')}, {count(sizes.values, 'value')}, {in_bytes(sizes.size)}")
        print_rows(columns, sorted(table, key=lambda row: -row[3]), wants_json=wants_json)


@command.command("ls", cls=_Verb)
@folder
@click.argument("function", required=False, metavar="[FUNCTION]")
@as_json
def ls(folder: str, function: str | None, *, wants_json: bool) -> None:
    """List the kept runs, of a function or all."""
    with _open(folder) as store:
        rows = [
            (row.function, one_line(row.arguments), row.size, round(row.own_seconds, 6), _day(row.made), row.print[:28])
            for row in store.backend.list_rows(function)
        ]
        known = sorted({row.function for row in store.backend.list_rows()}) if function and not rows else []
    if known:
        raise click.ClickException(f"nothing is kept of {function}. Write one of {', '.join(known[:10])}")
    print_rows(("function", "arguments", "bytes", "seconds", "made", "definition"), sorted(rows), wants_json=wants_json)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


@command.command("why", cls=_Verb)
@folder
@click.argument("node", metavar="NODE")
def why(folder: str, node: str) -> None:
    """Say why a node, such as "pricing:price(3)", is in a store or is not; imports its module."""
    from .._contexts.context import Context  # it takes the engine, which the help needs not
    from .._core.read import Node  # also
    from ..stores import why as tell  # also

    with _open(folder) as store:
        try:
            asked = Node.parse(node)
        except (LookupError, ValueError) as exc:
            raise click.ClickException(str(exc)) from exc
        except TypeError as exc:  # of its function, which takes other arguments
            raise click.ClickException(f"{node} is not a call of its function: {exc}") from exc
        echo(str(tell(Context(store=store), asked)))


@command.command("check", cls=_Verb)
@folder
@click.option("--fix", is_flag=True, help="Remove what is damaged, so that it is computed again.")
def check(folder: str, *, fix: bool) -> int:
    """Read every row and value, and say which are damaged; exits with 1 if some are, and stay."""
    with _open(folder, read_only=not fix) as store:
        found = store.check(fix=fix)
    echo(str(found))
    return 1 if found.damaged and not fix else 0


@command.command("gc", cls=_Verb)
@folder
@click.option("--max-bytes", type=click.IntRange(0), help="Keep the values that save most, up to so many bytes.")
@click.option("--older-than", type=click.FloatRange(0), metavar="DAYS", help="Remove what was made so many days ago.")
@click.option("--dry-run", is_flag=True, help="Only say how much it would be.")
def gc(folder: str, max_bytes: int | None, older_than: float | None, *, dry_run: bool) -> None:
    """Make room."""
    if max_bytes is None and older_than is None:
        raise click.UsageError("say what may go: --max-bytes or --older-than")
    with _open(folder, read_only=dry_run) as store:
        seconds = None if older_than is None else older_than * 86_400
        echo(str(store.gc(max_bytes=max_bytes, older_than=seconds, dry_run=dry_run)))


@command.command("accept", cls=_Verb)
@folder
@click.argument("function", metavar="FUNCTION")
@click.argument("old", metavar="DEFINITION")
@click.option("--note", default="", help="Why, for those who come later.")
def accept(folder: str, function: str, old: str, note: str) -> None:
    """Say that a function means the same as an older definition of it, which ``ls`` names; imports its module."""
    from .._core.read import Function  # it takes the engine, which the help needs not
    from ..stores import accept as say  # also

    with _open(folder, read_only=False) as store:
        try:
            known = Function.load(function)
        except LookupError as exc:
            raise click.ClickException(str(exc)) from exc
        say(known.wrapper(), old, store=store, note=note)
    echo(f"{function} serves what was kept of {old}")


