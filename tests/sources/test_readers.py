"""The readers `csv`, `parquet` and `json`: frames and data of files, read again when these are edited."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import dug
from dug import sources
from dug.testing import EventLog


def require(library):
    """Skip where a library is missing."""
    return pytest.importorskip(library, reason=f"{library} is in the extra of that name")


@dug.memoize
def total(path, library="pandas"):
    """Reads a column of a CSV file."""
    return float(sources.csv(path, library=library)["b"].sum())


@dug.memoize
def names(path):
    """Reads the names in a JSON file."""
    return tuple(sources.json(path))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_csv_gives_a_frame_of_a_library(folder, library):
    """A CSV file is a frame of pandas or polars, and of no other."""
    package = require(library)
    path = folder.write("a.csv", "a;b\n1;2\n")
    with dug.Context():
        frame = sources.csv(path, library=library, **{"sep" if library == "pandas" else "separator": ";"})

    assert type(frame) is package.DataFrame
    assert list(frame.columns) == ["a", "b"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_an_edited_csv_file_is_read_again(folder, library):
    """What read the frame runs for another content, and is kept for an equal frame."""
    require(library)
    path = folder.write("a.csv", "a,b\n1,2\n")
    with dug.Context() as ctx:
        assert total(path, library) == 2.0
        folder.write("a.csv", "a,b\n1,3\n")
        assert total(path, library) == 3.0
        folder.touch("a.csv")
        with EventLog(ctx) as log:
            assert total(path, library) == 3.0

    assert log.computed == [sources.file.node(path), sources.csv.node(path, library=library)]
    assert log.reused == [total.node(path, library)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_an_edited_parquet_file_is_read_again(folder, library):
    """A Parquet file is a frame, as a CSV file is."""
    package = require(library)
    if library == "pandas":
        pytest.importorskip("pyarrow", reason="pyarrow is in the snapshot extra, and reads Parquet files for pandas")
    path = str(folder.path / "a.parquet")
    write = "to_parquet" if library == "pandas" else "write_parquet"
    with dug.Context():
        for values in ([1, 2], [1, 2, 3]):
            getattr(package.DataFrame({"a": values}), write)(path)
            assert list(sources.parquet(path, library=library)["a"]) == values


def test_an_edited_json_file_is_read_again(folder):
    """What read the data runs for another content, and is kept where only the layout changed."""
    path = folder.write("a.json", '{"x": 1, "y": [true, null]}')
    with dug.Context() as ctx:
        assert sources.json(path) == {"x": 1, "y": [True, None]}
        assert names(path) == ("x", "y")
        folder.write("a.json", '{"x": 1,\n "y": [true, null]}')
        with EventLog(ctx) as log:
            assert names(path) == ("x", "y")
        folder.write("a.json", '{"z": 1}')
        assert names(path) == ("z",)

    assert log.reused == [names.node(path)]


@pytest.mark.parametrize(
    ("before", "after"), [("1", "1.0"), ("1", "true"), ("0.0", "-0.0"), ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}')]
)
def test_json_data_that_look_different_are_different(folder, before, after):
    """Numbers of another type, another sign or another order are another value."""
    path = folder.write("a.json", before)

    @dug.memoize
    def text():
        return repr(sources.json(path))

    with dug.Context():
        first = text()
        folder.write("a.json", after)
        assert text() != first


def test_a_broken_json_file_is_an_error_of_this_call(folder):
    """A file in the middle of an edit fails, and the next call reads it again."""
    path = folder.write("a.json", "{")
    with dug.Context():
        with pytest.raises(ValueError, match="Expecting property name"):
            names(path)
        folder.write("a.json", '{"x": 1}')
        assert names(path) == ("x",)


def test_texts_and_path_objects_are_read_once(folder):
    """A path is one node in whichever form it is given."""
    path = folder.write("a.json", "[1]")

    assert sources.json.node(path) == sources.json.node(folder.path / "a.json")


def test_a_reader_follows_a_tweak_of_its_file(folder):
    """A file that is tweaked to another path is read there, and a frame that is tweaked is not read at all."""
    pandas = require("pandas")
    path, other = folder.write("a.csv", "a,b\n1,2\n"), folder.write("b.csv", "a,b\n1,5\n")
    with dug.Context():
        with dug.Context({sources.file.node(path): other}):
            assert total(path) == 5.0
            folder.write("b.csv", "a,b\n1,6\n")
            assert total(path) == 6.0
        with dug.Context({sources.csv.node("nowhere.csv"): pandas.DataFrame({"b": [7]})}):
            assert total("nowhere.csv") == 7.0


def test_a_missing_file_names_the_reader(folder):
    """The error names the file's node, and its note the reader's."""
    path = str(folder.path / "a.json")
    with dug.Context(), pytest.raises(FileNotFoundError, match="reads a file that is not there") as caught:
        names(path)

    assert caught.value.__notes__ == [f"dug.sources:json({path!r}) reads this file."]


@pytest.mark.parametrize("read", [sources.csv, sources.parquet])
def test_a_missing_library_says_what_to_type(folder, read, monkeypatch):
    """Without the library, the reader is an ImportError that names the extra; another name is refused."""
    path = folder.write("a", "")
    monkeypatch.setitem(sys.modules, "polars", None)
    what = str(read.node(path)).partition("(")[0].replace(":", ".")

    with dug.Context():
        with pytest.raises(ImportError, match=rf'{what}\(\) needs polars. Type: pip install "dug\[polars\]"'):
            read(path, library="polars")
        with pytest.raises(ValueError, match="library must be 'pandas' or 'polars', not 'dask'"):
            read(path, library="dask")


@pytest.mark.parametrize("read", [sources.csv, sources.parquet])
def test_an_option_without_a_hash_says_what_to_type(read):
    """An option that is a list is named, and the message names the decorator of a reader of one's own, in a call and a node."""
    said = r"The option parse_dates=\['day'\] has no hash, .* @dug.file_source\(eq=dug.eq.frame\) that calls pandas or polars"

    with dug.Context():
        for ask in (read, read.node):
            with pytest.raises(dug.errors.UnhashableArgumentError, match=said):
                ask("a", sep=";", parse_dates=["day"])


@pytest.mark.parametrize("form", [Path, os.fsencode])
def test_the_file_that_a_reader_reads_is_named_by_a_text(folder, form):
    """In whichever form a reader gets its path, the node of the file has the text, which can be typed on the command line."""
    path = folder.write("a.json", "[1]")
    with dug.Context() as ctx:
        sources.json(form(path))
        (node,) = ctx.memo(sources.json.node(path)).dependencies

    assert str(node) == f"dug.sources:file({path!r}, by='mtime')"
    assert dug.Node.parse(str(node)) == node
