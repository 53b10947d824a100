"""The benchmarks run, their contenders agree, and dug reruns in them what it should; nothing here looks at a clock."""

import asyncio
import gc
import importlib.util
import itertools
import json
import pathlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import attrs
import pytest

import dug
from dug.testing import EventLog

sys.path.append(str(pathlib.Path(__file__).parent.parent))  # the benchmarks belong to the checkout, and are not installed

from benchmarks import __main__ as command
from benchmarks import (
    _harness,
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
    what_ifs,
)

TINY = command.Plan(
    effort=_harness.Effort(rounds=1, sample_s=1e-6),
    keys=50,
    concurrency=concurrency.Sizes(leaves=20, leaf_s=1e-4, hits=8, threads=(1, 2), scenarios=4),
    recompute=recompute.Sizes(
        depth=10, deep=1_000, side=4, leaves=8, wide=9, trades=10, inputs=6, scenarios=7, outer=2, calibration_s=1e-4
    ),
    projection=projection.Sizes(policies=2, months=6),
    factors=factors.Sizes(dates=12, assets=10),
    flows=flows.Sizes(live=10, short=10, chain=20, long=40),
    streams=streams.Sizes(values=50, marks=20, endless=500),
    recordings=recordings.Sizes(sources=10, hashes=1),
    scale=scale.Sizes(trades=10, inputs=6, scenarios=4, spin=0),
    stores=stores.Sizes(calls=5),
    services=services.Sizes(values=50),
    web=web.Sizes(hits=100, beside=10, nodes=200),
    ticks=ticks.Sizes(trades=10, inputs=6, others=20, staged=3, stage_s=1e-4, endless=50),
    curves=curves.Sizes(scenarios=(1, 2), nodes=(20, 40), probes=2),
    nodes=50,
)
FRAMES = 0 if factors.find_missing() else len(factors.CHANGES)
STREAMS = (5 if dug.COMPILED else 0) + 1  # seconds, bytes
PEERS = len({"modelx", "loman"} - set(peers.find_missing()))
TICKS = (PEERS if dug.COMPILED else 0) + 1 + 2  # ratios, the window, bytes and bits
RECORDINGS = 2  # ratios, on both call paths
STORES = 0 if {*stores.PACKAGES} & {*stores.find_missing()} else 3 if dug.COMPILED else 1  # redun may stand beside them
SCALE = 2 if dug.COMPILED else 1  # a ratio, and seconds
SERVICES = 4 if dug.COMPILED and not services.find_missing() else 0  # seconds
WEB = 4 + (not web.find_missing())  # seconds of two answers each, a ratio
OTHERS = FRAMES + STREAMS + TICKS + RECORDINGS + STORES + SCALE + SERVICES + WEB
BARS = OTHERS + (29 + 2 + 4 if dug.COMPILED else 11 + 1 + 4)  # ratios and seconds, bytes, curves


needs_frames = pytest.mark.skipif(not FRAMES, reason="numpy and pandas are in the benchmarks extra")


@pytest.fixture(scope="module")
def results():
    """One run of everything but the interpreters, at sizes that take no time."""
    gc.collect()
    gc.freeze()  # each sample begins with a collection, which would look through all that other tests left
    return command.run(TINY, [group for group in command.GROUPS if group != "import"])


@pytest.fixture
def job(tmp_path):
    """The small arguments of the peers."""
    return peers.Job(depth=20, book=what_ifs.Book(trades=30, inputs=8, spin=0), folder=tmp_path)


def computed(ctx, fn, *args):
    """How many nodes ``fn`` runs in the context and in those entered inside it."""
    with EventLog(ctx) as log:
        ctx.run(fn, *args)
    return len(log.computed)


@pytest.mark.slow
def test_every_bar_has_its_figure(results):
    """No bar is lost because a case or a contender was renamed."""
    assert len(list(_report.bars(results))) == BARS


@pytest.mark.slow
def test_the_yardstick_of_each_case_has_ratio_one(results):
    """The first contender of a case is measured against itself."""
    first = [next(figures) for _, figures in itertools.groupby(results.figures, lambda figure: figure.case)]

    assert {figure.ratio for figure in first} == {1.0}


