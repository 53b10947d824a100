"""What a replay takes from a recording, and what it refuses: `Served`, which makes the tweaks of its context.

Every source function that is alive is replaced by one that looks its node up in the recording, so that none runs, whether the
recording knows of it or not; a function that is decorated meanwhile is replaced, too.  Other nodes that the recording has values
of are tweaked to these.

`_Replacing` holds the replacements: one for a plain function, an awaited one or a stream (`_make_plain`, `_make_awaited`,
`_make_stream`).  One for an awaited stream is made by `_make_awaited_stream`.  `covers`, `is_wanted`, `is_needed` and
`list_idle_cuts` say what is replaced; `enter` puts it in force, `tell_gap` says why something is not given.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.drive import Alone
from .._core.read import Cache, Event, Function, Node
from .._functions.known_sources import hear_sources, list_sources
from .._portable.nodes import find_unreachable
from ..errors import ContextError
from ._errors import UncoveredError
from ._playing import Player
from ._trace import Entry, Trace

_RAN = ("computed", "failed")
_NEVER_RECORDED = "it is a source, and never ran in the recording"


class Served:
    """Which nodes the recording stands for, with a cut."""

    def __init__(self, trace: Trace, cut: "frozenset[Function | Node[Any]] | None") -> None:
        self._trace = trace
        self._cut_functions = None if cut is None else {one.name for one in cut if isinstance(one, Function)}
        self._cut_nodes = [one for one in cut or () if isinstance(one, Node)]
        self._cut_entries = {trace.find(one) for one in self._cut_nodes}
        self._found: dict[Entry, Node[Any] | None] = {}

    def list_idle_cuts(self) -> list[str]:
        """Returns the functions and nodes of the cut of which the recording gives nothing."""
        given = [entry for entry in self._trace.entries.values() if self.is_wanted(entry) and entry.find_gap() is None]
        names = {entry.name[0] for entry in given}
        idle = [name for name in self._cut_functions or () if name not in names]
        return sorted([*idle, *(str(node) for node in self._cut_nodes if self._trace.find(node) not in given)])

    def is_needed(self, entry: Entry) -> bool:
        """True for a node that must not run in a replay: a source, or what was tweaked."""
        return entry.is_source or entry.given == "tweak"

    def is_wanted(self, entry: Entry) -> bool:
        """True for a node that the recording is to give, if it can."""
        if self.is_needed(entry):
            return True
        if self._cut_functions is None:
            return entry.given == "cut"
        return entry.name[0] in self._cut_functions or entry in self._cut_entries

    def covers(self, entry: Entry) -> bool:
        """True for a node that the recording gives."""
        if not self.is_wanted(entry) or entry.find_gap() is not None:
            return False
        return entry.is_source or (not entry.has_failed and self._find_node(entry) is not None)

    def tell_gap(self, entry: Entry) -> str:
        """Returns why it does not."""
        gap = entry.find_gap()
        if gap is not None:
            return gap
        if entry.has_failed:
            return "it failed under a tweak, and only a source fails again"
        return entry.why_local or "its function is not imported here: import its module first"

    def find(self, node: Node[Any]) -> Entry | None:
        """Returns the entry of a node of a source, if it can be given."""
        entry = self._trace.find(node)
        return entry if entry is not None and self.covers(entry) else None

    def _find_node(self, entry: Entry) -> Node[Any] | None:
        if entry not in self._found:
            self._found[entry] = entry.find_node()
        return self._found[entry]

    @contextmanager
    def enter(self, player: Player, *, strict: bool) -> Iterator[Context]:
        """Enters a context in which the recording gives what it covers."""
        replacing = _Replacing(self, player, strict=strict)
        ctx = Context(Scenario({**self._make_values(player), **replacing.list_tweaks()}), cache=Cache(), name="replay")
        ctx._is_sealed = True
        with hear_sources(replacing.note_new(ctx)), Alone(ctx), ctx.listen(replacing.hear, kinds=_RAN, only="source"):
            player.begin()
            yield ctx
        replacing.check()

    def _make_values(self, player: Player) -> dict[Any, Any]:
        """Returns the tweaks of the nodes that are given and are not of sources."""
        return {
            node: player.make_tweak(entry, node)
            for entry in self._trace.entries.values()
            if not entry.is_source and self.covers(entry) and (node := self._find_node(entry)) is not None
        }


class _Replacing:
    """The functions in the place of sources, and those that could not be replaced."""

    def __init__(self, served: Served, player: Player, *, strict: bool) -> None:
        self._served, self._player, self._strict = served, player, strict
        self._late: set[Function] = set()
        self._ran: dict[Node[Any], None] = {}

    def list_tweaks(self) -> dict[Any, Any]:
        """Returns the tweak of each source function that is alive."""
        return {function: self.make(function) for function in list_sources()}

    def note_new(self, ctx: Context) -> Callable[[Function], None]:
        """Returns what replaces a function that is decorated meanwhile."""

        def note(function: Function) -> None:
            try:
                ctx.tweak(function.wrapper(), self.make(function))
            except ContextError:  # it was decorated in a node: what it gives there cannot be held up, and is told at the end
                self._late.add(function)

        return note

    def hear(self, event: Event) -> None:
        """Notes a source that ran although it is not covered."""
        if event.node._function in self._late:
            self._ran[event.node] = None

    def check(self) -> None:
        """Raises UncoveredError when a source ran that nothing stood in front of."""
        if self._ran and self._strict:
            raise UncoveredError(list(self._ran), ["it was decorated inside of a node, and it ran"] * len(self._ran))

    def make(self, function: Function) -> Callable[..., Any]:
        """Returns the function that replaces a source."""
        served, player = self._served, self._player

        def look_up(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Entry | None:
            node = Node[Any]._of_call(function, args, kwargs)
            entry = served.find(node)
            if entry is None and self._strict:
                raise UncoveredError([node], [self._tell_gap(node)])
            return entry

        given: Any = _PICK[function.stream is not None, _is_awaited(function)](function, look_up, player)
        given.__signature__ = function.binding.signature
        given.__name__ = given.__qualname__ = "recorded"
        return given  # type: ignore[no-any-return]  # a function

    def _tell_gap(self, node: Node[Any]) -> str:
        entry = self._served._trace.find(node)
        if entry is not None:
            return self._served.tell_gap(entry)
        why = find_unreachable(node._function)
        return _NEVER_RECORDED if why is None else f"{why}, which only its process finds, and it never ran in the recording"


LookUp = Callable[[tuple[Any, ...], dict[str, Any]], Entry | None]
"""Finds the entry of a call; None for one that is to run."""


def _is_awaited(function: Function) -> bool:
    return bool(function.is_async or (function.stream is not None and function.stream.is_async))


def _make_plain(function: Function, look_up: LookUp, player: Player) -> Callable[..., Any]:
    def given(*args: Any, **kwargs: Any) -> Any:
        entry = look_up(args, kwargs)
        return function.body(*args, **kwargs) if entry is None else player.give(entry)

    return given


def _make_awaited(function: Function, look_up: LookUp, player: Player) -> Callable[..., Any]:
    async def given(*args: Any, **kwargs: Any) -> Any:
        entry = look_up(args, kwargs)
        return await function.body(*args, **kwargs) if entry is None else player.give(entry)

    return given


def _make_stream(function: Function, look_up: LookUp, player: Player) -> Callable[..., Any]:
    def given(*args: Any, **kwargs: Any) -> Any:
        entry = look_up(args, kwargs)
        yield from function.body(*args, **kwargs) if entry is None else player.play(entry)

    return given


def _make_awaited_stream(function: Function, look_up: LookUp, player: Player) -> Callable[..., Any]:
    async def given(*args: Any, **kwargs: Any) -> Any:
        entry = look_up(args, kwargs)
        made = function.body(*args, **kwargs) if entry is None else player.play_async(entry)
        try:
            async for item in made:
                yield item
        finally:
            await made.aclose()

    return given


_PICK = {
    (False, False): _make_plain,
    (False, True): _make_awaited,
    (True, False): _make_stream,
    (True, True): _make_awaited_stream,
}
"""How a replacement is made, by whether the function gives streams, and whether it is awaited."""
