"""Batches: everything that can be computed is, and failures are state."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from support.price_files import file, parsed, price, report

import dug
from dug.testing import EventLog


def test_all_that_can_be_computed_is(missing):
    """Every node that does not depend on a failure is computed, whatever else fails."""
    missing.add("b")
    nodes = [report.node("a", "b"), price.node("c", 2), price.node("d", 0), report.node("c")]
    with dug.Context() as ctx:
        batch = ctx.run_all(nodes)

    assert batch.values == {price.node("c", 2): 0.5, report.node("c"): 1.0}
    assert list(batch.failures) == [file.node("b"), price.node("d", 0)]
    assert list(batch.not_run) == [report.node("a", "b")]


def test_a_failure_has_all_that_helps(missing):
    """A failure has the exception, its traceback as text and the arguments; a node that could not run names the failed one."""
    missing.add("b")
    with dug.Context() as ctx:
        batch = ctx.run_all([report.node("b"), price.node("d", 0)])
    failed = batch.failures[price.node("d", 0)]

    assert type(failed.error) is ZeroDivisionError
    assert failed.arguments == {"name": "d", "quantity": 0}
    assert "in price\n    return parsed(name) / quantity" in failed.traceback
    assert batch.not_run[report.node("b")].origin == file.node("b")
    assert "in report" in batch.not_run[report.node("b")].traceback


def test_one_batch_is_one_outermost_call(missing):
    """A node that failed is not tried again within a batch, however many read it, and is by the next."""
    missing.add("b")
    with dug.Context() as ctx, EventLog(ctx) as log:
        ctx.run_all([price.node("b", 1), price.node("b", 2), report.node("b")])
        first = [event.node for event in log.events if event.kind == "failed"]
        ctx.run_all([price.node("b", 3)])

    assert first.count(file.node("b")) == 1
    assert [event.node for event in log.events if event.kind == "failed"].count(file.node("b")) == 2


def test_after_the_cause_is_mended_only_what_rested_on_it_runs(missing):
    """Asking again after one input was tweaked runs the nodes that depend on it, and nothing else."""
    missing.add("b")
    nodes = [report.node("a", "b"), *(price.node(name, 2) for name in "acdef")]
    with dug.Context() as ctx:
        ctx.run_all(nodes)
        ctx.tweak(file.node("b"), 7.0)
        with EventLog(ctx) as log:
            batch = ctx.run_all(nodes)

    assert set(log.computed) == {parsed.node("b"), price.node("b", 1), report.node("a", "b")}
    assert batch.values[report.node("a", "b")] == 8.0
    assert batch.recomputed == 3
    assert not batch.failures


def test_after_the_cause_is_invalidated_it_is_read_again(missing):
    """Once the file is there, the next batch reads it, and runs the nodes that depend on it."""
    missing.add("b")
    nodes = [report.node("b"), price.node("a", 1)]
    with dug.Context() as ctx:
        ctx.run_all(nodes)
        missing.clear()
        ctx.invalidate(file.node("b"))
        with EventLog(ctx) as log:
            batch = ctx.run_all(nodes)

    assert set(log.computed) == {file.node("b"), parsed.node("b"), price.node("b", 1), report.node("b")}
    assert batch[report.node("b")] == 1.0


def test_it_runs_in_the_context_wherever_it_is_called():
    """A batch runs under the tweaks of its context, entered or not, once."""
    ctx = dug.Context({parsed.node("a"): dug.shift(1)})
    with dug.Context():
        outside = ctx.run_all([parsed.node("a")])
        with ctx:
            inside = ctx.run_all([parsed.node("a")])

    assert outside.values == inside.values == {parsed.node("a"): 2.0}
    assert (outside.recomputed, inside.recomputed) == (3, 0)


def test_the_first_error_is_raised_when_errors_are_not_to_be_returned(missing):
    """With ``return_exceptions=False`` the first error is raised as it is, and earlier results are remembered."""
    missing.add("b")
    with dug.Context() as ctx:
        with pytest.raises(FileNotFoundError, match="b"):
            ctx.run_all([price.node("a", 1), price.node("b", 1), price.node("c", 1)], return_exceptions=False)

        assert price.node("a", 1) in ctx
        assert price.node("c", 1) not in ctx


def test_an_executor_runs_several_at_a_time(missing):
    """On an executor nodes run at the same time, each once, and come back in the order that they were given in."""
    missing.add("b")
    both = threading.Barrier(2, timeout=10)
    meet = dug.memoize(name="b:meet")(lambda n: both.wait() >= 0)
    nodes = [meet.node(0), meet.node(1), report.node("b"), *(price.node("a", n) for n in range(40))]
    with ThreadPoolExecutor(2) as executor, dug.Context() as ctx, EventLog(ctx) as log:
        batch = ctx.run_all(nodes, executor=executor)

    assert list(batch.values) == [node for node in nodes if node not in (report.node("b"), price.node("a", 0))]
    assert list(batch.failures) == [file.node("b"), price.node("a", 0)]
    assert len(log.computed) == len(set(log.computed))


class Lazy:
    """An executor that runs a call when its result is asked for."""

    def submit(self, fn):
        return Later(fn)


class Later:
    def __init__(self, fn):
        self.result = fn

    def cancel(self):
        return True


def test_an_error_stops_what_an_executor_has_not_begun(missing):
    """With ``return_exceptions=False`` nodes that the executor has not begun are not begun."""
    missing.add("b")
    nodes = [price.node("b", 1), *(price.node("a", n) for n in range(1, 9))]
    with dug.Context() as ctx:
        with pytest.raises(FileNotFoundError):
            ctx.run_all(nodes, executor=Lazy(), return_exceptions=False)

        assert not any(node in ctx for node in nodes[1:])


def test_progress_is_told(missing):
    """Progress hears of each node, how many are done and how many there are."""
    missing.add("b")
    told = []
    with dug.Context() as ctx:
        ctx.run_all([price.node("a", 1), price.node("b", 1)], progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 2), (2, 2)]


def test_inside_a_node_a_batch_is_a_part_of_it():
    """The nodes that a node asks for in a batch are its dependencies."""

    @dug.memoize
    def everything():
        with dug.Context() as inner:
            return sum(inner.run_all([price.node("a", 1), price.node("b", 1)]).values.values())

    with dug.Context() as ctx:
        first = everything()
        with dug.Context({file.node("a"): 5.0}):
            second = everything()
        read = ctx.memo(everything.node()).dependencies

    assert (first, second) == (2.0, 6.0)
    assert {price.node("a", 1), price.node("b", 1)} <= set(read)


def test_a_batch_keeps_no_frames(missing):
    """The objects in an error's frames can be freed, though the error is kept."""

    class Thing:
        alive = 0

        def __init__(self):
            Thing.alive += 1

        def __del__(self):
            Thing.alive -= 1

    @dug.memoize
    def fails():
        kept = Thing()
        raise ValueError(kept is None)

    with dug.Context() as ctx:
        batch = ctx.run_all([fails.node()])

    assert Thing.alive == 0
    assert "kept = Thing()" not in batch.failures[fails.node()].traceback
    assert "raise ValueError(kept is None)" in batch.failures[fails.node()].traceback


