"""A memo whose value its carrier still has: `StoredMemo`, a plain memo once its value is asked for; `Stored` reads the value.

The class has the layout of `Memo` and a property in the place of its slot, so that the first reader loads the value; then the
memo takes the class of a plain one, and costs the same.  The compiled call path reads the slot itself, and so it must
never see one: `begin.serve` asks for the value before it keeps a memo at hand, and `Memo.open_footprint` stays -1 until then.
"""

from typing import TYPE_CHECKING, Any
from weakref import ref

from attrs import frozen

from .._core.read import LIVE, Memo, Node
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
        stored = _slot.__get__(self)
        if type(stored) is not Stored:  # another thread was quicker
            return stored
        return _take(self, stored)

    @value.setter
    def value(self, value: Any) -> None:
        _slot.__set__(self, value)


def _take(memo: StoredMemo, stored: Stored) -> Any:
    """Reads a value and makes the memo a plain one; threads that read at the same time get the same object."""
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
    group = stored.group()
    memo.__class__ = Memo  # type: ignore[assignment]  # of the same layout
    if group is not None:
        with group.lock:  # a first tweak may be adding its bit just now
            if memo.status == LIVE and not memo.restriction and memo.call is None and memo.open_footprint == -1:
                memo.open_footprint = memo.footprint
    return value
