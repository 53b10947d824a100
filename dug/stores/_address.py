"""The address of a server: `check_address` refuses what leads to none, `without_password` is how messages name it.

`tell` says of an error of the server, or of the way to it, what happened and what to do about it.

`_TOLD` says for each kind of error what to do.
"""

from urllib.parse import SplitResult, urlsplit

from .._text.values import show

_SCHEMES = ("redis", "rediss", "unix")

# By the name of the class of an error, and what it says: what happened, and what to do.  The first that fits holds.
_TOLD = (
    ("", "HELLO must be called", "takes nobody without a password", "Give it: redis://:password@host:6379/0."),
    ("", "NOAUTH", "takes nobody without a password", "Give it: redis://:password@host:6379/0."),
    ("AuthenticationError", "", "refuses the name or the password", "Give them: redis://name:password@host:6379/0."),
    ("NoPermissionError", "", "refuses this user a command", "Allow it all commands on the keys of the prefix: ACL SETUSER."),
    ("", "maxmemory", "is full", "Have it evict: redis-server --maxmemory-policy allkeys-lru."),
    ("ReadOnlyError", "", "is a replica, which keeps nothing", "Give the address of its primary."),
    ("MovedError", "", "is one of a cluster", "Give the address of a server that has all keys."),
    ("AskError", "", "is one of a cluster", "Give the address of a server that has all keys."),
    ("", "hash slot", "is one of a cluster", "Give the address of a server that has all keys."),
    ("", "same slot", "is one of a cluster", "Give the address of a server that has all keys."),
    ("", "DB index is out of range", "has no database of this number", "Give one that it has: redis://host:6379/0."),
    ("", "unknown command", "does not know a command", "Use Redis 7.0 or newer, or Valkey."),
    ("", "WRONGTYPE", "has something else under a key of this store", "Give the store a prefix of its own: prefix='book'."),
    ("BusyLoadingError", "", "is still loading its data", "Ask again in a while."),
    ("", "WRONG_VERSION_NUMBER", "does not speak TLS", "Write redis:// in place of rediss://."),
    ("", "CERTIFICATE_VERIFY_FAILED", "shows a certificate that is not trusted here", "Add ?ssl_ca_certs=file to the address."),
    ("", "Name or service not known", "cannot be found: no machine has this name", "Correct the address."),
    ("", "nodename nor servname", "cannot be found: no machine has this name", "Correct the address."),
    ("", "getaddrinfo failed", "cannot be found: no machine has this name", "Correct the address."),
    ("ResponseError", "", "refuses what it is asked for", "Use Redis 7.0 or newer, or Valkey."),
)
_SILENT = ("does not answer", "Start it, and ask again.")


def check_address(url: object, maker: str = "RedisStore") -> None:
    """Refuses anything but an address of a server.

    Args:
        url: the address.
        maker: the class to which it was given.

    Raises:
        TypeError: it is not a text.
        ValueError: it has another form.
    """
    example = f"Write {maker}('redis://localhost:6379/0')."
    if not isinstance(url, str):
        raise TypeError(f"url must be a text, not {show(url)}. {example}")
    if url.partition("://")[0] not in _SCHEMES or "://" not in url:
        seen = show(url.rpartition("@")[2])
        raise ValueError(f"url must begin with redis://, rediss:// (TLS) or unix://, which {seen} does not. {example}")
    parts = urlsplit(url)
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError(f"url must name the socket after unix://. Write {maker}('unix:///run/redis.sock').")
        return
    database = parts.path.strip("/")
    if not _has_port(parts):
        raise ValueError(f"url must have a port from 1 to 65535, which {without_password(url)} has not. {example}")
    if database and not (database.isascii() and database.isdigit()):
        raise ValueError(f"url must end with the number of a database, which {without_password(url)} does not. {example}")


def _has_port(parts: SplitResult) -> bool:
    """True for an address with a port, and for one that leaves it out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def without_password(url: str) -> str:
    """Returns an address as messages show it."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{place}{parts.path}"


def tell(server: str, exc: Exception) -> str:
    """Returns in two sentences what is wrong with a server, and what to do about it."""
    names, text = {kind.__name__ for kind in type(exc).__mro__}, str(exc)
    found = (told for name, sign, *told in _TOLD if (not name or name in names) and sign.lower() in text.lower())
    happened, remedy = next(found, _SILENT)
    return f"{server} {happened} ({type(exc).__name__}: {text}). {remedy}"
