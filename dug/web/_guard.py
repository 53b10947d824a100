"""Who may ask a page, and what an answer may do: `Guard`, around the application; refuses before anything else happens.

* A name in the header ``Host`` that is not ours is refused: a stranger's site could have its name lead to this machine.
* Only ``GET`` is answered, and ``POST`` of one address where the page takes tweaks: with the cookie, from the page itself.
* A token is in the address that is printed; a browser that has shown it gets a cookie, which no script can read and no other
  site can send.  Without one of the two nothing is answered.
* Each answer forbids scripts, styles and requests that are not the page's own, frames around it, and guesses at its type.

`_read_cookies`, `_is_address` and `_refuse` do so; `HEADERS` are the last rule.  `_find_refusal` and `_find_post_refusal` decide,
`_shows_token` and `_has_cookie` look.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

Scope = dict[str, Any]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Guard:
    """An ASGI application that lets only its user in.

    Args:
        application: what answers then.
        token: what the user shows.
        cookie: the name of the cookie, which differs for each port: cookies do not.
        hosts: the names of this machine, without ports, that a request may be for.
        takes_addresses: whether a request may be for any address in numbers, which nobody can rebind.
        posts: the addresses that may be posted to.
    """

    def __init__(
        self,
        application: Application,
        token: str,
        cookie: str,
        hosts: Collection[str],
        *,
        takes_addresses: bool,
        posts: Collection[str] = (),
    ) -> None:
        self._application = application
        self._token = token
        self._cookie = cookie
        self._hosts = frozenset(host.lower() for host in hosts)
        self._takes_addresses = takes_addresses
        self._posts = frozenset(posts)

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """Answers a request, or refuses it."""
        if scope["type"] != "http":
            return
        headers = [*_ENCODED]
        refused = self._find_refusal(scope)
        if refused is not None:
            await _refuse(*refused, headers, send)
            return
        if self._shows_token(scope):
            said = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            headers.append((b"set-cookie", said.encode()))

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        await self._application(scope, receive, send_guarded)

    def _find_refusal(self, scope: Scope) -> tuple[int, str] | None:
        if not self._is_ours(_find_header(scope, b"host")):
            return 421, "This page is not at that name. Use the address that dug printed."
        if scope["method"] == "POST" and scope["path"] in self._posts:
            return self._find_post_refusal(scope)
        if scope["method"] != "GET":
            return 405, "This page only answers GET."
        if not self._shows_token(scope) and not self._has_cookie(scope):
            return 403, "Use the whole address that dug printed, with its token."
        return None

    def _find_post_refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Refuses what another site may have sent: the cookie is needed, the origin of the page, and a type that no form has."""
        if not self._has_cookie(scope):
            return 403, "Open the address that dug printed first."
        (host,) = _find_header(scope, b"host")
        if [origin.lower() for origin in _find_header(scope, b"origin")] != [f"{scope['scheme']}://{host}".lower()]:
            return 403, "Only the page itself may ask that."
        if [kind.partition(";")[0] for kind in _find_header(scope, b"content-type")] != ["application/json"]:
            return 415, "Send JSON."
        return None

    def _is_ours(self, said: list[str]) -> bool:
        if len(said) != 1:
            return False
        host = said[0].lower()
        name, colon, port = host.rpartition(":")
        if colon and port.isdigit():
            host = name
        host = host.removeprefix("[").removesuffix("]")
        return host in self._hosts or (self._takes_addresses and _is_address(host))

    def _shows_token(self, scope: Scope) -> bool:
        said = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(said) == 1 and self._is_token(said[0])

    def _has_cookie(self, scope: Scope) -> bool:
        return any(self._is_token(value) for value in _read_cookies(scope, self._cookie))

    def _is_token(self, said: str) -> bool:
        return compare_digest(said.encode("utf-8", "replace"), self._token.encode())


def _find_header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _read_cookies(scope: Scope, name: str) -> Iterator[str]:
    for header in _find_header(scope, b"cookie"):
        try:
            cookies = SimpleCookie(header)
        except CookieError:  # another program's, at another port of this machine
            continue
        if name in cookies:
            yield cookies[name].value


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _refuse(status: int, text: str, headers: list[tuple[bytes, bytes]], send: Send) -> None:
    said = [(b"content-type", b"text/plain; charset=utf-8"), *headers]
    if status == 405:
        said.append((b"allow", b"GET"))
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
