"""Every exception that dug itself raises; imports nothing.

A user's own exception is never wrapped in one of these: it passes through as it was raised.
"""

__all__ = [
    "CodecError",
    "ContextError",
    "CycleError",
    "DepthError",
    "DugError",
    "NoContextError",
    "SnapshotError",
    "TweakError",
    "UnhashableArgumentError",
]


class DugError(Exception):
    """The parent of every error that dug raises on its own account."""


class NoContextError(DugError, RuntimeError):
    """A memoised function was called, or a context was asked for, where no context is in force."""


class ContextError(DugError, RuntimeError):
    """A context or cache was used where that is not possible: left out of order, changed from inside a node, bound twice."""


class CycleError(DugError, RecursionError):
    """A node was asked for while it was being computed in the same scenario.

    ``path`` is the tuple of nodes from the one that was asked for again back to itself.
    """

    def __init__(self, path: tuple[object, ...]) -> None:
        self.path = path
        chain = " -> ".join(str(node) for node in _shorten(path))
        super().__init__(f"{path[0]} depends on itself: {chain}. Break the circle, or tweak one of these nodes to a value.")

    def __reduce__(self) -> tuple[type["CycleError"], tuple[tuple[object, ...]]]:
        return type(self), (self.path,)


class DroppedError(DugError, LookupError):
    """An item of a stream was asked for that the stream does not keep any more.

    ``node`` is the stream's, ``position`` that of the item, ``base`` that of the first item that is kept.
    """

    def __init__(self, node: object, position: int, base: int, keep: int | None) -> None:
        self.node, self.position, self.base, self.keep = node, position, base, keep
        super().__init__(
            f"{node} does not keep item {position} any more; it keeps items from {base} on (keep={keep}). "
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
            f"{node} was started again and gave another item {position} than before, which a reader has read. "
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
        chain = " -> ".join(map(str, path))
        super().__init__(
            f"{path[-1]} is more than {limit:,} nodes deep: ... -> {chain}. "
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


def _shorten(path: tuple[object, ...]) -> tuple[object, ...]:
    """Returns the path with its middle left out when it is too long to read."""
    return path if len(path) <= 12 else (*path[:6], "...", *path[-5:])
