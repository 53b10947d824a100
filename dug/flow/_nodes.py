"""The nodes of flows: `value`, `definition`; and the functions behind definitions, by key: `register`, `find_function`.

A flow is nothing but tweaks of these memoised functions.  A definition is plain data: the key of a function, and a wire for each
of its inputs; so it can be compared, and written into a file.  A definition with no key is that of an input.  The registry holds
functions weakly: their flows hold them.

`value_async` is the node with coroutine functions or processors, whose items `_give` yields; `start_number` says which start of a
flow it is; `beneath` what an override hides; `_read`, `_take` and `_sort` gather the arguments from the wires; `is_processor` and
`say` (a node's name) ask a definition.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import count
from operator import is_
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from attrs import frozen

from .._core.read import Function
from .._functions.memoize import memoize
from .._functions.proxy import name_of
from .._functions.stream import Stream
from ..errors import say_nodes
from ._depends import call, call_async
from ._errors import FloatingInputError, MissingInputError
from ._moving import find_moved, own, settle_moved, take_over
from ._notes import note_stage
from ._processors import gives_items, open_items, pick

REQUIRED, DEFAULT, NOTHING = "required", "default", "nothing"
"""What happens to a wire whose name is not in the flow: an error, the default of the parameter, or None."""
ENDED = "ended"
"""Says of a wire that it is required, and that the function begins when all streams that it reads have ended."""
OUTPUT = "output"
"""Says of a wire that it leads to the node of an output, and is not read."""

Wire = tuple[str | None, str, str]
"""The parameter (None for the next one by position), the name that it reads, and one of the words above."""
Definition = tuple[str, tuple[Wire, ...]]

INPUT: Definition = ("", ())


@frozen(eq=False, weakref_slot=True)
class Registered:
    """A function under its key."""

    key: str
    fn: Callable[..., Any]


_registered: "WeakValueDictionary[str, Registered]" = WeakValueDictionary()
_numbers, _PROCESS = count(1), uuid4().hex[:8]
_PROMISED = (REQUIRED, ENDED)


def register(fn: Callable[..., Any], key: str | None = None) -> Registered:
    """Returns a function under a key, by which definitions find it for as long as somebody holds the result."""
    known = None if key is None else _registered.get(key)
    if known is not None and known.fn is fn:
        return known
    held = Registered(key or f"{name_of(fn)}#{_PROCESS}.{next(_numbers)}", fn)
    _registered[held.key] = held
    return held


def is_registered(key: str) -> bool:
    """Returns whether the function with a key is there."""
    return key in _registered


def find_function(key: str) -> Callable[..., Any]:
    """Returns the function with a key.

    Raises:
        LookupError: its flow is gone.
    """
    found = _registered.get(key)
    if found is None:
        raise LookupError(f"the flow that has the function {key!r} is gone. Keep the flow for as long as you use its nodes.")
    return found.fn


PICK = register(pick, "dug.flow:pick")
"""The function of the nodes of outputs, in every process."""


@memoize(name="dug.flow:definitions")
def definitions(flow: str) -> Any:  # noqa: ARG001  it is part of the node
    """Returns most definitions of a flow by name: a tweak of the flow's context.

    One tweak for all of them keeps the footprints small: else those of a chain of 20,000 nodes would have 20,000 bits each.
    """
    return {}


@memoize(name="dug.flow:definition")
def definition(flow: str, name: str) -> Any:
    """Returns the definition of a node of a flow, which is tweaked where it was changed; None where there is no such node."""
    return definitions(flow).get(name)


@memoize(name="dug.flow:beneath")
def beneath(flow: str, name: str) -> Any:  # noqa: ARG001  they are part of the node
    """Returns what an override hides: a tuple with the inserted value, or an empty one; None where nothing is overridden."""
    return None


@memoize(name="dug.flow:value")
def value(flow: str, name: str) -> Any:
    """Returns the value of a node of a flow without coroutine functions."""
    key, wires = _find(flow, name)
    fn, present = find_function(key), _list_present(flow, wires)
    moved = find_moved(fn, present)
    read = _take(flow, present, moved) if moved else [(wire, value(flow, wire[1])) for wire in present]
    args, kwargs = _sort(read, wires)
    try:
        return call(fn, args, kwargs)
    except Exception as exc:
        note_stage(exc, say(flow, name))
        raise
    finally:
        if moved:
            settle_moved()


def _take(flow: str, wires: Sequence[Wire], moved: Sequence[str]) -> list[tuple[Wire, Any]]:
    """Returns what wires read, those that are handed over last, when all that others read of them is there."""
    for name in moved:
        value(flow, name)
    found = {name: value(flow, name) for _, name, _ in wires if name not in moved}
    found.update({name: take_over(value.node(flow, name)) for name in moved})
    return [(wire, found[wire[1]]) for wire in wires]


@memoize(name="dug.flow:value_async")
async def value_async(flow: str, name: str) -> Any:
    """Returns the value of a node of a flow with coroutine functions or processors: a stream where it is a processor."""
    known = _find(flow, name)
    if is_processor(known):
        return items(flow, name)
    args, kwargs = read = await _read(flow, known)
    try:
        return await call_async(find_function(known[0]), args, kwargs)
    except Exception as exc:
        note_stage(exc, say(flow, name), find_function(known[0]), read)
        raise


@memoize(name="dug.flow:start")
def start_number(flow: str) -> int:  # noqa: ARG001  it is part of the node
    """Returns which start of a flow this is, a tweak of its context, so that each has streams of its own; 0 where none is."""
    return 0


async def _give(flow: str, name: str) -> AsyncGenerator[Any, None]:
    """Yields the items of a node of a flow: those of a processor, or the value of another node."""
    known = definition(flow, name)
    if not is_processor(known):
        yield await value_async(flow, name)
        return
    args, kwargs = read = await _read(flow, known)
    outputs = [wire[0] for wire in known[1] if wire[2] == OUTPUT]
    try:
        async with aclosing(open_items(find_function(known[0]), args, kwargs, outputs)) as found:
            async for item in found:
                yield item
    except Exception as exc:
        note_stage(exc, say(flow, name), find_function(known[0]), read)
        raise


def _begin(flow: str, name: str) -> AsyncGenerator[Any, None]:
    """Returns the items of a node of a flow for the start in force: the stream itself rests on that, and not only its items.

    Else a reader would share the stream of another start up to the first item, and so wait for that.
    """
    start_number(flow)
    return _give(flow, name)


def _of_one_start(function: Function) -> None:
    """Lets a function of streams have a stream for each start of a flow."""
    function.body, function.eq = _begin, is_


items = memoize(name="dug.flow:items")(_give)
"""The items of a node of a flow, by the names of both: a stream."""
_of_one_start(items.node("", "")._function)


def is_processor(known: Definition | None) -> bool:
    """Returns whether the node with a definition is a stream."""
    if known is None or not known[0]:
        return False
    if any(wire[2] == OUTPUT for wire in known[1]):
        return True
    return is_registered(known[0]) and gives_items(find_function(known[0]))


async def _read(flow: str, known: Definition) -> tuple[list[Any], dict[str, Any]]:
    """Returns the arguments of a function that is awaited, once the streams have ended if it waits for that.

    What is handed over to it is copied, as others may be about to get it at the same time.
    """
    wires = known[1]
    present = _list_present(flow, wires)
    read = [(wire, await value_async(flow, wire[1])) for wire in present]
    moved = find_moved(find_function(known[0]), present)
    if moved:
        read = [(wire, own(found) if wire[1] in moved else found) for wire, found in read]
    streams = [found for _, found in read if isinstance(found, Stream)]
    if streams:
        start_number(flow)  # what reads streams runs in each start, also where their items are those of another
    if any(wire[2] == ENDED for wire in wires):
        for stream in streams:
            await stream.list()
    return _sort(read, wires)


FUNCTIONS = (definitions, definition, beneath, value, value_async, items, start_number)
"""The memoised functions that a flow is made of; the first argument of each is the name of the flow."""


def say(flow: str, name: str) -> str:
    """Returns how messages name a node of a flow."""
    return f"{name!r} of the flow {flow!r}"


for _one in (value, value_async, items):
    say_nodes(_one.node("", "")._function.name, say)


def _find(flow: str, name: str) -> Definition:
    found = definition(flow, name)
    if found is None:
        raise FloatingInputError(f"the flow {flow!r} has no node {name!r} here. Write flow.insert({name!r}, value).")
    if found == INPUT:
        raise MissingInputError(f"the input {name!r} of the flow {flow!r} has no value. Write flow.insert({name!r}, value).")
    return found  # type: ignore[no-any-return]  # nothing else is a tweak of it


def _list_present(flow: str, wires: Sequence[Wire]) -> list[Wire]:
    """Returns the wires that are read: all that are required, and the others where the flow has their name."""
    read = [wire for wire in wires if wire[2] != OUTPUT]
    return [wire for wire in read if wire[2] in _PROMISED or definition(flow, wire[1]) is not None]


def _sort(read: Sequence[tuple[Wire, Any]], wires: Sequence[Wire]) -> tuple[list[Any], dict[str, Any]]:
    """Returns the positional and the named arguments of a function."""
    kwargs: dict[str, Any] = {parameter: None for parameter, _, otherwise in wires if parameter and otherwise == NOTHING}
    kwargs.update({wire[0]: found for wire, found in read if wire[0] is not None})
    return [found for wire, found in read if wire[0] is None], kwargs
