"""`ContextThreadPoolExecutor` carries the context in force to its workers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import dug
from dug.executors.threads import ContextThreadPoolExecutor


@dug.memoize
def spot():
    """Reads nothing."""
    return 100.0


@pytest.fixture
def pool():
    """A pool of one worker."""
    with ContextThreadPoolExecutor(1) as pool:
        yield pool


def test_submit_carries_the_context(pool):
    """A submitted call sees the context of the submitter, tweaks included, in a worker's thread."""
    with dug.Context() as outer:
        with dug.Context({spot.node(): 5.0}) as inner:
            contexts, values = pool.submit(dug.current_context), pool.submit(spot)
        after = pool.submit(dug.current_context)

        assert (contexts.result(), values.result(), after.result()) == (inner, 5.0, outer)
        assert pool.submit(threading.get_ident).result() != threading.get_ident()


def test_map_carries_the_context(pool):
    """A mapped call sees the context that was in force when `map` was called."""
    with dug.Context({spot.node(): 5.0}):
        values = pool.map(lambda factor: factor * spot(), [1, 2])

    assert list(values) == [5.0, 10.0]


def test_submit_passes_all_arguments(pool):
    """Arguments by position and by keyword arrive, whatever their names."""
    future = pool.submit(lambda *args, **kwargs: (args, kwargs), 1, 2, fn=3, self=4)

    assert future.result() == ((1, 2), {"fn": 3, "self": 4})


def test_an_error_comes_back_unchanged(pool):
    """The exception of a call is raised by its future."""
    error = LookupError()

    def fail():
        raise error

    with pytest.raises(LookupError) as caught:
        pool.submit(fail).result()
    assert caught.value is error


def test_workers_keep_nothing(pool):
    """A worker leaves a context with the call that brought it."""
    with dug.Context():
        assert pool.submit(spot).result() == 100.0

    with pytest.raises(dug.NoContextError):
        pool.submit(spot).result()


def test_results_are_shared_with_the_submitter(pool):
    """A memo of a worker is a hit for the submitter."""
    with dug.Context() as ctx:
        pool.submit(spot).result()

        assert spot.node() in ctx


def test_a_node_has_read_what_its_workers_read(pool):
    """The calls that a running node submits are its dependencies."""

    @dug.memoize
    def total():
        return sum(pool.map(lambda _: spot(), range(2)))

    with dug.Context() as ctx:
        assert total() == 200.0
        assert ctx.memo(total.node()).dependencies == (spot.node(),)
        with dug.Context({spot.node(): 1.0}):
            assert total() == 2.0


def test_it_is_a_thread_pool():
    """It is a ThreadPoolExecutor, and takes the same arguments."""
    with ContextThreadPoolExecutor(max_workers=3, thread_name_prefix="dug") as pool:
        name = pool.submit(lambda: threading.current_thread().name).result()

    assert isinstance(pool, ThreadPoolExecutor)
    assert name.startswith("dug")
