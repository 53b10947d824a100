"""When the engine's runs are in flight: `Flights` notes from when others can join one, and when it is filed.

The engine is watched at the functions that do so where it is Python.  Compiled code calls these without a look at their names.
It does look into the table of threads (`frame.ORIGINS`) whenever a run is made, and calls `finish.tell` by its name when it has
filed one that somebody listens to.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import define, field

import dug
from dug._core.steps import begin as begin_step
from dug._core.steps import finish, frame
from dug._core.steps.frame import ORIGINS, Run, current
from dug._functions import async_driver


@define(eq=False)
class Flights:
    """When runs were in flight: places in one order of all that happened."""

    clock: Iterator[int]
    began: dict[Any, int] = field(factory=dict)
    ended: dict[Any, int] = field(factory=dict)
    _looks: dict[int, list[int]] = field(factory=dict)
    """By thread: when a number was asked for, as is done whenever a run is made, and more often."""

    @contextmanager
    def noted(self, ctx: dug.Context) -> Iterator[None]:
        """Note them in what runs inside, in a context."""
        with self.watched(), ctx.listen(bool, kinds="computed"):
            yield

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note them in what runs inside, in contexts to which somebody listens."""
        with pytest.MonkeyPatch.context() as patch:
            if dug.COMPILED:
                patch.setattr(frame, "ORIGINS", _Origins(self._look))
                patch.setattr(async_driver, "begin", self._begin)
                patch.setattr(finish, "tell", self._tell)
            else:
                patch.setattr(begin_step, "_register", _calling_first(self.begin, begin_step._register))
                patch.setattr(finish, "take_out", _calling_first(self.end, finish.take_out))
            yield

    def begin(self, run: Any) -> None:
        """Note that others can join a run now."""
        self.began.setdefault(run, next(self.clock))

    def end(self, run: Any) -> None:
        """Note that a run is filed."""
        self.ended.setdefault(run, next(self.clock))

    def began_at(self, run: Any, body_began: int) -> int:
        """Return when others could first join a run whose body began at a time."""
        if run in self.began:
            return self.began[run]
        looks = self._looks.get(run.thread, [])  # nothing of its own comes between the last one and its body
        place = bisect_left(looks, body_began)
        return looks[place - 1] if place else body_began

    def ended_at(self, run: Any, body_ended: int) -> int:
        """Return when a run was filed whose body ended at a time."""
        return max(self.ended.get(run, body_ended), body_ended)

    def _look(self, thread: int) -> None:
        looks, run = self._looks.setdefault(thread, []), current.get().run
        if run is not None and run.thread == thread and looks:  # the look before the first one inside was its own
            self.began.setdefault(run, looks[-1])
        looks.append(next(self.clock))

    def _begin(self, *args: Any) -> Any:
        """Look a call of a coroutine function up: the body begins in another task, after looks of others."""
        found = begin_step.begin(*args)
        if type(found) is Run:
            self.began.setdefault(found, self._looks[found.thread][-1])
        return found

    def _tell(self, *args: Any) -> None:
        run = current.get()
        if type(run) is Run:
            self.end(run)
        frame.tell(*args)


@define
class _Origins:
    """The table of threads, with a call whenever it is looked into."""

    look: Callable[[int], None]

    def get(self, ident: int, default: int) -> int:
        """Return the thread that another one works for."""
        thread = ORIGINS.get(ident, default)
        self.look(thread)
        return thread


def _calling_first(act: Callable[[Any], None], function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(run: Any) -> Any:
        act(run)
        return function(run)

    return call
