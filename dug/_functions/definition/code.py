"""The content of a code object: the names that it asks for (`names_of`) or binds (`stored_next`), its operations (`tell_code`).

Both are read from the byte code, those of functions inside it included, and kept for as long as the code object lives.  A name is
part of the globals that is read, with the attributes that are read of it at once (``pricing.curves.RATE``); of the first
parameter, which is the instance in a method, the attributes count too.

`Names` is what a code object asks for, `_collect` and `instructions` the pass over its operations, `find_owner` the class in
which a method was defined.  `_steps` and `_tell_constant` write the operations down.
"""

import dis
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any
from weakref import ref

from attrs import frozen

Chain = tuple[str, ...]

_EXTENDED = dis.opmap["EXTENDED_ARG"]
_IS_312 = sys.version_info >= (3, 12)
_GLOBALS = {dis.opmap["LOAD_GLOBAL"]: 1, dis.opmap["LOAD_NAME"]: 0, dis.opmap.get("LOAD_FROM_DICT_OR_GLOBALS", -1): 0}
"""Instructions that read a global, and by how many bits their argument is shifted."""
ATTRIBUTES = {dis.opmap["LOAD_ATTR"]: int(_IS_312), dis.opmap.get("LOAD_METHOD", -1): 0}
"""Instructions that read an attribute, and by how many bits their argument is shifted."""
_STORES = frozenset({dis.opmap["STORE_GLOBAL"], dis.opmap["DELETE_GLOBAL"]})
_IMPORTS = dis.opmap["IMPORT_NAME"]
_LOCALS = frozenset(
    dis.opmap[name] for name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_DEREF") if name in dis.opmap
)
_TWO_LOCALS = frozenset(
    dis.opmap[name]
    for name in ("LOAD_FAST_LOAD_FAST", "STORE_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW")
    if name in dis.opmap
)
_CONSTANTS = frozenset(dis.hasconst)
_STORE_NAME = dis.opmap["STORE_NAME"]
_BODY_NAMES = {**_GLOBALS, **ATTRIBUTES, _STORE_NAME: 0}
_POSITIONS = frozenset({"__doc__", "__firstlineno__", "__static_attributes__"})
"""Names that a class body notes about its text, and not about its behaviour."""
_CALLS = frozenset(dis.opmap[name] for name in ("PRECALL", "CALL", "CALL_KW", "NOP") if name in dis.opmap)
_END = 0
_UNWRAPPERS = frozenset({"__wrapped__", "unwrap"})
_OPTIMIZED = 0x1  # of a function; the body of a class or module has a dict of its own


@frozen(eq=False)
class Names:
    """The names that a code object asks for."""

    globals: dict[str, set[Chain]]
    """The globals that it reads, each with the attributes that are read of it."""
    own: set[str]
    """The attributes that are read of its first parameter."""
    stored: set[str]
    """The globals that it writes."""
    imported: set[str]
    """The modules that it imports when it runs."""
    unwraps: bool
    """True when it asks for the function below a decorated one, by ``__wrapped__`` or with ``inspect.unwrap``."""


_kept: "dict[int, tuple[ref[CodeType], Names]]" = {}
"""By the identity of a code object, as equal ones need not be compared for this; for as long as it lives."""


def names_of(code: CodeType) -> Names:
    """Returns the names that a code object and those inside it ask for; O(instructions), once."""
    known = _kept.get(id(code))
    if known is None or known[0]() is not code:
        names = Names({}, set(), set(), set(), _unwraps(code))
        _collect(code, code.co_varnames[0] if code.co_argcount else None, names)
        number = id(code)
        _kept[number] = known = ref(code, lambda _: _kept.pop(number, None)), names
    return known[1]


