"""What others cost on the same jobs: a warm hit, a chain from nothing, and one input of a book of trades that changes.

A job is a table of adapters, one for each contender that can do it: a cache of calls does not know what reads an input.
An adapter says which package it needs; where that is not installed the contender is left out. All contenders of a job give
equal answers; the tests compare them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import operator
import pathlib
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module
from .recompute import Sizes, fibonacci
from .what_ifs import Book, HandBook, memoized_book

NOTHING = contextlib.nullcontext()
PACKAGES = ("cachetools", "dask", "joblib", "loman", "modelx")


@attrs.frozen
class Job:
    """What is to be done: the number of the chain's last node, the book, and a folder for those who work on files."""

    depth: int
    book: Book
    folder: pathlib.Path


@attrs.frozen
class Subject:
    """A contender's way to do a job: ``ask`` does it, with ``inside`` in force."""

    ask: Callable[..., Any]
    forget: Callable[[], object] = lambda: None
    """Makes the next ``ask`` start from nothing; its time does not count."""
    inside: AbstractContextManager[object] = NOTHING


@attrs.frozen
class Adapter:
    """How a job is given to one contender; ``package`` is what it needs besides the standard library."""

    contender: str
    make: Callable[[Job], Any]
    package: str = "dug"


def cases(sizes: Sizes) -> Iterator[Case]:
    """The jobs, each built when it is asked for."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20 * sizes.depth))  # a call of joblib is some Python frames deep
    with tempfile.TemporaryDirectory() as folder:
        job = Job(sizes.depth, Book(sizes.trades, sizes.inputs, spin=0), pathlib.Path(folder))
        yield Case("hit, beside peers", "call", _contenders(HITS, job, _time_hits))
        yield Case("cold chain, beside peers", "node", _contenders(CHAINS, job, _time_from_nothing), per=sizes.depth + 1)
        yield Case("one input of a book, beside peers", "change", _contenders(BOOKS, job, _time_changes))
        yield Case("what-if on a book, beside peers", "scenario", _contenders(BOOKS, job, _time_what_ifs))


def find_missing() -> tuple[str, ...]:
    """The packages whose contenders are left out."""
    return tuple(package for package in PACKAGES if not _is_installed(package))


def make(adapters: Sequence[Adapter], job: Job) -> dict[str, Any]:
    """What does the job, by contender, for those that are installed."""
    return {adapter.contender: adapter.make(job) for adapter in adapters if _is_installed(adapter.package)}


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _contenders(adapters: Sequence[Adapter], job: Job, timed: Callable[[Any], Callable[[int], float]]) -> tuple[Contender, ...]:
    return tuple(Contender(name, timed(subject)) for name, subject in make(adapters, job).items())


# How a job is timed


def _time_hits(subject: Subject) -> Callable[[int], float]:
    timer = timeit.Timer("ask(7)", timer=time.process_time, globals={"ask": subject.ask})

    def run(number: int) -> float:
        with subject.inside:
            timer.timeit(1)
            return timer.timeit(number)

    return run


def _time_from_nothing(subject: Subject) -> Callable[[int], float]:
    def run(number: int) -> float:
        taken = 0.0
        with subject.inside:
            for _ in range(number):
                subject.forget()
                started = time.process_time()
                subject.ask()
                taken += time.process_time() - started
        return taken

    return run


def _time_changes(live: LiveBook) -> Callable[[int], float]:
    return _time_stream(live, live.change)


def _time_what_ifs(live: LiveBook) -> Callable[[int], float]:
    return _time_stream(live, live.what_if)


def _time_stream(live: LiveBook, change: Callable[[int, float], float]) -> Callable[[int], float]:
    """A ``run`` of changes, each input in turn, each time with a value it never had."""
    serial = 0

    def run(number: int) -> float:
        nonlocal serial
        batch = [((serial + step) % live.book.inputs, 2.0 + serial + step) for step in range(number)]
        serial += number
        with live.inside:
            started = time.process_time()
            for level, value in batch:
                change(level, value)
            return time.process_time() - started

    return run


# Who remembers the calls of a function


@attrs.frozen
class Memoizer:
    """A decorator, what makes a decorated function forget its calls, and what has to be in force around a call."""

    memoize: Callable[[Callable[..., Any]], Any]
    forget: Callable[[Any], object]
    inside: AbstractContextManager[object] = NOTHING


def _use_cache(_job: Job) -> Memoizer:
    return Memoizer(functools.cache, operator.methodcaller("cache_clear"))


def _use_dug(_job: Job) -> Memoizer:
    ctx = dug.Context()
    return Memoizer(as_in_module(dug.memoize), lambda _fn: ctx.clear(), ctx)


def _use_cachetools(_job: Job) -> Memoizer:
    import cachetools  # an optional package

    cache: dict[Any, Any] = {}
    return Memoizer(cachetools.cached(cache), lambda _fn: cache.clear())


def _use_joblib(job: Job) -> Memoizer:
    import joblib  # an optional package

    return Memoizer(joblib.Memory(job.folder, verbose=0).cache, operator.methodcaller("clear", warn=False))


def _use_modelx(_job: Job) -> Memoizer:
    space = make_space()
    return Memoizer(lambda fn: space.new_cells(fn.__name__, formula=fn), operator.methodcaller("clear_all"))


def make_space() -> Any:
    """A space of a new model of modelx, whose import raises the limit of recursion to a million; it is put back."""
    limit = sys.getrecursionlimit()
    import modelx  # an optional package

    sys.setrecursionlimit(limit)
    return modelx.new_model().new_space()


MEMOIZERS = (
    Adapter("functools.cache", _use_cache),
    Adapter("dug", _use_dug),
    Adapter("cachetools", _use_cachetools, "cachetools"),
    Adapter("joblib.Memory", _use_joblib, "joblib"),
    Adapter("modelx", _use_modelx, "modelx"),
)


def _for_memoizers(do: Callable[[Memoizer, Job], Subject]) -> Iterator[Adapter]:
    """Adapters of a job that is the same for all memoizers."""
    for each in MEMOIZERS:
        yield attrs.evolve(each, make=lambda job, use=each.make: do(use(job), job))


# A warm hit: ``ask(7)``


def _identity(x: int) -> int:
    return x


def _hit(memoizer: Memoizer, _job: Job) -> Subject:
    return Subject(memoizer.memoize(_identity), inside=memoizer.inside)


def _hit_in_dict(_job: Job) -> Subject:
    return Subject({7: 7}.__getitem__)


def _hit_in_loman(_job: Job) -> Subject:
    computation = _make_computation()
    computation.add_node(0, value=7)
    computation.add_node(7, _identity, args=[0], inspect=False)
    computation.compute(7)
    return Subject(computation.value)


def _make_computation() -> Any:
    import loman  # an optional package

    return loman.Computation()


HITS = (*_for_memoizers(_hit), Adapter("Loman", _hit_in_loman, "loman"), Adapter("dict", _hit_in_dict))


# A chain from nothing: ``ask()`` gives the last of some Fibonacci numbers, each a node that reads the two before it


def _chain(memoizer: Memoizer, job: Job) -> Subject:
    fib = fibonacci(memoizer.memoize)
    return Subject(functools.partial(fib, job.depth), functools.partial(memoizer.forget, fib), memoizer.inside)


def _chain_in_loman(job: Job) -> Subject:
    def ask() -> int:
        computation = _make_computation()
        computation.add_node(0, value=0)
        computation.add_node(1, value=1)
        for n in range(2, job.depth + 1):
            computation.add_node(n, operator.add, args=[n - 1, n - 2], inspect=False)
        computation.compute(job.depth)
        return computation.value(job.depth)

    return Subject(ask)


def _chain_of_delayed(job: Job) -> Subject:
    import dask  # an optional package

    add = dask.delayed(operator.add)

    def ask() -> int:
        before, last = dask.delayed(0), dask.delayed(1)
        for _ in range(2, job.depth + 1):
            before, last = last, add(before, last)
        return last.compute(scheduler="synchronous")

    return Subject(ask)


def _chain_in_dask_graph(job: Job) -> Subject:
    import dask  # an optional package

    def ask() -> int:
        graph: dict[str, Any] = {"0": 0, "1": 1}
        for n in range(2, job.depth + 1):
            graph[f"{n}"] = (operator.add, f"{n - 1}", f"{n - 2}")
        return dask.get(graph, f"{job.depth}")

    return Subject(ask)


def _chain_by_hand(job: Job) -> Subject:
    def ask() -> int:
        values = {0: 0, 1: 1}
        for n in range(2, job.depth + 1):
            values[n] = values[n - 1] + values[n - 2]
        return values[job.depth]

    return Subject(ask)


CHAINS = (
    *_for_memoizers(_chain),
    Adapter("Loman", _chain_in_loman, "loman"),
    Adapter("dask.delayed", _chain_of_delayed, "dask"),
    Adapter("dask graph", _chain_in_dask_graph, "dask"),
    Adapter("by hand", _chain_by_hand),
)


# A book of which one input changes


class LiveBook:
    """A book whose inputs are put in place: ``change`` keeps the new value of one, ``what_if`` does not."""

    inside: AbstractContextManager[object] = NOTHING

    def __init__(self, job: Job) -> None:
        self.book = job.book

    def put(self, number: int, value: float) -> None:
        """Set an input."""
        raise NotImplementedError

    def total(self) -> float:
        """What the book is worth."""
        raise NotImplementedError

    def change(self, number: int, value: float) -> float:
        """The total with the input at a new value, which it keeps."""
        self.put(number, value)
        return self.total()

    def what_if(self, number: int, value: float) -> float:
        """The total with the input at another value, which was 1 before and is so again."""
        answer = self.change(number, value)
        self.put(number, 1.0)
        return answer


class _BookByHand(LiveBook):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.hand = HandBook(job.book)

    def put(self, number: int, value: float) -> None:
        self.hand.reprice(self.hand.prices, number, value)

    def total(self) -> float:
        return sum(self.hand.prices)


class _NaiveBook(LiveBook):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.levels = [1.0] * job.book.inputs
        self.reads = job.book.reads()

    def put(self, number: int, value: float) -> None:
        self.levels[number] = value

    def total(self) -> float:
        price, levels = self.book.price, self.levels
        return sum([price(trade, levels[first], levels[second]) for trade, first, second in self.reads])


class _DugBook(LiveBook):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.inside = self.ctx = dug.Context()
        self.level, self._total = memoized_book(job.book)
        self.ctx.run(self._total)

    def put(self, number: int, value: float) -> None:
        self.ctx.tweak(self.level.node(number), value)

    def total(self) -> float:
        return self._total()

    def what_if(self, number: int, value: float) -> float:
        with dug.Context({self.level.node(number): value}):
            return self._total()


class _ModelxBook(LiveBook):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        space = make_space()
        space.book = job.book
        self.level, self._total = memoized_book(job.book, lambda fn: space.new_cells(fn.__name__, formula=fn))
        self._total()

    def put(self, number: int, value: float) -> None:
        self.level[number] = value

    def total(self) -> float:
        return self._total()


class _LomanBook(LiveBook):
    """Needs a book whose trades read two different inputs: Loman keeps one edge between two nodes."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.computation, book = _make_computation(), job.book
        for number in range(book.inputs):
            self.computation.add_node(("level", number), value=1.0)
        for trade, first, second in book.reads():
            price, levels = functools.partial(book.price, trade), [("level", first), ("level", second)]
            self.computation.add_node(("price", trade), price, args=levels, inspect=False)
        prices = [("price", trade) for trade in range(book.trades)]
        self.computation.add_node("total", lambda *values: sum(values), args=prices, inspect=False)
        self.total()

    def put(self, number: int, value: float) -> None:
        self.computation.insert(("level", number), value)

    def total(self) -> float:
        self.computation.compute("total", raise_exceptions=True)
        return self.computation.value("total")


class _DaskBook(LiveBook):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        book = job.book
        self.graph: dict[Any, Any] = {("level", number): 1.0 for number in range(book.inputs)}
        for trade, first, second in book.reads():
            self.graph["price", trade] = (book.price, trade, ("level", first), ("level", second))
        self.graph["total"] = (sum, [("price", trade) for trade in range(book.trades)])

    def put(self, number: int, value: float) -> None:
        self.graph["level", number] = value

    def total(self) -> float:
        import dask  # an optional package

        return dask.get(self.graph, "total")


BOOKS = (
    Adapter("by hand", _BookByHand),
    Adapter("dug", _DugBook),
    Adapter("modelx", _ModelxBook, "modelx"),
    Adapter("Loman", _LomanBook, "loman"),
    Adapter("dask graph", _DaskBook, "dask"),
    Adapter("naive", _NaiveBook),
)
