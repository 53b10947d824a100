"""What a type checker must refuse: arguments and results that the function does not have."""

import dug


@dug.memoize
def spot(ticker: str, *, currency: str = "USD") -> float:
    """Has a parameter that goes by keyword only."""
    return 100.0


@dug.memoize(typed=True)
def forward(ticker: str, years: float = 1.0) -> float:
    """Is decorated with an option."""
    return spot(ticker) * years


@dug.source
def clock() -> int:
    """Has no parameters."""
    return 0


@dug.memoize(digest=len)  # E: arg-type
def sized(ticker: str) -> str:
    """Has a digest that is a number."""
    return ticker


with dug.Context() as ctx:
    spot(1)  # E: arg-type
    spot()  # E: call-arg
    spot("A", "EUR")  # E: call-arg
    spot("A", money="EUR")  # E: call-arg
    forward("A", "one")  # E: arg-type
    clock(1)  # E: call-arg
    text: str = spot("A")  # E: assignment
    label: str = spot.node("A")()  # E: assignment
    found: str = ctx[spot.node("A")]  # E: assignment
    ran: str = ctx.run(spot, "A")  # E: assignment
    ctx.run(spot, 1)  # E: arg-type
    ctx["spot"]  # E: call-overload

spot.node(1)  # E: arg-type
spot.node()  # E: call-arg
forward.node("A", "one")  # E: arg-type
forward.node("A", 1.0, 2.0)  # E: call-arg
clock.node(1)  # E: call-arg
node: dug.Node[str] = spot.node("A")  # E: assignment
dug.memoize(unknown=True)  # E: call-overload
dug.memoize(typed="yes")  # E: call-overload
