"""``progress=`` shows how far a sweep is, and never breaks it."""

import io
import sys
from types import ModuleType

import pytest

import dug
from dug._batch.progress import is_watched


@dug.memoize
def spot():
    """Reads nothing."""
    return 100.0


SCENARIOS = [{spot.node(): 1.0}, {spot.node(): 2.0}]


class Bar:
    """Stands in for tqdm's, which need not be installed."""

    def __init__(self, total):
        self.total, self.n, self.is_open = total, 0, True
        made.append(self)

    def update(self, n):
        self.n += n

    def close(self):
        assert self.is_open
        self.is_open = False


made = []


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def tqdm(monkeypatch):
    """The bars that were made, by a module in the place of tqdm."""
    made.clear()
    monkeypatch.setattr("dug._batch.progress.is_watched", lambda: True)
    for name in ("tqdm", "tqdm.auto"):  # the second where ipywidgets is installed
        put_tqdm(monkeypatch, name, Bar)
    return made


def put_tqdm(monkeypatch, name, bar):
    """Put a module with a bar in the place of one of tqdm's."""
    module = ModuleType(name)
    module.tqdm = bar
    monkeypatch.setitem(sys.modules, name, module)


def test_a_function_is_told_after_each_result():
    """A function is called with how many results are there and how many there will be."""
    told = []
    with dug.Context():
        told.extend(result.value for result in dug.sweep(spot.node(), SCENARIOS, progress=lambda *said: told.append(said)))

    assert told == [(1, 2), 1.0, (2, 2), 2.0]


def test_a_total_that_nobody_knows_is_none():
    """Scenarios without a length have no total."""
    told = []
    with dug.Context():
        list(dug.sweep(spot.node(), iter(SCENARIOS), progress=lambda *said: told.append(said)))

    assert told == [(1, None), (2, None)]


def test_nothing_is_told_again():
    """Iterating again makes no progress."""
    told = []
    with dug.Context():
        swept = dug.sweep(spot.node(), SCENARIOS, progress=lambda *said: told.append(said))
        assert len([*swept, *swept]) == 4

    assert len(told) == 2


def test_a_function_may_look_at_the_results():
    """A function that iterates the results that are there is not in their way."""
    seen = []

    def look(done, total):
        seen.append([result.value for _, result in zip(range(done), swept, strict=False)])

    with dug.Context():
        swept = dug.sweep(spot.node(), SCENARIOS, progress=look)
        list(swept)

    assert seen == [[1.0], [1.0, 2.0]]


def test_a_function_that_fails_breaks_nothing(caplog):
    """A function that raises is logged once and not called again."""

    def fail(done, total):
        raise ZeroDivisionError

    with dug.Context():
        values = [result.value for result in dug.sweep(spot.node(), SCENARIOS, progress=fail)]

    assert values == [1.0, 2.0]
    assert [record.name for record in caplog.records] == ["dug"]


def test_true_draws_a_bar(tqdm):
    """``progress=True`` moves one bar to its end and closes it."""
    with dug.Context():
        list(dug.sweep(spot.node(), SCENARIOS, progress=True))

    assert [(bar.total, bar.n, bar.is_open) for bar in tqdm] == [(2, 2, False)]


def test_a_bar_without_a_total_is_closed(tqdm):
    """A bar whose end is not known is closed after the last scenario."""
    with dug.Context():
        list(dug.sweep(spot.node(), iter(SCENARIOS), progress=True))

    assert [(bar.total, bar.n, bar.is_open) for bar in tqdm] == [(None, 2, False)]


def test_a_bar_appears_before_the_first_result(tqdm):
    """A bar is there while the first scenario is asked, and not before."""
    seen = []

    @dug.memoize
    def look():
        seen.append([bar.n for bar in tqdm])

    with dug.Context():
        swept = dug.sweep(look.node(), [{}], progress=True)
        assert tqdm == []
        list(swept)

    assert seen == [[0]]