def _collect(code: CodeType, first: str | None, names: Names) -> None:  # noqa: C901  one loop over the operations
    """Adds the names of one code object, and then of those inside it."""
    places = [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars]
    chain: Chain = ()
    is_own = False
    for op, arg in (*instructions(code), (_END, 0)):
        if op in ATTRIBUTES and (chain or is_own):
            name = code.co_names[arg >> ATTRIBUTES[op]]
            if is_own:
                names.own.add(name)
                is_own = False
            else:
                chain = (*chain, name)
            continue
        if chain:
            names.globals.setdefault(chain[0], set()).add(chain[1:])
        chain, is_own = (), False
        if op in _GLOBALS:
            chain = (code.co_names[arg >> _GLOBALS[op]],)
        elif op in _LOCALS:
            is_own = first is not None and places[arg] == first
        elif op in _TWO_LOCALS:
            is_own = first is not None and places[arg & 15] == first
        elif op in _STORES:
            names.stored.add(code.co_names[arg])
        elif op == _IMPORTS:
            names.imported.add(code.co_names[arg])
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _collect(constant, first if first in constant.co_freevars or constant.co_varnames[:1] == (".0",) else None, names)


def _unwraps(code: CodeType) -> bool:
    """True when a code object, or one inside it, asks for the function below a decorated one."""
    if not _UNWRAPPERS.isdisjoint(code.co_names):
        return True
    return any(_unwraps(one) if isinstance(one, CodeType) else type(one) is str and one in _UNWRAPPERS for one in code.co_consts)


def instructions(code: CodeType, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yields the operations of a code object with their whole arguments, caches left out."""
    raw = code.co_code
    more = 0
    for at in range(start, len(raw), 2):
        op, arg = raw[at], raw[at + 1] | more
        if op == _EXTENDED:
            more = arg << 8
        else:
            more = 0
            if op:
                yield op, arg


def find_owner(function: FunctionType) -> type | None:
    """Returns the class that a method was defined in, found by its qualified name; None for anything but a method."""
    found: Any = function.__globals__
    path = function.__code__.co_qualname.split(".")[:-1]
    for step in path:
        found = found.get(step) if isinstance(found, dict) else vars(found).get(step) if isinstance(found, type) else None
    return found if path and isinstance(found, type) else None


def stored_next(code: CodeType, last: int) -> str | None:
    """Returns the name under which the body of a module or class keeps the result of the call at `last`; None for none.

    Nothing may come between but calls of the decorators above.
    """
    for op, arg in instructions(code, last + 2):
        if op == _STORE_NAME:
            return code.co_names[arg]
        if op not in _CALLS:
            return None
    return None


def stored_after(code: CodeType, last: int) -> set[str]:
    """Returns the names that the body of a module binds from `last` on."""
    return {code.co_names[arg] for op, arg in instructions(code, last) if op == _STORE_NAME}


def is_body(code: CodeType) -> bool:
    """True for the body of a module, of a cell or of a class, which binds names."""
    return not code.co_flags & _OPTIMIZED


def tell_code(code: CodeType) -> str:
    """Returns the operations of a code object, without its position in a file: equal in every process of one Python."""
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFFFF)
    return repr((_steps(code), _named(code, names), counts, code.co_exceptiontable))


def _named(code: CodeType, names: tuple[tuple[str, ...], ...]) -> Any:
    if not is_body(code):
        return names
    return tuple(tuple(name for name in some if name not in _POSITIONS) for some in names)


def _steps(code: CodeType) -> list[Any]:
    """The operations, with constants by value: a docstring changes the positions of constants."""
    steps: list[Any] = []
    shifts = _BODY_NAMES if is_body(code) else {}
    for op, arg in instructions(code):
        if op in _CONSTANTS:
            steps.append((op, _tell_constant(code.co_consts[arg])))
        elif op in shifts and code.co_names[arg >> shifts[op]] in _POSITIONS:
            steps.pop()
        elif op in shifts:
            steps.append((op, code.co_names[arg >> shifts[op]]))
        else:
            steps.append((op, arg))
    return steps


def _tell_constant(value: Any) -> Any:
    """A constant as a text; the items of a set in the same order in every process."""
    if isinstance(value, CodeType):
        return tell_code(value)
    if type(value) is tuple:
        return tuple(map(_tell_constant, value))
    if type(value) is frozenset:
        return sorted(repr(_tell_constant(one)) for one in value)
    return type(value).__name__, hex(value) if type(value) is int else repr(value)
