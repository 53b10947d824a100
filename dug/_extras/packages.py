"""Optional packages: `find_loaded` and `is_there` look without importing, the others say what to type when one is missing.

A package that nobody imported is in use nowhere, so dug never imports one to ask.  A module in ``sys.modules`` may be half
imported, by another thread, and have no names yet, or be a file of the user's with the same name.  Both count as not there.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def find_loaded(module: str, name: str) -> Any:
    """Returns the object called `name` in an imported module; None if the module or the name is not there (yet)."""
    return getattr(sys.modules.get(module), name, None)


def is_there(package: str) -> bool:
    """True when a package was imported or can be."""
    if sys.modules.get(package) is not None:
        return True
    try:
        return find_spec(package) is not None
    except ValueError:  # it was put into sys.modules by hand, or kept out of it
        return False


def import_extra(package: str, extra: str, what: str) -> Any:
    """Returns an optional package, which an extra installs, for `what`.

    Raises:
        ImportError: it is not installed; the message says what to type.
    """
    try:
        return import_module(package)
    except ImportError as exc:
        raise ImportError(f'{what} needs {package}. Type: pip install "dug[{extra}]"') from exc


def import_pandas() -> Any:
    """Returns pandas, for ``to_frame()``."""
    return import_extra("pandas", "pandas", "to_frame()")
