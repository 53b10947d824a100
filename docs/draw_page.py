"""Makes the pictures of the page for the documentation, with headless Chromium: ``python docs/draw_page.py``.

They are pictures of a real page, so they are made by hand when it has changed: pixels differ between machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from playwright.sync_api import sync_playwright

import dug
from dug import web
from dug.flow import Flow
from dug.live import Live
from dug.scenarios import grid

IMAGES = Path(__file__).resolve().parent / "images"


@dug.source
def spot(ticker: str) -> float:
    """The price of a share."""
    return {"AAPL": 190.0, "MSFT": 410.0, "NVDA": 120.0}[ticker]


@dug.memoize
def position(ticker: str, quantity: int) -> float:
    """What some shares are worth."""
    return quantity * spot(ticker)


@dug.memoize
def desk(*tickers: str) -> float:
    """What a desk is worth."""
    return sum(position(ticker, 100) for ticker in tickers)


@dug.memoize
def book() -> float:
    """What all desks are worth, without those of which a price is missing."""
    total = desk("AAPL", "MSFT") + desk("NVDA", "AAPL")
    try:
        return total + desk("GONE")
    except KeyError:
        return total


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        draw_context(browser)
        draw_trial(browser)
        draw_compared(browser)
        draw_live(browser)
        draw_flow(browser)
        draw_sweep(browser)
        browser.close()


def open_tab(browser: Any, page: web.Page) -> Any:
    """Return a tab that shows a page."""
    tab = browser.new_page(viewport={"width": 960, "height": 720})
    tab.goto(page.url)
    return tab


def draw_context(browser: Any) -> None:
    """Write the pictures of a context: its nodes, and one of them."""
    with dug.Context(tweaks={spot.node("AAPL"): dug.scale(0.5)}, name="stress") as ctx:
        book()
    with web.serve(ctx, open=False) as page:
        tab = open_tab(browser, page)
        tab.wait_for_selector("tr.row a")
        tab.screenshot(path=IMAGES / "web-nodes.png")
        tab.click("text=book()")
        tab.wait_for_selector("svg rect")
        tab.screenshot(path=IMAGES / "web-node.png", full_page=True)


def draw_trial(browser: Any) -> None:
    """Write the picture of what moved when a missing price was there."""
    with dug.Context(name="night") as ctx:
        book()
    with web.serve(ctx, open=False, allow_tweaks=True) as page:
        tab = open_tab(browser, page)
        tab.click("text=spot('GONE')")
        tab.fill("#value", "75.0")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#trial[data-busy=false] .told")
        tab.screenshot(path=IMAGES / "web-trial.png", full_page=True)


def draw_compared(browser: Any) -> None:
    """Write the picture of what moved from one context to another."""
    with dug.Context(name="base") as base:
        book()
    with base, dug.Context({spot.node("AAPL"): dug.scale(0.5)}, name="crash") as ctx:
        book()
    with web.serve(ctx, before=base, open=False) as page:
        tab = open_tab(browser, page)
        tab.wait_for_selector("#compare .told")
        tab.screenshot(path=IMAGES / "web-compare.png", full_page=True)


def draw_live(browser: Any) -> None:
    """Write the picture of a `Live` that has ticked a few times, faster than ticks were taken."""
    live = Live({spot.node("AAPL"): 190.0, spot.node("MSFT"): 410.0}, name="desk")
    live.output(desk.node("AAPL", "MSFT")), live.output(position.node("AAPL", 100), every=60.0), live.output(desk.node("GONE"))
    for price in (190.5, 191.0, 191.5, 192.0):
        live.push(spot.node("AAPL"), price - 0.25), live.push(spot.node("AAPL"), price), live.step()
    live.push(spot.node("MSFT"), 415.0)
    with web.serve(live, open=False) as page:
        tab = open_tab(browser, page)
        tab.wait_for_selector("#live .told td.failed")
        tab.screenshot(path=IMAGES / "web-live.png", full_page=True)


async def trades() -> AsyncIterator[str]:
    """Give lines, one of which is not a trade."""
    for number in range(1_000):
        yield f"AAPL {number}" if number != 250 else "AAPL ?"
        await asyncio.sleep(0.002)


async def priced(trades: Any, rate: float) -> AsyncIterator[float]:
    """Give what each trade is worth."""
    async for line in trades:
        yield rate * int(line.split()[1].replace("?", "0"))


async def checked(trades: Any) -> AsyncIterator[str]:
    """Fail where a line is not a trade."""
    async for line in trades:
        if "?" in line:
            raise ValueError(f"no quantity in {line!r}")
        yield line


async def audited(trades: Any) -> AsyncIterator[str]:
    """Read as slowly as an auditor."""
    async for line in trades:
        yield line
        await asyncio.sleep(0.01)


async def total(priced: Any) -> float:
    """Add what they are worth."""
    return sum([price async for price in priced])


async def run_flow(pages: SimpleQueue[web.Page], is_over: Event) -> None:
    """Run a flow and serve its page until that was seen."""
    flow = Flow(trades, priced, checked, audited, total, values={"rate": 190.0}, name="desk")
    async with await flow.start() as outputs:
        pages.put(web.serve(outputs, open=False))
        await asyncio.to_thread(is_over.wait)


def draw_flow(browser: Any) -> None:
    """Write the picture of a flow that runs in a thread, in which one stream has failed and one reader is behind."""
    pages, is_over = SimpleQueue[web.Page](), Event()
    thread = Thread(target=asyncio.run, args=(run_flow(pages, is_over),))
    thread.start()
    with pages.get() as page:
        tab = open_tab(browser, page)
        tab.set_viewport_size({"width": 1180, "height": 720})
        tab.wait_for_selector("#flow svg a.failed")
        tab.click("#flow summary")
        tab.wait_for_selector("#flow svg text.word >> text=a second")
        tab.screenshot(path=IMAGES / "web-flow.png", full_page=True)
    is_over.set()
    thread.join()


def draw_sweep(browser: Any) -> None:
    """Write the picture of a sweep over a grid that is on its way."""
    go_on = Event()

    @dug.memoize(name="margin")
    def margin() -> float:
        if spot("NVDA") == 130.0:
            go_on.wait()
        if spot("AAPL") < 0:
            raise ValueError("a price below zero")
        return desk("AAPL", "MSFT", "NVDA") - 50_000.0

    axes = {spot.node("NVDA"): [100.0, 110.0, 120.0, 130.0], spot.node("AAPL"): [-1.0, 170.0, 190.0, 210.0]}
    with dug.Context(name="night"), ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(1) as asker:
        margin()
        sweep = dug.sweep(margin.node(), grid(axes), executor=pool)
        asker.submit(tuple, sweep)
        with web.serve(sweep, open=False) as page:
            tab = open_tab(browser, page)
            tab.wait_for_selector("#sweep progress[value='12']")
            tab.screenshot(path=IMAGES / "web-sweep.png", full_page=True)
            go_on.set()


if __name__ == "__main__":
    main()
