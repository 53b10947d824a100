"""Writes down a function: its text (`source_of`) and all that decides it (`reach`, `fingerprint_of`); `has_changed` compares.

A fingerprint tells in another process whether the function has changed.

A fingerprint is made of all that a function *reaches*: its code, and the functions, classes, constants and containers that decide
its result, wherever they are defined (`reach`).  It ends at memoised functions, which have fingerprints of their own, and at
installed packages, which count with their name and version.  `Reach.blind` lists what it cannot see: it is not a proof.

`print_with_imports` counts imported modules, too.  `find_changes`, `changed_parts` and `changed_imports` say where a function
differs, `calls_alike` whether two texts mean the same calls, by the head of each: its signature with the decorators.  A writer
tells each part as a short text; the reach of a plain function begins at that itself.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

from attrs import field, frozen

from . import codec
from ._functions.definition.code import tell_code
from ._functions.definition.grounds import Grounds
from ._functions.definition.ignored import tell_unmet
from ._functions.definition.libraries import is_library, version_of
from ._functions.definition.library_data import tell_object
from ._functions.definition.noted import Noted, differences, note, note_now, roots_of
from ._functions.definition.own_fingerprint import own_fingerprint_of
from ._functions.definition.plain_data import measure, tell, tell_changeable
from ._functions.definition.source import code_of, plain_of, text_of
from ._functions.definition.walk import (
    CHANGEABLE,
    CLASS,
    CODE,
    IGNORED,
    IMPORTED,
    LIBRARY,
    MISSING,
    NODE,
    OBJECT,
    PLAIN,
    SHAPE,
    UNKNOWN,
    Part,
    walk,
)
from ._functions.proxy import function_of
from ._text.values import STOPPING, name_type
from .errors import CodecError

__all__ = ["Reach", "changed_parts", "fingerprint_of", "has_changed", "reach", "source_of"]

_MAIN_OF_WORKER = "__mp_main__"
"""The name of a script in a worker of multiprocessing that runs it again."""
_SAME_CODE = f"{sys.implementation.cache_tag}-{sys.flags.optimize}++"
"""Byte code is comparable if this is the same; the signs count the form of fingerprints.

Those in files of format 1 have none, and those that did not count how callees are called have one.
"""
_MOST_CELLS = 100_000
"""A frame that has more is not written down."""
_ANOTHER = "what it reached when it first ran"

_of_plain: "WeakKeyDictionary[Any, Reach]" = WeakKeyDictionary()  # only callers that hold a plain function ask for its reach


@frozen
class Reach:
    """Everything that decides the result of a function, as far as dug can see it, in a form that is equal in every process."""

    print: str | None
    """The fingerprint, as `fingerprint_of` returns it; None where there is no Python code to look at."""
    parts: Mapping[str, str]
    """By place, such as ``pricing.discount`` or ``pricing.RATES``: a short text that is another when this part is."""
    packages: Mapping[str, str]
    """The installed packages that it uses, with their versions, and ``python``."""
    blind: tuple[str, ...]
    """The parts that it reaches and that cannot be written down, each with the reason: a change of them is not seen."""
    imported: Mapping[str, str] = field(factory=dict)
    """By place: what it reaches only through modules that are imported inside functions, as far as they are imported by now.

    The fingerprint does not count it, as it is another one before such a module is imported; stores count it, and snapshots and
    workers compare it where both sides have it.
    """
    _grounds: Grounds | None = field(default=None, repr=False, eq=False)


def source_of(function: Callable[..., Any]) -> str | None:
    """Returns the text of a function, decorators included; None where there is none, as for builtins."""
    try:
        return textwrap.dedent(inspect.getsource(inspect.unwrap(plain_of(function))))
    except (OSError, TypeError, IndentationError, SyntaxError):
        return None


def fingerprint_of(function: Callable[..., Any]) -> str | None:
    """Returns a short text of everything that decides the behaviour of a function, equal in every process.

    It has two halves: one of the byte code, which the same Python compares, and one of the source text without comments,
    docstrings and layout, which any other Python compares.  Both are of all that `reach` finds.

    Args:
        function: a function, plain or memoised.

    Returns:
        The fingerprint; None where there is no Python code to look at.
    """
    return reach(function).print


def reach(function: Callable[..., Any]) -> Reach:
    """Returns the reach of a function: itself, and everything that decides its result.

    That is its code, defaults and closure; the helper functions, classes with their bases, constants and containers that its code
    names, through modules too, and what these reach in turn; the function that it wraps; the parameters, defaults and options for
    keys of the memoised functions that it names; and, for a memoised function, its ``version`` and its options.  Comments,
    docstrings, positions, annotations and layout do not count.

    Data that can be changed in place counts as it was when the function first ran in this process.  Not seen are attributes that
    are looked up by a computed name, the classes of arguments, memoised functions that come as arguments or values, and compiled
    extensions; nor what the function imports when it runs (``imported``), at which stores, snapshots and workers look besides.

    Args:
        function: a function, plain or memoised.

    Complexity:
        O(the size of the reach), some milliseconds, the first time; kept with the function.

    .. versionadded:: 0.1.0
    """
    known = function_of(function)
    if known is None:
        return _reach_of_plain(function)
    noted, now = note(known), note_now(known)
    is_another = next(iter(differences(noted, now)), None) is not None
    found: Reach | None = noted.print
    if found is None or is_another != (_ANOTHER in found.parts) or not noted.is_printed():
        options = [("its version", known.version)] if known.version is not None else []
        told = _options_of(known)
        more = {_ANOTHER: "another, and some results are of that"} if is_another else {}
        found = noted.print = _write([*roots_of(known), *options], {**more, **told}, noted, known.ignored)
        if known.ignored and not any(one.endswith(IMPORTED) for one in found.blind):  # else it may come to it later
            tell_unmet(known, found.parts, [place for place, said in found.parts.items() if said == IGNORED])
    return found


def _reach_of_plain(function: Callable[..., Any]) -> Reach:
    try:
        known = _of_plain.get(function)
    except TypeError:  # it has no hash, or nothing can refer to it weakly
        return _write([("its code", function)], {}, None)
    if known is None:
        known = _write([("its code", function)], {}, None)
        try:
            _of_plain[function] = known
        except TypeError:
            return known
    return known


def _options_of(known: Any) -> dict[str, str]:
    """How the calls of a function become keys, where its decorator says so."""
    typed, _, ignore = known.options or (False, (), ())
    said = {"its option typed": "True"} if typed else {}
    return {**said, "its option ignore": repr(sorted(ignore))} if ignore else said


def has_changed(before: str | None, now: str | None) -> bool:
    """True when two fingerprints of a function show that it has changed; False when that cannot be told."""
    if not before or not now or before == now:
        return False
    (code_before, _, text_before), (code_now, _, text_now) = before.partition("/text:"), now.partition("/text:")
    if code_before.partition(":")[0] == code_now.partition(":")[0]:
        return code_before != code_now
    if text_before.count("+") != text_now.count("+"):  # one counts what the other does not
        return False
    return bool(text_before.strip("+") and text_now.strip("+")) and text_before != text_now


def changed_parts(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the places at which the reach of a function has changed: of another content, new, or gone.

    Args:
        before: the ``parts`` of its `Reach` then.
        now: those of now.
    """
    here = [place for place, said in now.items() if place not in before or _is_another(before[place], said)]
    return (*here, *(place for place in before if place not in now))


