"""What a sweep must do on whatever carries its scenarios to other processes: the same as in a loop."""

from __future__ import annotations

import traceback

from remote_book import anything, at_least, book, mood, risky, spot, trade

import dug

SCENARIOS = {
    "as it is": {},
    "one": {spot.node(3): 0.5},
    "all": {spot: dug.scale(2.0)},
    "bounded": {spot.node(1): dug.bump(at_least, 500.0)},
    "bad": {mood.node(): "value"},
    "untweaked": {spot.node(2): dug.UNTWEAKED},
    "given": {anything.node(): (1, [2.0, {"three": True}])},
    **{f"price {number}": {spot.node(number % 10): float(number)} for number in range(20)},
}
TARGETS = {"book": book.node(), "trade": trade.node(3), "risky": risky.node(), "anything": anything.node()}


LINE = 'raise ValueError("bad mood", 7)'
"""The user's line that raises."""


def read(sweep):
    """Return what the results of a sweep say, wherever they were computed: names, values, errors, and their lines."""
    said = []
    for result in sweep:
        errors = {label: (type(exc), exc.args, LINE in failure_text(exc)) for label, exc in result.errors.items()}
        said.append((result.name, dict(result.values), errors))
    return said


def failure_text(error):
    """Return the traceback of an error, and that of its cause: the user's line is in one of them."""
    return "".join(traceback.format_exception(error))


def sweep_in_a_loop():
    """Return what a loop says."""
    with dug.Context():
        return read(dug.sweep(TARGETS, SCENARIOS))
