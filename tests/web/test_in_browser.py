"""The page in headless Chromium: what is seen, clicked and typed, and what a hostile file cannot do."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event, Thread

import pytest

import dug
from dug import snapshot, web
from dug.executors.processes import Processes
from dug.flow import Flow
from dug.live import Live
from dug.scenarios import grid

pytest.importorskip("starlette", reason="starlette is in the web extra")
pytest.importorskip("uvicorn", reason="uvicorn is in the web extra")
pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\"'\u202e"


@dug.memoize
def leaf(number):
    """One of many."""
    if number == 13:
        raise LookupError("no quote for 13")
    return number * 1.5


@dug.memoize
def gather(count):
    """Read many."""
    return [leaf.__name__ if number == 13 else leaf(number) for number in range(count)]


@dug.memoize
def echo(text):
    """A node with a text of a stranger's."""
    return text


@dug.memoize
def shout():
    """A node with 10 MB of it."""
    return HOSTILE * (10_000_000 // len(HOSTILE))


@dug.memoize
def complain(text):
    """A node that fails with it."""
    raise ValueError(text)


def test_a_graph_of_500_nodes_is_looked_at(tab):
    """From the table a click leads to a node with its value, its explanation and at most 300 boxes around it."""
    with dug.Context() as ctx:
        gather(500)
        with pytest.raises(LookupError):
            leaf(13)
    with web.serve(ctx, open=False) as page:
        tab.goto(page.url)
        tab.wait_for_selector("[data-total='501']")
        assert "token" not in tab.url
        tab.fill("#text", "gather")
        tab.wait_for_selector("[data-total='1']")
        tab.click("tr.row a")
        tab.wait_for_selector("[data-boxes='300']")
        assert tab.locator("svg a").count() == 300
        assert tab.get_attribute("html", "lang") == "en"
        assert "gather(500) = [" in tab.text_content("pre[aria-label=Explanation]")
        assert "def gather" in tab.text_content("pre[aria-label='Source text']")
        tab.click("text=Failures")
        tab.wait_for_selector(".place")
        assert "LookupError: no quote for 13" in tab.text_content(".place h3")
        tab.click(".place li a")
        tab.wait_for_selector("pre[aria-label=Traceback]")
    assert tab.troubles == []


def test_a_page_works_without_a_mouse_and_on_a_phone(tab):
    """The keyboard leads from the search to a node and through the boxes of its graph; nothing is wider than a phone."""
    with dug.Context() as ctx:
        gather(3)
    with web.serve(ctx, open=False) as page:
        tab.set_viewport_size({"width": 390, "height": 800})
        tab.goto(page.url)
        tab.wait_for_selector("tr.row a")
        tab.focus("#text")
        tab.keyboard.type("gather")
        tab.wait_for_selector("[data-total='1']")
        assert tab.evaluate("document.activeElement.id") == "text"
        tab.focus("tr.row a")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("[data-boxes='4']")
        tab.focus("svg a.middle")
        tab.keyboard.press("ArrowLeft")
        assert "leaf" in tab.evaluate("document.activeElement.getAttribute('aria-label')")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.go_back()
        tab.wait_for_selector("tr.row a")
        end_of = "(one) => Math.round(document.querySelector(one).getBoundingClientRect().right)"
        assert tab.evaluate(end_of, "tr.row .c-time") == tab.evaluate(end_of, ".rows table"), "hidden columns leave no gap"
        unnamed = "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length"
        assert tab.evaluate(unnamed) == 0
    assert tab.troubles == []


def test_the_way_past_the_header_leaves_the_view(tab):
    """The first key leads to a link past the header, which stays at what is shown."""
    with dug.Context() as ctx:
        leaf(1)
    with web.serve(ctx, open=False) as page:
        tab.goto(page.url + "#failures")
        tab.wait_for_selector("#failures")
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "main"
        assert tab.evaluate("location.hash") == "#failures"
    assert tab.troubles == []


def test_a_search_that_was_left_does_not_come_back(tab):
    """Who goes to another view right after typing stays there."""
    with dug.Context() as ctx:
        leaf(1)
    with web.serve(ctx, open=False) as page:
        tab.goto(page.url)
        tab.wait_for_selector("tr.row a")
        tab.fill("#text", "l")
        tab.evaluate("location.hash = 'failures'")
        tab.wait_for_selector("#failures")
        for _ in range(2):  # it looks again
            with tab.expect_response("**/head*"):
                pass
        assert "failures" in tab.url
    assert tab.troubles == []


def test_a_page_is_refreshed_in_place(tab):
    """What runs while the page is shown appears in it."""
    with dug.Context() as ctx, web.serve(ctx, open=False) as page:
        leaf(1)
        tab.goto(page.url)
        tab.wait_for_selector("[data-total='1']")
        leaf(2)
        tab.wait_for_selector("[data-total='2']")
    assert tab.troubles == []


def test_a_hostile_file_shows_as_text(tab, tmp_path, monkeypatch):
    """Names, values, errors and long texts with markup are text: no dialog, no element made of data, nothing imported."""
    with dug.Context(name=HOSTILE) as ctx:
        echo(HOSTILE)
        echo(HOSTILE * 20_000)
        shout()
        with pytest.raises(ValueError, match="img"):
            complain(HOSTILE)
    path = tmp_path / "hostile.dug"
    snapshot.save(ctx, path)
    monkeypatch.setitem(sys.modules, __name__, None)
    with web.serve(path, open=False) as page:
        tab.goto(page.url)
        tab.wait_for_selector("[data-total='4']")
        for place in range(4):
            tab.goto(page.url.partition("?")[0] + "#nodes")
            tab.wait_for_selector("tr.row a")
            tab.locator("tr.row a").nth(place).click()
            tab.wait_for_selector("svg rect")
            assert "<img src=x" in tab.text_content("#node")
            assert len(tab.content()) < 200_000
            assert tab.locator("img, main script, iframe").count() == 0
        tab.goto(page.url.partition("?")[0] + "#failures")
        tab.wait_for_selector(".place")
        assert tab.locator("img, main script, iframe").count() == 0
    assert sys.modules[__name__] is None
    assert tab.troubles == []


FILES = {"EMEA": "12", "APAC": "1x", "AMER": "30"}


@dug.source
def cell(region):
    """What a file says of a region."""
    return FILES[region]


@dug.memoize
def trades(region):
    """The trades of a region."""
    return int(cell(region))


@dug.memoize
def desk(region):
    """What the trades of a region are worth."""
    return 100 * trades(region)


@dug.memoize
def night():
    """What all of them are worth, without what fails."""
    total = 0
    for region in FILES:
        try:
            total += desk(region)
        except ValueError:
            continue
    return total


def test_the_story_of_five_in_the_morning(tab, tmp_path):
    """A file with failures is opened, the cause found in three clicks, one input tweaked, and the number that moved explained."""
    with dug.Context(name="night") as ctx:
        assert night() == 4_200
    path = tmp_path / "night.dug"
    snapshot.save(ctx, path)
    with web.serve(snapshot.load(path), open=False, allow_tweaks=True) as page:
        tab.goto(page.url)
        tab.click("#counts >> text=2 failed")
        tab.wait_for_selector("[data-total='2']")
        tab.click("nav >> text=Failures")  # the first click that is needed, the second, and the third
        tab.click(".place li:has-text('raised it') a")
        assert "'1x'" in tab.text_content("pre[aria-label=Error]")
        tab.click(".columns li:has-text('cell') a >> text=cell('APAC')")
        tab.wait_for_selector("#node h2 >> text=cell('APAC')")
        tab.fill("#value", "[1")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#trouble >> text=is not a literal")
        for _ in range(3):  # what the page asks by itself does not take the words away
            with tab.expect_response("**/head*"):
                pass
        assert "is not a literal" in tab.text_content("#trouble")
        tab.fill("#value", "'18'")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#trial[data-busy=false] .told >> text=+1800")
        assert "4200" in tab.text_content("#trial .told tbody tr")
        assert tab.get_attribute("#trial details", "open") is not None
        assert "rests on test_in_browser:cell('APAC')" in tab.text_content("#trial details")
        assert "value=%2718%27" in tab.url
    assert tab.troubles == ["Failed to load resource: the server responded with a status of 400 (Bad Request)"]
    assert ctx[night.node()] == 4_200


def test_what_is_typed_stays_while_the_page_is_refreshed(tab):
    """What is typed into the form of a node, and where the cursor is, stay when something else was computed meanwhile."""
    with dug.Context() as ctx, web.serve(ctx, open=False, allow_tweaks=True) as page:
        leaf(1)
        tab.goto(page.url)
        tab.click("tr.row a")
        tab.fill("#value", "25")
        tab.keyboard.press("ArrowLeft")
        number = tab.get_attribute("body", "data-number")
        leaf(2)
        tab.wait_for_selector(f"body:not([data-number='{number}'])")
        with tab.expect_response("**/head*"):  # the one after: what it led to has been drawn
            pass
        tab.keyboard.type("0.")
        assert tab.input_value("#value") == "20.5"
    assert tab.troubles == []


def test_two_contexts_are_compared(tab):
    """The page opens with what moved; a click on a node leads to what it was, and why it moved."""
    with dug.Context(name="base") as base:
        night()
    with base, dug.Context({cell.node("EMEA"): "13"}, name="trial") as ctx:
        night()
    with web.serve(ctx, before=base, open=False) as page:
        tab.goto(page.url)
        tab.wait_for_selector("#compare .told >> text=+100")
        assert tab.get_attribute("nav a[aria-current]", "href") == "#compare"
        tab.click("#compare .told >> text=trades('EMEA')")
        tab.wait_for_selector("#node details[open] .told >> text== '13'")
        tab.go_back()
        tab.click("text=Every change")
        tab.wait_for_selector("#compare .told th >> text=was")
    assert tab.troubles == []


def test_many_nodes_are_scrolled_and_searched(tab, tmp_path):
    """Of 4,000 nodes a table has a row for those that are seen, wherever one scrolls to."""
    with dug.Context() as ctx:
        for number in range(4_000):
            echo(number)
    path = tmp_path / "many.dug"
    snapshot.save(ctx, path)
    with web.serve(path, open=False) as page:
        tab.goto(page.url)
        tab.wait_for_selector("[data-total='4000']")
        assert tab.locator("tr.row").count() < 100
        tab.evaluate("document.querySelector('.rows').scrollTop = 1e9")
        tab.wait_for_selector("tr.row a >> text=echo(3999)")
        tab.fill("#text", "echo(1234)")
        tab.wait_for_selector("[data-total='1']")
    assert tab.troubles == []


@dug.source
def quote(text):
    """A price that has to be pushed."""
    raise LookupError(text)


@dug.memoize
def worth(text):
    """What ten of them are worth."""
    return quote(text) * 10


def test_a_live_is_followed(tab):
    """The page of a `Live` opens with its outputs, and shows the ticks as they come; nothing is wider than a phone."""
    live = Live({quote.node("a"): 1}, policy="block", name="desk")
    live.output(worth.node("a")), live.output(worth.node("b")), live.step()
    with web.serve(live, open=False) as page:
        tab.set_viewport_size({"width": 390, "height": 800})
        tab.goto(page.url)
        tab.wait_for_selector("#live .told >> text=LookupError: b")
        assert tab.locator("#live td.failed").count() == 1
        assert tab.get_attribute("nav a[aria-current]", "href") == "#live"
        live.push(quote.node("a"), 7), live.push(quote.node("b"), 3)
        tab.wait_for_selector("#live p >> text=2 ticks of at most 1,024 pending")
        live.step(), live.step()
        tab.wait_for_selector("#live tr:has-text(\"worth('a')\") >> text=70")
        tab.wait_for_selector("#live p >> text=tick 2")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.click("#live .told a >> text=worth('b')")
        tab.wait_for_selector("#node pre >> text=30")
    assert tab.troubles == []


def test_a_hostile_live_shows_as_text(tab):
    """Names, values and errors of what is pushed are text in the tables of a `Live`."""
    live = Live({quote.node(HOSTILE): HOSTILE}, name=HOSTILE)
    live.output(quote.node(HOSTILE)), live.output(worth.node(HOSTILE * 2)), live.step()
    with web.serve(live, open=False) as page:
        tab.goto(page.url)
        tab.wait_for_selector("#live td.failed")
        assert tab.locator("#live td >> text=<img src=x").count() >= 4
        assert tab.locator("img, main script, iframe").count() == 0
    assert tab.troubles == []


async def lines():
    """Give three."""
    for line in ("1", "2", "x"):
        yield line


async def parsed(lines):
    """Read numbers."""
    async for line in lines:
        if not line.isdigit():
            raise ValueError(f"{HOSTILE}: {line}")
        yield int(line)


def make_held(gate, is_there):
    """Return a function that takes one item and waits at a gate until the test opens it."""

    async def held(lines):
        async for line in lines:
            yield line
            is_there.set()
            await asyncio.to_thread(gate.wait)

    return held


@pytest.fixture
def running():
    """The page of a flow that runs in a thread, and the gate that its ``held`` waits at."""
    gate, is_there, is_over, pages = Event(), Event(), Event(), SimpleQueue()
    flow = Flow(lines, parsed, make_held(gate, is_there), name=HOSTILE)
    flow.add(parsed, HOSTILE, inputs=["lines"])

    async def main():
        async with await flow.start() as outputs:
            await asyncio.to_thread(is_there.wait)
            pages.put(web.serve(outputs, open=False))
            await outputs["held"].last()
            await asyncio.to_thread(is_over.wait)

    thread = Thread(target=asyncio.run, args=(main(),))
    thread.start()
    with pages.get() as page:
        yield page, gate
    gate.set(), is_over.set(), thread.join()


def test_a_running_flow_is_followed(tab, running):
    """The page of a run shows how far its streams are while they go on in another thread; a click leads to a node."""
    page, gate = running
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(page.url)
    tab.wait_for_selector("#flow svg text.word >> text=2 behind")
    assert tab.locator("#flow svg a.failed").count() == 2
    assert "1 item" in tab.text_content("#flow svg a.open")
    assert tab.locator("img, main script, iframe").count() == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.click("#flow details summary")
    gate.set()
    tab.wait_for_selector("#flow svg a.ended[aria-label='held, ended, 3 items']")
    assert tab.get_attribute("#flow details", "open") is not None
    tab.focus("#flow svg a[aria-label^=lines]")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#node pre >> text=3 items, ended")
    assert tab.troubles == []


PATIENCE_S = 60
go_on = Event()


@dug.memoize
def level():
    """What scenarios are about."""
    return 1.0


@dug.memoize
def rate():
    """A number that is not there below zero."""
    if level() < 0:
        raise LookupError(f"no rate at {level()}")
    return 10 * level()


@dug.memoize
def late_rate():
    """The same, which is late at 3."""
    assert level() != 3.0 or go_on.wait(PATIENCE_S)
    return rate()


def test_a_sweep_is_followed_to_its_end(tab):
    """A sweep on threads goes to 100 %; until then its page shows what runs, and then what failed, each result and its base."""
    go_on.clear()
    names = {f"at {one}": {level.node(): one} for one in (2.0, -1.0, 3.0, 4.0)}
    with dug.Context(), ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(1) as asker:
        late_rate()
        sweep = dug.sweep(late_rate.node(), names, executor=pool)
        with web.serve(sweep, open=False) as page:
            tab.goto(page.url)
            tab.wait_for_selector("#sweep progress[max='4'][value='0']")
            asked = asker.submit(tuple, sweep)
            tab.wait_for_selector("#sweep progress[value='2']")
            tab.wait_for_selector("[aria-label='What runs now'] td >> text=at 3.0")
            assert tab.get_attribute("#sweep", "data-busy") == "true"
            go_on.set()
            asked.result(PATIENCE_S)
            tab.wait_for_selector("#sweep[data-busy=false] progress[max='4'][value='4']")
            rows = tab.locator("[aria-label=Results] tbody tr").all_text_contents()
            assert [row[:13] for row in rows] == ["at 2.020.0+10", "at -1.0failed", "at 3.030.0+20", "at 4.040.0+30"]
            tab.click("[aria-label='What failed'] a >> text=LookupError: no rate at -1.0")
            tab.wait_for_selector("pre[aria-label='Traceback of test_in_browser:late_rate()']")
            assert "scenario=1" in tab.url
            tab.click("text=All scenarios")
            tab.wait_for_selector("[aria-label=Results]")
            tab.click("nav >> text=Nodes")
            tab.wait_for_selector("[data-total='3']")
    assert tab.troubles == []


def test_a_sweep_on_processes_is_followed_to_its_end(tab):
    """A sweep on other processes goes to 100 %, shows what failed, and which process computed what."""
    prices = [-2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 5.0, 6.0]
    with dug.Context(), Processes(1) as pool, ThreadPoolExecutor(1) as asker:
        sweep = dug.sweep(rate.node(), grid({level.node(): prices}), executor=pool, batch=1)
        with web.serve(sweep, open=False) as page:
            tab.goto(page.url)
            tab.wait_for_selector("#sweep progress[max='8']")
            asker.submit(tuple, sweep).result(PATIENCE_S)
            tab.wait_for_selector("#sweep[data-busy=false] progress[max='8'][value='8']")
            workers = tab.locator("[aria-label='Who computed it'] tbody td:first-child").all_text_contents()
            assert set(workers) == {result.worker for result in sweep}
            assert tab.locator("[aria-label='What failed'] tbody tr").count() == 2
    assert tab.troubles == []


@dug.memoize
def weigh(text):
    """A number that rests on a text and on a level, and that is late at 3."""
    assert level() != 3.0 or go_on.wait(PATIENCE_S)
    return len(echo(text)) * level()


def test_what_runs_now_is_seen(tab):
    """The view of what goes on shows a run as long as it goes on, its argument as text, and the states and the memory."""
    go_on.clear()
    with dug.Context({level.node(): 3.0}) as ctx, ThreadPoolExecutor(1) as asker, web.serve(ctx, open=False) as page:
        tab.goto(page.url)
        tab.click("nav >> text=Now")
        tab.wait_for_selector("#now >> text=Nothing runs now.")
        asked = asker.submit(ctx.run, weigh, HOSTILE)
        tab.wait_for_selector("[aria-label='What runs'] td >> text=<img src=x")
        assert tab.locator("img, main script, iframe").count() == 0
        go_on.set()
        asked.result(PATIENCE_S)
        tab.wait_for_selector("#now >> text=Nothing runs now.")
        tab.wait_for_selector("[aria-label='Nodes by state'] td >> text=computed")
        assert "memos in the cache" in tab.text_content("[aria-label=Memory]")
    assert tab.troubles == []


def test_a_hostile_sweep_shows_as_text(tab):
    """Names of scenarios and targets, tweaks, axes, values and errors are text in the views of a sweep."""
    with dug.Context():
        weigh(HOSTILE), echo(HOSTILE)
        named = dug.sweep(
            {HOSTILE: echo.node(HOSTILE), f"{HOSTILE}!": complain.node(HOSTILE)}, {HOSTILE: {echo.node(HOSTILE): f"{HOSTILE}?"}}
        )
        axes = {echo.node(HOSTILE): [HOSTILE, HOSTILE * 2], level.node(): [1.0, 2.0]}
        crossed = dug.sweep([weigh.node(HOSTILE)], grid(axes))
        assert (len(tuple(named)), len(tuple(crossed))) == (1, 4)
    for sweep, views in ((named, ("sweep", "sweep?scenario=0", "now")), (crossed, ("sweep", "sweep?show=moved"))):
        with web.serve(sweep, open=False) as page:
            tab.goto(page.url)
            for view in views:
                tab.goto(f"{page.url.partition('?')[0]}#{view}")
                tab.wait_for_selector(f"#{view.partition('?')[0]} .told")
                if view != "now":
                    tab.wait_for_selector(".told >> text=<img src=x")
                assert tab.locator("img, main script, iframe").count() == 0
            tab.goto("about:blank")  # or it would go on asking a page that is closed
    assert tab.troubles == []
