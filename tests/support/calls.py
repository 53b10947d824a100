"""Which Python functions run while something is done: `list_calls`, for tests that count work."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any


def list_calls(act: Callable[[], Any]) -> list[str]:
    """Return the names of the Python functions that are called while `act` runs, without a plain function itself.

    The collector waits, as it would call what belongs to other tests.
    """
    called: list[str] = []
    collects = gc.isenabled()
    gc.disable()
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        act()
    finally:
        sys.setprofile(None)
        if collects:
            gc.enable()
    return called[1:] if isinstance(act, FunctionType) else called
