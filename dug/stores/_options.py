"""The options that every store has: `Options` says what each means and refuses wrong values; `takes_options` shows them.

They stand here once, with their defaults and what they mean: signatures and documentation of the stores are made of that.

`StoreOptions` is their types; `check_seconds`, `check_flag`, `check_path`, `_check_lease` refuse; `read_options` fills in the
defaults, `options_of` reads them back.
"""

import inspect
from collections.abc import Callable
from math import isfinite
from numbers import Real
from os import PathLike, fspath
from textwrap import fill
from typing import Any, TypedDict, TypeVar, cast

from attrs import NOTHING, Attribute, field, fields, frozen

from .._text.values import show

C = TypeVar("C", bound=type[Any])

_MARK = "options: those that every store has."
"""The line in the documentation of a class in place of which that of the options comes."""


class StoreOptions(TypedDict, total=False):
    """The types of the options, for whoever checks calls."""

    min_seconds: float
    single_flight: float | None
    lease_seconds: float
    allow_pickle: bool


def check_seconds(name: str, value: object, example: str, *, least: float = 0.0) -> None:
    """Refuses anything but a number of seconds from `least` on.

    Raises:
        TypeError: it is not a number.
        ValueError: it is too small, or not a number in the sense of floats.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number of seconds, not {show(value)}. Write {example}.")
    if not float(value) >= least:  # so that NaN is refused too
        said = "0 or more" if not least else f"{least:g} or more"
        raise ValueError(f"{name} must be {said} seconds, not {show(value)}. Write {example}.")


def check_flag(name: str, value: object, *, default: bool = False) -> None:
    """Refuses what is neither True nor False.

    Raises:
        TypeError: it is neither.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {show(value)}. Write {name}={not default}, or leave it out.")


def check_path(name: str, value: object, example: str) -> str:
    """Returns the path of a folder as a text.

    Raises:
        TypeError: it is not a path.
        ValueError: it is empty, has a zero character, or is the address of a server.
    """
    if isinstance(value, bytes) or not isinstance(value, (str, PathLike)):
        raise TypeError(f"{name} must be a path, not {show(value)}. Write {example}.")
    text = fspath(value)
    scheme, is_address, _ = text.partition("://")
    if is_address and isinstance(value, str):
        remedy = "dug.stores.redis.RedisStore(url)" if scheme in ("redis", "rediss", "unix") else example
        raise ValueError(f"{name} must be the path of a folder, and {scheme}://... is the address of a server. Write {remedy}.")
    if not text or "\0" in text:
        raise ValueError(f"{name} must be the path of a folder, not {show(text)}. Write {example}.")
    return text


def _option(default: object, check: Callable[[str, Any], None], meaning: str) -> Any:
    def validate(_: object, attribute: "Attribute[Any]", value: object) -> None:
        check(attribute.name, value)

    return field(default=default, validator=validate, metadata={"meaning": meaning})


def _check_single_flight(name: str, value: object) -> None:
    if value is not None:
        check_seconds(name, value, f"{name}=0.05, or {name}=None for never")


def _check_lease(name: str, value: object) -> None:
    check_seconds(name, value, f"{name}=30", least=0.001)
    if not isfinite(value):  # type: ignore[arg-type]  # it is a number
        raise ValueError(f"{name} must end: nobody would go on after a process that died. Write {name}=30.")


@frozen(kw_only=True)
class Options:
    """What a store was told."""

    min_seconds: float = _option(
        0.001,
        lambda name, value: check_seconds(name, value, f"{name}=0.001"),
        "a run that took less by itself, without what it called, is not kept.",
    )
    single_flight: float | None = _option(
        0.05,
        _check_single_flight,
        "a function whose runs take as long by themselves, or of which nothing is known, is run by one process at a time for "
        "one call; the others wait for the value.  None: never.",
    )
    lease_seconds: float = _option(
        30.0, _check_lease, "how long they wait, at most, for a process that does not answer any more."
    )
    allow_pickle: bool = _option(
        False,
        check_flag,
        "pickles values that have no codec.  Whoever can write to the store can then run code in your process.",
    )


NAMES = tuple(one.name for one in fields(Options))


def read_options(store: object, given: StoreOptions) -> Options:
    """Returns the options of a store, those that were not given with their defaults.

    Raises:
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: a number is out of range.
    """
    for name in given:
        if name not in NAMES:
            others = [one for one in inspect.signature(type(store)).parameters if one not in ("path", "url", "backend")]
            raise TypeError(f"{type(store).__name__} has no option {name}=; its options: {', '.join(sorted(others))}.")
    return Options(**given)


def options_of(store: object) -> StoreOptions:
    """Returns the options that a store has now, to give to another one."""
    return cast(StoreOptions, {name: getattr(store, name) for name in NAMES})


def takes_options(cls: C) -> C:
    """Has the signature and the documentation of a class, which takes ``**options``, show each of them."""
    signature = inspect.signature(cls.__init__)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    shared = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
        for one in fields(Options)
        if one.default is not NOTHING
    ]
    cls.__init__.__signature__ = signature.replace(parameters=[*own, *shared])
    if cls.__doc__:  # python -OO leaves none
        meanings = [fill(f"{one.name}: {one.metadata['meaning']}", 110, subsequent_indent=" " * 12) for one in fields(Options)]
        cls.__doc__ = cls.__doc__.replace(_MARK, "\n        ".join(meanings))
    return cls
