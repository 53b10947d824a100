"""Writes a node as its text and its arguments: `call_of`; `clean` bounds any text; hands on the rest from `_contexts/written`.

To find a live node by the text that a user gives is left to `snapshot/_load`.  The texts can be read without decoding anything.
A user's ``__repr__`` or ``__str__`` may raise or return anything; here the result is a bounded text that every database takes.
"""

from .._contexts.written import ARITHMETIC, find_unreachable, json_of, name_of, read_json, read_node
from .._core.read import Key, Node
from .._text.values import LONGEST_TEXT, show_str

__all__ = ["ARITHMETIC", "call_of", "clean", "find_unreachable", "json_of", "name_of", "read_json", "read_node"]


def clean(text: object) -> str:
    """Returns the ``str`` of a value, bounded in length, as a text that UTF-8 can encode."""
    return show_str(text, LONGEST_TEXT)


def call_of(key: Key) -> tuple[str, str | None]:
    """Returns the text of a node and its arguments as typed JSON; None where these cannot be written."""
    node = Node._of(key)
    text = str(node)
    if not node.is_current():
        return text, None
    args, kwargs = node._function.binding.arguments(key)
    return text, json_of([list(args), kwargs])
