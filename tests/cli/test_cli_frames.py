"""`_frames` leaves the user's frames of a traceback."""

import traceback
from pathlib import Path

import pytest

pytest.importorskip("click")

import dug
from dug.cli._frames import cut, format_error, keep_own

SAVED = """\
Traceback (most recent call last):
  File "/home/me/desk/pricing.py", line 4, in book
    return spot("IBM")
           ^^^^^^^^^^^
  File "/opt/venv/lib/python3.11/site-packages/dug/_core/steps/bypass.py", line 8, in evaluate_without_cache
    return body()
  File "C:\\\\py\\\\Lib\\\\site-packages\\\\dug\\\\_core\\\\_gone.py", line 8, in drive
    return body()
  [Previous line repeated 5 more times]
  File "<dug call spot>", line 9, in spot
  File "/home/me/dug/pricing.py", line 9, in spot
    return load(ticker)
  File "/opt/venv/lib/python3.11/site-packages/vendor/api.py", line 1, in load
    raise KeyError(ticker)
  File "/opt/venv/lib/python3.11/site-packages/vendor/deep.py", line 1, in load
    raise KeyError(ticker)
KeyError: 'IBM'
""".replace("\\\\", "\\")


def test_frames_of_the_library_are_cut():
    """Also of one that was installed elsewhere; a folder of the user's that is called dug is theirs."""
    lines = cut(SAVED).splitlines()

    assert [line.split('"')[1] for line in lines if "File" in line] == [
        "/home/me/desk/pricing.py",
        "/home/me/dug/pricing.py",
        "/opt/venv/lib/python3.11/site-packages/vendor/api.py",
        "/opt/venv/lib/python3.11/site-packages/vendor/deep.py",
    ]
    assert "[Previous line" not in cut(SAVED)
    assert lines[-1] == "KeyError: 'IBM'"


def test_the_users_own_frames_are_kept_however_deep_another_package_went():
    """The last frame stays, whoever owns it, and the frames in between go."""
    assert keep_own(SAVED, 8) == [
        '  File "/home/me/desk/pricing.py", line 4, in book',
        '    return spot("IBM")',
        "           ^^^^^^^^^^^",
        '  File "/home/me/dug/pricing.py", line 9, in spot',
        "    return load(ticker)",
        '  File "/opt/venv/lib/python3.11/site-packages/vendor/deep.py", line 1, in load',
        "    raise KeyError(ticker)",
        "KeyError: 'IBM'",
    ]
    assert keep_own(SAVED, 2)[0] == "  ... 1 more above"


def test_a_traceback_without_frames_is_whole():
    """A line that is not a frame is kept."""
    assert cut("SyntaxError: no\n") == "SyntaxError: no"
    assert keep_own("SyntaxError: no\n", 5) == ["SyntaxError: no"]


def raise_through_nodes():
    """Raise a group of errors, one with a cause, through nodes."""

    @dug.memoize(name="frames:inner")
    def inner():
        try:
            {}["x"]
        except KeyError as exc:
            raise ExceptionGroup("several", [ValueError("one"), TypeError("two\n  of two lines")]) from exc

    @dug.memoize(name="frames:outer")
    def outer():
        return inner()

    with dug.Context():
        outer()


def test_causes_and_groups_keep_their_story():
    """Every error that led to the last one is told, without the library."""
    with pytest.raises(ExceptionGroup) as caught:
        raise_through_nodes()
    text = format_error(caught.value)
    whole = "".join(traceback.format_exception(caught.value))

    assert "KeyError: 'x'" in text
    assert "| ValueError: one" in text
    assert "|   of two lines" in text
    assert f'File "{Path(dug.__file__).parent}' not in text
    assert set(text.splitlines()) <= set(whole.splitlines())
