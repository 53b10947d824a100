"""The tapes and claims of ``dug.flow.services`` against real servers: who may write, what is refused, what is kept."""

from __future__ import annotations

import threading
from contextlib import aclosing
from functools import partial

import anyio
import pytest
from served import FUNCTIONS, RESUMES, wait_until

from dug.errors import DroppedError
from dug.flow import Flow
from dug.flow.services import ServicesError, StarterLostError, StateLostError, TamperedError, declared
from dug.flow.services._claims import NOBODY_WAITS, Checkpoint, Claim, claim, name_owner
from dug.flow.services._errors import ClaimLostError
from dug.flow.services._reading import Place, _fetch
from dug.flow.services._skipping import Skipper
from dug.flow.services._writing import TapeWriter


@pytest.fixture
def begin(make, run_here):
    """Run a coroutine function with services, the link of a run of ``squared`` on which nobody works, and its step."""

    def begin(main, *, numbers=(1, 2, 3), name="squared", **options):
        async def start():
            services = make(**options)
            async with await Flow(declared(name, "numbers"), name="tapes").start({"numbers": [*numbers]}, on=services) as run:
                link = services._link(run.id)
                return await main(services, link, link.plan.steps[-1])

        return run_here(start)

    return begin


def take(link, step):
    """Return a claim on a step."""
    found = claim(link, step, name_owner())
    assert isinstance(found, Claim), found
    return found


async def append(taken, *values, point=None, is_end=False):
    """Write values by a claim."""
    writer = TapeWriter(taken, lambda _: None, bool)
    packed = [[taken.link.sealing.pack(value) for value in values]] if values else []
    await writer._send({"squared": packed} if packed else {}, point, None, is_end=is_end)
    taken.counts = dict(writer.sent)


async def read(services, run):
    """Return all values of the run."""
    async with await services.open(run) as opened, opened["squared"].open() as reader:
        return [value async for value in reader]


def expire(link, step):
    """Let the claim of a step expire."""
    assert link.server.client.delete(link.names.claim(step.name)) == 1


@pytest.mark.parametrize("kind", ["worker", "reader"])
def test_who_prolongs_a_run_does_not_prolong_the_claims_of_others(begin, make, kind):
    """A claim expires after a lease when its owner is gone, though others who work on the run or read it prolong its keys."""

    async def main(services, link, step):
        other = make()
        async with await other.open(link.run) as opened:
            taken = take(link, step)
            keys = opened._lease.keys if kind == "reader" else taken.keys
            services._server.threads._touch(keys)
            left_ms = link.server.client.pttl(link.names.claim(step.name))
            assert link.server.client.pttl(link.names.step(step.name)) > 60_000
        return left_ms <= link.server.lease_ms

    assert begin(main)


def test_an_append_that_is_sent_twice_is_there_once(begin):
    """An append whose answer was lost is sent again, and is on the tape once, and so is an end."""

    async def main(services, link, step):
        taken = take(link, step)
        for is_end in (False, False, True, True):
            writer = TapeWriter(taken, lambda _: None, bool)
            if is_end:
                writer.sent = {"squared": 2}
                await writer._send({}, None, None, is_end=True)
            else:
                packed = [taken.link.sealing.pack(value) for value in (1, 4)]
                await writer._send({"squared": [packed]}, None, None, is_end=False)
        return await read(services, link.run)

    assert begin(main) == [1, 4]


def test_one_claims_a_step(begin):
    """While one has a step, another gets it not; after its end nobody does."""

    async def main(services, link, step):
        taken = take(link, step)
        second = claim(link, step, name_owner())
        await append(taken, is_end=True)
        return second, claim(link, step, name_owner())

    assert begin(main) == ("taken", "done")


def test_a_claim_whose_answer_was_lost_is_taken_again(begin):
    """An owner that asks again because no answer came has the step, and begins it once."""

    async def main(services, link, step):
        owner = name_owner()
        return [claim(link, step, owner).epoch for _ in range(2)]

    assert begin(main) == [1, 1]


