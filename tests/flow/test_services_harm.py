"""What happens to runs of ``dug.flow.services`` when a server, a clock or a body does what nobody expects."""

from __future__ import annotations

import asyncio

import anyio
import pytest
import redis
from served import wait_until

from dug.flow import Flow
from dug.flow.services import RunGoneError, ServerLostError, ServicesError, TamperedError, _looking, _runs, _services, declared
from dug.flow.services._claims import claim, find_checkpoint, name_owner
from dug.flow.services._crew import Crew
from dug.flow.services._raised import find_ending
from dug.flow.services._writing import TapeWriter

SQUARED = declared("squared", "numbers")


def start(services, *functions, **inputs):
    """Return the start of a flow of processors."""
    return Flow(*functions, name="harm").start(inputs, on=services)


# A run that is alive stays


def test_the_lists_of_runs_live_as_long_as_a_run(make, run_here):
    """Who prolongs a run prolongs the lists in which others find it: they could not take it over else."""

    async def main():
        services = make(ttl_seconds=3600)
        async with await start(services, SQUARED, numbers=[1, 2]) as run:
            client, keys = services._server.client, services._keys
            for key in (keys.runs, keys.open):
                client.pexpire(key, 10_000)
            services._server.threads._touch(run._lease.keys)
            return [client.pttl(key) > 60_000 for key in (keys.runs, keys.open)]

    assert run_here(main) == [True, True]


def test_keys_that_live_shorter_than_a_lease_are_prolonged_in_time(make):
    """A process that works on a run, or reads it, prolongs its keys before they expire, however long its lease is."""
    server = make(ttl_seconds=3, lease_seconds=30)._server
    assert server.threads._beat_s == 1.0


def test_the_thread_that_prolongs_claims_outlives_an_error(make, monkeypatch, caplog):
    """An error that nobody foresaw does not end the thread that prolongs all claims of a process."""
    server = make()._server

    def refuse(**_):
        raise ValueError("unforeseen")

    monkeypatch.setattr(server.client, "pipeline", refuse)
    server.threads._touch(["key"])
    assert "keys are not prolonged (unforeseen)" in caplog.text


def test_a_look_that_services_are_closed_under_accuses_nobody(make, run_here, monkeypatch):
    """A connection that is closed while a run is looked at is no damage to the run: the services say that they are closed."""

    async def main():
        services = make()
        async with await start(services, SQUARED, numbers=[1]) as run:
            link = services._link(run.id)

        def look(*_):
            services.close()
            raise ValueError("I/O operation on closed file.")

        monkeypatch.setitem(services._server.scripts, "look", look)
        with pytest.raises(ServicesError, match="are closed") as caught:
            _looking.look(link)
        return caught.type is ServicesError

    assert run_here(main)


def test_services_that_are_closed_complain_of_no_connection(make, monkeypatch, caplog):
    """The thread that prolongs claims says nothing of connections that were closed under it."""
    server = make()._server
    threads = server.threads
    server.close()

    def refuse(**_):
        raise ValueError("I/O operation on closed file.")

    monkeypatch.setattr(server.client, "pipeline", refuse)
    threads._touch(["key"])
    assert not caplog.records


def test_the_pauses_of_runs_that_are_over_are_forgotten(make, run_here):
    """A process that serves for months keeps nothing of steps that failed in runs which were deleted."""

    async def main():
        crew = Crew(make()._server, {}, list, bool, None)
        crew._pauses["gone", "step"] = 0.0, 1.0
        await crew.look_once()
        return crew._pauses

    assert run_here(main) == {}


def test_a_reader_is_waited_for_whatever_the_clock_of_its_process(make, run_here, monkeypatch):
    """The lease of the reader of a starter ends by the clock of the server, from the first moment."""

    async def main():
        services = make(keep=8, lease_seconds=600)
        monkeypatch.setattr(_services.time, "time", lambda: 1_000_000_000.0)
        async with await start(services, SQUARED, numbers=[1]) as run:
            link, client = services._link(run.id), services._server.client
            until = int(client.hget(link.names.readers("squared"), run.reader).partition(b":")[2])
            return until / 1000 - client.time()[0]

    assert 0 < run_here(main) <= 601


