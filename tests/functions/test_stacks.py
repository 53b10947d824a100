"""No stack is too small for a deep evaluation: it goes on elsewhere before a thread has none left (P8)."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import stacks
from support.sync_points import in_thread

import dug

KB = stacks.KB
WAYS = [kind for kind in stacks.KINDS if kind != "async"]
PROGRAM = Path(stacks.__file__)


@pytest.fixture
def _small():
    """Threads have a small stack unless they say otherwise."""
    before = threading.stack_size(128 * KB)
    yield
    threading.stack_size(before)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("kind", WAYS)
def test_a_small_stack_is_enough(kind):
    """Chains that would take many times the stack of a thread are computed there."""
    in_thread(lambda: stacks.compute(kind, 700))


@pytest.mark.usefixtures("_small")
def test_the_size_that_a_program_chose_stays_its_own():
    """Threads get the stack size of the program, after an evaluation that chose for itself; a larger choice is left alone."""
    in_thread(lambda: stacks.compute("function", 700))
    assert threading.stack_size(16 * KB * KB) == 128 * KB

    with dug.Context():
        assert stacks.chain(1_500) == 1_500
    assert threading.stack_size(0) == 16 * KB * KB


@pytest.mark.usefixtures("_small")
def test_a_shallow_call_stays_in_its_thread():
    """Nodes that are not deep run in the thread that asked, however small its stack is."""

    @dug.memoize
    def where(n):
        return threading.get_ident() if n == 0 else where(n - 1)

    def ask():
        with dug.Context():
            return where(2) == threading.get_ident()

    assert in_thread(ask)


@pytest.mark.parametrize("limit", [200, 400, 50_000])
def test_half_of_the_recursion_limit_is_left(limit):
    """Whatever the limit is, chains go on before it is met, and bodies have frames of their own below."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)  # of all threads
    try:

        def ask():
            with dug.Context():
                return stacks.chain(1_500)

        assert in_thread(ask) == 1_500
    finally:
        sys.setrecursionlimit(before)


def end_well(place, size, kind, depth):
    """Assert that a chain is computed in a process of its own, which ends as it should."""
    done = stacks.run(place, size, kind, depth)

    assert (done.stdout, done.returncode) == ("done\n", 0), (size, kind, done.stderr)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no ulimit")
@pytest.mark.parametrize("kind", stacks.KINDS)
def test_no_limit_of_the_main_thread_ends_it(kind):
    """Chains of 5,000 nodes end well under every ``ulimit -s`` under which the interpreter starts."""
    number = list(stacks.KINDS).index(kind)
    end_well("main", 128, kind, 5_000)
    end_well("main", stacks.LIMITS[1:][number % 4], kind, 5_000)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no ulimit")
@pytest.mark.parametrize("size", [192, 256])
def test_a_large_environment_counts(monkeypatch, size):
    """The environment lies on the stack of the main thread and takes from its limit."""
    for number in range(9):
        monkeypatch.setenv(f"LARGE_{number}", "x" * 8_000)
    for kind in ("function", "bumps", "c"):
        end_well("main", size, kind, 3_000)


@pytest.mark.slow
@pytest.mark.parametrize("kind", stacks.KINDS)
@pytest.mark.parametrize("place", stacks.PLACES)
def test_no_stack_size_of_a_thread_ends_it(place, kind):
    """Chains of 5,000 nodes end well in threads, pools and loops, in threads of every size: each kind meets three of them."""
    number = list(stacks.KINDS).index(kind) + stacks.PLACES.index(place)
    end_well(place, stacks.SIZES[number % 4], kind, 5_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "size", "kind", "depth"),
    [
        ("thread", 128, "function", 100_000),
        ("main", 256, "method", 100_000),
        ("thread", 128, "bumps", 30_000),
        ("main", 256, "keywords", 30_000),
        ("loop", 128, "async", 30_000),
    ],
)
def test_a_hundred_thousand_nodes_on_a_small_stack(place, size, kind, depth):
    """Chains of 100,000 nodes do, too; slow ones, of 30,000."""
    end_well(place, size, kind, depth)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_limit_that_is_lowered_while_the_program_runs_is_kept_to():
    """The main thread asks for its limit again when it comes further down than before."""
    code = (
        "import resource, stacks\n"
        "stacks.compute('function', 3)\n"
        "resource.setrlimit(resource.RLIMIT_STACK, (200 * 1024, resource.getrlimit(resource.RLIMIT_STACK)[1]))\n"
        "for kind in stacks.KINDS: stacks.compute(kind, 2000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROGRAM.parent, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
