"""A picture of the curves: what a scenario costs against the number of scenarios, and against the size of the graph.

It only draws. matplotlib is imported when a picture is asked for, and no window is opened.
"""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Sequence
from typing import Any

from .curves import Curve

SUFFIXES = (".png", ".svg")
TITLES = {"scenarios": "number of scenarios", "nodes": "nodes in the graph"}


def check(text: str) -> pathlib.Path:
    """The path of a picture that can be drawn.

    Raises:
        ValueError: The name does not end in one of `SUFFIXES`.
        ImportError: matplotlib is not installed.
    """
    path = pathlib.Path(text)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{text!r} does not end in {' or '.join(SUFFIXES)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError('a picture needs matplotlib. Type: pip install "dug[benchmarks]"')
    return path


def draw(curves: Sequence[Curve], path: pathlib.Path) -> None:
    """Write the curves to a file, side by side by what they run against; its suffix says in which format."""
    from matplotlib.figure import Figure  # an optional package

    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(TITLES), sharey=True)
    for panel, axis in zip(panels, TITLES, strict=True):
        _fill(panel, axis, [curve for curve in curves if curve.axis == axis])
    panels[0].set_ylabel("CPU time of a scenario, us")
    panels[0].set_ylim(bottom=0)  # or a curve that is nearly flat looks steep
    figure.savefig(path)


def _fill(panel: Any, axis: str, curves: Sequence[Curve]) -> None:
    for curve in curves:
        sizes = [point.size for point in curve.points]
        panel.plot(sizes, [1e6 * point.median for point in curve.points], marker="o", label=curve.name)
    panel.set_xscale("log")
    panel.set_xlabel(TITLES[axis])
    panel.legend()
