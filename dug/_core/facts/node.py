"""Decorated functions and their calls, as the engine names them: `Function`, and `Node`, one call of it with its arguments.

A function that can be imported by its qualified name *is* that name: nodes, tweaks and memos refer to the name, and a new
definition under it takes the name over.  Any other function is its own object.  Inside the engine a node is its key, the plain
tuple of `binding`; `Node` is what users hold, compare, print, parse and pickle.
"""

import ast
from collections.abc import Callable, Iterable
from functools import total_ordering
from importlib import import_module
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary, ref

from attrs import define, evolve, field, frozen

from ..._text.values import show, spell_call, visible
from ...errors import UnhashableArgumentError
from .binding import Binding, Key, canonical, list_keywords
from .equality import Fixed

R_co = TypeVar("R_co", covariant=True)

BENEATH = "beneath"
"""First element of the key ``(BENEATH, key, serial)``: the node `key` as it is beneath one tweak of it.  See `steps/begin`."""

MAIN, MAIN_OF_WORKER = "__main__", "__mp_main__"
"""The running script, and its name in a worker of multiprocessing that runs it again; ``__main__`` leads to it there too."""

_MAIN_ADVICE = (
    "Functions of a script or a notebook are known where it runs, in processes forked there, and in workers that run the script "
    "again. Define the function in a module, and import that."
)

_MOST_SHOWN = 200
"""How many arguments the short text of a node looks at."""

_by_name: "WeakValueDictionary[str, Function]" = WeakValueDictionary()  # the process has one module namespace, so this is one too


@define(eq=False, repr=False, weakref_slot=True)
class Function:
    """A decorated function: its name, its code and how its calls become keys."""

    name: str
    """``module:qualname``, or the name given to ``memoize(name=...)``."""
    body: Callable[..., Any]
    kind: str = "function"
    eq: Callable[[Any, Any], bool] | None = None
    version: object = None
    owned: bool = True
    """False while the function is its name; True when it is only itself: a local function, or one whose name was taken over."""
    options: Any = None
    """How calls become keys, as the decorator was told; compared when the function is defined again."""
    is_replaced: bool = False
    """True for a function whose name another definition has taken."""
    renamed: bool = False
    """True when ``memoize(name=...)`` named it, so that its name need not lead to it."""
    is_async: bool = field(init=False, default=False)
    """True for a coroutine function, whose calls are awaited."""
    binding: Binding = field(init=False)
    fetch: Callable[[Any, Key], Any] = field(init=False)
    """Returns the memo of a call made in a frame, or an awaitable of it: the driver that the decorator picked."""
    ask: Any = field(init=False, default=None)
    """For a coroutine function: the same with the value in the place of the memo."""
    wrappers: "list[ref[Any]]" = field(init=False, factory=list)
    """The decorated functions that stand for it: several when the same definition was run again."""
    newest: Any = field(init=False, default=None)
    """The last of them, which nodes and scenarios show."""
    was_importable: bool = field(init=False, default=False)
    """True when an import of its name found it, or was going to, when it was decorated."""
    at_first_run: Any = field(init=False, default=None)
    """Called with it when its body first runs; for a function that has a name, until then."""
    reached: Any = field(init=False, default=None)
    """Its reach when it first ran; see `_functions/definition/noted`."""
    changed: tuple[str, ...] = field(init=False, default=())
    """The places at which its reach changed at its last redefinition."""
    nodes: "dict[object, Any] | None" = field(init=False, default=None)
    """For a local function: the states of its nodes in each cache, by the token of the cache; see `state/local`."""
    bits: "WeakKeyDictionary[Any, dict[Any, Any]] | None" = field(init=False, default=None)
    """For a local function that was ever tweaked: the bits of it and of its nodes, by registry."""
    mark: "ref[Function]" = field(init=False)
    """Identifies the function where it must not be kept alive."""
    watched: ClassVar["WeakSet[Function]"] = WeakSet()
    """Those that reach data which can be changed in place; see `_functions/definition/watching`.

    They ran in contexts of any registry, and the globals are those of the process.
    """

    def __attrs_post_init__(self) -> None:
        self.mark = ref(self)

    @property
    def is_source(self) -> bool:
        """True for one that reads the outside world, which may change."""
        return self.kind == "source"

    @property
    def is_local(self) -> bool:
        """True for one that no name leads to, so that nobody can ask for it once nobody holds it."""
        return self.nodes is not None

    def hold_nodes(self) -> None:
        """Makes it hold the states of its nodes, as no name leads to it; before any of them is asked for."""
        self.nodes = {}

    def wrapper(self) -> Any:
        """Returns the newest decorated function."""
        return self.newest

    def call_at_next_run(self, act: "Callable[[Function], None]") -> None:
        """Calls `act` before the body runs next; until then its runs take the way that asks."""
        self.at_first_run = act
        self.binding = evolve(self.binding, keywords=None)

    def disarm(self) -> None:
        """Lets the runs take the short way."""
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


