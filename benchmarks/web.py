"""What a page costs: a hit while a page of the context is open and asks, and the page's answers about very many nodes.

The page is asked by another process, as a browser would, so that the figure holds what answering takes and not what asking does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

import dug
from dug import snapshot, web
from dug.web._answers import Answers
from dug.web._subjects import ContextSubject, FileSubject, Subject

from ._harness import Case, Contender, as_in_module, time_calls

PAGES = ("page of a large file", "page of a large context")
PACKAGES = ("starlette", "uvicorn")
ASK = """
import sys, time
from urllib.request import build_opener, HTTPCookieProcessor
opener = build_opener(HTTPCookieProcessor())
opener.open(sys.argv[1]).read()
address = sys.argv[1].partition("?")[0] + "data/head"
opener.open(address).read()
print("asked", flush=True)
while True:
    time.sleep(0.25)
    opener.open(address).read()
"""
"""A browser that shows the page looks four times a second."""


@attrs.frozen
class Sizes:
    """How many hits are one unit, so that the page is asked during each; how many nodes a context has, and a large one."""

    hits: int = 10_000_000
    beside: int = 10_000
    nodes: int = 100_000


def find_missing() -> list[str]:
    """Returns the packages that are not installed."""
    from dug._extras.packages import is_there

    return [package for package in PACKAGES if not is_there(package)]


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of pages."""
    if not find_missing():
        yield Case("hit beside a page", "call", tuple(_list_hits(sizes)), per=sizes.hits)
    yield from _answer_cases(sizes)


def _list_hits(sizes: Sizes) -> Iterator[Contender]:
    """Yields the contenders that time calls which are known, in one context: where its parts lie in memory differs by more."""
    leaf, _ = make_functions()
    with dug.Context() as ctx:
        for number in range(sizes.beside):
            leaf(number)

    def time_hits(number: int, show: Callable[[dug.Context], AbstractContextManager[None]]) -> float:
        with show(ctx), ctx:
            started = time.process_time()
            for _ in range(number * sizes.hits):
                leaf(1)
            return time.process_time() - started

    yield Contender("no page", lambda number: time_hits(number, nullcontext))
    yield Contender("a page that asks", lambda number: time_hits(number, _show))


@contextmanager
def _show(ctx: dug.Context) -> Iterator[None]:
    """Serve a page that another process asks."""
    with web.serve(ctx, open=False) as page:
        asking = subprocess.Popen([sys.executable, "-c", ASK, page.url], stdout=subprocess.PIPE)
        try:
            assert asking.stdout is not None
            asking.stdout.readline()
            yield
        finally:
            asking.kill()
            asking.communicate()


def make_functions() -> tuple[Any, Any]:
    """Returns a memoised function, and another one that reads a hundred nodes of it."""

    @as_in_module(dug.memoize)
    def leaf(number: int) -> float:
        return number * 1.5

    @as_in_module(dug.memoize)
    def gather(first: int) -> float:
        return sum(leaf(number) for number in range(first, first + 100))

    return leaf, gather


def make_context(nodes: int) -> dug.Context:
    """Returns a context with about so many nodes."""
    _, gather = make_functions()
    with dug.Context() as ctx:
        for first in range(0, nodes, 100):
            gather(first)
    return ctx


def _answer_cases(sizes: Sizes) -> Iterator[Case]:
    ctx = make_context(sizes.nodes)
    with TemporaryDirectory() as folder:
        path = Path(folder, "large.dug")
        snapshot.save(ctx, path)
        yield from _make_case(PAGES[0], lambda: FileSubject(path))
    yield from _make_case(PAGES[1], lambda: ContextSubject(ctx))


def _make_case(name: str, make: Callable[[], Subject]) -> Iterator[Case]:
    """The first answers of a page, a search, and its first graph, beside the list of the nodes alone."""
    with closing(Answers(make())) as known:
        known.answer("head", {})
        numbers = count()

        def list_nodes() -> None:
            with closing(make()) as subject:
                subject.take_columns()

        def tell_first() -> None:
            with closing(Answers(make())) as answers:
                answers.answer("head", {})
                answers.answer("rows", {})

        def search() -> None:
            known.answer("rows", {"text": f"leaf({next(numbers)}"})  # never the same, as the last one is kept

        def draw() -> None:
            with closing(Answers(make())) as answers:
                answers.answer("graph", {})

        contenders = {"list of nodes": list_nodes, "first tables": tell_first, "search": search, "first graph": draw}
        yield Case(name, "question", tuple([Contender(said, time_calls(work)) for said, work in contenders.items()]))
