"""What nobody can mean in a call of a recording is refused, with what to write."""

from __future__ import annotations

import pytest

import dug
from dug import replay
from dug.live import Live


@pytest.fixture
def recording(desk, tmp_path):
    """The book, recorded."""
    ctx = dug.Context()
    with replay.record(ctx, tmp_path / "day.dugrec"), ctx:
        desk.book()
    desk.calls.clear()
    return replay.open(tmp_path / "day.dugrec")


def test_a_tick_elsewhere_than_where_its_live_was_made_is_refused(desk, recording):
    """A Live made outside of a replay asks with nothing around it, and one made inside asks the recording: neither goes over."""
    live = Live()
    live.output(desk.book.node())

    with recording.replay(), pytest.raises(dug.ContextError, match=r"outside of the replay in force.* Make it in here"):
        live.step()
    with recording.replay():
        inside = Live()
        inside.output(desk.book.node())
    with pytest.raises(dug.ContextError, match=r"made in a replay.* Take its ticks in there"):
        inside.step()
    with recording.replay(), pytest.raises(dug.ContextError, match=r"made in a replay"):
        inside.step()
    assert desk.calls == []

    assert len(live.step()) == 1


def test_a_recording_that_is_not_there_is_named(tmp_path):
    """The error names the file and the folder, and says how a recording is made."""
    with pytest.raises(FileNotFoundError, match=r"with dug.replay.record\(ctx, '.*nothing.rec'\).*: '.*nothing.rec'") as caught:
        replay.open(tmp_path / "nothing.rec")

    assert caught.value.filename == str(tmp_path / "nothing.rec")


def test_a_text_that_is_not_in_the_recording_is_refused(recording):
    """A misspelled node is not taken for one that needs nothing."""
    for ask in (recording.replay, recording.missing, recording.plan):
        with pytest.raises(LookupError, match=r"no node 'recorded_desk:bok\(\)'. Did you mean 'recorded_desk:book\(\)'"):
            ask("recorded_desk:bok()")


def test_a_cut_that_was_not_recorded_is_refused(desk, recording):
    """A function or a node in ``cut=`` of which the recording has no value does not run in silence."""
    for cut, name in [([desk.mid], "desk:mid "), ([desk.mid.node("IBM")], r"mid\('IBM'\)")]:
        with pytest.raises(replay.UncoveredError, match=f"{name}.*no value of it was recorded"):
            recording.replay(cut=cut)
        with recording.replay(cut=cut, strict=False):
            assert desk.book() == 39537.5


def test_a_cut_is_a_collection(desk, tmp_path):
    """A function in the place of a list of them is refused, with what to write, and no file is made."""
    with pytest.raises(TypeError, match=r"cut=\[f, g\.node\(x\)\]"), replay.record(dug.Context(), tmp_path / "x", cut=desk.mid):
        pass

    assert not (tmp_path / "x").exists()


def test_differences_are_those_of_a_context(desk, recording):
    """A node in the place of the context is refused, with what to write."""
    with pytest.raises(TypeError, match=r"differences\(ctx, f\.node\(x\)\)"):
        recording.differences(desk.book.node())


def test_a_recording_is_not_entered(recording):
    """``with recording:`` says what to write."""
    with pytest.raises(TypeError, match=r"with recording\.replay\(\) as ctx"), recording:
        pass


def test_what_is_no_path_is_refused():
    """None in the place of a path is refused, with what to write."""
    with pytest.raises(TypeError, match="None is not a path"):
        replay.open(None)


def test_what_was_appended_is_told(desk, recording):
    """A recording to which another one was appended gives the first one, and says so."""
    content = recording.path.read_bytes()
    recording.path.write_bytes(content + content)

    doubled = replay.open(recording.path)

    assert doubled.gaps == ("another recording was appended to the file, which is left out",)
    assert not doubled.is_complete
    with doubled.replay(desk.book.node()):
        assert desk.book() == 39537.5
