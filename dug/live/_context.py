"""`LiveContext`, the context of a `Live`: pushes change it, in a tick, and nobody else does."""

from typing import Any, NoReturn

from .._contexts.context import Context
from .._text.values import show
from ..errors import ContextError


class LiveContext(Context):
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
