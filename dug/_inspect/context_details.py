"""Finds and words details of a context's nodes: `ContextGraph`, a `LazyGraph`; `ContextDetail`; `_ContextPair`, two contexts.

Here: which tweaks a node rests on, why it has no value, how much of a plan runs.  `node_states` finds the state of a node by
its memos; this file puts it into words.

`_name_views` names the contexts around, `_tell_change` says that a function was redefined, and where.  `find_reading`,
`find_reaching`, `find_resting`, `find_masked` and `tweaks_of` find; `tell_absence`, `tell_plan`, `say` and `name_place` word; a
detail has `reads`, `error_way`, `place`.  A pair of contexts tells `has_changed`, `find_apart`, `tell_difference`,
`tell_likeness`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from numbers import Real
from typing import Any

from .. import eq
from .._core.read import (
    BENEATH,
    BitSet,
    Function,
    Key,
    Memo,
    Node,
    Target,
    Tweak,
    View,
    entries_in_force,
    find_answer,
    is_as_before,
)
from .._text.differences import tell_difference
from .._text.values import describe_error, name_type, show_whole
from .context_graph import build_graph
from .explain import list_some
from .graph import Fact
from .lazy_graph import HERE, Detail, LazyGraph, Masked, Origins, Pair, Said
from .node_states import NodeStates, list_reads, passed_from, views_around
from .plan import UNKNOWN, Plan, make_plan
from .record import Record, seen_key
from .stream_nodes import StreamMemo, show_seen

_SHOWN = 12
"""How many of the nodes whose forgetting took a node's value are named."""
_ERROR = 400
"""How much of two errors is compared."""


class ContextDetail(Detail[Key, Node[Any], Record]):
    """The details of one node in a context."""

    __slots__ = ("_graph", "_reads", "key", "memo")

    def __init__(self, graph: "ContextGraph", key: Key) -> None:
        self.key = key
        self.memo: Memo | None = graph.states.see(key)
        """The memo that answers."""
        self._graph = graph
        self._reads: Sequence[Key] | None = None

    @property
    def node(self) -> Node[Any]:
        return Node._of(self.key)

    @property
    def known(self) -> Record | None:
        return None if self.memo is None else Record(self.node, self.memo, self._graph.view)

    @property
    def answers(self) -> bool:
        return self.memo is not None

    @property
    def state(self) -> str:
        return self._graph.states.find_state(self.key, self.memo)

    @property
    def function(self) -> str:
        function: Function = self.key[0]
        return function.name

    @property
    def is_source(self) -> bool:
        function: Function = self.key[0]
        return function.is_source

    @property
    def value(self) -> str:
        return "" if self.memo is None or self.memo.failure is not None else show_seen(self.memo)

    @property
    def number(self) -> float | None:
        return None if self.memo is None else read_number(self.memo.value)

    @property
    def error(self) -> str | None:
        return None if self.memo is None or self.memo.failure is None else describe_error(self.memo.failure.error)

    @property
    def reads(self) -> Sequence[Key]:
        if self._reads is None:
            memo = self.memo or self._graph.states.known(self.key)
            self._reads = () if memo is None else list_reads(memo)
        return self._reads

    @property
    def seconds(self) -> float:
        return 0.0 if self.memo is None else self.memo.seconds

    @property
    def own_seconds(self) -> float:
        return 0.0 if self.memo is None else max(0.0, self.memo.own_seconds)

    @property
    def tweak(self) -> Tweak | None:
        return self._graph.states.handle(self.key)

    @property
    def untweaked(self) -> str | None:
        view, key = self._graph.view, self.key
        handle = view.tweaks.content.get(key) or view.tweaks.content.get(key[0])
        if handle is not None:
            return self._graph.name_place(handle) if handle.spec.is_untweak else None
        return HERE if key in view.fixed or key[0] in view.fixed else None

    @property
    def provider(self) -> str:
        return HERE if self.memo is None else self._graph.names[self._graph.states.provider(self.memo)]

    @property
    def error_way(self) -> Sequence[Key]:
        assert self.memo is not None  # noqa: S101  callers ask of what failed
        keys = [seen_key(memo.home.key) for memo in Origins(passed_from).follow(self.memo)]
        return [self.key] if keys[-1] == self.key else list(dict.fromkeys(keys))

    @property
    def place(self) -> str | None:
        assert self.memo is not None  # noqa: S101  callers ask of what failed
        failure = Origins(passed_from).find(self.memo)[0].failure
        places = failure.summarize().stack if failure is not None else []
        return f"{places[-1].filename.rpartition('/')[2]}:{places[-1].lineno}" if places else None


