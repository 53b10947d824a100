"""Who is let in to a page, what it sends, and what it does not touch: asked by a plain HTTP client."""

from __future__ import annotations

import gc
import http.client
import json
import sys
import warnings
from itertools import count
from urllib.parse import parse_qs, quote, urlsplit
from weakref import ref

import pytest

import dug
from dug import snapshot, web
from dug._inspect.columns import Columns
from dug.cli import main
from dug.web._answers import Answers
from dug.web._guard import HEADERS
from dug.web._layers import arrange
from dug.web._subjects import ContextSubject

pytest.importorskip("starlette", reason="starlette is in the web extra")
pytest.importorskip("uvicorn", reason="uvicorn is in the web extra")

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e"


@dug.memoize
def show_back(text):
    """A node of which the argument is the value."""
    return text


@dug.memoize
def fail(text):
    """A node that fails."""
    raise ValueError(text)


@dug.memoize
def total():
    """A node that reads two, one of which fails."""
    try:
        fail("no quote")
    except ValueError:
        return show_back("x")


@pytest.fixture
def ctx():
    """A context with four nodes."""
    with dug.Context(name="desk") as made:
        total()
    return made


@pytest.fixture
def live_page(ctx):
    """The page of the context."""
    with web.serve(ctx, open=False) as served:
        yield served


@pytest.fixture(scope="module")
def page():
    """The page of such a context, in which nothing changes."""
    with dug.Context(name="desk") as made:
        total()
    with web.serve(made, open=False) as served:
        yield served


def ask(page, path="/", *, method="GET", token=True, **headers):
    """Return the answer of a page: status, headers and body."""
    url = urlsplit(page.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    secret = parse_qs(url.query)["token"][0]
    cookie = {"Cookie": f"dug-{url.port}={secret}"} if token else {}
    try:
        connection.request(method, path, headers={**cookie, **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def ask_data(page, path):
    """Return what a page answers about its nodes."""
    return json.loads(ask(page, f"/data/{path}")[2])


@pytest.mark.parametrize("path", ["/", "/app.js", "/app.css", "/favicon.ico", "/data/head", "/data/rows"])
def test_nothing_is_answered_without_the_token(page, path):
    """A page, its files and its data are for those who have its token."""
    assert ask(page, path, token=False)[0] == 403
    assert ask(page, f"{path}?token=another-token-that-is-long", token=False)[0] == 403
    assert ask(page, path)[0] == 200


def test_the_token_is_exchanged_for_a_cookie_that_no_script_reads(page):
    """The printed address gives a browser a cookie, which no script and no other site can use."""
    status, headers, _ = ask(page, f"/?{urlsplit(page.url).query}", token=False)

    assert status == 200
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["set-cookie"].split("; "))
    assert "set-cookie" not in ask(page)[1]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "8.8.8.8", ""])
def test_another_host_is_refused(page, host):
    """A name that leads to this machine, and is not one of its own, is refused."""
    assert ask(page, "/data/head", Host=host)[0] == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_get_is_answered(page, method):
    """A page has nothing to change."""
    assert ask(page, "/data/head", method=method)[0] == 405


@pytest.mark.parametrize("path", ["/..%2f_page.py", "/%2e%2e/_page.py", "/static/app.js", "/app.js/..", "/data/..", "/etc/x"])
def test_no_other_file_is_sent(page, path):
    """Files are sent by a table of their names."""
    assert ask(page, path)[0] == 404


@pytest.mark.parametrize(("path", "token"), [("/", True), ("/nothing", True), ("/data/head", True), ("/", False)])
def test_every_answer_forbids_what_is_not_the_pages_own(page, path, token):
    """Each answer, refusals too, has the headers that forbid strangers' scripts and frames."""
    headers = ask(page, path, token=token)[1]

    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_the_files_of_the_page_are_there(page):
    """Each file of the table is sent with its type."""
    from dug.web._starlette import FILES

    for name, (_, kind) in FILES.items():
        status, headers, body = ask(page, f"/{name}")
        assert (status, headers["content-type"]) == (200, kind)
        assert body


def test_a_node_is_told_whole(page):
    """A node has its value, its state, what it read, what read it, its explanation and its source text."""
    node = ask_data(page, "node?name=" + quote("test_serving:show_back('x')"))

    assert (node["about"]["value"], node["state"], node["reads_total"]) == ("'x'", "computed", 0)
    assert [reader["text"] for reader in node["readers"]] == ["test_serving:total()"]
    assert "def show_back" in node["code"]
    assert node["explain"].startswith("test_serving:show_back('x') = 'x'")


