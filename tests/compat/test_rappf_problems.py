"""The example idea of rappf (sensors, a filter, an aggregate, a sink), and the problems that its page names, each one solved.

The page names two: shared, mutable state, by accident and by intention; and latency, of a node that takes longer than the time
between two updates.  Beside them stand its goals: flexibility, intelligibility, replayability.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from types import SimpleNamespace

import anyio
import pytest
from support.sync_points import BACKENDS, Gate, run_on, settle

import dug
from dug import replay
from dug.compat.rappf import DAG
from dug.debug import MovedError, Mut, MutationError, check_mutation
from dug.live import Live


@dataclass
class Readings:
    """What simulated sensors give in one update: a source."""

    values: list


@dataclass
class Kept:
    """What the filter lets through."""

    values: list


@dataclass
class Mean:
    """The aggregate of all readings."""

    value: float


UPDATES = [[1.0, 2.0, 300.0], [3.0, 500.0], [5.0]]
SHOWN = [([1.0, 2.0], 101.0), ([3.0], 251.5), ([5.0], 5.0)]


def keep(*, readings: Readings) -> Kept:
    """Filter the readings, and make a new list."""
    return Kept([value for value in readings.values if value < 100])


def keep_by_accident(*, readings: Readings) -> Kept:
    """Filter the readings in the list that others have too."""
    readings.values[:] = [value for value in readings.values if value < 100]
    return Kept(readings.values)


def keep_in_place(*, readings: Mut[Readings]) -> Kept:
    """Filter the readings in place, and say so."""
    return keep_by_accident(readings=readings)


def average(*, readings: Readings) -> Mean:
    """Aggregate the readings."""
    return Mean(sum(readings.values) / len(readings.values))


def make_updates():
    """Return what the sensors give, made anew."""
    return [[Readings(list(values))] for values in UPDATES]


def run_app(*functions, updates=None):
    """Return what the sink shows of an app with these functions."""
    shown = []

    def show(*, kept: Kept, mean: Mean) -> None:
        shown.append((kept.values, mean.value))

    DAG([*functions, show], lambda: None, expected_sources=[Readings]).run(make_updates() if updates is None else updates)
    return shown


# Shared, mutable state


def test_the_app_shows_the_same_in_whatever_order_its_functions_are_listed():
    """The sensors, the filter, the aggregate and the sink run once in each update."""
    assert run_app(keep, average) == run_app(average, keep) == SHOWN


def test_a_function_that_changes_its_input_by_accident_is_named():
    """A filter that spoils the readings for the aggregate is named, with the readings and the place."""
    dag = DAG([keep_by_accident, average], lambda: None)

    with pytest.raises(MutationError) as caught, dag.flow.context as ctx, check_mutation(ctx):
        dag.run(make_updates())

    found = caught.value.changes[0]
    assert (found.node, found.place) == (dag.flow.node(f"{__name__}.Readings"), ".values")
    assert found.suspects == (dag.flow.node(f"{__name__}.Kept"),)
    assert str(found).startswith(f"the value of '{__name__}.Readings' of the flow {dag.flow.name!r} was changed at .values")


def test_a_function_that_changes_its_input_by_intention_says_so_in_the_type():
    """With ``Mut`` the aggregate has what the sensors gave, whoever is listed first, and the sensors' own lists stay."""
    updates = make_updates()

    assert run_app(keep_in_place, average, updates=updates) == run_app(average, keep_in_place) == SHOWN
    assert updates == make_updates()


def test_readers_are_served_before_the_writer():
    """Of what reads the readings, the function that changes them comes last."""
    names = DAG([keep_in_place, average], lambda: None).flow.order()

    assert names.index(f"{__name__}.Mean") < names.index(f"{__name__}.Kept")


def test_several_writers_are_refused_before_anything_runs():
    """Two functions that want to change the readings are refused where the app is made, and both are named."""

    def centre(*, readings: Mut[Readings]) -> Mean:
        return Mean(readings.values.pop())

    with pytest.raises(MovedError, match=r"Readings' of the flow .* handed over to '.*(Kept|Mean)', and '.*(Kept|Mean)' is"):
        DAG([keep_in_place, centre], lambda: None)


def test_who_would_read_after_the_writer_is_refused():
    """A lock for writing that is never released: what reads the result of the writer cannot read the readings as well."""

    def compare(*, kept: Kept, readings: Readings) -> Mean:
        return Mean(len(kept.values) / len(readings.values))

    with pytest.raises(MovedError, match=r"Mean' reads it after that"):
        DAG([keep_in_place, compare], lambda: None)


# Latency

COUNT = 20


