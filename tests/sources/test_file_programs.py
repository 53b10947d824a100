"""Random programs over random edits of files: dug gives what the plain program gives on the files as they are.

The program chooses which file it reads by what is in another one, catches errors, and is asked in contexts with tweaks of files
and of readers.  The files are written long ago or just now, again with the same content, and removed.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.folder import Folder

import dug
from dug import sources
from dug.testing import EventLog

FILES = ("a", "b", "c")
TEXTS = ("0", "1", "2", "10", "11", "no number")
RUNS: list[str] = []


def parse(path):
    """Return the number in a file."""
    RUNS.append(path)
    return int(Path(path).read_text())


@dug.file_source
def by_time(path):
    """Reads a number."""
    return parse(path)


@dug.file_source(by="content")
def by_content(path):
    """Reads a number."""
    return parse(path)


NUMBERS = {"mtime": by_time, "content": by_content}


@dug.memoize
def parity(by, root, name):
    """Reads whether a number is odd, which many edits leave as it is."""
    return NUMBERS[by](f"{root}/{name}") % 2


@dug.memoize
def chosen(by, root):
    """Reads one file or the other."""
    return NUMBERS[by](f"{root}/b") if parity(by, root, "a") else NUMBERS[by](f"{root}/c")


@dug.memoize
def guarded(by, root):
    """Catches what goes wrong below."""
    try:
        return chosen(by, root) + parity(by, root, "b")
    except (OSError, ValueError):
        return -1


ASKED = {"chosen": chosen, "guarded": guarded}


class Plain:
    """The same program with no memory, on the files as they are, under layers of tweaks."""

    def __init__(self, root, by, layers):
        self.root, self.by, self.layers = root, by, layers

    def number(self, name, depth=None):
        """Return the number of a file, with the tweaks of the layers up to a depth."""
        layers = self.layers if depth is None else self.layers[:depth]
        for place in range(len(layers) - 1, -1, -1):
            kind, target, value = layers[place]
            if target == name and kind == "value":
                return value
            if target == name and kind == "bump":
                return self.number(name, place) + value
        for kind, target, value in reversed(self.layers):
            if target == name and kind == "file":
                name = value
                break
        return int(Path(self.root, name).read_text())

    def chosen(self):
        """Return what `chosen` returns."""
        return self.number("b") if self.number("a") % 2 else self.number("c")

    def guarded(self):
        """Return what `guarded` returns."""
        try:
            return self.chosen() + self.number("b") % 2
        except (OSError, ValueError):
            return -1


def attempt(call, *args):
    """Return the value of a call, or the type of its error."""
    try:
        return call(*args)
    except (OSError, ValueError) as exc:
        return type(exc)


class Model(RuleBasedStateMachine):
    """Edits files, enters and leaves contexts, and asks."""

    @initialize(by=st.sampled_from(["mtime", "content"]))
    def begin(self, by):
        """Make the files, and enter the outermost context."""
        self.by, self.path = by, tempfile.mkdtemp()
        self.folder = Folder(Path(self.path))
        for name in FILES:
            self.folder.write(name, "1")
        self.layers, self.stacks = [], []
        self.base = dug.Context()
        self.base.__enter__()
        self.settled = set()

    @rule(name=st.sampled_from(FILES), text=st.sampled_from(TEXTS), is_new=st.booleans())
    def write(self, name, text, is_new):
        """Write a file, with a time of long ago or of now."""
        before = self.read(name)
        (self.folder.write_now if is_new else self.folder.write)(name, text)
        self.note_edit(before == text)

    @rule(name=st.sampled_from(FILES))
    def touch(self, name):
        """Give a file another time."""
        if self.read(name) is not None:
            self.folder.touch(name)
            self.note_edit(True)

    @rule(name=st.sampled_from(FILES))
    def remove(self, name):
        """Remove a file."""
        self.folder.remove(name)
        self.settled.clear()

    @precondition(lambda self: len(self.layers) < 3)
    @rule(
        tweak=st.one_of(
            st.tuples(st.just("value"), st.sampled_from(FILES), st.integers(0, 2)),
            st.tuples(st.just("bump"), st.sampled_from(FILES), st.integers(1, 2)),
            st.tuples(st.just("file"), st.sampled_from(FILES), st.sampled_from(FILES)),
        ),
        has_cache=st.booleans(),
    )
    def enter(self, tweak, has_cache):
        """Enter a context with a tweak, over those that are open."""
        kind, name, value = tweak
        number = NUMBERS[self.by].node(f"{self.path}/{name}")
        if kind == "value":
            tweaks = {number: value}
        elif kind == "bump":
            tweaks = {number: dug.shift(value)}
        else:
            tweaks = {sources.file.node(f"{self.path}/{name}", by=self.by): f"{self.path}/{value}"}
        stack = ExitStack()
        stack.enter_context(dug.Context(tweaks, cache=dug.Cache() if has_cache else None))
        self.layers.append(tweak)
        self.stacks.append(stack)
        self.settled.clear()

    @precondition(lambda self: self.layers)
    @rule()
    def leave(self):
        """Leave the innermost context."""
        self.stacks.pop().close()
        self.layers.pop()
        self.settled.clear()

    @rule(asked=st.sampled_from(sorted(ASKED)))
    def ask(self, asked):
        """Dug gives what the plain program gives, and runs nothing that it knows."""
        RUNS.clear()
        with EventLog(self.base) as log:
            found = attempt(ASKED[asked], self.by, self.path)

        assert found == attempt(getattr(Plain(self.path, self.by, self.layers), asked))
        if all(kind == "value" for kind, _, _ in self.layers):  # two nodes may lead to one file
            assert len(RUNS) == len(set(RUNS)), "a file was read twice for one call"
        if asked in self.settled:
            assert log.computed == [], "nothing was edited"
        if found not in (-1, FileNotFoundError, ValueError):  # a failure is tried again
            self.settled.add(asked)

    def read(self, name):
        """Return the text of a file, None where there is none."""
        path = Path(self.path, name)
        return path.read_text() if path.exists() else None

    def note_edit(self, is_same):
        """Note that a file was written: where the content counts, that is nothing if it is the same."""
        if not (is_same and self.by == "content"):
            self.settled.clear()

    @invariant()
    def looks_change_nothing(self):
        """To look at what has changed forgets nothing."""
        if hasattr(self, "base"):
            assert sources.find_changed(self.base) == sources.find_changed(self.base)

    def teardown(self):
        """Leave everything."""
        while getattr(self, "stacks", None):
            self.stacks.pop().close()
        if hasattr(self, "base"):
            self.base.__exit__(None, None, None)
            shutil.rmtree(self.path)


TestModel = pytest.mark.slow(Model.TestCase)
TestModel.settings = settings(max_examples=60, stateful_step_count=30)


@given(texts=st.lists(st.sampled_from(TEXTS[:-1]), min_size=1, max_size=6), by=st.sampled_from(["mtime", "content"]))
@settings(max_examples=20)
def test_edits_in_a_row_are_all_noticed(texts, by):
    """Contents of one size, written as quickly as the machine can, are each seen."""
    with tempfile.TemporaryDirectory() as path, dug.Context():
        for text in texts:
            Path(path, "a").write_text(text.rjust(2))
            assert NUMBERS[by](f"{path}/a") == int(text)
