"""The plan against the real runs, on random programs, and by example."""

import asyncio
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.program_on_dug import ProgramOnDug
from support.program_with_sign import sign, total, twice, x
from support.programs import Boom
from support.strategies import situations

import dug
from dug._core.facts.node import Node
from dug._inspect.plan import UNKNOWN, _Survey
from dug.demo import book, market
from dug.testing import EventLog


class Asked:
    """A situation up to the question, its plan, and the runs of the question."""

    def __init__(self, situation, *, is_heard):
        program, outside, levels, forgotten, target = situation
        on_dug = ProgramOnDug(program, dict(outside))
        with ExitStack() as stack:
            for tweaked, asked in levels:
                ctx = stack.enter_context(dug.Context(on_dug.tweaks(tweaked)))
                for one in asked:
                    with suppress(Boom):
                        on_dug.node(one)()
            ctx.invalidate(*map(on_dug.node, forgotten))
            log = stack.enter_context(EventLog(ctx)) if is_heard else None
            on_dug.ran.clear()
            node = on_dug.node(target)
            self.plan = ctx.plan(node)
            assert on_dug.ran == []
            questions = _Survey(ctx._here()).ask(node._key)
            self.expected = {}
            for question in questions.values():
                reads = {Node._of(key) for key in question.reads}
                self.expected.setdefault(Node._of(question.key), set()).update(reads)
            with suppress(Boom):
                node()
            self.ran = {on_dug.node(call) for call, _ in on_dug.ran}
            self.tweaked = {row.node for row in self.plan if ctx._here().tweaks.handle_of(row.node._key) is not None}
            if log is not None:
                self.ran = {event.node for event in log.events if event.kind in ("computed", "failed")}
                self.reused = {event.node for event in log.events if event.kind == "reused"}
            went = [ctx.memo(one) for one in self.ran | getattr(self, "reused", set()) if one in ctx]
            self.read_by_what_ran = {read for one in went if not one._memo.opened for read in one.dependencies}
            self.read = {one: set(ctx.memo(one).dependencies) - {one} for one in self.ran if one in ctx}

    @property
    def strayed(self):
        """True when a node that ran read one that it was not known to read."""
        return any(not self.read.get(one, set()) <= self.expected.get(one, set()) for one in self.ran) or not all(
            row.trace != UNKNOWN for row in self.plan
        )


@pytest.mark.slow
@given(situations(), st.booleans())
def test_what_is_certain_runs(situation, is_heard):
    """Every node that a plan is certain of runs, with or without listeners."""
    asked = Asked(situation, is_heard=is_heard)
    certain = set(asked.plan.certain) if is_heard else set(asked.plan.certain) - asked.tweaked  # a bump runs no body

    assert certain <= asked.ran


@pytest.mark.slow
@given(situations(), st.booleans())
def test_nothing_runs_that_is_not_planned(situation, is_heard):
    """Every run is in the plan, unless a node read one that it never read before, or whose reads nobody knew."""
    asked = Asked(situation, is_heard=is_heard)

    assert asked.strayed or asked.ran <= set(asked.plan.nodes)


@pytest.mark.slow
@given(situations())
def test_an_exact_plan_is_what_runs(situation):
    """If a plan says that it is exact, nothing more and nothing less runs."""
    asked = Asked(situation, is_heard=True)

    assert not asked.plan.is_exact or asked.ran == set(asked.plan.nodes)


@pytest.mark.slow
@given(situations())
def test_what_is_planned_has_no_answer(situation):
    """Every planned node that is asked for runs, or is verified first; no answer was there already."""
    asked = Asked(situation, is_heard=True)

    assert asked.read_by_what_ran & set(asked.plan.nodes) <= asked.ran | asked.reused


# By example


@pytest.fixture
def ctx():
    """A context that knows them all, entered."""
    with dug.Context() as opened:
        total()
        yield opened


def test_nothing_is_planned_where_the_value_is_known(ctx):
    """A node that is known here does not run."""
    assert list(ctx.plan(total.node())) == []
    assert ctx.plan(total.node()).is_exact


def test_what_read_a_changed_value_runs_for_sure(ctx):
    """A node that read one that is tweaked to another value runs; its dependents may be unchanged."""
    with dug.Context(tweaks={x.node(): 5}) as tweaked:
        plan = tweaked.plan(total.node())

    assert plan.certain == (sign.node(),)
    assert plan.nodes == (sign.node(), twice.node(), total.node())
    assert not plan.is_exact
    assert [row.reason for row in plan] == ["s:x() changed", "s:x() changed", "s:sign() may change"]


