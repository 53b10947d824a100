"""Chooses whether the engine runs compiled or as Python, all of it or nothing: `compiled`, `COMPILED`, `find_compiled`.

`compiled` is the extension of ``module.c``, or None where all runs as Python.  The modules that have a ``.pxd`` beside them are
compiled as they stand, into folders here which are named as theirs: where `compiled` is there, each folder of the engine looks
for its modules in these first.

``DUG_NO_EXTENSIONS=1`` asks for Python; without a C compiler there is nothing else.
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
"""True when the engine runs compiled, with the call path in C."""


def find_compiled(package: str) -> list[str]:
    """Returns the folder of a package's compiled modules, to be looked in before its own; none where all runs as Python."""
    return [f"{_HERE[0]}/{package.rpartition('.')[2]}"] if COMPILED else []
