"""What the tests of services share: a real server of each kind, and services that no other test has."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
from served import make_services
from support.servers import serving
from support.sync_points import run_on

_numbers = count()
_SIDES = [("redis", "asyncio"), ("valkey", "trio")]


@pytest.fixture(scope="module", params=_SIDES, ids=["-".join(side) for side in _SIDES])
def side(request, tmp_path_factory):
    """A server, and the loop of the tests on it: Redis with asyncio, Valkey with trio."""
    kind, loop = request.param
    with serving(kind, tmp_path_factory.mktemp(kind)) as server:
        yield server, loop


@pytest.fixture
def server(side):
    """The server."""
    return side[0]


@pytest.fixture
def run_here(side):
    """Run a coroutine function on the loop of this side."""
    return partial(run_on, side[1])


@pytest.fixture
def make(server):
    """A maker of services that share a namespace, which no other test has: each is like a process of its own."""
    made, namespace = [], f"test-{next(_numbers)}"

    def make(*names, **options):
        made.append(make_services(server.url, **{"namespace": namespace, **options}, names=names))
        return made[-1]

    yield make
    for services in made:
        services.close()
