"""Sources for workers: none runs there, as each worker would read a value of its own; `Sources` reads them here, once for all.

In a worker, `refuse_sources` has the body of each source raise instead, and notes the node; the scenario is answered by the nodes
that it lacks.  Here `Sources.read` asks for them in the scenario, where each is kept as a loop would keep it, and messages of the
base have their values from then on, which `bring_in` files in the worker.

`_Guard` stands before the body of a source and raises `SourceNotReadError`; `note_lacking` and `read_lacking` name the nodes
lacked; `list_read` lists sources that were read.  `_ask` asks for one.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from attrs import define, field

from .._contexts.context import Context
from .._contexts.written import find_unreachable, json_of, read_node
from .._core.drive import begin, complete
from .._core.read import BENEATH, Cache, Function, Key, Memo, Node, Run, View, current, find_answer, frame_in_force, plain_key
from .._functions.known_sources import hear_sources, list_sources
from ..errors import DugError
from ._packing import pack_value, read_value

MOST_ROUNDS = 8
"""How often something is sent again with what it lacked; after that it is computed here, as a loop would."""

Lacking = tuple[str, str | None]
"""A node that was not read: its function, and its arguments as JSON; None where nobody else can find it."""


# Here


@define(eq=False)
class Sources:
    """What was read for the workers since their base was taken."""

    _pickles: bool
    packed: list[Any] = field(factory=list)
    """The name, the arguments and the value of each, as plain data."""
    _known: set[Lacking] = field(factory=set)

    def read(self, lacking: Iterable[Lacking]) -> bool:
        """Reads sources in the scenario in force; False if one of them cannot be sent as a value that holds in all scenarios."""
        return all(one in self._known or self._read(*one) for one in lacking)

    def _read(self, name: str, arguments: str | None) -> bool:
        try:
            node = None if arguments is None else read_node(Function.load(name), arguments)
            memo = None if node is None else _ask(node)
            if memo is None:
                return False
            packed = pack_value(memo.take_value(), pickles=self._pickles)
        except Exception:  # noqa: BLE001  whatever a source raises: who asks for it here will meet it
            return False
        self.packed.append([name, arguments, packed])
        self._known.add((name, arguments))
        return True


def _ask(node: Node[Any]) -> Memo | None:
    """Returns the memo that a source gives beneath all tweaks; None where that is not the same in all scenarios."""
    function = node._function
    if not function.is_source or function.is_async or function.stream is not None:
        return None
    frame = frame_in_force(node)
    memo: Memo = function.fetch(frame, _key_beneath(frame.view, node))
    if memo.failure is not None or memo.call is not None:
        return None
    return None if memo.dependencies or memo.opened or memo.inner_nodes else memo


def list_read(view: View, names: Container[str]) -> Iterator[Key]:
    """Yields the sources of some functions that have been read in a view, whether or not a node that is asked there read them."""
    cache: Cache | None = view.cache
    while cache is not None:
        for key, _ in cache.list_homes():
            function = key[0]
            if function is not BENEATH and function.is_source and function.name in names and function.stream is None:
                memo = find_answer(view, key)
                if memo is not None and memo.failure is None:
                    yield key
        cache = cache.beneath


def _key_beneath(view: View, node: Node[Any]) -> Any:
    """Returns the key of a node beneath all tweaks of it; its own where there is none."""
    return node._key if view.handle_of(node._key) is None else (BENEATH, node._key, 0)


# In the worker


class SourceNotReadError(DugError, RuntimeError):
    """A worker needs a source that was not read where the base was taken; as an error of dug's it is kept in no memo."""


_noted: ContextVar[dict[Lacking, None] | None] = ContextVar("dug_sources_not_read", default=None)
_lock = Lock()
_answering: list[int] = [0]  # how many messages are being answered in this process
_guards: dict[int, "_Guard"] = {}


@contextmanager
def note_lacking() -> Iterator[dict[Lacking, None]]:
    """Returns the sources that are asked for and were not read, in their order, while one scenario is asked."""
    noted: dict[Lacking, None] = {}
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


@contextmanager
def refuse_sources() -> Iterator[None]:
    """Has the body of no source run inside `note_lacking`, also of one that is decorated meanwhile."""
    with hear_sources(_guard):
        with _lock:
            _answering[0] += 1
        for function in list_sources():
            _guard(function)
        try:
            yield
        finally:
            with _lock:
                _answering[0] -= 1
                if not _answering[0]:
                    _release()


def _guard(function: Function) -> None:
    with _lock:
        if id(function) not in _guards:
            _guards[id(function)] = _Guard(function)


def _release() -> None:
    for guard in _guards.values():
        guard.leave()
    _guards.clear()


class _Guard:
    """Stands before the body of a source."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._stand()

    def _stand(self) -> None:
        self._before = self._function.at_first_run
        self._function.call_at_next_run(self)

    def leave(self) -> None:
        """Puts back what stood here before, unless another has come since."""
        if self._function.at_first_run is self:
            self._function.disarm()
            if self._before is not None:
                self._function.call_at_next_run(self._before)

    def __call__(self, function: Function) -> None:
        noted = _noted.get()
        if noted is not None:
            run: Any = current.get()
            key = plain_key(run.key) if isinstance(run, Run) else None
            noted[_name(function, None if key is None or key[0] is not function else Node[Any]._of(key))] = None
            raise SourceNotReadError(f"{function.name} was not read where the base was taken. Ask for it there before.")
        if self._before is not None:  # the first question in this process by somebody else
            self._before(function)
            with _lock:
                if function.at_first_run is not self and _guards.get(id(function)) is self:
                    self._stand()


def _name(function: Function, node: Node[Any] | None) -> Lacking:
    """Returns how an answer names a node that was not read."""
    if node is None or find_unreachable(function) is not None:
        return function.name, None
    return function.name, json_of([list(node.args), node.kwargs])


def bring_in(context: Context, known: set[Any], sources: Sequence[Sequence[Any]], *, pickles: bool) -> None:
    """Files the values of sources in the context of a base, those that are new there."""
    for name, arguments, packed in sources:
        if (name, arguments) not in known:
            node, value = read_node(Function.load(name), arguments), read_value(packed, pickles=pickles)
            with context:
                frame = frame_in_force(node)
                found: Any = begin(frame, _key_beneath(frame.view, node))
                if isinstance(found, Run):
                    complete(found, value, 0.0)
            known.add((name, arguments))


def read_lacking(said: Mapping[str, Any]) -> tuple[Lacking, ...]:
    """Returns the sources that an answer lacks."""
    return tuple((name, arguments) for name, arguments in said.get("lacking", ()))
