"""`declared`, which stands in a flow for a processor that another service has."""

import inspect
from collections.abc import AsyncGenerator, Callable
from typing import Any

from ..._text.values import show
from ._errors import ServicesError


def declared(name: str, *parameters: str) -> Callable[..., Any]:
    """Returns a placeholder for a processor that another service has, to be added to a flow.

    Args:
        name: the name by which that service registers it.
        parameters: the names of its parameters; each reads the name that it has, or what ``flow.add(inputs=)`` says.

    Raises:
        TypeError: a name is not a text.

    Example:
        >>> from dug.flow import Flow
        >>> from dug.flow.services import declared
        >>> flow = Flow(declared("extract", "paths"), declared("load", "extract"))
        >>> flow.inputs()
        ['paths']

    .. versionadded:: 0.1.0
    """
    for said in (name, *parameters):
        if not isinstance(said, str):
            raise TypeError(f"declared() takes names, not {show(said)}. Write declared('extract', 'paths'), for example.")

    async def placeholder(**_: Any) -> AsyncGenerator[Any, None]:
        what = f"The processor {name!r} is in another service. Start the flow for it: await flow.start(inputs, on=services)."
        if what:  # always; the rest makes it a generator function
            raise ServicesError(what)
        yield

    placeholder.__name__ = placeholder.__qualname__ = name
    kind = inspect.Parameter.KEYWORD_ONLY
    placeholder.__signature__ = inspect.Signature([inspect.Parameter(one, kind) for one in parameters])  # type: ignore[attr-defined]
    placeholder.__dug_processor__ = name  # type: ignore[attr-defined]
    return placeholder