@pytest.fixture
def app():
    """The app as streams: an aggregate that waits at a gate, and a note of what each stage has begun."""
    begun: list[tuple[str, int]] = []
    gate = Gate()

    @dug.source(ahead=2)
    async def sensor():
        for number in range(COUNT):
            begun.append(("sensor", number))
            yield [number, 100 + number]

    @dug.memoize(ahead=2)
    async def kept():
        async for reading in sensor():
            begun.append(("filter", reading[0]))
            yield [value for value in reading if value < 100]

    @dug.memoize
    async def totals():
        total = 0
        async for reading in kept():
            begun.append(("aggregate", reading[0]))
            await gate.wait()
            total += sum(reading)
            yield total

    return SimpleNamespace(sensor=sensor, kept=kept, totals=totals, begun=begun, gate=gate)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_next_update_begins_before_the_last_one_is_done(app, backend):
    """While the aggregate is busy with the first reading, sensors and filter go on, and what comes out is in order."""

    async def main():
        shown = []

        async def sink():
            shown.extend([total async for total in app.totals()])

        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(sink)
                await settle()
                early = list(app.begun)
                app.gate.open()
        return early, shown

    early, shown = run_on(backend, main)

    assert ("filter", 1) in early
    assert ("aggregate", 1) not in early
    assert shown == list(accumulate(range(COUNT)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stage_that_is_far_behind_holds_back_a_bounded_number_of_readings(app, backend):
    """The readings that wait for a busy aggregate are buffered, as many as ``ahead=`` says, and the sensor waits then."""

    async def main():
        with dug.Context():
            reader = aiter(app.totals())
            async with anyio.create_task_group() as group:
                group.start_soon(anext, reader)
                await settle()
                early = [number for stage, number in app.begun if stage == "sensor"]
                app.gate.open()
            await reader.aclose()
            return early

    early = run_on(backend, main)

    assert early == list(range(len(early)))
    assert 2 <= len(early) <= COUNT // 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_update_is_of_one_tick_however_many_are_in_flight(backend):
    """Two ticks of a slow aggregate are in flight, each with the readings of its own tick, and they come in order."""
    gate, begun = Gate(), []

    @dug.source
    def reading():
        return 0

    @dug.memoize
    async def aggregate():
        first = reading()
        begun.append(first)
        await gate.wait()
        return first, reading()

    async def main():
        got = []
        async with Live({reading.node(): 0}, policy="block", window=2) as live:
            live.output(aggregate.node())
            live.push(reading.node(), 1)
            live.push(reading.node(), 2)

            async def read():
                async for update in live.updates():
                    got.append(update.value)  # noqa: PERF401  it does not end by itself

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await settle()
                early = list(begun)
                gate.open()
                await settle()
                group.cancel_scope.cancel()
        return early, got

    early, got = run_on(backend, main)

    assert early == [1, 2]
    assert got == [(1, 1), (2, 2)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_state_that_concurrent_stages_share_by_accident_is_found(backend):
    """A filter that changes a reading which another stage has, while both run at the same time, is named with the reading."""

    @dug.source
    async def sensor():
        for number in range(3):
            yield [number, 100 + number]

    @dug.memoize
    async def kept():
        async for reading in sensor():
            del reading[1:]
            yield reading

    @dug.memoize
    async def largest():
        return max([max(reading) async for reading in sensor()])

    @dug.memoize
    async def app():
        return len(await kept().list()), await largest()

    async def main():
        ctx = dug.Context()
        with ctx, check_mutation(ctx):
            await app()

    with pytest.raises(MutationError) as caught:
        run_on(backend, main)

    found = caught.value.changes[0]
    assert (found.node, found.position) == (sensor.node(), 0)
    assert kept.node() in found.suspects


# Flexibility, intelligibility, replayability


@pytest.fixture
def memoized():
    """The app as memoised functions, and how often the sensor was asked."""
    asked: list[int] = []

    @dug.source(name="rappf_app:sensor")
    def sensor(number):
        asked.append(number)
        return list(UPDATES[number])

    @dug.memoize(name="rappf_app:kept")
    def kept(number):
        return [value for value in sensor(number) if value < 100]

    @dug.memoize(name="rappf_app:mean")
    def mean(number):
        return sum(sensor(number)) / len(sensor(number))

    @dug.memoize(name="rappf_app:shown")
    def shown(number):
        return kept(number), mean(number)

    return SimpleNamespace(sensor=sensor, kept=kept, mean=mean, shown=shown, asked=asked)


def test_the_app_can_be_reconfigured_for_debugging(memoized):
    """A sensor is replaced by a constant or by another function, and a filter by none, without a change of the app."""
    with dug.Context({memoized.sensor: lambda number: [float(number), 1000.0]}):
        simulated = memoized.shown(7)
    with dug.Context({memoized.sensor.node(0): [1.0]}), dug.Context({memoized.kept: memoized.sensor}):
        constant = memoized.shown(0)

    assert simulated == ([7.0], 503.5)
    assert constant == ([1.0], 1.0)
    assert memoized.asked == []


def test_it_is_told_what_the_app_will_do_before_it_does_it(memoized, tmp_path):
    """The plan of a replay says which functions would run and what is recorded, and runs nothing."""
    ctx = dug.Context()
    with replay.record(ctx, tmp_path / "app.dugrec"), ctx:
        memoized.shown(0)
    memoized.asked.clear()

    plan = replay.open(tmp_path / "app.dugrec").plan(memoized.shown.node(0))

    assert plan.recorded == (memoized.sensor.node(0),)
    assert "rappf_app:shown(0): runs" in plan.tree()
    assert memoized.asked == []


def test_a_run_can_be_reproduced_though_a_function_spoils_what_it_read(memoized, tmp_path):
    """A recording has what the sensor gave, whatever a filter did to it later, and the replay asks no sensor."""

    def spoil(number):
        values = memoized.sensor(number)
        values[:] = [value for value in values if value < 100]
        return values

    ctx = dug.Context({memoized.kept: spoil})
    with replay.record(ctx, tmp_path / "app.dugrec"), ctx:
        memoized.kept(0)
        spoiled = memoized.shown(0)
    memoized.asked.clear()
    with replay.open(tmp_path / "app.dugrec").replay(memoized.mean.node(0)):
        replayed = memoized.mean(0)

    assert spoiled == ([1.0, 2.0], 1.5)
    assert replayed == 101.0
    assert memoized.asked == []
