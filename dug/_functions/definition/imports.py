"""The modules that a function imports when it runs, and what it reads of them: `imports_of`, from its byte code.

The instructions of an import are followed: what name it binds (`_bound_by`), and which attributes are read of that (`_read_by`).
`_collect` joins them.
"""

import dis
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

from .code import ATTRIBUTES, Chain, instructions

Import = tuple[str, int]
"""The name of a module as an import says it, and how many dots were before it."""
_Alias = tuple[Import, Chain]
"""What a local variable holds: a module, or an attribute of it."""

_CONST, _SMALL_INT = dis.opmap["LOAD_CONST"], dis.opmap.get("LOAD_SMALL_INT", -1)
_NAME, _FROM = dis.opmap["IMPORT_NAME"], dis.opmap["IMPORT_FROM"]
_BETWEEN = frozenset(dis.opmap[name] for name in ("SWAP", "POP_TOP", "NOP") if name in dis.opmap)
_STORE_FAST, _STORE_DEREF, _LOAD_DEREF = (dis.opmap[name] for name in ("STORE_FAST", "STORE_DEREF", "LOAD_DEREF"))
_STORE_LOAD = dis.opmap.get("STORE_FAST_LOAD_FAST", -1)
_LOADS = frozenset(dis.opmap[name] for name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW") if name in dis.opmap)
_TWO_LOADS = frozenset(
    dis.opmap[name] for name in ("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW") if name in dis.opmap
)
_END = 0


def imports_of(code: CodeType) -> dict[Import, set[Chain]]:
    """Returns the modules that a code object and those inside it import, each with the attributes that are read of it.

    An empty chain says that the module is used as a whole.
    """
    found: dict[Import, set[Chain]] = {}
    _collect(code, {}, found)
    return found


def _collect(code: CodeType, outer: Mapping[str, _Alias], found: dict[Import, set[Chain]]) -> None:
    aliases = {name: alias for name, alias in outer.items() if name in code.co_freevars}
    for name, alias in _bound_by(code):
        found.setdefault(alias[0], set())
        if name is None or alias[1]:
            found[alias[0]].add(alias[1])
        if name is not None:
            aliases[name] = alias
    for (module, before), chain in _read_by(code, aliases):
        found.setdefault(module, set()).add((*before, *chain))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _collect(constant, aliases, found)


def _bound_by(code: CodeType) -> Iterator[tuple[str | None, _Alias]]:
    """Yields what the imports of a code object bind, each with the name of the local variable; None for anything else."""
    places = _places_of(code)
    constants: list[Any] = [0, None]
    module: Import = ("", 0)
    names: Any = None
    pending: _Alias | None = None
    for op, arg in (*instructions(code), (_END, 0)):
        if op == _FROM:
            pending = module, (code.co_names[arg],) if names else ()
        elif pending is not None and op not in _BETWEEN:
            stored = arg >> 4 if op == _STORE_LOAD else arg if op in (_STORE_FAST, _STORE_DEREF) else None
            yield None if stored is None else places[stored], pending
            pending = None
        if op in (_CONST, _SMALL_INT):
            constants = [constants[-1], code.co_consts[arg] if op == _CONST else arg]
        elif op == _NAME:
            name, (level, names) = code.co_names[arg], constants
            module = name, level if type(level) is int else 0
            pending = None if names else ((name.partition(".")[0], module[1]), ())


def _read_by(code: CodeType, aliases: Mapping[str, _Alias]) -> Iterator[tuple[_Alias, Chain]]:
    """Yields the uses of local variables that hold modules, each with the attributes that are read at once."""
    places, held = _places_of(code), frozenset((*code.co_cellvars, *code.co_freevars))
    alias: _Alias | None = None
    chain: Chain = ()
    for op, arg in (*instructions(code), (_END, 0)):
        if op in ATTRIBUTES and alias is not None:
            chain = (*chain, code.co_names[arg >> ATTRIBUTES[op]])
            continue
        if alias is not None:
            yield alias, chain
        alias, chain = None, ()
        if op == _LOAD_DEREF or (op in _LOADS and places[arg] not in held):  # else it puts a variable into a closure
            alias = aliases.get(places[arg])
        elif op == _STORE_LOAD or op in _TWO_LOADS:
            first = aliases.get(places[arg >> 4]) if op in _TWO_LOADS else None
            if first is not None:
                yield first, ()
            alias = aliases.get(places[arg & 15])


def _places_of(code: CodeType) -> list[str]:
    """The local variables, in the order in which operations count them."""
    return [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars]
