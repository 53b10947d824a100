"""Memos that outlive their process, and are shared by processes.

A store keeps what runs read and what they gave.  A run that would read the same again is not run, in whatever process; a value
that cannot be taken from a store, for whatever reason, is computed.
"""

from ..errors import StoreError

__all__ = ["StoreError"]
