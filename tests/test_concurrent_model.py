"""Scripts played by many at once give what they give alone, and nothing is run twice (P7)."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from crowd import Crowd, Flights, Party, check_answers, count_doubles, run_threads, scripts, switching_often
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracle import Oracle
from programs import FUNCTIONS
from strategies import outsides, programs, tweaks

PORTIONS = {"long": 3, "mutants": 0.25}


def portion(examples: int) -> settings:
    """As many examples as the profile asks for."""
    wanted = settings().max_examples / 100 * PORTIONS.get(settings.get_current_profile_name(), 1)
    phases = [Phase.explicit, Phase.generate]  # what depends on who comes first cannot be made smaller by trying again
    return settings(max_examples=max(1, int(examples * wanted)), phases=phases)


class Figures:
    """What was proved, for the summary."""

    counts: ClassVar[Counter[str]] = Counter()


@portion(100)
@given(
    program=programs,
    outside=outsides,
    first=tweaks(FUNCTIONS),
    kept=st.lists(tweaks(FUNCTIONS), max_size=3),
    played=st.lists(scripts, min_size=2, max_size=8),
    seed=st.none() | st.integers(0, 2**32),
)
def test_threads_are_told_what_the_oracle_says(  # noqa: PLR0917  as Hypothesis names them
    program: Any, outside: Any, first: Any, kept: Any, played: Any, seed: Any
) -> None:
    """Threads that share one context get the oracle's answers, and run each node once for each combination of tweaks."""
    crowd = Crowd(program, outside)
    party = Party(crowd, first, kept)
    flights = Flights(crowd.clock)
    with switching_often(seed), flights.noted():
        run_threads([lambda script=script: party.play(script) for script in played])

    oracle = Oracle(program, outside)
    Figures.counts["calls"] += check_answers(crowd, oracle)
    Figures.counts += count_doubles(crowd, oracle, flights)
