"""A replay gives what was recorded, and calls no source."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import attrs
import numpy as np
import pandas as pd
import pytest

import dug
from dug import codec, replay
from dug.flow import FloatingInputError, Flow

LIVE = 100 * 190.25 + 50 * 410.25


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


@pytest.fixture
def recording(desk, path):
    """The book, recorded."""
    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        assert desk.book() == LIVE
    desk.calls.clear()
    return replay.open(path)


def test_a_replay_gives_the_live_value_without_a_source(desk, recording):
    """The recording, replayed, gives what the live run gave, and no source is called."""
    with recording.replay(desk.book.node()):
        assert desk.book() == LIVE

    assert desk.calls == []


@pytest.mark.slow
def test_another_process_replays_it(recording, tmp_path):
    """So it does in another process, which has no source to call."""
    code = (
        "import dug, recorded_desk as desk\n"
        f"with dug.replay.open({str(recording.path)!r}).replay(desk.book.node()) as ctx:\n"
        "    print(desk.book(), desk.calls)\n"
    )
    code = f"import sys; sys.path[:0] = {[str(tmp_path), *filter(None, sys.path)]!r}; import dug.replay\n{code}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == [str(LIVE), "[]"], done.stderr


def test_what_is_tweaked_around_a_replay_is_not_in_force_in_it(desk, recording):
    """A replay is an outermost context."""
    with dug.Context({desk.quote.node("AAPL"): [0.0, 0.0], desk.mid.node("MSFT"): 0.0}), recording.replay():
        assert desk.book() == LIVE


def test_a_what_if_on_a_replay(desk, recording):
    """A what-if inside a replay changes what it tweaks, and nothing else."""
    with recording.replay(desk.book.node()):
        with dug.Context({desk.quote.node("AAPL"): [100.0, 0.0]}):
            assert desk.book() == 100 * 100.0 + 50 * 410.25
        assert desk.book() == LIVE

    assert desk.calls == []


def test_a_source_that_the_trace_knows_is_named_before_the_run(path):
    """A replay that would come to a source without a value is refused when it is entered: nothing runs."""
    ran = []

    @dug.source
    def lost():
        return object()

    @dug.memoize
    def reader():
        ran.append(1)
        return 1 if lost() else 0

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        reader()
    ran.clear()

    with pytest.raises(replay.UncoveredError, match="lost") as caught, replay.open(path).replay(reader.node()):
        reader()

    assert ran == []
    assert [str(node) for node in caught.value.nodes] == [str(lost.node())]


def test_a_source_that_the_trace_does_not_know_is_refused_at_the_first_ask(desk, recording):
    """A node of a source that never ran in the recording is refused by name when it is asked for."""
    with recording.replay(), pytest.raises(replay.UncoveredError, match=r"quote\('IBM'\)"):
        desk.quote("IBM")

    assert desk.calls == []


def test_a_local_source_is_refused(recording):
    """A source that no name leads to, and that the recording has never heard of, does not run either."""
    ran = []

    @dug.source
    def local():
        ran.append(1)
        return 1

    with recording.replay(), pytest.raises(replay.UncoveredError, match="local"):
        local()

    assert ran == []


def test_a_source_decorated_during_a_replay_is_refused(recording):
    """So it is with one that is decorated while the replay goes on."""
    ran = []
    with recording.replay():

        @dug.source
        def late():
            ran.append(1)

        with pytest.raises(replay.UncoveredError, match="late"):
            late()

    assert ran == []


def test_a_source_decorated_in_a_node_is_told(recording):
    """One that is decorated in the node that asks for it runs, and the end of the replay says so."""

    @dug.memoize
    def maker():
        @dug.source
        def inner():
            return 1

        return inner()

    with pytest.raises(replay.UncoveredError, match="inner"), recording.replay():
        maker()


def test_a_local_source_is_replayed_where_it_was_recorded(path):
    """A local source is known by its name and arguments, in the process that has it."""
    given = [1]

    @dug.source
    def local(name):
        return [name, *given]

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        local("x")
    given.append(2)

    with replay.open(path).replay():
        assert local("x") == ["x", 1]


def test_not_strict_runs_what_is_not_covered(desk, recording):
    """With ``strict=False`` a source that is not covered runs, and others do not."""

    @dug.source
    def other():
        return 7

    with recording.replay(strict=False):
        assert other() == 7
        assert desk.quote("AAPL") == [190.0, 0.5]

    assert desk.calls == []


def test_a_cut_at_any_node(desk, path):
    """A node of a cut is given by the recording, and what it read is not needed."""
    ctx = dug.Context()
    with replay.record(ctx, path, cut=[desk.mid, desk.position.node("MSFT", 50)]), ctx:
        desk.book()
    recording = replay.open(path)

    plan = recording.plan(desk.book.node())

    assert set(plan.recorded) == {desk.mid.node("AAPL"), desk.position.node("MSFT", 50)}
    assert set(plan.runs) == {desk.position.node("AAPL", 100), desk.book.node()}
    with recording.replay(desk.book.node()) as ctx:
        desk.book()
        assert desk.quote.node("AAPL") not in ctx


@pytest.mark.parametrize("height", range(4))
def test_each_node_can_be_where_a_recording_is_cut(height, desk, path):
    """Wherever it is cut, a replay gives the live value, asks no source, and runs what is above the cut and nothing below."""
    chain = [desk.quote.node("AAPL"), desk.mid.node("AAPL"), desk.position.node("AAPL", 100), desk.book.node()]
    other = [desk.mid.node("MSFT"), desk.position.node("MSFT", 50)]
    with replay.record(ctx := dug.Context(), path, cut=[chain[height]]), ctx:
        desk.book()
    desk.calls.clear()
    ran = []

    with replay.open(path).replay(desk.book.node()) as ctx, ctx.listen(lambda event: ran.append(event.node), kinds=["computed"]):
        assert desk.book() == LIVE

    assert desk.calls == []
    assert {node for node in ran if node in {*chain[1:], *other}} == {*chain[height + 1 :], *(other if height < 3 else ())}


def test_a_cut_can_be_left_out(desk, path):
    """Without the cut the same recording runs all from the sources on."""
    ctx = dug.Context()
    with replay.record(ctx, path, cut=[desk.mid]), ctx:
        desk.book()

    plan = replay.open(path).plan(desk.book.node(), cut=())

    assert set(plan.recorded) == {desk.quote.node("AAPL"), desk.quote.node("MSFT")}


def test_a_cut_above_covers_a_source_without_a_value(path):
    """What a lost source is read for can be recorded in its place."""

    @dug.source
    def lost():
        return object()

    given = dug.memoize(name="test_replays:count_rows")(lambda: 3 if lost() else 0)
    total = dug.memoize(name="test_replays:total")(lambda: 2 * given())
    ctx = dug.Context()
    with replay.record(ctx, path, cut=[given]), ctx:
        total()

    with replay.open(path).replay(total.node()):
        assert total() == 6
    assert replay.open(path).missing(total.node(), cut=()) == (str(lost.node()),)


def test_a_source_that_failed_fails_again(path):
    """A replay raises what the source raised, for each asker anew, and calls no source."""
    ran = []

    @dug.source
    def feed():
        ran.append(1)
        raise ConnectionError("no route to the exchange")

    @dug.memoize
    def guarded():
        try:
            return feed()
        except ConnectionError as exc:
            return str(exc)

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        live = guarded()
    ran.clear()

    with replay.open(path).replay(guarded.node()):
        assert guarded() == live == "no route to the exchange"
        with pytest.raises(ConnectionError, match="no route"):
            feed()
    assert ran == []


def test_an_async_source_is_replayed(run, path):
    """A coroutine source is awaited and does not run, on either loop."""
    ran = []

    @dug.source
    async def quote(ticker):
        ran.append(ticker)
        return [ticker, 1.0]

    @dug.memoize
    async def doubled():
        return 2 * (await quote("AAPL"))[1]

    async def live():
        ctx = dug.Context()
        with replay.record(ctx, path), ctx:
            return await doubled()

    async def again():
        with replay.open(path).replay(doubled.node()):
            with pytest.raises(replay.UncoveredError, match="IBM"):
                await quote("IBM")
            return await doubled()

    assert run(live) == 2.0
    ran.clear()
    assert run(again) == 2.0
    assert ran == []


def test_frames_and_arrays_are_replayed(path):
    """Frames and arrays come back as they were, in bytes behind their lines."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.date_range("2026-01-05", periods=2))
    array = np.arange(6.0).reshape(2, 3)

    @dug.source
    def table():
        return frame

    @dug.source
    def numbers():
        return array

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        table(), numbers()

    with replay.open(path).replay():
        pd.testing.assert_frame_equal(table(), frame)
        assert np.array_equal(numbers(), array)
        assert numbers() is not array


