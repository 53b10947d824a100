"""What a store does with functions whose globals change while the process runs."""

from __future__ import annotations

import sys

import pytest

import dug

RATES = [1.0]
RATE = 1.0
SEEN: list[int] = []


@dug.memoize
def rated(x):
    """Return something of a global list."""
    return x * RATES[0]


@dug.memoize
def flat(x):
    """Return something of a global number."""
    return x * RATE


@dug.memoize
def counting(x):
    """Return how many numbers were seen before, and see one more."""
    SEEN.append(x)
    return len(SEEN)


@pytest.fixture(autouse=True)
def _globals():
    """Have the globals as they were before and after each test."""
    yield
    RATES[:] = [1.0]
    SEEN.clear()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_global_list_that_changes_is_seen(begin):
    """While a list that a function reads is not what it was, nothing is served that was computed with the old one."""
    with begin():
        assert rated(2) == 2.0
    RATES[0] = 3.0
    with begin():
        assert rated(2) == 6.0
        RATES[0] = 5.0
        assert rated(3) == 15.0
        assert rated(4) == 20.0
    RATES[0] = 1.0
    with begin():
        assert rated(2) == 2.0
        assert rated(3) == 3.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_list_that_a_function_grows_is_told(begin):
    """A function that changes what it reads is not kept, and the store says why."""
    with begin() as log:
        assert counting(1) == 1
        assert counting(2) == 2
        log.store.flush()
        assert list(log.store.backend.list_rows()) == []
        assert "changed" in log.store.refused[f"{__name__}:counting"]
    SEEN.clear()
    with begin() as log:
        assert counting(2) == 1


def test_a_global_that_is_bound_again_is_seen(begin, monkeypatch):
    """A global that leads to another value is noticed before the next look, without a redefinition."""
    module = sys.modules[__name__]
    with begin():
        assert flat(2) == 2.0
        monkeypatch.setattr(module, "RATE", 3.0)
        assert flat(3) == 9.0
    with begin() as log:
        assert flat(2) == 6.0
        assert len(log.computed) == 1
    monkeypatch.setattr(module, "RATE", 1.0)
    with begin() as log:
        assert flat(2) == 2.0
        assert flat(3) == 3.0
    assert [node.args for node in log.computed] == [(3,)]
