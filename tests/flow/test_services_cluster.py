"""``dug.flow.services`` on a cluster: three real servers, each with a third of the keys."""

from __future__ import annotations

import anyio
import pytest
import redis
from served import make_services
from support.servers import serving, serving_cluster
from support.sync_points import run_on

from dug.flow import Flow
from dug.flow.services import ServerLostError, Services, ServicesError, declared

pytestmark = pytest.mark.slow  # three servers take a second or two to find each other


@pytest.fixture(scope="module", params=["redis", "valkey"])
def servers(request, tmp_path_factory):
    """The servers of a cluster."""
    with serving_cluster(request.param, tmp_path_factory.mktemp("cluster")) as running:
        yield running


def find_keys(servers):
    """Return how many keys each server has."""
    found = []
    for server in servers:
        with redis.Redis(port=server.port) as client:
            found.append(len(client.keys("*")))
    return found


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_runs_are_spread_over_a_cluster(servers, loop):
    """Runs go on on all servers of a cluster, each with its keys on one; they are listed, cancelled, retried and deleted."""
    flow = Flow(declared("squared", "numbers"), declared("halved", "squared"))
    flow.add(declared("total", "halved"), wait=True)

    async def main():
        url = servers[0].url + "?cluster=true"
        starter, *others = [make_services(url, "cluster", names, keep=20) for names in ((), ["squared", "total"], ["halved"])]
        async with anyio.create_task_group() as group:
            for services in others:
                group.start_soon(services.serve)
            found = set()
            while not all(find_keys(servers)):  # a run has a slot by its id
                async with await flow.start({"numbers": range(50)}, on=starter) as run:
                    found.add(*await run["total"].list())
            group.cancel_scope.cancel()
        states = {state.state for state in starter.runs()}
        async with await flow.start({"numbers": [1]}, on=starter) as run:
            starter.cancel(run.id)
            states.add(starter.status(run.id).state)
            starter.retry(run.id)
            states.add(starter.status(run.id).state)
        for state in starter.runs():
            starter.delete(state.run)
        for services in (starter, *others):
            services.close()
        return found, states, find_keys(servers)

    assert run_on(loop, main) == ({sum(number**2 for number in range(50)) / 2}, {"ended", "cancelled", "open"}, [0, 0, 0])


def test_what_an_address_says_of_a_cluster_is_checked(servers, tmp_path):
    """A server of a cluster without ``?cluster=true``, one with it that is not a cluster, and one that is away say so."""
    services = Services(servers[0].url)

    def ask_for_many():
        for number in range(50):  # until one is elsewhere
            services.delete(str(number))

    with pytest.raises(ServicesError, match=r"is one of a cluster\. Say so in the address: .*\?cluster=true"):
        ask_for_many()
    services.close()
    with serving("redis", tmp_path) as server:
        with pytest.raises(ServerLostError, match=r"is not a server of a cluster .* Leave out \?cluster=true") as refused:
            Services(server.url + "?cluster=true")
        with redis.Redis(port=server.port) as client:
            assert len(client.client_list()) == 1  # though somebody holds the error, and what it holds
        del refused
    with pytest.raises(ServerLostError, match="does not answer"):
        Services(server.url + "?cluster=true")
