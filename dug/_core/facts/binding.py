"""`Binding` binds the arguments of any call to a canonical key, or to a `PartialKey`; prepared once, at decoration.

A key is the tuple ``(function, argument, ...)`` with one element for each parameter in the order of the signature: ``*args`` is
one tuple, ``**kwargs`` one tuple of sorted pairs.  ``f(1)``, ``f(x=1)`` and ``f(1, default)`` give equal keys.  Python's own
argument parsing does the work: the code generated here has the function's parameters, so its errors are Python's own.

A key that cannot give the arguments back (``typed``, ``key``, ``ignore``) is a `PartialKey` and carries the complete one.

Arguments that are equal and not alike (``True`` and 1, NaN, ``typed``) are told apart in `canonical`, `_typed` and
`_with_one_nan`.  The generated code is put together by `_parameters`, `_define` and `_define_taking_apart`.  `fits` tells a key
of other parameters, `of_other` binds another function with the same ones; `plain_parameters` and `compile_call` make the call
path.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from keyword import iskeyword
from math import copysign
from numbers import Complex, Number, Real
from sys import intern
from types import CodeType
from typing import Any

from attrs import frozen

Key = tuple[Any, ...]
_NAN = float("nan")
_NO_DEFAULT = inspect.Parameter.empty
_UNNAMED = inspect.Parameter.POSITIONAL_ONLY
_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
SIMPLE_TYPES = frozenset({int, str, bool, bytes, type(None)})

_CALL_SOURCE = """\
{kind}def _dug_made({parameters}):
    _dug_frame = _dug_current()
    _dug_args = {args}
    _dug_home = _dug_memo = None
    try:
        _dug_home = {tables}.get(_dug_function)
        if _dug_home is not None:
            _dug_home = _dug_home.get(_dug_args)
            if _dug_home is not None:
                _dug_memo = _dug_home.plain
                if _dug_memo is None or (
                    _dug_memo.open_footprint and _dug_memo.open_footprint & _dug_frame.view.tweaks.open_mask
                ):
                    _dug_memo = _dug_home.recall(_dug_frame.view.tweaks)
    except TypeError:
        pass
    if _dug_memo is None:
        _dug_home = None
        try:
            return ({wait}_dug_fetch(_dug_frame, {key})).value
        finally:
            del _dug_frame
    if _dug_frame.reads is not None:
        _dug_frame.reads[_dug_memo] = None
    return _dug_memo.value
