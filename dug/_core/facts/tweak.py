"""What a user tweaks, and how: `TweakSpec`, a tweak of a `Target`; a `Layer` of them.

Each kind of tweak is a class of its own (`_contexts/kinds`); the engine asks for its properties only.  By these there are four: a
*value* of a node (`is_value`); a *replacement*, whose function runs instead (`replaces`: it may call the node itself); a *bump*,
whose function gets the value of the node without it (`reads_beneath`); and an *untweaked* node (`is_untweak`).
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from attrs import define, field

from .binding import Key
from .function import Function

VALUE, UNTWEAK = "value", "untweaked"
"""The names of two kinds; the engine finds the handle of an untweaked node by the second."""
Target = Key | Function
"""The target of a tweak: a node (its key) or a function."""


@define(eq=False, repr=False, kw_only=True, weakref_slot=False)
class TweakSpec:
    """A user's tweak of a target.  Each kind is a class of its own (`_contexts/kinds`); the engine asks for its properties.

    Nobody changes one; those that users hold are frozen.
    """

    is_value: ClassVar[bool] = False
    """The node has `value`, and nothing runs.  Never a tweak of a function."""
    is_untweak: ClassVar[bool] = False
    """The node meets no tweak."""
    is_final: ClassVar[bool] = False
    """The tweaks beneath have no effect."""
    reads_beneath: ClassVar[bool] = False
    """`fn` gets the value of the node beneath this tweak, and `args`; else it gets the node's own arguments."""
    replaces: ClassVar[bool] = False
    """`fn` may call the node itself, and gets its value beneath this tweak."""

    sentence: ClassVar[str] = "tweaked by {}"
    """The end of a sentence about a node, around `text`."""
    function_sentence: ClassVar[str] = "its function is tweaked by {}"
    """The same when the tweak is one of the node's function."""
    short: ClassVar[str] = "{}"
    """The effect in a word or two, around `text`."""

    kind: str = field(default="", init=False)
    """The name of the kind in files."""
    value: Any = None
    fn: Callable[..., Any] | None = None
    """The function that runs, if one does."""
    args: tuple[Any, ...] = ()
    identity: Any = None
    """A key that equal tweaks share; see `_contexts/kinds`."""
    telling: object = None
    """A new object each time that a tweak with something mutable in it is stated; None for any other tweak."""

    @property
    def meaning(self) -> tuple[str, Any, object]:
        """A key that tweaks share if they are the same: equal ones, of one telling if something in them may be changed."""
        return self.kind, self.identity, self.telling

    @property
    def said(self) -> Any:
        """The tweak as the user gave it."""
        raise NotImplementedError

    def check(self, target: Target) -> None:
        """Refuses a target that cannot be tweaked by this object of a user's; here none.

        Raises:
            TweakError: it cannot.
        """

    def tell(self) -> "TweakSpec":
        """Returns the spec to enter when this is stated now: with its identity and, if it is mutable, a telling."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """What the tweak is, as short text."""
        raise NotImplementedError

    @classmethod
    def describe(cls, text: str, *, of_function: bool) -> str:
        """Describes the effect of a tweak with this `text`, as the end of a sentence about a node that meets it.

        A method of the class, because a file has the text of a tweak and the name of its kind, and no tweak.
        """
        return (cls.function_sentence if of_function else cls.sentence).format(text)

    @classmethod
    def label(cls, text: str) -> str:
        """Describes the effect of a tweak with this `text` in a word or two."""
        return cls.short.format(text)

Layer = Mapping[Target, TweakSpec]
