"""`show` makes the answers for what `serve` is given: its nodes, and the panels for the kind of thing that it is.

`_find` finds its subject, `_list_panels` its panels, `_find_before` what it is compared with.
"""

from collections.abc import Iterator
from os import PathLike
from typing import Any

from .._extras.packages import find_loaded
from ._answers import Answers
from ._beside import Compared
from ._now import Now
from ._panel import Panel
from ._plans import Kept, Plans
from ._running import FlowSubject, Running
from ._subjects import ContextSubject, FileSubject, Subject, ViewSubject, find_subject
from ._trials import Trials


def show(what: Any, *, before: Any = None, allow_tweaks: bool = False) -> Answers:
    """Returns the answers about something.

    Raises:
        SnapshotError: it is the path of a file that is not a snapshot.
        TypeError: there is nothing to show of it, or it cannot be tweaked or compared.
    """
    if allow_tweaks and isinstance(what, (str, PathLike)):
        raise TypeError(
            "The functions of a file must be here to tweak its nodes. Import their modules, and write "
            "serve(dug.snapshot.load(path), allow_tweaks=True)."
        )
    subject, own = _find(what)
    if allow_tweaks and subject.kind == "flow run":
        raise TypeError("The streams of a run belong to its loop, and a page has none. Write run.what_if(changes) there.")
    if allow_tweaks and not isinstance(subject, ContextSubject):
        raise TypeError(f"The page of a {subject.kind} takes no tweaks. Write serve(ctx, allow_tweaks=True) of a context.")
    try:
        return Answers(subject, [*own, *_list_panels(subject, before, allow_tweaks=allow_tweaks)])
    except BaseException:
        subject.close()
        raise


def _find(what: Any) -> tuple[Subject, list[Panel]]:
    """Returns the subject for what `serve` is given, and the panels of its own kind."""
    if isinstance(what, find_loaded("dug.live", "Live") or ()):
        from ._live import LiveSubject, Ticking  # loaded where there is one

        return LiveSubject(what), [Ticking(what)]
    if isinstance(what, find_loaded("dug.flow", "RunningFlow") or ()):
        return FlowSubject(what), [Running(what)]
    if isinstance(what, find_loaded("dug._sweeps.sweep", "AnySweep") or ()):
        from ._sweep_subject import SweepSubject  # likewise
        from ._swept import Swept  # likewise

        return SweepSubject(what), [Swept(what)]
    return find_subject(what), []


def _list_panels(subject: Subject, before: Any, *, allow_tweaks: bool) -> Iterator[Panel]:
    if isinstance(subject, ViewSubject):
        yield Now(subject)
        yield Plans(subject)
    if isinstance(subject, ContextSubject):
        if subject.context.store is not None:
            yield Kept(subject.context)
        if allow_tweaks:
            yield Trials(subject.context)
    if before is not None:
        yield Compared(_find_before(subject, before), subject)


def _find_before(subject: Subject, before: Any) -> Subject:
    other, _ = _find(before)
    if not any(isinstance(other, kind) and isinstance(subject, kind) for kind in (ContextSubject, FileSubject)):
        other.close()
        raise TypeError(f"before= is a {other.kind}, and a {subject.kind} is shown. Compare two contexts, or two files.")
    return other
