"""The page in a cell of a notebook: the widget by itself, in a kernel, and in headless Chromium with a notebook's part played."""

from __future__ import annotations

import gc
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from weakref import ref

import pytest

import dug
from dug import snapshot, web

STATIC = Path(web.__file__).parent / "static"
WAIT_S = 30
needs_anywidget = pytest.mark.skipif(find_spec("anywidget") is None, reason="anywidget is in the notebook extra")


@dug.source
def spot(ticker):
    """A price."""
    return {"AAPL": 190.0, "MSFT": 410.0}[ticker]


@dug.memoize
def desk(ticker):
    """What shares are worth."""
    return 100 * spot(ticker)


@dug.memoize
def book():
    """What all of them are worth."""
    try:
        return desk("AAPL") + desk("<b>GONE</b>")
    except KeyError:
        return desk("AAPL")


@pytest.fixture
def ctx():
    """A context with five nodes."""
    with dug.Context(name="desk") as made:
        book()
    return made


@pytest.fixture
def widget(ctx):
    """A widget of it, which notes what it sends."""
    made = web.Widget(ctx, allow_tweaks=True)
    made.sent = []
    made.send = made.sent.append
    yield made
    made.close()


def ask(widget, path, body=None):
    """Return the answer to a message that the script sends."""
    widget._receive(widget, {"id": "1", "path": path, "body": body}, [])
    (answer,) = [sent for sent in widget.sent if sent.get("id") == "1"]
    widget.sent.remove(answer)
    return answer["status"], answer["said"]


def test_the_missing_package_is_named(ctx, monkeypatch):
    """Without anywidget, the line to type is said."""
    monkeypatch.setitem(sys.modules, "anywidget", None)

    with pytest.raises(ImportError, match=r'dug.web.Widget\(\) needs anywidget. Type: pip install "dug\[notebook\]"'):
        web.Widget(ctx)


@needs_anywidget
@pytest.mark.slow  # anywidget is imported
class TestByItself:
    def test_a_widget_has_the_script_and_the_styles_of_the_page(self, widget):
        """A notebook gets the very files that the server sends."""
        assert widget._esm == (STATIC / "app.js").read_text(encoding="utf-8")
        assert widget.styles == (STATIC / "app.css").read_text(encoding="utf-8")

    def test_a_message_is_answered_as_the_server_would(self, widget, ctx):
        """Each question has the status and the answer that it has on a page."""
        status, node = ask(widget, "node?name=test_widget%3Adesk('AAPL')")
        assert (status, node["about"]["value"]) == (200, "19000.0")
        assert ask(widget, "node?name=nothing") == (404, {"error": "nothing is not here"})
        assert ask(widget, "nothing")[0] == 404
        assert ask(widget, "try", {"name": "test_widget:desk('AAPL')", "value": "[1"})[0] == 400
        assert ask(web_widget_without_tweaks(ctx), "try", {})[0] == 405

    def test_the_first_answers_are_kept_in_the_notebook(self, widget):
        """What the page asks first is in the state of the widget, for a notebook of which the kernel has ended."""
        assert widget.kept["head"]["nodes"] == 5
        (rows,) = [said["rows"] for path, said in widget.kept.items() if path.startswith("rows?")]
        assert len(rows) == 5

    def test_the_page_is_told_once_that_something_has_moved(self, widget, ctx):
        """One message says that the page is no longer what it was; the next one comes after the page has asked again."""
        told = threading.Semaphore(0)
        widget.send = lambda said: (widget.sent.append(said), told.release())
        with ctx:
            desk("MSFT")
        assert told.acquire(timeout=WAIT_S)
        assert widget.sent == [{"moved": True}]
        ask(widget, "head")
        assert not widget._answers.has_moved(widget._number)

    def test_a_widget_that_is_closed_holds_nothing(self, tmp_path, ctx):
        """Closing frees a file and ends the thread; closing again does nothing."""
        snapshot.save(ctx, tmp_path / "desk.dug")
        of_file = web.Widget(tmp_path / "desk.dug")
        made = web.Widget(ctx)
        for one in (of_file, made, made):
            one.close()
        held = ref(made)
        del made, one
        gc.collect()

        assert held() is None


def web_widget_without_tweaks(ctx):
    """Return a widget that notes what it sends, and takes no tweaks."""
    made = web.Widget(ctx)
    made.sent = []
    made.send = made.sent.append
    return made


