"""A store on its way to a worker: `place_of` says where it is, `keep_there` has a base's context use it as this one does.

`_find_place` refuses what no worker can open, `check_keeps` a store that keeps nothing.  `_open` opens it there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._text.values import show
from ..errors import StoreError
from ..stores._opening import serve
from ..stores._store import AnyStore, Store
from ..stores._tiered import Tiered
from ..stores.redis import RedisStore


def place_of(store: AnyStore) -> dict[str, Any]:
    """Returns what a worker must know to open a store.

    Raises:
        StoreError: it is of a kind that no worker can open, or has a key that would have to be told.
    """
    return {
        **_find_place(store),
        "min_seconds": store.min_seconds,
        "single_flight": store.single_flight,
        "lease_seconds": store.lease_seconds,
        "allow_pickle": store.allow_pickle,
    }


def check_keeps(store: AnyStore) -> None:
    """Refuses a store that keeps nothing.

    Raises:
        StoreError: it was opened to be read.
    """
    if store.is_read_only:
        raise StoreError(f"{show(store)} keeps nothing, because it was opened with read_only=True. Open it without.")


def _find_place(store: AnyStore) -> dict[str, Any]:
    if isinstance(store, Store):
        return {"path": str(Path(store.backend.shown).resolve()), "read_only": store.is_read_only}
    if isinstance(store, Tiered):
        return {"tiers": [place_of(tier) for tier in store.tiers]}
    if not isinstance(store, RedisStore):
        raise StoreError(f"{show(store)} cannot be opened by a worker. Give the context a folder: Context(store='book.store').")
    if store.is_signed:
        raise StoreError(
            f"{show(store)} has a key, which a message to a worker would give away. Leave key= out, or sweep over contexts that "
            "the workers make by themselves."
        )
    return {"url": store.url, "prefix": store.prefix, "blobs": store.blobs}


def keep_there(place: Mapping[str, Any], context: Any) -> AnyStore:
    """Opens a store in a worker, and has a context look for runs and keep its own there.

    Raises:
        StoreError: the folder is not here, or cannot be used.
        ImportError: it takes a package that is not here.
    """
    if "path" in place and not Path(place["path"], "dug.db").is_file():
        raise StoreError(
            f"{place['path']} is not a folder of a store on this machine. Keep what several machines share in a server: "
            "dug.stores.redis.RedisStore(url)."
        )
    store = _open(place)
    serve(store, context._given_cache)
    return store


def _open(place: Mapping[str, Any]) -> AnyStore:
    options = dict(place)
    if "tiers" in options:
        tiered = Tiered(*map(_open, options.pop("tiers")))
        for name, value in options.items():
            setattr(tiered, name, value)
        return tiered
    return RedisStore(options.pop("url"), **options) if "url" in options else Store(options.pop("path"), **options)