def test_a_run_is_deleted_in_one_go(make, run_here, monkeypatch):
    """A process that dies while it deletes a run leaves all of it or nothing: of half a run nobody would know the keys."""

    async def main():
        services = make()
        async with await start(services, SQUARED, numbers=[1]) as run:
            client, calls = services._server.client, []
            unlink = client.unlink
            monkeypatch.setattr(client, "unlink", lambda *keys: calls.append(keys) or unlink(*keys))
            services.delete(run.id)
            with pytest.raises(RunGoneError):
                services.status(run.id)
        return len(calls)

    assert run_here(main) == 1


def test_plans_of_runs_that_have_ended_do_not_pile_up(make, run_here, monkeypatch):
    """A service that goes on for long holds the plans of few runs."""
    monkeypatch.setattr(_runs, "MOST_LINKS", 2)

    async def main():
        services = make()
        for _ in range(5):
            async with await start(services, SQUARED, numbers=[1]) as run:
                services.status(run.id)
        return len(services._links)

    assert run_here(main) <= 2


# What is missing in the server, or was put there by others


@pytest.mark.parametrize("kind", ["tape", "step"])
@pytest.mark.parametrize("has_ended", [True, False])
def test_a_key_that_the_server_evicted_is_an_error(make, run_here, kind, has_ended):
    """A reader of a run of which the server has dropped a key gets an error that says why, and does not wait for ever."""

    async def main():
        services = make()
        async with await start(services, SQUARED, numbers=[1, 2]) as run:
            link, client = services._link(run.id), services._server.client
            writer = TapeWriter(claim(link, link.plan.steps[-1], name_owner()), lambda _: None, bool)
            await writer._send({"squared": [[link.sealing.pack(1)]]}, None, None, is_end=False)
            if has_ended:
                await writer._send({}, None, None, is_end=True)
            client.delete(getattr(link.names, kind)("squared"))
            with anyio.fail_after(30), pytest.raises((RunGoneError, TamperedError), match="evicts keys"):
                await run["squared"].list()

    run_here(main)


def test_an_end_that_was_removed_is_an_error(make, run_here):
    """A reader of a tape whose end somebody removed gets an error after the values, and does not wait for ever."""

    async def main():
        services = make("squared")
        async with await start(services, SQUARED, numbers=[2]) as run:
            await wait_until(lambda: services.status(run.id).state == "ended")
            link, client = services._link(run.id), services._server.client
            tape = link.names.tape("squared")
            assert client.xdel(tape, client.xrevrange(tape, count=1)[0][0]) == 1
            with anyio.fail_after(30):
                async with run["squared"].open() as reader:
                    found = [await anext(reader)]
                    with pytest.raises(TamperedError, match=r"'squared' at position 1 .* is missing"):
                        await anext(reader)
                    return found

    assert run_here(main) == [4]


def test_a_step_whose_key_was_evicted_is_not_begun_anew(make, run_here):
    """A step of which the server has dropped how far it was does not begin from the start over what is on its tape."""

    async def main():
        services = make()
        async with await start(services, SQUARED, numbers=[1]) as run:
            link = services._link(run.id)
            services._server.client.delete(link.names.step("squared"))
            with pytest.raises(RunGoneError, match="evicts keys"):
                claim(link, link.plan.steps[-1], name_owner())

    run_here(main)


@pytest.mark.parametrize("fields", [{"v": b"x", "w": b"y"}, {"v": b""}, {"v": b"X[1]"}])
@pytest.mark.parametrize("key", [None, b"a key of sixteen bytes"])
def test_an_entry_that_no_service_wrote_is_refused_by_name(make, run_here, fields, key):
    """An entry of another form than services write is refused by name, with and without a key."""

    async def main():
        services = make(key=key)
        async with await start(services, SQUARED, numbers=[1]) as run:
            services._server.client.xadd(services._link(run.id).names.tape("squared"), fields, id="1-0")
            with anyio.fail_after(30), pytest.raises(TamperedError, match="'squared' at position 0"):
                await run["squared"].list()

    run_here(main)