def test_an_owner_that_was_stalled_is_refused(begin):
    """When a claim has expired and another one has taken the step, the server refuses what the first one writes."""

    async def main(services, link, step):
        first = take(link, step)
        await append(first, 1)
        expire(link, step)
        second = take(link, step)
        for is_end in (False, True):
            with pytest.raises(ClaimLostError, match="'squared'"):
                await append(first, *([] if is_end else ["stale"]), is_end=is_end)
        lost = []
        first.on_lost = lambda: lost.append(True)
        first.prolong()
        await append(second, 4, is_end=True)
        return second.counts, lost, await read(services, link.run)

    assert begin(main) == ({"squared": 2}, [True], [1, 4])


def test_an_epoch_that_is_given_again_is_nobodys_right(begin, monkeypatch):
    """After a server came back from an old snapshot, who had a step is refused, though the next owner has the same epoch."""

    async def main(services, link, step):
        client, names = link.server.client, link.names
        monkeypatch.setattr(link.server, "post", lambda call, *args: call(*args))
        snapshot = client.dump(names.step("squared"))
        first = take(link, step)
        await append(first, "stale")
        client.restore(names.step("squared"), 100_000, snapshot, replace=True)
        client.delete(names.tape("squared"), names.claim("squared"))
        second = take(link, step)
        first.counts = {"squared": 0}
        for is_end in (False, True):
            with pytest.raises(ClaimLostError):
                await append(first, *([] if is_end else ["stale"]), is_end=is_end)
        with pytest.raises(ClaimLostError):
            Skipper(first, 1)._write(0, b"")
        lost = []
        first.on_lost = lambda: lost.append(True)
        first.prolong()
        first.release()
        assert claim(link, step, name_owner()) == "taken"
        await append(second, 1, 4, is_end=True)
        return first.epoch == second.epoch, lost, await read(services, link.run)

    assert begin(main) == (True, [True], [1, 4])


def test_values_that_an_old_snapshot_lacks_are_given_again(begin):
    """After a server came back from an old snapshot, a step begins again where that has it, and its readers go on."""

    async def main(services, link, step):
        client, names = link.server.client, link.names
        first = take(link, step)
        await append(first, 1)
        keys = names.step("squared"), names.tape("squared")
        snapshots = [client.dump(key) for key in keys]
        await append(first, 4)
        async with await services.open(link.run) as opened, opened["squared"].open() as reader:
            found = [await anext(reader), await anext(reader)]
            for key, snapshot in zip(keys, snapshots, strict=True):
                client.restore(key, 100_000, snapshot, replace=True)
            with pytest.raises(ServicesError, match="a chunk begins at 2, and the tape has 1"):
                await append(first, 9)
            first.release()
            await wait_until(lambda: not client.exists(names.claim("squared")))
            services.processor(FUNCTIONS["squared"])
            await services.perform("squared", link.run)
            return [*found, *[value async for value in reader]], await read(services, link.run)

    assert begin(main) == ([1, 4, 9], [1, 4, 9])


def test_values_of_an_input_that_an_old_snapshot_lacks_are_an_error(make, run_here):
    """After a server came back from an old snapshot, an input whose starter gave more since then ends with an error."""

    async def main():
        services = make("squared", lease_seconds=0.1)
        more = [anyio.Event(), anyio.Event()]

        async def numbers():
            yield 1
            for number, event in enumerate(more):
                await event.wait()
                yield number

        flow = Flow(FUNCTIONS["squared"])
        async with await flow.start({"numbers": numbers}, on=services) as run, run["squared"].open() as reader:
            await anext(reader)
            client, names = services._server.client, services._link(run.id).names
            keys = names.step("numbers"), names.tape("numbers")
            snapshots = [client.dump(key) for key in keys]
            more[0].set()
            await anext(reader)
            for key, snapshot in zip(keys, snapshots, strict=True):
                client.restore(key, 100_000, snapshot, replace=True)
            more[1].set()
            with anyio.fail_after(30), pytest.raises((StarterLostError, TamperedError)):
                await anext(reader)

    run_here(main)


def test_a_claim_that_was_given_back_is_not_prolonged(begin):
    """A thread that prolongs a claim just after it was given back does not take it again; nothing is written by it."""

    async def main(services, link, step):
        taken = take(link, step)
        taken.release()
        await wait_until(lambda: not link.server.client.exists(link.names.claim(step.name)))
        taken.prolong()
        with pytest.raises(ClaimLostError):
            await append(taken, 1)
        return claim(link, step, name_owner()).epoch

    assert begin(main) == 2


