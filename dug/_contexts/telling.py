"""When two tweaks are the same one: their identity, which equal ones share, and the telling of what can be changed in place.

A list, an array or a callable with a state may hold something else each time that it is told, and nobody can see that in the
object.  So a tweak with something mutable in it is the same only while it is not told again.
"""

from collections.abc import Callable
from types import MethodType
from typing import Any

from attrs import evolve, frozen

from .._core.read import BUMP, REPLACEMENT, VALUE, Layer, TweakSpec, is_immutable, substitution_key


def say_value(value: Any) -> TweakSpec:
    """Returns what the engine enters for a value."""
    key = substitution_key(value)
    if key is not None:  # then nothing in it can be changed, which is quicker to see like this
        return TweakSpec(VALUE, value, identity=key)
    return TweakSpec(VALUE, value, identity=_ById(value), telling=_find_telling(value))


def say_replacement(fn: Callable[..., Any]) -> TweakSpec:
    """Returns what the engine enters for a replacement."""
    return TweakSpec(REPLACEMENT, fn, fn, identity=_identify_callable(fn), telling=_find_telling(fn))


def say_bump(bump: Any) -> TweakSpec:
    """Returns what the engine enters for a bump."""
    identity = _identify_callable(bump.fn), tuple(map(_identify, bump.args))
    return TweakSpec(BUMP, bump, bump.fn, bump.args, identity, _find_telling((bump.fn, *bump.args)))


def tell_anew(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Returns what says the same another time; the same object where nothing that is said can be changed in place."""
    for layer in layers:
        for spec in layer.values():
            if spec.telling is not None:
                return tuple([{target: _tell_spec_anew(spec) for target, spec in layer.items()} for layer in layers])
    return layers


def _tell_spec_anew(spec: TweakSpec) -> TweakSpec:
    return spec if spec.telling is None else evolve(spec, telling=object())


def _find_telling(said: Any) -> object:
    """Returns a new object for what can be changed in place, so that each telling of it is a tweak of its own; else None."""
    return None if is_immutable(said) else object()


def _identify_callable(fn: Callable[..., Any]) -> Any:
    """What equal functions share: a bound method is made anew each time it is asked for."""
    return (id(fn.__self__), id(fn.__func__)) if type(fn) is MethodType else id(fn)


def _identify(value: Any) -> Any:
    return substitution_key(value) or _ById(value)


@frozen(eq=False)
class _ById:
    """A value that equals only itself; holds it, so that its identity is not given to another one."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
