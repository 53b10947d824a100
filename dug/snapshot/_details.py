"""Answers `explain`, `compare`, `failures` for a file: `SavedGraph` (`find_passed`), `SavedDetail`; `_SavedPair`, two files.

A `LazyGraph` over rows, whose details are found when asked for: reads, tweaks, where an error began.  A file gives the same
texts as the context, except for facts that it cannot know:

* The contexts around.  A file is one context with all tweaks that were in force, so every tweak and every value is from ``here``,
  and no node is ``inherited``.
* Why a node has no value.  A node that was forgotten, or whose function was redefined (``code-changed``), is ``not-run``; and the
  file does not have the value that a ``masked`` node has elsewhere.
* What would run if a node were asked now: that takes the engine, and the code.
* Under which tweaks a body read.  A read that it made under a context of its own counts as one under the tweaks in force, so that
  the value seems to rest on those.
* Whether two values are one object.  Two values with digests have changed if the digests differ; without them, if their texts
  differ or one of their dependencies has changed.

And one thing only a file knows: the reason why a value is not in it.  `Known` is the file as this file asks it; `SavedFailure`
the failure of a node.  `_is_same` compares a node on two sides, `_tell_parts` names the parts of a function that changed.  A pair
tells `has_changed`, `find_apart`, `is_tweaked_alike`, `tell_doubt`.  `SavedGraph` has `detail`, `find_resting`, `find_met`,
`_masks`, `tweaks_of`, as `LazyGraph` says.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Protocol

from attrs import frozen

from .._contexts.forms import find_kind
from .._inspect.explain import list_some
from .._inspect.graph import Fact, Graph
from .._inspect.lazy_graph import HERE, Detail, LazyGraph, Masked, Origins, Pair, Said
from .._portable import rows
from .._portable.rows import ErrorRow, is_passed_on
from .._text.values import tell_error
from ._saved import SavedError, SavedFunction, SavedNode, SavedTweak

_ANSWERS = frozenset({rows.COMPUTED, rows.TWEAKED, rows.FAILED})
_NUMPY = re.compile(r"np\.\w+\((.*)\)")
"""A number of numpy's as it writes it."""
_ADDRESS = re.compile(r"\b0x[0-9a-f]+\b")


class Known(Protocol):
    """A file, as its details see it; `_look.Look` is one."""

    @property
    def functions(self) -> Sequence[SavedFunction]:
        """The functions."""

    @property
    def tweaks(self) -> Sequence[SavedTweak]:
        """The tweaks that were in force, the outermost context's first."""

    def known(self) -> Iterator[SavedNode]:
        """Yields all nodes, each after its dependencies."""

    def list_errors(self) -> dict[str, ErrorRow]:
        """Returns how each failed node failed, each after its dependencies."""

    def graph(self) -> Graph[str]:
        """Returns the graph of all nodes."""

    def __getitem__(self, node: object, /) -> SavedNode: ...

    def __contains__(self, node: object, /) -> bool: ...


class SavedDetail(Detail[str, str, SavedNode]):
    """The details of one node in a file."""

    def __init__(self, graph: "SavedGraph", node: str, known: SavedNode | None) -> None:
        self._node = node
        self._graph = graph
        self._known = known

    @property
    def node(self) -> str:
        return self._node

    @property
    def known(self) -> SavedNode | None:
        return self._known

    @property
    def answers(self) -> bool:
        return self._known is not None and self._known.state in _ANSWERS

    @property
    def state(self) -> str:
        return rows.NOT_RUN if self._known is None else self._known.state

    @property
    def function(self) -> str:
        return self.node.partition("(")[0] if self._known is None else self._known.function

    @property
    def is_source(self) -> bool:
        return self._known is not None and self._known.is_source

    @property
    def value(self) -> str:
        return "" if self._known is None else self._known.value

    @property
    def number(self) -> float | None:
        try:
            return float(_NUMPY.sub(r"\1", self.value))
        except ValueError:
            return None

    @property
    def error(self) -> str | None:
        error = None if self._known is None else self._known.error
        return None if error is None else tell_error(error.type, error.text)

    @property
    def reads(self) -> Sequence[str]:
        return () if self._known is None else self._known.dependencies

    @property
    def seconds(self) -> float:
        return 0.0 if self._known is None else self._known.seconds

    @property
    def own_seconds(self) -> float:
        return 0.0 if self._known is None else self._known.own_seconds

    @property
    def tweak(self) -> SavedTweak | None:
        met = self._graph.find_met(self.node, self.function)
        return None if met is None or find_kind(met.kind).is_untweak else met

    @property
    def untweaked(self) -> str | None:
        met = self._graph.find_met(self.node, self.function)
        return HERE if met is not None and find_kind(met.kind).is_untweak else None

    @property
    def provider(self) -> str:
        return HERE

    @property
    def error_way(self) -> Sequence[str]:
        return Origins(self._graph.find_passed).follow(self.node)

    @property
    def place(self) -> str | None:
        places = self._graph.errors[self.error_way[-1]].places
        return f"{places[-1][0].rpartition('/')[2]}:{places[-1][1]}" if places else None

    @property
    def absent(self) -> str | None:
        return None if self._known is None else self._known.absent


