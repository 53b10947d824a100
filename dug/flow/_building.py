"""`Building`: everything that changes a flow; each change is one tweak of its context, all at once or not at all.

Names, values and functions are in the context, and nowhere else.

Its verbs: `add`, `by_types`, `insert`, `override`, `release`, `link`, `repoint`, `rename`, `delete`, `restrict`, `add_block`,
`add_each`; `same` is the function of the node that a link makes.  Inside: `_set_function`, `_set_processor`, `_become_async`,
`_refuse_twice`, `_check_items`, `_repointed`, `_sort_in`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from .._contexts.scenario import Scenario
from .._core.read import Node
from .._functions.proxy import name_of
from .._text.values import show
from ._context import FlowContext
from ._depends import needs_await
from ._errors import DuplicateNameError, FlowError
from ._nodes import INPUT, OUTPUT, PICK, REQUIRED, Definition, Wire, find_function, items, register, value_async
from ._wiring import wire_by_hand, wire_by_name, wire_by_type, wire_like, wire_processor

_NONE: Any = object()
"""Stands for an argument that was not given, as None is a value."""


class Building(FlowContext):
    """What adds nodes to a flow, and changes and removes them."""

    # Functions

    def add(
        self,
        fn: Any = None,
        name: str | None = None,
        *,
        inputs: Mapping[str, str] | Sequence[str] | None = None,
        value: Any = _NONE,
        tags: Iterable[str] = (),
        group: str | None = None,
        wait: bool = False,
        outputs: Iterable[str] | None = None,
    ) -> Any:
        """Adds a node, or gives a node another function in place of its own or a value; returns it, so that it decorates too.

        The node of a generator function, async or not, is a stream of what it yields.

        Args:
            fn: the function; or a name alone, for an input.
            name: the name of the node; the default is that of the function.
            inputs: the names that it reads, by parameter or in the order of the parameters; the default is that each parameter
                reads the name that it has.  A parameter with a default reads its name only if the flow has it.
            value: a value to insert.
            tags: texts by which `by_tag` finds it.
            group: the group that it is in, a box in ``draw(by="group")``.
            wait: whether it begins only when the streams that it reads have ended.
            outputs: the names of its outputs, each a stream, for which it gives an `Output`; by default those it had before.

        Raises:
            TypeError: `fn` is not a function, or does not tell its parameters.
            DuplicateNameError: the name of an output is taken.
        """
        if isinstance(fn, str):
            fn, name = None, fn
        if fn is None and name is None:
            return partial(self.add, name=name, inputs=inputs, value=value, tags=tags, group=group, wait=wait, outputs=outputs)
        if fn is not None and not callable(fn):
            raise TypeError(f"add() takes a function, not {show(fn)}. For a value, write flow.insert(name, value).")
        named = name if name is not None else _name_function(fn)
        if fn is not None:
            wires = wire_by_name(fn) if inputs is None else wire_by_hand(fn, inputs)
            if outputs is None:
                self._set_function(named, fn, wire_like(self._define(named), wire_processor(wires, (), wait=wait)))
            else:
                self._set_processor(named, fn, wires, outputs, wait=wait)
        elif self._define(named) is None:
            self._state({self._nodes_of(named).definition: INPUT})
        self._sort_in(named, tags, group)
        if value is not _NONE:
            self.insert(named, value)
        return fn

    def _sort_in(self, name: str, tags: Iterable[str], group: str | None) -> None:
        self._tags.setdefault(name, set()).update([tags] if isinstance(tags, str) else tags)
        if group is not None:
            self._groups[name] = group

    def _set_processor(
        self, name: str, fn: Callable[..., Any], wires: tuple[Wire, ...], outputs: Iterable[str], *, wait: bool
    ) -> None:
        named = [outputs] if isinstance(outputs, str) else list(outputs)
        old = [wire[1] for wire in (self._define(name) or INPUT)[1] if wire[2] == OUTPUT]
        for output in named:
            if output == name or (output not in old and (self._define(output) or INPUT) != INPUT):
                raise DuplicateNameError(
                    f"{name_of(fn)} has the output {output!r}, and something else gives that. Rename one: add(fn, name='...')."
                )
        self._become_async()
        self._set_function(name, fn, wire_processor(wires, named, wait=wait))
        gone = tuple([self._nodes_of(output).definition for output in old if output not in named])
        self._state({self._nodes_of(one).definition: (PICK.key, ((one, name, REQUIRED),)) for one in named}, drop=gone)

    def _set_function(self, name: str, fn: Callable[..., Any], wires: tuple[Wire, ...]) -> None:
        if needs_await(fn):
            self._become_async()
        held = register(fn)
        self._functions[held.key] = held
        known, *values = self._nodes_of(name)
        has_value = self._has_value(name)
        self._state({known: (held.key, wires)}, drop=tuple(values) if has_value else ())

    def _become_async(self) -> None:
        """Makes the nodes of the flow awaitable, and moves its values to them."""
        if self._value is value_async:
            return
        old, self._value, self._known, self._nodes = self._value, value_async, None, {}
        moved = {node: said for node, said in self.context.tweaks.items() if isinstance(node, Node) and node.function is old}
        self._state({value_async.node(*node.args): said for node, said in moved.items()}, drop=tuple(moved))

    @classmethod
    def by_types(cls, *functions: Callable[..., Any], name: str | None = None) -> Self:
        """Returns a flow whose nodes are types: a function gives the type that it returns, and reads those of its parameters.

        A parameter that allows None gets None where no function gives its type.  A function that returns nothing is known by its
        own name.

        Raises:
            DuplicateNameError: two functions return one type, or two types have one name.
            TypeError: a parameter has no type.
        """
        flow, known = cls(name=name), dict[str, Any]()
        for fn in functions:
            named, wires = wire_by_type(fn, known)
            flow._refuse_twice(named, fn)
            flow._set_function(named, fn, wires)
        return flow

    def _refuse_twice(self, name: str, fn: Any) -> None:
        known = self._define(name)
        if known is not None:
            first = name_of(find_function(known[0])) if known[0] else "an input"
            raise DuplicateNameError(
                f"{first} and {name_of(fn)} both give {name!r}. Rename one: flow.add(fn, name='...'), "
                "or change the function on purpose with flow.add()."
            )

    # Values

    def insert(self, name: str, value: Any) -> None:
        """Gives a node a value, in place of what it had; a name that the flow does not have becomes an input."""
        self.insert_many({name: value})

    def insert_many(self, values: Mapping[str, Any]) -> None:
        """Gives several nodes values, all at once; where one is overridden, the value shows when the override is released."""
        changes: dict[Node[Any], Any] = {}
        for name, value in values.items():
            nodes = self._nodes_of(name)
            self._check_items(name, value)
            if self._define(name) is None:
                changes[nodes.definition] = INPUT
            if self._is_stated(nodes.beneath):
                changes[nodes.beneath] = (value,)
            else:
                changes[self._node_of(name)] = value
        self._state(changes)

    def override(self, name: str, value: Any) -> None:
        """Gives a node a value that stays through `insert`, until `release`; `states` shows it.

        Raises:
            KeyError: the flow has no such node.
        """
        self._check_known(name)
        self._check_items(name, value)
        node, keeper = self._node_of(name), self._nodes_of(name).beneath
        hidden = self._find_stated(keeper)
        if hidden is None:
            hidden = (self._find_stated(node),) if self._is_stated(node) else ()
        self._state({node: value, keeper: hidden})

    def release(self, name: str) -> None:
        """Ends an override, so that an inserted value shows again, or the function; without an override, drops the value.

        Raises:
            KeyError: the flow has no such node.
        """
        self._check_known(name)
        node, keeper = self._node_of(name), self._nodes_of(name).beneath
        hidden = self._find_stated(keeper, ())
        self._state({node: hidden[0]} if hidden else {}, drop=(node, keeper))

    def _check_items(self, name: str, value: Any) -> None:
        """Refuses a value for a stream, unless it is a list of its items; a tweak of another kind is let through."""
        node = self._node_of(name)
        if node.function is items:
            Scenario({node: value})

    def _check_known(self, name: str) -> None:
        if self._define(name) is None:
            raise KeyError(f"the flow {self.name!r} has no {name!r}. Its names: {', '.join(self._list_own()[:20])}.")

    # Wires

    def link(self, target: str, source: str) -> None:
        """Makes a node that is what another one is."""
        self._set_function(target, same, (("value", source, REQUIRED),))

    def repoint(self, old: str, new: str) -> None:
        """Makes every node that reads one name read another one instead.

        Raises:
            KeyError: no node reads it, and the flow does not have it.
        """
        changes = self._repointed(old, new)
        if not changes:
            self._check_known(old)
        self._state(changes)

    def _repointed(self, old: str, new: str) -> dict[Node[Any], Definition]:
        changes = {}
        for name in self._list_own():
            key, wires = self._define(name) or INPUT
            if any(wire[1] == old for wire in wires):
                moved = tuple([(wire[0], new, wire[2]) if wire[1] == old else wire for wire in wires])
                changes[self._nodes_of(name).definition] = (key, moved)
        return changes

    def rename(self, old: str, new: str) -> None:
        """Gives a node another name, with its value and its tags; what reads it reads the new name.

        Raises:
            KeyError: the flow has no such node.
            DuplicateNameError: the new name is taken.
        """
        self._check_known(old)
        if self._define(new) is not None:
            raise DuplicateNameError(f"the flow {self.name!r} has a {new!r}. Write flow.delete({new!r}) before, if it may go.")
        known, changes = self._repointed(old, new), {}
        own = known.pop(self._nodes_of(old).definition, None) or self._define(old)
        changes[self._nodes_of(new).definition] = own
        for theirs, ours in zip(self._nodes_of(old)[1:], self._nodes_of(new)[1:], strict=True):
            if self._is_stated(theirs):
                changes[ours] = self._find_stated(theirs)
        self._state({**known, **changes}, drop=self._nodes_of(old))
        self._tags[new] = self._tags.pop(old, set())
        if old in self._groups:
            self._groups[new] = self._groups.pop(old)

    def delete(self, *names: str) -> None:
        """Removes nodes; those that read them cannot be computed until their names are back.

        Raises:
            KeyError: the flow has no such node; nothing is removed then.
        """
        for name in names:
            self._check_known(name)
        self._state({}, drop=tuple([node for name in names for node in self._nodes_of(name)]))
        for name in names:
            self._tags.pop(name, None)
            self._groups.pop(name, None)

    def restrict(self, outputs: str | Iterable[str], inputs: str | Iterable[str] | None = None) -> None:
        """Removes all that these outputs do not read; names that are given as inputs keep no function.

        Raises:
            KeyError: the flow has no such node.
        """
        wanted = [outputs] if isinstance(outputs, str) else list(outputs)
        ends = [] if inputs is None else [inputs] if isinstance(inputs, str) else list(inputs)
        for name in [*wanted, *ends]:
            self._check_known(name)
        self._settle_pending()
        definitions = {name: self._define(name) or INPUT for name in self._list_own()}
        kept, pending = set(), wanted
        while pending:
            name = pending.pop()
            if name in definitions and name not in kept:
                kept.add(name)
                pending.extend(wire[1] for wire in definitions[name][1] if name not in ends)
        gone = [node for name in definitions if name not in kept for node in self._nodes_of(name)]
        self._state({self._nodes_of(name).definition: INPUT for name in ends if name in kept}, drop=tuple(gone))

    # Blocks

    def add_block(self, path: str, flow: "Building", links: Mapping[str, str] | None = None) -> None:
        """Adds the nodes of another flow as they are now, each under ``path/name``, with their values.

        In a block, names mean those of the block; a name that it does not have means one of this flow.

        Args:
            path: comes before each name.
            flow: the other flow.
            links: by a name that the block reads, the name of this flow that it reads instead.

        Raises:
            DuplicateNameError: a name is taken.
            FlowError: the block is this flow.
        """
        if flow is self:
            raise FlowError("a flow cannot be a block of itself. Make the block a flow of its own.")
        links = dict(links or {})
        own = [name for name in flow._list_own() if name not in links]
        changes: dict[Node[Any], Any] = {}
        if flow._value is value_async:
            self._become_async()
        for name in own:
            placed = f"{path}/{name}"
            if self._define(placed) is not None:
                raise DuplicateNameError(f"the flow {self.name!r} has a {placed!r} already. Choose another path for the block.")
            key, wires = flow._define(name) or INPUT
            moved = tuple([(one, f"{path}/{read}" if read in own else links.get(read, read), how) for one, read, how in wires])
            changes[self._nodes_of(placed).definition] = (key, moved)
            for theirs, ours in zip(flow._nodes_of(name)[1:], self._nodes_of(placed)[1:], strict=True):
                if flow._is_stated(theirs):
                    changes[ours] = flow._find_stated(theirs)
            self._tags[placed] = set(flow._tags.get(name, ()))
            if name in flow._groups:
                self._groups[placed] = f"{path}/{flow._groups[name]}"
        self._functions.update(flow._functions)
        self._state(changes)

    def add_each(
        self, path: str, flow: "Building", keys: Iterable[Any], links: Mapping[str, str] | None = None
    ) -> list[str]:
        """Adds a block for each key, under ``path/key``; returns their paths.

        Args:
            path: comes before each key.
            flow: the flow that each block is.
            keys: the keys; or a dict of the values to insert into each block, by key.
            links: as in `add_block`, for every block.

        Raises:
            DuplicateNameError: a name is taken.
        """
        paths = []
        for key in keys:
            paths.append(f"{path}/{key}")
            self.add_block(paths[-1], flow, links)
            if isinstance(keys, Mapping):
                self.insert_many({f"{paths[-1]}/{name}": value for name, value in keys[key].items()})
        return paths


def same(value: Any) -> Any:
    """Returns its argument: the function of a node that `Building.link` makes."""
    return value


def _name_function(fn: Any) -> str:
    name = getattr(fn, "__name__", None)
    if not isinstance(name, str) or name == "<lambda>":
        raise TypeError(f"{show(fn)} has no name. Write flow.add(fn, name='...').")
    return name