class ContextGraph(LazyGraph[Key, Node[Any], Record]):
    """The details of one view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.states = NodeStates(view)
        self._details: dict[Key, ContextDetail] = {}
        self._said: dict[Tweak, Said] = {}

    @cached_property
    def names(self) -> dict[View, str]:
        """What to call the view and those around it."""
        return _name_views(self.view)

    def detail(self, node: Key) -> ContextDetail:
        found = self._details.get(node)
        if found is None:
            found = self._details[node] = ContextDetail(self, node)
        return found

    def failed(self) -> Iterator[tuple[int, Node[Any], Node[Any], Any]]:
        origins = Origins(passed_from)
        for memo in self._list_failed():
            origin, steps = origins.find(memo)
            yield steps, Node._of(memo.home.key), Node._of(seen_key(origin.home.key)), memo.failure

    def _list_failed(self) -> list[Memo]:
        found: dict[Key, Memo] = {}
        cache: Any = self.view.cache
        while cache is not None:
            for key, home in cache.list_homes():
                seen = seen_key(key)
                if home.has_failed and key[0] is not BENEATH and seen not in found:
                    memo = self.states.see(seen)
                    if memo is not None and memo.failure is not None:
                        found[seen] = memo
            cache = cache.beneath
        return list(found.values())

    def list_facts(self, nodes: Iterable[Key]) -> list[Fact[Node[Any]]]:
        keys = list(nodes)
        known = build_graph(self.view, keys)
        return [known.fact(Node._of(key)) for key in keys]

    # Tweaks

    def say(self, tweak: Tweak) -> Said:
        said = self._said.get(tweak)
        if said is None:  # many nodes may meet the tweak of their function
            spec, of_function = tweak.spec, isinstance(tweak.target, Function)
            said = Said(spec.describe(spec.text, of_function=of_function), spec.label(spec.text), self.name_place(tweak))
            self._said[tweak] = said
        return said

    def is_value(self, tweak: Tweak) -> bool:
        return tweak.spec.is_value

    def name_place(self, tweak: Tweak) -> str:
        """Returns the name of the context that states a tweak: the outermost one in which it is in force."""
        found = self.view
        for around in views_around(self.view):
            if tweak not in around.tweaks.handles:
                break
            found = around
        return self._name(found)

    def _name(self, view: View) -> str:
        return HERE if view is self.view else f"in {self.names[view]}"

    def tweaks_of(self, node: Key) -> Collection[Tweak]:
        memo = self.detail(node).memo
        return [] if memo is None else list(self.view.tweaks.find_read(memo.footprint))

    def find_resting(self, tweaks: Collection[Tweak]) -> Callable[[Key], bool]:
        return self.find_reading(Tweak.bits_of(tweaks))

    def find_reading(self, bits: BitSet) -> Callable[[Key], bool]:
        """Returns a test: whether the known memo of a node read one of the tweakable nodes with these bits."""

        def rests(node: Key) -> bool:
            memo = self.detail(node).memo or self.states.known(node)
            return memo is not None and bool(memo.footprint & bits)

        return rests

    def find_reaching(self, targets: Collection[Target]) -> Callable[[Key], bool]:
        """Returns a test: whether a node, or anything that it depends on, is one of these or a node of one of these functions."""

        def rests(node: Key) -> bool:
            seen, pending = {node}, [node]
            while pending:
                one = pending.pop()
                if one in targets or one[0] in targets:
                    return True
                new = [read for read in self.detail(one).reads if read not in seen]
                seen.update(new)
                pending += new
            return False

        return rests

    # Why there is none

    def find_masked(self, node: Key) -> Masked:
        key = node
        around = next((view for view in views_around(self.view) if find_answer(view, key) is not None), None)
        memo = self.states.masked(key)
        assert memo is not None  # noqa: S101  that is what the state says
        where = "untweaked" if around is None else self._name(around)
        seen: Collection[Tweak] = frozenset() if around is None else around.tweaks.handles
        differing = [handle for handle in self.view.tweaks.find_read(memo.footprint) if handle not in seen]
        return Masked(f"known {where}{_outcome(memo)}, which read something tweaked differently here", differing)

    def tell_absence(self, node: Key) -> Iterator[str]:
        key = node
        roots = list(islice(self.states.forgotten(key), _SHOWN))
        known = self.states.known(key)
        if not roots:
            yield "not run here, and not known around"
            if key[0] in self.view.group.redefined:  # nothing may be left of a node that was forgotten for that
                yield f"its memos were forgotten when {_tell_change(key[0])}"
        for root in dict.fromkeys(roots):
            verb = _tell_change(root[0]) if self.states.is_redefined(root) else "it was invalidated"
            who = "it ran once" if root == key else f"it rested on {self.detail(root)}"
            yield f"{who}, and then {verb}"
        if roots and known is not None and self.view.matches(known):
            yield f"it was{_outcome(known).removeprefix(' =')} before"

    def tell_plan(self, node: Key) -> Iterator[str]:
        yield f"asked now, {_count(make_plan(self.view, node))}"

    # Two contexts

    def beside(self, after: "ContextGraph") -> "_ContextPair":
        return _ContextPair(self, after)


class _ContextPair(Pair[Key]):
    """Two views; those that share no cache have no bits and no tweaks in common, and are compared by their texts."""

    def __init__(self, before: ContextGraph, after: ContextGraph) -> None:
        self._before, self._after = before, after
        self._is_shared = before.view.group is after.view.group

    def has_changed(self, node: Key) -> bool:
        before, after = self._before.detail(node).memo, self._after.detail(node).memo
        if before is None or after is None:
            return before is not after
        if before.failure is not None or after.failure is not None:
            return before.failure is None or after.failure is None or not _say_the_same(before.failure.error, after.failure.error)
        if isinstance(before, StreamMemo) and isinstance(after, StreamMemo):
            return bool(before.tell_difference(after))
        return before is not after and not is_as_before(node, before, after)

    def find_apart(self) -> Callable[[Key], bool]:
        if self._is_shared:
            bits = Tweak.bits_of(self._before.view.tweaks.handles ^ self._after.view.tweaks.handles)
            rests_before, rests_after = self._before.find_reading(bits), self._after.find_reading(bits)
        else:
            before, after = self._before.view.tweaks.content, self._after.view.tweaks.content
            apart = frozenset(one for one in {**before, **after} if not self._is_alike(before.get(one), after.get(one)))
            rests_before, rests_after = self._before.find_reaching(apart), self._after.find_reaching(apart)
        return lambda node: rests_after(node) if self._before.detail(node).memo is None else rests_before(node)

    def is_tweaked_alike(self, node: Key) -> bool:
        return self._is_alike(self._before.detail(node).tweak, self._after.detail(node).tweak)

    def _is_alike(self, old: Tweak | None, new: Tweak | None) -> bool:
        if old is None or new is None or self._is_shared:
            return old is new
        return old.spec.meaning == new.spec.meaning

    def tell_difference(self, node: Key) -> str:
        before, after = self._before.detail(node).memo, self._after.detail(node).memo
        if before is None or after is None or before.failure is not None or after.failure is not None:
            return ""
        if isinstance(before, StreamMemo) and isinstance(after, StreamMemo):
            return before.tell_difference(after)
        return "" if before.value is after.value else tell_difference(before.value, after.value, _has_same_content)

    def tell_likeness(self, node: Key) -> str:
        before, after = self._before.detail(node).memo, self._after.detail(node).memo
        if isinstance(before, StreamMemo) and isinstance(after, StreamMemo):
            return before.tell_difference(after)
        if before is not None and after is not None and before.value is after.value and before.value is not None:
            return "one object, which may have been changed in place"
        return "they differ where the text does not show it"


def read_number(value: Any) -> float | None:
    """Returns a plain number as a float; None for all else, and for one that is too large."""
    is_number = type(value) in {int, float} or (name_type(value).startswith("numpy:") and isinstance(value, Real))
    try:
        return float(value) if is_number else None
    except OverflowError:
        return None


def _has_same_content(old: object, new: object) -> bool:
    """True when two frames or arrays are the same in all that can be read."""
    return eq.array(old, new) or eq.frame(old, new)


def _say_the_same(one: BaseException, other: BaseException) -> bool:
    """True when two errors say the same."""
    return one is other or (type(one) is type(other) and show_whole(one, _ERROR) == show_whole(other, _ERROR))


def _outcome(memo: Memo) -> str:
    return f" = {show_seen(memo)}" if memo.failure is None else f" raised {describe_error(memo.failure.error)}"


def _tell_change(function: Function) -> str:
    """Says that a function was redefined, and which parts of it changed."""
    shown = [place.removeprefix("its code: ") for place in function.changed if place != "its code"]
    if len(shown) == len(function.changed) and shown:
        return f"{list_some(shown)} changed, which its function reaches"
    return f"the code of its function changed{f', and {list_some(shown)}' if shown else ''}"


def _count(plan: Plan) -> str:
    """Says how much of a plan runs."""
    certain = len(plan.certain)
    if not plan:
        return "nothing would run: its dependencies are the same again"
    if len(plan) == 1:
        return "it would run" + ("; its dependencies are not known" if plan[0].trace == UNKNOWN else "")
    possible = f", and maybe {len(plan) - certain:,} more" if len(plan) > certain else ""
    unknown = "; some of their dependencies are not known" if any(row.trace == UNKNOWN for row in plan) else ""
    return f"{certain:,} would run{possible}{unknown}"


def _name_views(view: View) -> dict[View, str]:
    """Returns what to call a view and those around it: by their names where they are open, else by how far out they are."""
    names = {view: HERE}
    around = list(views_around(view))
    opened: dict[View, Any] = {entry.view: entry.context for entry in entries_in_force()}
    for distance, outer in enumerate(around, 1):
        context = opened.get(outer)
        name = None if context is None else context.name
        place = "the context around" if distance == 1 else f"the context {distance} around"
        if distance == len(around) > 1:
            place = "the outermost context"
        names[outer] = place if name is None else f"the context {name!r}"
    return names
