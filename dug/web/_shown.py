"""`show` makes the answers for what `serve` is given: its nodes, and the panels for the kind of thing that it is."""

from os import PathLike
from typing import Any

from ._answers import Answers
from ._panel import Panel
from ._subjects import ContextSubject, find_subject
from ._trials import Trials


def show(what: Any, *, allow_tweaks: bool = False) -> Answers:
    """Returns the answers about something.

    Raises:
        SnapshotError: it is the path of a file that is no snapshot.
        TypeError: there is nothing to show of it, or it cannot be tweaked.
    """
    if allow_tweaks and isinstance(what, (str, PathLike)):
        raise TypeError(
            "The functions of a file must be here to tweak its nodes. Import their modules, and write "
            "serve(dug.snapshot.load(path), allow_tweaks=True)."
        )
    subject = find_subject(what)
    panels: list[Panel] = []
    if allow_tweaks and isinstance(subject, ContextSubject):
        panels.append(Trials(subject.context))
    return Answers(subject, panels)
