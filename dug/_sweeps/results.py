"""`Result`, one scenario's values and errors; `Results`, a lazy sequence with `to_frame`, `heatmap`; `Targets`.

A result keeps the values and errors of its nodes, and neither the context that they ran in nor its memos: the frames of an
error's traceback are emptied.  `Results` keeps every result, so that it can be iterated again.  `sweep` and `async_sweep` ask.
`_Part` is some of the results, `_Iteration` one pass over them; `_make_index` makes the index of a frame.  Of all: `tornado`,
`to_dict`, `to_frame`; `_take_place`, `_find`, `_choose` and `_make_unique` find results by place and name; `_announce`.
"""

import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from operator import index
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import frozen

from .._batch.kept_failure import let_go
from .._contexts.scenario import Scenario
from .._core.read import Failure, Node
from .._extras.packages import import_extra, import_pandas
from .._inspect.table import make_frame
from .._text.shown import Shown
from .._text.values import number_alike, show, show_str
from .levels import GridLevels, Levels, target_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .._text.sheet import Sheet

R = TypeVar("R")
V = TypeVar("V")


@frozen(eq=False)
class Targets(Generic[V]):
    """The nodes that a sweep asks, by label; without labels, by themselves."""

    nodes: Mapping[Any, Node[Any]]
    shape: Callable[[Mapping[Any, Any]], V]
    """Shapes values by label as the user named the nodes: one value, a tuple or a dict."""


@frozen(eq=False, repr=False)
class Result(Shown, Generic[V]):
    """The values and errors of the targets of a sweep under one scenario.

    ``result[target]`` is the value of one target, named by its node or, where the sweep was given a mapping, by its label; where
    that target failed, it raises the error.
    """

    name: Any
    """The scenario's: its own, or its key in the mapping that the sweep was given, or the text of its tweaks."""
    scenario: Scenario | None
    """The tweaks; None if they were not possible, and for a difference between two scenarios."""
    values: Mapping[Any, Any]
    """The value of each target, by node or label; those that failed are missing."""
    recomputed: int
    """How many bodies, replacements and bumps ran."""
    seconds: float
    """How long it took."""
    _failures: Mapping[Any, Failure]
    _targets: Targets[V]
    _world: Any = None
    """The world in which it was taken; see `world`."""
    _number: int = 0
    """How many scenarios come before its own; see `levels`."""
    worker: str | None = None
    """The process that computed it, as ``host:number``; None for this one."""
    attempts: int = 1
    """How many workers it was sent to: more than one where a worker ended."""

    @property
    def value(self) -> V:
        """The values of the targets: a value for a node, a tuple for several, a dict for a mapping.

        Raises:
            Exception: a target failed; the first one's error.
        """
        for label in self._failures:
            self[label]
        return self._targets.shape(self.values)

    @property
    def errors(self) -> Mapping[Any, BaseException]:
        """The error of each target that failed, by node or label; `value` raises another exception that says the same."""
        let_go(self._failures.values())
        return {label: failure.shown for label, failure in self._failures.items()}

    @property
    def error(self) -> BaseException | None:
        """The first of the errors; None when there is none."""
        return next(iter(self.errors.values()), None)

    @overload
    def __getitem__(self, target: Node[Coroutine[Any, Any, R]]) -> R: ...
    @overload
    def __getitem__(self, target: Node[R]) -> R: ...
    @overload
    def __getitem__(self, target: Any) -> Any: ...
    def __getitem__(self, target: Any) -> Any:
        failure = self._failures.get(target)
        if failure is not None:
            with failure.serve() as served:
                raise served.pop()
        if target not in self.values:
            known = ", ".join([show_str(label, 200) for label in self._targets.nodes])
            raise KeyError(f"{show_str(target, 200)} is not a target of this sweep. Its targets: {known}.")
        return self.values[target]

    __iter__ = None  # or Python would iterate a class with __getitem__ by asking for the targets 0, 1, 2...

    def outcome(self) -> Any:
        """Returns `value`, with the errors of failed targets in the place of their values."""
        return self._targets.shape({**self.values, **self.errors})

    def _sheet(self) -> "Sheet":
        from .sheets import show_result  # loaded when somebody looks

        return show_result(self, dict(zip(self._targets.nodes, map(target_label, self._targets.nodes), strict=True)))

    def __repr__(self) -> str:
        what = show(self.outcome())
        return f"<Result {show(self.name)}: {what}, {self.recomputed} recomputed in {self.seconds:.3g} s>"


