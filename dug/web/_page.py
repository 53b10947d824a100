"""`serve` shows something in the browser and returns its `Page`: where it is, and how to end it.

`_begin` begins to serve, `_listen` opens the socket, `_check_port` and `_check_token` refuse arguments.
"""

import secrets
import socket
import warnings
import webbrowser
from importlib import import_module
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._contexts.context import Context
from .._extras.packages import import_extra
from .._text.values import show as show_it
from ._answers import Answers
from ._guard import Guard
from ._running import FlowRun
from ._shown import show
from ._tally import SweepRun

if TYPE_CHECKING:
    from ..live import Live

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HIGHEST_PORT = 65_535
_SHORTEST = 16
"""How many characters a token must have."""


class Page:
    """A page that is served; close it, or use it in a ``with``.  It ends with the process in any case."""

    def __init__(self, server: Any, url: str, answers: Answers) -> None:
        self._server = server
        self._url = url
        self._answers = answers

    @property
    def url(self) -> str:
        """The address, with the token that lets a browser in."""
        return self._url

    def wait(self) -> None:
        """Waits until the page is closed, or Ctrl-C is pressed."""
        self._server.wait()

    def close(self) -> None:
        """Ends the page; again it does nothing."""
        self._server.close()
        self._answers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<dug.web.Page {self._url}>"


def serve(
    what: "Context | SweepRun | Live | FlowRun | str | PathLike[str]",
    *,
    port: int = 0,
    open: bool = True,  # noqa: A002  what it does to the page
    token: str | None = None,
    host: str = "127.0.0.1",
    before: "Context | Live | FlowRun | str | PathLike[str] | None" = None,
    allow_tweaks: bool = False,
) -> Page:
    """Shows a context, a sweep, a `Live`, a running flow or a saved file in the browser, and returns at once.

    The page looks, and runs nothing, unless it takes tweaks; what goes on is followed.  A thread of this process serves it
    until it is closed.

    Args:
        what: a context of this process; what `dug.sweep` returned, whose results are shown as they come to whoever iterates it;
            a `dug.live.Live`; a `dug.flow.RunningFlow`, which it holds weakly; or the path of a ``.dug`` file, of which nothing
            is decoded or imported.
        port: the port; by default one that is free.
        open: whether the browser is opened.
        token: what a browser must show to be let in, at least 16 characters; by default a new one, which is in `Page.url`.
        host: the address to listen on.  Another one than the default lets other machines ask, unencrypted, and needs a `token`.
        before: another context, or the path of another file: the page then tells what moved from there to `what`.
        allow_tweaks: whether whoever has the page may say another value of a node.  What rests on it is then computed again, in a
            context of its own beside this one, in which nothing is changed: functions run, in a thread of this process.

    Raises:
        ImportError: Starlette or uvicorn are not installed; the message says what to type.
        SnapshotError: the file is not a snapshot, or is damaged.
        OSError: the port is not free.
        TypeError: there is nothing to show in `what`, it cannot be tweaked or compared, or `token` or `port` is of another type.
        ValueError: the token is too short, or there is none where `host` needs one; there is no such port.

    .. versionadded:: 0.1.0
    """
    import_extra("starlette", "web", "dug.web.serve()")
    import_extra("uvicorn", "web", "dug.web.serve()")
    token = _check_token(token, host)
    _check_port(port)
    page = _begin(show(what, before=before, allow_tweaks=allow_tweaks), token, host, port, takes_tweaks=allow_tweaks)
    if open:
        webbrowser.open(page.url)
    return page


def _begin(answers: Answers, token: str, host: str, port: int, *, takes_tweaks: bool) -> Page:
    """Begins to serve."""
    try:
        listening = _listen(host, port)
    except BaseException:
        answers.close()
        raise
    port = listening.getsockname()[1]
    is_local = host in _LOOPBACK
    names = _LOOPBACK if is_local else (*_LOOPBACK, host, socket.gethostname(), socket.getfqdn())
    starlette = import_module("._starlette", __package__)
    posts = (starlette.TRY,) if takes_tweaks else ()
    guard = Guard(
        starlette.make_application(answers), token, f"dug-{port}", names, takes_addresses=not is_local, posts=posts
    )
    server = import_module("._uvicorn", __package__).Server(guard, listening)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104  a comparison
    return Page(server, f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/?token={token}", answers)


def _check_port(port: Any) -> None:
    is_number = isinstance(port, int) and not isinstance(port, bool)
    if not (is_number and 0 <= port <= _HIGHEST_PORT):
        error = ValueError if is_number else TypeError
        raise error(f"port must be a whole number from 0 to {_HIGHEST_PORT}, not {show_it(port)}. Leave it out for a free one.")


def _check_token(token: Any, host: str) -> str:
    """Returns the token, a new one where there is none."""
    if host not in _LOOPBACK:
        if token is None:
            raise ValueError(f"host={host!r} lets other machines ask. Write serve(..., host={host!r}, token=...) with a secret.")
        warnings.warn(
            f"The page listens on {host}: whoever has its address and token sees all values, and nothing is encrypted.",
            stacklevel=3,
        )
    if token is None:
        return secrets.token_urlsafe(24)
    if not isinstance(token, str):
        raise TypeError(f"token must be a text, not {show_it(token)}. Leave it out for a new one.")
    if len(token) < _SHORTEST or not (token.isascii() and token.replace("-", "").replace("_", "").isalnum()):
        raise ValueError(
            f"a token has at least {_SHORTEST} letters, digits, - or _. Leave it out, or write token=secrets.token_urlsafe(24)."
        )
    return token


def _listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        OSError: the port is not free, or the host is not this machine; the message says which.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        raise OSError(exc.errno, f"{exc.strerror}: {host}, port {port}. Leave port out for one that is free") from exc
