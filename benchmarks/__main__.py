"""The command: ``python -m benchmarks [--only NAME ...] [--quick] [--json FILE] [--plot FILE] [--check]``.

It prints the report on standard output and its progress on standard error. A full run takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import attrs

from . import (
    _plot,
    _report,
    calls,
    concurrency,
    curves,
    factors,
    flows,
    memory,
    peers,
    projection,
    recompute,
    recordings,
    scale,
    services,
    stores,
    streams,
    ticks,
    web,
)
from ._harness import Case, Effort, measure

T = TypeVar("T")

GROUPS = (
    "calls", "concurrency", "recompute", "projection", "factors", "flows", "streams", "ticks", "recordings", "scale", "stores",
    "services", "web", "peers", "memory", "import", "curves",
)  # fmt: skip


@attrs.frozen
class Plan:
    """How much to measure: the sizes of each group, and how long each sample lasts."""

    effort: Effort
    keys: int
    concurrency: concurrency.Sizes
    recompute: recompute.Sizes
    projection: projection.Sizes
    factors: factors.Sizes
    flows: flows.Sizes
    streams: streams.Sizes
    ticks: ticks.Sizes
    recordings: recordings.Sizes
    scale: scale.Sizes
    stores: stores.Sizes
    services: services.Sizes
    web: web.Sizes
    curves: curves.Sizes
    nodes: int


FULL = Plan(
    effort=Effort(rounds=9, sample_s=0.1),
    keys=100_000,
    concurrency=concurrency.Sizes(),
    recompute=recompute.Sizes(),
    projection=projection.Sizes(),
    factors=factors.Sizes(),
    flows=flows.Sizes(),
    streams=streams.Sizes(),
    ticks=ticks.Sizes(),
    recordings=recordings.Sizes(),
    scale=scale.Sizes(),
    stores=stores.Sizes(),
    services=services.Sizes(),
    web=web.Sizes(),
    curves=curves.Sizes(),
    nodes=20_000,
)
QUICK = Plan(
    effort=Effort(rounds=5, sample_s=0.02),
    keys=100_000,
    concurrency=concurrency.Sizes(leaves=200, scenarios=20),
    recompute=recompute.Sizes(deep=20_000, side=100, leaves=200, wide=1_000, scenarios=100, outer=2),
    projection=projection.Sizes(policies=4, months=24),
    factors=factors.Sizes(dates=50),
    flows=flows.Sizes(chain=500, long=2_000),
    streams=streams.Sizes(values=5_000, marks=500, endless=100_000),
    ticks=ticks.Sizes(others=1_000, endless=5_000),
    recordings=recordings.Sizes(sources=100),
    scale=scale.Sizes(scenarios=500),
    stores=stores.Sizes(calls=200),
    services=services.Sizes(values=1_000),
    web=web.Sizes(hits=2_000_000, beside=1_000, nodes=10_000),
    curves=curves.Sizes(scenarios=(10, 100, 1_000), nodes=(100, 1_000, 10_000), probes=50),
    nodes=5_000,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what ``arguments`` ask for, print the report, and give the exit status.

    Returns:
        1 with ``--check`` when a bar is missed, else 0.
    """
    options = _parse(arguments)
    results = run(QUICK if options.quick else FULL, options.only)
    print("\n".join(_report.text(results)))
    if options.json:
        options.json.write_text(json.dumps(_report.as_json(results), indent=1) + "\n", encoding="utf-8")
    if options.plot:
        _plot.draw(results.curves, options.plot)
    return int(options.check and not all(bar.passed for bar in _report.bars(results)))


def run(plan: Plan, groups: Sequence[str] = GROUPS) -> _report.Results:
    """The results of the named groups."""
    return _report.Results(
        figures=tuple(figure for case in _cases(plan, groups) for figure in _noted(case.name, measure, case, plan.effort)),
        weights=tuple(_noted("bytes", memory.weights, plan.nodes)) if "memory" in groups else (),
        growths=(_noted("growth", streams.growth, plan.streams.endless),) if "streams" in groups else (),
        live_growths=(_noted("growth of ticks", ticks.growth, plan.ticks),) if "ticks" in groups else (),
        curves=tuple(_noted("curves", curves.curves, plan.curves)) if "curves" in groups else (),
        missing=(
            *(peers.find_missing() if {"peers", "ticks"} & set(groups) else ()),
            *(factors.find_missing() if "factors" in groups else ()),
            *(stores.find_missing() if "stores" in groups else ()),
            *(services.find_missing() if "services" in groups else ()),
            *(web.find_missing() if "web" in groups else ()),
        ),
    )


def _cases(plan: Plan, groups: Sequence[str]) -> Iterator[Case]:
    makers: dict[str, Callable[[], Iterable[Case]]] = {
        "calls": lambda: calls.cases(plan.keys),
        "concurrency": lambda: concurrency.cases(plan.concurrency),
        "recompute": lambda: recompute.cases(plan.recompute),
        "projection": lambda: projection.cases(plan.projection),
        "factors": lambda: factors.cases(plan.factors),
        "flows": lambda: flows.cases(plan.flows),
        "streams": lambda: streams.cases(plan.streams),
        "ticks": lambda: ticks.cases(plan.ticks),
        "recordings": lambda: recordings.cases(plan.recordings),
        "scale": lambda: scale.cases(plan.scale),
        "stores": lambda: stores.cases(plan.stores),
        "services": lambda: services.cases(plan.services),
        "web": lambda: web.cases(plan.web),
        "peers": lambda: peers.cases(plan.recompute),
        "memory": lambda: [memory.one_leaf(5 * plan.nodes)],
        "import": lambda: [memory.import_time()],
    }
    for group, make in makers.items():
        if group in groups:
            yield from make()


def _noted(name: str, fn: Callable[..., T], *arguments: object) -> T:
    print(f"measuring: {name}", file=sys.stderr, flush=True)
    return fn(*arguments)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; what cannot be drawn is refused before anything is measured."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.plot and "curves" not in options.only:
        parser.error("--plot draws the curves. Add curves to --only, or leave --only out")
    return options


def _picture(text: str) -> pathlib.Path:
    try:
        return _plot.check(text)
    except (ImportError, ValueError) as exc:
        raise argparse.ArgumentTypeError(f"{exc}") from exc


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast dug is, in ratios.")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, not how fast it is")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--plot", type=_picture, metavar="FILE", help="draw the curves to FILE, .svg or .png (needs matplotlib)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