class Results(Shown, Generic[V]):
    """Results in the order of their scenarios, each made when it is first asked for, and kept.

    Iterating gives each as soon as it is there, and can be repeated; one thread at a time.  ``results["crash"]`` is the result of
    the scenario with that name, ``results[0]`` the first one and ``results[-1]`` the last, ``results[:10]`` the first ten; where
    the sweep was given a mapping with numbers for names, a number is a name.  ``len(results)`` is their number, if that is known
    before all are made.
    """

    def __init__(self, targets: Targets[V], levels: Levels) -> None:
        self._targets = targets
        self._levels = levels
        self._kept: list[Result[V]] = []
        self._names: set[Any] = set()
        self._is_complete = False

    def _make_next(self) -> Result[V] | None:
        """Returns the next result after the kept ones; None when there is none."""
        raise NotImplementedError

    def _find_total(self) -> int | None:
        """Returns how many results there will be; None if that is unknown."""
        raise NotImplementedError

    def _is_ready(self, place: int) -> bool:  # noqa: ARG002  only what is made of other results can be
        """True when the result in a place can be made without a run."""
        return False

    def _has_numbers(self) -> bool:
        """True when names of scenarios are numbers, so that a number is not a place."""
        return False

    def _announce(self) -> None:
        """Tells the progress reporter that there is one more result."""

    def __iter__(self) -> Iterator[Result[V]]:
        return _Iteration(self)

    def __len__(self) -> int:
        total = len(self._kept) if self._is_complete else self._find_total()
        if total is None:
            raise TypeError("The number of scenarios is not known yet, because their iterator has no length. Iterate first.")
        return total

    def __bool__(self) -> bool:
        return self._find(0) is not None

    @overload
    def __getitem__(self, place: slice) -> "Results[V]": ...
    @overload
    def __getitem__(self, place: Any) -> Result[V]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return _Part(self, place)
        if hasattr(type(place), "__index__") and not self._has_numbers():
            return self._take_place(index(place))
        for result in self:
            if result.name == place:
                return result
        raise KeyError(f"There is no scenario {show(place)} in {self!r}.")

    def _take_place(self, place: int) -> Result[V]:
        """Returns the result in a place, counted from the end if it is negative.

        Raises:
            IndexError: there are not so many.
        """
        position = place + len(tuple(self)) if place < 0 else place
        found = self._find(position) if position >= 0 else None
        if found is None:
            raise IndexError(f"There is no result {show(place)} in {self!r}.")
        return found

    def to_dict(self) -> dict[Any, Any]:
        """Returns the values of each scenario, by its name: `Result.value`, with errors in the place of values that failed."""
        return {result.name: result.outcome() for result in self}

    def to_frame(self) -> "pd.DataFrame":
        """Returns a pandas frame: a row for each scenario, a column for each target, and ``recomputed``, ``seconds``, ``error``.

        A row is named after its scenario; of a `dug.scenarios.grid` by the value on each axis, in a level of its own, and of a
        `dug.scenarios.ladder` by the node and the direction.  A column is named after its label or the text of its node.  A
        target that failed has no value (None, NaN among numbers); ``error`` has the first error of a row, or None.

        Raises:
            ImportError: pandas is not installed; the message says what to type.
        """
        pandas = import_pandas()
        results = tuple(self)
        rows = [_row(result, self._targets) for result in results]
        columns = [*number_alike(list(map(target_label, self._targets.nodes))), "recomputed", "seconds", "error"]
        index = make_frame(lambda dtype: _make_index(pandas, self._levels, results, dtype))
        return make_frame(lambda dtype: pandas.DataFrame(rows, index=index, columns=columns, dtype=dtype))

    def heatmap(self, target: Any = None, *, ax: "Axes | None" = None, **options: Any) -> "Axes":
        """Draws the values of a target over a `dug.scenarios.grid` of two axes; the first axis goes down, the second across.

        A scenario that failed leaves its cell empty.  Values with both signs, such as differences, have white for zero.

        Args:
            target: the node or label to draw; it may be left out where the sweep has one target.
            ax: the matplotlib axes to draw into; the default is a new figure.
            options: passed on to matplotlib's ``imshow``, such as ``cmap``.

        Returns:
            The axes: ``results.heatmap().figure.savefig("grid.png")`` writes a file.

        Raises:
            TypeError: the scenarios are not a grid of two axes, or a value is not a number.
            KeyError: there is no such target.
            ImportError: matplotlib is not installed; the message says what to type.
        """
        levels = self._levels
        if not isinstance(levels, GridLevels) or len(levels.sizes) != 2:
            raise TypeError("heatmap() draws a grid of two axes. Sweep over grid({f.node(x): [...], g.node(): [...]}).")
        label = self._choose(target, "heatmap")
        import_extra("matplotlib", "plot", "heatmap()")
        from ._matplotlib import draw_heatmap  # optional package: imported where it is used
        from .drawn import read_number  # loaded when somebody draws

        cells = {levels.place(result): read_number(result, label) for result in self if label in result.values}
        return draw_heatmap(cells, levels, target_label(label), ax, options)

    def tornado(self, target: Any = None, *, ax: "Axes | None" = None, most: int = 20) -> "Axes":
        """Draws how much each scenario moves a target, the largest on top: a bar for each, of a `ladder` one line for each node.

        The changes of a sweep are those from its base; what ``diff()`` and ``central()`` return are changes already.

        Args:
            target: the node or label to draw; it may be left out where the sweep has one target.
            ax: the matplotlib axes to draw into; the default is a new figure.
            most: how many lines are drawn; the axes say how many smaller ones there are.

        Returns:
            The axes: ``sweep.tornado().figure.savefig("tornado.png")`` writes a file.

        Raises:
            TypeError: a difference is not a number.
            KeyError: there is no such target.
            ImportError: matplotlib is not installed; the message says what to type.
        """
        label = self._choose(target, "tornado")
        import_extra("matplotlib", "plot", "tornado()")
        from ._matplotlib import draw_tornado  # optional package: imported where it is used
        from .drawn import list_lines  # loaded when somebody draws

        changes = self._list_changes()
        lines = list_lines(tuple(changes), changes._levels, label)
        return draw_tornado(lines, f"change of {target_label(label)}", ax, most)

    def _list_changes(self) -> "Results[Any]":
        """Returns the results of which a tornado is drawn: how much each scenario moves the targets."""
        return self

    def _choose(self, target: Any, method: str) -> Any:
        """Returns the label of the target that a user named, or of the only one.

        Raises:
            TypeError: there are several, and none was named.
            KeyError: there is no such target.
        """
        labels = list(self._targets.nodes)
        if target is None and len(labels) != 1:
            raise TypeError(f"{self!r} has several targets. Name the one to draw: {method}({target_label(labels[0])!r}).")
        if target is not None and target not in self._targets.nodes:
            known = ", ".join(map(target_label, labels))
            raise KeyError(f"{show_str(target, 200)} is not a target of this sweep. Its targets: {known}.")
        return labels[0] if target is None else target

    def _find(self, position: int) -> Result[V] | None:
        """Returns the result in a place, after making those before it; None if there are not so many."""
        while position >= len(self._kept) and not self._is_complete:
            self._let_go()
            self._keep(self._make_next())
        return self._kept[position] if position < len(self._kept) else None

    def _keep(self, result: Result[V] | None) -> None:
        """Makes and keeps the next result; None when there is none."""
        if result is None:
            self._is_complete = True
        else:
            self._kept.append(result)
            self._announce()

    def _let_go(self) -> None:
        """Empties the frames of the newest result's errors, now that they have ended: they hold the results themselves."""
        if self._kept:
            let_go(self._kept[-1]._failures.values())

    def _make_unique(self, name: Any) -> Any:
        """Returns a name that no other result has, and reserves it."""
        unique = self._find_unique(name)
        self._names.add(unique)
        return unique

    def _find_unique(self, name: Any) -> Any:
        """Returns a name that no other result has: adds a number to one that is taken."""
        unique, number = name, 1
        while unique in self._names:
            number += 1
            unique = f"{show_str(name, 200)} ({number})"
        return unique

    def _sheet(self) -> "Sheet":
        from .sheets import LOOKED, show_results  # loaded when somebody looks

        while (place := len(self._kept)) < LOOKED and self._is_ready(place):
            self._find(place)
        nodes = self._targets.nodes
        labels = dict(zip(nodes, number_alike(list(map(target_label, nodes))), strict=True))
        is_complete = self._is_complete or len(self._kept) == self._find_total()
        return show_results(repr(self)[1:-1], labels, tuple(self._kept), is_complete=is_complete)

    def __repr__(self) -> str:
        total = len(self._kept) if self._is_complete else self._find_total()
        of = "unknown" if total is None else total
        failed = sum(bool(one._failures) for one in self._kept)
        done = f"{len(self._kept)} of {of} scenarios done{f', {failed} failed' if failed else ''}"
        return f"<{type(self).__name__.lstrip('_')} of {_count(self._targets)}, {done}>"


