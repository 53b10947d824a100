"""Looking at many nodes of a file at once, and the modules loaded for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kept_book import delta

import dug
from dug import snapshot

ROOT = Path(__file__).parents[2]


def test_all_that_is_known_comes_in_one_go(saved):
    """`known` yields the same as each node by itself, each after its dependencies."""
    with snapshot.look(saved) as looked:
        known = list(looked.known())

        assert [one.node for one in known] == list(looked.nodes())
        assert known == [looked[one.node] for one in known]


def test_what_is_known_of_a_closed_file_is_refused_at_once(saved):
    """`known` of a file that was closed raises at the call, and not where somebody asks for the first record."""
    looked = snapshot.look(saved)
    looked.close()
    with pytest.raises(snapshot.SnapshotError, match="was closed"):
        looked.known()


def test_what_ran_in_a_context_of_a_node_is_known(tmp_path, ran):
    """A node that opens a context names the nodes that ran there, whichever comes first in the file."""
    with dug.Context() as ctx:
        delta("A")
        snapshot.save(ctx, tmp_path / "x.dug")
    with snapshot.look(tmp_path / "x.dug") as looked:
        known = list(looked.known())

        assert known == [looked[one.node] for one in known]


def test_targets_are_what_nothing_read(saved):
    """The targets of a file are the roots of its graph."""
    with snapshot.look(saved) as looked:
        assert looked.targets() == looked.graph().roots == ("kept_book:report()", "kept_book:position('X', 10)")


@pytest.mark.parametrize("wrong", [3, None, delta, len, ()], ids=str)
def test_what_is_not_a_node_is_refused(saved, wrong):
    """A file is asked for a node or its text: anything else is refused, and not looked for by the text that it has."""
    with snapshot.look(saved) as looked:
        for ask in (looked.__getitem__, looked.explain, lambda node: looked.compare(looked, node)):
            with pytest.raises(TypeError, match=r" is not a node. Write f.node\(x\), or the text of a node: look.nodes"):
                ask(wrong)


def test_a_function_is_not_taken_for_a_node_of_it(saved):
    """``function in look`` is a slip, which is told and not answered with False."""
    with snapshot.look(saved) as looked:
        assert 3 not in looked
        with pytest.raises(TypeError, match="kept_book:delta> is not a node"):
            _ = delta in looked


@pytest.mark.parametrize("wrong", [3, None, delta.node("A"), ()], ids=str)
def test_what_is_not_a_path_is_refused(wrong):
    """Saving, loading and looking say what came in the place of a path."""
    with dug.Context() as ctx:
        for call in (snapshot.look, snapshot.load, lambda path: snapshot.save(ctx, path)):
            with pytest.raises(TypeError, match=r' is not a path. Write the name of the file, such as "book.dug".'):
                call(wrong)


@pytest.mark.parametrize("name", snapshot.__all__)
def test_a_public_name_is_there(name):
    """A public name can be taken from the package, although it is loaded only then."""
    assert getattr(snapshot, name).__name__ == name
    assert name in dir(snapshot)


def test_another_name_is_not_there():
    """A name that is not public is an AttributeError that says so."""
    with pytest.raises(AttributeError, match=r"module 'dug\.snapshot' has no attribute 'open'"):
        snapshot.open  # noqa: B018  that it raises is the behaviour


@pytest.mark.slow
def test_a_look_loads_no_codec():
    """A look at a file loads neither the modules that save and load one, nor codecs."""
    code = "import sys; from dug.snapshot import look; print(*[name for name in sys.modules if name.startswith('dug.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert "dug.snapshot._look" in done.stdout.split()
    assert {"dug.codec", "dug.snapshot._save", "dug.snapshot._load", "dug.fingerprint"} & set(done.stdout.split()) == set()
