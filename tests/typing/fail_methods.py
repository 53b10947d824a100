"""What a type checker must refuse on methods, class methods and static methods."""

from attrs import frozen

import dug


@frozen
class Trade:
    ticker: str

    @dug.memoize
    def value(self, scale: float = 1.0) -> float:
        return scale

    @dug.memoize
    @classmethod
    def make(cls, ticker: str) -> "Trade":
        return cls(ticker)

    @dug.memoize
    @staticmethod
    def fee(quantity: float) -> int:
        return 1


trade = Trade("A")

with dug.Context():
    trade.value("two")  # E: arg-type
    trade.value(1.0, 2.0)  # E: call-arg
    Trade.value("A")  # E: arg-type
    Trade.make(1)  # E: arg-type
    Trade.fee("one")  # E: arg-type
    trade.fee()  # E: call-arg
    text: str = trade.value()  # E: assignment
    number: int = Trade.make("A")  # E: assignment

trade.value.node("two")  # E: arg-type
Trade.make.node()  # E: call-arg
Trade.fee.node("one")  # E: arg-type
node: dug.Node[str] = trade.value.node()  # E: assignment
