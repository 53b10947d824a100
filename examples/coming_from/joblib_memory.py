"""The same questions to a ``Memory`` of joblib and to dug; both sides give the same answers."""

from pathlib import Path
from tempfile import TemporaryDirectory

import dug
from dug import snapshot

RUNS: list[str] = []
"""The functions that ran, in order."""


def clean(values: tuple[float, ...], *, verbose: bool = False) -> tuple[float, ...]:  # noqa: ARG001  changes no result
    """Leave out what is not a positive number."""
    RUNS.append("clean")
    return tuple(value for value in values if value > 0)


def mean(values: tuple[float, ...]) -> float:
    """The mean of the clean values."""
    RUNS.append("mean")
    return sum(cleaned := clean(values)) / len(cleaned)


def take_runs() -> list[str]:
    """Return what ran since the last time."""
    ran = RUNS.copy()
    RUNS.clear()
    return ran


def there() -> dict[str, object]:
    """With joblib: a function keeps its results in a folder, by the content of its arguments."""
    import joblib

    take_runs()
    with TemporaryDirectory() as folder:
        memory = joblib.Memory(folder, verbose=0)
        cached_clean = memory.cache(clean, ignore=["verbose"])
        cached = memory.cache(mean)
        answers: dict[str, object] = {"a value": cached((1.0, -1.0, 3.0)), "runs": take_runs()}
        answers["known"] = cached.check_call_in_cache((1.0, -1.0, 3.0))
        cached_clean((1.0, 2.0)), cached_clean((1.0, 2.0), verbose=True)
        answers["runs with an argument ignored"] = take_runs()

        later = joblib.Memory(folder, verbose=0).cache(mean)  # as another process would
        answers["later"] = later((1.0, -1.0, 3.0))
        answers["runs later"] = take_runs()
        later.clear(warn=False)
        later((1.0, -1.0, 3.0))
        answers["runs when cleared"] = take_runs()
    return answers


def here() -> dict[str, object]:
    """With dug: a context keeps results, and a file keeps a context."""
    take_runs()
    memoized_clean = dug.memoize(ignore=("verbose",), name="joblib_memory:memoized_clean")(clean)
    memoized = dug.memoize(name="joblib_memory:memoized")(mean)
    with TemporaryDirectory() as folder:
        with dug.Context() as ctx:
            answers: dict[str, object] = {"a value": memoized((1.0, -1.0, 3.0)), "runs": take_runs()}
            answers["known"] = memoized.node((1.0, -1.0, 3.0)) in ctx
            memoized_clean((1.0, 2.0)), memoized_clean((1.0, 2.0), verbose=True)
            answers["runs with an argument ignored"] = take_runs()
        snapshot.save(ctx, Path(folder, "results.dug"))

        with snapshot.load(Path(folder, "results.dug")) as later:  # as another process would
            answers["later"] = memoized((1.0, -1.0, 3.0))
            answers["runs later"] = take_runs()
            later.invalidate(memoized)
            memoized((1.0, -1.0, 3.0))
            answers["runs when cleared"] = take_runs()
    return answers


DIFFERENT: dict[str, tuple[object, object]] = {}
"""What differs, there and here."""
