"""The functions of flows in another process: `list_functions` names those in force, `register_functions` makes them known there.

Definitions name a function by a key that only the process of its flow knows.  A worker is told the name and the fingerprint of
each, imports it, and registers it under the same key.

`_list_keys` finds the keys in definitions.
"""

from collections.abc import Mapping
from typing import Any

from .._contexts.written import import_function, name_of
from .._core.read import View
from ..errors import CodeDiffersError
from ..fingerprint import fingerprint_of, has_changed
from ._nodes import Registered, find_function, is_registered, register
from ._saving import _EVERYWHERE

_DEFINITIONS = ("dug.flow:definitions", "dug.flow:definition")


def list_functions(view: View) -> dict[str, tuple[str, str | None]]:
    """Returns the name and the fingerprint of each function that a definition in force names, by its key.

    Raises:
        TypeError: one cannot be found by a name; the message says what to type.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for key in _list_keys(view):
        if key in _EVERYWHERE or not is_registered(key):
            continue
        fn = find_function(key)
        name, reason = name_of(fn)
        if name is None:
            raise TypeError(f"a function of a flow cannot go to another process: {reason}")
        found[key] = name, fingerprint_of(fn)
    return found


def _list_keys(view: View) -> dict[str, None]:
    keys: dict[str, None] = {}
    around: View | None = view
    while around is not None:
        for layer in around.layers:
            for target, spec in layer.items():
                if isinstance(target, tuple) and target[0].name in _DEFINITIONS and spec.is_value and spec.value:
                    said = spec.value.values() if isinstance(spec.value, dict) else [spec.value]
                    keys.update(dict.fromkeys(known[0] for known in said if known and known[0]))
        around = around.parent
    return keys


def register_functions(named: Mapping[str, Any], worker: str) -> list[Registered]:
    """Registers functions under the keys of another process, for as long as somebody holds the result.

    Raises:
        CodeDiffersError: one is not there, or is another one.
    """
    held = []
    for key, (name, before) in named.items():
        fn = import_function(name)
        if fn is None:
            raise CodeDiffersError({name: ()}, worker, f"has no {name}")
        if has_changed(before, fingerprint_of(fn)):
            raise CodeDiffersError({name: ()}, worker)
        held.append(register(fn, key))
    return held
