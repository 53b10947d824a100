"""Real servers of Redis and Valkey for tests: each on a free port of loopback, in a folder of its own, stopped by its process.

`serving` starts one and stops it again, whatever the test did.  A machine without the program skips, with what to type.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

PROGRAMS = {"redis": "redis-server", "valkey": "valkey-server"}
PATIENCE_S = 30.0
"""How long a server may take to answer or to stop; only a failing test takes as long."""
A_LOOK_S = 0.005
"""How long a look at the process waits for its end, before the next attempt to connect."""


class Server:
    """A server that runs, or one that was stopped and can be started again on its port."""

    def __init__(self, kind: str, folder: Path, *options: str) -> None:
        program = shutil.which(PROGRAMS[kind])
        if program is None:
            pytest.skip(f"{PROGRAMS[kind]} is not installed: apt-get install {PROGRAMS[kind]}, see .ci/run")
        self.kind, self._program, self._folder, self._options = kind, program, folder, options
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find it: its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Server:
        """Start it, on a free port the first time and on the same one later; return when it answers."""
        first = self.port == 0
        for _ in range(10):  # between finding a port and taking it, somebody else may take it
            if first:
                self.port = find_free_port()
            self.process = self._run()
            if self._answers():
                return self
        raise AssertionError(f"{self._program} does not start: {(self._folder / 'log').read_text(encoding='utf-8')}")

    def kill(self) -> None:
        """Let it die as in a crash, without a word to its clients."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def _run(self) -> subprocess.Popen[bytes]:
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        options = [*place, "--save", "", "--appendonly", "no", *self._options]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen([self._program, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _answers(self) -> bool:
        """Connect until it answers; False when it ended instead."""
        assert self.process is not None
        for _ in range(int(PATIENCE_S / A_LOOK_S)):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as peer:
                peer.sendall(b"INFO server\r\n")
                if f"process_id:{self.process.pid}".encode() in peer.recv(4096):
                    return True  # this process, not another one that took the port
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(A_LOOK_S)
                return False
        self.stop()
        return False


def find_free_port() -> int:
    """Return a port of loopback on which nobody listens, and that the system gives to no client: a server may come back to it."""
    for port in random.sample(range(20_000, 32_000), 1_000):
        with suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@contextmanager
def serving(kind: str, folder: Path, *options: str) -> Iterator[Server]:
    """Give a server that answers, and stop it at the end, also after an error; the folder is made for it."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(kind, folder, *options)
    try:
        yield server.start()
    finally:
        server.stop()


@contextmanager
def serving_cluster(kind: str, folder: Path) -> Iterator[list[Server]]:
    """Give three servers that are a cluster, each with a third of the slots, and stop them at the end."""
    with ExitStack() as stack:
        options = "--cluster-enabled", "yes"
        servers = [stack.enter_context(serving(kind, folder / str(number), *options)) for number in range(3)]
        clients = [stack.enter_context(redis.Redis(port=server.port, decode_responses=True)) for server in servers]
        slots = [16384 * number // 3 for number in range(4)]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", slots[number], slots[number + 1] - 1)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)
        until = time.monotonic() + PATIENCE_S
        while not all(_is_whole(client) for client in clients):
            assert time.monotonic() < until, "the servers do not become a cluster"
            time.sleep(A_LOOK_S)
        yield servers


def _is_whole(client: Any) -> bool:
    found = dict(line.split(":") for line in client.execute_command("CLUSTER", "INFO").split())
    return found["cluster_state"] == "ok" and found["cluster_known_nodes"] == "3"


@contextmanager
def celery_working(app: str, url: str, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a Celery worker of the app of a module, with its broker and its results at `url`; stop it at the end.

    It imports what this process can.  Who sends it something waits until it takes that: nobody has to wait for its start.
    """
    environment = {**os.environ, "CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url, "PYTHONPATH": os.pathsep.join(sys.path)}
    quiet = ["--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", app, "worker", *quiet, *options]
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield worker
    finally:
        os.killpg(worker.pid, signal.SIGKILL)  # with the processes of its pool; it need not end what it has begun
        worker.wait(PATIENCE_S)
