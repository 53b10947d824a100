"""Every source function that is alive, local ones too: `note_source`, `list_sources`, and `hear_sources` for new ones.

A function that has a name can be found by it; a local one cannot, and whoever must replace all sources has to find that, too.
The registry holds them weakly.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from .._core.read import Function

_known: "WeakValueDictionary[int, Function]" = WeakValueDictionary()  # the process has one set of functions
_hearing: dict[object, Callable[[Function], object]] = {}


def note_source(function: Function) -> None:
    """Notes a source function, and tells those who hear of new ones."""
    if _known.get(id(function)) is not function:
        _known[id(function)] = function
        for hear in tuple(_hearing.values()):
            hear(function)


def list_sources() -> list[Function]:
    """Returns all source functions that are alive."""
    found = (known() for known in _known.valuerefs())  # a copy: another thread may decorate one meanwhile
    return [function for function in found if function is not None]


@contextmanager
def hear_sources(hear: Callable[[Function], object]) -> Iterator[None]:
    """Calls `hear` with each source function that is decorated meanwhile, in any thread."""
    ticket = object()
    _hearing[ticket] = hear
    try:
        yield
    finally:
        del _hearing[ticket]