def _is_another(before: str, now: str) -> bool:
    has_halves = "/text:" in before and "/text:" in now
    return has_changed(before, now) if has_halves else before != now


def changed_imports(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the places that have changed of what a function reaches through modules that it imports when it runs.

    A module that is imported in one of the two processes only cannot be compared.

    Args:
        before: what was ``imported`` of its `Reach` then.
        now: that of now.
    """
    return tuple(place for place, said in now.items() if place in before and _is_another(before[place], said))


def find_changes(saved: Any, function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Returns where a function differs from one that was written down, as far as that tells; None where it does not differ.

    Args:
        saved: what was written down: its ``fingerprint``, and by place what it ``reached`` and ``imported``.
        function: the function as it is now.
    """
    if has_changed(saved.fingerprint, fingerprint_like(saved.fingerprint, function)):
        return changed_parts(saved.reached, reach(function).parts) if saved.reached else ()
    return changed_imports(saved.imported, reach(function).imported) or None if saved.imported else None


def fingerprint_like(before: str | None, function: Callable[..., Any]) -> str | None:
    """Returns a fingerprint in the form of another one: in files of format 1 it describes only the function itself."""
    if before is None or before.partition(":")[0].endswith("+"):
        return fingerprint_of(function)
    return own_fingerprint_of(function)


def calls_alike(before: str | None, now: str | None) -> bool:
    """True when two texts of a function, decorators included, show that the same arguments mean the same call.

    False when that cannot be told: a default that is not written out may have changed, and so may any without its text.
    """
    heads = [_head_of(source) for source in (before, now)]
    return None not in heads and heads[0] == heads[1]


def _head_of(source: str | None) -> str | None:
    """The parameters and the decorators of a function as a text; None if they do not tell everything."""
    try:
        definition = ast.parse(source or "").body[0]
    except (SyntaxError, IndexError, ValueError):  # no text, or a lambda in the middle of an expression
        return None
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    defaults = [*definition.args.defaults, *filter(None, definition.args.kw_defaults)]
    if not all(isinstance(default, ast.Constant) for default in defaults):
        return None
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return "\n".join(map(ast.dump, (definition.args, *definition.decorator_list)))


# Writing it down


def _write(
    roots: list[tuple[str, Any]], more: Mapping[str, str], noted: Noted | None, ignored: frozenset[str] = frozenset()
) -> Reach:
    """Writes down the reach of functions."""
    grounds = None if noted is None else Grounds(noted.said, ignored)
    parts = walk(roots, is_deep=True, grounds=grounds, ignored=ignored)
    writer = _Writer(noted)
    said = {**_as_main({part.place: writer.tell(part) for part in parts if not part.is_imported}), **more}
    said.update(_count_packages(writer.packages))
    imported = _as_main({part.place: writer.tell(part) for part in parts if part.is_imported})
    if imported:
        imported.update((place, one) for place, one in _count_packages(writer.packages).items() if place not in said)
    packages = {name: version_of(name) for name in sorted(writer.packages)}
    print_ = _join(said) if code_of(plain_of(roots[0][1])) is not None else None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Reach(print_, said, {"python": version, **packages}, tuple(writer.blind), imported, grounds)


def print_with_imports(found: Reach) -> str | None:
    """Returns the fingerprint that counts modules which functions import when they run, too; equal where these are imported."""
    return found.print if found.print is None or not found.imported else _join({**found.parts, **found.imported})


def _as_main(said: dict[str, str]) -> dict[str, str]:
    """Returns texts by place, those of a script that a worker has run again as the script itself has them."""
    if _MAIN_OF_WORKER not in sys.modules:
        return said
    return {place.replace(_MAIN_OF_WORKER, "__main__"): text.replace(_MAIN_OF_WORKER, "__main__") for place, text in said.items()}


def _count_packages(names: Iterable[str]) -> dict[str, str]:
    return {f"package {name}": ".".join(version_of(name).split(".")[:2]) for name in sorted(names)}


def _join(parts: Mapping[str, str]) -> str:
    """Makes one fingerprint of those of the parts, half by half."""
    halves = [(place, *said.partition("/text:")[::2]) for place, said in sorted(parts.items())]
    by_code = _digest("\n".join(f"{place} {code}" for place, code, _ in halves))
    has_texts = all(text for _, code, text in halves if code.startswith(_SAME_CODE))
    by_text = _digest("\n".join(f"{place} {text or code}" for place, code, text in halves)) if has_texts else ""
    return f"{_SAME_CODE}:{by_code}/text:++{by_text}"


class _Writer:
    """Writes parts down, each as a short text."""

    def __init__(self, noted: Noted | None) -> None:
        self.packages: set[str] = set()
        self.blind: list[str] = []
        self._first = {} if noted is None else noted.said

    def tell(self, part: Part) -> str:
        """Returns a text of a part, equal in every process if the part is the same; leaves out whatever raises when read."""
        try:
            return self._tell(part)
        except STOPPING:
            raise
        except BaseException:  # noqa: BLE001  an unusual object: whoever saves or calls a function must not fail for that
            return self._leave(part.place, f"{name_type(part.value)}, which cannot be looked at")

    def _tell(self, part: Part) -> str:
        kind, value = part.kind, part.value
        if kind == CODE:
            text = text_of(value)
            return f"{_SAME_CODE}:{_digest(tell_code(value.__code__))}/text:{'' if text is None else _digest(text)}"
        if kind == PLAIN:
            return f"data:{_digest(tell(value))}"
        if kind == CHANGEABLE:
            return f"data:{_digest(self._first.get(id(value)) or tell_changeable(value))}"
        if kind == LIBRARY:
            self._count(value)
            return f"library {value}"
        if kind == OBJECT:
            return self._tell_object(part.place, value)
        if kind == UNKNOWN:
            return self._leave(part.place, value)
        if kind == NODE:
            return f"node {value.name}"
        if kind == CLASS:
            return f"class {value.__module__}:{value.__qualname__}"
        return {SHAPE: f"shape {value}", MISSING: "missing", IGNORED: IGNORED}.get(kind, f"the same as {value}")

    def _count(self, name: str) -> None:
        top = name.partition(":")[0].partition(".")[0]
        if top != "dug" and top not in sys.stdlib_module_names and top != "None":
            self.packages.add(top)

    def _tell_object(self, place: str, value: Any) -> str:
        kind = type(value)
        if not is_library(kind.__module__):
            return f"instance of {kind.__module__}:{kind.__qualname__}"
        self._count(kind.__module__)
        found = measure(value)
        cells = getattr(value, "size", 0) if kind.__module__.partition(".")[0] in ("pandas", "polars", "numpy") else 0
        if found.too_large is not None or (isinstance(cells, int) and cells > _MOST_CELLS):
            return self._leave(place, found.too_large or f"{kind.__name__} of {cells:,} values")
        try:
            encoded = codec.encode(value)
        except CodecError:
            told = tell_object(value)
            return self._leave(place, f"{kind.__module__}.{kind.__qualname__}") if told is None else f"data:{_digest(told)}"
        return f"data:{_digest_bytes(encoded.codec.encode(), *encoded.parts)}"

    def _leave(self, place: str, reason: str) -> str:
        self.blind.append(f"{place}: {reason}")
        return f"blind {reason}"


def _digest(text: str) -> str:
    return _digest_bytes(text.encode("utf-8", "surrogatepass"))


def _digest_bytes(*pieces: Any) -> str:
    made = blake2b(digest_size=16)
    for piece in pieces:
        made.update(piece)
    return made.hexdigest()
