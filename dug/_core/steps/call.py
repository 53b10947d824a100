"""Makes decorated functions callable, by the call path in C or by the one in Python: `make_class`, `install_call`.

The call path, the way of a call up to a hit, is the one rule of the engine that is written twice, and both give the same answers.
The one in Python, the function that `facts/binding` generates, is the specification; the one in C (``native/call.h``) takes the
calls made of plain parameters, and leaves all others to it.  It also asks the caches beneath, which Python leaves to `begin`.

`_find_local` finds the parts of a function that is its own object.
"""

from collections.abc import Callable, Coroutine
from functools import cache, partial
from types import CoroutineType
from typing import Any

from ..facts import homes, memo
from ..facts.function import Function
from ..facts.homes import NO_HOMES
from ..native.choose import compiled
from ..state.cache import Cache
from . import frame
from .frame import current
from .leaving import Ended

AWAITABLE: Any = CoroutineType if compiled is None else compiled.set_up(current, memo, homes, frame)
"""The type of the object that a call of a coroutine function returns, to be awaited once."""
Coroutine.register(AWAITABLE)


def make_class(kind: type[Any], *, is_method: bool) -> type[Any]:
    """Returns the class of one decorated function, or of all that are called by the call path in C.

    Args:
        kind: the class that it extends.
        is_method: whether calling an attribute of an instance is calling it with that instance before all other arguments.
    """
    if _is_extensible(kind):
        return _make_compiled(kind, is_method)  # type: ignore[arg-type]  # a class has a hash
    return type(kind.__name__, (kind,), {"__doc__": kind.__doc__})


def _is_extensible(kind: type[Any]) -> bool:
    """True when C can make a class of `kind`: not where wrapt is without its own extension and has a metaclass instead."""
    return compiled is not None and type(kind) is type


@cache
def _make_compiled(kind: type[Any], is_method: bool) -> type[Any]:  # noqa: FBT001  kept by position
    made: type[Any] = compiled.make_class(kind, f"{kind.__module__}.{kind.__name__}", kind.__doc__ or "", is_method)
    return made


def install_call(wrapper: Any, function: Function, fetch: Callable[..., Any]) -> None:
    """Makes a decorated function call `function`: answers a hit at once, and leaves other calls to a driver.

    Args:
        wrapper: an instance of a class of `make_class`.
        function: the function whose nodes it calls.
        fetch: the driver; takes a frame and a key and returns the memo, or a coroutine of it.
    """
    binding = function.binding
    find_homes = partial(_find_local, function) if function.is_local else None
    pure = binding.compile_call(current.get, fetch, is_async=function.is_async, find_homes=find_homes)
    call = pure
    if compiled is not None:
        plain = binding.plain_parameters(compiled.Call)
        call = compiled.Call(function, *plain, pure, fetch, function.is_async, function.is_local)
    if _is_extensible(type(wrapper)):
        compiled.attach(wrapper, call)
    else:
        type(wrapper).__call__ = staticmethod(call)


def _find_local(function: Function, place: Any) -> Any:
    """Returns the homes among which a call of a local function looks: its own, if calls made in the frame look at any."""
    homes = place.homes
    if homes is NO_HOMES or homes.__class__ is Ended:
        return homes
    cache: Cache = place.view.cache
    assert function.nodes is not None  # noqa: S101  it is local
    return function.nodes.get(cache._token, NO_HOMES) if homes is cache.homes else homes