class _Part(Results[V]):
    """Some of the results, by their places: the whole makes each when it is first asked for here."""

    def __init__(self, whole: Results[V], part: slice) -> None:
        super().__init__(whole._targets, whole._levels)
        self._whole, self._part = whole, part
        start, stop, step = (None if one is None else index(one) for one in (part.start, part.stop, part.step))
        if min(start or 0, stop or 0, step or 0) < 0:  # from the end, which must be there
            self._places = range(*part.indices(len(tuple(whole))))
        else:
            self._places = range(start or 0, sys.maxsize if stop is None else stop, 1 if step is None else step)

    def _make_next(self) -> Result[V] | None:
        here = len(self._kept)
        return self._whole._find(self._places[here]) if here < len(self._places) else None

    def _is_ready(self, place: int) -> bool:
        if place >= len(self._places):
            return False
        there, known = self._places[place], len(self._whole._kept)
        return there < known or (there == known and self._whole._is_ready(there))

    def _list_changes(self) -> Results[Any]:
        return _Part(self._whole._list_changes(), self._part)

    def _find_total(self) -> int | None:
        total = len(self._whole._kept) if self._whole._is_complete else self._whole._find_total()
        return None if total is None else len(range(*self._part.indices(total)))

    def _has_numbers(self) -> bool:
        return self._whole._has_numbers()

    def __repr__(self) -> str:
        while (here := len(self._kept)) < len(self._places) and self._places[here] < len(self._whole._kept):
            self._find(here)  # the whole has it
        return super().__repr__()


class _Iteration(Iterator[Result[V]]):
    """One iteration; not a generator: an error would keep the frame of a suspended one alive."""

    def __init__(self, results: Results[V]) -> None:
        self._results = results
        self._position = 0

    def __next__(self) -> Result[V]:
        result = self._results._find(self._position)
        if result is None:
            raise StopIteration
        self._position += 1
        return result


def _make_index(pandas: Any, levels: Levels, results: tuple[Result[Any], ...], dtype: Any) -> Any:
    """Returns the index of a frame: plain for one level, of several levels else."""
    rows = levels.list_rows(results)
    columns = [[row[number] for row in rows] for number in range(len(levels.names))]
    made = [
        pandas.Index(values, dtype=dtype, name=name, tupleize_cols=False)
        for name, values in zip(levels.names, columns, strict=True)
    ]
    return made[0] if len(made) == 1 else pandas.MultiIndex.from_arrays(made)


def _row(result: Result[Any], targets: Targets[Any]) -> tuple[Any, ...]:
    values = [result.values.get(label) for label in targets.nodes]
    return *values, result.recomputed, result.seconds, result.error


def _count(targets: Targets[Any]) -> str:
    return f"{len(targets.nodes)} node{'s' if len(targets.nodes) != 1 else ''}"
