"""How the nodes of a flow lead to each other: `Wiring`, read from the tweaks of a context; and `wire_by_name`, `wire_by_type`.

A wiring is what a flow would read, known before anything runs: orders, circles, missing inputs.

`read_wiring` reads one; `wire_by_hand`, `wire_processor` and `wire_like` make the wires of a function; `_strip` and `_name_type`
read types.  `Wiring` answers: `order`, `check`, `is_missing`, `is_gone`, `is_stream`, `find_readers`, `outputs`, `floating`, and
for values handed over `find_moves`, `list_moved`, `check_moves`; `say_missing` and `say_gone` say what to type.  `_find_reads`
and `_order` sort.
"""

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from .._core.read import View
from ..errors import CycleError
from ._depends import find_dependencies
from ._errors import DuplicateNameError, FloatingInputError, FlowError, MissingInputError, MovedError
from ._moving import find_moved, find_moved_parameters
from ._nodes import (
    DEFAULT,
    ENDED,
    INPUT,
    NOTHING,
    OUTPUT,
    REQUIRED,
    Definition,
    Wire,
    beneath,
    definition,
    definitions,
    find_function,
    is_processor,
    is_registered,
    items,
)

_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@frozen(eq=False)
class Wiring:
    """The nodes of a flow and what each reads, in one scenario."""

    definitions: Mapping[str, Definition]
    given: frozenset[str]
    """The names that have a value by a tweak, so that they read nothing."""
    overridden: frozenset[str]
    reads: Mapping[str, tuple[str, ...]] = field(init=False)
    """The names that each name reads."""

    def __attrs_post_init__(self) -> None:
        reads = {name: self._find_reads(name) for name in self.definitions}
        object.__setattr__(self, "reads", reads)

    def _find_reads(self, name: str) -> tuple[str, ...]:
        if name in self.given:
            return ()
        wires = [wire for wire in self.definitions[name][1] if wire[2] != OUTPUT]
        return tuple(dict.fromkeys([wire[1] for wire in wires if wire[2] in (REQUIRED, ENDED) or wire[1] in self.definitions]))

    def order(self, names: Iterable[str]) -> list[str]:
        """Returns names with all that they read, directly or through others, each after what it reads.

        A function to which a value is handed over comes after the others here that read it, unless they depend on it.

        Raises:
            CycleError: a name depends on itself.

        Complexity: linear in the names and wires that it passes, for each name that is handed over.
        """
        asked = [*names]
        order = self._order(asked, self.reads)
        reads = dict(self.reads)
        for name in order:
            for moved in self._find_moved(name):
                before = [one for one in order if one != name and moved in self.reads.get(one, ())]
                reads[name] = (*reads[name], *[one for one in before if name not in self._order([one], reads)])
        return order if reads == self.reads else self._order(asked, reads)

    def _find_moved(self, name: str) -> tuple[str, ...]:
        """Returns the names whose values are handed over to the function of a name."""
        key, wires = self.definitions.get(name, INPUT)
        if not key or name in self.given or not is_registered(key):
            return ()
        fn = find_function(key)
        if not find_moved_parameters(fn):  # nearly always
            return ()
        return find_moved(fn, [wire for wire in wires if wire[2] != OUTPUT and wire[1] in self.reads[name]])

    def list_moved(self, order: Iterable[str]) -> set[str]:
        """Returns the names that are handed over to one of some names."""
        return {moved for name in order for moved in self._find_moved(name)}

    def find_moves(self, order: Iterable[str]) -> list[tuple[str, str, str]]:
        """Returns what cannot be handed over: a name, the node that changes it, and the one that does so too, or reads it later.

        Complexity: that of `order` for each reader of a name that is handed over.
        """
        found, owners = [], dict[str, str]()
        for name in order:
            for moved in self._find_moved(name):
                owner = owners.setdefault(moved, name)
                if owner != name:
                    found.append((moved, owner, name))
                later = [one for one in self.find_readers(moved) if one != name and name in self._order([one], self.reads)]
                found += [(moved, name, one) for one in later]
        return found

    def say_moved(self, flow: str, moved: str, owner: str, other: str) -> str:
        """Returns what is wrong with a name that is handed over, and what to type."""
        what = "is handed over to it too" if moved in self._find_moved(other) else "reads it after that"
        return (
            f"{moved!r} of the flow {flow!r} is handed over to {owner!r}, and {other!r} {what}. "
            f"Let {other!r} read what {owner!r} gives, or take Mut away and work on a copy."
        )

    @staticmethod
    def _order(names: Iterable[str], reads: Mapping[str, tuple[str, ...]]) -> list[str]:
        done: dict[str, None] = {}
        for first in names:
            path: dict[str, Iterator[str]] = {first: iter(reads.get(first, ()))} if first not in done else {}
            while path:
                name, rest = next(reversed(path.items()))
                read = next((one for one in rest if one not in done), None)
                if read is None:
                    done[name] = None
                    del path[name]
                elif read in path:
                    around = list(path)
                    raise CycleError((*around[around.index(read) :], read))
                else:
                    path[read] = iter(reads.get(read, ()))
        return list(done)

    def is_missing(self, name: str) -> bool:
        """Returns whether a name has neither a value nor a function."""
        return name not in self.given and self.definitions.get(name, INPUT) == INPUT

    def is_stream(self, name: str) -> bool:
        """Returns whether the value of a name is a stream."""
        return is_processor(self.definitions.get(name))

    def is_gone(self, name: str) -> bool:
        """Returns whether the function of a name is not there: it is not known how to compute the name."""
        key = self.definitions.get(name, INPUT)[0]
        return bool(key) and name not in self.given and not is_registered(key)

    def say_gone(self, flow: str, name: str) -> str:
        """Returns which function is gone, and what to type."""
        text = self.definitions[name][0].partition("#")[0]
        return f"{name!r} of the flow {flow!r} has no function: {text} is gone. Write flow.add(function, name={name!r})."

    def find_readers(self, name: str) -> list[str]:
        """Returns the names that read a name."""
        return [reader for reader, reads in self.reads.items() if name in reads]

    def outputs(self) -> list[str]:
        """Returns the names with a function that nothing reads."""
        read = {one for reads in self.reads.values() for one in reads}
        return [name for name, known in self.definitions.items() if name not in read and known != INPUT]

    def floating(self) -> list[str]:
        """Returns the names that are read and that the flow does not have."""
        return list(dict.fromkeys([one for reads in self.reads.values() for one in reads if one not in self.definitions]))

    def check(self, flow: str, order: Sequence[str], *, is_start: bool = False) -> None:
        """Refuses names that cannot be computed; at a start, what to type gives items.

        Raises:
            FloatingInputError: one is not in the flow.
            MissingInputError: an input has no value.
            FlowError: the function of one is gone.
            MovedError: a value is handed over to two of them, or read by one after that.
        """
        absent = [name for name in order if self.is_missing(name)]
        floating = [name for name in absent if name not in self.definitions]
        for kind, found in ((FloatingInputError, floating), (MissingInputError, absent)):
            if found:
                raise kind("\n".join(self.say_missing(flow, name, is_start=is_start) for name in found))
        gone = [name for name in order if self.is_gone(name)]
        if gone:
            raise FlowError("\n".join(self.say_gone(flow, name) for name in gone))
        self.check_moves(flow, order)

    def check_moves(self, flow: str, order: Iterable[str]) -> None:
        """Refuses names to which a value is handed over that another one changes too, or reads later.

        Raises:
            MovedError: there are such.
        """
        moves = self.find_moves(order)
        if moves:
            raise MovedError("\n".join(self.say_moved(flow, *move) for move in moves))

    def say_missing(self, flow: str, name: str, *, is_start: bool = False) -> str:
        """Returns what is wrong with a missing name, and what to type."""
        readers = ", ".join(map(repr, self.find_readers(name)[:4])) or "nobody"
        remedy = f"flow.insert({name!r}, value)"
        if is_start:
            remedy = f"flow.start({{{name!r}: items}}) for a stream, or {remedy} before it"
        if name in self.definitions:
            return f"the input {name!r} of the flow {flow!r}, read by {readers}, has no value. Type {remedy}."
        alike = difflib.get_close_matches(name, self.definitions, 1)
        meant = f" or, if {alike[0]!r} is meant, flow.repoint({name!r}, {alike[0]!r})" if alike else ""
        return f"the flow {flow!r} has no {name!r}, read by {readers}. Write {remedy}{meant}."


