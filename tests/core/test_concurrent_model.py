"""Scripts run by many workers at once agree with each alone, and nothing is run twice (P7)."""

from __future__ import annotations

from collections import Counter
from itertools import cycle
from typing import Any, ClassVar

import anyio
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.concurrent_changes import WorkersUnderChange, shared_changes
from support.concurrent_program import (
    AsyncConcurrentProgram,
    ConcurrentProgram,
    Workers,
    check_answers,
    count_doubles,
    run_threads,
    scripts,
    switching_often,
)
from support.flights import Flights
from support.oracle import Oracle
from support.programs import FUNCTIONS
from support.strategies import outsides, programs, tweaks

import dug._functions.loops._asyncio
import dug._functions.loops._trio  # noqa: F401  both here: pytest parses what it imports, which CPython 3.11 cannot do in two threads

PORTIONS = {"long": 3, "mutants": 0.25}


def portion(examples: int) -> settings:
    """As many examples as the profile asks for."""
    wanted = settings().max_examples / 100 * PORTIONS.get(settings.get_current_profile_name(), 1)
    phases = [Phase.explicit, Phase.generate]  # a failure that depends on timing cannot be shrunk by trying again
    return settings(max_examples=max(1, int(examples * wanted)), phases=phases)


class Figures:
    """The proved facts, for the summary."""

    counts: ClassVar[Counter[str]] = Counter()


def check(on_dug: ConcurrentProgram, flights: Flights, program: Any, outside: Any) -> None:
    """Compare the answers with the oracle, now that all is quiet."""
    oracle = Oracle(program, outside)
    Figures.counts["calls"] += check_answers(on_dug, oracle)
    Figures.counts.update(count_doubles(on_dug, oracle, flights))


worlds = {
    "program": programs,
    "outside": outsides,
    "first": tweaks(FUNCTIONS),
    "kept": st.lists(tweaks(FUNCTIONS), max_size=3),
}


@pytest.mark.slow
@portion(60)
@given(**worlds, played=st.lists(scripts, min_size=2, max_size=8), seed=st.none() | st.integers(0, 2**32))
def test_threads_are_told_what_the_oracle_says(  # noqa: PLR0917  what Hypothesis draws
    program: Any, outside: Any, first: Any, kept: Any, played: Any, seed: Any
) -> None:
    """Threads that share one context get the oracle's answers, and run each node once for each combination of tweaks."""
    on_dug = ConcurrentProgram(program, outside)
    workers, flights = Workers(on_dug, first, kept), Flights(on_dug.clock)
    with switching_often(seed), flights.noted(workers.contexts[0][0]):
        run_threads([lambda script=script: workers.play(script) for script in played])

    check(on_dug, flights, program, outside)


async def play_all(workers: Workers, played: Any) -> None:
    """Play scripts, each in a task of its own."""
    async with anyio.create_task_group() as group:
        for script in played:
            group.start_soon(workers.play_async, script)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_are_told_what_the_oracle_says(backend: str) -> None:
    """So do tasks, of which there may be a hundred."""

    @portion(60)
    @given(**worlds, played=st.lists(scripts, min_size=2, max_size=8), times=st.sampled_from([1, 1, 1, 2, 12]))
    def play(program: Any, outside: Any, first: Any, kept: Any, played: Any, times: int) -> None:  # noqa: PLR0917  as above
        on_dug = AsyncConcurrentProgram(program, outside)
        workers, flights = Workers(on_dug, first, kept), Flights(on_dug.clock)
        with flights.noted(workers.contexts[0][0]):
            anyio.run(play_all, workers, played * times, backend=backend)

        check(on_dug, flights, program, outside)

    play()


@pytest.mark.slow
@portion(40)
@given(**worlds, played=st.lists(st.lists(scripts, min_size=1, max_size=4), min_size=2, max_size=4))
def test_tasks_of_several_loops_are_told_what_the_oracle_says(
    program: Any, outside: Any, first: Any, kept: Any, played: Any
) -> None:
    """So do tasks on loops in several threads, asyncio beside trio, that wait for each other's runs."""
    on_dug = AsyncConcurrentProgram(program, outside)
    workers, flights = Workers(on_dug, first, kept), Flights(on_dug.clock)
    with switching_often(), flights.noted(workers.contexts[0][0]):
        run_threads(
            [
                lambda portion=portion, backend=backend: anyio.run(play_all, workers, portion, backend=backend)
                for portion, backend in zip(played, cycle(["asyncio", "trio"]), strict=False)
            ]
        )

    check(on_dug, flights, program, outside)


@pytest.mark.slow
@portion(60)
@given(
    **worlds,
    played=st.lists(scripts, min_size=1, max_size=4),
    changes=st.lists(shared_changes, min_size=1, max_size=8),
    seed=st.none() | st.integers(0, 2**32),
)
def test_what_is_told_while_others_change_things_was_so_at_that_time(  # noqa: PLR0917  what Hypothesis draws
    program: Any, outside: Any, first: Any, kept: Any, played: Any, changes: Any, seed: Any
) -> None:
    """An answer is that of a scenario in force during the call; when all is quiet, all are the oracle's."""
    on_dug = ConcurrentProgram(program, dict(outside))
    workers = WorkersUnderChange(on_dug, first, kept)
    with switching_often(seed):
        run_threads([*(lambda script=script: workers.play(script) for script in played), lambda: workers.change_all(changes)])

    workers.check_told()
    workers.check_in_quiet()
    Figures.counts["calls"] += len(workers.told)
    Figures.counts["changes"] += len(changes)
    workers.check_leaks()