def test_a_checkpoint_that_was_tampered_with_ends_the_tape(make, run_here):
    """Who takes up a step with a checkpoint that cannot be used ends its tape with an error that says so."""

    async def main():
        services = make("summed")
        async with await start(make(), declared("summed", "numbers"), numbers=[1]) as run:
            services._server.client.hset(services._link(run.id).names.step("summed"), "checkpoint", b"x" * 50)
            await services.perform("summed", run.id)
            with anyio.fail_after(30), pytest.raises(TamperedError, match="the checkpoint of summed"):
                await run["summed"].list()

    run_here(main)


# A server that refuses for a while


@pytest.mark.parametrize("text", ["NOREPLICAS Not enough good replicas", "BUSY Redis is busy", "MISCONF Redis is configured"])
def test_a_server_that_takes_nothing_now_is_asked_again(make, text):
    """What a server refuses for a moment, as it does while it is replaced, is asked for again, as when it is away."""
    server, refusals = make()._server, [redis.ResponseError(text)] * 3

    def call():
        if refusals:
            raise refusals.pop()
        return "answer"

    assert server.trip(server.client.ping)
    assert server.trip(call) == "answer"


def test_a_server_that_takes_nothing_for_long_is_said(make):
    """A server that goes on to refuse is a ServerLostError, which says what it says."""
    server = make(patience_seconds=0.01)._server

    def call():
        raise redis.ResponseError("NOREPLICAS Not enough good replicas")

    assert server.trip(server.client.ping)
    with pytest.raises(ServerLostError, match="takes nothing now"):
        server.trip(call)


def test_who_works_outlives_a_server_that_refuses(make, run_here, monkeypatch):
    """A starter whose look for work is refused goes on to look, and its program goes on."""

    async def main():
        services = make("squared", lease_seconds=0.2)
        refusals = [redis.ResponseError("ERR unforeseen")]
        scripts = services._server.scripts
        look = scripts["look"]

        def refuse(*args):
            if refusals:
                raise refusals.pop()
            return look(*args)

        monkeypatch.setitem(scripts, "look", refuse)
        async with await start(services, SQUARED, numbers=[1, 2]) as run:
            return await run["squared"].list()

    assert run_here(main) == [1, 4]


def test_a_body_outlives_a_connection_that_is_cut_at_news(make, run_here, monkeypatch):
    """A connection that is cut while a step asks what the news are about does not end its body: it asks again."""

    async def main():
        services, begun, cuts = make(lease_seconds=600), [], [redis.ConnectionError("cut")]
        more = anyio.Event()

        @services.processor
        async def squared(numbers):
            begun.append(True)
            yield 1
            await more.wait()
            yield 2

        scripts = services._server.scripts
        renew = scripts["renew"]

        def cut(*args):
            if cuts:
                raise cuts.pop()
            renewed.append(True)
            return renew(*args)

        renewed = []
        monkeypatch.setitem(scripts, "renew", cut)
        async with await start(services, SQUARED, numbers=[1]) as run, run["squared"].open() as reader:
            found = [await anext(reader)]
            services._server.publish(run.id)
            await wait_until(lambda: renewed)
            more.set()
            return [*found, *[value async for value in reader]], len(begun)

    assert run_here(main) == ([1, 2], 1)


def test_a_starter_whose_claim_expired_while_the_server_was_away_goes_on(make, run_here):
    """An input whose claim is gone is given up a lease later, so that a starter which is there has it again before."""

    async def main():
        services = make("squared", lease_seconds=600)
        more = anyio.Event()

        async def numbers():
            yield 2
            await more.wait()
            yield 3

        async with await start(services, SQUARED, numbers=numbers) as run, run["squared"].open() as reader:
            found = [await anext(reader)]
            client, names = services._server.client, services._link(run.id).names
            client.pexpire(names.run, 10_000)
            client.delete(names.claim("numbers"))
            services._server.publish(run.id)  # all look at once, as when a server comes back
            await wait_until(lambda: client.pttl(names.run) > 60_000)  # it was seen, and may be given up in a lease
            for held in tuple(services._server.threads.held):
                held.prolong()
            more.set()
            return [*found, *[value async for value in reader]]

    assert run_here(main) == [4, 9]


