"""Streams and files that take nothing more: one line, and no traceback, in processes of their own with real pipes and files."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")

CODE = """\
import os, sys, time
import dug


@dug.source
def spot(ticker):
    return {"AAPL": 190.0, "MSFT": 410.0}[ticker]


@dug.memoize
def book():
    return spot("AAPL") + spot("MSFT")


@dug.memoize
def large():
    return b"x" * 500_000


def many():
    return list(range(20_000))


def waits():
    book()
    print("ready", flush=True)
    time.sleep(60)


def leaves():
    book()
    sys.exit(0)


def closes():
    sys.stdout.close()
    return 5


def closes_the_file():
    os.close(1)
    return 5


def closes_errors():
    sys.stderr.close()
    return 5


def redirects():
    sys.stdout = open("elsewhere.txt", "w")
    return 5


def drops():
    sys.stdout = sys.stderr = None
    return 5


def prints():
    print("printed")
    return 5


def writes():
    os.write(1, b"through\\n")
"""


@pytest.fixture(scope="module")
def saved_book(tmp_path_factory):
    """The bytes of a file that was saved once for all tests."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "streams.py").write_text(CODE)
    assert run(folder, "run", "streams:book", "--save", "book.dug").returncode == 0
    return (folder / "book.dug").read_bytes()


@pytest.fixture
def folder(tmp_path, saved_book):
    """A folder with a module to run, a saved file and links in a circle."""
    (tmp_path / "streams.py").write_text(CODE)
    (tmp_path / "book.dug").write_bytes(saved_book)
    (tmp_path / "there").symlink_to("back")
    (tmp_path / "back").symlink_to("there")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.fixture
def says(folder, monkeypatch, dug_says):
    """A function that runs a command in the folder and in this process, for what is no matter of a process's streams."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield dug_says
    sys.modules.pop("streams", None)


def start(folder, *words, **options):
    """Start a command in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    return subprocess.Popen([sys.executable, "-m", "dug", *words], cwd=folder, text=True, env=environment, **options)


def run(folder, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options):
    """Run a command in a folder to its end."""
    with start(folder, *words, stdout=stdout, stderr=stderr, **options) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def assert_one_line(done, status, what):
    """A command said one thing, and not by a traceback."""
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert what in done.stderr
    assert "Traceback" not in done.stderr


READING = [
    ("show", "book.dug"),
    ("show", "book.dug", "--json"),
    ("info", "book.dug"),
    ("failures", "book.dug"),
    ("explain", "book.dug", "book"),
    ("graph", "book.dug"),
    ("diff", "book.dug", "book.dug"),
    ("demo",),
    ("--help",),
    ("run", "streams:book"),
    ("run", "streams:many", "--json"),
]


@needs_full
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_full_disk_behind_the_output_is_one_line(folder, words):
    """Output that cannot be printed is reported, at once or when the command ends."""
    with Path("/dev/full").open("w") as full:
        assert_one_line(run(folder, *words, stdout=full), 1, "No space left on device")


@pytest.mark.parametrize(
    "words", [("show", "book.dug"), ("graph", "book.dug"), ("run", "streams:many"), ("demo",), ("--help",)], ids=" ".join
)
def test_a_reader_that_has_gone_is_one_line(folder, words):
    """``dug ... | head`` ends with one line of error, whenever the reader goes."""
    reading, writing = os.pipe()
    os.close(reading)
    done = run(folder, *words, stdout=writing)
    os.close(writing)

    assert_one_line(done, 1, "its reader has gone")


@pytest.mark.parametrize("words", READING[:8], ids=" ".join)
def test_a_closed_output_is_one_line(folder, words):
    """A command that has nowhere to print does not pretend that it did."""
    assert_one_line(run(folder, *words, stdout=None, preexec_fn=lambda: os.close(1)), 1, "it is closed")


def test_what_is_opened_does_not_take_the_place_of_a_closed_stream(folder):
    """Output of the user's code to a closed descriptor 1 is lost, and is in no file that dug writes."""
    done = run(folder, "run", "streams:writes", "--save", "kept.dug", stdout=None, preexec_fn=lambda: os.close(1))

    assert done.returncode == 0, done.stderr
    assert run(folder, "show", "kept.dug").returncode == 0
    assert b"through" not in (folder / "kept.dug").read_bytes()


@pytest.mark.parametrize("descriptor", [0, 2])
def test_a_closed_input_or_error_stream_does_not_matter(folder, descriptor):
    """The output is unchanged, and complaints do not go to the standard output stream instead."""
    good = run(folder, "run", "streams:book", preexec_fn=lambda: os.close(descriptor))
    bad = run(folder, "run", "streams:nothing", preexec_fn=lambda: os.close(descriptor))

    assert (good.returncode, good.stdout) == (0, "600.0\n")
    assert (bad.returncode, bad.stdout) == (2, "")


