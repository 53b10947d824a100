"""One call of a decorated function with its arguments: `Node`, and its key.

Inside the engine a node is its key, the plain tuple of `binding`; `Node` is what users hold, compare, print, parse and pickle.

`check_key` refuses an unhashable argument, naming the parameter; `_parse_call` reads the text of a node back, literals only.
Inside the engine keys are checked by `_check_hashable`.
"""

import ast
from functools import total_ordering
from typing import Any, Generic, TypeVar

from attrs import frozen

from ..._text.values import show, spell_call, visible
from ...errors import UnhashableArgumentError
from .binding import SIMPLE_TYPES, Key, canonical
from .equality import Fixed, find_unseen
from .function import Function

R_co = TypeVar("R_co", covariant=True)

BENEATH = "beneath"
"""First element of the key ``(BENEATH, key, serial)``: the node `key` as it is beneath one tweak of it.  See `steps/begin`."""

_MOST_SHOWN = 200
"""How many arguments the short text of a node looks at."""


def check_key(key: Key) -> None:
    """Raises UnhashableArgumentError when the key has no hash, and warns of an argument whose changes it does not show."""
    try:
        hash(key)
    except TypeError:
        _check_hashable(key[0], key)
        raise
    for position, element in enumerate(key[1:]):
        if type(element) not in SIMPLE_TYPES:
            unseen = find_unseen(element)
            if unseen is not None:
                from .unseen import warn_of_unseen  # loaded when there is something to say

                warn_of_unseen(key[0], _name_parameter(key, position), element, unseen)


def _name_parameter(key: Key, position: int) -> str:
    """Returns the name of the parameter that an element of a key stands for, or its number where some are left out."""
    names = list(key[0].binding.signature.parameters)
    return names[position] if len(names) == len(key) - 1 else f"argument {position}"


def _check_hashable(function: Function, key: Key) -> None:
    """Raises UnhashableArgumentError, naming the parameter, when `key` has no hash because of one of its elements."""
    for position, element in enumerate(key[1:]):
        try:
            hash(element)
        except TypeError as exc:
            name = _name_parameter(key, position)
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
            LookupError: no memoised function has that name.
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
