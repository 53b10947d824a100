"""Random programs on a store give what they give without any memory, whatever other processes have left there.

`python tests/kept_programs.py` plays many more, on both builds.
"""

from __future__ import annotations

import kept_programs
import pytest
from support import kept_programs as programs
from support.kept_report import play_many

from dug.stores import _keeper, _reading
from dug.stores._digest import place_of

SEED = 1_000


def test_some_programs_give_what_the_oracle_gives(tmp_path):
    """A few programs, several processes, tweaks, edits and changes outside: nothing wrong."""
    report = play_many(programs.play, SEED, 2, tmp_path)

    assert report.wrong == []


@pytest.mark.slow
def test_programs_give_what_the_oracle_gives(tmp_path):
    """Some more programs: nothing wrong, and much of it from the store."""
    report = play_many(programs.play, SEED + 100, 30, tmp_path)

    assert report.wrong == []
    assert report.hits > report.asked / 4


def ignore_digests(monkeypatch):
    """Have a look take whatever a node gives for what was read."""
    monkeypatch.setattr(_reading.KeptRead, "knows_same", lambda *_: True)


def ignore_fingerprints(monkeypatch):
    """Have a look take runs of any definition."""
    monkeypatch.setattr(_keeper, "place_of", lambda name, _, arguments: place_of(name, "", arguments))


@pytest.mark.slow
@pytest.mark.parametrize("break_store", [ignore_digests, ignore_fingerprints])
def test_programs_find_a_store_that_is_broken(break_store, tmp_path, monkeypatch):
    """A store that does not look at what was read, or at the code, gives wrong answers."""
    break_store(monkeypatch)

    assert play_many(programs.play, SEED + 100, 10, tmp_path).wrong


@pytest.mark.slow
def test_the_script_plays_on_a_build_of_its_choice(capsys):
    """It plays programs in processes of their own, and tells how many and on which build."""
    assert kept_programs.main(["--programs", "2", "--build", "pure"]) == 0

    assert capsys.readouterr().out.startswith("2 on the pure build: ")


def test_the_script_tells_a_wrong_answer(capsys, monkeypatch):
    """It ends at the first process with a wrong answer, tells it, and says so in its exit code."""
    monkeypatch.setattr(kept_programs, "play_apart", lambda *_: kept_programs.Report(asked=1, wrong=["seed 7: wrong"]))

    assert kept_programs.main(["--programs", "4"]) == 1
    assert "on the compiled build:\nseed 7: wrong" in capsys.readouterr().out