"""


class _Nan:
    """The type, in a key, of a value that does not equal itself and is not a float: a complex number that is partly NaN, NaT."""


class PartialKey(tuple[Any, ...]):  # noqa: SLOT001  a tuple cannot have slots of its own
    """A key whose elements do not give the arguments back; `complete` is the key that does."""

    complete: Key


@frozen(eq=False, repr=False)
class Binding:
    """How the calls of one function become keys, and keys become calls again."""

    signature: inspect.Signature
    make_key: Callable[..., Key]
    """Takes the function's own parameters and returns the key; raises the error that a wrong call of the function would raise."""
    keywords: tuple[str, ...] | None
    """If a complete key is the function and its arguments as they stand: the names of those at its end that are passed by name.

    None also until a function that has a name has run, so that its first run takes the longer way; see `definition/noted`.
    """

    _expression: str
    _args: str
    """The expression of what a plain key is found by among those of its function, see `homes.args_of`."""
    _parameters: str
    _names: dict[str, Any]
    _is_plain: bool
    """True when a key is nothing but the function and its arguments as they were passed."""
    _take_apart: Callable[[Key], tuple[tuple[Any, ...], dict[str, Any]]] | None
    """Returns the positional and the keyword arguments in a complete key; None where all are positional."""

    def of_other(self, function: Any, make_key: Callable[..., Key]) -> "Binding":
        """Returns the binding of another function with the same parameters, whose keys `make_key` makes in the same way."""
        names = {**self._names, "_dug_function": function}
        return Binding(
            self.signature, make_key, self.keywords, self._expression, self._args, self._parameters, names, self._is_plain,
            self._take_apart,
        )  # fmt: skip

    def arguments(self, key: Key) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Returns the positional and the keyword arguments that call the function for `key`."""
        complete = key.complete if type(key) is PartialKey else key
        return (complete[1:], {}) if self._take_apart is None else self._take_apart(complete)

    def fits(self, key: Key) -> bool:
        """False when the function had other parameters or options when `key` was made, as far as a key tells."""
        if self._take_apart is None and self._is_plain and type(key) is tuple:  # nearly always
            return len(key) == self.make_key.__code__.co_argcount + 1
        complete = key.complete if type(key) is PartialKey else key
        parameters = self.signature.parameters.values()
        if len(complete) != len(parameters) + 1 or (complete is key and not self._is_plain):
            return False
        if self._is_plain and complete is not key and canonical(complete) != key:  # only NaN makes a key of a plain call partial
            return False
        if self._take_apart is None:  # all are positional
            return True
        pairs = zip(parameters, complete[1:], strict=True)
        return all(type(value) is tuple for one, value in pairs if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD))

    def plain_parameters(self, missing: object) -> tuple[tuple[str, ...] | None, tuple[Any, ...], int, int]:
        """Returns the names of the parameters, their defaults (or `missing`), how many cannot be named, how many have a position.

        There are no names where a key is not the plain tuple of the arguments.
        """
        parameters = self.signature.parameters
        kinds = [parameter.kind for parameter in parameters.values()]
        if not self._is_plain or not _STARS.keys().isdisjoint(kinds):
            return None, (), 0, 0
        defaults = [parameter.default for parameter in parameters.values()]
        defaults = [missing if default is _NO_DEFAULT else default for default in defaults]
        unnamed, placed = kinds.count(_UNNAMED), len(kinds) - kinds.count(inspect.Parameter.KEYWORD_ONLY)
        return tuple(map(intern, parameters)), tuple(defaults), unnamed, placed

    def compile_call(
        self,
        current: Callable[[], Any],
        fetch: Callable[[Any, Key], Any],
        *,
        is_async: bool,
        find_homes: Callable[[Any], Any] | None = None,
    ) -> Callable[..., Any]:
        """Returns a function with the same name and parameters: a hit is answered there, the rest goes to `fetch`.

        Args:
            current: returns the frame in force.
            fetch: the driver.
            is_async: whether the function is a coroutine function.
            find_homes: returns the homes among which a call made in a frame looks; None for the frame's own.
        """
        kind, wait = ("async ", "await ") if is_async else ("", "")
        tables = "_dug_frame.homes.tables" if find_homes is None else "_dug_homes(_dug_frame).tables"
        args, key = (self._args, self._expression) if self._is_plain else (self._expression, "_dug_args")
        source = _CALL_SOURCE.format(kind=kind, wait=wait, parameters=self._parameters, args=args, key=key, tables=tables)
        names = {**self._names, "_dug_current": current, "_dug_fetch": fetch, "_dug_homes": find_homes}
        return _define(source, names, self.make_key.__name__)

    @classmethod
    def of(
        cls,
        function: Any,
        signature: inspect.Signature,
        *,
        typed: bool = False,
        keys: Mapping[str, Callable[[Any], Any]] | None = None,
        ignore: tuple[str, ...] = (),
    ) -> "Binding":
        """Returns the binding of `function` (the first element of its keys), whose parameters `signature` names.

        Raises:
            TypeError: `keys` or `ignore` names a parameter that the function does not have.
        """
        keys = dict(keys or {})
        _check_names(function, signature, (*keys, *ignore))
        names: dict[str, Any] = {"_dug_function": function, "_dug_items": _sorted_items}
        names |= {"_dug_typed": _typed, "_dug_partial": _partial}
        complete = ["_dug_function"]
        partial = ["_dug_function"]
        for parameter in signature.parameters.values():
            element = f"_dug_items({parameter.name})" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
            complete.append(element)
            if parameter.name in ignore:
                continue
            if parameter.name in keys:
                names[f"_dug_key_{parameter.name}"] = keys[parameter.name]
                element = f"_dug_key_{parameter.name}({element})"
            partial.append(f"_dug_typed({element})" if typed else element)
        parameters = _parameters(signature, names)
        expression = f"({', '.join(complete)},)"
        if partial != complete:
            expression = f"_dug_partial(({', '.join(partial)},), {expression})"
        make_key = _define(f"def _dug_made({parameters}):\n    return {expression}\n", names, _function_name(function))
        keywords = list_keywords(signature)
        take_apart = None if keywords == () else _define_taking_apart(signature)
        args = f"({', '.join(complete[1:])},)" if len(complete) > 1 else "()"
        if len(complete) == 2:
            args = f"{args} if _dug_issubclass(_dug_type({complete[1]}), _dug_tuple) else {complete[1]}"
            names |= {"_dug_issubclass": issubclass, "_dug_type": type, "_dug_tuple": tuple}  # which do not ask it for its class
        return cls(signature, make_key, keywords, expression, args, parameters, names, partial == complete, take_apart)


def list_keywords(signature: inspect.Signature) -> tuple[str, ...] | None:
    """Returns the names of the keyword-only parameters; None where a ``*args`` or ``**kwargs`` stands for several arguments."""
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    if not _STARS.keys().isdisjoint(kinds.values()):
        return None
    return tuple(intern(name) for name, kind in kinds.items() if kind is inspect.Parameter.KEYWORD_ONLY)


def _define_taking_apart(signature: inspect.Signature) -> Callable[..., Any]:
    """Returns a function that takes a complete key, and returns the positional and the keyword arguments in it.

    It raises ValueError for a key of an older definition, with more or fewer parameters.
    """
    elements, args, kwargs = "", "", ""
    for place, (name, parameter) in enumerate(signature.parameters.items(), 1):
        element = f"_dug_{place}"
        elements += f"{element}, "
        if parameter.kind is parameter.VAR_KEYWORD:
            kwargs += f"**dict({element})"
        elif parameter.kind is parameter.KEYWORD_ONLY:
            kwargs += f"{name!r}: {element}, "
        else:
            args += f"{_STARS.get(parameter.kind, '')}{element}, "
    source = f"def _dug_made(_dug_key):\n    _, {elements}= _dug_key\n    return ({args}), {{{kwargs}}}\n"
    return _define(source, {}, "take_apart")


def canonical(key: Key) -> Key:
    """Returns `key` with every NaN in it replaced by one and the same NaN, so that all NaN are one key; calls keep theirs."""
    for element in key[1:]:
        if type(element) not in SIMPLE_TYPES and _holds_nan(element):
            break
    else:
        return key
    return _partial((key[0], *map(_with_one_nan, key[1:])), key.complete if type(key) is PartialKey else key)


def _define(source: str, names: dict[str, Any], name: str) -> Callable[..., Any]:
    """Runs generated source, as attrs does for ``__init__``, and returns the function it defines, under a name of its own."""
    exec(_compile(source), names)  # noqa: S102  the text is built from identifiers only
    made: Any = names.pop("_dug_made")
    made.__code__ = made.__code__.replace(co_name=name, co_qualname=name, co_filename=f"<dug call {name}>")
    made.__name__ = made.__qualname__ = name
    return made  # type: ignore[no-any-return]  # a function


@lru_cache(1024)
def _compile(source: str) -> CodeType:
    """Returns compiled source, the same for all functions of one shape: compiling it takes ten times as long as the rest."""
    return compile(source, "<dug call>", "exec")


def _parameters(signature: inspect.Signature, names: dict[str, Any]) -> str:
    """Returns the text of the parameter list; defaults are looked up in `names`, annotations are left out."""
    parts = list[str]()
    kind_before = None
    for name, parameter in signature.parameters.items():
        kind, default = parameter.kind, parameter.default
        if kind_before is _UNNAMED is not kind:
            parts.append("/")
        if kind is inspect.Parameter.KEYWORD_ONLY and kind_before not in {kind, inspect.Parameter.VAR_POSITIONAL}:
            parts.append("*")
        if default is _NO_DEFAULT:
            parts.append(_STARS.get(kind, "") + name)
        else:
            names[f"_dug_default_{name}"] = default
            parts.append(f"{name}=_dug_default_{name}")
        kind_before = kind
    if kind_before is _UNNAMED:
        parts.append("/")
    return ", ".join(parts)


def _function_name(function: Any) -> str:
    """Returns the identifier that Python's own argument errors will show."""
    name = str(function).rpartition(".")[2].rpartition(":")[2]
    return name if name.isidentifier() and not iskeyword(name) else "function"