def test_an_equal_value_plans_nothing(ctx):
    """A tweak to the value that is there changes nothing, and the plan knows."""
    with dug.Context(tweaks={x.node(): 1}) as tweaked:
        assert tweaked.plan(total.node()).nodes == ()


def test_below_a_node_that_never_ran_all_is_unknown():
    """A node that never ran runs for sure, and its reads are unknown."""
    with dug.Context() as fresh:
        (row,) = fresh.plan(total.node())

    assert (row.node, row.is_certain, row.trace, row.reason) == (total.node(), True, "unknown", "it never ran")


def test_a_node_that_failed_is_tried_again():
    """A node that failed runs again, and makes the same reads as far as they are unchanged."""
    fails = dug.memoize(name="plans:fails")(lambda: 1 / (x() - 1))
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            fails()
        (row,) = ctx.plan(fails.node())

    assert (row.is_certain, row.trace, row.reason) == (True, "same", "it failed")


def test_what_is_read_after_something_that_may_change_is_not_certain():
    """Of the reads of a node, only those before the first that may change are certain."""
    first = dug.memoize(name="plans:first")(lambda: 1)
    second = dug.memoize(name="plans:second")(lambda: 2)
    fails = dug.memoize(name="plans:fails2")(lambda: [first(), second()].missing)
    with dug.Context():
        with suppress(AttributeError):
            fails()
        with dug.Context(tweaks={first: dug.shift(1), second: dug.shift(1)}) as tweaked:
            plan = tweaked.plan(fails.node())

    assert plan.certain == (first.node(), fails.node())
    assert set(plan.nodes) == {first.node(), second.node(), fails.node()}


def test_what_caught_an_error_runs_for_sure():
    """A value that depends on a caught error cannot be verified, so its node runs."""

    @dug.memoize
    def careful():
        try:
            return 1 / (x() - 1)
        except ZeroDivisionError:
            return fails()

    @dug.memoize
    def fails():
        raise ValueError(x())

    @dug.memoize
    def catches():
        try:
            return careful()
        except ValueError:
            return 0

    with dug.Context():
        catches()
        with dug.Context(tweaks={x.node(): 5}) as tweaked:
            plan = tweaked.plan(catches.node())

    assert catches.node() in plan.certain


def test_an_older_value_that_holds_is_found_where_the_engine_finds_it():
    """A memo of the context around is tried like the newest one, and if it holds nothing is planned."""
    rest = dug.memoize(name="plans:rest")(lambda: x() % 2)
    reader = dug.memoize(name="plans:reader")(lambda: rest() + 10)
    with dug.Context(tweaks={x.node(): 1}):
        reader()
        sibling = dug.Context(tweaks={x.node(): 2})
        with sibling:
            reader()
        with dug.Context(tweaks={x.node(): 3}) as tweaked:
            rest()
            plan = tweaked.plan(reader.node())
            before = tweaked.memo(rest.node())
            value, after = reader(), tweaked.memo(reader.node())

    assert plan.nodes == ()
    assert (value, after.dependencies, before.value) == (11, (rest.node(),), 1)


def test_what_was_forgotten_runs(ctx):
    """An invalidated node runs; its dependents are verified, and may run."""
    ctx.invalidate(x.node())
    plan = ctx.plan(total.node())

    assert [(row.node, row.is_certain) for row in plan] == [
        (x.node(), True),
        (sign.node(), False),
        (twice.node(), False),
        (total.node(), False),
    ]
    assert plan[0].reason == "it was forgotten"


def test_a_plan_runs_nothing_and_changes_nothing(ctx):
    """To plan is to look: no event, no memo, no node that the cache did not know."""
    with dug.Context(tweaks={x.node(): 5}) as tweaked, EventLog(tweaked) as log:
        before = len(ctx.cache), len(ctx.cache.list_homes())
        tweaked.plan(total.node()), tweaked.plan(dug.memoize(lambda: 1).node())

        assert log.events == []
        assert (len(ctx.cache), len(ctx.cache.list_homes())) == before


