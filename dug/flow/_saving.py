"""Keeps a flow in a file: `Saving.save` and `Saving.load`, on snapshots; functions are given again.

A file holds no function: it has the text name and the fingerprint of each, by the key under which definitions name it.  A load
finds a given function for each key and registers it under that key again; so the definitions, which are tweaks, are the same, and
every value that was saved answers.  A function that has changed gets a key of its own, where it is to run again.

`SavedFunction` describes one; `_match` and `_choose` find the function given for each, `_find_changed` those that changed;
`about` is a note in the file.  `_tell` is what the file must know, `_take_functions`, `_run_again` and `_redirect` bring a load
up to date.
"""

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from attrs import frozen

from .._contexts.context import Context
from .._contexts.scenario import put_over
from .._core.read import Node
from .._functions.memoize import memoize
from .._text.values import show
from ._building import same
from ._context import FlowContext
from ._errors import FlowError
from ._nodes import INPUT, PICK, Registered, find_function, is_registered, register, value, value_async
from ._starting import GIVEN, Starting
from ._wiring import wire_by_name

if TYPE_CHECKING:
    from ..snapshot import Report

Functions: TypeAlias = Mapping[str, Callable[..., Any]] | Iterable[Callable[..., Any]]

_EVERYWHERE = (PICK.key, GIVEN.key)
"""The functions that every process has under these keys."""
_CHOICES = ("refuse", "keep", "recompute")


@memoize(name="dug.flow:about")
def about(flow: str) -> Any:  # noqa: ARG001  it is part of the node
    """Returns what a file says of a flow besides its tweaks: a tweak of the context that is saved; no node reads it."""
    return None


@frozen
class SavedFunction:
    """A function of a saved flow, as the file describes it."""

    key: str
    text: str
    """Its module and qualified name."""
    print: str | None
    """Its fingerprint."""
    names: tuple[str, ...]
    """The names of the flow that it computes."""

    def __str__(self) -> str:
        more = ", ..." if len(self.names) > 1 else ""
        return f"{self.text} (for {self.names[0]!r}{more})"


class Saving(Starting):
    """What writes a flow into a file and reads it again."""

    def save(self, path: "str | PathLike[str]", *, allow_pickle: bool = False) -> "Report":
        """Writes the flow into one file: its wiring, tags and values, and all that it has computed; its functions by their names.

        The file is a snapshot, which `dug.snapshot.look` shows.  A value that cannot be written is left out and computed again;
        the report's ``absent`` names it.

        Args:
            path: the file; ``.dug`` is its usual ending.
            allow_pickle: pickles values that have no codec; only `load` with ``trust=True`` reads them.

        Raises:
            SnapshotError: the file cannot be written; the old file at `path` is unchanged.
        """
        from ..snapshot import save  # a flow that is kept in no file loads none of it

        context = self._branch(put_over(self.context.scenario, {about.node(self.name): self._tell()}), self.name)
        return save(context, path, allow_pickle=allow_pickle)

    def _tell(self) -> dict[str, Any]:
        """Returns what the file must know, as plain data."""
        from ..fingerprint import fingerprint_of  # loaded when somebody saves

        by_key: dict[str, list[str]] = {}
        for name in self._list_own():
            key, _ = self._define(name) or INPUT
            if key and key not in _EVERYWHERE:
                by_key.setdefault(key, []).append(name)
        functions = []
        for key, names in by_key.items():
            fn = find_function(key)
            functions.append((key, _text_of(fn), fingerprint_of(fn), tuple(names)))
        tags = {name: tuple(sorted(found)) for name, found in self._tags.items() if found}
        groups = {name: group for name, group in self._groups.items() if self._define(name) is not None}
        return {"functions": tuple(functions), "tags": tags, "groups": groups, "is_async": self._value is value_async}

    @classmethod
    def load(
        cls, path: "str | PathLike[str]", functions: Functions, *, changed: str = "refuse", trust: bool = False
    ) -> Self:
        """Opens a file as a flow in which every value of it answers; only what a change reaches is computed.

        Values stay in the file until they are asked for: ``flow.context.close()`` closes it.

        Args:
            path: a file that `save` wrote.
            functions: the functions of the flow, given again, in any order; or a dict of them by a name that each computes,
                which tells functions of one name apart, such as lambdas.
            changed: what becomes of a function that is another than when the file was written: ``"refuse"`` it, ``"recompute"``
                what it computes, or ``"keep"`` the values that the file has.
            trust: unpickles pickled values, which can run any code.

        Raises:
            FlowError: the file is of no flow; a function is missing, or has changed; the message names it.
            SnapshotError: the file is not a snapshot, needs a newer dug or is damaged.
            ValueError: `changed` is none of the three words.
        """
        from ..snapshot import load  # a flow that is kept in no file loads none of it

        if changed not in _CHOICES:
            raise ValueError(f"changed must be 'refuse', 'recompute' or 'keep', not {show(changed)}.")
        context = load(path, trust=trust)
        try:
            name, said = _find_flow(context, path)
            saved = [SavedFunction(*one) for one in said["functions"]]
            whose = f"{str(path)!r} has the flow {name!r}"
            found = _match(saved, functions, whose)
            others = _find_changed(saved, found, whose, refuses=changed == "refuse")
            made = cls.__new__(cls)
            FlowContext.__init__(made, name, context)
            made._value = value_async if said["is_async"] else value
            made._tags.update({one: set(tags) for one, tags in said["tags"].items()})
            made._groups.update(said.get("groups", {}))  # files of earlier days have none
            again = others if changed == "recompute" else []
            made._take_functions(saved, found, again)
        except BaseException:
            context.close()
            raise
        return made

    def _take_functions(
        self, saved: list[SavedFunction], found: Mapping[str, Callable[..., Any]], again: list[SavedFunction]
    ) -> None:
        for one in saved:
            fn = found[one.key]
            if one in again:
                self._run_again(one, fn)
            else:
                held = _register_again(one, fn)
                self._functions[held.key] = held
                if held.key != one.key:  # this process has another function under that key
                    self._redirect(one, held)

    def _run_again(self, one: SavedFunction, fn: Callable[..., Any]) -> None:
        held = register(fn)
        self._functions[held.key] = held
        self._redirect(one, held)

    def _redirect(self, one: SavedFunction, held: Registered) -> None:
        """Gives nodes the function under another key: they run again, wired by its parameters if they were before."""
        stated = {}
        for name in one.names:
            wires = (self._define(name) or INPUT)[1]
            if all(parameter == read for parameter, read, _ in wires):
                wires = wire_by_name(held.fn)
            stated[self._nodes_of(name).definition] = (held.key, wires)
        self._state(stated)


