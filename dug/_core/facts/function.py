"""Decorated functions, as the engine names them: `Function`.

A function that can be imported by its qualified name *is* that name: nodes, tweaks and memos refer to the name, and a new
definition under it takes the name over.  Any other function is its own object.

It publishes functions under their names (`publish`, `find`, `load`), says why one cannot be pickled, and holds the nodes of a
local one.  Methods: `wrapper`, `binding`, `trust`, `disarm`, `call_at_next_run`, `unpicklable_reason`.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary, ref

from attrs import evolve

from .binding import Binding, Key, list_keywords

MAIN, MAIN_OF_WORKER = "__main__", "__mp_main__"
"""The running script, and its name in a worker of multiprocessing that runs it again; ``__main__`` leads to it there too."""

_MAIN_ADVICE = (
    "Functions of a script or a notebook are known where it runs, in processes forked there, and in workers that run the script "
    "again. Define the function in a module, and import that."
)

_by_name: "WeakValueDictionary[str, Function]" = WeakValueDictionary()  # the process has one module namespace, so this is one too


class Function:
    """A decorated function: its name, its code and how its calls become keys."""

    __slots__ = (
        "__weakref__", "_binding", "ask",
        "at_first_run", "bits", "body", "changed", "digest", "eq", "fetch", "ignored", "is_async", "is_replaced", "is_simple",
        "kind", "length", "mark", "name", "named", "newest", "nodes", "options", "owned", "reached", "renamed", "store", "stream",
        "version", "was_importable", "wrappers",
    )  # fmt: skip
    watched = WeakSet["Function"]()  # noqa: RUF012  compiled as it is, a class takes no annotations
    """Those that reach data which can be changed in place; see `_functions/definition/watching`.

    They ran in contexts of any cache group, and the globals are those of the process.
    """

    def __init__(
        self,
        name: str,
        body: Callable[..., Any],
        kind: str = "function",
        eq: Callable[[Any, Any], bool] | None = None,
        version: object = None,
    ) -> None:
        self.name = name
        """``module:qualname``, or the name given to ``memoize(name=...)``."""
        self.body = body
        self.kind, self.eq = kind, eq
        self.version = version
        self.owned = True
        """False while the function is its name; True when it is only itself: a local one, or one whose name was taken over."""
        self.options: Any = None
        """How calls become keys, as the decorator was told; compared when the function is defined again."""
        self.is_replaced = False  # True for a function whose name another definition has taken
        self.renamed = False  # True when ``memoize(name=...)`` named it, so that its name need not lead to it
        self.is_async = False
        """True for a coroutine function, whose calls are awaited."""
        self.is_simple = False
        """True when its body takes the arguments in a key as they stand, and nothing is to be done before it runs."""
        self.named: tuple[str, ...] = ()  # if it would be simple but for those that it takes by name at the end: their names
        self.fetch: Callable[[Any, Key], Any]
        """Returns the memo of a call made in a frame, or an awaitable of it: the driver that the decorator picked."""
        self.ask: Any = None
        """For a coroutine function: the same with the value in the place of the memo."""
        self.store: bool | None = None  # whether a store keeps its runs: always, never, or by what they cost
        self.digest: Callable[[Any], object] | None = None  # by which a store compares its values: bytes or a text
        self.ignored: frozenset[str] = frozenset()  # the places of globals that its reach leaves out
        self.stream: Any = None
        """For a generator function: its ``make`` gives the value of a run, see `_functions/stream`."""
        self.wrappers: list[ref[Any]] = []
        """The decorated functions that stand for it: several when the same definition was run again."""
        self.newest: Any = None  # the last of them, which nodes and scenarios show
        self.was_importable = False
        """True when an import of its name found it, or was going to, when it was decorated."""
        self.at_first_run: Any = None
        """Called with it when its body first runs; for a function that has a name, until then."""
        self.reached: Any = None
        """Its reach when it first ran; see `_functions/definition/noted`."""
        self.changed: tuple[str, ...] = ()
        """The places at which its reach changed at its last redefinition."""
        self.nodes: dict[object, Any] | None = None
        """For a local function: the memos of its nodes in each cache, by the token of the cache; see `state/local`."""
        self.bits: WeakKeyDictionary[Any, dict[Any, Any]] | None = None
        """For a local function that was ever tweaked: the bits of it and of its nodes, by cache group."""
        self.mark: ref[Function] = ref(self)
        """Identifies the function where it must not be kept alive."""

    @property
    def binding(self) -> Binding:
        """How its calls become keys."""
        return self._binding

    @binding.setter
    def binding(self, binding: Binding) -> None:
        self._binding = binding
        self.is_simple = binding.keywords == ()
        self.named = binding.keywords or ()
        self.length = 1 + len(binding.signature.parameters)  # of a key

    @property
    def is_source(self) -> bool:
        """True for one that reads the outside world, which may change."""
        return self.kind == "source"

    @property
    def is_local(self) -> bool:
        """True for one that no name leads to, so that nobody can ask for it once nobody holds it."""
        return self.nodes is not None

    def hold_nodes(self) -> None:
        """Makes it hold the memos of its nodes, as no name leads to it; before any of them is asked for."""
        self.nodes = {}

    def wrapper(self) -> Any:
        """Returns the newest decorated function."""
        return self.newest

    def call_at_next_run(self, act: "Callable[[Function], None]") -> None:
        """Calls `act` before the body runs next; until then, each run takes the slower way, which checks for it."""
        self.at_first_run = act
        self.binding = evolve(self.binding, keywords=None)

    def disarm(self) -> None:
        """Ends a `call_at_next_run`: runs take the quicker way again."""
        self.at_first_run = None
        self.binding = evolve(self.binding, keywords=list_keywords(self.binding.signature))

    def publish(self) -> None:
        """Makes this function the one that its name leads to."""
        _by_name[self.name] = self

    @staticmethod
    def find(name: str) -> "Function | None":
        """Returns the live function that `name` leads to, without importing anything."""
        return _by_name.get(name)

    @staticmethod
    def load(name: str) -> "Function":
        """Returns the memoised function that is importable as `name`, importing its module when needed.

        Raises:
            LookupError: the module, the attribute or the memoised function is not there; the message says which.
        """
        function = _by_name.get(name)
        if function is not None:
            return function
        found = None
        try:
            import_module(name.partition(":")[0])
            found = None if name in _by_name else _resolve(name)
        except (ImportError, AttributeError, ValueError, TypeError) as exc:
            advice = (
                _MAIN_ADVICE if name.startswith(f"{MAIN}:") else "Write it as module:function, the module importable from here."
            )
            raise LookupError(f"no memoised function {name!r}: {exc}. {advice}") from exc
        function = _by_name.get(name) or getattr(found, "_self_function", None)
        if function is None:
            raise LookupError(f"{name!r} is not a memoised function. Decorate it with @dug.memoize.")
        return function

    @classmethod
    def trust(cls, targets: "Iterable[Key | Function]") -> None:
        """Stops checking the data that these nodes or functions reach: a user who invalidates them needs no warning."""
        for target in targets if cls.watched else ():
            cls.watched.discard(target if isinstance(target, Function) else target[0])

    @staticmethod
    def name_module(module: object) -> object:
        """Returns the name of a module as nodes have it: one for the script, in whichever process it runs."""
        return MAIN if module == MAIN_OF_WORKER else module

    def unpicklable_reason(self) -> str | None:
        """Returns why another process could not find this function by its name, or None when it can."""
        if "<" in self.name:
            return "its function is local, and only an importable one can be found again. Define it at the top of a module."
        if self.owned:
            return "its function is known under no name: it never had its own, or was redefined. Use the one that has the name."
        if not self.renamed:
            try:
                found = _resolve(self.name)
            except (ImportError, AttributeError, ValueError) as exc:
                return f"its name {self.name} leads nowhere ({exc}). Keep the decorated function under its own name."
            if getattr(found, "_self_function", None) is not self:
                return f"its name {self.name} leads to something else now. Keep the decorated function under its own name."
        return None

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def _resolve(name: str) -> Any:
    """Returns what `name` leads to: an attribute of a module, or of a class in it."""
    module, _, qualname = name.partition(":")
    found: Any = import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found