@pytest.mark.slow
def test_the_report_names_every_case_and_curve(results):
    """The tables leave nothing out, but for peers that are not installed."""
    report = "\n".join(_report.text(results))
    names = [figure.case for figure in results.figures] + [curve.name for curve in results.curves]

    assert [name for name in names if name not in report] == []
    missing = [name for group in (peers, factors, stores, services, web) for name in group.find_missing()]
    assert list(results.missing) == missing


@pytest.mark.slow
def test_the_results_are_json(results):
    """The output of ``--json`` can be read back, bars included."""
    document = json.loads(json.dumps(_report.as_json(results)))

    assert len(document["bars"]) == BARS
    assert document["machine"]["dug"] == dug.__version__


@pytest.mark.parametrize(("call", "make"), [kind[1:] for kind in calls.HITS], ids=[name for name, *_ in calls.HITS])
def test_a_hit_runs_nothing(call, make):
    """Every kind of call gives the plain function's value, and is known when it is made a second time."""
    ctx, memoized = dug.Context(), make(dug.memoize)
    plain = eval(call, {"fn": make(lambda fn: fn), "x": 7})

    assert computed(ctx, eval, call, {"fn": memoized, "x": 7}) == 1
    with EventLog(ctx) as log:
        assert ctx.run(eval, call, {"fn": memoized, "x": 7}) == plain
    assert log.computed == []


def test_many_keys_are_distinct():
    """Of 50 keys in scattered order each is asked for once."""
    assert sorted(calls.scatter(50)) == list(range(50))


def test_the_flows_of_the_benchmark_agree():
    """A chain by hand and one by name give the same number, and an insert runs every name again once."""
    by_hand, flow = flows.run_by_hand(30), flows.make_flow(30)
    flow.insert("n0", 1)

    assert by_hand() == flow.compute("n30") == 31
    assert flows.run_again(30)() == 31
    flow.insert("n0", 2)
    assert computed(flow.context, flow.compute, "n30") == 30


@pytest.mark.parametrize("processors", [0, 1, 3])
def test_the_streams_of_the_benchmark_agree(processors):
    """A chain of streams, of plain generators and of memory streams give the same sum, and each stage runs once."""
    chain, stream = streams.make_chain(processors), streams.make_streams(processors)

    async def read():
        with dug.Context() as ctx, EventLog(ctx) as log:
            found = await streams.read_sum(stream(20).open())
        return found, await streams.read_sum(chain(20)), len(log.computed)

    found, plain, computed_nodes = asyncio.run(read())
    assert found == plain == sum(range(20)) + 20 * processors
    assert computed_nodes > processors
    if importlib.util.find_spec("anyio") is not None:
        assert asyncio.run(streams.read_memory_streams(processors, 20)) == found


class Panel:
    """Stands in for a panel of matplotlib's, which need not be installed: keeps the curves, and hears the rest."""

    def __init__(self):
        self.lines = []

    def plot(self, sizes, costs, *, label, **_options):
        self.lines.append((label, sizes, costs))

    def __getattr__(self, name):
        return lambda *args, **options: None


class Figure:
    """Stands in for a figure of matplotlib's: a file of it holds the lines of its panels."""

    def __init__(self, **_options):
        self.panels = []

    def subplots(self, _rows, columns, **_options):
        self.panels = [Panel() for _ in range(columns)]
        return self.panels

    def savefig(self, path):
        path.write_text(json.dumps([panel.lines for panel in self.panels]), encoding="utf-8")


@pytest.fixture
def matplotlib(monkeypatch):
    """A module in the place of matplotlib."""
    package, module = ModuleType("matplotlib"), ModuleType("matplotlib.figure")
    package.__spec__, module.Figure = ModuleSpec("matplotlib", None), Figure
    monkeypatch.setitem(sys.modules, "matplotlib", package)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", module)


@pytest.mark.usefixtures("matplotlib")
def test_the_picture_has_every_curve(tmp_path, monkeypatch, capsys):
    """``--plot`` draws each curve beside its competitors, in microseconds."""
    points = (curves.Point(10, 2e-6, 1e-6), curves.Point(100, 3e-6, 1e-6))
    drawn = [curves.Curve(name, axis, points) for name, axis in (("left", "scenarios"), ("kept", "scenarios"), ("rest", "nodes"))]
    monkeypatch.setattr(curves, "curves", lambda _sizes: drawn)

    assert command.main(["--only", "curves", "--plot", str(tmp_path / "curves.svg")]) == 0
    panels = json.loads((tmp_path / "curves.svg").read_text(encoding="utf-8"))
    assert [[label for label, *_ in lines] for lines in panels] == [["left", "kept"], ["rest"]]
    assert panels[1] == [["rest", [10, 100], pytest.approx([2.0, 3.0])]]
    assert "Cost of a scenario against kept" in capsys.readouterr().out


