"""One sheet, written as lines, as HTML and in the colours of a terminal."""

from html.parser import HTMLParser
from io import StringIO

import pytest
from support.sample_graphs import HOSTILE

from dug._text import markup, plain
from dug._text.sheet import Drawing, Entry, Folded, Line, Outline, Rows, Sheet
from dug._text.shown import Shown

ROWS = Rows(["node", "state", "read"], [["m:f(1)", "computed, source", "2"], ["m:g()", "failed", "1,000"]], "... 3 more")
ENTRIES = [Entry(0, "m:f: 1 -> 2", ["m:f", "1", "2"]), Entry(1, "... 1 unchanged", ["1 unchanged"])]
OUTLINE = Outline(["node", "was", "is"], ENTRIES)
SHEET = Sheet(
    [
        Line("a title", is_title=True),
        Line("a line", 1),
        ROWS,
        OUTLINE,
        Drawing("<svg></svg>", "a tree\nof text"),
        Folded("more", [Line("inside")]),
    ]
)


class Reader(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def test_lines_are_written_below_each_other():
    """As text a sheet is lines: indented, columns aligned, an outline line by line, and nothing that must be opened."""
    assert plain.write(SHEET).splitlines() == [
        "a title",
        "  a line",
        "  node    state             read",
        "  m:f(1)  computed, source  2",
        "  m:g()   failed            1,000",
        "  ... 3 more",
        "m:f: 1 -> 2",
        "  ... 1 unchanged",
        "a tree",
        "of text",
    ]


def test_html_has_a_table_for_rows_and_for_an_outline():
    """As HTML rows and outlines are tables, numbers stand to the right, and states have colours."""
    page = markup.write(SHEET)
    reader = Reader(page)

    assert reader.tags.count("table") == 2
    assert reader.tags.count("tr") == 6
    assert '<span class="dug-state dug-computed">computed, source</span>' in page
    assert '<td class="dug-number">1,000</td>' in page
    assert '<td colspan="3" style="padding-left:1.4em">1 unchanged</td>' in page
    assert "<details><summary>more</summary><p>inside</p></details>" in page


def test_html_has_no_ground_and_no_ink_of_its_own():
    """No text has a colour and no ground is opaque, so that the page around decides between light and dark."""
    style = markup.write(SHEET).partition("<style>")[2].partition("</style>")[0]
    rules = dict(rule.split("{") for rule in style.split("}") if rule)
    opaque = [head for head, body in rules.items() if "background:#" in body and len(body.partition("#")[2].split(";")[0]) < 8]

    assert opaque == [".dug .dug-picture svg"]  # of Graphviz, whose ink is dark
    assert not [head for head, body in rules.items() for part in body.split(";") if part.startswith("color:")]


def test_html_fetches_and_runs_nothing():
    """A sheet is complete by itself, and mathematics in a value is not typeset."""
    reader = Reader(markup.write(SHEET))

    assert not {"script", "img", "link", "iframe", "object"} & set(reader.tags)
    assert not [value for name, value in reader.attributes if name in ("src", "href")]
    assert ("class", "dug tex2jax_ignore mathjax_ignore") in reader.attributes


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_any_text_as_text(text):
    """Whatever a text contains, it adds no tag and no attribute to the page."""

    def fill(text):
        outline = Outline([text], [Entry(1, text, [text])])
        return Sheet([Line(text, 2, is_title=True), Rows([text, "state"], [[text, text]], text), outline, Folded(text, [])])

    plain_page, hostile = Reader(markup.write(fill("a"))), Reader(markup.write(fill(text)))

    assert hostile.tags == plain_page.tags
    assert hostile.attributes == plain_page.attributes
    assert "".join(hostile.text).isprintable()


@pytest.mark.parametrize("text", [*HOSTILE, "[bold]x[/bold]", "\x1b[2J"])
def test_rich_shows_any_text_as_text(text):
    """Whatever a text contains, rich takes nothing of it as markup, and no code reaches the terminal."""
    console, printed = open_console(no_color=True)
    console.print(Shows(Sheet([Line(text), Rows([text], [[text]])])))

    assert "[bold]x[/bold]" in printed.getvalue() or text != "[bold]x[/bold]"
    assert "\x1b[2J" not in printed.getvalue()


class Shows(Shown):
    """Shows a sheet."""

    def __init__(self, sheet):
        self._given = sheet

    def _sheet(self):
        return self._given


def open_console(**options):
    """Return a console of rich's, and what it prints to."""
    console = pytest.importorskip("rich.console")
    stream = StringIO()
    return console.Console(file=stream, width=100, force_terminal=True, color_system="standard", **options), stream


def test_rich_has_colours_for_states():
    """Where rich prints it, a sheet has its tables, and the colour of each state."""
    console, printed = open_console()
    console.print(Shows(SHEET))

    assert "\x1b[1;31mfailed" in printed.getvalue()
    assert "a tree" in printed.getvalue()
    assert "inside" not in printed.getvalue()


def test_ipython_gets_lines():
    """Where IPython shows text, it shows the lines."""
    said = []
    printer = type("Printer", (), {"text": said.append})
    Shows(SHEET)._repr_pretty_(printer, False)

    assert said == [plain.write(SHEET)]