def read_wiring(view: View, flow: str, value: Any) -> Wiring:
    """Returns the wiring of a flow with the tweaks that are in force in a view."""
    definer, keeper, owner, giver = (one.node(flow, "")._key[0] for one in (definition, beneath, value, items))
    whole = view.tweaks.handle_of(definitions.node(flow)._key)
    known: dict[str, Any] = {} if whole is None else dict(whole.spec.value)
    given, overridden = set(), set()
    for key, handle in view.tweaks.content.items():
        if not isinstance(key, tuple) or len(key) != 3 or key[1] != flow:
            continue
        found: Any = handle
        while found is not None and found.spec.reads_beneath:  # a bump changes what is beneath it
            found = found.beneath()
        if found is not None and found.spec.is_value:
            if key[0] is definer:
                known[key[2]] = found.spec.value
            elif key[0] is owner or key[0] is giver:
                given.add(key[2])
            elif key[0] is keeper:
                overridden.add(key[2])
    known = {name: found for name, found in known.items() if found is not None}
    return Wiring(known, frozenset(given), frozenset(overridden))


def wire_by_name(fn: Callable[..., Any]) -> tuple[Wire, ...]:
    """Returns a wire for each parameter of a function, which reads what is named like it.

    Raises:
        TypeError: the function does not tell its parameters.
    """
    try:
        parameters = inspect.signature(fn).parameters.values()
    except ValueError:
        raise TypeError(f"{fn!r} does not tell its parameters. Name them: flow.add(fn, name, inputs=[...]).") from None
    depends = find_dependencies(fn)
    return tuple([
        (one.name, one.name, REQUIRED if one.default is one.empty else DEFAULT)
        for one in parameters
        if one.kind in _BY_KEYWORD and one.name not in depends
    ])


