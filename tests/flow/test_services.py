"""``dug.flow.services`` against real servers: runs, errors, cancelling, retrying, deleting; services in one process."""

from __future__ import annotations

import traceback
from datetime import date

import anyio
import numpy as np
import pytest
from served import FUNCTIONS, wait_until

from dug.codec import CodecError
from dug.flow import Flow, FlowError, Output
from dug.flow.services import (
    RunCancelledError,
    RunGoneError,
    Services,
    ServicesError,
    StarterLostError,
    _reading,
    checkpoint,
    declared,
    last_checkpoint,
)


def make_flow(*names, **options):
    """Return a flow of some of the processors."""
    return Flow(*[FUNCTIONS[name] for name in names], **options)


async def read_values(run, name):
    """Return all values of an output."""
    async with run[name].open() as reader:
        return [value async for value in reader]


def test_a_run_gives_what_one_process_gives(make, run_here):
    """A flow on services gives what it gives in one process, whichever of its functions are streams."""

    def scaled(total, factor, offset=1):
        return total * factor + offset

    async def main():
        services = make("squared", "halved", "total")
        services.processor(scaled)
        flow = make_flow("squared", "halved", values={"factor": 10})
        flow.add(FUNCTIONS["total"], wait=True)
        flow.add(scaled)
        found = []
        for options in ({}, {"on": services}):
            async with await flow.start({"numbers": [1, 2, 3]}, all_outputs=True, **options) as run:
                found.append({name: await read_values(run, name) for name in run})
        return found

    alone, shared = run_here(main)
    assert shared == alone
    assert shared["scaled"] == [71.0]


def test_named_outputs_are_tapes_of_their_own(make, run_here):
    """Each output of a processor is a stream of its values."""

    async def main():
        services = make("parted")
        flow = Flow()
        flow.add(FUNCTIONS["parted"], outputs=["odd", "even"])
        async with await flow.start({"numbers": range(5)}, on=services, all_outputs=True) as run:
            await run.drain()
            return sorted(run), await read_values(run, "odd"), await read_values(run, "even")

    assert run_here(main) == (["even", "odd"], [1, 3], [0, 2, 4])


def test_values_pass_as_they_are(make, run_here):
    """Plain data, arrays, dates, bytes and None come out as they went in, also mixed on one tape."""
    values = [None, 1, "a", (1, 2), {1: date(2024, 1, 2)}, b"bytes", np.arange(3), {"x"}]

    async def passed(values):
        async for value in values:
            yield value

    async def main():
        services = make()
        services.processor(passed)
        async with await Flow(passed).start({"values": values}, on=services) as run:
            return await read_values(run, "passed")

    found = run_here(main)
    assert found.pop(6).tolist() == values.pop(6).tolist()
    assert found == values


def test_a_value_is_written_as_it_was_when_it_was_given(make, run_here):
    """A body that changes a value after it gave it does not change what readers get."""

    async def growing(numbers):
        rows = []
        async for number in numbers:
            rows.append(number)
            yield rows

    async def main():
        services = make()
        services.processor(growing)
        async with await Flow(growing).start({"numbers": [1, 2]}, on=services) as run:
            return await read_values(run, "growing")

    assert run_here(main) == [[1], [1, 2]]


def test_a_value_without_codec_is_an_error_of_its_processor(make, run_here):
    """A value that cannot be written ends the tape with an error that names its type."""

    async def made(numbers):
        async for _ in numbers:
            yield object()

    async def main():
        services = make()
        services.processor(made)
        async with await Flow(made).start({"numbers": [1]}, on=services) as run:
            with pytest.raises(CodecError, match="object"):
                await read_values(run, "made")

    run_here(main)


def test_a_value_of_an_input_without_codec_is_refused_at_the_start(make, run_here):
    """A value of an input that cannot be written is refused, with its name, before there is a run."""

    async def main():
        services = make()
        services.processor(picked := lambda numbers, other: None, name="picked")
        flow = Flow(values={"other": object()})
        flow.add(picked, name="picked")
        with pytest.raises(CodecError) as raised:
            await flow.start({"numbers": [1]}, on=services)
        return raised.value.__notes__, services.runs()

    notes, runs = run_here(main)
    assert "'other'" in notes[0]
    assert not runs


def test_a_list_with_a_value_without_codec_is_refused_at_the_start(make, run_here):
    """A list with a value that cannot be written is refused, with the name of its input, and leaves no run behind."""

    async def main():
        services = make("squared")
        with pytest.raises(CodecError, match="object") as raised:
            await make_flow("squared").start({"numbers": [1, object()]}, on=services)
        await wait_until(lambda: not services._server.threads.held)
        return raised.value.__notes__, services.runs(), services._server.client.keys(f"*{services.namespace}:*")

    notes, runs, keys = run_here(main)
    assert "'numbers'" in notes[-1]
    assert (len(runs), keys) == (0, [])


