"""What a type checker must refuse in a sweep."""

import dug
from dug.executors.threads import ContextThreadPoolExecutor
from dug.scenarios import grid


@dug.memoize
def spot(ticker: str) -> float:
    """Is memoised."""
    return 100.0


node = spot.node("A")

with dug.Context(), ContextThreadPoolExecutor() as pool:
    dug.sweep("A", [{node: 1.0}])  # E: arg-type
    dug.sweep(5, [{node: 1.0}])  # E: call-overload
    dug.sweep(node, 5)  # E: call-overload
    dug.sweep(node, [5])  # E: arg-type, list-item
    dug.sweep(node, [], executor=4)  # E: call-overload
    dug.sweep(node, [], progress="yes")  # E: call-overload
    text: str = dug.sweep(node, [])["up"].value  # E: assignment
    label: str = dug.sweep(node, [])["up"][node]  # E: assignment
    pool.submit(spot, 1)  # E: arg-type

grid([node])  # E: arg-type
grid({node: 1.0})  # E: dict-item