def wire_by_hand(fn: Callable[..., Any], inputs: Mapping[str, str] | Sequence[str]) -> tuple[Wire, ...]:
    """Returns the wires that are given by hand: names by parameter, or names in the order of the parameters."""
    if isinstance(inputs, str):
        raise TypeError(f"inputs must be names or a dict, not {inputs!r}. Write inputs=[{inputs!r}].")
    if not isinstance(inputs, Mapping):
        return tuple([(None, name, REQUIRED) for name in inputs])
    named = [(parameter, name, REQUIRED) for parameter, name in inputs.items()]
    try:
        others = wire_by_name(fn)
    except TypeError:
        return tuple(named)
    return (*named, *[wire for wire in others if wire[0] not in inputs])


def wire_processor(wires: tuple[Wire, ...], outputs: Iterable[str], *, wait: bool) -> tuple[Wire, ...]:
    """Returns the wires of a function that waits for the end of its streams, or has named outputs.

    Raises:
        TypeError: it is to wait, and reads nothing that must be there.
    """
    if wait:
        wires = tuple([(wire[0], wire[1], ENDED) if wire[2] == REQUIRED else wire for wire in wires])
        if not any(wire[2] == ENDED for wire in wires):
            raise TypeError("wait=True waits for the end of inputs, and the function reads none. Leave wait= out.")
    return (*wires, *[(name, name, OUTPUT) for name in outputs])


def wire_like(known: Definition | None, wires: tuple[Wire, ...]) -> tuple[Wire, ...]:
    """Returns the wires of a function that takes the place of another one: it waits as that did, and has its outputs."""
    old = () if known is None else known[1]
    waits = any(wire[2] == ENDED for wire in old) and any(wire[2] == REQUIRED for wire in wires)
    return (*wire_processor(wires, (), wait=waits), *[wire for wire in old if wire[2] == OUTPUT])


def wire_by_type(made: Callable[..., Any], known: dict[str, Any]) -> tuple[str, tuple[Wire, ...]]:
    """Returns the name of the type that a callable returns, or its own where it returns nothing; and wires for its parameters.

    Args:
        made: the callable.
        known: types by name, which is added to.

    Raises:
        DuplicateNameError: two types have one name.
        TypeError: a parameter has no type.
    """
    fn = made if inspect.isroutine(made) or inspect.isclass(made) else type(made).__call__
    hints = typing.get_type_hints(fn.__init__ if inspect.isclass(fn) else fn, include_extras=True)
    result = fn if inspect.isclass(fn) else hints.get("return", type(None))
    own = getattr(made, "__name__", type(made).__name__)
    name = own if result is type(None) else _name_type(_strip(result)[0], known)
    depends, wires = find_dependencies(made), []
    for one in inspect.signature(made).parameters.values():
        if one.name in depends or one.kind not in _BY_KEYWORD:
            continue
        if one.name not in hints:
            raise TypeError(f"{own}: the parameter {one.name!r} has no type to wire it by. Write {one.name}: SomeType.")
        read, is_optional = _strip(hints[one.name])
        otherwise = DEFAULT if one.default is not one.empty else NOTHING if is_optional else REQUIRED
        wires.append((one.name, _name_type(read, known), otherwise))
    return name, tuple(wires)


def _strip(kind: Any) -> tuple[Any, bool]:
    """Returns a type without None and notes, and whether None is allowed."""
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    parts = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType) and type(None) in parts:
        others = [part for part in parts if part is not type(None)]
        if len(others) == 1:
            return _strip(others[0])[0], True
    return kind, False


def _name_type(kind: Any, known: dict[str, Any]) -> str:
    """Returns the name of a type, which no other type has."""
    is_plain = isinstance(kind, type) and not typing.get_args(kind)
    name = kind.__qualname__ if is_plain else str(kind)
    other = known.setdefault(name, kind)
    if other != kind:
        raise DuplicateNameError(
            f"{name!r} means two types, of {other.__module__} and of {kind.__module__}. "
            "Rename one of them, or wire by hand: flow.add(fn, inputs=...)."
        )
    return name