def check_key(key: Key) -> None:
    """Raises UnhashableArgumentError when the key has no hash."""
    try:
        hash(key)
    except TypeError:
        _check_hashable(key[0], key)
        raise


def _check_hashable(function: Function, key: Key) -> None:
    """Raises UnhashableArgumentError, naming the parameter, when `key` has no hash because of one of its elements."""
    elements = key[1:]
    names = list(function.binding.signature.parameters)
    for position, element in enumerate(elements):
        try:
            hash(element)
        except TypeError as exc:
            name = names[position] if len(names) == len(elements) else f"argument {position}"
            if function.options and name in dict(function.options[1]):
                raise UnhashableArgumentError(
                    f"{function}: the key from key={{'{name}': ...}} for an argument, {show(element)}, cannot be part of a "
                    f"node ({exc}). Let it return something hashable, such as a tuple."
                ) from exc
            raise UnhashableArgumentError(
                f"{function}: the argument {name}={show(element)} cannot be part of a node ({exc}). "
                f'Pass a hashable value (a tuple, a frozen attrs class), or say @dug.memoize(key={{"{name}": fn}}) '
                f'or ignore=("{name}",).'
            ) from exc


@total_ordering
@frozen(eq=False, repr=False, slots=True, weakref_slot=True)
class Node(Fixed, Generic[R_co]):
    """The identity of one call: a memoised function and its canonical arguments.

    Two nodes are equal when they name the same function and equal arguments, in the sense in which dict keys are equal.
    Nodes sort by their text.  They pickle by reference: the name of the function and the arguments.
    Make one with ``f.node(...)`` or `Node.parse`; ``node()`` is the call, in the context in force.
    """

    _function: Function
    _key: Key

    @property
    def function(self) -> Any:
        """The memoised function."""
        return self._function.wrapper()

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments of the call, defaults included."""
        return self._function.binding.arguments(self._key)[0]

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that can be passed by keyword only."""
        return self._function.binding.arguments(self._key)[1]

    def __call__(self) -> R_co:
        """Makes the call in the context in force and returns its value.

        Raises:
            TypeError: the function was redefined with other parameters since.
        """
        function = self._function
        if not self.is_current():
            raise TypeError(f"{self!r} is of an older definition of its function, with other parameters. Make the node again.")
        value: R_co = function.ask(None, self._key) if function.is_async else function.fetch(None, self._key).value
        return value

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Node) else NotImplemented

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self._key != other._key and str(self) < str(other)

    def __hash__(self) -> int:
        return hash(self._key)

    def __copy__(self) -> "Node[R_co]":
        return self

    def __deepcopy__(self, memo: object) -> "Node[R_co]":
        return self

    def is_current(self) -> bool:
        """True unless the function was redefined with other parameters or key options since."""
        return self._function.binding.fits(self._key)

    def __str__(self) -> str:
        return spell_call(self._function.name, *self._arguments())

    def __repr__(self) -> str:
        args, kwargs = self._arguments()
        shown = [*map(show, args[:_MOST_SHOWN]), *(f"{name}={show(value)}" for name, value in kwargs.items())]
        return visible(f"<Node {self._function.name}({', '.join(shown)})>"[:400])

    def __reduce__(self) -> tuple[Any, ...]:
        reason = self._function.unpicklable_reason()
        if reason:
            from pickle import PicklingError  # loaded already when somebody pickles

            raise PicklingError(f"{self!r} cannot be pickled: {reason}")
        return _load_node, (self._function.name, self.args, self.kwargs)

    @staticmethod
    def parse(text: str) -> "Node[Any]":
        """Returns the node that `text` names: the inverse of ``str(node)`` for literal arguments that are spelled in full.

        Raises:
            ValueError: the text is not ``module:function(literal, ...)``; the message says what is wrong.
            LookupError: there is no such memoised function.
        """
        name, args, kwargs = _parse_call(text)
        return _load_node(name, args, kwargs)

    @staticmethod
    def _of(key: Key) -> "Node[Any]":
        """Returns the node that a key of the engine belongs to."""
        while key[0] is BENEATH:
            key = key[1]
        return Node(key[0], key)

    @staticmethod
    def _of_call(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Node[Any]":
        """Returns the node of the call ``function(*args, **kwargs)``.

        Raises:
            TypeError: the function cannot be called like that.
            UnhashableArgumentError: an argument has no hash.
        """
        key = canonical(function.binding.make_key(*args, **kwargs))
        check_key(key)
        return Node(function, key)

    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return self._function.binding.arguments(self._key) if self.is_current() else (self._key[1:], {})


def plain_key(key: Key) -> Key:
    """Returns the key of the node itself for a key beneath one of its tweaks."""
    while key[0] is BENEATH:
        key = key[1]
    return key


def _load_node(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node[Any]:
    return Node._of_call(Function.load(name), args, kwargs)


def _parse_call(text: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Splits ``module:function(literals)`` into its parts; evaluates nothing but literals."""
    if not isinstance(text, str):
        raise TypeError(f"Node.parse() takes the text of a node, not {show(text)}. Write 'module:function(arguments)'.")
    name, parenthesis, rest = text.strip().partition("(")
    if not parenthesis or ":" not in name:
        raise ValueError(f"{text!r} is not a node. Write it as module:function(arguments), such as pricing:forward('AAPL', 1).")
    try:
        call = ast.parse(f"f({rest}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as exc:
        raise ValueError(f"{text!r} is not a node: its arguments do not parse ({exc}).") from exc
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError(f"{text!r} is not a node: nothing may follow the arguments.")  # noqa: TRY004  its type is right
    args = tuple(_literal(text, argument) for argument in call.args)
    kwargs = {keyword.arg: _literal(text, keyword.value) for keyword in call.keywords if keyword.arg is not None}
    if None in [keyword.arg for keyword in call.keywords]:
        raise ValueError(f"{text!r} is not a node: ** is not allowed, write the arguments out.")
    if len(kwargs) != len(call.keywords):
        raise ValueError(f"{text!r} is not a node: an argument is repeated.")
    return name, args, kwargs


def _literal(text: str, argument: ast.expr) -> Any:
    """Returns the value of a literal; ``nan`` and ``inf`` count as literals, because ``repr`` prints them."""
    try:
        return ast.literal_eval(_WithFloatNames().visit(argument))
    except (ValueError, TypeError, SyntaxError, RecursionError) as exc:
        shown = ast.unparse(argument)
        raise ValueError(
            f"{text!r} is not a node: the argument {shown} is not a literal (a number, string, tuple, list, dict, None...)."
        ) from exc


class _WithFloatNames(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(float(node.id)) if node.id in ("nan", "inf") else node
