"""`file_source` as users and type checkers see it: overloads and documentation only; `_body` makes what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from .._functions.memoize import _Decorator
    from .._functions.proxy import Memoized
    from ._stamp import By

P = ParamSpec("P")
R = TypeVar("R")


@overload
def file_source(function: Callable[P, R], /) -> Memoized[P, R]: ...
@overload
def file_source(
    *,
    path: str | tuple[str, ...] | None = None,
    by: By = "mtime",
    eq: Callable[[Any, Any], bool] | None = None,
    typed: bool = False,
    key: Any = None,
    ignore: tuple[str, ...] = (),
    name: str | None = None,
    version: object = None,
    digest: Callable[[Any], bytes | str] | None = None,
    ignore_globals: tuple[str, ...] = (),
) -> _Decorator: ...
def file_source(function: Any = None, /, *, path: Any = None, by: Any = "mtime", **options: Any) -> Any:
    """Decorates a function that reads a file: an edited file is noticed by the next outermost call.

    The node of the function reads the node `dug.sources.file` of its path, and runs again when that has changed.  A tweak of the
    file's node to another path has the function read that one.

    Args:
        function: the function to decorate; left out when options are given.
        path: the name of the parameter that is the path, or of several; the default is ``path``, else the first one.
        by: what the content is known by: ``"mtime"`` or ``"content"``, as for `dug.sources.file`.
        options: those of `dug.memoize` but `store`, `ahead` and `keep`; ``eq=dug.eq.frame`` keeps what was computed from a frame
            that is read again.

    Raises:
        TypeError: as for `dug.memoize`; or there is no such parameter.
        ValueError: `by` is neither of the two.

    Example:
        >>> import dug
        >>> @dug.file_source(name="docs:words")
        ... def words(path):
        ...     return tuple(open(path).read().split())
    """
    from ._body import decorate  # loaded when a function reads files

    return decorate(function, path, by, options)
