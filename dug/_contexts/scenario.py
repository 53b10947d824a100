"""What a user says is different: `bump`, `shift`, `scale`, `UNTWEAKED`, and `Scenario`, an immutable set of tweaks.

Everything a user says is checked here, before anything changes, and becomes layers of `Spec` for the engine.
"""

import inspect
import operator
from collections.abc import Callable, Mapping
from itertools import islice
from types import FunctionType, MappingProxyType
from typing import Any

from attrs import frozen

from .._core._finish import is_consumable
from .._core._node import Function, Node, node_of, show
from .._core._scenario import UNTWEAK, Layer, Spec, Target
from .._functions.sync_driver import BoundMemoized, function_of
from ..errors import TweakError
from .telling import say_bump, say_replacement, say_value, tell_anew


class _Untweaked:
    """The type of `UNTWEAKED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNTWEAKED"

    def __reduce__(self) -> str:
        return "UNTWEAKED"


UNTWEAKED = _Untweaked()
"""As a tweak: the node as if no enclosing context tweaked it; tweaks of what it reads still apply."""


@frozen
class Bump:
    """A tweak that changes what a node would be without it; made by `bump`, `shift` and `scale`."""

    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        known = {operator.add: "shift", operator.mul: "scale"}.get(self.fn) if len(self.args) == 1 else None
        shown = ", ".join(map(show, self.args))
        return f"{known}({shown})" if known else f"bump({', '.join(filter(None, (_name(self.fn), shown)))})"


def bump(fn: Callable[..., Any], *args: Any) -> Bump:
    """Returns a tweak that makes a node ``fn(value, *args)``, where value is what it is in the asking scenario without it.

    Bumps of an input and of a node derived from it compose, flat or nested, in any order.  Equal `fn` and `args` are the same
    tweak, unless something in them can be changed in place.

    Raises:
        TweakError: `fn` is not callable.
    """
    if not callable(fn):
        raise TweakError(f"bump() takes a function first, not {show(fn)}. To add a number, write shift({show(fn)}).")
    return Bump(fn, args)


def shift(amount: Any) -> Bump:
    """Returns a tweak that adds `amount` to a node: ``value + amount``."""
    return Bump(operator.add, (amount,))


def scale(factor: Any) -> Bump:
    """Returns a tweak that multiplies a node by `factor`: ``value * factor``.

    Raises:
        TweakError: `factor` is no number: a text or a list that is multiplied is repeated.
    """
    if factor is None or isinstance(factor, (str, bytes, tuple, list, set, dict)):
        raise TweakError(f"scale() takes a number, not {show(factor)}. Write scale(1.1), for example.")
    return Bump(operator.mul, (factor,))


Tweaks = Mapping[Any, Any]


@frozen(init=False, repr=False, eq=False)
class Scenario:
    """An immutable set of tweaks with a name: what `Context` accepts, and what can be kept, compared, combined and pickled.

    ``a | b`` is what entering b inside a would mean.  Values are held, not copied.  Each context that is made of a scenario tells
    anew what in it can be changed in place, such as a list or an array: it shares nothing computed from that with another one.
    Two scenarios are equal when they say equal things, or the same objects, by the same name.
    """

    name: str | None
    _layers: tuple[Mapping["Node[Any] | Function", Any], ...]
    specs: tuple[Layer, ...]
    """What the engine enters."""

    def __init__(self, tweaks: "Tweaks | Scenario | None" = None, name: str | None = None) -> None:
        if isinstance(tweaks, Scenario):
            self.__attrs_init__(name if name is not None else tweaks.name, tweaks._layers, tell_anew(tweaks.specs))
        else:
            layer, specs = _checked({} if tweaks is None else tweaks)
            self.__attrs_init__(name, (layer,), (specs,))

    @property
    def tweaks(self) -> Mapping[Any, Any]:
        """The tweaks by node or function; where several layers say something of one, the innermost."""
        return MappingProxyType({_shown_key(key): tweak for layer in self._layers for key, tweak in layer.items()})

    @property
    def layers(self) -> tuple[Mapping[Any, Any], ...]:
        """The tweaks as they are entered, the outermost first; more than one where ``|`` could not make them one."""
        return tuple(MappingProxyType({_shown_key(key): tweak for key, tweak in layer.items()}) for layer in self._layers)

    def __or__(self, other: "Scenario | Tweaks") -> "Scenario":
        if isinstance(other, Mapping):
            other = Scenario(other)
        if not isinstance(other, Scenario):
            return NotImplemented
        names = " | ".join(name for name in (self.name, other.name) if name)
        return _of_layers(_join(self._layers, other._layers), names or None)

    def __ror__(self, other: Tweaks) -> "Scenario":
        return Scenario(other) | self if isinstance(other, Mapping) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scenario):
            return NotImplemented
        return self.name == other.name and _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash((self.name, tuple(frozenset(layer) for layer in self._layers)))

    def __copy__(self) -> "Scenario":
        return self

    def __deepcopy__(self, memo: object) -> "Scenario":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_layers, (tuple(map(dict, self.layers)), self.name)

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        return f"Scenario({name}{describe_layers(self)})"


def retell(scenario: Scenario) -> Scenario:
    """Returns a scenario that tells the same another time: itself where nothing that it says can be changed in place."""
    specs = tell_anew(scenario.specs)
    return scenario if specs is scenario.specs else _made(scenario._layers, specs, scenario.name)


def describe_layers(scenario: Scenario) -> str:
    """Returns the tweaks of a scenario as text, bounded in length: layer by layer where it has several."""
    return " | ".join(map(describe, scenario.layers))


def describe(tweaks: Tweaks) -> str:
    """Returns tweaks as text, bounded in length."""
    return "{" + _list_tweaks(tweaks, ": ") + "}"


def title(scenario: Scenario) -> str:
    """Returns what a scenario is called: its name, else its tweaks as text, bounded in length; ``base`` when there are none."""
    return scenario.name or " | ".join(_list_tweaks(layer, " = ") for layer in scenario.layers if layer) or "base"


def show_key(key: Any) -> str:
    """Returns the key of a tweak as text: a node, or the name of a function."""
    return str(key) if isinstance(key, Node) else _name(key)


def _list_tweaks(tweaks: Tweaks, between: str) -> str:
    shown = [f"{show_key(key)}{between}{show(tweak)}" for key, tweak in islice(tweaks.items(), 4)]
    more = [f"... {len(tweaks) - 4} more"] if len(tweaks) > 4 else []
    return ", ".join(one[:120] for one in shown + more)


def _checked(tweaks: Tweaks) -> "tuple[Mapping[Node[Any] | Function, Any], Layer]":
    """Returns a copy of `tweaks` whose functions are what their names stand for at any time, and what the engine enters for it.

    Raises:
        TweakError: a key or a tweak is not possible; the message names it.
    """
    if not isinstance(tweaks, Mapping):
        raise TweakError(
            f"tweaks must be a mapping of nodes to values or a Scenario, not {show(tweaks)}. Write tweaks={{f.node(x): value}}."
        )
    kept, specs = {}, {}
    for key, tweak in tweaks.items():
        target = target_of(key)
        specs[target] = _spec_of(target, tweak)
        kept[target if isinstance(target, Function) else key] = tweak
    return kept, specs


def kept_key(key: Any) -> "Node[Any] | Function":
    """Returns the key of a tweak as it is kept: a decorated function may lose its name to a new definition."""
    if isinstance(key, Node):
        return key
    target = target_of(key)
    assert isinstance(target, Function)  # noqa: S101  only nodes have keys of the other kind
    return target


def _shown_key(key: "Node[Any] | Function") -> Any:
    return key.wrapper() if isinstance(key, Function) else key


def replace_top(scenario: Scenario, top: "Tweaks | Scenario", *, drop: tuple[Any, ...] = ()) -> Scenario:
    """Returns `scenario` with the tweaks of `top` over its own, and without those of `drop`.

    Raises:
        TweakError: a tweak of `top` is not possible.
    """
    added = top if isinstance(top, Scenario) else Scenario(top)
    gone = {*map(kept_key, drop), *(key for layer in added._layers for key in layer)}
    layers = [dict(layer) for layer in scenario._layers]
    specs = [dict(layer) for layer in scenario.specs]
    for key in gone:
        for number, layer in enumerate(layers):
            layer.pop(key, None)
            specs[number].pop(key._key if isinstance(key, Node) else target_of(key), None)
    layers[-1].update(added._layers[0])
    specs[-1].update(added.specs[0])
    return _made((*layers, *added._layers[1:]), (*specs, *added.specs[1:]), scenario.name)


def target_of(key: Any) -> Target:
    """Returns what the engine calls the key of a tweak: a node or a memoised function.

    Raises:
        TweakError: it is neither.

    Warns:
        RuntimeWarning: it is of a function whose name another definition has taken; who calls the new one does not call it.
    """
    if isinstance(key, Node):
        if not key.is_current():
            raise TweakError(f"{key!r} is of an older definition of its function, with other parameters. Make the node anew.")
        _warn_of_replaced(key._function, key)
        return key._key
    if isinstance(key, Function):
        return key
    function = function_of(key)
    if function is not None:
        _warn_of_replaced(function, key)
        return function
    if isinstance(key, BoundMemoized):
        raise TweakError(
            f"{key!r} is a method of one instance and cannot be tweaked as a whole. "
            "Tweak a node of it: .node(...), or the function on the class."
        )
    if function_of(getattr(key, "__self__", None)) is not None:
        raise TweakError(f"{show(key)} is not a node. Call it with the arguments of the call you mean: f.node(x).")
    if callable(key):
        raise TweakError(f"{show(key)} is not a memoised function. Decorate it with @dug.memoize to tweak it.")
    raise TweakError(f"{show(key)} cannot be tweaked: a key is a node, f.node(x), or a memoised function.")


def _warn_of_replaced(function: Function, key: Any) -> None:
    if function.is_replaced:
        from warnings import warn  # imported only when there is something to say

        text = f"{key!r} is of an older definition of {function}, which has its name no more; what calls the new one does not"
        warn(f"{text} ask for it. Import it again, or take it from its module.", RuntimeWarning, stacklevel=6)


def _spec_of(target: Target, tweak: Any) -> Spec:
    """Returns what the engine enters for one tweak.

    Raises:
        TweakError: the target cannot be tweaked like that.
    """
    if tweak is UNTWEAKED:
        return Spec(UNTWEAK, tweak)
    if isinstance(tweak, Bump):
        _check_awaited(target, tweak.fn)
        _check_takes_value(target, tweak)
        return say_bump(tweak)
    if not isinstance(target, Function):
        if is_consumable(tweak):
            raise TweakError(f"{show(tweak)} can be consumed once, so it is no value. Tweak the node to what it gives.")
        return say_value(tweak)
    if not callable(tweak):
        raise TweakError(
            f"{target} is a function, and {show(tweak)} cannot replace it: "
            "give a function with its parameters, a bump or UNTWEAKED. "
            f"Did you mean {target.name.rpartition(':')[2]}.node(...), a node of it?"
        )
    _check_awaited(target, tweak)
    _check_parameters(target, tweak)
    return say_replacement(tweak)


def _check_awaited(target: Target, fn: Callable[..., Any]) -> None:
    """Refuses a coroutine function where nothing awaits it."""
    function = target if isinstance(target, Function) else target[0]
    if not function.is_async and inspect.iscoroutinefunction(fn):
        raise TweakError(
            f"{_name(fn)} is a coroutine function, and {function} is called without await. Give a plain function, "
            f"or make {function} a coroutine function."
        )


def _check_takes_value(target: Target, bump: Bump) -> None:
    """Refuses a bump whose function cannot be called with a value and the bump's arguments."""
    if bump.fn in (operator.add, operator.mul) and len(bump.args) == 1:  # `shift` and `scale`; a signature takes long to make
        return
    if isinstance(bump.fn, FunctionType):
        code = bump.fn.__code__
        if code.co_argcount == 1 + len(bump.args) and not code.co_kwonlyargcount:
            return
    try:
        theirs = inspect.signature(bump.fn)
    except (TypeError, ValueError):  # some builtins do not tell
        return
    try:
        theirs.bind(None, *bump.args)
    except TypeError as exc:
        named = target if isinstance(target, Function) else node_of(target)
        raise TweakError(
            f"{bump} cannot change {named}: it calls {_name(bump.fn)}{theirs} with the value and {len(bump.args)} more: {exc}. "
            "Give bump() a function of the value, and what else it takes after that: bump(fn, *args)."
        ) from None


