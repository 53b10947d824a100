"""A folder with a module to run, and the output of a command."""

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import attrs
import pytest

from dug.cli import main

PRICING = '''\
"""Two shares."""

import dug


@dug.source
def spot(ticker):
    """A price."""
    return {"AAPL": 190.0, "MSFT": 410.0}[ticker]


@dug.memoize
def position(ticker, quantity, years=1):
    """A position."""
    return quantity * years * spot(ticker)


@dug.memoize
def book():
    """Both."""
    return position("AAPL", 100) + position("MSFT", 50)


@dug.memoize
async def later(ticker):
    """A coroutine."""
    return spot(ticker)


def report(*tickers, separator=" "):
    """Not memoised itself."""
    return separator.join(f"{ticker}:{spot(ticker)}" for ticker in tickers)


number = 5
'''


@attrs.frozen
class Said:
    """The output of a command."""

    status: int
    out: str
    err: str

    @property
    def complaint(self):
        """The one line on the standard error stream."""
        assert self.err.count("\n") == 1, self.err
        return self.err.rstrip("\n")


@pytest.fixture
def pricing(tmp_path, monkeypatch):
    """A folder with ``pricing.py``, which is the current one."""
    pytest.importorskip("click")
    (tmp_path / "pricing.py").write_text(PRICING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    yield tmp_path
    sys.modules.pop("pricing", None)


@pytest.fixture
def dug_says(capsys):
    """A function that runs a command and returns its output."""

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def saved_files(tmp_path_factory):
    """The bytes of three files, by their names, which are saved once: most tests only read them."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "pricing.py").write_text(PRICING)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        try:
            assert main(["run", "pricing:book", "--save", "book.dug"]) == 0
            assert main(["run", "pricing:book", "--tweak", "pricing:spot('AAPL')=100.0", "--save", "crash.dug"]) == 0
            assert main(["run", "pricing:position", "IBM", "5", "--save", "failed.dug"]) == 1
        finally:
            sys.modules.pop("pricing", None)
    return {path.name: path.read_bytes() for path in folder.glob("*.dug")}


@pytest.fixture
def saved(pricing, saved_files):
    """Three files in the current folder: the book, the book under a tweak, and a position that failed."""
    for name, content in saved_files.items():
        (pricing / name).write_bytes(content)
    (pricing / "pricing.py").unlink()  # no command that reads a file may need the code
