"""Kills services in the middle of a run, again and again: ``python tests/kill_services.py [KILLS] [VALUES] [SEED] [NAME...]``.

One run after the other, for each way to go on after a kill.  A number of processes have the processor; the one that works on it
is killed with SIGKILL at random points of the run, and another one is started for it.  The tape must have every value once and in
order, and the dead letters each value that was skipped.  The input is held back at each point until the kill was done, so that
each hits a body at work.  ``SERVER=valkey`` in the environment takes that server in place of Redis; with ``WORKERS=celery`` the
processes are those of the pool of a Celery worker, which replaces who is killed by itself.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "flow")]

from celery import Celery  # noqa: E402
from served import FUNCTIONS, RESUMES, make_services  # noqa: E402
from support.servers import celery_working, serving  # noqa: E402

from dug.flow import Flow  # noqa: E402
from dug.flow.services import declared  # noqa: E402
from dug.flow.services.celery import dispatch_to  # noqa: E402


@contextmanager
def serving_processors(url, namespace, loop, *names, folder):
    """Give a process that has these processors, and kill it at the end."""
    command = [sys.executable, str(FOLDER / "flow" / "served.py"), url, namespace, loop, *names]
    paths = os.pathsep.join([str(FOLDER.parent), str(FOLDER)])
    environment = {**os.environ, "PYTHONPATH": paths, "SERVED_LOG": str(folder / "total.log")}
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Crowd:
    """Some processes that have a processor; who is killed is replaced."""

    def __init__(self, url, namespace, loop, name, folder):
        self._command = url, namespace, loop, name
        self._folder = folder
        self._open, self._processes = {}, {}
        self.kills = 0

    def start(self):
        """Start one more."""
        service = serving_processors(*self._command, folder=self._folder)
        process = service.__enter__()
        self._processes[process.pid], self._open[process.pid] = process, service

    def has(self, pid):
        """Whether a process is one of these."""
        return pid in self._processes

    def kill(self, pid):
        """Kill one, and start another."""
        os.kill(pid, signal.SIGKILL)
        self._open.pop(pid).__exit__(None, None, None)
        del self._processes[pid]
        self.kills += 1
        self.start()

    def check(self):
        """Fail if one ended by itself."""
        for process in self._processes.values():
            assert process.poll() is None, (self._folder / "service.log").read_text()

    def stop(self):
        """Kill all."""
        while self._open:
            self._open.popitem()[1].__exit__(None, None, None)


class Pool:
    """The processes of the pool of a Celery worker, which have all processors."""

    def __init__(self, url, folder):
        self._folder = folder
        options = "--pool", "prefork", "--concurrency", "2"
        self._open = celery_working("served_by_celery", url, folder, *options)
        self._worker = self._open.__enter__()
        self._killed = {None, self._worker.pid}
        self.kills = 0

    def has(self, pid):
        """Whether a process is one of these."""
        return pid not in self._killed

    def kill(self, pid):
        """Kill one; the worker starts another."""
        os.kill(pid, signal.SIGKILL)
        self._killed.add(pid)
        self.kills += 1

    def check(self):
        """Fail if the worker ended by itself."""
        assert self._worker.poll() is None, (self._folder / "worker.log").read_text()

    def stop(self):
        """Kill all."""
        self._open.__exit__(None, None, None)


async def run_with_kills(url, namespace, loop, name, folder, *, kills, values, rng, on_celery=False):
    """Return what is on the tape of a processor that was killed so many times, what it skipped, and how many kills there were."""
    if on_celery:
        services, crowd = make_services(url, "celery", dispatch=dispatch_to(Celery("starter", broker=url))), Pool(url, folder)
    else:
        services, crowd = make_services(url, namespace), Crowd(url, namespace, loop, name, folder)
        for _ in range(2):
            crowd.start()
    given = iter(sorted(rng.sample(range(values), kills)))
    next_point = [next(given)]

    async def numbers():
        for number in range(values):
            yield number
            while next_point[0] is not None and number >= next_point[0]:
                await kill_owner(run, name, crowd)
                next_point[0] = next(given, None)

    flow = Flow(declared(name, "numbers"), name="killed")
    try:
        async with await flow.start({"numbers": numbers}, on=services) as run, run[name].open() as reader:
            found = [value async for value in reader]
            letters = await anyio.to_thread.run_sync(services.dead_letters, run.id)
            skipped = [(letter.number, letter.value) for letter in letters]
    finally:
        crowd.stop()
        services.close()
    return found, skipped, crowd.kills


async def kill_owner(run, name, crowd):
    """Kill the process that works on a step, once there is one."""
    while True:
        owner = (await run.state()).find(name).owner
        pid = None if owner is None else int(owner.split(":")[-2])
        if crowd.has(pid):
            crowd.kill(pid)
            return
        crowd.check()
        await anyio.sleep(0.01)


async def list_expected(name, values):
    """Return what a processor gives when nobody kills it."""

    async def numbers():
        for number in range(values):
            yield number

    if name == "fussy":  # which fails
        return [number for number in range(values) for _ in range(1 if number % 10 == 7 else 2)]
    return [value async for value in FUNCTIONS[name](numbers())]


def list_skipped(name, values):
    """Return the letters of a processor that nobody kills: the number of each value, and the value."""
    return [(number, number) for number in range(values) if name == "fussy" and number % 10 == 7]


SIDES = [("squared", "asyncio"), ("picked", "trio"), ("summed", "asyncio"), ("fussy", "trio")]


def main(kills=20, values=5_000, seed=None, *, names=()):
    """Kill those of these names, or all, and say what was found."""
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f"seed {seed}")
    wrong, on_celery = 0, os.environ.get("WORKERS") == "celery"
    with tempfile.TemporaryDirectory() as made, serving(os.environ.get("SERVER", "redis"), Path(made)) as server:
        for number, (name, loop) in enumerate(SIDES):
            if names and name not in names:
                continue
            options = {"kills": kills, "values": values, "rng": random.Random(seed + number), "on_celery": on_celery}
            call = partial(run_with_kills, server.url, name, loop, name, Path(made), **options)
            found, skipped, done = anyio.run(call, backend=loop)
            is_right = (found, skipped) == (anyio.run(list_expected, name, values), list_skipped(name, values))
            wrong += not is_right
            how = RESUMES.get(name, "start")
            where = f"{loop}, Celery" if on_celery else loop
            print(f"{name} (resume={how!r}, {where}): {done} kills, {len(found):,} values, {'right' if is_right else 'WRONG'}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4]), names=sys.argv[4:]))
