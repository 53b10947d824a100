"""``examples/fan_out.py`` asks who can be reached by a change, in an order in which nobody waits without need."""

import importlib.util
import pathlib
import re

import anyio
import pytest

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "fan_out.py"
NEEDS = {
    "session": [],
    "customer": ["session"],
    "cart": ["session"],
    "stock": ["cart"],
    "prices": ["cart"],
    "rate": [],
    "taxes": ["customer"],
    "discounts": ["customer", "cart"],
    "shipping": ["customer", "stock"],
    "advice": ["customer"],
}


@pytest.fixture
def example(monkeypatch):
    """The example as a module of its own, with services that answer at once, and what it asked for each question."""
    spec = importlib.util.spec_from_file_location("fan_out", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.asked = []
    draw = module.draw
    module.draw = lambda *known: module.asked.append(list(module.timeline)) or draw(*known)
    monkeypatch.setattr(module, "LATENCY_S", {service: seconds / 20 for service, seconds in module.LATENCY_S.items()})
    return module


def names(asked):
    """The services of one timeline, sorted."""
    return sorted(service for service, _, _ in asked)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_each_question_asks_whom_a_change_can_reach(example, backend):
    """All ten once for the page; then who reads the stock; then who reads the cart; then the rate alone."""
    anyio.run(example.main, backend=backend)

    assert list(map(names, example.asked)) == [
        sorted(NEEDS),
        ["shipping"],
        ["cart", "discounts", "prices", "shipping", "stock"],
        ["rate"],
    ]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_service_is_asked_when_all_that_it_needs_has_answered(example, backend):
    """No service is asked before the ones that it needs have answered."""
    anyio.run(example.main, backend=backend)

    for asked in example.asked:
        ended = {service: end for service, _, end in asked}
        too_early = [service for service, start, _ in asked if any(start < ended.get(need, start) for need in NEEDS[service])]
        assert too_early == []


def test_each_question_takes_as_long_as_its_critical_path(example, capsys):
    """By a clock that only sleeping moves, each total is that of the longest chain of services asked."""
    trio_testing = pytest.importorskip("trio.testing")
    clock = trio_testing.MockClock(autojump_threshold=0)
    anyio.run(example.main, backend="trio", backend_options={"clock": clock})

    assert list(map(int, re.findall(r"\(([+-]\d+) %\)", capsys.readouterr().out))) == [0] * 4
