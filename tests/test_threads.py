"""Threads that share contexts: what each is told, and what none of them may do to the others.

Where two threads must meet at one point, an event or a patch of the engine brings them there; nothing depends on time.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import dug
from dug._core import _begin, _registry
from dug._core._cache import Cache


def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns in a thread of its own."""
    told: list[Any] = []
    thread = start(lambda: told.append(function(*args)))
    finish(thread)
    return told[0]


def start(function: Callable[[], object]) -> Thread:
    thread = Thread(target=function, daemon=True)
    thread.start()
    return thread


def finish(*threads: Thread) -> None:
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a thread hangs"


def registry_of(ctx: dug.Context) -> Any:
    cache: Cache = ctx.cache
    return cache.registry


# Forgetting.


def test_a_memo_found_while_it_is_being_forgotten_is_not_kept_at_hand(monkeypatch):
    """Who finds a memo in the middle of an invalidation, and goes on when it is over, leaves nothing behind for others."""
    outside = [1]
    f = dug.memoize(lambda: outside[0])
    root, child = dug.Context(), dug.Context()
    root.run(f)
    found, over = Event(), Event()
    touch_roots, hit = _registry._Walk.touch_roots, _begin.hit
    asker: list[Thread] = []

    def hit_later(*args, **options):
        found.set()
        over.wait(20)
        return hit(*args, **options)

    def ask_first(walk):
        monkeypatch.setattr(_begin, "hit", hit_later)
        asker.append(start(lambda: root.run(child.run, f)))
        found.wait(20)
        touch_roots(walk)

    outside[0] = 2
    with root, child:
        with monkeypatch.context() as patch:
            patch.setattr(_registry._Walk, "touch_roots", ask_first)
            in_thread(root.invalidate, f.node())
        over.set()
        finish(*asker)

        assert f() == 2
        assert root.run(f) == 2


def test_what_reads_a_forgotten_memo_all_the_same_is_not_filed():
    """A hit that was left behind cannot spread: what a run computes from it is gone with the run."""
    outside = [1]
    f = dug.memoize(lambda: outside[0])
    g = dug.memoize(lambda: f() * 10)
    with dug.Context() as ctx:
        f()
        view = dug._core._frame.current.get().view
        left_behind = dict(view.hits)
        outside[0] = 2
        ctx.invalidate(f.node())
        view.hits.update(left_behind)
        assert g() == 10
        view.hits.clear()

        assert g() == 20
