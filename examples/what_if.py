"""What if? Three questions about a book of equity trades, each paying only for what it changes.

Run it with ``python examples/what_if.py``. The book and its market are those of ``python -m dug demo``: read
``dug/demo/market.py`` and ``dug/demo/book.py`` first, they are ordinary functions with ``@dug.memoize`` above them.
"""

import dug
from dug.demo.book import book_value, stock_value
from dug.demo.market import rate, spot, tickers


def ladder(ticker: str) -> None:
    """What is the book worth when one stock moves? Only the trades on that stock are priced again."""
    print(f"The book when {ticker} moves:")
    for percent in (-20, -10, 0, 10, 20):
        with dug.Context(tweaks={spot.node(ticker): dug.scale(1 + percent / 100)}):
            print(f"  {percent:+4d} %  {book_value():16,.2f}")


def delta(ticker: str) -> float:
    """How many shares of the stock would the book behave like, for a small move?"""
    with dug.Context(tweaks={spot.node(ticker): dug.shift(0.01)}):
        up = stock_value(ticker)
    with dug.Context(tweaks={spot.node(ticker): dug.shift(-0.01)}):
        down = stock_value(ticker)
    return (up - down) / 0.02


def crash() -> None:
    """What if rates rise, and then every stock falls? The crash starts from what the higher rate left."""
    print(f"The book today                  {book_value():16,.2f}")
    with dug.Context(tweaks={rate.node(): dug.shift(0.01)}):
        print(f"  rate one point higher         {book_value():16,.2f}")
        with dug.Context(tweaks={spot: dug.scale(0.7)}):
            print(f"    and every stock 30 % lower  {book_value():16,.2f}")
        print(f"  rate one point higher, again  {book_value():16,.2f}")


def main() -> None:
    """Ask all three in one context, so that each starts from what the others computed."""
    with dug.Context():
        ladder("AAPL")
        print("Deltas, in shares:", {ticker: round(delta(ticker)) for ticker in tickers()})
        crash()


if __name__ == "__main__":
    main()
