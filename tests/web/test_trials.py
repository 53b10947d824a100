"""Tweaks that are made on a page: who may make them, what they run, and what they leave alone."""

from __future__ import annotations

import json

import pytest

import dug
from dug import snapshot, web
from dug.web._shown import show
from dug.web._taken import AskError

pytest.importorskip("starlette", reason="starlette is in the web extra")
pytest.importorskip("uvicorn", reason="uvicorn is in the web extra")


@dug.source
def spot(ticker):
    """A price."""
    return {"a": 1.0, "b": 2.0}[ticker]


@dug.memoize
def position(ticker) -> float:
    """What ten of them are worth."""
    return 10 * spot(ticker)


@dug.memoize
async def hedge():
    """A coroutine function that rests on a price."""
    return -spot("a")


@dug.memoize
def book():
    """What all are worth."""
    if spot("a") < 0:
        raise ValueError("a price below zero")
    return position("a") + position("b")


@pytest.fixture
def ctx():
    """A context inside another one, in which a book is known."""
    with dug.Context({spot.node("b"): 3.0}), dug.Context(name="desk") as made:
        book()
    return made


@pytest.fixture
def answers(ctx):
    """What a page of it answers."""
    return show(ctx, allow_tweaks=True)


def attempt(answers, node, text):
    """Try another value of a node, and return the parts of the answer when it is there."""
    (name,) = [row["name"] for row in answers.answer("rows", {"text": node})["rows"]]
    answers.begin_trial({"name": name, "value": text})
    query = {"name": name, "value": text}
    while answers.answer("trial", query)["busy"]:
        pass
    return answers.answer("trial", query)["parts"]


def read_cells(parts, kind="table"):
    """Return the cells of the first table."""
    return [[cell["text"] for cell in row["cells"]] for row in next(part for part in parts if part["kind"] == kind)["rows"]]


def test_a_trial_tells_what_moved_and_explains_it(answers):
    """A tweak of a page moves what rests on it, and the number that moved is explained."""
    parts = attempt(answers, "spot('a')", "x2")

    assert read_cells(parts)[0] == ["test_trials:book()", "40.0", "50.0", "+10", ""]
    folded = next(part for part in parts if part["kind"] == "folded")
    assert folded["title"] == "Why: test_trials:book() = 50.0"
    assert "rests on test_trials:spot('a'), bumped by scale(2) here" in [part.get("text") for part in folded["parts"]]


def test_a_trial_changes_nothing_of_the_base(answers, ctx):
    """The nodes of the base, their states and its cache are as they were."""
    before = str(ctx.states()), len(ctx.cache), ctx[book.node()]
    attempt(answers, "spot('a')", "7.0")

    assert (str(ctx.states()), len(ctx.cache), ctx[book.node()]) == before


def test_a_trial_computes_only_what_rests_on_the_tweak(ctx, answers):
    """What the tweak cannot have changed is taken from the base."""
    ran = []
    with ctx.listen(lambda event: ran.append(str(event.node)), kinds="computed"):
        parts = attempt(answers, "spot('a')", "7.0")

    assert read_cells(parts)[-1] == ["... 1 unchanged"]
    assert [node.partition(":")[2] for node in ran] == ["position('a')", "book()"]


def test_a_trial_that_fails_says_so(answers):
    """A function that fails under the tweak is what moved."""
    parts = attempt(answers, "spot('a')", "-1")

    assert read_cells(parts)[0][2] == "failed: ValueError: a price below zero"


def test_a_coroutine_function_is_awaited(ctx):
    """A node of a coroutine function is asked for in a trial, too."""
    import asyncio

    async def main():
        with ctx:
            await hedge()

    asyncio.run(main())
    parts = attempt(show(ctx, allow_tweaks=True), "spot('a')", "4.0")
    assert ["test_trials:hedge()", "-1.0", "-4.0", "-3", ""] in read_cells(parts)