@frozen
class SavedFailure:
    """The failure of a node in the form that `Failed` needs."""

    error: SavedError

    @property
    def text(self) -> str:
        """The traceback."""
        return self.error.traceback


class SavedGraph(LazyGraph[str, str, SavedNode]):
    """The details of one file."""

    def __init__(self, look: Known) -> None:
        self.look = look
        self.tweaks = look.tweaks
        self.tweaks_on: dict[str, list[SavedTweak]] = {}
        """By target, the outermost first."""
        for tweak in self.tweaks:
            self.tweaks_on.setdefault(tweak.target, []).append(tweak)
        self._details: dict[str, SavedDetail] = {}

    def detail(self, node: str) -> SavedDetail:
        found = self._details.get(node)
        if found is None:
            known = self.look[node] if node in self.look else None  # noqa: SIM401  it has no get()
            found = self._details[node] = SavedDetail(self, node, known)
        return found

    @cached_property
    def all(self) -> list[SavedDetail]:
        """Every node of the file, each after its dependencies; from here on none is looked up by itself."""
        self._details = {known.node: SavedDetail(self, known.node, known) for known in self.look.known()}
        return list(self._details.values())

    def list_facts(self, nodes: Iterable[str]) -> list[Fact[str]]:
        graph = self.look.graph()
        return [graph.fact(node) if node in graph else self._make_fact(node) for node in nodes]

    def _make_fact(self, node: str) -> Fact[str]:
        function = self.detail(node).function
        return Fact(node, function, function.partition(":")[0], rows.NOT_RUN)

    # Failures

    @cached_property
    def errors(self) -> dict[str, ErrorRow]:
        """How each failed node failed, each after its dependencies."""
        return self.look.list_errors()

    def failed(self) -> Iterator[tuple[int, str, str, SavedFailure]]:
        origins = Origins(self.find_passed)
        for node, row in self.errors.items():
            origin, steps = origins.find(node)
            yield steps, node, origin, SavedFailure(SavedError(node, row.type, row.text, row.traceback))

    def find_passed(self, node: str) -> str | None:
        """Returns the dependency whose error a node passed on."""
        known = self.detail(node).known
        if known is not None and known.error_from is not None:
            return known.error_from if known.error_from in self.errors else None
        own = self.errors[node]
        reads = (read for read in self.detail(node).reads if read in self.errors and read != node)
        return next((read for read in reads if is_passed_on(self.errors[read], own)), None)

    # Tweaks

    def find_met(self, node: str, function: str) -> SavedTweak | None:
        """Returns the tweak that a node meets: the innermost, and its own before its function's."""
        own, of_function = self.tweaks_on.get(node, []), self.tweaks_on.get(function, [])
        return max(own[-1:] + of_function[-1:], key=lambda tweak: (tweak.layer, tweak.target == node), default=None)

    def say(self, tweak: SavedTweak) -> Said:
        kind = find_kind(tweak.kind)
        of_function = tweak.target in self._function_names
        return Said(kind.describe(tweak.text, of_function=of_function), kind.label(tweak.text), HERE)

    @cached_property
    def _function_names(self) -> frozenset[str]:
        return frozenset(function.name for function in self.look.functions)

    def is_value(self, tweak: SavedTweak) -> bool:
        return find_kind(tweak.kind).is_value

    def tweaks_of(self, node: str) -> Collection[SavedTweak]:
        mask = self._masks.get(node, 0)
        return [tweak for place, tweak in enumerate(self.tweaks) if mask >> place & 1]

    def find_resting(self, tweaks: Collection[SavedTweak]) -> Callable[[str], bool]:
        masks, bits = self._masks, sum(1 << place for place, tweak in enumerate(self.tweaks) if tweak in tweaks)
        return lambda node: bool(masks.get(node, 0) & bits)

    @cached_property
    def _masks(self) -> dict[str, int]:
        """By node: the tweaks in force that it depends on, a bit for each."""
        masks: dict[str, int] = {}
        bits = {tweak: 1 << place for place, tweak in enumerate(self.tweaks)}
        for one in self.all if bits else ():  # dependencies come before their readers
            met = one.tweak
            mask = 0 if met is None else bits[met]
            for read in one.reads:
                mask |= masks.get(read, 0)
            masks[one.node] = mask
        return masks

    # Of a node that does not answer

    def find_masked(self, node: str) -> Masked:
        return Masked("what is known of it read something tweaked differently here", self.tweaks_of(node))

    def tell_absence(self, node: str) -> Iterator[str]:  # noqa: ARG002  a file does not know
        yield "not run here"

    def tell_plan(self, node: str) -> Iterator[str]:  # noqa: ARG002  a file does not know
        yield from ()

    # Two files

    def beside(self, after: "SavedGraph") -> "_SavedPair":
        return _SavedPair(self, after)