def test_failures_are_grouped_by_place(live_page, ctx):
    """Nodes that failed at one line are one place, with a traceback."""
    with ctx:
        for text in "ab":
            with pytest.raises(ValueError, match=text):
                fail(text)

    (group,) = ask_data(live_page, "failures")["groups"]
    assert group["count"] == 3
    assert group["place"].startswith("test_serving.py:")
    assert "Traceback" in group["traceback"]


@pytest.mark.parametrize(
    ("query", "total"), [("", 3), ("text=SHOW", 1), ("state=failed", 1), ("text=a&state=failed", 1), ("function=nothing", 0)]
)
def test_the_table_is_filtered(page, query, total):
    """A table has the nodes that fit each filter."""
    assert ask_data(page, f"rows?{query}")["total"] == total


def test_a_page_follows_its_context(live_page, ctx):
    """What runs later is shown, and the number of the look tells that something has changed."""
    before = ask_data(live_page, "head")
    with ctx:
        show_back("later")
    while (after := ask_data(live_page, "head"))["number"] == before["number"]:
        pass

    assert after["nodes"] == before["nodes"] + 1


def test_a_page_says_when_its_nodes_were_taken(ctx, monkeypatch):
    """A page that is asked again, and shows the nodes of before, says when these were taken, not when it was asked."""
    times = count(1)
    monkeypatch.setattr(ContextSubject, "since", property(lambda _: str(next(times))))
    answers = Answers(ContextSubject(ctx))
    assert [answers.answer("head", {})["since"] for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize("make", [lambda _: dug.Context(), snapshot.load])
def test_a_page_of_what_does_not_change_stays(ctx, tmp_path, make):
    """A context that nobody has entered, such as a loaded one, is not taken again by each poll of a page."""
    snapshot.save(ctx, tmp_path / "night.dug")
    answers = Answers(ContextSubject(make(tmp_path / "night.dug")))
    stamps = {answers.subject.find_stamp() for _ in range(3)}

    assert len(stamps) == 1


def test_a_page_tells_scenarios_apart_and_keeps_none(ctx):
    """The stamp of a context is another one after a tweak, and what it stands for is free to go."""
    subject = ContextSubject(ctx)
    before, view = subject.find_stamp(), ref(ctx._here())
    ctx.tweak(total.node(), 1)
    gc.collect()
    assert subject.find_stamp() != before
    assert view() is None


def test_nobody_listens_while_a_page_is_open(live_page, ctx):
    """Hits are answered from the table of the cache while a page asks: it counts, and has no listener."""
    for path in ("head", "rows", "failures", "graph"):
        ask_data(live_page, path)

    assert ctx._listeners == []
    assert ctx.cache.quick is ctx.cache.homes


def test_a_question_that_cannot_be_answered_says_why(page):
    """A node that is not there, a number that is none and an unknown question have an error each."""
    assert ask_data(page, "node?name=nothing") == {"error": "nothing is not here"}
    assert ask_data(page, "rows?first=-1") == {"error": "first must be a whole number, not '-1'"}
    assert ask(page, "/data/secrets")[0] == 404


def test_a_file_is_shown_and_nothing_of_it_imported(tmp_path, ctx, monkeypatch):
    """A file is shown when its module is not there, and texts are as they were, marks that reorder them escaped."""
    with ctx:
        show_back(HOSTILE)
    path = tmp_path / "night.dug"
    snapshot.save(ctx, path)
    monkeypatch.setitem(sys.modules, "test_serving", None)
    with web.serve(path, open=False) as page:
        rows = ask_data(page, "rows?text=" + quote("<img"))["rows"]
        node = ask_data(page, "node?" + f"name={quote(rows[0]['name'])}")

    assert sys.modules["test_serving"] is None
    assert "\u202e" not in json.dumps(node, ensure_ascii=False)
    assert "<script>" in node["text"]
    assert "def show_back" in node["code"]


def test_a_whole_graph_of_many_nodes_has_a_box_for_each_function(ctx, live_page):
    """Above 300 nodes the graph is by function, and that around a node has at most 300 boxes."""

    @dug.memoize
    def gather():
        return [show_back(number) for number in range(400)]

    with ctx:
        gather()
    while (graph := ask_data(live_page, "graph"))["by"] != "function":
        pass

    assert {box["text"].rpartition(" ")[0].rpartition(":")[2].rpartition(".")[2] for box in graph["boxes"]} == {
        "show_back", "fail", "total", "gather",
    }  # fmt: skip
    (name,) = [row["name"] for row in ask_data(live_page, "rows?text=gather")["rows"]]
    around = ask_data(live_page, f"around?name={quote(name)}")
    assert (len(around["boxes"]), around["left_out"]) == (300, 101)


def test_a_time_that_is_no_number_does_not_break_the_page(ctx, monkeypatch):
    """A stranger's file may say that a node took for ever; the table shows the others all the same."""
    subject = ContextSubject(ctx)
    columns = Columns([show_back.node("x")._key], ["m:f"], ["computed"], [False], [float("inf")], [float("nan")], [0], [None])
    monkeypatch.setattr(subject, "take_columns", lambda: columns)
    (row,) = Answers(subject).answer("rows", {})["rows"]

    assert (row["seconds"], row["own"]) == (0.0, 0.0)


def test_a_box_is_to_the_right_of_all_that_it_reads():
    """Columns are layers, and boxes that are connected stand in one row."""
    places = arrange("abcd", {"a": "", "b": "", "c": "b", "d": "ca"})

    assert [places[box][0] for box in "abcd"] == [0, 0, 1, 2]


def test_a_page_that_is_closed_answers_no_more(ctx):
    """Closing ends the server; closing again does nothing."""
    page = web.serve(ctx, open=False)
    page.close()
    page.close()

    with pytest.raises(ConnectionError):
        ask(page)


@pytest.mark.parametrize(
    ("what", "options", "error", "said"),
    [
        (3, {}, TypeError, r"A page shows a dug.Context, .* or the path of a file, not 3. Write dug.web.serve\(ctx\) or "),
        ("ctx", {"port": "80"}, TypeError, "port must be a whole number from 0 to 65535, not '80'. Leave it out for a free one."),
        ("ctx", {"port": 70_000}, ValueError, "port must be a whole number from 0 to 65535, not 70000. Leave it out"),
        ("ctx", {"token": "short"}, ValueError, "a token has at least 16 letters"),
        ("ctx", {"token": 7}, TypeError, "token must be a text, not 7"),
        ("ctx", {"host": "0.0.0.0"}, ValueError, "lets other machines ask"),
        ("nothing.dug", {}, dug.SnapshotError, "nothing.dug"),
    ],
)
def test_a_slip_is_named(ctx, what, options, error, said):
    """What cannot be served is refused with what to type."""
    with pytest.raises(error, match=said):
        web.serve(ctx if what == "ctx" else what, open=False, **options)


def test_another_host_is_warned_of(ctx):
    """A page for other machines says that nothing is encrypted."""
    with pytest.warns(UserWarning, match="nothing is encrypted"):
        page = web.serve(ctx, open=False, host="0.0.0.0", token="a-secret-of-the-desk")
    with page, warnings.catch_warnings():
        assert ask(page, Host="10.1.2.3:80")[0] == 200
        assert ask(page, Host="evil.example")[0] == 421


def test_the_browser_is_opened(ctx, monkeypatch):
    """By default the browser shows the address with its token."""
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with web.serve(ctx, token="a-secret-of-the-desk") as page:
        assert opened == [page.url]
    assert page.url.endswith("/?token=a-secret-of-the-desk")
    assert repr(page) == f"<dug.web.Page {page.url}>"


def test_the_missing_package_is_named(ctx, monkeypatch):
    """Without Starlette, the line to type is said."""
    monkeypatch.setitem(sys.modules, "starlette", None)

    with pytest.raises(ImportError, match=r'needs starlette. Type: pip install "dug\[web\]"'):
        web.serve(ctx, open=False)


def test_the_command_prints_the_address(tmp_path, ctx, monkeypatch, capsys):
    """``dug web FILE`` prints the address of the page, and serves it until it is stopped."""
    path = tmp_path / "night.dug"
    snapshot.save(ctx, path)
    asked = []
    monkeypatch.setattr(web.Page, "wait", lambda page: asked.append(ask_data(page, "head")["title"]))

    assert main(["web", str(path), "--no-open"]) == 0
    assert asked == ["night.dug, desk"]
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


DESK = """
import dug

@dug.memoize
def price(ticker):
    return 2.0
"""


def test_the_command_imports_only_when_it_is_told_to(tmp_path, monkeypatch, capsys):
    """``dug web FILE --allow-tweaks`` imports the modules of the file from the current folder, and lets its nodes be tweaked."""
    (tmp_path / "desk_of_web.py").write_text(DESK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with dug.Context() as made:
        __import__("desk_of_web").price("a")
    snapshot.save(made, "night.dug")
    monkeypatch.delitem(sys.modules, "desk_of_web")
    asked = []

    def note(page):
        asked.append((ask_data(page, "head")["tweaks"], "desk_of_web" in sys.modules))

    monkeypatch.setattr(web.Page, "wait", note)

    assert main(["web", "night.dug", "--no-open"]) == 0
    assert main(["web", "night.dug", "--no-open", "--allow-tweaks"]) == 0
    assert asked == [(False, False), (True, True)]
    assert main(["web", "night.dug", "--trust"]) == 2
    assert "--trust needs --allow-tweaks" in capsys.readouterr().err
