"""What a context does with its ``store=``: `open_store` opens the folder of a path, `serve` has a cache keep its runs there."""

from os import PathLike

from .._core.read import Cache
from .._text.values import show
from ..errors import ContextError
from ._keeper import RunKeeper
from ._store import AnyStore, Store


def open_store(store: object) -> AnyStore:
    """Returns a store: the very one, or that in the folder of a path.

    Raises:
        TypeError: it is neither.
        StoreError: the folder cannot be used.
    """
    if isinstance(store, AnyStore):
        return store
    if isinstance(store, bytes) or not isinstance(store, (str, PathLike)):
        raise TypeError(f"store must be a store or a path, not {show(store)}. Write Context(store='book.store').")
    return Store(store)


def serve(store: AnyStore, cache: Cache) -> None:
    """Has a store keep the runs of a cache.

    Raises:
        ContextError: another store does.
    """
    if cache.keeper is not None and cache.keeper.store is not store:
        raise ContextError(f"{cache!r} is kept in {cache.keeper.store!r}, and has one store only. Use a new dug.Cache() here.")
    if cache.keeper is None:
        cache.keeper = RunKeeper(store)
