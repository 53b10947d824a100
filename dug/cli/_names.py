"""Finds what a typed name means: `import_module_of`, `find_function`, plain or memoised, `load_function`, memoised; their hints.

A name without a module is looked for where the target of the run is, then in all imported modules, then in `dug.sources`.

`_find_bare` looks a bare name up, `_list_functions` lists the memoised functions of a module, `_get` reads a name without running
anything.
"""

import sys
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from inspect import getattr_static
from pathlib import Path
from pkgutil import iter_modules
from traceback import extract_tb
from types import MethodType, ModuleType
from typing import Any

import click

from .. import sources
from .._core.read import Function
from .._functions.proxy import _Memoized, function_of
from ._nodes import name_some
from ._output import text_by


def import_module_of(named: str) -> None:
    """Imports the module of a function or node, so that an error inside it is reported as such.

    Raises:
        click.ClickException: the module raises an error.
    """
    try:
        here = str(Path.cwd())
    except FileNotFoundError as exc:
        raise click.ClickException("the current folder is not there any more") from exc
    if here not in sys.path:
        sys.path.insert(0, here)  # as ``python -m`` does
    module, colon, _ = named.partition(":")
    if not colon or not all(part.isidentifier() for part in module.split(".")):
        return  # the code that reads the words reports it
    try:
        import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name is None or f"{module}.".startswith(f"{exc.name}."):  # likewise
            return
        raise click.ClickException(f"{module} cannot be imported: {exc}") from exc
    except SystemExit as exc:
        raise click.ClickException(f"{module} cannot be imported: it called sys.exit({text_by(exc.code, repr)})") from exc
    except Exception as exc:
        last = extract_tb(exc.__traceback__)[-1]
        where = "" if isinstance(exc, SyntaxError) else f" ({last.filename}, line {last.lineno})"  # it names its own
        raise click.ClickException(f"{module} cannot be imported: {type(exc).__name__}: {text_by(exc, str)}{where}") from exc


def find_function(name: str) -> Any:
    """Returns the function, memoised or plain, that ``module:function`` names.

    Raises:
        LookupError: there is none.
    """
    module, colon, qualname = name.partition(":")
    if not colon:
        raise LookupError(f"{name!r} is not a function. Write it as module:function, such as pricing:book.")
    if module.startswith("."):
        raise LookupError(f"there is no {name!r}: a module has no path.{_find_hint(module, qualname)}")
    try:
        found: Any = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as exc:
        try:
            return Function.load(name).wrapper()  # it may have been given that name
        except LookupError:
            raise LookupError(f"there is no {name!r}: {exc}.{_find_hint(module, qualname)}") from exc
    if not callable(found):
        raise LookupError(f"{name!r} cannot be called: it is a {type(found).__name__}.")  # noqa: TRY004  its name is wrong
    return found


def load_function(name: str, home: str = "") -> Function:
    """Returns the memoised function that ``module:function`` names, or ``function`` in a module or in all that are imported.

    Raises:
        LookupError: there is none, or there are several; the message says which are like it.
    """
    module, colon, qualname = name.partition(":")
    if not colon:
        return _find_bare(name, home)
    try:
        return Function.load(name)
    except LookupError as exc:
        raise LookupError(f"{exc}{_find_hint(module, qualname)}") from exc


def _find_bare(name: str, home: str) -> Function:
    there = sys.modules.get(home)
    own = None if there is None else _get(there, name)
    if own is not None:
        function = _function_of(own)
        if function is None:
            raise LookupError(f"{home}:{name} is not a memoised function. Decorate it with @dug.memoize.")
        return function
    found = {function.name: function for module in _list_modules() if (function := _function_of(_get(module, name))) is not None}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise LookupError(f"{name} can be {name_some(sorted(found))}. Write it with its module.")
    if name in sources.__all__ and (function := _function_of(getattr(sources, name))) is not None:
        return function  # its module is imported when a program first reads a file
    near = get_close_matches(name, {known for module in _list_modules() for known in _list_functions(module)}, 1)
    hint = f"Did you mean {near[0]}?" if near else "Write it as module:function."
    raise LookupError(f"there is no memoised function {name}{f' in {home}' if home else ''}. {hint}")


def _list_modules() -> list[ModuleType]:
    """Returns the modules that are imported; a package may have put something else in the place of its own."""
    return [module for module in sys.modules.values() if issubclass(type(module), ModuleType)]


def _get(module: ModuleType, qualname: str) -> Any:
    """Returns what a module, or a class in it, has under a name; nothing of the user's runs."""
    first, *others = qualname.split(".")
    found = vars(module).get(first)
    for part in others:
        found = getattr_static(found, part, None) if type(found) is type else None
    return found


def _list_functions(module: ModuleType) -> Iterator[str]:
    """Yields the names of the memoised functions in a module, and in the classes that it defines."""
    for name, value in list(vars(module).items()):
        if _function_of(value) is not None:
            yield name
        elif type(value) is type and value.__module__ == module.__name__:
            yield from (f"{name}.{part}" for part, inner in list(vars(value).items()) if _function_of(inner) is not None)


def _function_of(value: object) -> Function | None:
    """Returns the function behind something decorated; other objects are not asked for their class."""
    return function_of(value) if type(value) is MethodType or issubclass(type(value), _Memoized) else None


def _find_hint(module: str, qualname: str) -> str:
    """Returns a hint at the intended function when one is not there."""
    if module.endswith(".py") or "/" in module:
        return f" Write the module as import does: {module.removesuffix('.py').strip('./').replace('/', '.')}:{qualname}."
    if module not in sys.modules:
        near = get_close_matches(module, [one.name for one in iter_modules([str(Path.cwd())])], 1)
        return f" Did you mean {near[0]}:{qualname}?" if near else ""
    near = get_close_matches(qualname, dir(sys.modules[module]), 1)
    return f" Did you mean {module}:{near[0]}?" if near else ""
