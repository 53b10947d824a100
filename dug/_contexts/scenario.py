"""`Scenario`, a user's set of tweaks in layers, joined by ``|``; and the texts of tweaks: `describe`, `title`, `label_of`.

An immutable set: joining two gives a third.  One tweak is read in `tweaks`; what it does is in `kinds`.

Layers: `replace_top`, `put_over`, `retell`, `describe_layers`, and `_checked`, which refuses a set that is not one of tweaks.
`kept_key` and `_shown_key` are the key of a tweak, as kept and as shown.  `to_json` and `from_json` are in `scenario_json`.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from attrs import frozen

from .._core.read import Function, Layer, Node, TweakSpec
from .._functions.proxy import show_key
from .._inspect.record import tabulate_tweaks
from .._text.shown import Shown
from .._text.values import drop_main, show, show_whole
from ..errors import TweakError
from .kinds import tell_anew
from .tweaks import Tweaks, spec_of, target_of

if TYPE_CHECKING:
    from .typed_tweaks import Bumps, D, K, Others, V, Values


@frozen(init=False, repr=False, eq=False)
class Scenario(Shown):
    """An immutable set of tweaks with a name, which `Context` accepts; it can be kept, compared, combined and pickled.

    ``a | b`` means entering b inside a.  Values are held, not copied.  Each context that is made of a scenario states its mutable
    tweaks again, such as a list or an array: two such contexts share nothing computed from these.
    Two scenarios are equal when they say equal things, or the same objects, by the same name.
    """

    name: str | None
    _layers: tuple[Mapping["Node[Any] | Function", Any], ...]
    specs: tuple[Layer, ...]
    """The specs of the tweaks, for the engine."""

    @overload
    def __init__(self, tweaks: "Bumps | Scenario | None" = None, name: str | None = None) -> None: ...
    @overload
    def __init__(self, tweaks: "Others[D, V, K]", name: str | None = None) -> None: ...
    @overload
    def __init__(self, tweaks: "Values[V]", name: str | None = None) -> None: ...
    def __init__(self, tweaks: Any = None, name: str | None = None) -> None:
        if isinstance(tweaks, Scenario):
            self.__attrs_init__(name if name is not None else tweaks.name, tweaks._layers, tell_anew(tweaks.specs))
        else:
            layer, specs = _checked({} if tweaks is None else tweaks)
            _set_name(self, name)  # what `__attrs_init__` does, which takes twice as long
            _set_layers(self, (layer,))
            _set_specs(self, (specs,))

    @property
    def tweaks(self) -> Mapping[Any, Any]:
        """The tweaks by node or function; where several layers say something of one, the innermost."""
        return MappingProxyType({_shown_key(key): tweak for layer in self._layers for key, tweak in layer.items()})

    @property
    def layers(self) -> tuple[Mapping[Any, Any], ...]:
        """The tweaks as they are entered, the outermost first; more than one where ``|`` could not make them one."""
        return tuple(MappingProxyType({_shown_key(key): tweak for key, tweak in layer.items()}) for layer in self._layers)

    def to_json(self) -> str:
        """Returns the scenario as JSON text, from which `from_json` makes an equal one, in any process with the same functions.

        Values, arguments of nodes and arguments of bumps are written by the codecs (`dug.codec`), types included.  A bump or a
        replacement is written by the name of its function, which must be at the top of a module.

        Raises:
            CodecError: a tweak cannot be written; the message names it and says what to do.

        .. versionadded:: 0.1.0
        """
        from .scenario_json import write_scenario  # loaded when a scenario leaves the process

        return write_scenario(self.specs, self.name)

    @staticmethod
    def from_json(text: str, *, functions: Iterable[Callable[..., Any]] = (), trust: bool = False) -> "Scenario":
        """Returns the scenario that `to_json` wrote.

        The nodes are those of functions that were decorated in this process; nothing is imported because the text names it.

        Args:
            text: the text.
            functions: the plain functions that bumps and replacements may name, besides arithmetic and memoised functions.
            trust: imports the modules that the text names, and lets it name any function, which can run any code.

        Raises:
            CodecError: it is not such a text, or names something that is not here.
            TweakError: a tweak is not possible here.

        .. versionadded:: 0.1.0
        """
        from .scenario_json import read_scenario  # loaded when a scenario comes from elsewhere

        layers, name = read_scenario(text, functions, trust=trust)
        return _of_layers(layers, name)

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

    def _sheet(self) -> Any:
        from .._text.sheet import Line, Sheet  # loaded when somebody looks

        name = "" if self.name is None else f" {show_whole(self.name, 60)}"
        layers = [tabulate_tweaks(list(layer.items())) for layer in self.layers if layer]
        within = [Line("over these:")] if len(layers) > 1 else []
        parts = [part for place, layer in enumerate(layers) for part in (*(within if place else []), layer)]
        return Sheet([Line(f"dug.Scenario{name}", is_title=True), *(parts or [Line("no tweaks")])])

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        return f"Scenario({name}{describe_layers(self)})"


_slots: Any = vars(Scenario)
_set_name, _set_layers, _set_specs = _slots["name"].__set__, _slots["_layers"].__set__, _slots["specs"].__set__


def retell(scenario: Scenario) -> Scenario:
    """Returns a scenario that states the same tweaks again: itself if nothing in them can be changed in place."""
    specs = tell_anew(scenario.specs)
    return scenario if specs is scenario.specs else _made(scenario._layers, specs, scenario.name)


def describe_layers(scenario: Scenario) -> str:
    """Returns the tweaks of a scenario as text, bounded in length: layer by layer where it has several."""
    return " | ".join(map(describe, scenario.layers))


def describe(tweaks: Tweaks) -> str:
    """Returns tweaks as text, bounded in length."""
    return "{" + _list_tweaks(tweaks, ": ", show_key) + "}"


def title(scenario: Scenario) -> str:
    """Returns the name of a scenario, else its tweaks as text, bounded in length; ``base`` when there are none."""
    return scenario.name or " | ".join(_list_tweaks(layer, " = ", label_of) for layer in scenario.layers if layer) or "base"


def label_of(key: Any) -> str:
    """Returns the text of a node or function as people read it: without the module if that is the script or notebook itself."""
    return drop_main(show_key(key))


def _list_tweaks(tweaks: Tweaks, between: str, text_of: Callable[[Any], str]) -> str:
    shown = [f"{text_of(key)}{between}{show(tweak)}" for key, tweak in islice(tweaks.items(), 4)]
    more = [f"... {len(tweaks) - 4} more"] if len(tweaks) > 4 else []
    return ", ".join(one[:120] for one in shown + more)


def _checked(tweaks: Tweaks) -> "tuple[Mapping[Node[Any] | Function, Any], Layer]":
    """Returns a copy of `tweaks`, with functions by their current names, and the specs for the engine.

    Raises:
        TweakError: a key or a tweak is not possible; the message names it.
    """
    if type(tweaks) is not dict and not isinstance(tweaks, Mapping):
        raise TweakError(
            f"tweaks must be a mapping of nodes to values or a Scenario, not {show(tweaks)}. Write tweaks={{f.node(x): value}}."
        )
    kept, specs, functions = dict(tweaks), {}, {}  # a copy of a dict hashes no key again
    for key, tweak in kept.items():
        target = target_of(key)
        specs[target] = spec_of(target, tweak)
        if target.__class__ is Function:
            functions[key] = target
    if functions:
        kept = {functions.get(key, key): tweak for key, tweak in kept.items()}
    return kept, specs


def kept_key(key: Any) -> "Node[Any] | Function":
    """Returns the key that a scenario keeps: the function of a decorated one, whose name a new definition may take."""
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
    layers = [dict(layer) for layer in scenario._layers]
    specs = [dict(layer) for layer in scenario.specs]
    gone = set(map(kept_key, drop))
    if len(layers) > 1 or len(added._layers) > 1:  # else a tweak takes the place of the one before, which a tick makes use of
        gone.update(key for layer in added._layers for key in layer)
    for key in gone:
        for number, layer in enumerate(layers):
            layer.pop(key, None)
            specs[number].pop(key._key if isinstance(key, Node) else target_of(key), None)
    layers[-1].update(added._layers[0])
    specs[-1].update(added.specs[0])
    return _made((*layers, *added._layers[1:]), (*specs, *added.specs[1:]), scenario.name)


def put_over(scenario: Scenario, top: "Tweaks | Scenario") -> Scenario:
    """Returns `scenario` with the tweaks of `top` over it: ``scenario | top``, but that nothing in either is stated again.

    Raises:
        TweakError: a tweak of `top` is not possible.
    """
    added = top if isinstance(top, Scenario) else Scenario(top)
    return _made((*scenario._layers, *added._layers), (*scenario.specs, *added.specs), scenario.name)


def _join(first: tuple[Tweaks, ...], second: tuple[Tweaks, ...]) -> tuple[Tweaks, ...]:
    """Returns the layers of both, as one where that means the same."""
    if len(first) == len(second) == 1 and not any(_leans_on(key, tweak, first[0]) for key, tweak in second[0].items()):
        return ({**first[0], **second[0]},)
    return (*first, *second)


def _leans_on(key: "Node[Any] | Function", tweak: Any, beneath: Tweaks) -> bool:
    """True when a tweak means something else in one layer with `beneath` than over it."""
    if isinstance(key, Node):
        return isinstance(tweak, TweakSpec) and not tweak.is_final and (key in beneath or key._function in beneath)
    return any(other is key or (isinstance(other, Node) and other._function is key) for other in beneath)


def _of_layers(layers: tuple[Tweaks, ...], name: str | None) -> Scenario:
    pairs = tuple(map(_checked, layers))
    return _made(tuple(layer for layer, _ in pairs), tuple(specs for _, specs in pairs), name)


def _made(layers: tuple[Any, ...], specs: tuple[Layer, ...], name: str | None) -> Scenario:
    scenario: Scenario = Scenario.__new__(Scenario)
    scenario.__attrs_init__(name, layers, specs)
    return scenario


def _content(scenario: Scenario) -> Any:
    """The content of a scenario, comparable: the same however often it was stated."""
    return [{target: (spec.kind, spec.identity) for target, spec in layer.items()} for layer in scenario.specs]
