"""What happens in a call, a file for each step: find, begin, verify, finish, wait; and contexts that are opened and closed."""

from ..native.choose import find_compiled

__path__[:0] = find_compiled(__name__)  # an import of a module here finds the compiled one first, if there is one
