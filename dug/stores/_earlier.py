"""What nodes have read in earlier runs, as a store knows it: `list_steps` puts the nodes beneath some in an order for many hands.

An earlier run is a hint and no more: of another definition, in another scenario, with other inputs it may have read what is not
needed today.  Who computes a node that nobody needs has lost its time; the value of none depends on it.

`_Earlier` looks up the reads of kept runs, each once.
"""

from collections.abc import Callable, Iterable

from .._core.read import BENEATH, Function, Key
from ..errors import StoreError
from ._digest import place_of, write_call
from ._keeper import RunKeeper
from ._path import unpack
from ._reads import is_kept


def list_steps(keeper: RunKeeper, targets: Iterable[Key], is_wanted: Callable[[Key], bool]) -> list[list[Key]]:
    """Returns the nodes that targets read in kept runs, and what these read, each in a later step than all that it read.

    Only nodes of which a run is kept are among them: what took too little time to be kept is left to who needs it.

    Args:
        keeper: that of the context.
        targets: the nodes above; they are in no step, unless one reads another.
        is_wanted: says of a node whether it, and what it reads, is to be listed.

    Complexity: a look into the store for each node and each definition of its function.
    """
    earlier = _Earlier(keeper)
    heights: dict[Key, int] = {}
    top = list(targets)
    try:
        pending: list[tuple[Key, bool]] = [(key, False) for key in reversed(top)]
        while pending:
            key, is_done = pending.pop()
            reads = [read for read in earlier.list_reads(key) or () if is_wanted(read) and earlier.list_reads(read) is not None]
            if is_done:
                heights[key] = 1 + max((heights[read] for read in reads), default=-1)  # of a circle of hints: what is known yet
            elif key not in heights:
                heights[key] = 0
                pending.append((key, True))
                pending.extend((read, False) for read in reversed(reads))
    except StoreError as exc:  # then nobody knows what was read
        keeper.store.writer.tell(exc)
        return []
    below = {read for key in heights for read in earlier.list_reads(key) or ()}
    steps: dict[int, list[Key]] = {}
    for key, height in heights.items():
        if key in below and (key not in top or is_wanted(key)):
            steps.setdefault(height, []).append(key)
    return [steps[height] for height in sorted(steps)]


class _Earlier:
    """The reads of kept runs, each looked up once."""

    def __init__(self, keeper: RunKeeper) -> None:
        self._keeper = keeper
        self._known: dict[Key, list[Key] | None] = {}
        self._prints: dict[Function, list[str]] = {}

    def list_reads(self, key: Key) -> list[Key] | None:
        """Returns the nodes that a kept run of a node read, of the newest definition that there is one of; None without one."""
        if key not in self._known:
            self._known[key] = self._look(key)
        return self._known[key]

    def _look(self, key: Key) -> list[Key] | None:
        function, store = key[0], self._keeper.store
        is_value = function is not BENEATH and function.stream is None  # a stream is given item by item, to who reads it
        call = write_call(key) if is_value and is_kept(function) else None
        if call is None:
            return None
        for print_ in self._list_prints(function):
            at = place_of(function.name, print_, call)
            found = store.get(at)
            path = None if found is None else unpack(found, at)
            if path is not None:
                reads = [self._keeper.find_key(*read.call) for read in path.reads]
                return [read for read in reads if read is not None]
        return None

    def _list_prints(self, function: Function) -> list[str]:
        """Returns the fingerprints of a function, the present one first, then the newest of those that the store remembers."""
        if function not in self._prints:
            store = self._keeper.store
            seen = [one.print for one in store.backend.list_seen(function.name)]
            now = store.definitions.find(function).print
            self._prints[function] = list(dict.fromkeys([*([] if now is None else [now]), *reversed(seen)]))
        return self._prints[function]
