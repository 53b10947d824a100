"""A store on its way to a worker: `place_of` says where it is, `keep_there` has a base's context keep its runs in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._text.values import show
from ..errors import StoreError
from ..stores._opening import serve
from ..stores._store import AnyStore, Store


def place_of(store: AnyStore) -> dict[str, Any]:
    """Returns what a worker must know to open a store.

    Raises:
        StoreError: it is not in a folder, or keeps nothing.
    """
    if not isinstance(store, Store):
        raise StoreError(f"{show(store)} cannot be opened by a worker. Give the context a folder: Context(store='book.store').")
    if store.is_read_only:
        raise StoreError(f"{show(store)} keeps nothing, because it was opened with read_only=True. Open it without.")
    return {
        "path": str(Path(store.backend.shown).resolve()),
        "min_seconds": store.min_seconds,
        "single_flight": store.single_flight,
        "lease_seconds": store.lease_seconds,
        "allow_pickle": store.allow_pickle,
    }


def keep_there(place: Mapping[str, Any], context: Any) -> Store:
    """Opens a store in a worker, and has a context keep its runs there.

    Raises:
        StoreError: the folder cannot be used here.
    """
    options = dict(place)
    store = Store(options.pop("path"), **options)
    serve(store, context._given_cache)
    return store