@pytest.mark.usefixtures("matplotlib")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "curves.pdf"], "'curves.pdf' does not end in .png or .svg"),
        (["--plot", "curves.svg", "--only", "calls"], "Add curves to --only"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message, capsys):
    """Before anything is measured, the command says what to type."""
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)

    assert message in capsys.readouterr().err


def test_a_picture_without_matplotlib_names_the_extra(monkeypatch, capsys):
    """It is refused before anything is measured."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match="2"):
        command.main(["--plot", "curves.svg"])

    assert 'pip install "dug[benchmarks]"' in capsys.readouterr().err


def test_the_what_if_contenders_agree():
    """Naive, by hand and dug give the same answers, to the bit."""
    book = what_ifs.Book(trades=30, inputs=7, spin=0)
    scenarios = book.scenarios(20)
    answers = what_ifs.naive(book, scenarios)

    assert what_ifs.by_hand(book, scenarios) == answers
    assert what_ifs.with_dug(book, scenarios) == answers


def test_the_nested_what_if_contenders_agree():
    """Naive, by hand and dug give the same answers inside other what-ifs, also where both change one input."""
    book = what_ifs.Book(trades=30, inputs=7, spin=0)
    outer, inner = what_ifs.nest(book, 4)
    answers = what_ifs.nested_naive(book, outer, inner)

    assert len(answers) == 4 * 7
    assert what_ifs.nested_by_hand(book, outer, inner) == answers
    assert what_ifs.nested_with_dug(book, outer, inner) == answers


def test_the_tree_contenders_agree():
    """The tree by hand, in scenarios and in place gives the same roots."""
    by_hand, in_scenario, in_place = (make(8) for make in (recompute.HandTree, recompute.DugTree, recompute.DugTree))
    with in_scenario.ctx:
        roots = [in_scenario.what_if(leaf, 5.0) for leaf in range(8)]
    with in_place.ctx:
        kept = [in_place.change(leaf, 5.0) for leaf in range(8)]

    assert roots == [recompute.HandTree(8).change(leaf, 5.0) for leaf in range(8)]
    assert kept == [by_hand.change(leaf, 5.0) for leaf in range(8)]


def test_a_tree_scenario_reruns_one_path():
    """One leaf of eight changes: the three sums above it run, and no other."""
    tree = recompute.DugTree(8)

    assert computed(tree.ctx, tree.what_if, 3, -1.0) == 3


def test_one_leaf_of_a_wide_sum_reruns_the_sum():
    """One of 50 leaves changes: one node runs, and gives the same sum as adding up by hand."""
    wide = recompute.DugSum(50)

    assert computed(wide.ctx, wide.what_if, 7, -1.0) == 1
    assert wide.ctx.run(wide.what_if, 7, -1.0) == recompute.HandSum(50).change(7, -1.0)


def test_a_nested_what_if_reruns_what_reads_the_inner_change():
    """Inside an outer what-if that has been asked, one input of 50 reruns eight trades and the total."""
    level, total = what_ifs.memoized_book(curves.BOOK)
    with dug.Context(), dug.Context({level.node(7): 2.0}) as outer:
        total()

        assert computed(outer, what_ifs._ask, level, total, [(3, 2.0)]) == 2 * 200 // 50 + 1


def test_a_book_scenario_reruns_the_dependents_of_its_input():
    """One input of 50 changes: the eight trades that read it run, and the total."""
    level, total = what_ifs.memoized_book(curves.BOOK)
    ctx = dug.Context()
    ctx.run(total)

    with ctx:
        assert computed(dug.Context({level.node(3): 2.0}), total) == 2 * 200 // 50 + 1


def test_peers_give_equal_hits(job):
    """All installed peers give the requested value, and leave the limit of recursion as it was."""
    limit = sys.getrecursionlimit()
    for name, subject in peers.make(peers.HITS, job).items():
        with subject.inside:
            assert (name, subject.ask(7), subject.ask(7)) == (name, 7, 7)

    assert sys.getrecursionlimit() == limit


def test_peers_give_equal_chains(job):
    """All that are installed give the same number, also when they start from nothing again."""
    for name, subject in peers.make(peers.CHAINS, job).items():
        with subject.inside:
            answers = [(subject.forget(), subject.ask())[1] for _ in range(2)]
        assert (name, answers) == (name, [6765, 6765])


@pytest.mark.parametrize("question", ["change", "what_if"])
def test_peers_give_equal_books(job, question):
    """All that are installed give the same totals, whether an input keeps its new value or not."""
    answers = {}
    for name, live in peers.make(peers.BOOKS, job).items():
        with live.inside:
            answers[name] = [getattr(live, question)(number, value) for number, value in job.book.scenarios(20)]

    assert answers == dict.fromkeys(answers, answers["naive"])


def test_what_is_not_known_any_more_is_computed_again(job):
    """Of the chain of dug, all nodes run after it forgot them, and none before."""
    chain = peers.make(peers.CHAINS, job)["dug"]

    assert [computed(chain.inside, chain.ask) for _ in range(2)] == [21, 0]
    chain.inside.run(chain.forget)
    assert computed(chain.inside, chain.ask) == 21


def test_a_change_in_place_reruns_the_dependents_of_its_input(job):
    """One input of 50 changes in the context itself: eight trades run, and the total."""
    live = peers.make(peers.BOOKS, attrs.evolve(job, book=curves.BOOK))["dug"]

    assert computed(live.ctx, live.change, 3, 2.0) == 2 * 200 // 50 + 1


def test_peers_that_are_not_installed_are_left_out(job, monkeypatch):
    """Those that are there do the job, and a line of the report names the others."""
    for package in peers.PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    report = "\n".join(_report.text(_report.Results((), (), (), peers.find_missing())))

    assert [*peers.make(peers.HITS, job)] == ["functools.cache", "dug", "dict"]
    assert "not installed: cachetools, dask, joblib, loman, modelx." in report
    assert _report.machine().keys().isdisjoint(peers.PACKAGES)


def test_a_node_has_a_weight():
    """Memory is measured for both contenders, dug's nodes being the heavier."""
    cached, weighed, tweaked = memory.weights(100)

    assert 0 < cached.bytes_per_node < weighed.bytes_per_node
    assert 0 < tweaked.bytes_per_node < weighed.bytes_per_node


