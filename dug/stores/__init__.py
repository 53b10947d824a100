"""Memos that outlive their process, and are shared by processes: `Store`, a folder; ``dug.Context(store=...)`` uses one.

A store keeps what runs read and what they gave.  A run that would read the same again is not run, in whatever process; a value
that cannot be taken from a store, for whatever reason, is computed.
"""

from ..errors import StoreError
from ._care import Checked, Collected, StoreReport
from ._store import Store
from ._tiered import Tiered
from ._why import accept, why

__all__ = ["Checked", "Collected", "Store", "StoreError", "StoreReport", "Tiered", "accept", "why"]
