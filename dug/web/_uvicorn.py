"""Runs the server of a page in a thread: `Server`."""

import socket
from threading import Thread
from typing import Any

import uvicorn


class Server:
    """A server on a socket that listens already, so that its address answers from the first moment."""

    def __init__(self, application: Any, listening: socket.socket) -> None:
        config = uvicorn.Config(
            application, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._listening = listening
        self._thread = Thread(target=self._run, name="dug.web", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._listening:
            self._server.run(sockets=[self._listening])

    def close(self) -> None:
        """Ends it, and waits until it has ended; again it does nothing."""
        self._server.should_exit = True
        self._thread.join()

    def wait(self) -> None:
        """Waits until it has ended."""
        self._thread.join()
