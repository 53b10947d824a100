"""A scenario as JSON text: `write_scenario`, and `read_scenario`, which returns its layers and its name.

The whole is one typed JSON value, so that 1, 1.0 and True, tuples and arrays come back as what they were.  Each tweak has a
``kind`` (`forms`), the name of its function (``of``), the ``arguments`` where it tweaks a node, and a ``value`` or a ``fn``.

`find_unwritable` says why a scenario cannot be written, `say_tweak` names a tweak in errors, `_find_fn` finds the function that a
bump or replacement names.  `_write_tweak` and `_read_tweak` turn one tweak to JSON and back, `_find` finds a function by its
name.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._core.read import Function, Layer, Node, Target, TweakSpec
from .._text.values import show
from ..codec import CodecError, Encoded, decode, encode
from .forms import FORMS, Form
from .written import ARITHMETIC, find_unreachable, import_function, leads_to, name_of

FORMAT = 1


def write_scenario(layers: Iterable[Layer], name: str | None) -> str:
    """Returns the tweaks of a scenario, layer by layer, and its name as text.

    Raises:
        CodecError: a tweak cannot be written.
    """
    rows = [[_write_tweak(target, spec) for target, spec in layer.items()] for layer in layers]
    return _dump({"scenario": FORMAT, "name": name, "layers": rows}, "the name of the scenario")


def read_scenario(
    text: str, functions: Iterable[Callable[..., Any]], *, trust: bool
) -> tuple[tuple[dict[Any, Any], ...], str | None]:
    """Returns the tweaks of a text, layer by layer, and the name of the scenario.

    Raises:
        CodecError: it is no such text, or names something that is not here.
    """
    known = dict(ARITHMETIC)
    known.update((name, fn) for fn in functions for name in [name_of(fn)[0]] if name is not None)
    said = _load(text)
    if said.get("scenario") != FORMAT:
        raise CodecError("it is not the text of a scenario that this dug knows. Write it with Scenario.to_json().")
    try:
        layers = tuple(dict(_read_tweak(row, known, trust=trust) for row in layer) for layer in said["layers"])
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        if isinstance(exc, CodecError):
            raise
        raise CodecError(f"it is not the text of a scenario: {exc!r}. Write it with Scenario.to_json().") from exc
    return layers or ({},), said.get("name")


def find_unwritable(target: Target, spec: TweakSpec) -> str | None:
    """Returns why a tweak cannot leave the process by the names of its functions, with what to type; None when it can."""
    function = target if isinstance(target, Function) else target[0]
    unreachable = find_unreachable(function)
    if unreachable is not None:
        return f"{function.name} cannot be found by another process: {unreachable}. Define it at the top of a module."
    function_of = FORMS[spec.kind].function
    if function_of is None:
        return None
    fn = function_of(spec)
    name, reason = name_of(fn)
    if name is not None and not leads_to(name, fn):
        return f"{show(fn)} is not what its name {name} leads to. Define it at the top of a module, under a name of its own."
    return reason


def say_tweak(target: Target, spec: TweakSpec) -> str:
    """Returns a tweak as a message names it."""
    return f"the tweak of {target.name if isinstance(target, Function) else Node._of(target)} ({spec.text})"


def _write_tweak(target: Target, spec: TweakSpec) -> dict[str, Any]:
    reason = find_unwritable(target, spec)
    if reason is not None:
        raise CodecError(f"{say_tweak(target, spec)} cannot be written: {reason}")
    form = FORMS[spec.kind]
    row: dict[str, Any] = {"kind": spec.kind, "of": (target if isinstance(target, Function) else target[0]).name}
    if not isinstance(target, Function):
        args, kwargs = target[0].binding.arguments(target)
        row["arguments"] = [list(args), kwargs]
    if form.function is not None:
        row["fn"] = name_of(form.function(spec))[0]
    if form.content is not None:
        row["value"] = form.content(spec)
    _dump(row, say_tweak(target, spec))  # a value without a codec is told with its tweak
    return row


def _dump(said: dict[str, Any], what: str) -> str:
    try:
        return b"".join(encode(said).parts).decode("ascii")
    except CodecError as exc:
        raise CodecError(f"{what} cannot be written: {exc}") from exc


def _load(text: str) -> dict[str, Any]:
    if not isinstance(text, str):
        raise CodecError(f"{show(text)} is not the text of a scenario. Write it with Scenario.to_json().")
    said = decode(Encoded("json", (text.encode("utf-8", "surrogatepass"),)))
    if not isinstance(said, dict):
        raise CodecError(f"{show(text)} is not the text of a scenario. Write it with Scenario.to_json().")
    return said


def _read_tweak(row: Mapping[str, Any], known: Mapping[str, Callable[..., Any]], *, trust: bool) -> tuple[Any, Any]:
    form = FORMS.get(row["kind"])
    if form is None:
        raise CodecError(f"there is no tweak that is a {show(row['kind'])} here. It may need a newer dug.")
    function = _find(row["of"], trust=trust)
    target: Any = function.wrapper()
    if "arguments" in row:
        args, kwargs = row["arguments"]
        target = Node._of_call(function, tuple(args), kwargs)
    return target, form.make(_find_fn(row, form, known, trust=trust), row.get("value"))


def _find(name: str, *, trust: bool) -> Function:
    try:
        function = Function.load(name) if trust else Function.find(name)
    except LookupError as exc:
        raise CodecError(f"the scenario tweaks {name}, which is not there: {exc}") from exc
    if function is None:
        raise CodecError(f"the scenario tweaks {name}, which is not there. Import {name.partition(':')[0]} before.")
    return function


def _find_fn(row: Mapping[str, Any], form: Form, known: Mapping[str, Callable[..., Any]], *, trust: bool) -> Any:
    """Returns the function that a bump or a replacement names."""
    if form.function is None:
        return None
    name = row["fn"]
    memoised = Function.find(name)
    fn = known.get(name) or (memoised.wrapper() if memoised is not None else None) or (import_function(name) if trust else None)
    if fn is None:
        raise CodecError(f"the scenario names {name}, which is not known here. Give it: from_json(text, functions=[...]).")
    return fn
