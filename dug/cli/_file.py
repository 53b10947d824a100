"""Shared by the commands: `Command` refuses an option given twice, `open_file`, the arguments FILE and NODE, `complete_node`.

`_Readable` is the type of FILE: a file that is there.
"""

import os
import stat
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..snapshot import Look


class Command(click.Command):
    """A command that refuses an option which is given twice: click would take the last value and say nothing of the first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the words into the parameters of a context.

        Raises:
            click.UsageError: they mean nothing.
        """
        try:
            if not ctx.resilient_parsing:  # this is how a shell asks for completions
                self._refuse_twice(ctx, args)
            return super().parse_args(ctx, args)
        except click.UsageError as exc:
            exc.ctx = exc.ctx or ctx  # so that it is said which command's help to ask for
            raise

    def _refuse_twice(self, ctx: click.Context, args: list[str]) -> None:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for option in {param.name: param for param in order if _takes_one(param)}.values():
            if order.count(option) > 1:
                raise click.UsageError(f"{option.opts[-1]} is given twice. Leave one out")


def _takes_one(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and not param.multiple and not param.is_flag


class _Readable(click.Path):
    """A file that is there; a circle of links, a folder and a pipe are named as such."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path, or says why nothing can be read there."""
        path = os.fspath(value)
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116  a path may be bytes
        except FileNotFoundError:
            self.fail(f"{path!r} does not exist", param, ctx)
        except (OSError, ValueError) as exc:
            self.fail(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}", param, ctx)
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            self.fail(f"{path} is {what}. Name a file that dug saved", param, ctx)
        return path


READABLE = _Readable()
"""The type of an argument that names a file to read."""


def complete_node(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Returns the nodes of the file that was typed before, for the shell's completion."""
    try:
        with open_file(ctx.params["file"]) as file:
            return [node for node in file.nodes() if incomplete in node and node.isprintable()][:100]
    except Exception:  # noqa: BLE001  nobody wants an error while typing
        return []


file_argument = click.argument("file", type=READABLE, metavar="FILE")
node_argument = click.argument("node", required=False, metavar="[NODE]", shell_complete=complete_node)


def open_file(path: str) -> "Look":
    """Opens a file to look at; nothing in it is decoded, imported or run.

    Raises:
        SnapshotError: it is not a snapshot, or damaged.
    """
    from ..snapshot import look  # only commands that name a file need it

    return look(path)
