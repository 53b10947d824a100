"""`Signing` tells what was written with a key of the user's from what anybody else wrote: it signs bytes, and opens signed ones.

A signature covers what the bytes are, where they are filed and the bytes themselves: no entry can be put in another's place.
"""

import hmac

from ..errors import StoreError

SIGNATURE_BYTES = 32
LEAST_KEY_BYTES = 16


class Signing:
    """Signs with a key, HMAC of SHA-256.

    Args:
        key: a secret of at least 16 bytes, which all who share the entries have.
    """

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) < LEAST_KEY_BYTES:
            raise StoreError(f"The key of a store is at least {LEAST_KEY_BYTES} bytes. Make one: secrets.token_bytes(32).")
        self._key = key

    @property
    def name(self) -> str:
        """Names the key without telling it: entries of different keys lie apart."""
        return self._sign("name", b"", b"")[:6].hex()

    def seal(self, kind: str, at: bytes, data: bytes) -> bytes:
        """Returns the bytes with their signature before them."""
        return self._sign(kind, at, data) + data

    def open(self, kind: str, at: bytes, sealed: bytes) -> bytes | None:
        """Returns the bytes that were sealed; None where the signature is not of this key, place and content."""
        signature, data = sealed[:SIGNATURE_BYTES], sealed[SIGNATURE_BYTES:]
        return data if hmac.compare_digest(signature, self._sign(kind, at, data)) else None

    def _sign(self, kind: str, at: bytes, data: bytes) -> bytes:
        head = b"".join(len(part).to_bytes(4, "little") + part for part in (kind.encode(), at))
        return hmac.digest(self._key, head + data, "sha256")

