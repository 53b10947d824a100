"""Everything shows itself: HTML in a notebook, lines of text elsewhere, and nothing runs because somebody looks."""

import asyncio
import re
from html.parser import HTMLParser

import pytest

import dug
from dug import replay, snapshot, stores
from dug.debug import MutationError, check_mutation
from dug.flow import Flow
from dug.live import Live
from dug.scenarios import ladder


@dug.memoize(name="h:spot")
def spot(ticker):
    """Reads nothing, and fails for one."""
    return 1 / (ticker != "bad") * 100


@dug.memoize(name="h:total")
def total(*tickers):
    """Reads spots."""
    return sum(spot(ticker) for ticker in tickers)


HOSTILE = "</td><script>alert('$x$')</script><b a=\"1\" & \n\x1b[2J"


def make_all(argument):
    """Return every object that shows itself, by name, in a world in which `argument` is an argument, a value and a name."""
    echo = dug.memoize(name="h:echo")(lambda value: f"{value}, {total('a')}")
    fail = dug.memoize(name="h:fail")(lambda value: [][total(value)])
    node, failing = echo.node(argument), fail.node(argument)
    with dug.Context(name=argument) as base:
        batch = base.run_all([node, failing])
        with dug.Context({spot: dug.scale(2), total.node(argument): argument}, name=argument) as ctx:
            node(), total(argument)
            sweep = dug.sweep({argument: node, "fails": failing}, {argument: {spot: dug.scale(3)}, "x": {}})
            made = {
                "context": ctx,
                "record": ctx.memo(node),
                "graph": ctx.graph(),
                "states": ctx.states(),
                "failures": base.failures(),
                "comparison": base.compare(ctx, node),
                "full comparison": base.compare(ctx, node, full=True),
                "plan": ctx.plan(echo.node("new")),
                "explanation": ctx.explain(node),
                "explanation of a failure": base.explain(failing),
                "batch": batch,
                "failed": base.failures()[0],
                "result": sweep["x"],
                "sweep": sweep,
                "differences": sweep.diff(),
                "central": dug.sweep(node, ladder([total.node("a")], dug.scale(1.1), dug.scale(0.9))),
            }
            made["differences"].to_dict()
            return {**made, "written": {name: (one._repr_html_(), write(one)) for name, one in made.items()}}


def write(one):
    """Return the text that IPython shows of an object."""
    said = []
    one._repr_pretty_(type("Printer", (), {"text": said.append}), False)
    return "".join(said)


def make_others(argument, folder):
    """Return what shows itself and is not asked of a context, by name, in the same world."""
    echo = dug.memoize(name="h:echo", store=True)(lambda value: [f"{value}, {spot('a')}"])
    spoil = dug.memoize(name="h:spoil", store=True)(lambda value: echo(value).append(value))
    scenario = dug.Scenario({spot: dug.scale(2), total.node(argument): argument}, name=argument)
    with dug.Context(store=folder / "store") as kept, pytest.raises(MutationError), check_mutation(kept) as check:
        echo("b"), spoil(argument)
    with dug.Context(scenario) as ctx, replay.record(ctx, folder / "day.dugrec"):
        total("a")
    saved = snapshot.save(ctx, folder / "night.dug")
    live = Live({spot.node(argument): argument, spot: dug.scale(2)}, name=argument)
    live.output(total.node("a")), live.output(total.node(argument)), live.step()
    live.push(spot.node("a"), 7.25), live.step()
    flow = Flow(_same, name="shown", values={"given": argument})
    flow.compute("_same")
    with snapshot.look(folder / "night.dug") as looked:
        made = {
            "store": kept.store,
            "report of a store": kept.store.report(),
            "check of a store": kept.store.check(),
            "collected": kept.store.gc(older_than=1e9),
            "why": stores.why(kept, echo.node("b")),
            "mutations": check,
            "scenario": scenario | {spot: dug.scale(3)},
            "saved": saved,
            "look": looked,
            "info": looked.info,
            "recording": replay.open(folder / "day.dugrec"),
            "live": live,
            "counters": live.counters,
            "flow": flow,
        }
        return {**made, "written": {name: (one._repr_html_(), write(one)) for name, one in made.items()}}


def _same(given):
    return given


OF_CONTEXTS = [
    "context", "record", "graph", "states", "failures", "comparison", "full comparison", "plan", "explanation",
    "explanation of a failure", "batch", "failed", "result", "sweep", "differences", "central",
]  # fmt: skip
WITHOUT_TABLE = [
    "central",  # of which no result is there
    "store", "report of a store", "check of a store", "collected", "why", "mutations", "saved", "recording",
]  # fmt: skip
KINDS = [*OF_CONTEXTS, *WITHOUT_TABLE[1:], "scenario", "look", "info", "live", "counters", "flow"]


