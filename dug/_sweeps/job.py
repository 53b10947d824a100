"""One scenario of a sweep: `Job` asks the nodes under it, in any thread or task; `make_context` makes its context.

A job is one outermost call: it meets an error once, however many of its nodes read the failed node, and does not try that node
again before the next job.  Inside a running node it is a part of that node's call.

Who runs a job, in a thread or task, and hands it to an executor, is in `sweep` and `async_sweep`.

`hand_to` an executor, `answer` and `answer_async` run it, `_ask_each` and `_ask_together` ask its nodes; `withdraw`, `close`.
`_begin` and `_see_world` note its world; `is_akin` tells whether two have a tweak in common.
"""

from contextvars import Context as Variables
from time import perf_counter
from typing import Any, Generic, TypeVar

from attrs import define

from .._batch.call_site import CallSite, single_outer_call
from .._batch.kept_failure import keep_failure
from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._contexts.tweaks import Tweaks
from .._core.read import Failure, Memo, Node, Target, current, find_answer
from .results import Result, Targets
from .world import World, see_world

R = TypeVar("R")
V = TypeVar("V")


@define(eq=False)
class Job(Generic[V]):
    """One scenario's job: the thread that asks for the result computes it, or an executor does, or it is awaited.

    Until it is closed it holds the context, and with it the memos computed under its tweaks.
    """

    _call_site: CallSite
    _targets: Targets[V]
    _name: Any
    _context: Context | Failure
    """The context, or the failure of making it if a tweak is not possible."""
    number: int = 0
    """How many scenarios come before this one."""
    _future: Any = None
    world: World | None = None
    """The world in which it was answered; None before that, and if a tweak is not possible."""
    _since: World | None = None
    """The world in which it was begun, while it is being answered."""
    memos: tuple[Memo | None, ...] = ()
    """The memos of its nodes."""

    @property
    def is_running(self) -> bool:
        """True while it is being answered in this process."""
        return self._since is not None

    @property
    def is_answered(self) -> bool:
        """True when its result is known in this process, and until it is closed."""
        return self.world is not None or getattr(getattr(self, "_future", None), "done", bool)()

    def hand_to(self, executor: Any) -> None:
        """Submits the job to an executor, unless that was done already."""
        if self._future is None:
            self._future = executor.submit(self._ask)

    def withdraw(self) -> None:
        """Cancels the job unless the executor has begun it."""
        getattr(self._future, "cancel", bool)()

    def answer(self) -> Result[V]:
        """Returns the result: computes it, or waits for the executor."""
        if self._future is None:
            return self._ask()
        try:
            result: Result[V] = self._future.result()
        except BaseException:  # an interrupt, or the executor is closed: the next caller computes it here
            self._future = None
            raise
        return result

    def variables(self) -> Variables:
        """Returns the context variables of the thread or task that answers it."""
        return self._call_site.variables()

    async def answer_async(self, backend: Any) -> Result[V]:
        """Returns the result of asking all nodes at the same time; in a task in which `CallSite.variables` are in force."""
        values: dict[Any, Any] = {}
        failures: dict[Any, Failure] = {}
        started = perf_counter()
        try:
            recomputed = await self._ask_together(values, failures, backend)
        finally:
            self._since = None
        return self._make_result(values, failures, recomputed, perf_counter() - started)

    def is_akin(self, other: "Job[V]") -> bool:
        """True when the two scenarios have a tweak in common, so that one may find memos of the other."""
        mine, theirs = _list_specs(self._context), _list_specs(other._context)
        return any(theirs.get(target) == said for target, said in mine.items())

    def close(self) -> None:
        """Drops the context and the worlds: otherwise the frames of a kept error would keep them alive."""
        del self._context, self._future, self._call_site
        self.world, self.memos = None, ()

    def _ask(self) -> Result[V]:
        values: dict[Any, Any] = {}
        failures: dict[Any, Failure] = {}
        started = perf_counter()
        try:
            recomputed = self._call_site.call(self._ask_each, values, failures)
        finally:
            self._since = None  # after an interrupt, too
        return self._make_result(values, failures, recomputed, perf_counter() - started)

    def _make_result(self, values: dict[Any, Any], failures: dict[Any, Failure], recomputed: int, seconds: float) -> Result[V]:
        scenario = self._context._scenario if isinstance(self._context, Context) else None
        return Result(self._name, scenario, values, recomputed, seconds, failures, self._targets, self.world, self.number)

    def _ask_each(self, values: dict[Any, Any], failures: dict[Any, Failure]) -> int:
        """Asks the targets in the context, inside the one in force, and returns how many runs that took."""
        if isinstance(self._context, Failure):
            failures.update(dict.fromkeys(self._targets.nodes, self._context))
            return 0
        self._begin()
        with self._context, single_outer_call():
            for label, node in self._targets.nodes.items():
                try:
                    values[label] = node()
                except Exception as exc:  # noqa: BLE001  whatever a node raises is its result
                    failures[label] = keep_failure(exc)
            runs: int = current.get().runs  # no variable for the entry: the frames of an error lead here, and would hold it
            self._see_world()
            return runs

    def _begin(self) -> None:
        view = self._call_site.view
        self._since = World(view, view.group.generation)

    def _see_world(self) -> None:
        view = current.get().view
        found = [find_answer(view, node._key) for node in self._targets.nodes.values()]
        self.memos = tuple(memo if memo is not None and memo.call is None else None for memo in found)
        since, self._since = self._since, None
        assert since is not None  # noqa: S101  it was begun
        self.world = see_world(since, self._call_site.view, self.memos)

    async def _ask_together(self, values: dict[Any, Any], failures: dict[Any, Failure], backend: Any) -> int:
        """Does the same as `_ask_each`, for all targets at the same time."""
        if isinstance(self._context, Failure):
            return self._ask_each(values, failures)
        self._begin()
        gone: list[BaseException] = []

        async def ask(label: Any, node: Node[Any]) -> None:
            try:
                values[label] = await node() if node._function.is_async else node()
            except Exception as exc:  # noqa: BLE001  whatever a node raises is its result
                failures[label] = keep_failure(exc)
            except backend.CANCELLED:
                raise
            except BaseException as exc:  # noqa: BLE001  raised below: here it would come in a group
                gone.append(exc)

        with self._context, single_outer_call():
            asked = [ask(label, node) for label, node in self._targets.nodes.items()]
            await (asked[0] if len(asked) == 1 else backend.gather(asked))
            runs: int = current.get().runs
            self._see_world()
        if gone:
            raise gone[0]
        for there in (values, failures):
            for label in filter(there.__contains__, self._targets.nodes):
                there[label] = there.pop(label)  # in the order of the targets, whichever finished first
        return runs


def make_context(tweaks: Tweaks | Scenario, name: Any) -> Context | Failure:
    """Returns a context with the user's scenario, or the failure of making it."""
    try:
        return Context(Scenario(tweaks, name if isinstance(name, str) else None))
    except Exception as exc:  # noqa: BLE001  the result of this scenario, which must not hide those of others
        return keep_failure(exc)


def _list_specs(context: Context | Failure) -> dict[Target, Any]:
    layers = context._scenario.specs if isinstance(context, Context) else ()
    return {target: spec.meaning for layer in layers for target, spec in layer.items()}
