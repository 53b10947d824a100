"""`Panel`, one more thing that a page shows beside the nodes of its subject: one file for each kind of it.

`NodePanel` adds to the pages of nodes, `MovingPanel` is told again and again.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from time import monotonic, thread_time
from typing import Any

from ._sheets import Part
from ._taken import Taken

_COSTLY = 0.025
"""From so many seconds on a panel rests: a page asks four times a second."""
_PATIENCE = 9
"""How many times as long as telling it took a costly one stays as it is."""


class Panel(ABC):
    """Parts of a page, as `_sheets` tells them.  The thread of the server asks it, and it runs nothing there."""

    name: str
    """Its name in an address."""
    title: str
    """Its name in the list of views; empty for one that only adds to the pages of nodes."""
    is_moving = False
    """True when it changes while no node does, such as the time that is left."""
    is_first = False
    """True when the page opens with it."""

    @abstractmethod
    def tell(self, taken: Taken, query: Mapping[str, str]) -> list[Part]:
        """Returns its parts.

        Args:
            taken: the nodes of the page.
            query: what stands behind its name in the address.

        Raises:
            AskError: it has no answer.
        """

    def tell_node(self, taken: Taken, node: Any) -> list[Part]:  # noqa: ARG002  most say nothing
        """Returns what it adds to the page of a node."""
        return []

    def is_busy(self, query: Mapping[str, str]) -> bool:  # noqa: ARG002  most never change by themselves
        """True while the answer to a question will be another one soon."""
        return self.is_moving

    def close(self) -> None:  # noqa: B027  most hold nothing
        """Frees what it holds."""


class NodePanel(Panel):
    """One that only adds to the pages of nodes."""

    title = ""

    def tell(self, taken: Taken, query: Mapping[str, str]) -> list[Part]:
        return self.tell_node(taken, taken.find_node(query.get("name", "")))


class MovingPanel(Panel):
    """One that is told again and again, at most a tenth of the time, however often a page asks."""

    is_first = True
    _told: Sequence[Part] = ()
    _rest_until = 0.0

    def tell(self, taken: Taken, query: Mapping[str, str]) -> list[Part]:  # noqa: ARG002  it has one form
        if not self._told or monotonic() >= self._rest_until:
            begun = thread_time()
            self._told = self.look(taken, self._told)
            took = thread_time() - begun
            self._rest_until = monotonic() + _PATIENCE * took if took > _COSTLY else 0.0
        return list(self._told)

    @abstractmethod
    def look(self, taken: Taken, before: Sequence[Part]) -> Sequence[Part]:
        """Returns its parts as they are now.

        Args:
            taken: the nodes of the page.
            before: the parts as they were told last.
        """
