"""`Trials`: a node is tweaked from the page, in a context of its own beside the one that is shown, and what moved is told.

A `Trial` runs in a thread of its own, inside the scenario that the page had, and files what it computes in a cache of its own:
nothing of the base is changed.  A tweak is read as the command line reads it, so no text of a browser is evaluated.

`_ask` makes the form, `_find_targets` picks the nodes to ask for.  A trial has `start`, `enter`, `_run`, `tell`, `tell_plan`;
`begin`, `_make` and `_list` are of all.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

from .._contexts.context import Context
from .._contexts.literals import TWEAKS, read_tweak
from .._core.read import Cache, Node, View, current
from .._functions.async_driver import is_awaited
from .._functions.stream_driver import make_aside
from .._inspect.compare import compare
from .._inspect.context_details import ContextGraph
from .._inspect.explain import explain
from .._inspect.plan import make_plan
from .._text.values import drop_main
from ..errors import TweakError
from ._panel import Panel
from ._sheets import Part, tell_line, tell_sheet, tell_table
from ._taken import AskError, Taken
from ._texts import LONGEST_NAME, clean

LONGEST_TWEAK = 10_000
"""How long the text of a tweak may be."""
_KEPT = 20
"""How many trials are kept."""
_ASKED = 200
"""How many nodes that rest on the tweaked one are asked for."""
_EXPLAINED = 5
"""How many of them are explained."""
_CERTAIN = ("maybe", "yes")
_UNKNOWN = frozenset({"masked", "not-run", "code-changed"})


class Trial:
    """One tweak of a node, and what it changes."""

    def __init__(self, base: Context, node: Node[Any], text: str, targets: list[Node[Any]]) -> None:
        self._base = base
        self._view = base._here()
        self.node = node
        self.text = text
        self.targets = targets
        self.done = 0
        self.is_over = False
        self._context = Context({node: read_tweak(node, text)}, cache=Cache(), name="what if")
        self._is_entered = False

    def start(self) -> None:
        """Begins to compute, in a thread."""
        Thread(target=self._run, name="dug.web trial", daemon=True).start()

    def enter(self) -> View:
        """Enters its context once, so that it has a view, and returns that; runs nothing."""
        if not self._is_entered:
            token = current.set(make_aside(self._view, None, self._base))
            try:
                with self._context:
                    self._is_entered = True
            finally:
                current.reset(token)
        return self._context._here()

    def _run(self) -> None:
        current.set(make_aside(self._view, None, self._base))
        try:
            with self._context:
                self._is_entered = True
                for target in self.targets:
                    with suppress(Exception):  # it is told as the outcome of its node
                        value = target()
                        if is_awaited(value):
                            asyncio.run(_wait(value))
                    self.done += 1
        finally:
            self.is_over = True

    def tell(self, taken: Taken) -> list[Part]:
        """Returns what moved, and explains the first of it."""
        before, after = ContextGraph(self._view), ContextGraph(self._context._here())
        story = compare(before, after, [target._key for target in self.targets])
        moved = [node for node in story.nodes if node in set(self.targets)]
        parts = tell_sheet(story._sheet(), taken.find_name) if story else [tell_line("Nothing moved.")]
        for node in moved[:_EXPLAINED]:
            told = tell_sheet(explain(after, node._key)._sheet(), taken.find_name)
            parts.append({"kind": "folded", "title": f"Why: {told[0]['text']}", "parts": told[1:], "is_open": node is moved[0]})
        return parts

    def tell_plan(self, taken: Taken) -> list[Part]:
        """Returns what would run."""
        view = self.enter()
        plans = [make_plan(view, target._key) for target in self.targets[:_EXPLAINED]]
        planned = [one for plan in plans for one in plan]
        rows = list(dict.fromkeys([(drop_main(str(one.node)), _CERTAIN[one.is_certain], one.reason) for one in planned]))
        if not rows:
            return [tell_line("Nothing would run.")]
        more = "" if len(self.targets) <= _EXPLAINED else f"and what {len(self.targets) - _EXPLAINED:,} more nodes need"
        return [tell_table(["node", "runs", "because"], rows, taken.find_name, title="What would run", more=more)]


async def _wait(value: Any) -> Any:
    return await value


class Trials(Panel):
    """The trials of a page: ``trial`` lists them, ``trial?name=...&value=...`` shows one, or what it would run."""

    name, title = "trial", "What if"

    def __init__(self, base: Context) -> None:
        self._base = base
        self._known: dict[tuple[str, str], Trial] = {}

    def begin(self, taken: Taken, name: str, text: str) -> None:
        """Begins a trial; one that is known stays as it is.

        Raises:
            AskError: there is no such node, or the text is not a tweak of it.
        """
        if (name, text) in self._known:
            return
        trial = self._make(taken, name, text)
        while len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        self._known[name, text] = trial
        trial.start()

    def _make(self, taken: Taken, name: str, text: str) -> Trial:
        node = taken.find_node(name)
        if len(text) > LONGEST_TWEAK:
            raise AskError(400, f"a tweak has at most {LONGEST_TWEAK:,} characters. Tweak it in Python.")
        try:
            return Trial(self._base, node, text, _find_targets(taken, node))
        except (ValueError, TypeError, TweakError) as exc:
            raise AskError(400, clean(str(exc), LONGEST_NAME)) from exc

    def tell(self, taken: Taken, query: Mapping[str, str]) -> list[Part]:
        name, text = query.get("name", ""), query.get("value", "")
        if not name:
            return self._list()
        trial = self._known.get((name, text))
        parts = [_ask(taken, taken.find_node(name), text)]
        if trial is None:
            return [*parts, *(self._make(taken, name, text).tell_plan(taken) if text else ())]
        if not trial.is_over:
            return [*parts, {"kind": "meter", "label": "asked again", "done": trial.done, "total": len(trial.targets)}]
        return [*parts, *trial.tell(taken)]

    def _list(self) -> list[Part]:
        if not self._known:
            return [tell_line("Nothing was tried yet. Open a node, and say what it would be.")]
        links = [
            {"text": clean(f"{trial.node} = {text}", LONGEST_NAME), "view": "trial", "query": {"name": name, "value": text}}
            for (name, text), trial in self._known.items()
        ]
        return [{"kind": "links", "links": links}]

    def is_busy(self, query: Mapping[str, str]) -> bool:
        trial = self._known.get((query.get("name", ""), query.get("value", "")))
        return trial is not None and not trial.is_over

    def tell_node(self, taken: Taken, node: Any) -> list[Part]:
        return [_ask(taken, node, "")]


def _ask(taken: Taken, node: Node[Any], text: str) -> Part:
    """Returns the form that asks for another value of a node, with a text in it."""
    shown = taken.refer(node)
    return {"kind": "try", "name": shown["name"], "text": shown["text"], "value": text, "forms": TWEAKS}


def _find_targets(taken: Taken, node: Node[Any]) -> list[Node[Any]]:
    """Returns the nodes to ask for: those that rest on a node, and that nothing else read; it itself where nothing does."""
    graph = taken.graph
    found = [one for one in graph.descendants(node) if not graph.dependents(one) and graph.fact(one).state not in _UNKNOWN]
    places = {one: place for place, one in enumerate(graph.nodes)}
    return sorted(found, key=places.__getitem__)[:_ASKED] or [node]
