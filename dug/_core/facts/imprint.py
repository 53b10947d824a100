"""Copies of exceptions, so that each asker of a failed node gets its own: `Imprint` is the content from which they are made.

A handler may add notes, arguments, attributes, a cause or frames to an exception.  So a failure keeps no exception that anybody
else has: it keeps the content of the exception, and each asker gets an exception of its own.

An exception is made again without its class's ``__init__`` and ``__new__``, which may want other arguments, or do something:
the parts that Python itself keeps of an exception (arguments, attributes, notes, slots, cause, context, the members of a group)
are taken and put back.  Lists, dicts, sets and tuples in it are copied, up to a size; other objects are shared.  If the class is
made in C and may keep more, no copy would be faithful, and the one object there is gets its old content back.

`_take` takes the content (`_read_args`, `_read_members`), `_copied` copies it, `_write` puts it into a slot, `_is_alike`
recognises such a copy.  `_builtin_base` finds the class that makes a blank exception, `_copy_freely` copies one that C made.
`matches`, `make`, `_make_blank` and `without_frames` are the methods.  `_matches` compares an exception with its content, `_make`
makes one.
"""

from operator import is_
from types import MemberDescriptorType, TracebackType
from typing import Any

_HEAP_TYPE = 1 << 9
"""The flag of a class that was made by a ``class`` statement, or in the same way."""
_MOST_ELEMENTS, _DEEPEST_CONTAINER = 1_000, 8
"""Larger containers are shared, and everything deeper in others."""
_DEEPEST_ERROR = 16
"""Causes and contexts that are further away are shared."""

_args: Any = vars(BaseException)["args"]
_dict: Any = vars(BaseException)["__dict__"]
_DROPPED = object()


class Imprint:
    """The content of an exception."""

    __slots__ = ("args", "attributes", "base", "cause", "context", "exceptions", "kind", "members", "original", "traceback")

    def __init__(self, error: BaseException) -> None:
        kind = type(error)
        self.kind = kind
        self.base: Any = _builtin_base(kind)
        self.args: tuple[Any, ...] = _copied(_read_args(error))
        self.attributes: dict[str, Any] = _copied(_dict.__get__(error))
        self.members = tuple(_read_members(error))
        self.cause: Any = None
        self.context: Any = None
        self.exceptions: tuple[Any, ...] | None = None
        self.traceback: TracebackType | None = None
        """Of one that belongs to another: as its cause, its context or a member."""
        self.original: BaseException | None = None if self.base is not None else error
        """The exception itself, if no other one could say the same."""

    @classmethod
    def of(cls, error: BaseException, handled: BaseException | None = None) -> "Imprint":
        """Returns the present content of an exception.

        Args:
            error: the exception.
            handled: the exception that the caller was handling when it asked; Python makes it a context of all that is raised
                below, but it does not belong to the node's exception.
        """
        imprint: Imprint = _take(error, handled, {}, 0)
        return imprint

    def matches(self, error: BaseException, handled: BaseException | None = None) -> bool:
        """True when an exception still says this; `handled` is not a part of it, as in `of`."""
        return self._matches(error, handled, set())

    def _matches(self, error: BaseException, handled: BaseException | None, seen: set[int]) -> bool:
        if type(error) is not self.kind or not _is_alike(self.args, _read_args(error)):
            return False
        attributes = _dict.__get__(error)
        if (attributes or self.attributes) and not _is_alike(self.attributes, attributes):
            return False
        if not all(_is_alike(value, _read(error, member)) for member, value in self.members):
            return False
        cause: Any = error.__cause__
        context: Any = _without(error.__context__, handled)
        if self.cause is self.context is cause is context is self.exceptions:  # the common case: there is nothing
            return True
        if id(error) in seen:
            return True
        seen.add(id(error))
        others: Any = ((self.cause, cause), (self.context, context))
        if self.exceptions is not None:
            others = (*others, *zip(self.exceptions, error.exceptions, strict=True))  # type: ignore[attr-defined]  # a group
        return all(
            kept is other or (type(kept) is Imprint and other is not None and kept._matches(other, handled, seen))
            for kept, other in others
        )

    def make(self) -> BaseException:
        """Returns an exception with this content, which nobody else has; or the one there is, with its old content."""
        return self._make({})

    def _make(self, made: dict[int, BaseException]) -> BaseException:
        error = made.get(id(self))
        if error is None:
            error = made[id(self)] = self._make_blank(made)
            for other in ("cause", "context"):
                said = getattr(self, other)
                setattr(error, f"__{other}__", said._make(made) if type(said) is Imprint else said)
            if self.exceptions is None or self.args[1:] not in _GROUPINGS:  # else its arguments are its members already
                _args.__set__(error, _copied(self.args))
            attributes = _dict.__get__(error)
            attributes.clear()
            attributes.update(_copied(self.attributes))
            for member, value in self.members:
                _write(error, member, _copied(value))
            error.__traceback__ = self.traceback
        return error

    def _make_blank(self, made: dict[int, BaseException]) -> BaseException:
        if self.original is not None:
            return self.original
        if self.exceptions is None:
            return self.base.__new__(self.kind)  # type: ignore[no-any-return]
        inside: Any = [one._make(made) if type(one) is Imprint else one for one in self.exceptions]
        message = next(value for member, value in self.members if member is _message)
        return self.base.__new__(self.kind, message, tuple(inside) if self.args[1:] == (tuple,) else inside)  # type: ignore[no-any-return]

    def without_frames(self) -> "Imprint":
        """Returns the part to keep if nothing may lead to frames: no causes and contexts, and no tracebacks, also in a group."""
        bare = Imprint.__new__(Imprint)
        for name in Imprint.__slots__:
            setattr(bare, name, getattr(self, name))
        bare.cause = bare.context = bare.traceback = None
        if self.exceptions is not None:
            bare.exceptions = tuple(one.without_frames() if type(one) is Imprint else one for one in self.exceptions)
        if self.original is not None:
            return Imprint(_copy_freely(self.original))
        return bare


