"""The failures of a context, and the node in which each began."""

from contextlib import suppress

from support.price_files import file, price

import dug
from dug._inspect.lazy_graph import Origins
from dug._inspect.node_states import passed_from


def test_failures_are_listed_where_they_began_first(missing):
    """``ctx.failures()`` has every node that failed here, those in which an error began first."""
    missing.update("bc")
    with dug.Context() as ctx:
        for name in "cb":
            with suppress(FileNotFoundError):
                price(name, 1)
        table = ctx.failures()

    assert [failed.node for failed in table][:2] == [file.node("c"), file.node("b")]
    assert {failed.node: failed.origin for failed in table}[price.node("b", 1)] == file.node("b")
    assert len(table) == 6
    assert str(table).splitlines()[0].split(None, 2) == ["node", "error", "began in"]


def test_what_was_tried_again_is_no_failure(missing):
    """A node that was tried again and gave a value is not listed any more; nor is one in another scenario."""
    missing.add("b")
    with dug.Context() as ctx:
        with suppress(FileNotFoundError):
            price("b", 1)
        with dug.Context({file.node("b"): 1.0}) as mended:
            price("b", 1)
            inside = len(mended.failures())
        missing.clear()
        price("b", 1)

        assert (inside, len(ctx.failures())) == (0, 0)


def test_an_error_that_was_caught_is_listed_with_who_raised_it(missing):
    """A failure that a node caught is that of the node that failed; the one that caught it has a value."""

    @dug.memoize
    def careful():
        try:
            return file("b")
        except FileNotFoundError:
            return 0.0

    missing.add("b")
    with dug.Context() as ctx:
        assert careful() == 0.0
        assert [failed.node for failed in ctx.failures()] == [file.node("b")]


@dug.memoize(name="f:step")
def step(number):
    """Reads the step before, and a file at last."""
    return step(number - 1) if number else file("steps")


def test_the_origins_of_many_are_found_in_one_walk(missing):
    """Listing the failures of a chain looks at each node of it once."""
    missing.add("steps")
    with dug.Context() as ctx:
        with suppress(FileNotFoundError):
            step(50)
        memos = [ctx.memo(step.node(number))._memo for number in range(51)]
        origins = Origins(passed_from)
        found = [origins.find(memo) for memo in reversed(memos)]

        assert {origin for origin, _ in found} == {ctx.memo(file.node("steps"))._memo}
        assert [steps for _, steps in found] == list(range(51, 0, -1))
        assert set(origins.known) == {*memos, found[0][0]}
