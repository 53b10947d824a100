"""When messages go to a cluster of Dask, and with which others: on a client that notes what it is told, without a cluster."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from dug.executors.dask import DaskPool, answer_with


class Future:
    """A task of the cluster; it is done when somebody waits for it."""

    def __init__(self, told):
        self.told, self.is_done, self.error = told, False, None

    @property
    def status(self):
        """Return what has become of it."""
        return "pending" if not self.is_done else "finished" if self.error is None else "error"

    def done(self):
        """Return whether it is done."""
        return self.is_done

    def result(self, timeout=None):
        """Return what was asked."""
        if self.error is not None:
            raise self.error
        return self.told["scenarios"]

    def cancel(self):
        """Do nothing."""


class Client:
    """A client with two workers; `sent` has the scenarios of each group of messages, `data` the bases that went with them."""

    def __init__(self):
        self.sent, self.data, self.cluster, self.fetched = [], [], None, []

    def nthreads(self):
        """Return the threads of each worker."""
        return {"one": 1, "other": 1}

    def map(self, function, told, *, data, pure):
        """Note a group of messages."""
        assert (function, pure) == (answer_with, False)
        self.sent.append([one["scenarios"] for one in told])
        self.data.append(data)
        return list(map(Future, told))

    async def gather(self, futures, *, asynchronous):
        """Return the results of some tasks, or raise the error of one."""
        found = [future.result() for future in futures]
        self.fetched.append(found)
        return found

    def sync(self, function, *args, callback_timeout):
        """Return what comes of a coroutine function."""
        return asyncio.run(function(*args))

    def scatter(self, data, **_):
        """Return what stands for data on the workers."""
        return SimpleNamespace(status="finished", data=data)


def message(number, digest="base", **base):
    """Return a message."""
    return {"scenarios": number, "base": {"digest": digest, **base}}


@pytest.fixture
def client(monkeypatch):
    """A client of which each wait ends at once."""
    monkeypatch.setattr("dug.executors.dask._wait", lambda futures, **_: [setattr(one, "is_done", True) for one in futures])
    return Client()


@pytest.fixture
def pool(client):
    """The pool of the client."""
    return DaskPool(client)


def test_messages_go_together(pool, client):
    """Nothing is sent until somebody waits; then all, and from then on as many at a time as there are workers."""
    answers = [pool.submit(message(number)) for number in range(8)]
    assert client.sent == []
    for number in range(8, 14):
        assert answers.pop(0).result() == number - 8
        answers.append(pool.submit(message(number)))

    assert client.sent == [[*range(8)], [8, 9], [10, 11]]
    assert [answer.result() for answer in answers] == [*range(6, 14)]


def test_at_the_end_no_message_waits_for_others(pool, client):
    """When each worker has three messages ahead and no further ones come, the last goes, long before its turn."""
    answers = [pool.submit(message(number)) for number in range(8)]
    answers.pop(0).result()
    answers.append(pool.submit(message(8)))

    assert [answers.pop(0).result() for _ in range(2)] == [1, 2]
    assert client.sent == [[*range(8)], [8]]


def test_messages_with_another_base_go_apart(pool, client):
    """A group has one base, and carries its bytes once."""
    pool.submit(message(0, "old", bytes=b"old"))
    pool.submit(message(1, "new", bytes=b"new")).result()

    assert client.sent == [[0], [1]]
    assert [one.data for one in client.data] == [b"old", b"new"]


def test_a_message_that_is_cancelled_before_it_goes_never_does(pool, client):
    """What waits for others can be taken back."""
    first = pool.submit(message(0))
    first.cancel()
    pool.submit(message(1)).result()

    assert (client.sent, first.done()) == ([[1]], False)


def test_what_goes_alone_has_nothing_beside_it(pool, client):
    """A message that lost its worker goes when all that was sent is done, and leaves behind what waits."""
    before = [pool.submit(message(number)) for number in range(8)]
    before.pop(0).result()
    waiting = pool.submit(message(8))

    assert pool.submit_alone(message(9)).result() == 9
    assert client.sent == [[*range(8)], [9]]
    assert ({answer.done() for answer in before}, waiting.done()) == ({True}, False)
    assert waiting.result() == 8


def test_answers_that_are_there_are_fetched_together(pool, client):
    """With the answer that somebody waits for comes the next one that is there: as many as there are workers, the oldest."""
    answers = [pool.submit(message(number)) for number in range(8)]
    answers[0].result()
    for answer in answers[2:6]:
        answer.future.is_done = True

    assert [answers[number].result() for number in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert client.fetched == [[1, 2], [3, 4]]


def test_an_error_is_raised_for_the_answer_that_has_it(pool, client, monkeypatch):
    """Where the task of another answer is lost while both are fetched, this one is fetched by itself."""
    answers = [pool.submit(message(number)) for number in range(2)]
    pool.send_due(answers[0])
    answers[1].future.is_done = True
    monkeypatch.setattr(Future, "status", "finished")
    answers[1].future.error = ArithmeticError("lost")

    assert answers[0].result() == 0
    with pytest.raises(ArithmeticError, match="lost"):
        answers[1].result()
