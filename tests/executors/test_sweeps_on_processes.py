"""A sweep on real worker processes gives what a loop gives."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

import pytest
import remote_book
from remote_book import Opaque, anything, at_least, book, mood, risky, spot, trade

import dug
from dug import TweakError, WorkerLostError
from dug._batch.call_site import check_executor
from dug.errors import ContextError
from dug.executors.processes import Processes
from dug.scenarios import ladder

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of newer Pythons, in a process with threads

SCENARIOS = {
    "as it is": {},
    "one spot": {spot.node(3): 0.5},
    "all spots": {spot: dug.scale(2.0)},
    "floor": {spot.node(1): dug.bump(at_least, 500.0)},
    "value error": {mood.node(): "value"},
    "odd error": {mood.node(): "odd"},
    "layers": dug.Scenario({spot: dug.scale(2.0)}) | {spot.node(2): dug.shift(1.0)},
    "untweaked": {spot: dug.UNTWEAKED},
    "opaque": {mood.node(): "opaque"},
}


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """The file to which all bodies write, in all processes."""
    path = tmp_path_factory.mktemp("counts") / "counts"
    os.environ[remote_book.COUNTS] = str(path)
    yield path
    del os.environ[remote_book.COUNTS]


@pytest.fixture(scope="module")
def spawned(counts):
    """Our pool, of fresh processes."""
    with Processes(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def forked(counts):
    """Our pool, of copies of this process."""
    with Processes(2, start="fork") as pool:
        yield pool


@pytest.fixture(scope="module")
def standard(counts):
    """The pool of the standard library."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=["spawned", "forked", "standard"])
def pool(request):
    """A pool of processes of each kind."""
    return request.getfixturevalue(request.param)


def describe(result):
    """Return all of a result that does not depend on where it was computed."""
    errors = {
        str(label): (type(error).__name__, str(error).removeprefix(f"{type(error).__name__}: "))
        for label, error in result.errors.items()
    }
    if any(name == "RecordedError" for name, _ in errors.values()):
        errors = {label: tuple(text.split(": ", 1)) for label, (_, text) in errors.items()}
    return result.name, result.scenario, dict(result.values), errors


@pytest.mark.slow
def test_each_executor_gives_the_same(pool):
    """Names, scenarios, values and errors, in their order, are those of a loop and of threads."""
    with dug.Context(), ThreadPoolExecutor(2) as threads:
        sweeps = [dug.sweep([book.node(), risky.node()], SCENARIOS, executor=one) for one in (None, threads, pool)]
        alone, threaded, remote = ([describe(result) for result in sweep] for sweep in sweeps)

    assert alone == threaded == remote
    assert {result.worker is None for result in sweeps[2]} == {False}


@pytest.mark.slow
def test_an_error_has_the_users_line(spawned):
    """The error is of the user's class with its arguments, and its traceback and cause show the line that raised it."""
    with dug.Context():
        (result,) = dug.sweep(risky.node(), [{mood.node(): "value"}], executor=spawned)

    with pytest.raises(ValueError, match="bad mood") as caught:
        _ = result.value
    assert caught.value.args == ("bad mood", 7)
    assert 'raise ValueError("bad mood", 7)' in str(caught.value.__cause__)


@pytest.mark.slow
def test_the_base_runs_once_in_all_processes(spawned, counts):
    """However many scenarios and workers there are, the bodies that no scenario changes run once, and the others once each."""
    scenarios = [{spot.node(number % 10): 200.0 + number} for number in range(30)]
    counts.write_text("")
    with dug.Context():
        results = list(dug.sweep(book.node(), scenarios, executor=spawned, batch=3))
    ran = counts.read_text().split()

    assert (ran.count("spot"), ran.count("trade"), ran.count("book")) == (10, 10 + 30, 1 + 30)
    assert sum(result.recomputed for result in results) == 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spawned", "forked"])
def test_the_scenario_that_kills_its_worker_is_lost_alone(request, kind):
    """One WorkerLostError that names the scenario, after three attempts; all others are right, also those of its batch."""
    scenarios = {f"s{number}": {spot.node(0): float(number)} for number in range(12)}
    scenarios["s5"] = {mood.node(): "die"}
    with dug.Context():
        sweep = dug.sweep([book.node(), risky.node()], scenarios, executor=request.getfixturevalue(kind), batch=4)
        results = {result.name: result for result in sweep}
        del scenarios["s5"]
        expected = dug.sweep([book.node(), risky.node()], scenarios).to_dict()

    lost = results.pop("s5")
    assert {name: result.value for name, result in results.items()} == expected
    assert (type(lost.error), lost.attempts, lost.error.attempts) == (WorkerLostError, 3, 3)
    assert "'s5' lost all 3 of its workers" in str(lost.error)
    assert "SIGKILL" in str(lost.error)
    assert [results[f"s{number}"].attempts for number in (3, 4, 6, 7, 8)] == [1, 2, 2, 2, 1]
    assert {name: scenario.tweaks for name, scenario in sweep.failed().items()} == {"s5": {mood.node(): "die"}}


