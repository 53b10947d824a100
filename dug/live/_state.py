"""What a `Live` says of itself, from any thread: `LiveState`, its base.  Looking takes no tick, and runs nothing.

It lists the inputs and the outputs, the tick, what is pending and fed, and the counters; `_live.Live` makes, pushes and takes.
"""

from collections.abc import Mapping
from typing import Any

from .._contexts.context import Context
from .._text.shown import Shown
from ._backlog import Backlog
from ._context import LiveContext
from ._counters import Counters
from ._feeds import Feed
from ._outputs import LiveOutput
from ._ticks import Ticks


class LiveState(Shown):
    """The context, the inputs, the outputs and the counters of a `Live`."""

    _context: LiveContext
    _backlog: Backlog
    _ticks: Ticks
    _feeds: list[Feed]

    @property
    def context(self) -> Context:
        """The context that ticks: enter it to ask for nodes, or for what-ifs that follow the ticks; pushes alone tweak it.

        It stands by itself: the default context is not around it, and in any other it is refused.

        Two calls in it may see two ticks, if somebody takes ticks in between; `freeze` gives a context that stays.
        """
        return self._context

    @property
    def inputs(self) -> Mapping[Any, Any]:
        """What is tweaked since the last tick, by node: read-only, and nothing of what waits."""
        return self._context.tweaks

    @property
    def outputs(self) -> tuple[LiveOutput[Any], ...]:
        """What it shows, in the order in which it was said."""
        return tuple(self._ticks.outputs.values())

    @property
    def tick(self) -> int:
        """The number of the last tick; 0 before the first."""
        return self._ticks.number

    @property
    def policy(self) -> str:
        """What happens to pushes that come faster than ticks are taken."""
        return self._backlog.policy

    @property
    def size(self) -> int:
        """How many ticks may wait."""
        return self._backlog.size

    @property
    def pending(self) -> int:
        """How many ticks wait to be taken."""
        return len(self._backlog)

    @property
    def fed(self) -> tuple[Any, ...]:
        """What is fed: of each feed that has not ended the node, or None for one whose items are mappings."""
        return tuple([feed.node for feed in tuple(self._feeds)])

    @property
    def is_closed(self) -> bool:
        """True once it takes no more pushes and ticks."""
        return self._ticks.is_closed

    @property
    def counters(self) -> Counters:
        """What was counted so far."""
        outputs = {node: output.counters for node, output in tuple(self._ticks.outputs.items())}
        pushes, dropped_ticks, inputs = self._backlog.count()
        return Counters(
            pushes=pushes,
            pushed=sum(one.pushed for one in inputs.values()),
            conflated=sum(one.conflated for one in inputs.values()),
            dropped=sum(one.dropped for one in inputs.values()),
            ticks=self._ticks.number,
            dropped_ticks=dropped_ticks,
            refreshed=sum(one.refreshed for one in outputs.values()),
            skipped=sum(one.skipped for one in outputs.values()),
            behind=max((one.behind for one in outputs.values()), default=0),
            inputs=inputs,
            outputs=outputs,
        )