def test_calibration_asks_for_at_least_one_loop():
    """Work longer than a sample is measured once a round."""
    slow = _harness.Contender("slow", lambda number: 10.0 * number)
    figure, twice = _harness.measure(
        _harness.Case("case", "call", (slow, _harness.Contender("slower", lambda number: 20.0 * number)), per=2),
        _harness.Effort(rounds=3, sample_s=0.1),
    )

    assert (figure.loops, figure.median, twice.ratio) == (1, 5.0, 2.0)


def test_durations_have_three_digits_and_a_unit():
    """A reader can compare two figures without counting zeros."""
    shown = [_report.duration(seconds) for seconds in (0.0, 8.94e-8, 9.996e-7, 1.234e-5, 0.5, 12.0)]

    assert shown == ["0.00 ns", "89.4 ns", "1.00 us", "12.3 us", "500 ms", "12.0 s"]


@pytest.mark.parametrize(
    ("read", "shared"),
    [
        (concurrency._read_in_turn, 10),
        (concurrency._read_at_once, 10),
        (concurrency._read_one, 10),
        (concurrency._read_nothing, 0),
    ],
)
def test_a_fan_out_runs_each_node_once(read, shared):
    """Of the memoised contender, each of 20 leaves and each shared node runs once; both contenders give the same."""
    plain, _ = concurrency._make_program(lambda function: function, read, 0.0, 0.0)
    leaf, _ = concurrency._make_program(dug.memoize, read, 0.0, 0.0)

    async def gather(function):
        return await asyncio.gather(*map(function, range(20)))

    ctx = dug.Context()
    assert computed(ctx, asyncio.run, gather(leaf)) == 20 + shared
    assert ctx.run(asyncio.run, gather(leaf)) == asyncio.run(gather(plain))


@pytest.mark.slow
def test_frames_of_every_kind_are_equal_to_their_like():
    """The benchmark of ``dug.eq.frame`` measures comparisons that come to their end."""
    pytest.importorskip("polars", reason="one kind of frame is of polars")
    from benchmarks import equality  # needs it

    for name, make in equality.frames(50, 2):
        assert dug.eq.frame(make(), make()), name