def test_nobody_sees_a_bar_in_a_pipe(tqdm, monkeypatch):
    """If the standard error stream is not a terminal and there is no notebook, nothing is drawn."""
    monkeypatch.undo()
    with dug.Context():
        list(dug.sweep(spot.node(), SCENARIOS, progress=True))

    assert tqdm == []


def test_a_terminal_or_a_notebook_is_watched(monkeypatch):
    """Either is enough, and a process without a standard error stream has neither."""
    assert not is_watched()
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    assert is_watched()
    monkeypatch.delitem(sys.modules, "ipykernel")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert is_watched()
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_watched()
    closed = Terminal()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert not is_watched()


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("it is closed"), BrokenPipeError()])
@pytest.mark.parametrize("when", ["__init__", "update", "close"])
def test_a_terminal_that_has_gone_breaks_nothing(tqdm, monkeypatch, when, error):
    """A bar that cannot be drawn any more is not, and every result comes."""

    def fail(self, n=0, total=None):
        raise error

    monkeypatch.setattr(Bar, when, fail)
    with dug.Context():
        results = list(dug.sweep(spot.node(), SCENARIOS, progress=True))

    assert [result.error for result in results] == [None, None]


def test_without_tqdm_the_bar_is_one_of_rich(monkeypatch):
    """``progress=True`` moves a bar of rich's to its end."""
    pytest.importorskip("rich")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with dug.Context():
        list(dug.sweep(spot.node(), SCENARIOS, progress=True))

    assert "100%" in sys.stderr.getvalue()


def test_a_bar_without_either_says_what_to_type(monkeypatch):
    """Without tqdm and rich, ``progress=True`` is an ImportError at once, which names the extra."""
    for name in ("tqdm", "tqdm.auto", "rich", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)

    with dug.Context(), pytest.raises(ImportError, match=r'pip install "dug\[progress\]"'):
        dug.sweep(spot.node(), SCENARIOS, progress=True)


class OtherBar(Bar):
    """Stands in for a bar of ipywidgets, or of marimo's."""


def test_a_bar_of_ipywidgets_is_drawn_only_where_they_are(tqdm, monkeypatch):
    """Without ipywidgets the bar is tqdm's plain one, which needs nothing else; with them it is the one for notebooks."""
    put_tqdm(monkeypatch, "tqdm.auto", OtherBar)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with dug.Context():
        list(dug.sweep(spot.node(), SCENARIOS, progress=True))
        monkeypatch.setitem(sys.modules, "ipywidgets", ModuleType("ipywidgets"))
        list(dug.sweep(spot.node(), SCENARIOS, progress=True))

    assert [type(bar) for bar in tqdm] == [Bar, OtherBar]


def test_a_notebook_of_marimo_draws_its_own_bar(tqdm, monkeypatch):
    """In a notebook of marimo a bar is seen, and it is the one that marimo puts in the place of tqdm's."""
    monkeypatch.undo()
    made.clear()
    marimo = ModuleType("marimo")
    marimo.running_in_notebook = lambda: True
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    put_tqdm(monkeypatch, "tqdm", Bar)
    put_tqdm(monkeypatch, "tqdm.notebook", OtherBar)
    with dug.Context():
        list(dug.sweep(spot.node(), SCENARIOS, progress=True))

    assert [(type(bar), bar.n) for bar in made] == [(OtherBar, 2)]


@pytest.mark.parametrize("progress", [None, False])
def test_no_progress_is_the_default(progress):
    """None and False show nothing."""
    with dug.Context():
        assert len(list(dug.sweep(spot.node(), SCENARIOS, progress=progress))) == 2


def test_another_progress_is_refused():
    """Anything but a bool or a function is a TypeError at once."""
    with dug.Context(), pytest.raises(TypeError, match="progress must be"):
        dug.sweep(spot.node(), SCENARIOS, progress="yes")
