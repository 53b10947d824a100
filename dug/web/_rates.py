"""How fast counts grow: `Rates` compares them with what they were a few seconds before; `write_rate` says it."""

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from time import monotonic

_SPAN = 5.0
"""Over how many seconds, at most."""
_SHORTEST = 0.5
"""A look that is younger says nothing yet."""
_PAUSE = 0.2
"""How many seconds there are between two looks that are kept."""


class Rates:
    """Counts, as somebody looked at them within the last seconds; nothing is counted for it between two looks."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._looks: deque[tuple[float, Mapping[Hashable, int]]] = deque()

    def look(self, counts: Mapping[Hashable, int]) -> dict[Hashable, float]:
        """Returns by how much counts grow in a second; those are left out of which that is not known yet."""
        now, looks = self._clock(), self._looks
        while looks and now - looks[0][0] > _SPAN:
            looks.popleft()
        if not looks or now - looks[-1][0] >= _PAUSE:
            looks.append((now, dict(counts)))
        then, before = looks[0]
        if now - then < _SHORTEST:
            return {}
        return {key: (number - before[key]) / (now - then) for key, number in counts.items() if key in before}


def write_rate(rate: float | None) -> str:
    """Returns a rate as text; empty where it is not known."""
    if rate is None:
        return ""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
