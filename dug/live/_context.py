"""The contexts of a `Live`: `LiveContext`, which pushes change in a tick, and nobody else; `FrozenContext`, that of one tick.

Both stand by themselves: nothing is in force around them but a replay in which the `Live` was made.  `Place` says where a tick
asks.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from attrs import frozen

from .._contexts.context import Context
from .._core.read import DEFAULT_FRAME, Cache, Frame, View
from .._text.values import show
from ..errors import ContextError


class FrozenContext(Context):
    """A context that stands by itself: the default context is not around it, and any other is refused."""

    @staticmethod
    def _find_outer() -> Frame | None:
        outer = Context._find_outer()
        return None if outer is DEFAULT_FRAME.entry else outer

    def _cache_inside(self, parent: View | None) -> Cache:
        try:
            return super()._cache_inside(parent)
        except ContextError as exc:
            raise ContextError(
                f"The context {show(self.name)} of a Live stands by itself, and cannot be entered in another one. Leave that, "
                "and ask what-ifs inside: with live.context, dug.Context({node: value}): ..."
            ) from exc


class LiveContext(FrozenContext):
    """A context that changes by ticks only: what is tweaked between two of them would be in no update."""

    def tweak(self, key: Any, /, *value: Any) -> NoReturn:
        """Refuses it.

        Raises:
            ContextError: always; the message says what to type.
        """
        said = f"{show(key)}, {show(value[0])}" if value else show(key)
        raise ContextError(f"{self._text} changes by pushes only. Write live.push({said}).")

    def untweak(self, *keys: Any) -> NoReturn:
        """Refuses it.

        Raises:
            ContextError: always; the message says what to type.
        """
        said = f"{show(keys[0])}, dug.UNTWEAKED" if len(keys) == 1 else "{node: dug.UNTWEAKED, ...}"
        raise ContextError(f"{self._text} changes by pushes only. Write live.push({said}).")

    @property
    def _text(self) -> str:
        return f"The context of a Live, {show(self.name)},"

    def take(self, change: Any) -> None:
        """Makes a change: that of a tick."""
        super().tweak(change)


@frozen(eq=False)
class Place:
    """A context in which an output is asked for: ``with outermost(place.outer), place.inner``."""

    context: Context
    around: Context | None
    """The replay, if one is in force."""

    @property
    def outer(self) -> Context:
        """The context that is entered as an outermost one."""
        return self.around or self.context

    @property
    def inner(self) -> AbstractContextManager[object]:
        """What is entered in that."""
        return nullcontext() if self.around is None else self.context