def _check_parameters(function: Function, replacement: Callable[..., Any]) -> None:
    """Refuses a replacement that cannot be called with the function's parameters."""
    try:
        theirs = inspect.signature(replacement)
    except (TypeError, ValueError):  # some builtins do not tell
        return
    args: list[None] = []
    kwargs: dict[str, None] = {}
    for parameter in function.binding.signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = None
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            args.append(None)
    try:
        theirs.bind(*args, **kwargs)
    except TypeError as exc:
        ours = function.binding.signature
        raise TweakError(
            f"{_name(replacement)}{theirs} cannot replace {function}{ours}: {exc}. Give it the same parameters."
        ) from None


def _join(first: tuple[Tweaks, ...], second: tuple[Tweaks, ...]) -> tuple[Tweaks, ...]:
    """Returns the layers of both, as one where that means the same."""
    if len(first) == len(second) == 1 and not any(_leans_on(key, tweak, first[0]) for key, tweak in second[0].items()):
        return ({**first[0], **second[0]},)
    return (*first, *second)


def _leans_on(key: "Node[Any] | Function", tweak: Any, beneath: Tweaks) -> bool:
    """True when a tweak means something else in one layer with `beneath` than over it."""
    if isinstance(key, Node):
        return isinstance(tweak, Bump) and (key in beneath or key._function in beneath)
    return any(other is key or (isinstance(other, Node) and other._function is key) for other in beneath)


def _of_layers(layers: tuple[Tweaks, ...], name: str | None) -> Scenario:
    pairs = tuple(map(_checked, layers))
    return _made(tuple(layer for layer, _ in pairs), tuple(specs for _, specs in pairs), name)


def _made(layers: tuple[Any, ...], specs: tuple[Layer, ...], name: str | None) -> Scenario:
    scenario: Scenario = Scenario.__new__(Scenario)
    scenario.__attrs_init__(name, layers, specs)
    return scenario


def _content(scenario: Scenario) -> Any:
    """What a scenario says, comparable: it says the same however often it was told."""
    return [{target: (spec.kind, spec.identity) for target, spec in layer.items()} for layer in scenario.specs]


def _name(value: Any) -> str:
    function = value if isinstance(value, Function) else function_of(value)
    return function.name if function is not None else getattr(value, "__qualname__", None) or show(value)
