"""Every exception that dug itself raises; and how their messages name a node (`say_node`); imports nothing.

A user's own exception is never wrapped in one of these: it passes through as it was raised.

The parent is `DugError`.  Of calls: `NoContextError`, `ContextError`, `CycleError`, `DepthError`, `UnhashableArgumentError`,
`TweakError`; of streams: `DroppedError`, `StreamChangedError`; of files, stores and workers: `CodecError`, `SnapshotError`,
`StoreError`, `CodeDiffersError`, `WorkerLostError`.
"""

from collections.abc import Callable
from typing import Any

__all__ = [
    "CodeDiffersError",
    "CodecError",
    "ContextError",
    "CycleError",
    "DepthError",
    "DugError",
    "NoContextError",
    "SnapshotError",
    "StoreError",
    "TweakError",
    "UnhashableArgumentError",
    "WorkerLostError",
]


_SAID: dict[str, Callable[..., str]] = {}
"""By the name of a memoised function: how messages name its nodes."""


class DugError(Exception):
    """The parent of every error that dug raises on its own account."""


class NoContextError(DugError, RuntimeError):
    """A memoised function was called, or a context was asked for, where no context is in force."""


class ContextError(DugError, RuntimeError):
    """A context or cache was used where that is not possible: left out of order, changed from inside a node, bound twice."""


class CycleError(DugError, RecursionError):
    """A node was asked for while it was being computed in the same scenario.

    ``path`` is the tuple of nodes from the one that was asked for again back to itself; what runs for a stream is its node there.
    """

    def __init__(self, path: tuple[object, ...]) -> None:
        self.path = path = _name_streams(path)
        chain = " -> ".join(map(say_node, _shorten(path)))
        super().__init__(
            f"{say_node(path[0])} depends on itself: {chain}. Break the circle, or tweak one of these nodes to a value."
        )

    def __reduce__(self) -> tuple[type["CycleError"], tuple[tuple[object, ...]]]:
        return type(self), (self.path,)


class DroppedError(DugError, LookupError):
    """An item of a stream was asked for that the stream does not keep any more.

    ``node`` is the stream's, ``position`` that of the item, ``base`` that of the first item that is kept.
    """

    def __init__(self, node: object, position: int, base: int, keep: int | None) -> None:
        self.node, self.position, self.base, self.keep = node, position, base, keep
        super().__init__(
            f"{say_node(node)} does not keep item {position} any more; it keeps items from {base} on (keep={keep}). "
            "Open it with start=dug.streams.LATEST, read it from the beginning, or give it a larger keep=, or none."
        )

    def __reduce__(self) -> tuple[type["DroppedError"], tuple[object, int, int, int | None]]:
        return type(self), (self.node, self.position, self.base, self.keep)


class StreamChangedError(DugError, RuntimeError):
    """A source that was started again gave other items than before, to a reader that has read some of those.

    ``node`` is the stream's, ``position`` that of the first item that differs.
    """

    def __init__(self, node: object, position: int) -> None:
        self.node, self.position = node, position
        super().__init__(
            f"{say_node(node)} was started again and gave another item {position} than before, which a reader has read. "
            "Say ctx.invalidate(node) when the outside has changed, and read it from the beginning."
        )

    def __reduce__(self) -> tuple[type["StreamChangedError"], tuple[object, int]]:
        return type(self), (self.node, self.position)


class DepthError(DugError, RecursionError):
    """Nodes lead to nodes deeper than the context allows, usually because a recursion does not end.

    ``path`` is the tuple of the innermost nodes, the one that was asked for last.
    """

    def __init__(self, limit: int, path: tuple[object, ...]) -> None:
        self.limit, self.path = limit, path
        chain = " -> ".join(map(say_node, path))
        super().__init__(
            f"{say_node(path[-1])} is more than {limit:,} nodes deep: ... -> {chain}. "
            "Let the recursion end or, if it is meant to be so deep, enter dug.Context(max_depth=...)."
        )

    def __reduce__(self) -> tuple[type["DepthError"], tuple[int, tuple[object, ...]]]:
        return type(self), (self.limit, self.path)


class UnhashableArgumentError(DugError, TypeError):
    """An argument cannot be part of a node because it has no hash."""


class TweakError(DugError, ValueError):
    """A tweak names something that cannot be tweaked, or in a way that it cannot be tweaked."""


class CodecError(DugError, ValueError):
    """A codec cannot write a value, or cannot read one here."""


class SnapshotError(DugError, ValueError):
    """A snapshot cannot be written, or a file is not a snapshot that can be read here, or is damaged."""


class StoreError(DugError, OSError):
    """A store cannot be opened or reached, is of a newer dug, or cannot do what it was asked for.

    A program that computes with a store never gets one: there, a store that fails has nothing to give.
    """


class CodeDiffersError(DugError, RuntimeError):
    """A worker process has other code than the process that sent it a scenario, so that it answers nothing.

    ``functions`` has the names of the functions that differ, each with the places where, such as ``pricing.RATE``.
    """

    def __init__(self, functions: Any, worker: str, reason: str | None = None) -> None:
        self.functions, self.worker, self.reason = dict(functions), worker, reason
        shown = "; ".join(f"{name} ({', '.join(places)})" if places else name for name, places in self.functions.items())
        what = reason or f"differs from the code of the process that sweeps: {shown}"
        super().__init__(
            f"The code on worker {worker} {what}. Deploy the same version there, and start the workers again; data that a "
            "program changes while it runs must be a source or an argument."
        )

    def __reduce__(self) -> tuple[type["CodeDiffersError"], tuple[Any, str, str | None]]:
        return type(self), (self.functions, self.worker, self.reason)


class WorkerLostError(DugError, RuntimeError):
    """A worker process ended while it computed a scenario: it was killed, ran out of memory, or crashed.

    It is the error of the scenario that was being computed, after ``attempts`` attempts; the others were computed elsewhere.
    """

    def __init__(self, message: str, attempts: int = 1) -> None:
        self.attempts = attempts
        super().__init__(message)

    def __reduce__(self) -> tuple[type["WorkerLostError"], tuple[Any, int]]:
        return type(self), (self.args[0], self.attempts)


def say_node(node: Any) -> str:
    """Returns how a message names a node: by its call, or, if users know it by another name, by that."""
    function = getattr(node, "_function", None)
    said = None if function is None else _SAID.get(function.name)
    return str(node) if said is None else said(*node.args)


def say_nodes(function_name: str, say: Callable[..., str]) -> None:
    """Lets messages name the nodes of a function by what `say` makes of their arguments."""
    _SAID[function_name] = say


def _name_streams(path: tuple[object, ...]) -> tuple[object, ...]:
    """Returns a path with the node of a stream in the place of its inner nodes, each once in a row."""
    nodes: list[object] = []
    for node in path:
        function = getattr(node, "_function", None)
        seen = function.body.node if function is not None and function.kind == "inner" else node
        if not nodes or nodes[-1] != seen or (node is path[-1] and len(nodes) == 1):
            nodes.append(seen)
    return tuple(nodes)


def _shorten(path: tuple[object, ...]) -> tuple[object, ...]:
    """Returns the path with its middle left out when it is too long to read."""
    return path if len(path) <= 12 else (*path[:6], "...", *path[-5:])