def test_an_owner_that_nobody_has_replaced_goes_on(begin):
    """When a claim has expired and nobody has taken the step, its owner writes on, and has it again."""

    async def main(services, link, step):
        taken = take(link, step)
        expire(link, step)
        await append(taken, 1)
        return claim(link, step, name_owner())

    assert begin(main) == "taken"


def test_a_step_goes_on_after_what_is_on_its_tape(begin):
    """Who takes a step over passes over the values that are there, and gives the rest."""

    async def main(services, link, step):
        await append(take(link, step), 1, 4)
        expire(link, step)
        services.processor(FUNCTIONS["squared"])
        await services.perform("squared", link.run)
        return await read(services, link.run), services.status(link.run).find("squared").epoch

    assert begin(main) == ([1, 4, 9], 2)


@pytest.mark.parametrize("name", ["picked", "summed"])
@pytest.mark.parametrize("kills", [1, 7, 30])
def test_a_checkpoint_is_where_a_step_goes_on(make, run_here, name, kills):
    """A processor that is stopped after any number of values and goes on elsewhere gives every value once and in order."""

    async def numbers():
        for number in range(40):
            yield number

    async def main():
        services = make()
        seen = []

        async def watched(numbers):
            async def pass_on():
                async for number in numbers:
                    seen.append(number)
                    yield number

            async with aclosing(pass_on()) as passed, aclosing(FUNCTIONS[name](passed)) as given:
                async for value in given:
                    if len(seen) >= kills and not stopped:
                        stopped.append(True)
                        await anyio.sleep_forever()
                    yield value

        stopped = []
        services.processor(watched, name=name, resume=RESUMES[name])
        async with await Flow(declared(name, "numbers")).start({"numbers": [*range(40)]}, on=make()) as run:
            link = services._link(run.id)
            async with anyio.create_task_group() as group:
                group.start_soon(services.perform, name, run.id)
                await wait_until(lambda: stopped)
                if kills == 30:  # else it may be stopped before anything is written
                    await wait_until(lambda: link.server.client.hexists(link.names.step(name), "checkpoint"))
                group.cancel_scope.cancel()
            seen.clear()
            await wait_until(lambda: services.status(run.id).find(name).state == "free")
            await services.perform(name, run.id)
            async with run[name].open() as reader:
                return [value async for value in reader], [value async for value in FUNCTIONS[name](numbers())], seen[0]

    found, expected, first = run_here(main)
    assert found == expected
    assert first > 0 or kills < 30


def _damage(client, link, *, entry=None, value=None, delete=False):
    """Put something in the place of an entry of the tape of ``squared``."""
    tape = link.names.tape("squared")
    entries = client.xrange(tape)
    client.delete(tape)
    for number, (at, fields) in enumerate(entries):
        if number == entry and delete:
            continue
        client.xadd(tape, {b"v": value if number == entry else fields[b"v"]}, id=at)


def test_a_tampered_entry_is_refused_by_name(begin):
    """An entry with a byte changed, or from another position, is not used: the error names the run, the tape and the position."""

    async def main(services, link, step):
        taken = take(link, step)
        for value in (1, 4, 9):
            await append(taken, value)
        await append(taken, is_end=True)
        client, tape = link.server.client, link.names.tape("squared")
        good = [fields[b"v"] for _, fields in client.xrange(tape)]
        for value in (good[1][:-1] + b"5", good[0], good[2], good[1][32:], b"L[4]"):
            _damage(client, link, entry=1, value=value)
            with pytest.raises(TamperedError, match=rf"'squared' at position .* in the run '{link.run}'"):
                await read(services, link.run)
        _damage(client, link, entry=1, value=good[1])
        return await read(services, link.run)

    assert begin(main) == [1, 4, 9]


def test_an_entry_of_another_run_or_tape_is_refused(begin):
    """What was signed for another run, or for another tape of the run, is refused."""

    async def main(services, link, step):
        taken = take(link, step)
        await append(taken, 1, 2, 3, is_end=True)
        client = link.server.client
        numbers = client.xrange(link.names.tape("numbers"))
        async with await Flow(declared("squared", "numbers"), name="tapes").start({"numbers": [5]}, on=services) as other:
            theirs = services._link(other.id)
            await append(take(theirs, step), 25, 36, 49, is_end=True)
            elsewhere = client.xrange(theirs.names.tape("squared"))
        for entries in (numbers, elsewhere):
            _damage(client, link, entry=0, value=entries[0][1][b"v"])
            with pytest.raises(TamperedError):
                await read(services, link.run)

    begin(main)


