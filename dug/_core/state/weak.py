"""Tables that keep nothing alive: `WeakMap`, values by key, and `WeakBag`, members.

Those of the standard library remove dead members in callbacks that are written in Python.  An interrupt (Ctrl-C) that strikes
in a callback is printed and lost: nothing can be raised there.  With short-lived what-ifs they run so often that some
interrupts would be lost; here the callbacks are written in C.  That of a bag removes the dead member; that of a map puts it
aside, and the next caller that adds something removes it.

A bag keeps its order: what a walk over caches or local functions finds last must not depend on their addresses.
"""

from _weakref import _remove_dead_weakref  # type: ignore[attr-defined]  # what `weakref` itself uses
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import ref

K = TypeVar("K")
T = TypeVar("T")


class _Keyed(ref[T]):
    __slots__ = ("key",)
    key: Any


class WeakMap(Generic[K, T]):
    """Values by key, each for as long as somebody else holds it."""

    __slots__ = ("_gone", "_refs")

    def __init__(self) -> None:
        self._refs: dict[K, _Keyed[T]] = {}
        self._gone: deque[_Keyed[T]] = deque()

    def get(self, key: K) -> T | None:
        """Returns the value of a key, None when there is none."""
        found = self._refs.get(key)
        return None if found is None else found()

    def __setitem__(self, key: K, value: T) -> None:
        self.sweep_out()
        made = _Keyed(value, self._gone.append)
        made.key = key
        self._refs[key] = made

    def setdefault(self, key: K, value: T) -> T:
        """Returns the value of a key, which is `value` if there was none; under the lock of this table's owner."""
        made = _Keyed(value, self._gone.append)
        made.key = key
        known = self._refs.setdefault(key, made)
        found = value if known is made else known()
        if found is None:  # it is gone
            self._refs[key] = made
        if self._gone:
            self.sweep_out()
        return value if found is None else found

    def __len__(self) -> int:
        return sum(1 for _ in self.values())

    def values(self) -> Iterator[T]:
        """The values that are there."""
        return iter([value for one in self._refs.copy().values() if (value := one()) is not None])

    def sweep_out(self) -> None:
        """Forgets the keys of values that are gone."""
        gone = self._gone
        while gone:
            try:
                key = gone.popleft().key
            except IndexError:  # another thread does so as well
                return
            _remove_dead_weakref(self._refs, key)  # not a new value under the key


class WeakBag(Generic[T]):
    """Members in the order in which they came, each for as long as somebody else holds it.

    The bag is freed at once with the last of them; a bag that may go before its members is cleared by its owner.
    """

    __slots__ = ("_discard", "_refs")

    def __init__(self) -> None:
        self._refs: dict[ref[T], ref[T]] = {}
        self._discard = partial(_remove_dead_weakref, self._refs)  # a reference keeps its hash, so that it is found when dead

    def add(self, member: T) -> None:
        """Adds a member, once."""
        # In one expression: a reference that an interrupt left behind, not hashed yet, could not be looked for once it is dead.
        self._refs.setdefault(*[ref(member, self._discard)] * 2)

    def clear(self) -> None:
        """Takes all members out."""
        self._refs.clear()

    def members(self) -> tuple[T, ...]:
        """Returns the members that are there; others may be added or go at the same time."""
        return tuple([member for one in self._refs.copy() if (member := one()) is not None])


def members(weak: WeakBag[T]) -> tuple[T, ...]:
    """Returns the live members of a set that other threads may change without a lock."""
    return weak.members()
