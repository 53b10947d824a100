"""Why a node has the value that it has in a context, as text: `explain`.

The first line says what the node is worth here, the second where that comes from; what follows says from what, and through which
nodes the tweaks of this context and of those around reached it.  Nothing runs.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from .._core.drive import frame_here
from .._core.read import OUTSIDE, Function, Key, Memo, Node, Tweak, View, entries_around, plain_key
from .._text.values import describe_error, show
from .failures import find_origin
from .node_states import NodeStates, list_reads, views_around
from .plan import UNKNOWN, Plan, make_plan
from .record import look, matches

_MOST_PLACES = 5
_SHOWN = 12
"""How many reads, and how many tweaks, are listed."""


def explain(ctx: Any, node: Node[Any]) -> str:
    """Returns where the value of a node comes from in a context, or why there is none."""
    return "\n".join(_Explanation(ctx, node._key).lines())


class _Explanation:
    """One node in one context."""

    def __init__(self, ctx: Any, key: Key) -> None:
        self._view: View = ctx._here()
        self._names = _name_views(self._view)
        self._standing = NodeStates(self._view)
        self._key = key

    def lines(self) -> Iterator[str]:
        memo, key = self._standing.memo(self._key), self._key
        state = self._standing.find_state(key, memo)
        yield f"{Node._of(key)}{_outcome(memo, state)}"
        if memo is None:
            yield from self._absent(state)
            return
        yield from self._origin(memo, state)
        yield from self._reads(memo)
        yield from self._reasons(memo)

    # Where it comes from

    def _origin(self, memo: Memo, state: str) -> Iterator[str]:
        handle = self._standing.handle(self._key)
        if handle is not None:
            yield f"  {self._describe(handle)}"
            if handle.spec.is_value:
                yield "  its body does not run"
                return
        elif self._key in self._view.fixed or self._key[0] in self._view.fixed:
            yield "  untweaked here: as if no context around tweaked it"
        if state == "failed":
            yield from self._failure(memo)
            return
        verb = "read from outside, as a source," if self._key[0].kind == "source" else "computed"
        provider = self._standing.provider(memo)
        if provider is self._view:
            yield f"  {verb} here{_time(memo)}"
        else:
            name = self._names[provider]
            yield f"  inherited from {name}, {verb}{_time(memo)}: nothing that it read is tweaked within that"

    def _failure(self, memo: Memo) -> Iterator[str]:
        origin = find_origin(memo)
        if plain_key(origin.state.key) == self._key:
            yield f"  its own run raised that{_place(memo)}; asked again, it is tried again"
            return
        yield f"  passed on: the error began in {Node._of(origin.state.key)}{_place(memo)}"
        yield f"  by way of {_join(list(_chain(memo, origin)))}"

    def _reads(self, memo: Memo) -> Iterator[str]:
        read = list_reads(memo)
        if read:
            yield "  from"
        for key in islice(read, _SHOWN):
            found = self._standing.memo(key)
            state = self._standing.find_state(key, found)
            yield f"    {Node._of(key)}{_outcome(found, state)}  ({state})"
        if len(read) > _SHOWN:
            yield f"    ... {len(read) - _SHOWN:,} more"

    # Why

    def _reasons(self, memo: Memo) -> Iterator[str]:
        """The tweaks that the value rests on, and the way of each to the node."""
        handles = [handle for handle in self._view.in_force.handles if handle.bit & memo.footprint]
        yield from self._ways([handle for handle in handles if handle is not self._standing.handle(self._key)], "rests on")

    def _ways(self, handles: list[Tweak], verb: str) -> Iterator[str]:
        if not handles:
            return
        came = self._follow(handles)
        tweaked = [key for key in came if key != self._key and self._standing.handle(key) in handles]
        for key in tweaked[:_SHOWN]:
            handle = self._standing.handle(key)
            assert handle is not None  # noqa: S101  it is among those
            yield f"  {verb} {Node._of(key)}, {self._describe(handle)}"
            way = []
            while came[key] != self._key:
                key = came[key]  # noqa: PLW2901  from the tweak to the node
                way.append(str(Node._of(key)))
            if way:
                yield f"    by way of {_join(way)}"
        if len(tweaked) > _SHOWN:
            yield f"  ... and {len(tweaked) - _SHOWN:,} more tweaked nodes"

    def _follow(self, handles: list[Tweak]) -> dict[Key, Key]:
        """Returns, for each node on a way from one of these tweaks, which one read it on the shortest."""
        bits = Tweak.bits_of(handles)
        came = {self._key: self._key}
        pending = deque([self._key])
        while pending:
            key = pending.popleft()
            memo = self._standing.memo(key) or self._standing.known(key)
            for read in () if memo is None else list_reads(memo):
                found = self._standing.memo(read) or self._standing.known(read)
                if read not in came and (self._standing.handle(read) in handles or (found and found.footprint & bits)):
                    came[read] = key
                    pending.append(read)
        return came

    # Why there is none

    def _absent(self, state: str) -> Iterator[str]:
        handle = self._standing.handle(self._key)
        if handle is not None:
            yield f"  {self._describe(handle)}"
        if state == "masked":
            yield from self._masked()
        else:
            yield from self._forgotten()
        yield f"  asked now, {_count(make_plan(self._view, self._key))}"

    def _masked(self) -> Iterator[str]:
        around = next((view for view in views_around(self._view) if look(view, self._key) is not None), None)
        memo = self._standing.masked(self._key)
        assert memo is not None  # noqa: S101  that is what the state says
        where = "untweaked" if around is None else self._where(around)
        yield f"  masked here: known {where}{_outcome(memo, '')}, which read what is tweaked otherwise here"
        seen = frozenset() if around is None else around.in_force.handles
        differing = [handle for handle in self._view.in_force.handles - seen if handle.bit & memo.footprint]
        yield from self._ways(differing, "masked by")

    def _forgotten(self) -> Iterator[str]:
        roots = list(islice(self._standing.forgotten(self._key), _SHOWN))
        known = self._standing.known(self._key)
        if not roots:
            yield "  not run here, and not known around"
            if self._key[0] in self._view.registry.redefined:  # nothing may be left of a node that was forgotten for that
                yield f"  what was known of its function was forgotten when {_tell_change(self._key[0])}"
        for root in dict.fromkeys(roots):
            verb = _tell_change(root[0]) if self._standing.is_redefined(root) else "it was invalidated"
            who = "it ran once" if root == self._key else f"it rested on {Node._of(root)}"
            yield f"  {who}, and then {verb}"
        if roots and known is not None and matches(self._view, known):
            yield f"  it was{_outcome(known, '').removeprefix(' =')} before"

    # In words

    def _describe(self, handle: Tweak) -> str:
        return f"{handle.spec.describe(handle.target)} {self._where(_introducer(self._view, handle))}"

    def _where(self, view: View) -> str:
        return "here" if view is self._view else f"in {self._names[view]}"


def _tell_change(function: Function) -> str:
    """Says that a function was defined anew, and what of it is another."""
    shown = [place.removeprefix("its code: ") for place in function.changed if place != "its code"]
    if len(shown) == len(function.changed) and shown:
        return f"{list_some(shown)} changed, which its function reaches"
    return f"the code of its function changed{f', and {list_some(shown)}' if shown else ''}"


def list_some(places: Sequence[str]) -> str:
    """Returns the first few of what has changed, and how many more there are."""
    more = f" and {len(places) - _MOST_PLACES:,} more" if len(places) > _MOST_PLACES else ""
    return f"{', '.join(places[:_MOST_PLACES])}{more}"


def _count(plan: Plan) -> str:
    """Says how much of a plan runs."""
    certain = len(plan.certain)
    if not plan:
        return "nothing would run: what it read is the same again"
    if len(plan) == 1:
        return "it would run" + ("; what it reads is not known" if plan[0].trace == UNKNOWN else "")
    possible = f", and maybe {len(plan) - certain:,} more" if len(plan) > certain else ""
    unknown = "; what some of these read is not known" if any(row.trace == UNKNOWN for row in plan) else ""
    return f"{certain:,} would run{possible}{unknown}"


def _introducer(view: View, handle: Tweak) -> View:
    """Returns the outermost view in which a tweak is in force: that of the context which says it."""
    found = view
    for around in views_around(view):
        if handle not in around.in_force.handles:
            break
        found = around
    return found


def _name_views(view: View) -> dict[View, str]:
    """Returns what to call a view and those around it: by their names where they are open, else by how far out they are."""
    names = {view: "here"}
    around = list(views_around(view))
    opened = {entry.view: entry.context for entry in (*entries_around(frame_here()), *filter(None, [OUTSIDE.entry]))}
    for distance, outer in enumerate(around, 1):
        context = opened.get(outer)
        name = None if context is None else context.name
        place = "the context around" if distance == 1 else f"the context {distance} around"
        if distance == len(around) > 1:
            place = "the outermost context"
        names[outer] = place if name is None else f"the context {name!r}"
    return names


def _outcome(memo: Memo | None, state: str) -> str:
    if memo is None:
        return f": {state}" if state else ""
    if memo.failure is not None:
        return f" raised {describe_error(memo.failure.error)}"
    return f" = {show(memo.value)}"


def _join(way: list[str]) -> str:
    """Returns the nodes on a way as one line, those in the middle left out where there are many."""
    shown = way if len(way) <= _SHOWN else [*way[: _SHOWN // 2], f"... {len(way) - _SHOWN:,} more ...", *way[-_SHOWN // 2 :]]
    return " > ".join(shown)


def _time(memo: Memo) -> str:
    return f" in {memo.seconds:.3g} s" if memo.seconds else ""


def _place(memo: Memo) -> str:
    """Where the traceback of a failure ends: its file by its last name, and the line."""
    failure = memo.failure
    assert failure is not None  # noqa: S101  callers have one
    places = failure.summarize().stack
    if not places:
        return ""
    last = places[-1]
    return f" at {last.filename.rpartition('/')[2]}:{last.lineno}"


def _chain(memo: Memo, origin: Memo) -> Iterator[str]:
    """The nodes that passed an error on, from the one in which it began."""
    way = [memo]
    while way[-1] is not origin:
        failure = way[-1].failure
        assert failure is not None  # noqa: S101  all of them failed
        way.append(next(read for read in way[-1].dependencies if read.failure is not None and read.failure.mark is failure.mark))
    nodes = dict.fromkeys(Node._of(one.state.key) for one in reversed(way))
    return map(str, nodes)
