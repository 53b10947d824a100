"""What a store takes for the value when the value is a class or a function, or is pickled, and its code is edited."""

from __future__ import annotations

import sys

import pytest

import dug


class Model:
    """A class that nobody registered."""

    @staticmethod
    def rate():
        """Return a number."""
        return 1


class _Edited:
    @staticmethod
    def rate():
        """Return another number."""
        return 2


def plain():
    """Return a number."""
    return 1


def _edited():
    return 2


_Edited.__name__ = _Edited.__qualname__ = "Model"
_edited.__name__ = _edited.__qualname__ = "plain"
_AFTER = {"Model": _Edited, "plain": _edited}


@pytest.fixture
def edit(monkeypatch):
    """Return a function that has a name lead to the edited class or function, as after an edit of the file."""
    return lambda name: monkeypatch.setattr(sys.modules[__name__], name, _AFTER[name])


@dug.memoize
def given(how):
    """Return a value with code in it that is looked up where no fingerprint sees it."""
    here = globals()
    cls, function = here["Model"], here["plain"]
    return {
        "class": cls,
        "in a list": [1, (cls,)],
        "in a dict": {cls: 1},
        "instance": cls(),
        "function": function,
        "in a tuple": (function,),
        "in a frozen set": frozenset({function}),
    }[how]


@dug.memoize
def used(how):
    """Return what the code in the value gives."""
    value = given(how)
    if how == "in a list":
        value = value[1][0]
    elif how in {"in a dict", "in a tuple", "in a frozen set"}:
        (value,) = value
    return value.rate() if hasattr(value, "rate") else value()


@dug.memoize
def used_argument(thing):
    """Return what the code of an argument gives."""
    return thing[0].rate() if isinstance(thing, tuple) else thing.rate()


@pytest.mark.parametrize("how", ["class", "in a list", "in a dict"])
def test_a_class_that_is_a_value_counts_with_its_code(begin, edit, how):
    """What read a class, and called it, runs again when the class is edited; and only then."""
    with begin():
        assert used(how) == 1
    with begin() as log:
        assert used(how) == 1
        assert log.computed == []
    edit("Model")
    with begin():
        assert used(how) == 2


@pytest.mark.parametrize("wrap", [lambda cls: cls, lambda cls: (cls,)])
def test_a_class_that_is_an_argument_counts_with_its_code(begin, edit, wrap):
    """A call with a class as an argument is another call when the class is edited; and only then."""
    with begin():
        assert used_argument(wrap(Model)) == 1
    with begin() as log:
        assert used_argument(wrap(Model)) == 1
        assert log.computed == []
    edit("Model")
    with begin():
        assert used_argument(wrap(Model)) == 2


PICKLED = {"instance": "Model", "function": "plain", "in a tuple": "plain", "in a frozen set": "plain"}


@pytest.mark.parametrize(("how", "name"), PICKLED.items())
def test_what_read_a_pickled_value_is_not_kept(begin, edit, how, name):
    """Of a pickled value nobody knows all the code that is in it: the value is kept, and what read it is not."""
    for computed in ({used, given}, {used}):
        with begin(allow_pickle=True) as log:
            assert used(how) == 1
            assert {node.function for node in log.computed} == computed
            log.store.flush()
            assert [row.function.partition(":")[2] for row in log.store.backend.list_rows()] == ["given"]
    edit(name)
    with begin(allow_pickle=True):
        assert used(how) == 2


@pytest.mark.parametrize("kind", [int, dict, pytest.MonkeyPatch])
def test_a_class_of_a_library_counts_by_its_name(begin, kind):
    """A class of Python or of a package is looked up by its name only: a call with one is kept."""
    for computed in (1, 0):
        with begin() as log:
            assert named(kind) == kind.__name__
            assert len(log.computed) == computed


@dug.memoize
def named(kind):
    """Return the name of a class."""
    return kind.__name__
