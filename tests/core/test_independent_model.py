"""A few hundred programs of the second opinion, and proof that it can say no."""

from __future__ import annotations

import independent_model
import pytest

import dug

SEED = 70_000_000


@pytest.mark.slow
def test_the_second_opinion_agrees():
    """An independent model of the design finds nothing wrong, needless or leaking in random programs."""
    report = independent_model.batch(SEED, 300)

    assert not report.kinds, [independent_model.attempt(*independent_model.make(seed))[0] for seed, _ in report.failures]
    assert report.calls > 2000


def _forgetful(ctx, *keys):
    """Stand for an invalidation that does nothing."""


def _eager(tweak):
    def tweak_and_clear(ctx, *args):
        tweak(ctx, *args)
        if ctx.cache is not None:
            ctx.clear()

    return tweak_and_clear


@pytest.mark.slow
def test_the_second_opinion_finds_stale_values(monkeypatch):
    """An invalidation that is lost is found."""
    monkeypatch.setattr(dug.Context, "invalidate", _forgetful)

    assert independent_model.batch(SEED, 150).kinds["wrong"]


@pytest.mark.slow
def test_the_second_opinion_finds_needless_runs(monkeypatch):
    """A tweak that costs the context its memos is found."""
    monkeypatch.setattr(dug.Context, "tweak", _eager(dug.Context.tweak))

    assert independent_model.batch(SEED, 150).kinds["needless"]


@pytest.mark.slow
def test_the_second_opinion_finds_leaks(monkeypatch):
    """A context that something keeps alive is found."""
    kept = []
    enter = dug.Context.__enter__
    monkeypatch.setattr(dug.Context, "__enter__", lambda ctx: kept.append(ctx) or enter(ctx))

    assert independent_model.batch(SEED, 50).kinds["leak"]