def test_a_batch_is_a_lookup(missing):
    """``batch[node]`` is the value, or raises the error; a node that was not asked for is named."""
    missing.add("b")
    with dug.Context() as ctx:
        batch = ctx.run_all([price.node("a", 1), price.node("b", 1)])

    assert batch[price.node("a", 1)] == 1.0
    with pytest.raises(FileNotFoundError):
        batch[price.node("b", 1)]
    with pytest.raises(KeyError, match=r"prices:price\('z', 1\) is not in <Batch: 1 computed, 1 error, 1 not run, "):
        batch[price.node("z", 1)]


def test_a_batch_becomes_a_frame(missing):
    """A frame has a row for each node: its value, or its error and where that began."""
    pytest.importorskip("pandas")
    missing.add("b")
    with dug.Context() as ctx:
        frame = ctx.run_all([price.node("a", 1), price.node("b", 1)]).to_frame()

    assert list(frame.index) == ["prices:price('a', 1)", "prices:file('b')", "prices:price('b', 1)"]
    assert frame.loc["prices:price('b', 1)", "error"] == "FileNotFoundError: b"
    assert frame.loc["prices:price('b', 1)", "began in"] == "prices:file('b')"


def test_what_cannot_run_is_refused():
    """Anything but a node, a node of a coroutine function, and anything but an executor are refused before anything runs."""

    @dug.memoize
    async def later():
        return 1

    with dug.Context() as ctx, EventLog(ctx) as log:
        with pytest.raises(TypeError, match=r"is not a node. Write f.node\(x\)"):
            ctx.run_all([price.node("a", 1), price])
        with pytest.raises(TypeError, match=r"is one. Write run_all\(\[f.node\(x\)\]\)"):
            ctx.run_all(price.node("a", 1))
        for text in ("", b""):
            with pytest.raises(TypeError, match=r"run_all\(\) takes nodes, and b?'' has none"):
                ctx.run_all(text)
        with pytest.raises(TypeError, match=r"is of a coroutine function, which run_all\(\) cannot await"):
            ctx.run_all([price.node("a", 1), later.node()])
        with pytest.raises(TypeError, match="is not an executor"):
            ctx.run_all([price.node("a", 1)], executor=3)

    assert log.events == []


class Desk(dug.Context):
    """A context that is made in a way of its own, and counts how often it is entered."""

    def __init__(self, owner, *, entered):
        super().__init__(name=owner)
        self.entered = entered

    def __enter__(self):
        self.entered.append(self.name)
        return super().__enter__()


@pytest.mark.parametrize("is_current", [True, False])
@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor])
def test_a_context_of_a_class_with_arguments_of_its_own_runs_a_batch(executor, is_current):
    """No second context of a subclass is made: a batch runs in it from the inside and from the outside."""
    entered = []
    ctx = Desk("fx", entered=entered)
    with ctx if is_current else nullcontext(), executor(2) if executor else nullcontext() as pool:
        batch = ctx.run_all([report.node("a", "bb")], executor=pool)

    assert batch.values == {report.node("a", "bb"): 3.0}
    assert entered == ["fx"]


def test_a_node_runs_a_batch_in_the_context_in_force_of_any_class():
    """A batch inside a running node adds nothing to the context around, of whatever class that is."""

    @dug.memoize
    def outer():
        return sum(dug.current_context().run_all([price.node("a", 1), price.node("bb", 1)]).values.values())

    with Desk("fx", entered=[]) as ctx:
        assert outer() == 3.0

        assert ctx.memo(outer.node()).value == 3.0


def test_a_sweep_is_asked_in_a_context_of_any_class():
    """A sweep's scenarios are in force inside a context that is made in a way of its own."""
    with Desk("fx", entered=[]):
        results = tuple(dug.sweep(parsed.node("a"), [{file.node("a"): 5.0}]))

    assert [result.value for result in results] == [5.0]