def _take(error: BaseException, handled: BaseException | None, taken: dict[int, Imprint], depth: int) -> Any:
    imprint = taken.get(id(error))
    if imprint is None:
        if depth > _DEEPEST_ERROR:
            return error
        imprint = taken[id(error)] = Imprint(error)
        cause, context = error.__cause__, _without(error.__context__, handled)
        if cause is not None:
            imprint.cause = _take(cause, handled, taken, depth + 1)
        if context is not None:
            imprint.context = _take(context, handled, taken, depth + 1)
        if isinstance(error, BaseExceptionGroup):
            imprint.exceptions = tuple(_take(one, handled, taken, depth + 1) for one in error.exceptions)
        if depth:
            imprint.traceback = error.__traceback__
    return imprint


def _without(context: BaseException | None, handled: BaseException | None) -> BaseException | None:
    return None if context is handled else context


def _builtin_base(kind: type[Any]) -> type[Any] | None:
    """Returns the class of Python's own whose ``__new__`` makes a blank exception; None if C may keep more than is visible."""
    base: Any = kind
    slots = 0
    while base.__flags__ & _HEAP_TYPE:
        slots += sum(type(value) is MemberDescriptorType for value in vars(base).values())
        base = base.__base__
    most = base.__basicsize__ + 8 * (slots + 2)  # and a dict and a list of weak references
    if base.__module__ != "builtins" or kind.__basicsize__ > most:
        return None
    return base  # type: ignore[no-any-return]  # a class has a base, but for `object`


def _read_args(error: BaseException) -> tuple[Any, ...]:
    """Returns the arguments of an exception; of a group, with the type of its members' container in their place."""
    args: tuple[Any, ...] = _args.__get__(error)
    if isinstance(error, BaseExceptionGroup) and len(args) == 2 and type(args[1]) in (list, tuple):
        inside = error.exceptions
        if len(args[1]) == len(inside) and all(map(is_, args[1], inside)):
            return args[0], type(args[1])
    return args


def _read_members(error: BaseException) -> Any:
    """Yields the parts of an exception beside its arguments and attributes: slots, and fields such as ``errno``."""
    for klass in type(error).__mro__[:-1]:
        if klass.__module__ != "builtins" or klass not in _PLAIN:
            for member in vars(klass).values():
                if type(member) is MemberDescriptorType and member is not _exceptions:
                    yield member, _copied(_read(error, member))
    yield _suppress, error.__suppress_context__


_PLAIN = frozenset(
    {BaseException, Exception, ValueError, TypeError, LookupError, KeyError, IndexError, RuntimeError, ArithmeticError}
)
"""Classes that add no fields, so that they are not inspected."""
_suppress: Any = vars(BaseException)["__suppress_context__"]
_message: Any = vars(BaseExceptionGroup)["message"]
_exceptions: Any = vars(BaseExceptionGroup)["exceptions"]
_GROUPINGS = ((list,), (tuple,))


def _read(error: BaseException, member: Any) -> Any:
    """Returns the content of a slot; a mark when there is none."""
    try:
        return member.__get__(error)
    except AttributeError:
        return _DROPPED


def _write(error: BaseException, member: Any, value: Any) -> None:
    """Puts a content into a slot, or takes it out."""
    if _read(error, member) is value:
        return
    try:
        if value is not _DROPPED:
            member.__set__(error, value)
        else:
            member.__delete__(error)
    except (AttributeError, TypeError):  # one that cannot be written, such as the message of a group, which has it already
        pass


def _copied(value: Any, depth: int = 0) -> Any:
    """Returns a copy of a value, so that changes of its lists, dicts or sets stay with the asker."""
    kind = type(value)
    if kind not in _CONTAINERS or len(value) > _MOST_ELEMENTS or depth > _DEEPEST_CONTAINER:
        return value
    if kind is tuple:
        return value if not any(type(one) in _CONTAINERS for one in value) else tuple(_copied(one, depth + 1) for one in value)
    if kind is list:
        return [_copied(one, depth + 1) for one in value]
    if kind is dict:
        return {name: _copied(one, depth + 1) for name, one in value.copy().items()}
    return value.copy()


_CONTAINERS = frozenset({list, dict, set, bytearray, tuple})


def _is_alike(kept: Any, live: Any) -> bool:
    """True when a value is a copy made by `_copied`; shared objects are the same ones."""
    if kept is live:
        return True
    kind = type(kept)
    if kind is not type(live) or kind not in _CONTAINERS or len(kept) != len(live):
        return False
    if kind is dict:
        return all(map(is_, kept, live)) and all(map(_is_alike, kept.values(), live.values()))
    if kind in (list, tuple):
        return all(map(_is_alike, kept, live))
    if kind is bytearray:
        return bool(kept == live)
    return set(map(id, kept)) == set(map(id, live))


def _copy_freely(error: BaseException) -> BaseException:
    """Returns a copy of an exception whose C part may be invisible, as ``copy.copy`` makes it; else one with its text."""
    from copy import copy  # imported only once something has failed

    try:
        copied = copy(error)
        if type(copied) is type(error) and str(copied) == str(error) and copied is not error:
            return copied
    except Exception:  # noqa: BLE001, S110  an unusual exception type: its text still tells what it was
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
