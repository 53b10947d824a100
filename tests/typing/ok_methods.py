"""A decorated method keeps the parameters that its callers see, on instances and on the class."""

from typing import assert_type

from attrs import frozen

import dug


@frozen
class Trade:
    ticker: str
    quantity: float

    @dug.memoize
    def value(self, scale: float = 1.0) -> float:
        return self.quantity * scale

    @dug.memoize(version=1)
    def label(self) -> str:
        return self.ticker

    @dug.memoize
    @classmethod
    def make(cls, ticker: str) -> "Trade":
        return cls(ticker, 1.0)

    @dug.memoize
    @staticmethod
    def fee(quantity: float) -> int:
        return 1

    @dug.memoize(typed=True)
    @staticmethod
    def minimum(quantity: float) -> float:
        return quantity


trade = Trade("A", 2.0)

with dug.Context():
    assert_type(trade.value(), float)
    assert_type(trade.value(scale=2.0), float)
    assert_type(Trade.value(trade, 2.0), float)
    assert_type(trade.label(), str)
    assert_type(Trade.make("A"), Trade)
    assert_type(trade.make("A"), Trade)
    assert_type(Trade.fee(1.0), int)
    assert_type(trade.fee(1.0), int)
    assert_type(Trade.minimum(1.0), float)

assert_type(trade.value.node(2.0), dug.Node[float])
assert_type(Trade.value.node(trade), dug.Node[float])
assert_type(trade.label.node(), dug.Node[str])
assert_type(Trade.make.node("A"), dug.Node[Trade])
assert_type(Trade.fee.node(1.0), dug.Node[int])
