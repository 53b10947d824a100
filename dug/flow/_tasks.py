"""Waits for many nodes at the same time: `wait_for_all`, on asyncio and on trio.

The first error comes out when all have ended.
"""

import asyncio
import sys
from collections.abc import Iterable
from typing import Any

from .._functions.async_driver import is_awaited


async def wait_for_all(nodes: Iterable[Any]) -> None:
    """Awaits nodes, each in a task of its own, and raises the first error when all have ended."""
    errors: list[Exception] = []

    async def ask(node: Any) -> None:
        try:
            found = node()
            if is_awaited(found):  # a stream is not
                await found
        except Exception as exc:  # noqa: BLE001  whatever a node raises is its result
            errors.append(exc)

    if _is_asyncio():
        async with asyncio.TaskGroup() as group:
            for node in nodes:
                group.create_task(ask(node))
    else:
        async with sys.modules["trio"].open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(ask, node)
    if errors:
        raise errors[0]


def _is_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
