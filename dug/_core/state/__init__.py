"""What is kept: scenarios, groups of caches, caches, views, and the walks through their nodes."""

from ..native.choose import find_compiled

__path__[:0] = find_compiled(__name__)
