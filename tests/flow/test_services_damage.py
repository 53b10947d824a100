"""What ``dug.flow.services`` say of keys that others have, or have damaged: a run is refused by name, and the others go on."""

from __future__ import annotations

import logging

import anyio
import pytest
from served import wait_until

from dug.flow import Flow
from dug.flow.services import ServicesError, TamperedError, declared

SQUARED = declared("squared", "numbers")


def put_text(client, names):
    """Put a text where the hash of a step is."""
    client.set(names.step("squared"), b"x", px=100_000)


def put_epoch(client, names):
    """Let a step have an epoch that is no number."""
    client.hset(names.step("squared"), "epoch", "x")


def put_count(client, names):
    """Let a tape have a number of values that is none."""
    client.hset(names.step("squared"), "n:squared", "x")


def put_plan(client, names):
    """Put a list where the plan is."""
    client.delete(names.plan)
    client.rpush(names.plan, b"x")
    client.pexpire(names.plan, 100_000)


@pytest.mark.parametrize("damage", [put_text, put_epoch, put_count, put_plan])
def test_a_damaged_run_does_not_end_a_service(make, run_here, damage, caplog):
    """A service that finds a run which is damaged leaves it alone, says so once, and works on the others."""

    async def main():
        starter, services = make(), make("squared", lease_seconds=0.05)
        flow = Flow(SQUARED)
        bad = await flow.start({"numbers": [1]}, on=starter)
        await bad.aclose()
        damage(starter._server.client, starter._keys.of(bad.id))
        find, looks = services._find_open, []
        services._find_open = lambda: looks.append(True) or find()
        async with await flow.start({"numbers": [2, 3]}, on=starter) as run, anyio.create_task_group() as group:
            group.start_soon(services.serve)
            found = await run["squared"].list()
            looks.clear()
            await wait_until(lambda: len(looks) > 4)  # it goes on to look
            group.cancel_scope.cancel()
        states = {state.run: state.state for state in services.runs()}
        with pytest.raises(TamperedError, match=rf"the run '{bad.id}'"):
            await anyio.to_thread.run_sync(services.status, bad.id)
        services.delete(bad.id)
        return found, states[bad.id], services._server.client.keys(f"*{bad.id}*")

    with caplog.at_level(logging.WARNING, "dug"):
        assert run_here(main) == ([4, 9], "tampered", [])
    # One of the service, which looks often; a look of the starter may have been under way when it left the run.
    assert len([one for one in caplog.records if "leaves" in one.message]) in (1, 2)


def test_a_plan_that_is_none_is_refused_by_name(make, run_here):
    """Without a key a plan that others wrote is refused by the name of its run."""

    async def main():
        services = make(key=None)
        async with await Flow(SQUARED).start({"numbers": [1]}, on=services) as run:
            for text in (b"x", b"{}", b"[]", b'{"steps": 5}'):
                services._server.client.set(services._keys.of(run.id).plan, text, px=100_000)
                with pytest.raises(TamperedError, match=f"'the plan' in the run '{run.id}'"):
                    await make(key=None).open(run.id)

    run_here(main)


def test_a_key_of_another_program_is_said(make):
    """Services whose keys another program has say that they need another namespace."""
    services = make("squared")
    services._server.client.set(services._keys.open, b"x", px=100_000)

    with pytest.raises(ServicesError, match=r"something else under a key of these services .* namespace='etl'"):
        anyio.run(services.serve)


@pytest.mark.parametrize("namespace", ["{etl}", "a{", "}", "", 5, None])
def test_a_namespace_is_a_text_without_braces(make, namespace):
    """A namespace with braces is refused: a cluster would not have the keys of a run in one slot."""
    with pytest.raises(ServicesError, match=r"namespace must be a text without \{ and \}"):
        make(namespace=namespace)
