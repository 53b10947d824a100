"""Random programs of streams on a store give what plain Python gives, whatever other processes have left there."""

from __future__ import annotations

import pytest
from support.kept_report import play_many
from support.kept_stream_programs import Play

SHORT, SEED = 1_006, 1_100


@pytest.fixture
def play(run):
    """Return what plays one program."""
    return lambda *program: run(Play(*program).main)


def test_some_stream_programs_give_what_plain_python_gives(play, tmp_path):
    """A program, several processes, tweaks and changes outside: nothing wrong, and what was read to its end does not run."""
    report = play_many(play, SHORT, 1, tmp_path)

    assert report.wrong == []
    assert report.needless == []


@pytest.mark.slow
def test_stream_programs_give_what_plain_python_gives(play, tmp_path):
    """More programs: nothing wrong, and much of it from the store."""
    report = play_many(play, SEED, 3, tmp_path)

    assert report.wrong == []
    assert report.needless == []
    assert report.hits > report.asked / 4