def test_each_replay_has_values_of_its_own(desk, recording):
    """A value that a reader changed in one replay is as recorded in the next one."""
    with recording.replay():
        desk.quote("AAPL")[0] = -1.0

    with recording.replay():
        assert desk.quote("AAPL") == [190.0, 0.5]


def test_nodes_are_texts_where_nothing_is_imported(recording, monkeypatch):
    """A recording of a module that is not imported names its nodes by their texts."""
    monkeypatch.setattr("dug.replay._trace.Function", SimpleNamespace(find=lambda _: None))

    assert "recorded_desk:book()" in recording.nodes


def test_a_target_is_a_node(desk, recording):
    """A function in the place of a node is refused, with what to write."""
    with pytest.raises(TypeError, match=r"f\.node\(x\)"):
        recording.missing(desk.book)


def test_a_recording_shows_itself(recording):
    """A recording says in one line what is in it."""
    assert str(recording) == "<dug.replay.Recording day.dugrec: 7 nodes, 2 with values, 0 items of streams>"
    assert "7 nodes" in recording._repr_html_()


def test_the_plan_is_a_tree(desk, recording):
    """The plan can be read before the run, as a text tree: what runs, and what the recording gives."""
    assert recording.plan(desk.position.node("AAPL", 100)).tree() == (
        "recorded_desk:position('AAPL', 100): runs\n"
        "└── recorded_desk:mid('AAPL'): runs\n"
        "    └── recorded_desk:quote('AAPL'): recorded, [190.0, 0.5]\n"
    )
    assert desk.calls == []