class StuckClock:
    """A clock that goes on while a process is stuck, and stands at all other times: a slow machine is no slow scenario."""

    def __init__(self, path):
        self.path, self.now = path, 0.0

    def __call__(self):
        stuck = self.path.read_text() if self.path.exists() else ""
        if stuck:
            with suppress(ProcessLookupError):
                os.kill(int(stuck), 0)
                self.now += 1_000.0
        return self.now


@pytest.mark.slow
def test_the_scenario_that_takes_too_long_is_given_up_alone(tmp_path, monkeypatch):
    """One TimeoutError for each that is stuck, its worker is killed and replaced, and all others are right."""
    monkeypatch.setenv(remote_book.STUCK, str(tmp_path / "stuck"))
    scenarios = {f"s{number}": {mood.node(): "stick" if number in {1, 2} else f"mood {number}"} for number in range(5)}
    pool = Processes(1)
    pool._clock = clock = StuckClock(tmp_path / "stuck")
    with dug.Context(), pool:
        results = dict(dug.sweep(risky.node(), scenarios, executor=pool, batch=5, timeout=0.02).to_dict())
        stuck = {name: results.pop(name) for name in ("s1", "s2")}
        with pytest.raises(ProcessLookupError):
            os.kill(int(clock.path.read_text()), 0)

    assert results == {f"s{number}": f"mood {number}" for number in (0, 3, 4)}
    for name, error in stuck.items():
        assert type(error) is TimeoutError
        assert f"'{name}' was given up. It took longer than 0.02 seconds, and worker process" in str(error)


def test_a_timeout_is_refused_where_no_worker_can_be_killed():
    """A pool of the standard library, threads and wrong seconds: the error says why, and what to type."""
    with dug.Context(), ProcessPoolExecutor(1) as standard, ThreadPoolExecutor(1) as threads, Processes(1) as pool:
        for executor, seconds, error, said in [
            (standard, 5, TypeError, r"a ProcessPoolExecutor breaks as a whole.*Use dug\.executors\.processes\.Processes\(\)"),
            (threads, 5, TypeError, r"timeout= is for other processes\. Give executor=dug\.executors\.processes"),
            (pool, 0, ValueError, "timeout must be how many seconds a scenario may take, more than 0, not 0"),
            (pool, "5", ValueError, "not '5'"),
            (pool, True, ValueError, "not True"),
            (pool, float("nan"), ValueError, "not nan"),
        ]:
            with pytest.raises(error, match=said):
                dug.sweep(book.node(), [{}], executor=executor, timeout=seconds)