def test_an_error_arrives_with_its_type_its_text_and_the_users_line(make, run_here):
    """A reader gets the values before an error, then its type and text; its traceback has the line of the service."""

    async def main():
        services = make("inverted")
        services.processor(after := FUNCTIONS["halved"], name="after")
        flow = Flow(FUNCTIONS["inverted"])
        flow.add(after, name="after", inputs={"squared": "inverted"})
        async with await flow.start({"numbers": [1, 0, 2]}, on=services) as run, run["after"].open() as reader:
            found = [await anext(reader)]
            with pytest.raises(ZeroDivisionError) as raised:
                await anext(reader)
            return found, raised.value, services.status(run.id)

    found, error, state = run_here(main)
    assert (found, str(error)) == ([0.5], "division by zero")
    assert "yield 1 / number" in "".join(traceback.format_exception(error))
    assert [(step.state, step.error) for step in state.steps][1:] == [("failed", "ZeroDivisionError: division by zero")] * 2
    assert state.state == "failed"


def test_a_run_is_opened_by_its_id(make, run_here):
    """Other services with the key open a run by its id, and read its outputs from the first value, also after its end."""

    async def main():
        async with await make_flow("squared").start({"numbers": [1, 2]}, on=make("squared")) as run:
            await run.drain()
        other = make()
        async with await other.open(run.id) as again:
            found = await read_values(again, "squared"), await again["squared"].first()
        with pytest.raises(FlowError, match="closed"):
            await again["squared"].first()
        return found

    assert run_here(main) == ([1, 4], 1)


def test_a_processor_runs_where_it_is(make, run_here):
    """A processor that is declared runs in the service that has it, while the starter has others."""

    async def main():
        there = make("squared")
        async with anyio.create_task_group() as group:
            group.start_soon(there.serve)
            flow = Flow(declared("squared", "numbers"), FUNCTIONS["halved"])
            async with await flow.start({"numbers": [2, 4]}, on=make("halved")) as run:
                found = await read_values(run, "halved")
            group.cancel_scope.cancel()
        return found

    assert run_here(main) == [2.0, 8.0]


def test_an_input_ends_when_its_starter_is_gone(make, run_here):
    """If the process that gives values to an input is gone, its readers get a StarterLostError after the values before."""

    async def main():
        async def numbers():
            yield 1
            await anyio.sleep_forever()

        there = make("squared", lease_seconds=0.05)
        run = await Flow(declared("squared", "numbers")).start({"numbers": numbers}, on=make(lease_seconds=0.05))
        async with anyio.create_task_group() as group:
            group.start_soon(there.serve)
            async with await there.open(run.id) as again, again["squared"].open() as reader:
                found = [await anext(reader)]
                await run.aclose()
                with pytest.raises(StarterLostError, match="'numbers'"):
                    await anext(reader)
            group.cancel_scope.cancel()
        return found

    assert run_here(main) == [1]


def test_an_input_ends_for_a_worker_that_is_alone_when_its_starter_is_gone(make, run_here, monkeypatch):
    """If no process is left that serves, the one that reads the input of a starter that is gone ends it with the error."""
    monkeypatch.setattr(_reading, "LOOK_S", 0.02)

    async def dispatch(processor, run):
        """Lose the message: the test performs the processor."""

    async def main():
        async def numbers():
            yield 1
            await anyio.sleep_forever()

        there = make("squared", lease_seconds=0.1)
        starter = make(lease_seconds=0.1, dispatch=dispatch)
        run = await Flow(declared("squared", "numbers")).start({"numbers": numbers}, on=starter)
        async with anyio.create_task_group() as group:
            group.start_soon(there.perform, "squared", run.id)
            async with await there.open(run.id) as again, again["squared"].open() as reader:
                found = [await anext(reader)]
                await run.aclose()
                with anyio.fail_after(20), pytest.raises(StarterLostError, match="'numbers'"):
                    await anext(reader)
        return found

    assert run_here(main) == [1]


def test_cancelling_reaches_all(make, run_here):
    """After cancel the bodies are closed, and readers get a RunCancelledError; retry goes on with the run."""
    closed = []

    async def endless(numbers):
        try:
            async for number in numbers:
                yield number
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    async def main():
        services = make()
        services.processor(endless)
        async with await Flow(endless).start({"numbers": [1]}, on=services) as run:
            async with run["endless"].open() as reader:
                found = [await anext(reader)]
                await anyio.to_thread.run_sync(services.cancel, run.id)
                with pytest.raises(RunCancelledError, match=run.id):
                    await anext(reader)
            await wait_until(lambda: closed)
            state = services.status(run.id).state
            services.retry(run.id)
            async with run["endless"].open() as reader:
                return found, state, await anext(reader), services.status(run.id).state

    assert run_here(main) == ([1], "cancelled", 1, "open")


