"""Which modules are the process's own, and which are Python's or a package's (`is_library`), of what version (`version_of`).

The place of its files decides, so that a package that is installed in place, because somebody is writing it, counts as the
process's own.  Nothing is imported.

`name_in_library` is how such an object is named there.
"""

import sys
import sysconfig
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from site import getusersitepackages
from types import BuiltinFunctionType, ModuleType
from typing import Any

_LIBRARY_FOLDERS = ("site-packages", "dist-packages")
_OWN = "dug"
"""This package counts as a library, but for its demonstration."""
SLOT_KINDS = ("member_descriptor", "getset_descriptor", "wrapper_descriptor", "method_descriptor", "classmethod_descriptor")
"""The names of the types of members that are made in C."""


def is_library(name: object) -> bool:
    """True for the name of a module that comes with Python or with an installed package; O(1) once it is known."""
    if not isinstance(name, str):
        return False
    top = name.partition(".")[0]
    if top == _OWN:
        return not name.startswith(f"{_OWN}.demo")
    module = sys.modules.get(name) or sys.modules.get(top)
    if module is None:
        return _is_found_in_library(top)
    space = vars(module)
    file = space.get("__file__")
    if isinstance(file, str):
        return _is_library_file(file)
    places = getattr(space.get("__spec__"), "submodule_search_locations", None)  # a package without a file of its own
    if places is not None:
        return any(map(_is_library_file, map(str, places)))
    return _is_builtin(top)


def _is_found_in_library(top: str) -> bool:
    """The same for a module that is not imported yet."""
    if not top or _is_builtin(top):
        return bool(top)
    spec: ModuleSpec | None = None
    with suppress(ImportError, ValueError, AttributeError):
        spec = find_spec(top)
    return spec is not None and isinstance(spec.origin, str) and _is_library_file(spec.origin)


def _is_builtin(top: str) -> bool:
    return top in sys.stdlib_module_names or top in sys.builtin_module_names


@cache
def _folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {getusersitepackages()}
    return tuple(f"{folder.rstrip('/')}/" for folder in found)


@cache
def _is_library_file(file: str) -> bool:
    said = file.replace("\\", "/")
    return said.startswith(("<frozen", *_folders())) or any(f"/{name}/" in said for name in _LIBRARY_FOLDERS)


def name_in_library(value: Any) -> str | None:
    """Returns how a module, a builtin function or a member made in C is named; None for anything else."""
    kind = type(value)
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, BuiltinFunctionType) or kind.__name__ == "ufunc":  # of numpy's, which need not be there
        return f"{getattr(value, '__module__', None)}:{getattr(value, '__qualname__', None) or value.__name__}"
    return f"{kind.__name__} {getattr(value, '__name__', '')}" if kind.__name__ in SLOT_KINDS else None


def version_of(top: str) -> str:
    """Returns the version of an installed package, or ``?``."""
    module = sys.modules.get(top)
    said: Any = None if module is None else vars(module).get("__version__")
    return said if isinstance(said, str) else _find_version(top)


@cache
def _find_version(top: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # reads files, and is needed for a print only

    try:
        return version(top)
    except (PackageNotFoundError, ValueError):
        return "?"