def test_services_that_are_closed_say_so(make, run_here):
    """Who uses services that are closed is told so; a run that is open then ends its work, and not the program."""

    async def main():
        services = make("squared")
        async with await start(services, SQUARED, declared("halved", "squared"), numbers=[1]) as run:
            services.close()
            with pytest.raises(ServicesError, match="are closed"):
                await services.open(run.id)

    run_here(main)


# A body that does what nobody expects


def test_a_body_that_lets_a_cancellation_out_ends_its_tape(make):
    """A body on asyncio that awaits a task which was cancelled ends its tape with an error, and is not begun again for ever."""

    async def main():
        services, begun = make(), []

        @services.processor
        async def squared(numbers):
            begun.append(True)
            yield 1
            task = asyncio.ensure_future(anyio.sleep_forever())
            task.cancel()
            await task

        async with await start(services, SQUARED, numbers=[1]) as run:
            with anyio.fail_after(30), pytest.raises(ServicesError, match=r"'squared' .* awaited something that was cancelled"):
                await run["squared"].list()
        return len(begun)

    assert asyncio.run(main()) == 1


def test_a_step_whose_input_went_on_is_not_tried_again(make, run_here):
    """With keep= a step that failed while its writer went on is refused by name, and nothing of the run has changed."""

    async def main():
        services = make("squared", keep=8)

        @services.processor
        async def fragile(squared):
            async for number in squared:
                if number == 4:
                    raise ValueError("once")
                yield number

        flow = Flow(SQUARED, declared("fragile", "squared"), name="harm")
        async with await flow.start({"numbers": [*range(60)]}, on=services) as run:
            with pytest.raises(ValueError, match="once"):
                await run["fragile"].list()
            await wait_until(lambda: services.status(run.id).find("squared").state == "ended")
            with pytest.raises(ServicesError, match=r"'fragile' .* reads 'squared' from value 0 on, .* dropped \(keep=8\)"):
                services.retry(run.id)
            return services.status(run.id).state, services.status(run.id).find("fragile").state

    assert run_here(main) == ("failed", "failed")


def test_after_a_retry_a_writer_waits_for_those_who_begin_again(make, run_here):
    """With keep= a step that failed with what it reads finds, after a retry, what it has not read, however late it begins."""

    async def main():
        services, fails = make(keep=8), [False, True]

        @services.processor
        async def source(numbers):
            async for number in numbers:
                if number == 20 and fails.pop():
                    raise ValueError("once")
                yield number

        @services.processor(resume="value")
        async def squared(source):
            async for number in source:
                yield number * number

        flow = Flow(declared("source", "numbers"), declared("squared", "source"), name="harm")
        async with await flow.start({"numbers": [*range(60)]}, on=make(keep=8)) as run:
            link = services._link(run.id)
            async with anyio.create_task_group() as group:
                group.start_soon(services.perform, "source", run.id)
                group.start_soon(services.perform, "squared", run.id)
                with pytest.raises(ValueError, match="once"):
                    await run["squared"].list()
            services.retry(run.id)
            said, step = link.server.client.hget(link.names.readers("source"), "squared"), link.plan.steps[-1]
            assert said == b"%d:0" % find_checkpoint(link, step).inputs["source"]
            await run.aclose()  # nobody waits for this reader any more
            async with anyio.create_task_group() as group:
                group.start_soon(services.perform, "source", run.id)
                group.start_soon(services.perform, "squared", run.id)
            return [(step.state, *step.items.values()) for step in services.status(run.id).steps]

    assert run_here(main) == [("ended", 60)] * 3


def test_a_retry_is_not_undone_by_who_saw_the_run_fail(make, run_here):
    """Who looked at a run before it was tried again, and takes it from those that go on after that, leaves it there."""

    async def main():
        services = make("inverted")
        async with await start(services, declared("inverted", "numbers"), numbers=[0]) as run:
            with pytest.raises(ZeroDivisionError):
                await run["inverted"].list()
            await wait_until(lambda: not services._find_open())
            seen = services.status(run.id)
            await run.aclose()
            services.retry(run.id)
            services._settle(seen)
            return seen.state, [link.run for link in services._find_open()] == [run.id]

    assert run_here(main) == ("failed", True)


