"""What the engine knows of calls: functions, nodes, keys, memos, failures, events; each file stands on those before it."""

from ..native.choose import find_compiled

__path__[:0] = find_compiled(__name__)  # an import of a module here finds the compiled one first, if there is one