def make_world(argument, folder):
    """Return every object that shows itself."""
    one, other = make_all(argument), make_others(argument, folder)
    return {**one, **other, "written": {**one["written"], **other["written"]}}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Every object, of a world with a plain argument."""
    return make_world("plain", tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Every object, of a world in which texts are hostile."""
    return make_world(HOSTILE, tmp_path_factory.mktemp("odd"))


def test_every_object_is_tried(plain):
    """The list of kinds is that of the objects that are made."""
    assert sorted(plain["written"]) == sorted(KINDS)


class Reader(HTMLParser):
    """The tags, attributes and text of a page; the picture of a graph counts as one tag."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.inside = [], [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.inside += tag == "svg"
        if not self.inside:
            self.tags.append(tag)
            self.attributes += attrs

    def handle_endtag(self, tag):
        self.inside -= tag == "svg"

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_has_html(plain, kind):
    """Each object has HTML with a table, and nothing that is fetched or run."""
    page, text = plain["written"][kind]
    reader = Reader(page)

    assert reader.tags[:2] == ["div", "style"]
    assert not {"script", "img", "link", "iframe", "object"} & set(reader.tags)
    assert ("table" in reader.tags) is (kind not in WITHOUT_TABLE)
    assert text


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_text(plain, odd, kind):
    """Whatever an argument, a value, an error or a name contains, it adds no tag and no attribute."""
    tame, wild = (Reader(made["written"][kind][0]) for made in (plain, odd))

    assert wild.tags == tame.tags
    assert wild.attributes == tame.attributes
    assert "\x1b" not in "".join(wild.text)


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_lines_that_move_no_cursor(odd, kind):
    """Elsewhere each object is lines of text, and nothing in a value controls a terminal."""
    assert all(line.isprintable() for line in odd["written"][kind][1].splitlines())


@pytest.mark.parametrize("kind", ["states", "failures", "comparison", "plan", "explanation"])
def test_tables_and_explanations_print_as_they_are_shown(plain, kind):
    """The text and the representation of a table and of an explanation are the lines, so that a prompt shows them, too."""
    one = plain[kind]

    assert str(one) == repr(one) == write(one)
    assert "\n" in repr(one)


def test_a_context_shows_its_tweaks_states_and_cache():
    """A context says its name, its tweaks, how many nodes there are of each state, and where its results go."""
    with dug.Context(name="base"):
        total("a", "b")
        with dug.Context({spot.node("a"): 7.0}, name="seven") as ctx:
            total("a", "b")

            assert write(ctx).splitlines() == [
                "dug.Context 'seven'",
                "  target       tweak",
                "  h:spot('a')  7.0",
                "  state      nodes",
                "  computed   1",
                "  tweaked    1",
                "  inherited  1",
                "results go to the cache of the context around: 4 memos",
            ]


def test_an_empty_context_says_so():
    """A context without tweaks that knows nothing says that, entered or not."""
    assert write(dug.Context()).splitlines() == [
        "dug.Context",
        "no tweaks of its own",
        "no nodes are known",
        "results go to a cache of its own: 0 memos",
    ]


def test_many_nodes_are_not_counted_by_state(monkeypatch):
    """A context that knows very many nodes says so instead of walking over them."""
    monkeypatch.setattr("dug._inspect.context_sheet._COUNTED", 3)
    with dug.Context() as ctx:
        total("a", "b", "c")

        assert "too many nodes to count by state: ctx.states() lists them" in write(ctx)


def test_a_record_shows_what_was_read():
    """A record has the value, its kind, the tweaks that it rests on and the values that were read."""
    with dug.Context({spot.node("a"): 7.0}) as ctx:
        total("a", "b")
        lines = write(ctx.memo(total.node("a", "b"))).splitlines()

    assert lines[0] == "h:total('a', 'b') = 107.0"
    assert lines[1].startswith("computed, took ")
    assert lines[1].endswith("read by 0 nodes")
    assert lines[2:] == [
        "  target       tweak",
        "  h:spot('a')  7.0",
        "  read         value",
        "  h:spot('a')  7.0",
        "  h:spot('b')  100.0",
    ]


def test_a_sweep_shows_what_is_done_and_runs_nothing():
    """Looking at a sweep shows the results that are there, and runs no scenario."""
    with dug.Context() as ctx:
        sweep = dug.sweep(total.node("a"), {"up": {spot: dug.scale(2)}, "down": {spot: dug.scale(0.5)}})
        heard = []
        with ctx.listen(heard.append):
            before = sweep._repr_html_(), write(sweep)
        assert sweep["up"].value == 200.0
        between = write(sweep).splitlines()
        sweep.to_dict()
        after = write(sweep).splitlines()

    assert heard == []
    assert "0 of 2 scenarios done" in before[1]
    assert [line.split()[:2] for line in between[2:]] == [["scenario", "h:total('a')"], ["up", "200.0"]]
    assert "the others run when they are asked for" in between[1]
    assert [line.split()[:2] for line in after[2:]] == [["up", "200.0"], ["down", "50.0"]]


def test_differences_of_results_that_are_there_are_shown():
    """Of the results that are done, differences are shown at once; one whose base is not known would run, and is not."""
    rungs = ladder([spot.node("a"), spot.node("b")], dug.shift(1.0), dug.shift(-1.0))
    with dug.Context() as ctx:
        unknown = dug.sweep(total.node("z"), [{spot.node("z"): 1.0}])
        unknown.to_dict()
        before = write(unknown.diff())
        total("a", "b")
        sweep = dug.sweep(total.node("a", "b"), rungs)
        sweep["h:spot('a') down"]
        heard = []
        with ctx.listen(heard.append):
            shown = [write(one).splitlines() for one in (sweep.diff(), sweep.central())]

    assert heard == []
    assert "0 of 1 scenarios done" in before
    assert [[re.split(" {2,}", line.strip())[:2] for line in lines[3:]] for lines in shown] == [
        [["h:spot('a') up", "1.0"], ["h:spot('a') down", "-1.0"]],
        [["h:spot('a')", "1.0"]],
    ]


def test_looking_runs_nothing():
    """No event is heard while every object is shown."""
    with dug.Context() as ctx:
        total("a")
        heard = []
        with ctx.listen(heard.append):
            for one in (ctx, ctx.memo(total.node("a")), ctx.graph(), ctx.states(), ctx.plan(total.node("b"))):
                one._repr_html_(), write(one)

    assert heard == []


def test_nodes_of_the_notebook_itself_have_no_module():
    """Where the functions are those of the script or notebook, no line names its module."""
    step = dug.memoize(name="__main__:step")(lambda n: spot(f"{n}") + (step(n - 1) if n else 0))
    with dug.Context(name="base") as base:
        step(5)
        batch = base.run_all([dug.memoize(name="__main__:odd")(lambda: 1 / 0).node()])
        with dug.Context({step.node(0): 1.0}) as ctx:
            step(5)
            plan = ctx.plan(dug.memoize(name="__main__:new")(lambda: step(5)).node())
            shown = (
                ctx, ctx.memo(step.node(5)), ctx.graph(), ctx.states(), base.failures(), base.failures()[0], plan, batch,
                ctx.explain(step.node(5)), base.compare(ctx, step.node(5)),
            )  # fmt: skip

    assert [one for one in shown if "__main__:" in write(one)] == []
    assert "4 nodes of step moved" in write(shown[-1])


def find_first(cls, *names):
    """Return which of some methods is found first, class by class."""
    return next(name for one in cls.__mro__ for name in names if name in vars(one))


@pytest.mark.parametrize("kind", KINDS)
def test_ipython_finds_the_lines_before_the_representation(plain, kind):
    """IPython takes the first that it finds, class by class, so a class with a representation has the lines, too."""
    assert find_first(type(plain[kind]), "_repr_pretty_", "__repr__") == "_repr_pretty_"


def test_a_live_shows_its_inputs_and_what_it_showed_last():
    """A `Live` says its tick, what was pushed, and of each output the last value, in full, and how often it was asked for."""
    live = Live({spot.node("a"): 1.5}, name="desk")
    live.output(total.node("a")), live.output(spot.node("bad"))
    live.step(), live.push(spot.node("a"), 190.25), live.step()

    assert write(live).splitlines() == [
        "dug.live.Live 'desk' at tick 1",
        "  input        value",
        "  h:spot('a')  190.25",
        "  output         value   refreshed  skipped",
        "  h:total('a')   190.25  2          0",
        "  h:spot('bad')          2          0",
    ]


def test_a_running_flow_shows_how_far_each_name_is():
    """A flow that was started shows the table of its states, and one that was not started shows its own."""

    async def main():
        flow = Flow(_doubled, name="started")
        async with await flow.start({"items": [1, 2]}) as outputs:
            await outputs.drain()
            return write(flow).splitlines()[0], write(outputs).splitlines()

    assert asyncio.run(main()) == (
        "dug.flow.Flow started of 1 node",
        [
            "dug.flow.RunningFlow of started with 1 output",
            "  name      state  items  a second  behind  reads  error",
            "  _doubled  ended  2                        items",
            "  items     ended  2",
        ],
    )


async def _doubled(items):
    async for item in items:
        yield 2 * item