async def read_until(stream):
    """Return the values of a stream, and what it raises then."""
    found = []
    with anyio.fail_after(30):
        try:
            async for value in stream:
                found.append(value)  # noqa: PERF401  an error may come after them
        except ServicesError as exc:
            return found, str(exc)
    return found, ""


@pytest.mark.parametrize("who", ["processor", "input"])
def test_the_error_of_another_run_is_an_error_like_any_other(make, run_here, who):
    """A body or an input that uses another run, which is gone, ends with that error; it is not begun again for ever."""
    begun = []

    async def main():
        services = make()

        async def numbers():
            yield 1
            if who == "input":
                await services.open("another")
            yield 2

        @services.processor
        async def passed(numbers):
            begun.append(1)
            async for number in numbers:
                if number == 2:
                    await services.open("another")
                yield number

        async with await Flow(passed).start({"numbers": numbers}, on=services) as run:
            return await read_until(run["passed"])

    found, said = run_here(main)
    assert (found, begun) == ([1], [1])
    assert said.startswith("The run 'another' is not on")


def test_a_value_for_which_another_run_is_gone_is_skipped(make, run_here):
    """With on_error="skip" an error of another run is tried again and kept as a dead letter, like any other."""
    begun = []

    async def main():
        services = make()

        @services.processor(resume="value", on_error="skip", attempts=2)
        async def passed(numbers):
            begun.append(1)
            async for number in numbers:
                if number == 1:
                    await services.open("another")
                yield number

        async with await Flow(passed).start({"numbers": [1, 2]}, on=services) as run:
            return await read_until(run["passed"]), services.count_dead_letters(run.id), len(begun)

    assert run_here(main) == (([2], ""), 1, 3)


class _Odd(BaseException):
    """An exception of no usual kind."""


def raise_exit():
    """Raise what closes a generator."""
    raise GeneratorExit


def raise_group():
    """Raise a group that is no Exception."""
    raise BaseExceptionGroup("both", [_Odd(), ValueError("inner")])


def raise_odd():
    """Raise what is no Exception."""
    raise _Odd("odd")


@pytest.mark.parametrize("fail", [raise_exit, raise_group, raise_odd])
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_body_that_raises_what_is_no_exception_ends_its_tape(make, run_here, fail, is_stream):
    """A body that raises a BaseException ends its tape with an error that names it, and is not begun again for ever."""

    async def main():
        services, begun = make(), []

        async def given(numbers):
            begun.append(True)
            async for number in numbers:
                yield number
                fail()

        async def returned(numbers):
            begun.append(True)
            fail()

        services.processor(given if is_stream else returned, name="squared")
        async with await start(services, SQUARED, numbers=[1]) as run:
            with anyio.fail_after(30), pytest.raises(ServicesError, match=r"'squared' .* raised \w+") as raised:
                await run["squared"].list()
            return len(begun), type(raised.value.__cause__).__name__, services.status(run.id).state

    assert run_here(main) == (1, "RemoteTraceback", "failed")


@pytest.mark.parametrize("fail", [raise_exit, raise_group, raise_odd])
def test_an_input_that_raises_what_is_no_exception_ends(make, run_here, fail):
    """A generator of an input that raises a BaseException ends the input with an error that names it, and not the program."""

    async def main():
        async def numbers():
            yield 2
            fail()

        async with await start(make("squared"), SQUARED, numbers=numbers) as run, run["squared"].open() as reader:
            found = await anext(reader)
            with anyio.fail_after(30), pytest.raises(ServicesError, match=r"the input 'numbers' .* raised \w+"):
                await anext(reader)
        return found

    assert run_here(main) == 4


def test_a_body_that_is_closed_without_its_loop_writes_nothing():
    """A body whose loop is gone is closed, and nobody asks the server to end its tape: there is no loop to do so."""
    assert find_ending(GeneratorExit(), "'squared'") is None
