"""A small program with sources that count how often they run, as a module that a test can change."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

CODE = '''\
"""A book of two positions."""

import dug

calls = []


@dug.source
def quote(ticker):
    """A source that gives a list, which anybody can change."""
    calls.append(ticker)
    return [{"AAPL": 190.0, "MSFT": 410.0}[ticker], 0.5]


@dug.memoize
def mid(ticker):
    bid, spread = quote(ticker)
    return bid + spread / 2


@dug.memoize
def position(ticker, quantity):
    return quantity * mid(ticker)


@dug.memoize
def book():
    return position("AAPL", 100) + position("MSFT", 50)
'''


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module ``recorded_desk``, imported anew; its file is in a folder of the test."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # as that has the time in seconds, and a change may be sooner
    (tmp_path / "recorded_desk.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("recorded_desk")
    sys.modules.pop("recorded_desk", None)