def test_a_tweak_is_read_as_the_command_line_reads_it(answers):
    """Digits are a number where one is returned, and a text that is nearly a literal is refused in words."""
    with pytest.raises(AskError, match=r"is not a literal\. Write a number"):
        attempt(answers, "spot('a')", "[1,")
    with pytest.raises(AskError, match=r"would be a text here\. Write True"):
        attempt(answers, "spot('a')", "true")
    with pytest.raises(AskError, match="is not a literal"):
        attempt(answers, "spot('a')", "__import__('os')")
    with pytest.raises(AskError, match="at most 10,000 characters"):
        attempt(answers, "spot('a')", "1" * 10_001)


def test_what_would_run_is_told_before_it_runs(answers, ctx):
    """The address of a trial that nobody made tells what it would run, and runs nothing."""
    (name,) = [row["name"] for row in answers.answer("rows", {"text": "spot('a')"})["rows"]]
    ran = []
    with ctx.listen(ran.append, kinds="computed"):
        parts = answers.answer("trial", {"name": name, "value": "x2"})["parts"]

    assert [row[0].partition(":")[2] for row in read_cells(parts)] == ["spot('a')", "position('a')", "book()"]
    assert ran == []


@pytest.mark.parametrize("said", [None, 3, {}, {"name": "x"}, {"name": 1, "value": "2"}, {"name": "nothing", "value": "2"}])
def test_a_trial_of_nothing_is_refused(answers, said):
    """What does not name a node of the page and a value is refused."""
    with pytest.raises(AskError):
        answers.begin_trial(said)


def post(page, *, cookie=True, origin=None, kind="application/json", body=None, path="/data/try"):
    """Return the answer of a page to a POST: the status, and the text."""
    import http.client
    from urllib.parse import parse_qs, urlsplit

    url = urlsplit(page.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    headers = {"Origin": f"http://{url.netloc}" if origin is None else origin, "Content-Type": kind}
    if cookie:
        headers["Cookie"] = f"dug-{url.port}={parse_qs(url.query)['token'][0]}"
    said = json.dumps({"name": "test_trials:spot('a')", "value": "2"}) if body is None else body
    try:
        connection.request("POST", path, said, {name: value for name, value in headers.items() if value})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_only_the_page_itself_may_tweak(ctx):
    """A tweak needs the cookie, the page's own origin, and JSON, which no form of another site can send."""
    with web.serve(ctx, open=False, allow_tweaks=True) as page:
        token = page.url.partition("?")[2]
        assert post(page, cookie=False)[0] == 403
        assert post(page, cookie=False, path=f"/data/try?{token}")[0] == 403
        assert post(page, origin="http://evil.example")[0] == 403
        assert post(page, origin="")[0] == 403
        assert post(page, origin="null")[0] == 403
        assert post(page, kind="text/plain")[0] == 415
        assert post(page, path="/data/head")[0] == 405
        assert post(page, body="{")[0] == 400
        assert post(page, body="[" * 99_999)[0] == 400
        assert post(page, body=" " * 100_001)[0] == 413
        assert post(page, body=json.dumps({"name": "test_trials:spot('a')", "value": "[1,"}))[0] == 400
        assert post(page)[0] == 200


def test_a_page_that_does_not_allow_tweaks_takes_none(ctx):
    """By default nothing can be posted to a page."""
    with web.serve(ctx, open=False) as page:
        assert post(page)[0] == 405
    with pytest.raises(AskError, match="allow_tweaks=True"):
        show(ctx).begin_trial({"name": "x", "value": "1"})


def test_a_file_is_loaded_before_it_is_tweaked(ctx, tmp_path):
    """The path of a file is only looked at; loaded, its nodes can be tweaked."""
    path = tmp_path / "night.dug"
    snapshot.save(ctx, path)
    with pytest.raises(TypeError, match=r"serve\(dug.snapshot.load\(path\), allow_tweaks=True\)"):
        web.serve(path, open=False, allow_tweaks=True)

    parts = attempt(show(snapshot.load(path), allow_tweaks=True), "spot('a')", "2.0")
    assert read_cells(parts)[0][1:4] == ["40.0", "50.0", "+10"]
