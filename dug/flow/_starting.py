"""What streams what the processors of a flow give: `Starting.start`.

A start is a what-if that gives inputs their items and has a number, so that its streams are its own.

`Wired` and `Starter` are for those who run a flow elsewhere (`services`); `given` is the function of an input with items.
`_wire` and `_give` prepare inputs.
"""

import inspect
from collections.abc import AsyncGenerator, Iterable, Mapping
from itertools import count
from typing import Any, Protocol, TypeVar, overload

from attrs import frozen

from .._contexts.current import outermost
from .._contexts.kinds import UNTWEAKED
from .._contexts.scenario import put_over
from .._core.read import Node, current
from .._functions.stream import Stream
from .._text.values import show
from ._asking import Asking
from ._errors import FlowError
from ._nodes import INPUT, definition, is_processor, items, register, start_number, value_async
from ._running import RunningFlow
from ._wiring import Wiring

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_numbers = count(1)


async def given() -> AsyncGenerator[Any, None]:
    """Gives nothing: the function of an input whose items a tweak says."""
    nothing: tuple[Any, ...] = ()
    for item in nothing:
        yield item


GIVEN = register(given, "dug.flow:given")


@frozen
class Wired:
    """A flow as it is started, for those who run it elsewhere."""

    flow: str
    wiring: Wiring
    order: tuple[str, ...]
    """The names, each after those that it reads."""
    asked: tuple[str, ...]
    """The names of the outputs to return."""
    items: Mapping[str, Any]
    """By name the items of inputs: a tuple, or a generator function."""
    values: Mapping[str, Any]
    """By name the values of inputs that are not streams."""


class Starter(Protocol[R_co]):
    """Who runs a flow elsewhere."""

    async def _start(self, wired: Wired) -> R_co:
        """Returns the run."""


class Starting(Asking):
    """What starts a flow."""

    @overload
    async def start(
        self, inputs: Mapping[str, Any] | None = None, all_outputs: bool = False  # noqa: FBT001, FBT002
    ) -> RunningFlow: ...
    @overload
    async def start(
        self, inputs: Mapping[str, Any] | None = None, all_outputs: bool = False, *, on: Starter[R]  # noqa: FBT001, FBT002
    ) -> R: ...
    async def start(
        self, inputs: Mapping[str, Any] | None = None, all_outputs: bool = False, *, on: Any = None  # noqa: FBT001, FBT002
    ) -> Any:
        """Starts every function that the outputs need, and returns the outputs by name, each a `dug.streams.Stream`.

        A function that is not a generator function gives a stream of one item.  Each start is a run of its own, and goes on, 256
        items ahead of its readers, until the running flow is closed or nobody has it any more.

        Args:
            inputs: by name the items of a stream: a list or another iterable, or a generator function without parameters.  Values
                are inserted before.
            all_outputs: whether to return a stream for each name with a function, not only for those that nothing reads.
            on: `dug.flow.services.Services`, for a flow whose functions are their processors, in this process and in others; the
                result is a `dug.flow.services.ServicesRun` then.

        Raises:
            CycleError: a name depends on itself.
            FloatingInputError: the flow does not have a name that is read.
            MissingInputError: an input has no value and no items.
            FlowError: an input is not in the flow, or has no items.
        """
        if on is not None and not hasattr(on, "_start"):
            raise TypeError(f"on= takes dug.flow.services.Services, not {show(on)}. Write on=Services(url).")
        if current.get().run is not None:
            raise FlowError(f"start() of {self.name!r} is called in a memoised function. Start the flow outside of it.")
        self._become_async()
        self._here()  # refuses another flow of this name
        stated: dict[Node[Any], Any] = {start_number.node(self.name): next(_numbers)}
        for name, found in (inputs or {}).items():
            stated.update(self._give(name, found))
        context = self._branch(put_over(self._scenario_here(), stated), f"run of {self.name}")
        with outermost(context):
            wiring = self._wiring
            outputs = wiring.outputs()
            order = wiring.order(outputs if outputs and not all_outputs else wiring.definitions)  # a circle has no outputs
            wiring.check(self.name, order, is_start=True)
            started = [name for name in order if wiring.definitions[name] != INPUT and name not in (inputs or {})]
            asked = started if all_outputs else outputs
            if on is None:
                return RunningFlow(self, context, asked, started)
            given = {name: stated.get(items.node(self.name, name), found) for name, found in (inputs or {}).items()}
            wired = self._wire(order, asked, given)
        return await on._start(wired)

    def _wire(self, order: list[str], asked: list[str], given: dict[str, Any]) -> Wired:
        """Returns what another process must know of the flow, as it is in the scenario in force."""
        wiring = self._wiring
        values = {name: self._here()[self._node_of(name)] for name in order if name in wiring.given and name not in given}
        for name in [name for name, value in values.items() if isinstance(value, Stream)]:
            given[name] = values.pop(name).items  # it was inserted
        found = {name: given[name] for name in order if name in given}
        return Wired(self.name, wiring, tuple(order), tuple(asked), found, values)

    def _give(self, name: str, found: Any) -> dict[Node[Any], Any]:
        """Returns the tweaks by which an input is a stream of items."""
        known = self._wiring.definitions.get(name)
        if known is None and name not in self._wiring.floating():
            has = ", ".join([*self._wiring.floating(), *self._wiring.definitions])
            raise FlowError(f"the flow {self.name!r} has no {name!r} to give items to. Its names: {has}.")
        if inspect.isasyncgenfunction(found) or inspect.isgeneratorfunction(found):
            return self._redefine(name, found, None)
        value = self._find_stated(self._nodes_of(name).value, ())
        if known == INPUT and _is_plain(value):
            raise FlowError(
                f"the input {name!r} has the value {show(value)}, and start() gives items. For another value write "
                f"flow.insert({name!r}, value); for a stream in its place, flow.release({name!r}) before the start."
            )
        if _is_plain(found):
            raise FlowError(
                f"the items of the input {name!r} are {show(found)}. Give a list, or an async generator function; "
                f"write flow.insert({name!r}, value) for a value."
            )
        stated: dict[Node[Any], Any] = {items.node(self.name, name): tuple(found)}
        if not is_processor(known):
            stated[definition.node(self.name, name)] = (GIVEN.key, ())
            stated[value_async.node(self.name, name)] = UNTWEAKED
        return stated


def _is_plain(value: object) -> bool:
    """True for a value that can be no items."""
    return isinstance(value, (str, bytes)) or not isinstance(value, Iterable)