def test_an_entry_that_is_missing_is_said(begin):
    """A reader that comes to a place from which an entry was taken says so, and does not pass over it."""

    async def main(services, link, step):
        taken = take(link, step)
        for value in (1, 4, 9):
            await append(taken, value)
        _damage(link.server.client, link, entry=1, delete=True)
        with pytest.raises(TamperedError, match=r"at position 1 in the run .* is missing"):
            await read(services, link.run)

    begin(main)


def test_a_plan_or_a_checkpoint_that_was_tampered_with_is_refused(begin, make):
    """A plan that was not signed for its run is refused, in lists too; a checkpoint ends its tapes with the error."""

    async def main(services, link, step):
        await append(take(link, step), 1, point=Checkpoint({"numbers": 1}, {"squared": 1}))
        expire(link, step)
        client, key = link.server.client, link.names.step("squared")
        client.hset(key, "checkpoint", client.hget(key, "checkpoint") + b" ")
        services.processor(FUNCTIONS["squared"])
        await services.perform("squared", link.run)
        with pytest.raises(TamperedError, match="the checkpoint of squared"):
            await read(services, link.run)
        client.set(link.names.plan, client.get(link.names.plan) + b" ")
        other = make()
        with pytest.raises(TamperedError, match="the plan"):
            await other.open(link.run)
        state = other.runs()[0].state
        other.delete(link.run)
        return state, client.keys(f"*{link.run}*")

    assert begin(main) == ("tampered", [])


@pytest.mark.parametrize("since", ["ended", "retried", "given back", "taken over"])
def test_a_read_that_arrives_late_moves_no_reader(make, run_here, since):
    """With keep= a read that arrives after its step ended, or has another owner, changes not for what writers wait."""

    async def main():
        services = make(keep=8)
        flow = Flow(declared("squared", "numbers"), declared("halved", "squared"), name="tapes")
        async with await flow.start({"numbers": [1]}, on=services) as run:
            link = services._link(run.id)
            step = link.plan.steps[-1]
            first = take(link, step)
            if since == "given back":
                first.release()
                await wait_until(lambda: not link.server.client.exists(link.names.claim("halved")))
            elif since == "taken over":
                expire(link, step)
                _fetch(link, place_of(take(link, step)), 3)
            else:
                await TapeWriter(first, lambda _: None, bool)._send({}, None, ValueError(1), is_end=True)
            if since == "retried":
                services.retry(run.id)
            known = position_of(link, "halved")
            _fetch(link, place_of(first), 5)
            return known, position_of(link, "halved")

    known, found = run_here(main)
    assert found == known == {"ended": NOBODY_WAITS, "taken over": 3}.get(since, 0)


@pytest.mark.parametrize("since", ["retried", "given back", "taken over"])
def test_what_an_owner_sent_before_is_refused_when_it_arrives_late(begin, since):
    """What an owner sent before its step was tried again, or went to another one, claims, writes and removes nothing."""

    async def main(services, link, step):
        first = take(link, step)
        if since == "retried":
            await TapeWriter(first, lambda _: None, bool)._send({}, None, ValueError(1), is_end=True)
            services.retry(link.run)
        elif since == "given back":
            first.release()
            await wait_until(lambda: not link.server.client.exists(link.names.claim(step.name)))
        else:
            expire(link, step)
        if since == "taken over":
            Skipper(take(link, step), 1)._write(5, b"a letter")
        for late in (partial(Skipper(first, 1)._write, 0, b""), partial(Skipper(first, 1).forget_later, 0)):
            with pytest.raises(ClaimLostError):
                late()
        with pytest.raises(ClaimLostError):
            await append(first, 1)
        first.prolong()
        return link.server.client.hkeys(link.names.letters(step.name)), services.status(link.run).find(step.name).state

    assert begin(main) == (([b"5"], "running") if since == "taken over" else ([], "free"))


def place_of(taken):
    """Return what a step reads by a claim."""
    return Place("squared", reader="halved", owner=taken.owner, say_dropped=ValueError)