def _check_names(function: Any, signature: inspect.Signature, wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in signature.parameters:
            known = ", ".join(signature.parameters) or "none"
            raise TypeError(f"{function} has no parameter {name!r} to key or ignore; its parameters: {known}.")


def _sorted_items(kwargs: dict[str, Any]) -> Key:
    return tuple(sorted(kwargs.items()))


def _partial(elements: Key, complete: Key) -> PartialKey:
    key = PartialKey(elements)
    key.complete = complete
    return key


def _typed(value: Any) -> Any:
    """Returns `value` with its type beside it, recursively through tuples, and with the sign of a zero."""
    kind: Any = type(value)  # the class itself: a proxy may raise when it is asked for its class
    if issubclass(kind, tuple) and kind.__eq__ is tuple.__eq__:
        return kind, tuple(map(_typed, value))
    if type(value) in SIMPLE_TYPES or not _is_number(value):
        return type(value), value
    parts = (value.real, value.imag) if isinstance(value, Complex) and not isinstance(value, Real) else (value,)
    return type(value), value, *(copysign(1.0, part) for part in parts if part == 0)


def _is_number(value: Any) -> bool:
    """True for a number; an object that refuses to tell its class is not one: a proxy of a missing object.

    The class is asked first what numbers have: an abstract class keeps an entry for each class that it was ever asked about.
    """
    try:
        kind = type(value)
        like_one = hasattr(kind, "__complex__") or hasattr(kind, "__float__") or Number in kind.__mro__
        return like_one and isinstance(value, Number)
    except Exception:  # noqa: BLE001  it is the user's, and a plain function takes it
        return False


def _holds_nan(element: Any) -> bool:
    if type(element) is tuple:
        return any(map(_holds_nan, element))
    try:
        if not _is_number(element) and type(element).__module__ != "numpy":
            return False
        return bool(element != element)
    except (ArithmeticError, ValueError):  # a signalling NaN, which has no hash, or an array
        return False


def _with_one_nan(element: Any) -> Any:
    if type(element) is tuple:
        return tuple(map(_with_one_nan, element))
    if not _holds_nan(element):
        return element
    if isinstance(element, Complex) and element.imag:  # the part that is a number is not swallowed
        return _Nan, *("nan" if part != part else part for part in (element.real, element.imag))
    kind = getattr(getattr(element, "dtype", None), "kind", "f")
    return (_Nan, kind) if kind in "mM" else _NAN  # neither a time nor a number
