"""`decorate` makes the source of a function that reads files: each file is a node that the function's node reads.

The body that dug runs is the function with a few lines before it, which ask for the files; everything else about the function
stays its own.

`_make_body` makes those lines; `_find_names` finds the parameters that are paths, `_ask_for` asks for a file, `_place_files` puts
the paths to read in.
"""

import inspect
from contextlib import aclosing
from functools import wraps
from os import PathLike, fsdecode, fspath
from pathlib import PurePath
from typing import Any

from .._core.read import DEFAULT_FRAME, Node, current
from .._functions.memoize import source
from .._text.values import show
from ._file import file, target
from ._stamp import WAYS, File, locate


def decorate(function: Any, path: Any, by: Any, options: dict[str, Any]) -> Any:
    """Returns the decorated function, or the decorator where none is given; `file_source` documents the arguments and errors."""
    if by not in WAYS:
        raise ValueError(f"by must be 'mtime' or 'content', not {show(by)}. Leave it out for the time and size of the file.")
    if function is None:
        return lambda decorated: _decorate(decorated, path, by, options)
    return _decorate(function, path, by, options)


def _decorate(function: Any, path: Any, by: str, options: dict[str, Any]) -> Any:
    decorated: Any = source(**options) if options else source
    if isinstance(function, (classmethod, staticmethod)):
        return decorated(type(function)(_make_body(function.__func__, path, by)))
    return decorated(_make_body(function, path, by) if callable(function) and not isinstance(function, type) else function)


def _make_body(function: Any, path: Any, by: str) -> Any:
    """Returns a function that asks for the files before it calls the one of the user."""
    names = _find_names(function, path)
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def read(*args: Any, **kwargs: Any) -> Any:
            bound = _place_files(function, names, by, args, kwargs)
            yield from function(*bound.args, **bound.kwargs)

    elif inspect.isasyncgenfunction(function):

        @wraps(function)
        async def read(*args: Any, **kwargs: Any) -> Any:
            bound = _place_files(function, names, by, args, kwargs)
            async with aclosing(function(*bound.args, **bound.kwargs)) as items:
                async for item in items:
                    yield item

    elif inspect.iscoroutinefunction(function):

        @wraps(function)
        async def read(*args: Any, **kwargs: Any) -> Any:
            bound = _place_files(function, names, by, args, kwargs)
            return await function(*bound.args, **bound.kwargs)

    else:

        @wraps(function)
        def read(*args: Any, **kwargs: Any) -> Any:
            bound = _place_files(function, names, by, args, kwargs)
            return function(*bound.args, **bound.kwargs)

    return read


def _find_names(function: Any, path: Any) -> tuple[str, ...]:
    """Returns the names of the parameters that are paths.

    Raises:
        TypeError: there is no such parameter.
    """
    name = getattr(function, "__qualname__", show(function))
    parameters = inspect.signature(function).parameters
    several = {one.name for one in parameters.values() if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
    known = [one for one in parameters if one not in several]
    if path is None:
        first = [one for one in known if one not in ("self", "cls")][:1]
        named = ("path",) if "path" in known else tuple(first)
        if not named:
            raise TypeError(
                f"@dug.file_source decorates functions of a path, and {name}() has no parameter for one. "
                "Give it one, or read dug.sources.file(path) in a function under @dug.memoize."
            )
        return named
    named = (path,) if isinstance(path, str) else tuple(path)
    for one in named:
        if one not in known:
            raise TypeError(f"{name}() has no parameter {one!r} that is a path; its parameters: {', '.join(known) or 'none'}.")
    return named


def _place_files(function: Any, names: tuple[str, ...], by: str, args: Any, kwargs: Any) -> inspect.BoundArguments:
    """Returns the arguments of a call, after asking for the files among them."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    if current.get() is not DEFAULT_FRAME or DEFAULT_FRAME.entry is not None:  # else it is called as a plain function
        for name in names:
            bound.arguments[name] = _ask_for(bound.arguments[name], by)
    return bound


def _ask_for(path: Any, by: Any) -> Any:
    """Returns the path to read, after asking for its file: the very path, unless a tweak leads elsewhere.

    Raises:
        OSError: there is no such file; with a note that names the node which reads it.
    """
    try:
        found: Any = file(fsdecode(path), by=by)  # a text, which a name shows short and which can be typed
        if not isinstance(found, File):  # a tweak to another path, whose file is watched as well
            path, found = _like(path, found), target(found, by=by)
    except OSError as exc:
        run = current.get().run
        if run is not None:
            exc.add_note(f"{Node._of(run.key)} reads this file.")
        raise
    if not isinstance(found, File) or found.path == locate(path):
        return path
    return _like(path, found)


def _like(path: Any, other: "str | PathLike[str]") -> Any:
    """Returns another path in the form that the function was given."""
    return type(path)(fspath(other)) if isinstance(path, PurePath) else fsdecode(other)