def position_of(link, reader):
    """Return how far a reader is, as its writer knows it."""
    return int(link.server.client.hget(link.names.readers("squared"), reader).partition(b":")[0])


def test_a_read_that_arrives_late_brings_no_reader_back(make, run_here):
    """With keep= a read that arrives after its reader left the run lets no writer wait for it."""

    async def main():
        services = make(keep=8)
        async with await Flow(declared("squared", "numbers"), name="tapes").start({"numbers": [1]}, on=services) as run:
            link = services._link(run.id)
            run._lease._forget()
            _fetch(link, Place("squared", 0, run.reader, 1_000, say_dropped=ValueError), 0)
            return position_of(link, run.reader)

    assert run_here(main) == NOBODY_WAITS


def test_a_writer_waits_for_the_slowest_reader(make, run_here):
    """With keep= a processor is never more than so many values ahead of a reader, and the server keeps no more."""

    async def main():
        services = make("squared", keep=20)

        async def numbers():
            for number in range(120):
                yield number

        async with await Flow(FUNCTIONS["squared"]).start({"numbers": numbers}, on=services) as run:
            ahead, found = [], []
            async with run["squared"].open() as reader:
                async for value in reader:
                    found.append(value)
                    if len(found) % 30 == 0:
                        ahead.append((await run.state()).find("squared").items["squared"] - len(found))
            kept = services._server.client.xlen(services._link(run.id).names.tape("numbers"))
            return found, max(ahead), kept

    found, ahead, kept = run_here(main)
    assert found == [number * number for number in range(120)]
    assert ahead <= 40  # so many on the tape, and so many in the process of the reader
    assert kept <= 21


def test_a_processor_that_drops_everything_frees_its_input(make, run_here):
    """With keep= a processor that gives nothing for many values says how far it is all the same, so that its input goes on."""

    async def dropped(numbers):
        async for number in numbers:
            if number == 59:
                yield number

    async def main():
        services = make(keep=10)
        services.processor(dropped, resume="value")

        async def numbers():
            for number in range(60):
                yield number

        async with await Flow(dropped).start({"numbers": numbers}, on=services) as run, run["dropped"].open() as reader:
            return [value async for value in reader]

    assert run_here(main) == [59]


def test_a_late_reader_hears_what_is_kept(make, run_here):
    """With keep= a reader that comes late gets a DroppedError that names the first value that is kept."""

    async def main():
        services = make("squared", keep=10)

        async def numbers():
            for number in range(50):
                yield number

        async with await Flow(FUNCTIONS["squared"]).start({"numbers": numbers}, on=services) as run:
            await run.drain()
            async with await make().open(run.id) as late:
                with pytest.raises(DroppedError, match=r"does not keep item 0 .* from \d\d on"):
                    await late["squared"].first()

    run_here(main)


def test_a_step_whose_input_is_dropped_cannot_begin_again(make, run_here):
    """With keep= a step without checkpoints that loses its process ends with a StateLostError, which says what to type."""

    async def main():
        starter, services = make(keep=10), make("squared")
        given = anyio.Event()

        async def numbers():
            for number in range(50):
                yield number
            given.set()
            await anyio.sleep_forever()

        async with await Flow(declared("squared", "numbers")).start({"numbers": numbers}, on=starter) as run:
            async with run["squared"].open() as reader, anyio.create_task_group() as group:
                group.start_soon(services.perform, "squared", run.id)
                for _ in range(50):
                    await anext(reader)
                await given.wait()
                group.cancel_scope.cancel()
            await wait_until(lambda: services.status(run.id).find("squared").state == "free")
            await services.perform("squared", run.id)
            return services.status(run.id).find("squared").error

    error = run_here(main)
    assert StateLostError.__name__ in error
    assert "resume='value' or resume='checkpoint'" in error


def test_a_call_that_outlives_its_services_leaves_no_connection(make):
    """A call that is under way when services are closed opens a connection that nobody needs: it is closed too."""
    server, has_begun, may_go = make()._server, threading.Event(), threading.Event()

    def call():
        has_begun.set()
        may_go.wait(30)
        opened.append(server.client.connection_pool.get_connection())

    opened = []
    server.post(call)
    assert has_begun.wait(30)  # else it is cancelled
    server.close()
    may_go.set()
    server.threads.pool.shutdown()

    assert [connection.is_connected for connection in opened] == [False]
