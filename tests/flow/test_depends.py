"""Dependencies of the functions of a flow: made once a run, closed at its end, a memoised one is a node."""

from typing import Annotated

import dug
from dug.flow import Depends, Flow

EVENTS = []


def connect():
    """Give a connection, and close it."""
    EVENTS.append("open")
    yield "connection"
    EVENTS.append("closed")


def session(connection: Annotated[str, Depends(connect)]):
    """Depend on the connection."""
    return f"session on {connection}"


async def connect_async():
    """Give a connection that is awaited, and close it."""
    EVENTS.append("open")
    yield "async connection"
    EVENTS.append("closed")


@dug.memoize
def rate():
    """Give a rate that can be tweaked."""
    return 2


def load(x, found: Annotated[str, Depends(session)], connection=Depends(connect)):  # noqa: B008  the default form
    """Read both."""
    EVENTS.append("run")
    return x, found, connection


def test_a_dependency_is_opened_and_closed_once_a_run():
    """Nested dependencies in both forms are made once in a run, and closed at its end."""
    EVENTS.clear()
    flow = Flow(load, values={"x": 1})

    assert flow.compute("load") == (1, "session on connection", "connection")
    assert EVENTS == ["open", "run", "closed"]
    assert flow.floating() == []
    assert flow.compute("load")[0] == 1
    assert EVENTS == ["open", "run", "closed"]


def test_a_dependency_is_closed_after_an_error():
    """The error passes through, and the dependency learns of it."""
    seen = []

    def guard():
        try:
            yield 1
        except ZeroDivisionError:
            seen.append("told")
            raise

    flow = Flow()
    flow.add(lambda guard=Depends(guard): 1 / 0, name="bad")  # noqa: B008  the default form
    batch = flow.compute_all()

    assert isinstance(batch.failures[flow.node("bad")].error, ZeroDivisionError)
    assert seen == ["told"]


def test_an_async_dependency_is_awaited(run):
    """An async generator makes the flow one that is awaited, and is closed there."""
    EVENTS.clear()
    flow = Flow(values={"x": 1})
    flow.add(lambda x, c=Depends(connect_async), s=Depends(session): (c, s), name="both")  # noqa: B008  the default form

    assert run(flow.acompute, "both") == ("async connection", "session on connection")
    assert EVENTS == ["open", "open", "closed", "closed"]


def test_a_memoised_dependency_is_a_node():
    """A tweak of a memoised dependency is the override of it, and what reads it runs again."""
    flow = Flow(values={"x": 3})
    flow.add(lambda x, r=Depends(rate): x * r, name="priced")  # noqa: B008  the default form
    assert flow.compute("priced") == 6
    with flow.context, dug.Context({rate.node(): 5}):
        assert flow.compute("priced") == 15

    assert flow.compute("priced") == 6
