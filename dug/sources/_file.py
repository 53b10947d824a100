"""`file`, the source whose nodes are files; `target`, the same for a path to which a tweak leads.

`_look` takes the stamp of a file, and has its node watched.
"""

import os
from typing import Any

from .._core.read import Function, Node, current, plain_key
from .._functions.memoize import source
from .._text.values import show
from ._check import FILE, TARGET, check_of
from ._stamp import WAYS, By, File, take


def _is_equal(old: object, new: object) -> bool:
    return old == new


@source(name=FILE, key={"path": os.fsdecode}, eq=_is_equal)
def file(path: "str | os.PathLike[str]", *, by: By = "mtime") -> "str | os.PathLike[str]":
    """Returns a path by which a node can read a content that dug knows: ``pandas.read_csv(dug.sources.file("prices.csv"))``.

    It is a `dug.sources.File`, or the path to which a tweak leads.

    Before each outermost call dug looks whether the files that were read in the context have changed.  Where one has, this node
    is invalidated, and what was computed from it is computed again, unless the value here is equal after all.

    Args:
        path: the file; a relative path is looked up from the folder that is current when the node runs.
        by: what the content is known by: ``"mtime"``, the time at which it was written and its size; or ``"content"``, so that a
            file which was written again with the same content is the same value.  The content is read when the time or the size
            has changed.

    Raises:
        FileNotFoundError: there is no such file; names the node and the path.
        OSError: it cannot be read, or is not a regular file; likewise.
        ValueError: `by` is neither of the two.
    """
    if by not in WAYS:
        raise ValueError(f"by must be 'mtime' or 'content', not {show(by)}. Leave it out for the time and size of the file.")
    return _look(path, by, file._self_function)


@source(name=TARGET, key={"path": os.fsdecode}, eq=_is_equal)
def target(path: "str | os.PathLike[str]", *, by: By = "mtime") -> "str | os.PathLike[str]":
    """Returns the file at the end of a path to which a tweak of `file` leads: a node of its own, which such tweaks leave."""
    return _look(path, by, target._self_function)


def _look(path: Any, by: By, function: Function) -> File:
    """Returns what a file is known by, and has its node watched."""
    run = current.get().run
    if run is not None and plain_key(run.key)[0] is not function:  # a body that calls this without a node
        run = None
    try:
        found, signature = take(path, by)
    except OSError as exc:
        node = f"{function}({os.fsdecode(path)!r})" if run is None else Node._of(run.key)
        is_gone = isinstance(exc, FileNotFoundError)
        what = "reads a file that is not there" if is_gone else f"cannot read its file: {exc.strerror}"
        raise OSError(exc.errno, f"{node} {what}", exc.filename) from None
    if run is not None:
        check_of(run.view.group, function).note(run.key, found, signature)
    return found
