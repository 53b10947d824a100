"""By what users say that values are compared: `say`, with ``memoize(digest=fn)``, for those without a codec or with a costly one.

What is said of a value also has the function that said it: one that is edited may say of another value what it said of this one
before.

`_Sayer` is the function of ``digest=``, with its salt; `_refuse` warns of one that raises.
"""

from hashlib import blake2b
from typing import Any
from warnings import warn
from weakref import WeakKeyDictionary

from attrs import define

from .._core.read import Function, Key, Node
from .._text.values import STOPPING, show
from ..fingerprint import reach


@define(eq=False)
class _Sayer:
    """The ``digest=`` of a function."""

    fn: Any
    salt: bytes
    """Of everything that decides what it says."""
    is_told: bool = False
    """True once somebody was warned of it."""


_sayers: "WeakKeyDictionary[Function, _Sayer]" = WeakKeyDictionary()


def say(function: Function, key: Key, value: Any) -> bytes | None:
    """Returns what the ``digest=`` of a function says of a value of its node; None, with a warning once, where that fails."""
    sayer = _sayers.get(function)
    if sayer is None or sayer.fn is not function.digest:
        sayer = _sayers[function] = _Sayer(function.digest, _salt_of(function.digest))
    try:
        said = sayer.fn(value)
    except STOPPING:
        raise
    except Exception as exc:  # noqa: BLE001  the run has its value, whatever is wrong with its digest
        _refuse(sayer, key, f"raised {show(exc)}")
        return None
    if isinstance(said, str):
        return sayer.salt + b"str:" + said.encode("utf-8", "surrogatepass")
    if isinstance(said, bytes):
        return sayer.salt + b"bytes:" + said
    _refuse(sayer, key, f"gave {show(said)}")
    return None


def _salt_of(fn: Any) -> bytes:
    parts = sorted(reach(fn).parts.items())
    said = "\n".join(f"{place} {text}" for place, text in parts)
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _refuse(sayer: _Sayer, key: Key, what: str) -> None:
    if not sayer.is_told:
        sayer.is_told = True
        warn(
            f"The digest= of {Node._of(key)} {what}, and must give bytes or a text, the same for values of which one may stand "
            "for another: what reads this node is not kept. Write digest=lambda value: value.version, for example.",
            RuntimeWarning,
            stacklevel=2,
        )
