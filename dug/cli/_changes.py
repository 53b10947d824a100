"""`tell_changes`: which functions behind a node changed since its file was saved, for ``dug explain --code``.

`_tell_function` says of one function which parts changed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._core.read import Function
from .._inspect.explain import list_some
from ..fingerprint import changed_imports, changed_parts, fingerprint_like, has_changed, reach
from ._names import import_module_of

if TYPE_CHECKING:
    from ..snapshot import Look, SavedFunction


def tell_changes(saved: "Look", node: str) -> Iterator[str]:
    """Yields the changed functions of a node, and of all nodes that it depends on; imports their modules."""
    graph = saved.graph()
    names = dict.fromkeys(graph.fact(one).function for one in (node, *graph.ancestors(node)))
    was = {function.name: function for function in saved.functions}
    told = [line for name in names for line in _tell_function(was[name])]
    yield from told or ["  The code is unchanged."]


def _tell_function(before: "SavedFunction") -> Iterator[str]:
    import_module_of(before.name)
    try:
        function = Function.load(before.name)
    except LookupError:
        yield f"  {before.name} is not there now."
        return
    made = function.newest or function.body
    if has_changed(before.fingerprint, fingerprint_like(before.fingerprint, made)):
        places = changed_parts(before.parts, reach(made).parts) if before.parts else ()
        yield f"  {before.name} has changed since: {list_some(places) if places else 'its code'}."
    elif before.imported:
        places = changed_imports(before.imported, reach(made).imported)
        yield from [f"  {before.name} has changed since: {list_some(places)}."] if places else []
