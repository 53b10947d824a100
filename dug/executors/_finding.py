"""`find_pool` finds what a sweep needs of an executor: its workers, if these are other processes."""

from typing import Any

from .._extras.packages import find_loaded
from ._pools import AnyPool, StandardPool


def find_pool(executor: Any) -> AnyPool | None:
    """Returns an executor as a pool of other processes; None if it runs calls in this one, or is not an executor.

    Raises:
        TypeError: it is a class.
    """
    if isinstance(executor, type):
        raise TypeError(f"{executor.__name__} is a class, not an executor. Make one: {executor.__name__}().")
    make = getattr(executor, "_as_pool", None)
    if make is not None:
        pool: AnyPool = make()
        return pool
    client = find_loaded("distributed", "Client")
    if client is not None and isinstance(executor, client):
        from .dask import DaskPool  # optional package: imported where it is used

        return DaskPool(executor)
    if hasattr(executor, "_mp_context") and hasattr(executor, "submit"):  # as the pool of the standard library calls it
        return StandardPool(executor)
    return None
