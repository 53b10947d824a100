"""Which steps a process of ``dug.flow.services`` works on or sends, and when again."""

from __future__ import annotations

import logging

import anyio
import anyio.lowlevel
import pytest
from served import wait_until

from dug.flow import Flow
from dug.flow.services import ServicesError, _crew, declared
from dug.flow.services._crew import Crew


def test_a_message_that_was_lost_is_sent_again(make, run_here):
    """A step that was sent, and that nobody begins, is sent again after the patience, and is not begun twice at a time."""
    sent = []

    async def dispatch(processor, run):
        sent.append(processor)

    async def main():
        starter = make(dispatch=dispatch, patience_seconds=0.02, lease_seconds=0.1)
        async with await Flow(declared("squared", "numbers")).start({"numbers": [1, 2]}, on=starter) as run:
            await wait_until(lambda: len(sent) > 2)
            worker = make("squared")
            ended = []

            async def perform():
                ended.append(await worker.perform("squared", run.id))

            async with anyio.create_task_group() as group:
                for _ in sent[:3]:
                    group.start_soon(perform)
            return sorted(ended), await run["squared"].list(), starter.status(run.id).find("squared").epoch

    assert run_here(main) == ([False, False, True], [1, 4], 1)


def test_each_message_waits_longer_than_the_one_before(make, run_here):
    """What nobody begins is sent after pauses that double, so that a long queue does not get longer by it."""

    async def main():
        starter = make(patience_seconds=1_000.0)
        async with await Flow(declared("squared", "numbers")).start({"numbers": [1]}, on=starter) as run:
            link = starter._link(run.id)
            step, key, client = link.plan.steps[-1], link.names.step("squared"), link.server.client
            found = [_crew._note_sent(link, step, 0), _crew._note_sent(link, step, 0)]
            for seconds in (990, 20, 1_990, 20, 3_990, 20):  # as if so many more had gone by
                epoch, count, at = client.hget(key, "sent").decode().split(":")
                client.hset(key, "sent", f"{epoch}:{count}:{int(at) - seconds * 1_000}")
                found.append(_crew._note_sent(link, step, 0))
            return found, _crew._note_sent(link, step, 1)

    found, is_sent_after_a_begin = run_here(main)
    assert found == [True, False, False, True, False, True, False, True]
    assert is_sent_after_a_begin


def test_a_step_that_cannot_be_begun_is_left_alone_for_longer_and_longer(make, run_here, monkeypatch, caplog):
    """Where work on a step fails before its body runs, the process tries again after pauses that double, and logs each."""
    asked = []

    def refuse(link, step, _):
        asked.append(step.name)
        raise ServicesError("the server refuses")

    async def main():
        services = make("squared", lease_seconds=100.0)
        async with await Flow(declared("squared", "numbers")).start({"numbers": [1]}, on=make()) as run:
            monkeypatch.setattr(_crew, "claim", refuse)
            crew = Crew(services._server, services._processors, services._find_open, services._settle, None)
            pauses, key = [], (run.id, "squared")
            for _ in range(3):
                await crew.look_once()
                await wait_until(lambda: not crew._tasks)
                await crew.look_once()
                pauses.append(crew._pauses[key][1])
                crew._pauses[key] = 0.0, pauses[-1]  # as if it were over
            return pauses

    with caplog.at_level(logging.ERROR, "dug"):
        pauses = run_here(main)
    assert pauses == [100.0, 200.0, 400.0]
    assert asked == ["squared"] * 3
    assert "cannot work on 'squared'" in caplog.text


def test_a_process_works_on_so_many_steps_at_once(make, run_here):
    """With limit= no more steps are at work in a process, and those that waited for room are begun when one ends."""
    at_work, most = [], []

    async def busy(numbers):
        at_work.append(True)
        most.append(len(at_work))
        async for number in numbers:
            yield number
            await anyio.lowlevel.checkpoint()
        at_work.pop()

    async def main():
        services, starter = make(), make()
        services.processor(busy)
        flow = Flow(declared("busy", "numbers"))
        runs = [await flow.start({"numbers": [number]}, on=starter) for number in range(4)]
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: services.serve(limit=1))
            found = [await run["busy"].list() for run in reversed(runs)]
            group.cancel_scope.cancel()
        for run in runs:
            await run.aclose()
        return found

    assert run_here(main) == [[3], [2], [1], [0]]
    assert most == [1] * 4


def test_a_limit_does_not_stop_the_oldest_run(make, run_here):
    """All steps of the oldest run are begun whatever the limit is: one that waits for another one would wait for ever."""

    async def main():
        services = make("squared", "halved")
        starter = make()
        flow = Flow(declared("squared", "numbers"), declared("halved", "squared"))
        async with await flow.start({"numbers": [2]}, on=starter) as run, anyio.create_task_group() as group:
            group.start_soon(lambda: services.serve(limit=1))
            found = await run["halved"].list()
            group.cancel_scope.cancel()
        return found

    assert run_here(main) == [2.0]


@pytest.mark.parametrize("limit", [0, None, 2.5])
def test_a_limit_is_a_number_of_steps(make, run_here, limit):
    """A limit that is none is refused with what it has to be."""

    async def main():
        with pytest.raises(ServicesError, match="limit must be a number of steps, at least 1"):
            await make("squared").serve(limit=limit)

    run_here(main)
