"""Plays random programs with a store, half of them on each build, and compares each answer with one that remembers nothing.

Run it with ``python tests/kept_programs.py --programs 10000 --seed 1``.  Most programs are those of support/kept_programs.py,
beside the oracle; one in twenty is one of streams, of support/kept_stream_programs.py, beside plain Python.  The builds take
turns, each time in a new process.  It ends at the first process in which an answer is wrong, a stream ran that had no need to, or
something broke, and prints the seeds: ``--first 10000123 --programs 1 --build pure`` plays one again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.extend([str(Path(__file__).parent), str(Path(__file__).resolve().parent.parent)])

import anyio
from attrs import asdict
from support.kept_programs import play
from support.kept_report import Report, play_many
from support.kept_stream_programs import Play

import dug

A_SEED = 10_000_000
"""How far apart the programs of two seeds begin."""
AT_ONCE = 250
"""How many programs a process plays."""
STREAMS = 20
"""One in so many programs is one of streams."""
IN_MEMORY = Path("/dev/shm")
"""Stores lie here where there is such a file system: on a disk a program waits as long again for what is written."""
BUILDS = {"compiled": "", "pure": "1"}
"""By its name: what DUG_NO_EXTENSIONS says for a build."""


def play_one(seed: int, folder: Path, report: Report) -> None:
    """Play one program."""
    if seed % STREAMS == 0:
        anyio.run(Play(seed, folder, report).main)
    else:
        play(seed, folder, report)


def play_here(first: int, count: int) -> Report:
    """Play some programs on the build of this process."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        return play_many(play_one, first, count, Path(folder))


def play_apart(build: str, first: int, count: int) -> Report:
    """Play some programs on a build, in a new process.

    Raises:
        RuntimeError: the process broke, or is of the other build.
    """
    command = [sys.executable, __file__, "--here", "--first", str(first), "--programs", str(count)]
    child = subprocess.run(
        command, env={**os.environ, "DUG_NO_EXTENSIONS": BUILDS[build]}, capture_output=True, text=True, check=False
    )
    if child.returncode:
        raise RuntimeError(f"the programs {first} to {first + count - 1} on the {build} build: {child.stderr.strip()}")
    is_compiled, told = json.loads(child.stdout)
    if is_compiled != (build == "compiled"):
        raise RuntimeError(f"there is no {build} build here")
    return Report(**told)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, help="the number of the first program, in place of a seed")
    parser.add_argument("--build", choices=BUILDS, help="one build; both take turns without it")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # what a process of `play_apart` is told
    options = parser.parse_args(arguments)
    first = options.seed * A_SEED if options.first is None else options.first
    if options.here:
        print(json.dumps([dug.COMPILED, asdict(play_here(first, options.programs))]))
        return 0
    return compare(first, options.programs, [options.build] if options.build else list(BUILDS))


def compare(first: int, programs: int, builds: list[str]) -> int:
    """Play programs on builds that take turns, and say after each turn how far they are; return the exit code."""
    began, played, asked, hits = time.perf_counter(), dict.fromkeys(builds, 0), 0, 0
    at_once = min(AT_ONCE, -(-programs // len(builds)))
    for turn, start in enumerate(range(first, first + programs, at_once)):
        build, count = builds[turn % len(builds)], min(at_once, first + programs - start)
        try:
            report = play_apart(build, start, count)
        except RuntimeError as exc:
            print(exc)
            return 2
        played[build] += count
        asked, hits = asked + report.asked, hits + report.hits
        if report.wrong or report.needless:
            print(f"on the {build} build:", *report.wrong, *report.needless, sep="\n")
            return 1
        each = ", ".join(f"{number:,} on the {name} build" for name, number in played.items())
        said = f"{asked:,} answers, {hits:,} runs taken from a store, none wrong, {time.perf_counter() - began:.0f} s"
        print(f"{each}: {said}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
