"""Handles a function decorated again under its name: `define_anew` keeps or forgets its memos, and checks its reach again.

The same definition keeps its memos, and the newest code runs.  Another one is a redefinition: memos that ran the old one are
forgotten in every live cache.

A module or cell that is run again has bound only a part of its names when it decorates a function, so dug checks once more,
before it looks up the next memo, whether the function reaches the same things (`CacheGroup.doubt`).

`_renew` keeps, `_redefine` forgets and detaches the old function; `_doubt` and `_settle` check once more, when what is still
running (`_running_body`, `_frames`) has bound its names.  `_calls_alike` compares parameters and options, `_detach_old` leaves
the old one without a name, `_about_to_change` names what a running body binds next.
"""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from types import CodeType, FrameType

from .._core.read import Binding, CacheGroup, Function
from .definition.code import is_body, stored_after
from .definition.noted import Noted, differences, is_alike, is_same_value, note, note_now
from .definition.walk import IGNORED, NODE
from .names import arm, space_of
from .proxy import bind_wrapper

_SHARED = ("body", "kind", "eq", "version", "options", "is_async", "fetch", "ask", "store", "stream", "digest", "ignored")
"""The parts that a name takes over from a new definition."""


def define_anew(known: Function, function: Function, *, is_importable: bool) -> Function:
    """Returns the function of a name that is decorated again in the same place.

    It is the old one with the new code; or, if the very same function is decorated with other options, a separate one without a
    name.
    """
    is_same = _is_same_definition(known, function)
    if not is_same and not function.renamed and known.body is function.body:
        return function
    known.was_importable = is_importable
    if is_same:
        _renew(known, function)
        _doubt(known)
    else:
        _redefine(known, function)
    return known


def _redefine(known: Function, function: Function) -> None:
    """Gives a name to another definition; the decorated functions that had it keep a function of their own, without a name."""
    is_rebound = not _calls_alike(known, function)
    known.changed = tuple(differences(known.reached or note_now(known), note_now(function)))
    _detach_old(known)
    for attribute in _SHARED:
        setattr(known, attribute, getattr(function, attribute))
    _bind(known, function)
    arm(known)
    _forget(CacheGroup.all(), known, is_rebound=is_rebound)


def _renew(known: Function, function: Function) -> None:
    """Makes the newest code run from now on, so that tracebacks, debuggers and files show its lines."""
    known.body, known.eq, known.version = function.body, function.eq, function.version
    known.stream, known.store, known.digest = function.stream, function.store, function.digest
    known.ignored = function.ignored
    known.wrappers[:] = [made for made in known.wrappers if made() is not None]
    if function.options[1]:
        known.options = function.options
        _bind(known, function)


def _bind(known: Function, function: Function) -> None:
    typed, key, ignore = function.options
    known.binding = Binding.of(known, function.binding.signature, typed=typed, keys=dict(key), ignore=ignore)


def _forget(groups: Iterable[CacheGroup], known: Function, *, is_rebound: bool = False) -> None:
    for group in groups:
        group.forget((known,), is_rebound=is_rebound)
        group.redefined[known] = group.generation


def _detach_old(known: Function) -> None:
    """Gives the decorated functions that had the name until now a function of their own, without a name."""
    own = Function(known.name, known.body, known.kind, known.eq, known.version)
    own.options, own.is_replaced, own.is_async = known.options, True, known.is_async
    own.fetch, own.ask, own.stream, own.store = known.fetch, known.ask, known.stream, known.store
    own.digest, own.ignored = known.digest, known.ignored
    own.hold_nodes()
    _bind(own, known)
    for made in known.wrappers:
        wrapper = made()
        if wrapper is not None:
            bind_wrapper(wrapper, own)
    known.wrappers.clear()
    if own.is_source:
        from .known_sources import note_source  # as where it was decorated

        note_source(own)


# Is it the same?


def _is_same_definition(old: Function, new: Function) -> bool:
    if old.kind != new.kind or not is_same_value(old.version, new.version) or not _calls_alike(old, new):
        return False
    return is_alike(old.reached or note_now(old), note_now(new))


def _calls_alike(old: Function, new: Function) -> bool:
    """True when the same arguments mean the same node: the parameters with their defaults, and the options for keys."""
    ours, theirs = (one.binding.signature.parameters.values() for one in (old, new))
    if [(one.name, one.kind) for one in ours] != [(one.name, one.kind) for one in theirs] or old.is_async != new.is_async:
        return False
    if type(old.stream) is not type(new.stream):
        return False
    (typed, keys, ignore), (typed_now, keys_now, ignore_now) = old.options, new.options
    if (typed, ignore, [name for name, _ in keys]) != (typed_now, ignore_now, [name for name, _ in keys_now]):
        return False
    pairs = [*zip((one.default for one in ours), (one.default for one in theirs), strict=True)]
    pairs += [(fn, fn_now) for (_, fn), (_, fn_now) in zip(keys, keys_now, strict=True)]
    return all(is_same_value(one, other) for one, other in pairs)


# Once more, when all is bound


def _doubt(known: Function) -> None:
    """Schedules one more check, before the next lookup or run, whether a function reaches the same as before."""
    if known.reached is None:
        return
    body = _running_body(known)
    for group in CacheGroup.all():
        group.doubt(known, partial(_settle, body=body))
    known.call_at_next_run(partial(_settle, body=body))


def _settle(known: Function, body: CodeType | None) -> None:
    """Forgets the memos of a function when its reach has changed, or is about to."""
    reached = known.reached
    if reached is None:
        return
    known.changed = tuple(differences(reached, note_now(known))) or tuple(_about_to_change(reached, body))
    if known.changed:
        _forget([group for group in CacheGroup.all() if known in group.doubts], known)
    known.disarm()
    known.reached = None
    note(known)


def _running_body(known: Function) -> CodeType | None:
    """Returns the body of the module or cell that is being run and has decorated a function, if one has."""
    space = space_of(known.body)
    for frame in _frames(sys._getframe(1)):
        code = frame.f_code
        if frame.f_globals is space and is_body(code) and code.co_name.startswith("<"):
            return code
    return None


def _about_to_change(reached: Noted, body: CodeType | None) -> Iterator[str]:
    """Yields the names that a function reaches and that a body which is still running is going to bind again."""
    if body is None:
        return
    running = next((one for top in sys._current_frames().values() for one in _frames(top) if one.f_code is body), None)
    if running is None:
        return
    module = running.f_globals.get("__name__")
    for name in sorted(stored_after(body, running.f_lasti)):
        part = reached.parts.get(f"{module}.{name}")
        if part is not None and part.kind not in (NODE, IGNORED):
            yield part.place


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
