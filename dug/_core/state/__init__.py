"""What is kept: scenarios, groups of caches, caches, views, and the walks through their nodes."""

from ..native.choose import find_compiled

__path__[:0] = find_compiled(__name__)  # an import of a module here finds the compiled one first, if there is one
