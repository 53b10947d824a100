"""Decorated functions and their drivers: the decorators, the decorated function, and the code that runs its nodes."""

from .._core.native.choose import find_compiled

__path__[:0] = find_compiled(__name__)
