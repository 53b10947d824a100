"""A memo whose value its carrier still has until it is asked for: `StoredMemo`; `Stored` reads the value.

The class has a property in the place of the slot, so that the first reader loads the value.  Compiled code reads the slot itself,
and so it must not find one whose value is not there: it calls `Memo.take_value`, `begin.serve` does so before it keeps a memo at
hand, and `Memo.open_footprint` stays -1 until then.

`_take` reads it once for all threads.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import ref

from attrs import frozen

from .._core.read import Memo, Node
from ..codec import decode
from ..errors import CodecError, SnapshotError
from .rows import Carrier, Content

if TYPE_CHECKING:
    from .._core.read import CacheGroup

_slot: Any = vars(Memo)["value"]  # the descriptor of the slot that the property hides


@frozen(eq=False)
class Stored:
    """The place of a value, and how it may be read."""

    carrier: Carrier
    content: Content
    trust: bool
    group: "ref[CacheGroup]"

    def read(self, what: str) -> Any:
        """Returns the value; `what` names it in an error.

        Raises:
            SnapshotError: the carrier is damaged or closed.
            CodecError: the value cannot be read here.
        """
        return decode(self.carrier.read(what, self.content), trust=self.trust)


class StoredMemo(Memo):  # the slot that the property hides is the point
    """A memo whose value is read from its carrier when it is first asked for."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        """The value, read now."""
        return self.take_value()

    @value.setter
    def value(self, value: Any) -> None:
        _slot.__set__(self, value)

    def take_value(self) -> Any:
        """Returns the value, read now."""
        return _take(self, _slot.__get__(self)) if self.is_stored else _slot.__get__(self)


def _take(memo: StoredMemo, stored: Any) -> Any:
    """Reads a value and leaves it in the memo; threads that read at the same time get the same object."""
    if type(stored) is not Stored:  # another thread was quicker
        return stored
    what = f"the value of {Node._of(memo.home.key)}"
    try:
        value = stored.read(what)
    except CodecError as exc:
        raise SnapshotError(
            f"{stored.carrier.shown}: {what} cannot be read: {exc} To compute it again, say ctx.invalidate(node)."
        ) from exc
    with stored.carrier.lock:
        present = _slot.__get__(memo)
        if type(present) is not Stored:
            return present
        _slot.__set__(memo, value)
        memo.is_stored = False
        with suppress(TypeError):  # a compiled class stays, and compiled code reads the slot
            memo.__class__ = Memo  # type: ignore[assignment]  # of the same layout
    group = stored.group()
    if group is not None:
        group.let_answer(memo)
    return value