def _find_flow(context: Context, path: Any) -> tuple[str, dict[str, Any]]:
    for node, said in context.tweaks.items():
        if isinstance(node, Node) and node.function is about:
            return node.args[0], said
    raise FlowError(f"{str(path)!r} is a snapshot of no flow. Open it with dug.snapshot.load({str(path)!r}).")


def _match(saved: list[SavedFunction], functions: Functions, whose: str) -> dict[str, Callable[..., Any]]:
    """Returns a function for each key.

    Raises:
        FlowError: there is none for one of them, or several that cannot be told apart.
        TypeError: one of the given ones is not a function.
    """
    is_by_name = isinstance(functions, Mapping)
    given: list[Any] = list(functions.values() if isinstance(functions, Mapping) else functions)
    wrong = next((fn for fn in given if not callable(fn)), None)
    if wrong is not None:
        raise TypeError(f"load() takes functions, not {show(wrong)}. Write [f, g], or {{'name': f}}.")
    if isinstance(functions, Mapping):
        found = {one.key: functions[name] for one in saved for name in one.names if name in functions}
    else:
        found = {one.key: fn for one in saved for fn in [_choose(one, saved, given)] if fn is not None}
    found.update({one.key: same for one in saved if one.text == _text_of(same)})
    missing = [one for one in saved if one.key not in found]
    if missing:
        raise FlowError(_say_missing(missing, saved, is_by_name=is_by_name, whose=whose))
    return found


def _find_changed(
    saved: list[SavedFunction], found: Mapping[str, Callable[..., Any]], whose: str, *, refuses: bool
) -> list[SavedFunction]:
    """Returns the functions that have changed.

    Raises:
        FlowError: there are some, and that is to be refused.
    """
    others = [one for one in saved if _is_another(one, found[one.key])]
    if others and refuses:
        names = "; ".join(map(str, others[:8]))
        raise FlowError(
            f"{whose}, of which functions have changed since: {names}. Write changed='recompute' to run them again, "
            "or changed='keep' for the values that the file has."
        )
    return others


def _choose(one: SavedFunction, saved: list[SavedFunction], given: list[Any]) -> Any:
    """Returns the given function that a saved one is: by its text name, else by the name within its module; None without one."""
    texts = [(fn, _text_of(fn)) for fn in given]
    alike = [fn for fn, text in texts if text == one.text]
    if not alike:  # the program that saved may have been started as a script
        alike = [fn for fn, text in texts if text.partition(":")[2] == one.text.partition(":")[2]]
    unchanged = [fn for fn in alike if not _is_another(one, fn)]
    if unchanged:
        return unchanged[0]
    is_only = len(alike) == 1 and sum(other.text == one.text for other in saved) == 1
    return alike[0] if is_only else None


def _is_another(one: SavedFunction, fn: Callable[..., Any]) -> bool:
    """Returns whether a function is seen to be another than the saved one."""
    from ..fingerprint import fingerprint_of, has_changed  # loaded when a file is read

    now = fingerprint_of(fn)
    return has_changed(one.print, now) or (one.print is None) != (now is None)


def _register_again(one: SavedFunction, fn: Callable[..., Any]) -> Registered:
    """Returns a function under its key; where this process has that function still, under the same object for all its flows."""
    if not is_registered(one.key):
        return register(fn, one.key)
    if _is_another(one, find_function(one.key)):
        return register(fn)
    return register(find_function(one.key), one.key)


def _say_missing(missing: list[SavedFunction], saved: list[SavedFunction], *, is_by_name: bool, whose: str) -> str:
    names = "; ".join(map(str, missing[:8]))
    none = " None of those that are given is of this flow: is it the right file?" if len(missing) == len(saved) else ""
    first = missing[0].text.rpartition(".")[2].rpartition(":")[2]
    is_named = first.isidentifier() and sum(one.text == missing[0].text for one in saved) == 1 and not is_by_name
    how = f"[..., {first}]" if is_named else f"{{..., {missing[0].names[0]!r}: function}}"
    return f"{whose}, for which no function is given: {names}.{none} Write Flow.load(path, {how})."


def _text_of(fn: Any) -> str:
    named = fn if hasattr(fn, "__qualname__") else type(fn)
    return f"{getattr(named, '__module__', '')}:{named.__qualname__}"
