"""`begin_anew_in_children` has an object begin anew in each forked child, where threads that hold its locks are not there.

Without that a child which is forked while another thread holds a lock would wait for it for ever.

`Forked` is such an object.
"""

import os
from typing import Protocol
from weakref import WeakValueDictionary


class Forked(Protocol):
    """Something with locks, threads or connections."""

    def begin_anew(self) -> None:
        """Makes new locks, and leaves to the parent what is the parent's."""


_all: "WeakValueDictionary[int, Forked]" = WeakValueDictionary()
"""By their `id`: what there is in this process."""


def begin_anew_in_children(one: Forked) -> None:
    """Has an object begin anew in each child that is forked from now on, as long as it is there."""
    _all[id(one)] = one


def _begin_anew() -> None:
    for one in [found for ref in _all.valuerefs() if (found := ref()) is not None]:
        one.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
