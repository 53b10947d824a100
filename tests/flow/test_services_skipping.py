"""Processors of services that skip values which they cannot process, and the letters that say which."""

from __future__ import annotations

import pytest
from served import FUNCTIONS

from dug.codec import CodecError
from dug.flow import Flow
from dug.flow.services import ServicesError, TamperedError, declared


class Pickled:
    """What only a pickle can carry."""


def skip(services, fn, attempts=2):
    """Register a function that skips what it cannot process."""
    services.processor(fn, resume="value", on_error="skip", attempts=attempts)


async def read(run, name):
    """Return all values of an output."""
    async with run[name].open() as reader:
        return [value async for value in reader]


async def inverted(numbers):
    """Give each number and its inverse."""
    async for number in numbers:
        yield number
        yield 1 / number


def test_a_value_that_fails_is_skipped(make, run_here):
    """A value that failed as often as it may is a letter with its error, and those before and after it are there once."""

    async def main():
        services = make()
        skip(services, inverted)
        async with await Flow(inverted).start({"numbers": [1, 0, 2, 0]}, on=services) as run:
            found = await read(run, "inverted")
            return found, (await run.state()).state, services.dead_letters(run.id)

    found, state, letters = run_here(main)
    assert found == [1, 1.0, 0, 2, 0.5, 0]  # what it gave for a value before that failed stays
    assert state == "ended"
    assert [(one.step, one.number, one.value, one.attempts) for one in letters] == [("inverted", 1, 0, 2), ("inverted", 3, 0, 2)]
    assert isinstance(letters[0].error, ZeroDivisionError)
    assert "ZeroDivisionError: division by zero" in str(letters)


def test_a_value_that_succeeds_at_last_is_no_letter(make, run_here):
    """A value that fails at first, and not at its last attempt, is processed once."""
    tried = []

    async def moody(numbers):
        async for number in numbers:
            tried.append(number)
            if number == 2 and tried.count(2) < 3:
                raise OSError("not now")
            yield number

    async def main():
        services = make()
        skip(services, moody, attempts=3)
        async with await Flow(moody).start({"numbers": [1, 2, 3]}, on=services) as run:
            return await read(run, "moody"), len(services.dead_letters(run.id))

    assert run_here(main) == ([1, 2, 3], 0)
    assert tried == [1, 2, 2, 2, 3]


def test_an_error_of_the_input_is_not_skipped(make, run_here):
    """The error of another processor ends one that skips, too: no value of its own failed."""

    async def main():
        services = make()
        services.processor(failing := FUNCTIONS["inverted"], name="failing")
        skip(services, FUNCTIONS["halved"])
        flow = Flow()
        flow.add(failing, "failing")
        flow.add(FUNCTIONS["halved"], inputs={"squared": "failing"})
        async with await flow.start({"numbers": [1, 0]}, on=services) as run:
            with pytest.raises(ZeroDivisionError):
                await read(run, "halved")
            return len(services.dead_letters(run.id))

    assert run_here(main) == 0


def test_an_error_before_a_value_is_not_skipped(make, run_here):
    """A body that fails without having taken a value fails for good: it would fail for ever."""

    async def broken(numbers):
        raise OSError("no disk")
        yield numbers

    async def main():
        services = make()
        skip(services, broken)
        async with await Flow(broken).start({"numbers": [1]}, on=services) as run:
            with pytest.raises(OSError, match="no disk"):
                await read(run, "broken")

    run_here(main)


def test_a_letter_behind_which_is_no_checkpoint_is_forgotten(make, run_here):
    """Who takes a step over tries a value again whose letter was written, and the checkpoint behind it was not."""

    async def main():
        starter = make()
        async with await Flow(declared("inverted", "numbers")).start({"numbers": [1, 2]}, on=starter) as run:
            link = starter._link(run.id)
            starter._server.client.hset(link.names.letters("inverted"), 1, "left by a process that is gone")
            with pytest.raises(TamperedError):
                starter.dead_letters(run.id)
            other = make()
            skip(other, inverted)
            await other.perform("inverted", run.id)
            return await read(run, "inverted"), len(starter.dead_letters(run.id))

    assert run_here(main) == ([1, 1.0, 2, 0.5], 0)


def test_a_letter_is_shown_where_its_value_cannot_be_read(make, run_here):
    """A value without a codec here is said to be one, and does not hide the other letters."""

    async def main():
        services = make(allow_pickle=True)
        skip(services, picky)
        async with await Flow(picky).start({"values": [1, Pickled(), "text"]}, on=services) as run:
            found = await read(run, "picky")
            return found, services.dead_letters(run.id), make().dead_letters(run.id), services.count_dead_letters(run.id)

    async def picky(values):
        async for value in values:
            yield value + 1

    found, letters, elsewhere, count = run_here(main)
    assert (found, count) == ([2], 2)
    assert isinstance(letters[0].value, Pickled)
    with pytest.raises(CodecError):
        assert elsewhere[0].value is None
    assert "pickle" in elsewhere[0].shown
    assert "'text'" in str(elsewhere)


def test_what_cannot_skip_is_refused(make, server):
    """Skipping needs a processor that goes value by value, and a number of attempts."""
    services = make()
    with pytest.raises(ServicesError, match=r"Write services\.processor\(resume='value', on_error='skip'\)"):
        services.processor(inverted, on_error="skip")
    with pytest.raises(ServicesError, match="on_error must be 'fail' or 'skip', not 'ignore'"):
        services.processor(inverted, on_error="ignore")
    with pytest.raises(ServicesError, match="attempts must be a number, at least 1, not 0"):
        services.processor(inverted, resume="value", on_error="skip", attempts=0)
