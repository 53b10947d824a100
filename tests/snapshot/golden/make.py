"""Write the files of the format of today, once, when a format is new, or what is written of a stream.

Tracebacks have paths in them, so the programs are taken from a neutral place::

    mkdir -p /srv/batch && cp tests/snapshot/kept_*.py /srv/batch && PYTHONPATH=/srv/batch python tests/snapshot/golden/make.py
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import kept_book
import kept_streams

import dug
from dug import snapshot
from dug.snapshot import _format

HERE = Path(__file__).parent


def main() -> None:
    """Save a book with a tweak, a failure and a node that opened a context."""
    with dug.Context(name="golden", tweaks={kept_book.price.node("B"): dug.scale(2.0)}) as ctx:
        kept_book.report()
        kept_book.delta("A")
        with suppress(KeyError):
            kept_book.position("X")
        snapshot.save(ctx, HERE / f"format{_format.FORMAT}.dug")
    with dug.Context(name="streams") as ctx:
        kept_streams.total("a"), kept_streams.head("b", 2)
        snapshot.save(ctx, HERE / f"streams{_format.FORMAT}.dug")


if __name__ == "__main__":
    main()
