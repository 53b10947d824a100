"""Sources that give what a test sends them, each when it says so: `Feeds`."""

from __future__ import annotations

from typing import Any

import anyio

import dug


class Feeds:
    """Streams by name, and what happened to their generators: ``feeds.stream("a")``, ``feeds.send("a", 1)``, ``feeds.log``."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._sends: dict[str, Any] = {}
        self.stream: Any = self._make()

    def _make(self) -> Any:
        @dug.source
        async def stream(name):
            self.log.append(f"open {name}")
            self._sends[name], receive = anyio.create_memory_object_stream[Any](100)
            try:
                async for item in receive:
                    if isinstance(item, Exception):
                        raise item
                    yield item
            finally:
                self.log.append(f"close {name}")
                self._sends[name].close()
                receive.close()

        return stream

    def send(self, name: str, *items: Any) -> None:
        """Let a stream that somebody reads give items; an exception is raised there."""
        for item in items:
            self._sends[name].send_nowait(item)

    def end(self, *names: str) -> None:
        """End streams."""
        for name in names:
            self._sends[name].close()
