"""The processors of the tests of services, and a service that has them: ``python served.py URL NAMESPACE LOOP PROCESSOR...``.

What a test wants to know of a body is written into a file, where the environment names one.
"""

from __future__ import annotations

import os
import sys

import anyio

from dug.flow import Output
from dug.flow.services import Services, checkpoint, last_checkpoint

KEY = b"a key that only the tests have"
LEASE_S = 0.5
"""How long a service that is gone has its claims."""


async def squared(numbers):
    """Give the square of each number."""
    async for number in numbers:
        yield number * number


async def parted(numbers):
    """Give even numbers and odd ones apart."""
    async for number in numbers:
        yield Output("odd" if number % 2 else "even", number)


async def picked(numbers):
    """Give some numbers once, some twice, some not at all."""
    async for number in numbers:
        for _ in range(number % 3):
            yield number


async def summed(numbers):
    """Give the sums of all numbers so far, and note the sum now and then."""
    total = last_checkpoint(0)
    async for number in numbers:
        total += number
        yield total
        if number % 7 == 0:
            checkpoint(total)


async def halved(squared):
    """Give the halves of squares."""
    async for number in squared:
        yield number / 2


def note_begun():
    """Note that a body began in this process, where the environment names a file for that."""
    if "SERVED_LOG" in os.environ:
        log = os.open(os.environ["SERVED_LOG"], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.write(log, f"{os.getpid()}\n".encode())
        os.close(log)


async def total(halved):
    """Give the sum of all, once they have ended, and note that this began."""
    note_begun()
    return sum([number async for number in halved])


async def joined(squared, inverted):
    """Give the sum of all values of two streams, and note that this began."""
    note_begun()
    return sum(await squared.list()) + sum(await inverted.list())


async def placed(numbers):
    """Give for each number the process in which that is done."""
    async for _ in numbers:
        yield os.getpid()


async def inverted(numbers):
    """Give the inverse of each number; there is none of zero."""
    async for number in numbers:
        yield 1 / number


async def fussy(numbers):
    """Give each number twice, and fail between the two at each one that ends in 7."""
    async for number in numbers:
        yield number
        if number % 10 == 7:
            raise ValueError(number)
        yield number


RESUMES = {"picked": "value", "summed": "checkpoint", "fussy": "value"}
FUNCTIONS = {fn.__name__: fn for fn in (squared, parted, picked, summed, halved, total, joined, placed, inverted, fussy)}


def make_services(url, namespace, names=(), **options):
    """Return services with these processors."""
    services = Services(url, **{"namespace": namespace, "key": KEY, "lease_seconds": LEASE_S, **options})
    for name in names:
        on_error = "skip" if name == "fussy" else "fail"
        services.processor(FUNCTIONS[name], resume=RESUMES.get(name, "start"), on_error=on_error, attempts=2)
    return services


async def wait_until(is_true):
    """Return once a condition holds, which other threads and processes make true, and of which nobody tells."""
    with anyio.fail_after(30):
        while not is_true():  # noqa: ASYNC110
            await anyio.sleep(0.005)


if __name__ == "__main__":
    made = make_services(sys.argv[1], sys.argv[2], sys.argv[4:])
    anyio.run(made.serve, backend=sys.argv[3])