def test_cancelling_closes_inputs(make, run_here):
    """After cancel the generator that gives an input is closed, though it has nothing to give."""
    closed = []

    async def numbers():
        try:
            yield 1
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    async def main():
        services = make("squared", lease_seconds=0.1)
        async with await make_flow("squared").start({"numbers": numbers}, on=services) as run:
            await run["squared"].first()
            services.cancel(run.id)
            await wait_until(lambda: closed)

    run_here(main)
    assert closed == [True]


def test_retry_begins_what_failed_again(make, run_here):
    """Retry lets the steps that failed begin again; what is on their tapes is given once, and what has ended stays."""
    is_mended, begun = [], []

    async def fragile(squared):
        begun.append("fragile")
        async for number in squared:
            if number == 4 and not is_mended:
                raise ValueError("not yet")
            yield number

    async def counted(numbers):
        begun.append("counted")
        async for number in numbers:
            yield number * number

    async def main():
        services = make()
        services.processor(fragile)
        services.processor(counted, name="squared")
        flow = Flow()
        flow.add(counted, name="squared")
        flow.add(fragile)
        async with await flow.start({"numbers": [1, 2, 3]}, on=services) as run:
            with pytest.raises(ValueError, match="not yet"):
                await read_values(run, "fragile")
            is_mended.append(True)
            failed = services.retry(run.id)
            async with await services.open(run.id) as again:
                return failed, await read_values(again, "fragile"), services.status(run.id).state

    assert run_here(main) == (("fragile",), [1, 4, 9], "ended")
    assert sorted(begun) == ["counted", "fragile", "fragile"]


def test_deleting_leaves_no_key(make, run_here):
    """After delete nothing of a run is in the server, and readers get a RunGoneError; a straggler writes nothing."""

    async def main():
        services = make("squared", keep=10)

        async def numbers():
            yield 1
            await anyio.sleep_forever()

        async with await make_flow("squared").start({"numbers": numbers}, on=services) as run:
            async with run["squared"].open() as reader:
                await anext(reader)
                services.delete(run.id)
                with pytest.raises(RunGoneError, match=run.id):
                    await anext(reader)
        await wait_until(lambda: not services._server.threads.held)
        return services._server.client.keys(f"*{run.id}*"), services.runs()

    keys, runs = run_here(main)
    assert keys == []
    assert not runs


def test_all_keys_of_a_run_expire(make, run_here):
    """Each key of a run has a time to live, while it goes on and after its end."""

    async def main():
        services = make("parted", keep=10, ttl_seconds=1_000.0)
        flow = Flow()
        flow.add(FUNCTIONS["parted"], outputs=["odd", "even"])
        found = []
        async with await flow.start({"numbers": [1, 2]}, on=services) as run:
            await run.drain()
            client = services._server.client
            found += [(key, client.pttl(key)) for key in client.keys(f"{services._keys.prefix}*")]
        return found

    found = run_here(main)
    found = [(key, left) for key, left in found if left != -2]  # those that were removed while they were looked at
    assert [(key, left) for key, left in found if not 0 < left <= 1_000_000] == []
    assert len(found) > 6


def test_a_server_without_its_data_is_an_error_for_all(make, run_here):
    """When the server has lost its data, readers get a RunGoneError that says so, and bodies are closed."""
    closed = []

    async def endless(numbers):
        try:
            async for number in numbers:
                yield number
            await anyio.sleep_forever()
        finally:
            closed.append(True)

    async def main():
        services = make()
        services.processor(endless)
        async with await Flow(endless).start({"numbers": [1]}, on=services) as run, run["endless"].open() as reader:
            await anext(reader)
            services._server.client.flushdb()
            services._server.publish(run.id, "s:endless")
            with pytest.raises(RunGoneError, match="restarted without its data"):
                await anext(reader)
            await wait_until(lambda: closed)

    run_here(main)


def test_what_is_dispatched_is_what_can_begin(make, run_here):
    """A dispatcher hears of each step once, and of one that waits for its inputs only when these have ended."""
    sent = []

    async def dispatch(processor, run):
        sent.append((processor, run))

    async def main():
        flow = make_flow("squared", "halved")
        flow.add(FUNCTIONS["total"], wait=True)
        names = "squared", "halved", "total"
        starter, worker = make(*names, dispatch=dispatch), make(*names, dispatch=dispatch)
        async with await flow.start({"numbers": [1, 2]}, on=starter) as run:
            await wait_until(lambda: len(sent) == 2)
            before = [name for name, _ in sent]
            done = [await worker.perform(name, run.id) for name in ("total", "squared", "squared", "halved")]
            await wait_until(lambda: len(sent) == 3)
            await worker.perform("total", run.id)
            return before, done, sent[2] == ("total", run.id), await read_values(run, "total")

    before, done, is_sent, values = run_here(main)
    assert (sorted(before), done) == (["halved", "squared"], [False, True, False, True])
    assert (is_sent, values) == (True, [2.5])