@needs_frames
@pytest.mark.parametrize("eq", [None, dug.eq.frame])
@pytest.mark.parametrize("change", factors.CHANGES, ids=lambda change: change.name)
def test_factor_models_agree(change, eq):
    """A what-if on the factor model gives what the formulas give by hand, in a loop and in a sweep."""
    sizes = factors.Sizes(dates=12, assets=10)
    model, kept = factors.Model(sizes, eq), factors.Kept(sizes)
    expected = [change.by_hand(kept, number) for number in (1, 7)]

    assert model.ctx.run(lambda: [model.what_if(change.tweak(model, number)) for number in (1, 7)]) == pytest.approx(expected)
    assert model.ctx.run(model.sweep, [change.tweak(model, number) for number in (1, 7)]) == pytest.approx(expected)


@needs_frames
def test_a_factor_model_runs_again_what_read_the_input():
    """A what-if runs the formulas that the change reaches, and the bump, and no other: as many as the yardstick."""
    model = factors.Model(factors.Sizes(dates=12, assets=10))

    ran = [computed(model.ctx, model.what_if, change.tweak(model, 7)) for change in factors.CHANGES]
    assert ran == [5, 7, 8, 4]


def test_projections_agree():
    """All contenders give the same value, and the same one if something differs."""
    sizes = projection.Sizes(policies=5, months=7)
    cached, memoized = projection.Cached(sizes), projection.Memoized(sizes)
    expected = cached.compute()
    changes = [change.input for change in projection.CHANGES]
    what_ifs = [cached.what_if(changed, 1.5) for changed in changes]

    assert memoized.compute() == memoized.keep() == cached.compute() == expected
    assert [memoized.ctx.run(memoized.what_if, changed, 1.5) for changed in changes] == what_ifs
    assert len({expected, *what_ifs}) == 4
    if "modelx" not in peers.find_missing():
        live = projection.InModelx(sizes)
        assert live.compute() == expected
        assert [live.what_if(changed, 1.5) for changed in changes] == what_ifs


def test_a_projection_runs_again_what_read_the_input():
    """An input reaches a sixth of the nodes, those of one policy, or nearly all: ages stay the same in the first year."""
    sizes = projection.Sizes(policies=5, months=7)
    memoized = projection.Memoized(sizes)
    memoized.keep()
    ran = [computed(memoized.ctx, memoized.what_if, change.input, 1.5) for change in projection.CHANGES]

    months = sizes.policies * sizes.months
    assert ran[:2] == [2 * months - sizes.policies + 1, 3 * sizes.months + 1]
    assert 0.8 * sizes.nodes < ran[2] < sizes.nodes


def test_the_live_books_of_the_benchmark_agree():
    """Each contender gives the same total after each tick; a tick of dug runs the trades that read its input, and the total."""
    books = ticks.make_books(ticks.Sizes(trades=20, inputs=8))
    totals = {name: [] for name in books}
    for name, book in books.items():
        with book.inside:
            totals[name] += [book.change(number, 3.0 + number) for number in range(8)]
    live = books["dug.live"].live

    assert len({tuple(map(round, found)) for found in totals.values()}) == 1
    with EventLog(live.context) as log:
        books["dug.live"].change(0, 2.0)
    assert len(log.computed) == 1 + sum(0 in reads for _, *reads in live_reads())


def live_reads():
    """Which inputs the trades of the small live book read."""
    return what_ifs.Book(20, 8, spin=0).reads()


def test_the_stages_of_the_benchmark_give_every_tick_in_order():
    """Ticks in flight come in their order."""
    sizes = ticks.Sizes(staged=5, stage_s=0.0)

    assert asyncio.run(ticks.read_stages(3, sizes)) == list(range(5))


def test_a_scenario_of_the_swept_book_runs_the_same_bodies_each_time():
    """Each scenario moves one input, and runs the trades that read it, and the book."""
    sizes = scale.Sizes(trades=20, inputs=10, scenarios=9, spin=0)
    reads = [{number % 10, (7 * number + 3) % 10} for number in range(20)]
    with dug.Context():
        results = list(scale.sweep_book(sizes, None))

    assert [result.recomputed for result in results] == [sum(place in read for read in reads) + 1 for place in range(10)]