def test_sources_of_any_shape_are_replayed(path):
    """Methods, keyword-only parameters, ``key=`` and ``ignore=``: each call finds what it gave."""
    ran = []

    @codec.register(name="test_replays:Feed")
    @attrs.frozen
    class Feed:
        name: str

        @dug.source
        def get(self, ticker, *, scale=1):
            ran.append(ticker)
            return [self.name, ticker, scale]

    @dug.source(key={"ticker": str.upper}, ignore=("logger",))
    def keyed(ticker, logger=None):
        ran.append(ticker)
        return [ticker]

    def ask():
        feed = Feed("x")
        return [feed.get("a"), feed.get("a", scale=2), keyed("ibm", logger=1), keyed("IBM")]

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        live = ask()
    ran.clear()

    with replay.open(path).replay():
        assert keyed("Ibm", logger=2) == live[-1]
        assert ask() == live
    assert ran == []


def test_a_file_source_needs_no_file(path, tmp_path):
    """A source that reads a file is replayed after the file is gone."""
    file = tmp_path / "prices.csv"
    file.write_text("1,2,3")

    @dug.file_source
    def prices(path):
        return [int(word) for word in path.read_text().split(",")]

    @dug.memoize
    def total():
        return sum(prices(file))

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        total()
    file.unlink()

    with replay.open(path).replay(total.node()):
        assert total() == 6


def test_a_class_that_is_not_registered_here_is_told_before_the_run(path):
    """A recorded value that cannot be read here is named, with the class, before anything runs."""

    @codec.register(name="test_replays:Quote")
    @attrs.frozen
    class Quote:
        bid: float

    @dug.source
    def quote():
        return Quote(1.0)

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        quote()
    path.write_bytes(path.read_bytes().replace(b"test_replays:Quote", b"test_replays:Quite"))

    with pytest.raises(replay.UncoveredError, match="test_replays:Quite"), replay.open(path).replay(quote.node()):
        pass


def test_a_flow_is_replayed_with_the_wires_that_are_there(desk, path):
    """The inputs of a flow are in the recording, and a flow that is wired anew reads them and asks no source."""

    def make(more, **values):
        flow = Flow(name="recorded desk", values=values)
        flow.add(lambda ticker: desk.quote(ticker)[0], name="bid")
        flow.add(lambda bid: bid + more, name="ask")
        return flow

    live = make(1, ticker="AAPL")
    with replay.record(live.context, path):
        assert live.compute("ask") == 191.0
    desk.calls.clear()

    again = make(2, ticker="AAPL")
    assert replay.open(path).missing() == ()
    with replay.open(path).replay():
        assert again.compute("ask") == 192.0
    assert desk.calls == []


def test_the_wires_of_a_recorded_flow_are_not_in_force_in_its_replay(path):
    """A name of a flow that is not entered in the replay has no function there: the recording gives values, and no wires."""
    flow = Flow(name="recorded desk", values={"bid": 1})
    flow.add(lambda bid: bid + 1, name="ask")
    with replay.record(flow.context, path):
        assert flow.compute("ask") == 2
    ask = flow.node("ask")

    with replay.open(path).replay():
        with flow.context:
            assert ask() == 2
        with pytest.raises(FloatingInputError, match="has no node 'ask' here"):
            ask()
