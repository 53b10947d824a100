"""Notices the end of a ``with`` statement, also if an interrupt skips ``__exit__``: `watched`, `find_exit`, `watch`, `Ended`.

Python looks ``__exit__`` up before it calls ``__enter__``, and holds the bound method that it got on the stack of the statement's
frame for as long as the statement runs.  An interrupt may strike when ``__enter__`` has put something in force and the statement
has not begun, or when ``__exit__`` is called and has not begun: then ``__exit__`` is not run, but its bound method is freed all
the same.  Nobody else holds it, so a weak reference to it tells at any time whether the statement still runs.  Its callback,
which is written in C alone and so cannot be interrupted itself, takes the table from the entry in the very moment in which the
statement ends.

A context entered by hand, or through an `ExitStack`, cannot be watched: it is in force until it is left.

`watch_own_exit` serves a context manager of dug's own (`_Asked`, `_Watched`).
"""

from collections.abc import Callable
from functools import partial
from threading import local
from types import FunctionType, MethodType
from typing import Any, ClassVar, TypeVar
from weakref import ref

from ..native import machine

F = TypeVar("F", bound=Callable[..., Any])

MANY = 16
"""How many methods are noted for a thread before those that are gone are forgotten."""


class Ended(ref[MethodType]):
    """A weak reference to the bound ``__exit__`` of a statement; when that is gone, it replaces the table of the entry."""

    __slots__ = ()
    tables: ClassVar[dict[Any, Any]] = {}
    """No nodes: calls come to the driver."""

    def get(self, _key: Any) -> None:
        """Finds nothing, as there are none."""


class _Asked(local):
    """The methods that statements of this thread have asked for, by place, until they are entered."""

    def __init__(self) -> None:
        self.methods: dict[tuple[int, int], ref[MethodType]] = {}


_asked = _Asked()


class _Watched:
    """An ``__exit__`` that is another bound method for each statement."""

    __slots__ = ("__weakref__", "_function")

    def __init__(self, function: FunctionType) -> None:
        self._function = function

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self._function
        method, frame, methods = MethodType(self._function, instance), machine.get_frame(1), _asked.methods
        methods[id(frame), frame.f_lasti] = ref(method)
        if len(methods) > MANY:
            _forget_gone(methods)
        return method


def watched(function: F) -> F:
    """Makes a method an ``__exit__`` whose statement can be watched."""
    return _Watched(function)  # type: ignore[arg-type, return-value]  # a descriptor, as the function is one


def watch_own_exit(owner: type[Any]) -> None:
    """Makes the ``__exit__`` that a class defines itself a watched one."""
    own = vars(owner).get("__exit__")
    if isinstance(own, FunctionType):
        owner.__exit__ = watched(own)


def find_exit(instance: Any) -> "ref[MethodType] | None":
    """Returns the ``__exit__`` held by the statement that calls this ``__enter__``; None when there is none.

    One instruction looks up one and calls the other, so that both happen at the same place of the same frame.
    """
    methods = _asked.methods
    if not methods:
        return None
    frame: Any = machine.get_frame(2)
    method = methods.pop((id(frame), frame.f_lasti), None)
    while method is None and frame.f_code.co_name == "__enter__":  # of a subclass
        frame = frame.f_back
        method = methods.pop((id(frame), frame.f_lasti), None)
    known = None if method is None else method()
    return method if known is not None and known.__self__ is instance else None


def watch(method: "ref[MethodType]", entry: Any) -> Ended:
    """Returns a callback that takes the table from an entry as soon as the statement that holds `method` has ended."""
    return Ended(method(), partial(setattr, entry, "homes"))  # type: ignore[arg-type]  # it is there: the statement holds it


def _forget_gone(methods: "dict[tuple[int, int], ref[MethodType]]") -> None:
    for place in [place for place, method in methods.items() if method() is None]:
        methods.pop(place, None)