def test_services_with_another_key_see_nothing(make, run_here):
    """Services with another key, or none, do not find a run; neither do those with another namespace."""

    async def main():
        async with await make_flow("squared").start({"numbers": [1]}, on=make("squared")) as run:
            for options in ({"key": b"another key of the tests"}, {"key": None}, {"namespace": "elsewhere"}):
                with pytest.raises(RunGoneError):
                    await make(**options).open(run.id)
            return len(make().runs())

    assert run_here(main) == 1


def test_a_function_that_is_no_processor_is_refused(make, run_here):
    """A flow with a function that is not registered is refused by name, with what to type; so is a name that is taken."""

    async def main():
        services = make("squared")
        with pytest.raises(ServicesError, match=r"halved is not a processor.*@services.processor"):
            await make_flow("squared", "halved").start({"numbers": [1]}, on=services)
        with pytest.raises(ServicesError, match="two functions"):
            services.processor(FUNCTIONS["halved"], name="squared")
        with pytest.raises(ServicesError, match=r"'total' is not registered here; there are: squared"):
            await services.perform("total", "run")
        with pytest.raises(ServicesError, match="no processor is registered"):
            await make().serve()
        with pytest.raises(TypeError, match=r"Write on=Services\(url\)"):
            await make_flow("squared").start({"numbers": [1]}, on="redis://localhost")

    run_here(main)


def test_a_declared_processor_does_not_run_here(run_here):
    """A placeholder says, in a flow of one process, that its function is elsewhere."""

    async def main():
        async with await Flow(declared("squared", "numbers")).start({"numbers": [1]}) as run:
            with pytest.raises(ServicesError, match="'squared' is in another service"):
                await read_values(run, "squared")

    run_here(main)


def test_checkpoints_do_nothing_without_services(run_here):
    """A function with checkpoints runs in a flow of one process as it is."""

    async def main():
        async with await make_flow("summed").start({"numbers": range(9)}) as run:
            return await read_values(run, "summed")

    assert last_checkpoint("none") == "none"
    assert run_here(main)[-1] == sum(range(9))


def test_a_checkpoint_needs_to_be_announced(make, run_here):
    """A processor that calls checkpoint() without resume="checkpoint" is told what to type."""

    async def noted(numbers):
        async for number in numbers:
            yield number
            checkpoint(number)

    async def main():
        services = make()
        services.processor(noted)
        async with await Flow(noted).start({"numbers": [1]}, on=services) as run:
            with pytest.raises(Exception, match="resume='checkpoint'"):
                await read_values(run, "noted")

    run_here(main)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": b"short"}, "at least 16 bytes"),
        ({"allow_pickle": True}, "Sign what is written"),
        ({"keep": 0}, "keep must be"),
        ({"lease_seconds": 0}, "lease_seconds must be"),
    ],
)
def test_options_that_are_none_are_refused(options, said):
    """Services refuse a short key, pickles without a key, and a keep= that keeps nothing, with what to type."""
    with pytest.raises(ServicesError, match=said):
        Services("redis://localhost:1/0", **options)


@pytest.mark.parametrize("names", [(3,), ("squared", ["numbers"]), (FUNCTIONS,)])
def test_what_is_no_name_is_not_declared(names):
    """A placeholder is made of names: a function or a list in their place is refused with what to type."""
    with pytest.raises(TypeError, match=r"Write declared\('extract', 'paths'\)"):
        declared(*names)


def test_no_server_is_said_at_once(run_here):
    """A server that never answered is an error at the first trip, not after all patience."""

    async def main():
        services = Services("redis://127.0.0.1:1/0", patience_seconds=1e9)
        with pytest.raises(OSError, match=r"127.0.0.1:1/0 does not answer"):
            services.runs()
        services.close()

    run_here(main)


def test_an_output_for_no_tape_is_refused(make, run_here):
    """An Output of a name that the processor does not have ends its tapes with an error that says so."""

    async def wrong(numbers):
        async for number in numbers:
            yield Output("elsewhere", number)

    async def main():
        services = make()
        services.processor(wrong)
        flow = Flow()
        flow.add(wrong, outputs=["here"])
        async with await flow.start({"numbers": [1]}, on=services) as run:
            with pytest.raises(Exception, match="elsewhere"):
                await read_values(run, "here")

    run_here(main)
