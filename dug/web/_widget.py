"""`Widget` shows in a cell of a notebook what `serve` shows in the browser."""

from importlib import import_module
from os import PathLike
from typing import Any

from .._contexts.context import Context
from .._extras.packages import import_extra
from ._shown import show


def Widget(  # noqa: N802  it makes one, and the class of that needs anywidget
    what: "Context | str | PathLike[str]", *, before: "Context | str | PathLike[str] | None" = None, allow_tweaks: bool = False
) -> Any:
    """Returns a page for a cell of a notebook: of Jupyter, VS Code, Colab or marimo.

    It shows what `serve` shows.  No port is opened: the notebook asks its kernel, which answers between cells.

    Args:
        what: as for `serve`.
        before: as for `serve`.
        allow_tweaks: as for `serve`.

    Returns:
        A widget of anywidget; its ``close()`` frees what it holds.

    Raises:
        ImportError: anywidget is not installed; the message says what to type.
        SnapshotError: the file is not a snapshot, or is damaged.
        TypeError: there is nothing to show in `what`, or it cannot be tweaked or compared.

    .. versionadded:: 0.1.0
    """
    import_extra("anywidget", "notebook", "dug.web.Widget()")
    return import_module("._anywidget", __package__).NotebookPage(show(what, before=before, allow_tweaks=allow_tweaks))
