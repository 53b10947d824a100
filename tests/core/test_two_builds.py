"""Both builds in one process do the same; `python tests/two_builds.py` is the large comparison."""

from __future__ import annotations

import gc
import itertools

import pytest
import two_builds

import dug

SEED = 80_000_000
pytestmark = pytest.mark.skipif(not dug.COMPILED, reason="the compiled call path is not in use")


@pytest.fixture(scope="module")
def builds():
    """Return both builds."""
    made = two_builds.load()
    assert [build.is_compiled for build in made] == [True, False]
    gc.freeze()  # so that a full collection passes over both
    return made


def compare_many(builds):
    """Play 150 scripts on both builds."""
    for seed in range(SEED, SEED + 150):
        assert two_builds.compare(builds, seed)


def test_both_builds_do_the_same(builds):
    """They run the same bodies, tell the same events and remember the same; the slow tests play many more programs."""
    for seed in range(SEED, SEED + 3):
        assert two_builds.compare(builds, seed)


def test_addresses_decide_nothing(builds):
    """Two caches of a group are walked in the order in which they came, wherever they lie in memory."""
    assert two_builds.compare(builds, 80_002_488)
    for build in builds:
        cache = type(build.opinion.dug.Cache())
        bottom = cache()
        above = [cache() for _ in range(50)]
        for one in above:
            one.bind(bottom)
        assert build.group.members(bottom.group.caches) == (bottom, *above)


@pytest.mark.slow
def test_serials_may_have_more_than_31_bits(builds, monkeypatch):
    """Tweaks have serials that grow for as long as a process lives."""
    for build in builds:
        monkeypatch.setattr(build.group, "count", lambda _first: itertools.count(2**31 - 3))
    for seed in range(SEED, SEED + 20):
        assert two_builds.compare(builds, seed)


@pytest.mark.slow
def test_many_programs_run_alike(builds):
    """The same, for more programs."""
    compare_many(builds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "owner", "name"),
    [
        ("dug._core.facts.memo", "NodeMemos", "add_reader"),
        ("dug._core.state.cache", "Cache", "_index"),
    ],
)
def test_what_one_build_forgets_is_found(builds, monkeypatch, module, owner, name):
    """A build that leaves out one step of its bookkeeping is told from the other."""
    monkeypatch.setattr(getattr(builds[1].modules[module], owner), name, lambda *_: None)
    with pytest.raises(two_builds.Difference, match=r"compiled .*, pure "):
        compare_many(builds)


def test_what_one_build_keeps_is_found(builds, monkeypatch):
    """A build that holds a view for longer is told from the other, before it answers anything with what is there."""
    scope, kept = builds[1].modules["dug._core.steps.scope"], []

    def enter(*args, do=scope.enter, **options):
        kept[:] = [do(*args, **options)]
        return kept[0]

    monkeypatch.setattr(scope, "enter", enter)
    with pytest.raises(two_builds.Difference, match=r"compiled .*, pure "):
        compare_many(builds)