@pytest.mark.slow
def test_a_broken_pool_of_the_standard_library_says_what_to_use(counts):
    """Where the pool itself is broken, each scenario that is left says so, and what to type; those before are right."""
    scenarios = [{spot.node(0): 1.0}, {mood.node(): "die"}, {spot.node(0): 2.0}]
    with dug.Context(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        first, *others = dug.sweep([book.node(), risky.node()], scenarios, executor=pool, batch=1)

    assert first.error is None
    assert [type(result.error) for result in others] == [WorkerLostError, WorkerLostError]
    assert all("Use dug.executors.processes.Processes()" in str(result.error) for result in others)


@pytest.mark.slow
def test_other_code_on_the_worker_is_refused(tmp_path, monkeypatch):
    """A worker that imports a module with an edited helper answers nothing: the sweep raises CodeDiffersError, which names it."""
    module = tmp_path / "skewed.py"
    text = "import dug\ndef helper(x):\n    return 2 * x\n@dug.memoize\ndef top():\n    return helper(21)\n"
    module.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    skewed = __import__("skewed")
    module.write_text(text.replace("2 * x", "3 * x  # edited since"))
    with Processes(1) as pool, dug.Context():
        sweep = dug.sweep(skewed.top.node(), [{}], executor=pool)
        with pytest.raises(dug.CodeDiffersError, match=r"skewed:top \(skewed\.helper\)"):
            list(sweep)
    del sys.modules["skewed"]


@pytest.mark.slow
def test_what_cannot_go_is_refused_before_anything_is_sent(spawned, counts):
    """A lambda bump, in a scenario or around, and a local function: the error says what to type, and no worker hears of it."""

    @dug.memoize
    def local():
        return 1

    counts.write_text("")
    with dug.Context() as ctx:
        book()
        counts.write_text("")
        with pytest.raises(TweakError, match="Define it at the top of a module"):
            list(dug.sweep(book.node(), [{spot: dug.bump(lambda value: value)}], executor=spawned))
        with pytest.raises(TypeError, match="it is a local function"):
            dug.sweep(local.node(), [{}], executor=spawned)
        with dug.Context({spot.node(77): dug.bump(lambda value: value)}), pytest.raises(TweakError, match="in force around"):
            list(dug.sweep(book.node(), [{}], executor=spawned))
        first, second = iter(dug.sweep(book.node(), [{}, {anything.node(): Opaque(1.0)}], executor=spawned))
        assert (first.value, second.value) == (ctx[book.node()], ctx[book.node()])
    assert counts.read_text() == ""


@pytest.mark.slow
def test_it_is_lazy(pool):
    """After ten results no more scenarios were taken than those and a window of four batches for each worker."""
    taken = []

    def make():
        for number in range(10_000):
            taken.append(number)
            yield {spot.node(0): float(number)}

    with dug.Context():
        for done, _ in enumerate(dug.sweep(book.node(), make(), executor=pool, batch=2), 1):
            if done == 10:
                break

    assert len(taken) <= 10 + 4 * 2 * 2 + 2


@pytest.mark.slow
def test_a_change_around_goes_to_the_workers(spawned):
    """Results after a tweak of the context around have another world and base, as in a loop; differences compare with it."""
    scenarios = [{spot.node(0): float(number)} for number in range(40)]
    swept = []
    for executor in (None, spawned):
        with dug.Context() as ctx:
            sweep = dug.sweep(book.node(), scenarios, executor=executor, **({} if executor is None else {"batch": 1}))
            iterator = iter(sweep)
            values = [next(iterator).value for _ in range(3)]
            ctx.tweak(spot.node(1), 7.0)
            values += [result.value for result in iterator]
            swept.append((values[:3], values[-5:], sweep.diff()[0].value, sweep.diff()[39].value))

    assert swept[0] == swept[1]


@pytest.mark.slow
def test_differences_and_progress_are_those_of_a_loop(spawned):
    """Base, diff, central and the calls of ``progress=`` are the same."""
    seen = []
    for executor in (None, spawned):
        told = []
        with dug.Context():
            nodes = [spot.node(0), spot.node(1)]
            sweep = dug.sweep(
                book.node(),
                ladder(nodes, dug.shift(1.0), dug.shift(-1.0)),
                executor=executor,
                progress=lambda done, total, told=told: told.append((done, total)),
            )
            seen.append((sweep.diff().to_dict(), sweep.central().to_dict(), sweep.base.value, told))

    assert seen[0] == seen[1]


def test_inside_a_node_it_is_refused():
    """A running node cannot record what other processes read."""

    @dug.memoize
    def report():
        return list(dug.sweep(book.node(), [{}], executor=Processes(1)))

    with dug.Context(), pytest.raises(ContextError, match=r"report.* is running, and cannot record what other processes read"):
        report()


def test_the_options_are_checked():
    """Wrong options say what to type."""
    with dug.Context():
        for options, error, said in [
            ({"batch": 3}, TypeError, "batch= is for other processes"),
            ({"retries": 3, "executor": ThreadPoolExecutor(1)}, TypeError, "retries= is for other processes"),
            ({"batch": 0, "executor": Processes(1)}, ValueError, "batch must be a number, at least 1, not 0"),
            ({"retries": -1, "executor": Processes(1)}, ValueError, "retries must be a number, at least 0, not -1"),
        ]:
            with pytest.raises(error, match=said):
                dug.sweep(book.node(), [{}], **options)
    with pytest.raises(TypeError, match="runs calls in other processes, which see no context"):
        check_executor(Processes(1))  # as an output of a `Live` does
    with pytest.raises(ValueError, match="must be 'spawn' or 'fork', not 'thread'"):
        Processes(1, start="thread")
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Processes(0)


@pytest.mark.slow
def test_a_timeout_may_be_as_long_as_anybody_says(spawned):
    """Years, and for ever, are no error."""
    with dug.Context():
        results = [tuple(dug.sweep(trade.node(0), [{}], executor=spawned, timeout=one)) for one in (1e12, float("inf"))]

    assert [result.value for (result,) in results] == [300.0, 300.0]


@pytest.mark.slow
def test_the_pool_runs_other_calls_and_replaces_the_dead(spawned):
    """`Processes` is an executor: results, errors, a WorkerLostError for the call whose worker was killed, and on it goes."""
    assert spawned.submit(divmod, 7, 2).result() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        spawned.submit(divmod, 7, 0).result()
    with pytest.raises(WorkerLostError, match="was killed by SIGKILL during a call"):
        spawned.submit(signal.raise_signal, signal.SIGKILL).result()
    assert list(spawned.map(abs, [-1, -2, -3, -4])) == [1, 2, 3, 4]
    assert trade.node(1) is not None
