"""What a type checker must refuse of coroutine functions, and of sweeps over them."""

from attrs import frozen

import dug


@dug.memoize
async def quote(ticker: str) -> float:
    """Is awaited."""
    return 100.0


@dug.memoize
def rate() -> int:
    """Is not awaited."""
    return 1


@frozen
class Trade:
    ticker: str

    @dug.memoize
    async def value(self, scale: float = 1.0) -> float:
        return scale


trade = Trade("A")
node = quote.node("A")
label: dug.Node[float] = node  # E: assignment
quote.node(1)  # E: arg-type
trade.value.node("two")  # E: arg-type


async def ask() -> None:
    """Forgets to await, or to give what is asked for."""
    with dug.Context() as ctx:
        quote("A")  # E: unused-coroutine
        await quote(1)  # E: arg-type
        await rate()  # E: misc
        number: float = quote("A")  # E: assignment
        text: str = await quote("A")  # E: assignment
        text = await node()  # E: assignment
        text = ctx[node]  # E: assignment
        await ctx[node]  # E: misc
        await trade.value("two")  # E: arg-type
        assert {number, text}


async def sweep() -> None:
    """Takes a sweep that is awaited for one that is not, and the other way round."""
    with dug.Context():
        dug.sweep(rate.node(), [], limit=3)  # E: arg-type
        dug.sweep(node, [], limit="3")  # E: call-overload
        await dug.sweep(rate.node(), [])  # E: misc
        text: str = (await dug.sweep(node, [])).base.value  # E: assignment
        async for result in dug.sweep(rate.node(), []):  # E: attr-defined
            assert {text, result}
