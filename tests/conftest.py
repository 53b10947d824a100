"""Hypothesis profiles, how many steps the state machine took, and the small programs of many tests.

`pytest` uses the profile `default`, `pytest -m "not slow"` the one with a quarter of its examples, `mutants.py` its own;
`pytest --hypothesis-profile=long` searches longest.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from support.price_files import MISSING
from support.script import play_tasks
from support.sync_points import BACKENDS, run_on

import dug

settings.register_profile(
    "default",
    derandomize=True,  # the same examples each time: a build does not fail by chance, the long profile searches
    database=None,  # which would be random again
    deadline=None,  # the first call of a machine imports and compiles
    max_examples=100,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is not a reason to fail
)
settings.register_profile("quick", settings.get_profile("default"), max_examples=25)
settings.register_profile("long", settings.get_profile("default"), max_examples=1_000, derandomize=False)
settings.register_profile(
    "mutants",
    settings.get_profile("default"),
    max_examples=400,
    database=None,  # examples that one mutant found must not help with the next
    derandomize=True,
    phases=[Phase.generate],  # that there is a counterexample is enough, it need not be small
)
settings.load_profile("default")


def pytest_configure(config: pytest.Config) -> None:
    """Draw fewer examples where the slow tests are left out, unless a profile is asked for."""
    if config.option.markexpr == "not slow" and not config.getoption("--hypothesis-profile"):
        settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector, which many tests run: it looks through what they made."""
    set_aside()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Take out of it too what the tests of a file leave, when the last has ended: packages imported late, and reports."""
    result = yield
    if nextitem is not None and nextitem.path != item.path:
        set_aside()
    return result


def set_aside() -> None:
    """Free what can be freed, and let the garbage collector look no more through what stays."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """Say which of the two call paths is tested."""
    return f"dug: {'compiled' if dug.COMPILED else 'pure'} call path"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much the state machine proved."""
    model: Any = sys.modules.get("test_model")
    if model is not None and model.Model.steps:
        terminalreporter.write_line(f"state machine: {model.Model.steps:,} steps, {model.Model.calls:,} calls")
    many: Any = sys.modules.get("test_concurrent_model")
    if many is not None and many.Figures.counts:
        shown = ", ".join(f"{number:,} {what}" for what, number in many.Figures.counts.most_common())
        terminalreporter.write_line(f"many at once: {shown}")


@pytest.fixture(params=BACKENDS)
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a coroutine function on a loop, of each backend in turn."""
    return partial(run_on, request.param)


@pytest.fixture
def run_asyncio() -> Callable[..., Any]:
    """Run a coroutine function on asyncio, for features that only asyncio has."""
    return partial(run_on, "asyncio")


@pytest.fixture(params=BACKENDS)
def play(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Play a script of concurrent calls, see `support.script`, with tasks of a loop, of each backend in turn."""
    return partial(play_tasks, request.param)


@pytest.fixture
def missing() -> Iterator[set[str]]:
    """The names of the files that `support.price_files` does not find."""
    MISSING.clear()
    yield MISSING
    MISSING.clear()


@pytest.fixture
def p() -> SimpleNamespace:
    """A small program, new for each test: ``double`` reads ``x``, ``total`` reads ``double`` and ``y``."""

    @dug.memoize
    def x():
        return 1

    @dug.memoize
    def y():
        return 10

    @dug.memoize
    def z():
        return 100

    @dug.memoize
    def double():
        return 2 * x()

    @dug.memoize
    def total():
        return double() + y()

    return SimpleNamespace(x=x, y=y, z=z, double=double, total=total)


@pytest.fixture
def square() -> Any:
    """A memoised function of one argument."""

    @dug.memoize
    def square(n):
        return n * n

    return square
