"""The errors of `dug.debug`: each names the node, the place and who may have done it.

`MutationError` is what the check raises.
"""

from typing import TYPE_CHECKING

from ..errors import DugError

if TYPE_CHECKING:
    from ._change import Change


class MutationError(DugError, RuntimeError):
    """Values were changed after their functions had returned them.

    ``changes`` says which and where, in the order in which the values were made.
    """

    def __init__(self, changes: "tuple[Change, ...]") -> None:
        self.changes = changes
        more = len(changes) - 1
        text = f"{changes[0]} Work on a copy, and return what is new."
        others = ", ".join(change.name for change in changes[1:6])
        rest = ", ..." if more > 5 else ""
        super().__init__(f"{text} {more} more changed: {others}{rest}." if more else text)

    def __reduce__(self) -> "tuple[type[MutationError], tuple[tuple[Change, ...]]]":
        return type(self), (self.changes,)
