"""The writer of a store writes and renews on, whatever goes wrong with what it writes to."""

from __future__ import annotations

import itertools
import threading

import pytest

from dug.stores._backend import Row, StoreError
from dug.stores._sqlite import SqliteBackend
from dug.stores._writer import Writer


class FailingBackend(SqliteBackend):
    """A backend that keeps no row, and says when a lease is renewed after it failed."""

    def __init__(self, path, trouble):
        super().__init__(path)
        self.trouble = trouble
        self.failed, self.renewed = threading.Event(), threading.Event()

    def put(self, rows):
        """Fail."""
        self.failed.set()
        raise self.trouble

    def renew(self, ats, owner, seconds):
        """Note a renewal after a failure."""
        if self.failed.is_set():
            self.renewed.set()


def make_row(at):
    """Return a row."""
    return Row(at, "m:f", "p1", "[[1],{}]", b"path", b"d" * 16, "json", "", b"1.5", 3, 2.0, 1.0, 5.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("trouble", [StoreError("gone"), ValueError("a fault of a backend")])
def test_a_failure_does_not_end_the_writer(tmp_path, caplog, trouble):
    """After a failure the thread of a store goes on: leases are renewed, and the log has the reason, not a warning."""
    backend = FailingBackend(tmp_path / "kept", trouble)
    writer = Writer(backend, 0.01, itertools.count().__next__)

    assert writer.acquire(b"a")
    writer.put(make_row(b"b"), [])

    assert backend.renewed.wait(20)
    writer.close()
    assert str(trouble) in caplog.text
    assert writer.failures == 1
