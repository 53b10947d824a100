"""The context of a flow, as far as no node matters: `FlowContext`, what flows build on; changes that wait until they are needed.

The context's tweaks are all that a flow is.  Changes that are made before anybody looks are stated in one go, as each statement
takes time in proportion to the tweaks that there are.

`NodesOfName` is what is tweaked for one name.  `_settle` states what is pending, `_find_stated` finds one tweak, `_here` is the
view in force, `_define` returns the definition of a node.  `_nodes_of` a name, `_settle_pending`, `_wiring` and `_list_own` read
it.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

from .._contexts.context import Context
from .._contexts.current import open_contexts
from .._contexts.scenario import Scenario, replace_top
from .._core.drive import Scope
from .._core.read import Cache, Node
from ..errors import ContextError
from ._nodes import Definition, Registered, beneath, definition, definitions, is_processor, items, value, value_async
from ._wiring import Wiring, read_wiring

_FEW = 20
"""So many definitions are tweaks of their own; more go into that of all definitions."""
_numbers = count(1)


class NodesOfName(NamedTuple):
    """What is tweaked for one name of a flow."""

    definition: Node[Any]
    value: Node[Any]
    items: Node[Any]
    beneath: Node[Any]


class FlowContext:
    """A name, a context, and the functions that its definitions name."""

    def __init__(self, name: str | None, context: Context | None = None) -> None:
        self._name = name or f"flow{next(_numbers)}"
        self._context = Context(name=self._name) if context is None else context
        if self._context._own_cache is None:
            self._context._own_cache = Cache()  # what-ifs share it
        self._mark(self._context)
        self._pending: dict[Node[Any], Any] = {}
        self._functions: dict[str, Registered] = {}
        self._tags: dict[str, set[str]] = {}
        self._groups: dict[str, str] = {}
        """The group of each name that has one."""
        self._value: Any = value
        self._known: tuple[object, Wiring] | None = None
        self._whole = definitions.node(self._name)
        self._nodes: dict[str, NodesOfName] = {}

    def _nodes_of(self, name: str) -> "NodesOfName":
        """Returns the nodes that are tweaked for a name, each time the same objects: an insert asks for them six times."""
        found = self._nodes.get(name)
        if found is None:
            made = [one.node(self._name, name) for one in (definition, self._value, items, beneath)]
            found = self._nodes[name] = NodesOfName(*made)
        return found

    @property
    def name(self) -> str:
        """The name by which its nodes are known."""
        return self._name

    @property
    def context(self) -> Context:
        """The `dug.Context` with everything that the flow is; enter it to ask for nodes by hand, or for what-ifs that share."""
        self._settle_pending()
        return self._context

    def _settle_pending(self) -> None:
        """States the changes that wait."""
        if self._pending:
            stated, self._pending = self._pending, {}
            self._settle(stated, ())

    def _state(self, changes: Mapping[Node[Any], Any], drop: tuple[Node[Any], ...] = ()) -> None:
        """Tweaks the flow's context, all or nothing; waits with what nobody can see yet."""
        if not drop and not self._context._entries:
            self._pending.update(changes)
        else:
            self._settle_pending()
            self._settle(dict(changes), drop)

    def _settle(self, changes: dict[Node[Any], Any], drop: tuple[Node[Any], ...]) -> None:
        self._context._check_changeable("change the flow of")
        whole = self._whole
        base = self._find_stated(whole, {})
        for node in drop:
            if node.function is definition and node.args[1] in base:
                changes.setdefault(node, None)
        gone = [node for node in drop if self._is_stated(node) and node not in changes]
        defined = [node for node in changes if node.function is definition]
        if len(defined) > _FEW:
            tweaks = self._context.tweaks
            own = [node for node in tweaks if isinstance(node, Node) and node.function is definition]
            changes[whole] = {**base, **{node.args[1]: tweaks[node] for node in own}}
            changes[whole].update({node.args[1]: changes.pop(node) for node in defined})
            gone = [*dict.fromkeys([*gone, *own])]
        if gone or changes:
            added = Scenario(changes)
            Scope._change(self._context, lambda scenario: replace_top(scenario, added, drop=tuple(gone)))
            self._context._tell_all("tweaked", [*changes, *gone])

    def _find_stated(self, node: Node[Any], otherwise: Any = None) -> Any:
        """Returns a tweak of the flow's own context, stated or waiting, in the same time however many there are."""
        layers: Any = self._context.scenario._layers
        for tweaks in (self._pending, *reversed(layers)):
            if node in tweaks:
                return tweaks[node]
        return otherwise

    def _is_stated(self, node: Node[Any]) -> bool:
        layers: Any = self._context.scenario._layers
        return any(node in one for one in (self._pending, *layers))

    def _here(self) -> Context:
        """The innermost context in force if this flow is in force there, such as a what-if of it; else the flow's own."""
        around = open_contexts()
        for one in around:
            flow = vars(one).get("_flow")
            if flow is self:
                if one is self._context:  # others, such as that of a run that a thread looks at, have all that they are
                    self._settle_pending()
                return around[0]
            if flow is not None and flow.name == self.name:
                raise ContextError(
                    f"another flow named {self.name!r} is in force here. Give one of the two another name: Flow(..., name='...')."
                )
        return self.context

    def _mark(self, context: Context) -> Context:
        """Notes that a context has the tweaks of this flow."""
        vars(context)["_flow"] = self
        return context

    @property
    def _wiring(self) -> Wiring:
        """What reads what in the scenario in force."""
        view, known = self._here()._here(), self._known
        if known is None or known[0] is not view.tweaks:
            self._known = known = view.tweaks, read_wiring(view, self.name, self._value)
        return known[1]  # not what is known now: another thread may have looked in another scenario

    def _define(self, name: str) -> Definition | None:
        """Returns the definition of a node in the flow's own context, whatever is in force around."""
        found: Any = self._find_stated(self._nodes_of(name).definition, self)
        if found is self:
            found = self._find_stated(self._whole, {}).get(name)
        return found  # type: ignore[no-any-return]  # nothing else is a tweak of it

    def _list_own(self) -> list[str]:
        """Returns the names that the flow's own context defines, in the order in which they were first defined."""
        tweaks = self.context.tweaks
        owned = [node.args[1] for node in tweaks if isinstance(node, Node) and node.function is definition]
        names = dict.fromkeys([*tweaks.get(self._whole, ()), *owned])
        return [name for name in names if self._define(name) is not None]

    def _has_value(self, name: str) -> bool:
        nodes = self._nodes_of(name)
        return self._is_stated(nodes.value) or self._is_stated(nodes.items)

    def _node_of(self, name: str) -> Node[Any]:
        """Returns the node of a name in the flow's own context: one of items for a processor."""
        nodes, is_stream = self._nodes_of(name), self._value is value_async and is_processor(self._define(name))
        return nodes.items if is_stream else nodes.value
