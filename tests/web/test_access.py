"""The page for people who see little, use no mouse, or hear it: names of controls, contrast, tables, the order of the focus."""

from __future__ import annotations

import pytest

import dug
from dug import web

pytest.importorskip("starlette", reason="starlette is in the web extra")
pytest.importorskip("uvicorn", reason="uvicorn is in the web extra")
pytestmark = pytest.mark.slow

FIND_FAULTS = """() => {
  const faults = [];
  const all = [...document.querySelectorAll("body, body *")].filter((one) => one.checkVisibility({ visibilityProperty: true }));
  const say = (kind, one) => faults.push(`${kind}: ${one.outerHTML.slice(0, 120)}`);
  const nameOf = (one) => (one.getAttribute("aria-label") || [...(one.labels || [])].map((label) => label.textContent).join(" ")
    || (one.matches("input, select") ? "" : one.textContent)).trim();

  const isControl = (one) => one.matches("input, select, textarea, button, a, summary, progress, svg, [tabindex='0'], [role]");
  for (const one of all.filter(isControl)) {
    const isLive = one.matches("[role=alert], [role=status]");
    if (!isLive && !one.matches("form") && !nameOf(one)) say("no name", one);
  }
  for (const one of all.filter((one) => one.tabIndex > 0)) say("a place of its own in the order of the focus", one);
  for (const one of all.filter((one) => one.matches("table"))) {
    const heads = [...one.querySelectorAll("thead th")];
    if (!heads.length || heads.some((head) => head.scope !== "col" || !head.textContent.trim())) say("no heads", one);
  }
  const ids = all.map((one) => one.id).filter(Boolean);
  for (const id of ids.filter((id, place) => ids.indexOf(id) !== place)) say("the same id again", document.getElementById(id));
  const levels = all.filter((one) => one.matches("h1, h2, h3, h4")).map((one) => [Number(one.tagName[1]), one]);
  levels.forEach(([level, one], place) => {
    if (level > (place ? levels[place - 1][0] + 1 : 1)) say("a level of headings is left out", one);
  });

  const read = (colour) => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => rgb.map((part) => linear(part / 255))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const groundOf = (one) => {
    for (let under = one; under; under = under.parentElement) {
      const box = under.matches("svg a") ? under.querySelector("rect") : null;
      const { rgb, a } = read(box ? getComputedStyle(box).fill : getComputedStyle(under).backgroundColor);
      if (a === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const ratioOf = (one, other) => {
    const [lighter, darker] = [light(one), light(other)].sort((a, b) => b - a);
    return (lighter + 0.05) / (darker + 0.05);
  };
  let measured = 0;
  const hasText = (one) => [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  for (const one of all.filter(hasText)) {
    if (one.matches("title, option, svg *:not(text)")) continue;
    const style = getComputedStyle(one);
    const ratio = ratioOf(read(one.matches("text") ? style.fill : style.color).rgb, groundOf(one));
    measured += 1;
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(2)}`, one);
  }
  return [measured, faults];
}"""


@dug.source
def spot(ticker):
    """A price."""
    return {"AAPL": 190.0}[ticker]


@dug.memoize
def desk(ticker):
    """What shares are worth."""
    return 100 * spot(ticker)


@dug.memoize
def book():
    """What all of them are worth, without those that fail."""
    total = desk("AAPL")
    try:
        return total + desk("GONE")
    except KeyError:
        return total


@pytest.fixture(scope="module")
def page():
    """A page with nodes in several states, that takes tweaks and compares."""
    with dug.Context(name="desk") as base:
        book()
    with base, dug.Context({spot.node("AAPL"): dug.scale(0.5)}, name="crash") as ctx:
        book()
    with web.serve(ctx, before=base, open=False, allow_tweaks=True) as served:
        yield served


NODE = "node?name=test_access:desk('AAPL')"
VIEWS = {
    "nodes": "tr.row a", "failures": ".place", NODE: "svg rect", "graph": "svg rect", "compare": ".told",
    "trial?name=test_access:desk('AAPL')&value=7": ".try",
}  # fmt: skip


def find_faults(tab):
    """Return what is wrong with what a tab shows; something must have been looked at."""
    measured, faults = tab.evaluate(FIND_FAULTS)
    assert measured > 3
    return faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_can_be_read_and_operated(tab, page, scheme):
    """Controls have names, tables have heads, headings have an order, and text has a contrast of 4.5, in light and in dark."""
    tab.emulate_media(color_scheme=scheme)
    tab.goto(page.url)
    grounds = {tab.evaluate("getComputedStyle(document.body).backgroundColor")}
    for view, there in VIEWS.items():
        tab.evaluate("(address) => { location.hash = address; }", view)
        tab.wait_for_selector(f"[data-view={view.partition('?')[0]}] {there}")
        assert find_faults(tab) == [], view
    assert grounds == {"rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 31)"}
    assert tab.troubles == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("<input>", "no name"),
        ("<button> </button>", "no name"),
        ("<table><tr><td>1</td></tr></table>", "no heads"),
        ("<p style='color: #999'>faint</p>", "contrast 2.85"),
        ("<p style='background: #333; color: #777'>faint</p>", "contrast"),
        ("<svg aria-label=a><a><rect fill='#fff'/><text fill='#999' y=20>faint</text></a></svg>", "contrast 2.85"),
        ("<a href=# tabindex=2>first</a>", "a place of its own"),
        ("<p id=a>one</p><p id=a>two</p>", "the same id"),
        ("<h3>deep</h3>", "a level of headings"),
    ],
)
def test_the_check_finds_what_is_wrong(tab, wrong, said):
    """Each fault that the check is for is found where it was made."""
    tab.set_content(f"<body style='background: #fff'><h1>page</h1><p>one</p><p>two</p><p>three</p>{wrong}")
    (fault,) = find_faults(tab)

    assert fault.startswith(said)


def test_the_focus_goes_through_the_page_as_it_is_read(tab, page):
    """Tab leads past the header, through the states, the views and the filters to the table, and shows where it is."""
    tab.goto(page.url + "#nodes")
    tab.wait_for_selector("tr.row a")
    where = "(({ id, className, textContent }) => id || className || textContent)(document.activeElement)"
    seen = []
    while (not seen or seen[-1] != "rows") and len(seen) < 30:
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate(where))
        style = "getComputedStyle(document.activeElement)"
        assert tab.evaluate(f"{style}.outlineStyle + {style}.outlineWidth") == "solid3px", seen
    states = tab.locator("#counts a").all_text_contents()
    views = tab.locator("nav a").all_text_contents()
    assert seen == ["skip", *states, *views, "text", "function", "state", "rows"]
