"""The runs that go on now, in any thread or task: `list_in_flight`, each below the run that led to it.

A look at what the engine notes of them anyway: nobody listens, and nothing is slower for it.

`InFlight` is one of them, with its seconds and its place; `_walk` goes from run to run.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

from .._core.read import Node, Run, Tweak, View
from .record import seen_key


@frozen(eq=False)
class InFlight:
    """A run that goes on."""

    node: Node[Any]
    depth: int
    """How many of the others led to it."""
    is_innermost: bool
    """True when it led to none of the others, so that it is the one which computes, or waits for something."""
    tweaks: Sequence[Tweak]
    """The tweaks in force for it that are not in force in the view."""
    reads: int
    """How many reads it has made so far."""
    thread: int
    """The number of the thread that began it."""
    is_task: bool
    """True when it is awaited, so that its thread does other work meanwhile."""
    run: Run
    """The run itself, to tell it apart; hold it no longer than a look takes."""


def list_in_flight(view: View) -> list[InFlight]:
    """Returns the runs that go on in the cache of a view and in all that share something with it, the outer ones first.

    Complexity: linear in these runs, and in the scenarios that somebody holds.
    """
    with view.group.lock:
        running = [run for scenario in view.group.list_scenarios() for run in scenario.running.values()]
    going = {run: None for run in running if not run.is_done}
    inside: dict[Run | None, list[Run]] = {}
    for run in going:
        inside.setdefault(_find_around(run, going), []).append(run)
    return list(_walk(view, inside))


def _find_around(run: Run, going: dict[Run, None]) -> Run | None:
    """Returns the run that led to a run, among those that go on."""
    around = None if run.outer is None else run.outer.run
    while around is not None and around not in going:
        around = None if around.outer is None else around.outer.run
    return around


def _walk(view: View, inside: dict[Run | None, list[Run]]) -> Iterator[InFlight]:
    known = view.tweaks.handles
    pending = [(run, 0) for run in reversed(inside.get(None, []))]
    while pending:
        run, depth = pending.pop()
        tweaks = sorted(run.view.tweaks.handles - known, key=lambda tweak: tweak.serial)
        node, onward = Node._of(seen_key(run.key)), inside.get(run, [])
        yield InFlight(node, depth, not onward, tweaks, len(run.reads), run.thread, run.has_task, run)
        pending += [(one, depth + 1) for one in reversed(onward)]
