"""`Now`, the view of what goes on: the runs in flight, how many nodes go from state to state, and the memory.

It asks what the engine notes anyway, when somebody looks: nothing is counted between two looks.

`_Counted` is what was counted last; `read_process_size` the memory.  `_tell_runs`, `_tell_states` and `_tell_memory` are its
parts.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from attrs import frozen

from .._core.read import Node, Tweak
from .._functions.proxy import show_key
from .._inspect.context_sheet import list_caches
from .._inspect.graph import STATES
from .._inspect.in_flight import InFlight, list_in_flight
from .._text.frames import in_bytes
from .._text.values import drop_main, show
from ._panel import Panel
from ._rates import Rates, write_rate
from ._sheets import Part, tell_table
from ._subjects import ViewSubject
from ._taken import Taken
from ._texts import tell_time

_LISTED = 100
"""How many runs are listed."""
_TWEAKS = 3
"""How many tweaks of a scenario are named."""


@frozen
class _Counted:
    """What was counted of the nodes last."""

    number: int
    """The number of the look at them."""
    states: Counter[str]
    sized: int
    """How many of their values tell their size."""
    size: int


class Now(Panel):
    """What goes on: ``now``."""

    name, title = "now", "Now"
    is_moving = True

    def __init__(self, subject: ViewSubject, clock: Callable[[], float] = monotonic) -> None:
        self._subject, self._clock = subject, clock
        self._seen: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        """When each run was seen first: the engine notes when a run ended, and not when it began."""
        self._rates = Rates(clock)
        self._counted = _Counted(0, Counter(), 0, 0)

    def tell(self, taken: Taken, query: Mapping[str, str]) -> list[Part]:  # noqa: ARG002  it has one form
        if self._counted.number != taken.number:
            self._counted = _count(taken)
        return [self._tell_runs(taken), self._tell_states(), self._tell_memory()]

    def _tell_runs(self, taken: Taken) -> Part:
        now, found = self._clock(), list_in_flight(self._subject.view)
        threads = {one.ident: one.name for one in threading.enumerate()}
        shown = found[:_LISTED]
        rows = [
            (
                drop_main(str(one.node)),
                "runs" if one.is_innermost else "waits for what it reads",
                tell_time(now - self._seen.setdefault(one.run, now)),
                _say_tweaks(one),
                "a task" if one.is_task else threads.get(one.thread, "a thread that has ended"),
                f"{one.reads:,}",
            )
            for one in shown
        ]
        more = f"{len(found) - _LISTED:,} more" if len(found) > _LISTED else "" if found else "Nothing runs now."
        columns = ["node", "it", "for at least", "under", "in", "reads"]
        depths = [one.depth for one in shown]
        return tell_table(columns, rows, taken.find_name, title="What runs", more=more, depths=depths)

    def _tell_states(self) -> Part:
        counts: dict[Hashable, int] = {state: self._counted.states[state] for state in STATES}
        rates = self._rates.look(counts)
        told = [state for state in STATES if counts[state] or rates.get(state)]
        rows = [(state, f"{counts[state]:,}", _write_change(rates.get(state))) for state in told]
        return tell_table(["state", "nodes", "a second"], rows, _no_name, title="Nodes by state")

    def _tell_memory(self) -> Part:
        counted = self._counted
        caches = list_caches(self._subject.view)
        rows = [("memos in the cache" if not number else "memos in a cache beneath", f"{len(cache):,}")
                for number, cache in enumerate(caches)]  # fmt: skip
        rows.append((f"values of the {counted.sized:,} nodes that tell their size", in_bytes(counted.size)))
        size = read_process_size()
        if size is not None:
            rows.append(("this process", in_bytes(size)))
        return tell_table(["memory", "now"], rows, _no_name, title="Memory")


def _count(taken: Taken) -> _Counted:
    sizes = [size for size in taken.columns.sizes if size is not None]
    return _Counted(taken.number, Counter(taken.columns.states), len(sizes), sum(sizes))


def read_process_size() -> int | None:
    """Returns how many bytes of memory this process has; None where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _say_tweaks(one: InFlight) -> str:
    more = f" and {len(one.tweaks) - _TWEAKS:,} more" if len(one.tweaks) > _TWEAKS else ""
    return ", ".join(map(_say_tweak, one.tweaks[:_TWEAKS])) + more


def _say_tweak(tweak: Tweak) -> str:
    target = tweak.target
    key = Node._of(target) if isinstance(target, tuple) else target.wrapper()
    return f"{drop_main(show_key(key))} = {show(tweak.spec.said)}"


def _write_change(rate: float | None) -> str:
    return "" if not rate else f"{'+' if rate > 0 else '-'}{write_rate(abs(rate))}"


def _no_name(text: str) -> None:  # noqa: ARG001  these are not nodes
    return None