class _SavedPair(Pair[str]):
    """Two files: common nodes are compared in the order of the later one, each after its dependencies."""

    def __init__(self, before: SavedGraph, after: SavedGraph) -> None:
        self._before, self._after = before, after

    def has_changed(self, node: str) -> bool:
        return node in self._changed

    @cached_property
    def _changed(self) -> set[str]:
        was = {one.node: one.known for one in self._before.all}
        changed: set[str] = set()
        for one in self._after.all:
            before, now = was.get(one.node), one.known
            if before is None or now is None or not _is_same(before, now, changed):
                changed.add(one.node)
        return changed

    def find_apart(self) -> Callable[[str], bool]:
        before, after = self._before.tweaks_on, self._after.tweaks_on
        apart = {target for target in {**before, **after} if _tell(before.get(target)) != _tell(after.get(target))}
        if not apart:
            return lambda _: False
        resting: set[str] = set()
        for one in chain(self._before.all, self._after.all):
            if one.node in apart or one.function in apart or any(read in resting for read in one.reads):
                resting.add(one.node)
        return resting.__contains__

    def is_tweaked_alike(self, node: str) -> bool:
        old, new = self._before.detail(node), self._after.detail(node)
        if old.tweak is None or new.tweak is None:
            return old.tweak is new.tweak
        said, says = (
            [_tell(graph.tweaks_on.get(target)) for target in (node, new.function)] for graph in (self._before, self._after)
        )
        return (
            said == says and not find_kind(new.tweak.kind).is_value
        )  # a value that changed is another, though it has the same text

    def tell_likeness(self, node: str) -> str:
        return self.tell_doubt(node) or "they differ where the text does not show it"

    def tell_doubt(self, node: str) -> str:
        was, now = self._before.detail(node).known, self._after.detail(node).known
        if was is None or now is None or was.error is not None or now.error is not None:
            return ""
        if was.digest is not None and now.digest is not None:
            return ""
        return "not kept, may be the same" if _without_addresses(was.value) == _without_addresses(now.value) else ""

    def tell_code(self, node: str) -> str | None:
        return self._recoded.get(self._after.detail(node).function)

    @cached_property
    def _recoded(self) -> dict[str, str]:
        """The functions that differ between the files, each with its changed parts."""
        was = {function.name: function for function in self._before.look.functions}
        pairs = [(was[now.name], now) for now in self._after.look.functions if now.name in was]
        return {now.name: f"its function{_tell_parts(old, now)}" for old, now in pairs if _is_another(old, now)}


def _is_same(was: SavedNode, now: SavedNode, changed: Collection[str]) -> bool:
    """True when a node is unchanged: by the digest of its value or, without one, by its text and its dependencies."""
    if was.state != now.state and "failed" in (was.state, now.state):
        return False
    if was.error is not None and now.error is not None:
        return str(was.error) == str(now.error)
    if was.digest is not None and now.digest is not None:
        return was.digest == now.digest
    if was.state != now.state or _without_addresses(was.value) != _without_addresses(now.value):
        return False
    return not any(read in changed for read in now.dependencies)


def _without_addresses(text: str) -> str:
    """Returns the text of a value without memory addresses, which differ in each process."""
    return _ADDRESS.sub("0x", text)


def _tell(tweaks: Iterable[SavedTweak] | None) -> list[tuple[str, str]]:
    return [(tweak.kind, tweak.text) for tweak in tweaks or ()]


def _is_another(before: SavedFunction, now: SavedFunction) -> bool:
    if before.fingerprint != now.fingerprint or not before.imported or not now.imported:
        return before.fingerprint != now.fingerprint
    from ..fingerprint import changed_imports  # a comparison of values alone starts sooner

    return bool(changed_imports(before.imported, now.imported))


def _tell_parts(before: SavedFunction, now: SavedFunction) -> str:
    if not before.parts or not now.parts:
        return ""
    from ..fingerprint import changed_imports, changed_parts  # also

    found = (*changed_parts(before.parts, now.parts), *changed_imports(before.imported, now.imported))
    places = [place for place in found if place != "its code"]
    return f" ({list_some(places)})" if places else ""
