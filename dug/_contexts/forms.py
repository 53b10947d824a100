"""How each kind of tweak is written and made again: `FORMS`, a `Form` by the name of the kind; `find_kind`."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from .._core.read import TweakSpec
from .._functions.stream import AnyStream
from .kinds import UNTWEAKED, Bump, Each, Replacement, Untweaked, Value


@frozen(eq=False)
class Form:
    """The written parts of a tweak besides its kind, and the function that makes it again from these."""

    kind: type[TweakSpec]
    """The class of the kind."""
    content: Callable[[TweakSpec], Any] | None
    """Returns the value that is written; None if there is none besides the kind."""
    make: Callable[[Any, Any], Any]
    """Takes the function, if one is named, and the value; returns the tweak as a user would state it."""
    function: Callable[[TweakSpec], Any] | None = None
    """Returns the function whose name is written, by which it is found again; None if none is."""


def _content_of(value: Any) -> Any:
    """Returns what is written of a value: of a stream that somebody gave as a whole, its items."""
    return list(value.items) if isinstance(value, AnyStream) and value.items is not None else value


FORMS = {
    "value": Form(Value, lambda spec: _content_of(spec.value), lambda _, value: value),
    "bump": Form(Bump, lambda spec: spec.args, lambda fn, args: Bump(fn=fn, args=tuple(args)), lambda spec: spec.fn),
    "each": Form(Each, lambda spec: spec.args[1:], lambda fn, args: Each.of(fn, tuple(args)), lambda spec: spec.args[0]),
    "replacement": Form(Replacement, lambda spec: spec.args, lambda fn, _: fn, lambda spec: spec.fn),
    "untweaked": Form(Untweaked, None, lambda *_: UNTWEAKED),
}


def find_kind(name: str) -> type[TweakSpec]:
    """Returns the class of the kind with this name in files; for an unknown name `TweakSpec`, with the texts of any tweak."""
    form = FORMS.get(name)
    return TweakSpec if form is None else form.kind
