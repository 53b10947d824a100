"""What is shown of a context: `show_context`, its name, its tweaks, its nodes by state and its cache.

A look: nothing runs.  The nodes are counted by state as long as they are not too many to be asked at once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.read import Cache, View
from .._text.sheet import Line, Part, Rows, Sheet
from .._text.values import show_whole
from .context_graph import list_known
from .graph import STATES
from .node_states import NodeStates
from .record import tabulate_tweaks

_COUNTED = 100_000
"""How many memos there may be for their nodes to be counted by state."""


def show_context(kind: str, name: str | None, layers: Iterable[Mapping[Any, Any]], view: View) -> Sheet:
    """Returns what is shown of a context: its name, its tweaks, its nodes by state, its cache.

    Args:
        kind: what it is called, such as ``dug.Context``.
        name: its name, if it has one.
        layers: its own tweaks, the outermost layer first.
        view: the view that it has.

    Complexity: linear in the nodes that it knows, up to a bound.
    """
    title = f"{kind}{'' if name is None else f' {show_whole(name, 60)}'}"
    tweaks = [tweak for layer in layers for tweak in layer.items()]
    memos = sum(len(cache) for cache in list_caches(view))
    return Sheet(
        [
            Line(title, is_title=True),
            tabulate_tweaks(tweaks) if tweaks else Line("no tweaks of its own"),
            *(_count_states(view) if memos <= _COUNTED else [Line("too many nodes to count by state: ctx.states() lists them")]),
            Line(_say_cache(view)),
        ]
    )


def _count_states(view: View) -> list[Part]:
    states = NodeStates(view)
    counts = Counter([states.find_state(key, states.see(key)) for key in list_known(view)])
    if not counts:
        return [Line("no nodes are known")]
    return [Rows(["state", "nodes"], [[state, f"{counts[state]:,}"] for state in STATES if counts[state]])]


def list_caches(view: View) -> list[Cache]:
    """Returns the cache of a view and those beneath it."""
    caches: list[Cache] = []
    cache: Cache | None = view.cache
    while cache is not None:
        caches.append(cache)
        cache = cache.beneath
    return caches


def _say_cache(view: View) -> str:
    memos = len(view.cache)
    is_own = view.parent is None or view.parent.cache is not view.cache
    where = "a cache of its own" if is_own else "the cache of the context around"
    return f"results go to {where}: {memos:,} memo{'' if memos == 1 else 's'}"