NOTEBOOK = """<!doctype html><meta charset="utf-8"><style>body { background: GROUND } h1 { text-transform: uppercase }</style>
<body><h1>Notebook</h1><div id="one"></div><div id="two"></div><script type="module">
import page from "./app.js";
const state = await window.takeState();
const listeners = [];
const model = {
  get: (name) => state[name],
  on: (kind, listener) => listeners.push(listener),
  off: (kind, listener) => listeners.splice(listeners.indexOf(listener), 1),
  send: (asked) => window.askKernel(asked),
};
const ends = ["one", "two"].map((id) => page.render({ model, el: document.getElementById(id) }));
window.addEventListener("end", () => { ends.forEach((end) => end()); document.body.dataset.listeners = listeners.length; });
async function listen() {
  for (const said of await window.takeSaid()) listeners.forEach((listener) => listener(said));
  setTimeout(listen, 20);
}
listen();
</script></body>"""


def show_in_notebook(tab, widget, ground="#fff", *, has_kernel=True):
    """Show a widget in two cells of a tab that plays the part of a notebook: its messages go to the widget, as by a kernel."""
    notebook = {"": ("text/html", NOTEBOOK.replace("GROUND", ground)), "app.js": ("text/javascript", widget._esm)}

    def give(route):
        kind, body = notebook[route.request.url.rpartition("/")[2]]
        route.fulfill(body=body, content_type=kind)

    def take_said():
        said, widget.sent[:] = [*widget.sent], []
        return said

    tab.route("http://notebook.test/*", give)
    tab.expose_function("takeState", lambda: {"styles": widget.styles, "kept": widget.kept})
    tab.expose_function("takeSaid", take_said)
    tab.expose_function("askKernel", lambda asked: widget._receive(widget, asked, []) if has_kernel else None)
    tab.goto("http://notebook.test/")


@needs_anywidget
@pytest.mark.slow
class TestInBrowser:
    def test_two_cells_show_two_places_of_one_context(self, tab, widget, ctx):
        """Each cell has its own address, and follows the context; the notebook around them keeps its address and its looks."""
        tab.emulate_media(color_scheme="dark")
        show_in_notebook(tab, widget, "oklch(1 0 0)")
        tab.wait_for_selector("#one [data-total='5']")
        tab.wait_for_selector("#one > div[style*=light]", state="attached")
        tab.click("#one tr.row a >> text=book()")
        tab.wait_for_selector("#one [data-boxes='5']")
        assert "desk('AAPL')" in tab.text_content("#one pre[aria-label=Explanation]")
        tab.fill("#two #text", "GONE")
        tab.wait_for_selector("#two [data-total='2']")
        assert tab.locator("#one #node").count() == 1
        with ctx:
            desk("MSFT")
        tab.fill("#two #text", "")
        tab.wait_for_selector("#two [data-total='7']")
        tab.click("#one button >> text=Back")
        tab.wait_for_selector("#one [data-total='7']")
        assert tab.url == "http://notebook.test/"
        assert tab.locator("body b").count() == 0
        case = "getComputedStyle(document.querySelector('h1')).textTransform"
        assert tab.evaluate(case) == "uppercase"
        assert tab.evaluate(case.replace("document.", "document.querySelector('#one > div').shadowRoot.")) == "none"
        tab.evaluate("window.dispatchEvent(new Event('end'))")
        assert tab.get_attribute("body", "data-listeners") == "0"
        assert tab.troubles == []

    def test_a_notebook_without_a_kernel_shows_what_was_kept(self, tab, widget):
        """A saved notebook shows the nodes as they were, on its own dark ground, and says why it goes no further."""
        show_in_notebook(tab, widget, "#111", has_kernel=False)
        tab.wait_for_selector("#one [data-total='5']")
        assert tab.evaluate("getComputedStyle(document.querySelector('#one > div')).colorScheme") == "dark"
        tab.click("#one tr.row a >> text=book()")
        tab.wait_for_selector("#one #trouble >> text=run this cell again")
        assert tab.troubles == []

    def test_what_is_typed_in_a_cell_is_no_command_of_the_notebook(self, tab, widget):
        """A key that is pressed in the page is not heard outside of it, where letters may be commands."""
        show_in_notebook(tab, widget)
        tab.wait_for_selector("#one [data-total='5']")
        tab.evaluate("document.addEventListener('keydown', (event) => { document.body.dataset.heard = event.key; })")
        tab.focus("#one #text")
        tab.keyboard.type("dd")
        tab.wait_for_selector("#one [data-total='0']")
        assert tab.get_attribute("body", "data-heard") is None
        assert tab.locator("#one [data-lm-suppress-shortcuts=true]").count() == 1