def test_the_plan_of_a_program_that_does_not_branch_is_what_runs():
    """On the book of the demo, the plan for a crash is what runs, node by node."""
    with dug.Context():
        book.book_value()
        crash = {market.spot: dug.scale(0.7), market.volatility: dug.scale(1.5)}
        with dug.Context(tweaks=crash) as ctx:
            plan = ctx.plan(book.book_value.node())
            with EventLog(ctx) as log:
                book.book_value()

    assert set(plan.nodes) == {event.node for event in log.events if event.kind == "computed"}
    assert len(plan) > 300


def test_a_deep_plan_needs_no_recursion():
    """A chain of many nodes is planned whatever the interpreter's recursion limit."""
    chain = dug.memoize(name="plans:chain")(lambda n: chain(n - 1) + 1 if n else x())
    with dug.Context() as ctx:
        for n in range(0, 3000, 100):
            chain(n)
        ctx.invalidate(x.node())

        assert len(ctx.plan(chain.node(2900))) == 2902


def test_a_plan_prints_as_a_table(ctx):
    """A plan prints the runs, whether each is certain, and why."""
    with dug.Context(tweaks={x.node(): 5}) as tweaked:
        lines = str(tweaked.plan(total.node())).splitlines()

    assert lines[0].split() == ["node", "runs", "because", "trace"]
    assert lines[1].split() == ["s:sign()", "yes", "s:x()", "changed", "likely"]


def test_a_plan_of_nothing_says_so(ctx):
    """The plan of a node that is known prints that nothing would run, and no header above nothing."""
    assert str(ctx.plan(total.node())) == "nothing would run"


def test_what_opened_a_context_is_not_said_to_have_never_run():
    """A node that opens contexts and ran before has a reason of its own in a scenario."""

    @dug.memoize
    def bumped():
        before = twice()
        with dug.Context({x.node(): 5}):
            return twice() - before

    with dug.Context():
        bumped()
        with dug.Context({x.node(): 7}) as tweaked:
            reasons = {row.node: row.reason for row in tweaked.plan(bumped.node())}

    assert reasons[bumped.node()] == "it opens contexts, so any change below runs it"


def test_nodes_of_coroutine_functions_are_planned_too():
    """A plan takes nodes of coroutine functions, and their dependencies."""

    @dug.memoize
    async def later():
        return x() + await half()

    @dug.memoize
    async def half():
        return x() / 2

    async def main():
        with dug.Context():
            await later()
            with dug.Context(tweaks={x.node(): 5}) as tweaked:
                plan = tweaked.plan(later.node())
                with EventLog(tweaked) as log:
                    await later()
        return plan, log

    plan, log = asyncio.run(main())

    assert plan.certain == (later.node(),)
    assert set(plan.nodes) == set(log.computed)


@dug.memoize
def limit():
    """A node to read."""
    return 1


@dug.memoize
def fees():
    """A node that reads another one."""
    return limit()


def test_what_is_read_within_a_context_may_come_before_what_is_known():
    """No read of a node that opens contexts is certain: what it reads in there is not among what is known."""

    @dug.memoize
    def user():
        with dug.Context({x.node(): dug.shift(1)}):
            return 0 if x() > 5 else fees()

    with dug.Context():
        assert user() == 1
        with dug.Context({x.node(): 7, limit.node(): 9}) as ctx, EventLog(ctx) as log:
            plan = ctx.plan(user.node())
            assert user() == 0

    assert plan.certain == (user.node(),)
    assert fees.node() not in log.computed


def first_two(stream):
    """Give the items of a stream up to a 2."""
    for item in stream:
        yield item
        if item == 2:
            break


def replaced():
    """Give as much as that."""
    yield from (0, 2)


@pytest.mark.parametrize("tweak", [dug.bump(first_two), replaced, [0, 2]], ids=["bump", "replacement", "items"])
def test_what_was_read_of_a_stream_tells_nothing_of_another(tweak):
    """What a node reads after the items of a bumped or replaced stream is not certain where the stream is another."""

    @dug.source
    def quotes():
        yield from (0, 2, 4)

    @dug.memoize
    def reader():
        return 0 if sum(quotes()) == 6 else fees()

    with dug.Context() as ctx:
        other = dug.Context({quotes if tweak is replaced else quotes.node(): tweak, limit.node(): 3})
        other.run(reader)
        with EventLog(ctx) as log:
            plan = ctx.plan(reader.node())
            assert reader() == 0

    assert set(plan.certain) <= set(log.computed)
    assert limit.node() not in plan.certain
