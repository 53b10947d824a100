"""Chooses between what is compiled and the pure path: `compiled`, `find_compiled`.

`compiled` is the call path (`module.c`), or None where the pure one is in use.  The modules that have a ``.pxd`` beside them are
compiled as they stand, into folders here which are named as theirs, and are used together with it.

``DUG_NO_EXTENSIONS=1`` asks for the pure one; a build without a C compiler has no other.
"""

from importlib import import_module
from os import environ
from typing import Any

from . import __path__ as _HERE  # noqa: N812  a constant


def _load() -> Any:
    if environ.get("DUG_NO_EXTENSIONS"):
        return None
    try:
        return import_module("._caccel", __package__)
    except ImportError:
        return None


compiled = _load()
COMPILED = compiled is not None
"""True when the compiled call path is in use."""


def find_compiled(package: str) -> list[str]:
    """Returns the folder of what is compiled of a package, for an import to look there first; none on the pure path."""
    return [f"{_HERE[0]}/{package.rpartition('.')[2]}"] if COMPILED else []
