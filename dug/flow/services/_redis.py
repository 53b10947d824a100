"""`Server`: the way to a server of Redis or Valkey from any loop; its threads make the trips, hear the news and prolong claims.

The client is a blocking one, so that asyncio and trio are served alike and a slow server stops no loop.  The threads begin with
the first trip of a process, and again after a fork.  A server that does not answer is asked again until the patience is over; one
that never answered is not there.

`_Threads` are those threads, `_make_client` makes the client, of a cluster too.  Calls: `ask` waits for an answer, `post` does
not, `run` runs a script and blocks; also `publish`, `listen`, `close`; the threads `_listen` and ring (`_ring`), and `_beat` and
`_touch` prolong.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis

from ..._functions.async_driver import backend
from ...stores._address import tell, without_password
from ...stores._outage import Seldom
from ...stores._redis import TIMEOUT_S, make_client
from . import _scripts
from ._bells import Bell, Topic
from ._errors import OtherKeyError, ServerLostError, ServicesError, TamperedError
from ._keys import Keys

_logger = logging.getLogger("dug")

THREADS = 8
"""How many trips a process makes at the same time."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.5
_NO_CLUSTER: Any = redis.exceptions.RedisClusterException
_AWAY = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, redis.OutOfMemoryError, _NO_CLUSTER, OSError)
_REFUSED = (redis.AuthenticationError,)
_NOT_NOW = ("BUSY ", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN")
"""How errors begin that end by themselves, or when somebody has seen to the server."""


def _is_away(exc: Exception) -> bool:
    """True where the same trip may be answered later."""
    return isinstance(exc, _AWAY) or (isinstance(exc, redis.ResponseError) and str(exc).startswith(_NOT_NOW))


class Server:
    """One server, for all that a process does in a namespace.

    Args:
        url: as redis-py takes it.
        keys: the names of the keys.
        lease_s: how long a claim lasts without a sign of its owner.
        ttl_s: how long keys stay without one.
        patience_s: how long a server that does not answer is asked again.
    """

    def __init__(self, url: str, keys: Keys, *, lease_s: float, ttl_s: float, patience_s: float) -> None:
        self.shown = without_password(url)
        self.keys = keys
        self.lease_ms, self.ttl_ms = max(1, int(lease_s * 1000)), max(1, int(ttl_s * 1000))
        self._patience_s, self.patience_ms = patience_s, int(patience_s * 1000)
        try:
            self.client = _make_client(url)
        except (redis.RedisError, _NO_CLUSTER) as exc:
            raise self._say_lost(exc) from exc
        self._told = Seldom(time.monotonic)
        self._has_answered = False
        self._left: set[str] = set()
        """The runs of which it was said that they are damaged."""
        self._process: _Threads | None = None
        self._lock = threading.Lock()
        self.is_closed = False
        scripts = {name.lower(): text for name, text in vars(_scripts).items() if name.isupper()}
        self.scripts: dict[str, Any] = {name: self.client.register_script(text) for name, text in scripts.items()}

    # Trips

    def trip(self, call: Callable[..., Any], *args: Any) -> Any:
        """Returns the server's answer; blocks, until the patience is over.

        Raises:
            ServerLostError: it does not answer.
            ServicesError: it refuses.
        """
        began, pause = time.monotonic(), FIRST_PAUSE_S
        while True:
            try:
                answer = call(*args)
            except (redis.RedisError, _NO_CLUSTER, OSError) as exc:
                if "WRONGTYPE" in str(exc):
                    raise OtherKeyError(self._tell(exc)) from exc
                if isinstance(exc, _REFUSED) or not _is_away(exc):
                    raise ServicesError(self._tell(exc)) from exc
                if self.is_closed or not self._has_answered or time.monotonic() - began > self._patience_s:
                    raise self._say_lost(exc) from exc
                if self._told.is_due():
                    _logger.warning("%s Until then, runs wait.", self._tell(exc))
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            except ValueError as exc:  # of a connection that was closed under it
                if not self.is_closed:
                    raise
                raise self._say_closed() from exc
            else:
                self._has_answered = True
                return answer

    def _say_closed(self) -> ServicesError:
        return ServicesError(f"These services of {self.shown} are closed. Make new ones: Services(url).")

    def _say_lost(self, exc: Exception) -> ServerLostError:
        error = ServerLostError(self._tell(exc))
        error.server = self.shown
        return error

    def _tell(self, exc: Exception) -> str:
        """Returns what is wrong with the server, and what to do about it."""
        if "WRONGTYPE" in str(exc):
            said = f"{self.shown} has something else under a key of these services ({exc})."
            return f"{said} Give them a namespace of their own: namespace='etl'."
        if "MovedError" in type(exc).__name__:
            return f"{self.shown} is one of a cluster. Say so in the address: redis://host:6379?cluster=true."
        if "cluster support disabled" in str(exc):
            return f"{self.shown} is not a server of a cluster ({exc}). Leave out ?cluster=true."
        if isinstance(exc, redis.OutOfMemoryError):  # to evict would make holes
            return f"{self.shown} is full ({exc}). Give it more memory, delete runs, or start them with keep=."
        if str(exc).startswith(_NOT_NOW):
            return f"{self.shown} takes nothing now ({exc}). See to it, and ask again."
        return tell(self.shown, exc)

    def leave(self, damaged: TamperedError) -> None:
        """Logs, once for each run, that a run is damaged."""
        if damaged.run not in self._left:
            self._left.add(damaged.run)
            _logger.warning("dug.flow.services leaves a run alone. %s", damaged)

    def run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Returns the answer of a script; blocks."""
        return self.trip(self.scripts[script], keys, args)

    async def ask(self, call: Callable[..., Any], *args: Any) -> Any:
        """Returns what a call that makes trips returns, made in a thread; a cancelled asker leaves the call to end by itself."""
        sleep = backend().Sleep()
        future = self._submit(call, *args)
        future.add_done_callback(lambda _: sleep.wake())
        await sleep.last(None)
        return future.result()

    def post(self, call: Callable[..., Any], *args: Any) -> None:
        """Makes a call in a thread, and does not wait for it."""
        if not self.is_closed:
            self._submit(call, *args)

    def _submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        if self.is_closed:
            raise self._say_closed()
        future: Future[Any] = self.threads.pool.submit(call, *args)
        future.add_done_callback(self._close_late)
        return future

    def _close_late(self, _: "Future[Any]") -> None:
        """Closes what a call has opened that was under way when all was closed."""
        if self.is_closed:
            self.client.close()

    # News

    def listen(self, run: str | None, *topics: str) -> Bell:
        """Returns a bell, to be entered, that rings when a message is for one of these topics of a run, or for all of the run.

        Args:
            run: the id of the run; None for the messages that are for all of any run.
            topics: the topics.
        """
        return Bell([(run, topic) for topic in topics or ("",)], self.threads.bells)

    def publish(self, run: str, topic: str = "") -> None:
        """Tells all who listen; blocks."""
        self.trip(self.client.publish, self.keys.news, f"{run}/{topic}")

    @property
    def threads(self) -> "_Threads":
        """What this process has running."""
        known = self._process
        if known is None or known.pid != os.getpid():
            with self._lock:
                known = self._process
                if known is None or known.pid != os.getpid():
                    known = self._process = _Threads(self)
        return known

    def close(self) -> None:
        """Ends the threads and the connections of this process."""
        self.is_closed = True
        if self._process is not None and self._process.pid == os.getpid():
            self._process.end()
        self.client.close()


def _make_client(url: str) -> Any:
    """Returns a client, of a server or of the cluster that it is one of: that is asked at once where the keys are."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    if ("cluster", "true") not in options:
        return make_client(url)
    plain = parts._replace(query=urlencode([one for one in options if one[0] != "cluster"])).geturl()
    client: Any = make_client(plain)  # it says what redis-py does not take
    try:
        client.execute_command("CLUSTER SLOTS")  # first: a RedisCluster that is refused leaves its connection open
    finally:
        client.close()
    return redis.RedisCluster.from_url(plain, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S / 5)


class _Threads:
    """The threads of one process, what they hold for it, and who listens."""

    def __init__(self, server: Server) -> None:
        self.pid = os.getpid()
        self._server = server
        self.bells: dict[Topic, dict[Bell, None]] = {}
        self.held: dict[Any, None] = {}
        """What is prolonged: each has `prolong`, and the `keys` that must not expire."""
        self.pool = ThreadPoolExecutor(THREADS, "dug-services")
        self._subscribed = threading.Event()
        self._is_over = threading.Event()
        self._beat_s = min(server.lease_ms, server.ttl_ms) / 3000
        self._next_touch = time.monotonic()
        threading.Thread(target=self._listen, name="dug-services-news", daemon=True).start()
        self._beating = threading.Thread(target=self._beat, name="dug-services-claims", daemon=True)
        self._beating.start()

    def wait_subscribed(self) -> None:
        """Returns when the news come; blocks for a moment."""
        self._subscribed.wait(self._server._patience_s)

    def end(self) -> None:
        """Lets the threads end."""
        self._is_over.set()
        self.pool.shutdown(wait=False, cancel_futures=True)
        self._beating.join(self._server.lease_ms / 1000)

    def _listen(self) -> None:
        while not self._is_over.is_set():
            subscription: Any = self._server.client.pubsub()
            try:
                subscription.subscribe(self._server.keys.news)
                while not self._is_over.is_set():
                    message = subscription.get_message(timeout=1.0)
                    if message is None:
                        continue
                    if message["type"] == "subscribe":
                        self._subscribed.set()
                        self._ring_all()  # what was said before is lost
                    elif message["type"] == "message":
                        self._ring(message["data"].decode("utf-8", "replace"))
            except Exception as exc:  # noqa: BLE001  the server is away, or the connection was closed under it
                self._subscribed.clear()
                if self._server._told.is_due() and not self._is_over.is_set():
                    _logger.warning("%s sends no news (%s: %s).", self._server.shown, type(exc).__name__, exc)
                self._is_over.wait(FIRST_PAUSE_S * 10)
            finally:
                subscription.close()

    def _ring(self, message: str) -> None:
        run, _, topic = message.partition("/")
        if topic:
            is_end = topic.startswith("e:")
            self._ring_those(self.bells.get((run, f"s:{topic[2:]}" if is_end else topic)))
            if is_end:  # who reads the step was rung first, as others have no hurry: what waited for it may begin
                self._ring_those(self.bells.get((None, "")))
            return
        for key, bells in tuple(self.bells.items()):
            if key[0] in (run, None):
                self._ring_those(bells)

    def _ring_all(self) -> None:
        for bells in tuple(self.bells.values()):
            self._ring_those(bells)

    @staticmethod
    def _ring_those(bells: Iterable[Bell] | None) -> None:
        for bell in tuple(bells or ()):
            bell.ring()

    def _beat(self) -> None:
        """Prolongs what is held, three times in a lease, or in the life of a key if that is shorter."""
        while not self._is_over.wait(self._beat_s):
            held = tuple(self.held)
            for one in held:
                try:
                    one.prolong()
                except Exception as exc:  # noqa: BLE001  whoever works hears of it at the next append
                    self._warn("a claim is not prolonged", exc)
            if held and time.monotonic() > self._next_touch:
                self._next_touch = time.monotonic() + self._server.ttl_ms / 10_000
                self._touch({key for one in held for key in one.keys})

    def _touch(self, keys: Iterable[str]) -> None:
        try:
            with self._server.client.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.pexpire(key, self._server.ttl_ms)
                pipeline.execute()
        except Exception as exc:  # noqa: BLE001  this thread must go on: it prolongs all claims
            self._next_touch = time.monotonic()
            self._warn("keys are not prolonged", exc)

    def _warn(self, what: str, error: Exception) -> None:
        """Logs that something was not done, unless the services are closed: then their connections are."""
        if not self._is_over.is_set() and self._server._told.is_due():
            _logger.warning("%s: %s (%s).", self._server.shown, what, error)
