"""What a file is known by: `take` looks at it, and `holds` notices each change of its content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dug.codec import decode, encode
from dug.sources import File
from dug.sources import _stamp as stamp
from dug.sources._stamp import holds, take


@pytest.fixture
def digests(monkeypatch):
    """The paths of the files that were read for their digest."""
    read = []

    def read_digest(where, original=stamp.digest_of):
        read.append(where)
        return original(where)

    monkeypatch.setattr(stamp, "digest_of", read_digest)
    return read


def test_a_file_is_known_by_its_time_and_size(folder, digests):
    """A file that was written long ago is not read to know it."""
    path = folder.write("a", "123", at_s=1_700_000_000)
    file, signature = take(path, "mtime")

    assert file == File(path, 3, 1_700_000_000_000_000_000)
    assert (signature, digests) == (None, [])
    assert holds(file, None) == (True, None)


@pytest.mark.parametrize(("text", "at_s"), [("124", None), ("1234", 1_700_000_000), ("123", 1_700_000_001)])
def test_another_time_or_size_is_another_content(folder, text, at_s):
    """A file of another time or size does not hold."""
    file, _ = take(folder.write("a", "123", at_s=1_700_000_000), "mtime")
    folder.write("a", text, at_s=at_s)

    assert holds(file, None) == (False, None)


def test_a_file_that_was_just_written_has_a_digest(folder, digests):
    """A file is read while the clock may not tell two writings apart: one of the same time and size is noticed."""
    path = folder.write_now("a", "123")
    written = Path(path).stat()
    file, signature = take(path, "mtime")
    folder.write_now("a", "124")
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))

    assert file.mtime_ns == written.st_mtime_ns
    assert signature is None
    assert holds(file, None) == (False, None)
    assert digests == [path, path]


def test_a_file_that_was_just_written_is_read_until_its_time_tells(folder, digests, monkeypatch):
    """Once its time is long ago, a file that was just written is read for a last time."""
    path = folder.write_now("a", "123")
    file, signature = take(path, "mtime")
    assert holds(file, signature) == (True, None)
    monkeypatch.setattr(stamp, "time_ns", lambda: file.mtime_ns + 3_000_000_000)
    is_same, signature = holds(file, None)

    assert (is_same, signature) == (True, stamp.sign(Path(path).stat()))
    assert holds(file, signature) == (True, signature)
    assert len(digests) == 3


def test_by_content_a_file_has_no_time(folder):
    """A file that was written again with its content is the same value, and holds."""
    path = folder.write("a", "123")
    file, _ = take(path, "content")
    folder.touch("a")

    assert file.mtime_ns is None
    assert take(path, "content")[0] == file
    assert holds(file, None)[0]
    folder.write("a", "124")
    assert not holds(file, None)[0]


def test_by_content_a_file_is_read_when_the_system_tells_of_a_change(folder, digests, monkeypatch):
    """A file whose times, number and size are the same is not read again."""
    path = folder.write("a", "123")
    monkeypatch.setattr(stamp, "time_ns", lambda: Path(path).stat().st_ctime_ns + 3_000_000_000)
    file, signature = take(path, "content")

    assert signature == stamp.sign(Path(path).stat())
    assert holds(file, signature) == (True, signature)
    assert len(digests) == 1
    folder.touch("a")
    assert holds(file, signature)[0]
    assert len(digests) == 2


def test_a_file_that_changes_while_it_is_read_has_no_signature(folder, monkeypatch):
    """A file that is written again and again while it is read is read a few times, and not trusted."""
    path = folder.write("a", "1")
    monkeypatch.setattr(stamp, "digest_of", lambda where: folder.write("a", "1") and "digest")

    assert take(path, "content") == (File(path, 1, None, "digest"), None)


def test_a_file_that_is_gone_does_not_hold(folder):
    """A file that was removed does not hold, whatever it is known by."""
    for by in ("mtime", "content"):
        file, signature = take(folder.write("a", "123"), by)
        folder.remove("a")

        assert holds(file, signature) == (False, None)


def test_a_folder_and_a_pipe_are_refused(folder):
    """What has no content of its own is an error at once."""
    with pytest.raises(IsADirectoryError, match="is a folder"):
        take(folder.path, "mtime")
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes among its files")
    os.mkfifo(folder.path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        take(folder.path / "pipe", "content")


def test_a_file_takes_the_place_of_a_path(folder):
    """``open`` takes a file as it takes a path, and its text says where it is and how large."""
    file, _ = take(folder.write("a", "123", at_s=1_700_000_000), "mtime")

    with open(file) as stream:  # noqa: PTH123  that is what is tested
        assert stream.read() == "123"
    assert repr(file) == f"<File {file.path!r}, 3 bytes, written 2023-11-14 22:13:20 UTC>"
    assert repr(File("/a", 1234, None, "0123456789abcdef")) == "<File '/a', 1,234 bytes, content 0123456789ab>"


def test_a_file_can_be_written_down(folder):
    """A snapshot keeps what a file was known by, and no more."""
    for by in ("mtime", "content"):
        file, _ = take(folder.write("a", "123"), by)

        assert decode(encode(file)) == file
