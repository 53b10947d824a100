"""What a store of your own is made of: a `Backend` that keeps bytes, and an `AnyStore` over it; the rows that they exchange.

`dug.testing.check_store` says whether the whole does what a store must do.
"""

from ._backend import Accepted, Backend, Found, Row, Seen, Sizes
from ._store import AnyStore

__all__ = ["Accepted", "AnyStore", "Backend", "Found", "Row", "Seen", "Sizes"]