@needs_full
def test_an_error_stream_that_is_full_does_not_matter(folder):
    """The value is printed and the file saved."""
    with Path("/dev/full").open("w") as full:
        done = run(folder, "run", "streams:book", "--save", "kept.dug", "--progress", stderr=full)

    assert (done.returncode, done.stdout) == (0, "600.0\n")
    assert (folder / "kept.dug").exists()


@pytest.mark.parametrize(
    ("name", "status", "out", "what"),
    [
        ("leaves", 1, "", "streams:leaves failed: it called sys.exit(0) and gave no value"),
        ("closes", 1, "", "it is closed"),
        ("closes_the_file", 1, "", "Bad file descriptor"),
        ("closes_errors", 0, "5\n", ""),
        ("redirects", 0, "5\n", ""),
        ("drops", 0, "5\n", "kept.dug: "),
        ("prints", 0, "printed\n5\n", ""),
    ],
)
def test_what_the_users_code_does_to_the_streams_is_told(folder, name, status, out, what):
    """A function that exits, or closes a stream, ends with a line, and its memos are saved."""
    done = run(folder, "run", f"streams:{name}", "--save", "kept.dug")

    assert (done.returncode, done.stdout) == (status, out), done.stderr
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "kept.dug").exists()


@pytest.mark.parametrize("words", [("run", "streams:book", "--save"), ("run", "streams:book", "--load"), ("show",), ("graph",)])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("there", "Too many levels of symbolic links"),
        ("folder", "folder"),
        ("streams.py/x", "Not a directory"),
        ("x" * 300, "too long"),
    ],
)
def test_a_name_that_is_no_file_is_one_line(says, words, name, what):
    """A circle of links, a folder, a file as a folder, a name that no file system takes."""
    said = says(*words, name)

    assert said.status == 2
    assert what in said.complaint


def test_a_folder_that_is_gone_is_one_line(folder):
    """The current folder may have been removed since."""
    gone = folder / "gone"
    gone.mkdir()

    def leave():
        os.chdir(gone)
        gone.rmdir()

    assert_one_line(run(folder, "run", "streams:book", preexec_fn=leave), 1, "the current folder is not there any more")


@pytest.mark.parametrize("words", [("show",), ("info",), ("run", "streams:book", "--load")])
def test_a_pipe_is_not_waited_for(says, words):
    """A file that cannot be read at any place is refused before it is opened."""
    said = says(*words, "pipe")

    assert said.status == 2
    assert "no regular file" in said.complaint


def test_a_file_that_must_not_be_read_is_one_line(folder):
    """A missing permission is named; root becomes another user, once all is loaded."""
    script = (
        "import os, sys; from dug.cli import main; main(['show', 'book.dug']); os.chmod('book.dug', 0)\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(main(['show', 'book.dug']))"
    )
    folder.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert_one_line(done, 1, "Permission denied")
    assert "book" in done.stdout


def limit_files():
    """Let the process write no file of more than 100,000 bytes."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_behind_a_file_is_told_and_the_old_file_stays(folder):
    """The value is printed; a file that cannot be written is one line more, and leaves nothing behind."""
    before = (folder / "book.dug").read_bytes()
    done = run(folder, "run", "streams:large", "--save", "book.dug", "--json", preexec_fn=limit_files)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "book.dug" in done.stderr
    assert json.loads(done.stdout)["error"] is None
    assert (folder / "book.dug").read_bytes() == before
    assert list(folder.glob(".*saving*")) == []


def test_an_interrupt_is_one_line_and_130(folder):
    """Ctrl-C stops the user's code, and its memos are saved."""
    with start(folder, "run", "streams:waits", "--save", "kept.dug", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    report, complaint = err.splitlines()

    assert process.returncode == 130
    assert complaint == "python -m dug: stopped"
    assert report.startswith("kept.dug: ")


def test_a_table_on_a_terminal_shows_what_would_steer_it(folder):
    """On a real terminal, no byte of a value is an escape sequence, and colours are the table's own."""
    (folder / "painter.py").write_text("import dug\n@dug.memoize\ndef paint():\n    return '\\x1b]0;title\\x07[bold red]'\n")
    run(folder, "run", "painter:paint", "--save", "paint.dug")
    ours, theirs = pty.openpty()
    done = run(folder, "show", "paint.dug", stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert done.returncode == 0
    assert "\\x1b]0;title\\x07[bold red]" in shown
    assert "\x1b]0" not in shown
