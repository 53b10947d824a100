"""Finds how much stack a thread has left, by the C library's bounds (`is_low`), and starts threads that have more (`roomy`).

Calls from one Python function to another take none of the C stack, but each call of a node does: 1 to 2 KB on the call path in
Python.  This file asks the C library for the bounds of the running thread's stack, once a thread, and for the current position
in it; without an answer it counts frames.  The compiled call path has its own: ``stack.h``.

`_ask_bounds` asks, `_guess_size` and `_find_top` serve where nothing answers; `forget_others` resets a forked process;
`frees_deep` tells where freeing a chain of memos needs a deep stack.  `_find_left` says how many bytes are left.
"""

import os
import sys
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from threading import RLock, local, main_thread, stack_size

ROOM_BYTES, LITTLE_ROOM_BYTES = 8 << 20, 1 << 20
"""The stack size of a thread in which a deep evaluation goes on; and the size when there is no memory for that."""
AMPLE_BYTES = 2 << 20
"""Enough for all frames that the interpreter allows in a thread, with as much again for the calls of bodies."""
FRAME_BYTES = 1_024
"""The stack of a Python frame of an evaluation, used when only frames can be counted."""
LEAST_BYTES = 16 << 10
"""The stack left to a body in any case, except on stacks of less than twice that."""
FEW_RUNS = 4
"""Up to here calls stay in a thread of the program's own for as long as a quarter of its stack is left: most are not deep."""

_POINTERS = {"x86_64": 160, "aarch64": 432}
"""Where ``getcontext`` of the C library of Linux notes the stack pointer, by machine."""

small: set[int] = set()
"""The threads whose stack is small, as far as is known: they are looked at before each run, others before every eighth."""


class _Bounds(local):
    """How large the stack of a thread is, and where it ends; 0 where that is not known."""

    size = low = 0
    is_asked = False


_bounds = _Bounds()
_sizing = RLock()


class _Noted:
    """Marks a thread as small until it ends: another thread may get its number afterwards."""

    __slots__ = ("_ident",)

    def __init__(self, ident: int) -> None:
        self._ident = ident
        small.add(ident)

    def __del__(self) -> None:
        small.discard(self._ident)


def is_low(depth: int) -> bool:
    """True when a call that is made inside of `depth` runs should be made on another stack."""
    if not _bounds.is_asked:
        _bounds.is_asked = True
        _bounds.low, _bounds.size = _ask_bounds()
        if 0 < _bounds.size < AMPLE_BYTES:
            _bounds.noted = _Noted(get_ident())
    size, low = _bounds.size, _bounds.low
    if get_ident() == main_thread().ident:
        size, low = _limited(size, low)
    if not size or size >= AMPLE_BYTES:
        return False
    left = _find_left(size, low)
    reserve = max(size // 4, min(size // 2, LEAST_BYTES))
    return left < reserve or (depth >= FEW_RUNS and left < max(size // 4 * 3, reserve))


def frees_deep() -> bool:
    """True in a thread with a small stack where the interpreter frees a chain of memos as deep as that is, as 3.13 does."""
    return get_ident() in small and sys.version_info >= (3, 13)


def _limited(size: int, low: int) -> tuple[int, int]:
    """Returns the bounds of the main thread's stack; the system may have changed its limit since."""
    ask = _find_limit()
    limit = 0 if ask is None else ask()[0]
    return (limit, low + size - limit) if 0 < limit < size else (size, low)


@cache
def _find_limit() -> Callable[[], tuple[int, int]] | None:
    """Returns a function that tells how large the main thread's stack may be: looked up once, as it is called every few runs."""
    try:
        from resource import RLIMIT_STACK, getrlimit  # not on Windows
    except ImportError:
        return None
    return partial(getrlimit, RLIMIT_STACK)


def _find_left(size: int, low: int) -> int:
    """Returns how many bytes a thread has left, by its current stack address or, if that is unknown, by its frames."""
    find_top = _find_top()
    top = 0 if find_top is None else find_top()
    if low and low <= top < low + size:
        return top - low
    frames, frame = 0, sys._getframe()
    while frame.f_back is not None and frames * FRAME_BYTES < size:
        frames, frame = frames + 1, frame.f_back
    return size - frames * FRAME_BYTES


@cache
def _find_top() -> Callable[[], int] | None:
    """Returns a function that tells the current stack address, if the C library has one."""
    if sys.platform != "linux" or os.uname().machine not in _POINTERS:
        return None
    try:
        from ctypes import CDLL, create_string_buffer  # only where a stack may be small

        note = CDLL(None).getcontext
    except (ImportError, OSError, AttributeError):
        return None
    at = _POINTERS[os.uname().machine]

    def find_top() -> int:
        noted = create_string_buffer(4_096)
        note(noted)
        return int.from_bytes(noted.raw[at : at + 8], sys.byteorder)

    return find_top


def _ask_bounds() -> tuple[int, int]:
    """Returns the lowest address of this thread's stack and its size; 0 for unknown."""
    try:
        from ctypes import CDLL, byref, c_size_t, c_void_p, create_string_buffer  # once a thread that goes deep

        library = CDLL(None)
        own = library.pthread_self
        own.restype = c_void_p
        if sys.platform == "darwin":
            high, size = library.pthread_get_stackaddr_np, library.pthread_get_stacksize_np
            high.restype, size.restype = c_void_p, c_size_t
            bytes_ = int(size(c_void_p(own())))
            return int(high(c_void_p(own()))) - bytes_, bytes_
        attributes, low, extent = create_string_buffer(256), c_void_p(), c_size_t()
        if library.pthread_getattr_np(c_void_p(own()), attributes):
            return 0, _guess_size()
        library.pthread_attr_getstack(attributes, byref(low), byref(extent))
        library.pthread_attr_destroy(attributes)
    except (ImportError, OSError, AttributeError, TypeError):  # no ctypes, or another C library
        return 0, _guess_size()
    return low.value or 0, extent.value


def _guess_size() -> int:
    """Returns the stack size of a thread that is started now."""
    with _sizing:
        size = stack_size()  # which also sets it, to the default
        stack_size(size)
    return size


@contextmanager
def roomy(room_bytes: int, *, at_most: bool = False) -> Iterator[None]:
    """Gives threads that are started inside a stack of at least this size (or exactly this), whatever the program set."""
    with _sizing:
        before = stack_size(room_bytes)
        if not at_most and (before >= room_bytes or (before == 0 and _is_ample(room_bytes))):
            stack_size(before)
            yield
            return
        try:
            yield
        finally:
            now = stack_size(before)
            if now != room_bytes:  # the program set another size in between
                stack_size(now)


@cache
def _is_ample(room_bytes: int) -> bool:
    """True when a thread has that much if the program set no size: with the C library of Linux, as much as the main thread."""
    try:
        from resource import RLIMIT_STACK, getrlimit  # not on Windows

        return bool(os.confstr("CS_GNU_LIBC_VERSION")) and getrlimit(RLIMIT_STACK)[0] >= room_bytes
    except (ImportError, ValueError, AttributeError):
        return False


def forget_others() -> None:
    """Resets a forked process: of its parent's threads it has one only."""
    global _sizing  # noqa: PLW0603  another thread of the parent may have held it
    _sizing = RLock()
    small.intersection_update({get_ident()})
