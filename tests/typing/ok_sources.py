"""Functions that read files keep their types, and the readers have theirs."""

from os import PathLike
from pathlib import Path
from typing import Any, assert_type

import dug
from dug import sources


@dug.file_source
def words(path: str, mark: str = " ") -> tuple[str, ...]:
    """Reads a file."""
    return tuple(Path(path).read_text().split(mark))


@dug.file_source(path=("left", "right"), by="content", eq=dug.eq.frame, digest=str)
def joined(left: Path, right: Path) -> str:
    """Reads two files."""
    return left.read_text() + right.read_text()


@dug.file_source
async def later(path: str) -> bytes:
    """Reads a file in a coroutine."""
    return bytes(sources.json(path))


class Desk:
    """Has a method that reads a file."""

    @dug.file_source(by="content")
    def load(self, name: str) -> int:
        """Reads a file."""
        return len(Path(name).read_text())


async def main() -> None:
    """Asks for everything."""
    with dug.Context({sources.file.node("a"): "b"}), dug.Context({sources.file.node("b"): Path("c")}) as ctx:
        assert_type(words("a", mark=","), tuple[str, ...])
        assert_type(joined(Path("a"), right=Path("b")), str)
        assert_type(await later("a"), bytes)
        assert_type(Desk().load("a"), int)
        assert_type(words.node("a"), dug.Node[tuple[str, ...]])
        assert_type(sources.file("a", by="content"), str | PathLike[str])
        assert_type(Path(sources.file(Path("a"))), Path)
        assert_type(sources.csv("a", library="polars", separator=";"), Any)
        assert_type(sources.json.node("a"), dug.Node[Any])
        assert_type(sources.find_changed(ctx), tuple[dug.Node[Any], ...])
