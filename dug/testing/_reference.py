"""Evaluates nodes without a cache, to compare the engine with: `Evaluation`, its questions `Ask`, `Run` and `Outcome`.

It runs the plain functions.  Each memoised call that one of them makes comes back here, and is
answered by running that function in turn, under the tweaks that `_world` finds in force.  Nothing is
looked up in a cache of dug, and nothing is filed in one.

A body runs again each time it is asked for, `fresh_runs` times in all.  After that, the evaluation answers
repeated calls from its own table: a recombining tree, which asks for the
same few nodes in exponentially many ways, comes to an end too.  A deep chain is evaluated on the stacks
of several threads, of which one runs at a time.

`attempt` makes a call and says how it ended.

`evaluate` begins; `_answer`, `_obey` (a tweak), `_run` and `_read` answer one question.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar, cast

from attrs import define, evolve, field, frozen

from .._contexts.context import Context
from .._contexts.current import open_contexts
from .._core.drive import evaluate_without_cache
from .._core.read import Failure, Node, OpenContext, current
from ..errors import CycleError, DugError
from ._world import Chain, World, enter_all

R = TypeVar("R")
FRESH_RUNS = 1_000
HOP = 25
"""How many questions deep a thread goes: far enough from the recursion limit for the frames of the bodies between."""


@frozen
class Outcome:
    """How a call ended: with a value, or with an error."""

    value: Any = None
    error: BaseException | None = None
    failure: Failure | None = field(default=None, eq=False, repr=False)
    """The error as it was raised; a handler may have changed the error since."""

    def again(self) -> "Outcome":
        """Returns the outcome for another reader, with an error of its own."""
        return self if self.failure is None else Outcome(error=self.failure.serve().pop(), failure=self.failure)

    def get(self) -> Any:
        """Returns the value, or raises the error."""
        if self.error is not None:
            raise self.error
        return self.value


@frozen
class Ask:
    """A question: a node, in a world, under some of that world's tweaks of it."""

    node: Node[Any]
    likeness: object
    chain: Chain


@define(eq=False)
class Run:
    """One running body: its question and its world."""

    ask: Ask
    world: World
    beneath: Chain | None
    """For a replacement, the tweaks that the same node called inside it meets; None for the node's own body."""
    reads: list[Ask] = field(factory=list)
    _frame: Any = None
    """The frame it runs in; contexts opened around that are in its world."""

    @property
    def node(self) -> Node[Any]:
        """The node whose body it is."""
        return self.ask.node

    def execute(self, body: Callable[..., Any], driver: Callable[["Run", Node[Any]], Any]) -> Outcome:
        """Runs the body and returns how it ended; the memoised calls it makes go to `driver`."""
        with evaluate_without_cache(partial(driver, self), self.node):
            self._frame = current.get()
            return attempt(lambda: body(*self.node.args, **self.node.kwargs))

    def opened(self) -> list[Context]:
        """Returns the contexts that the body has opened and not left, the innermost first."""
        contexts = []
        frame = current.get()
        while frame is not self._frame:
            if isinstance(frame, OpenContext):
                contexts.append(cast("Context", frame.context))
            frame = frame.outer
        return contexts


def attempt(call: Callable[[], Any]) -> Outcome:
    """Returns how a call ends; an exception that is not an `Exception` passes."""
    try:
        return Outcome(call())
    except Exception as exc:  # noqa: BLE001  an error of the user's is an outcome like any other
        return Outcome(error=exc)


@define
class Evaluation:
    """One reading of a program.

    Args:
        fresh_runs: How many bodies run before the evaluation answers from its own table.

    Attributes:
        outcomes: The latest outcome of each question, in the order in which they were first answered.
    """

    fresh_runs: int = FRESH_RUNS
    outcomes: dict[Ask, Outcome] = field(factory=dict, init=False)
    _target: Ask | None = field(default=None, init=False)
    _stream: Node[Any] | None = field(default=None, init=False)
    """One that a body read, which cannot be evaluated here."""
    _running: dict[Ask, None] = field(factory=dict, init=False)
    _runs: int = field(default=0, init=False)

    def evaluate(self, node: Node[Any]) -> Outcome:
        """Returns how a call of `node` ends under the tweaks in force here, with nothing remembered.

        Raises:
            TypeError: a body reads a stream.
        """
        world = enter_all(World(), _layers_of(open_contexts()))
        self._target = Ask(node, world.likeness, world.hear(node))
        outcome = self._answer(self._target, world)
        if self._stream is not None:
            raise TypeError(f"{node} reads the stream {self._stream}, and dug.testing evaluates no streams. Test what it reads.")
        return outcome

    def outcomes_here(self) -> Iterator[tuple[Node[Any], Outcome]]:
        """Gives the outcomes of the nodes that ran under the same tweaks as the target, dependencies first."""
        for ask, outcome in self.outcomes.items():
            if self._target is not None and ask.likeness == self._target.likeness:
                yield ask.node, outcome

    def _answer(self, ask: Ask, world: World) -> Outcome:
        """Returns how a node ends, obeying the first tweak of its chain."""
        if ask.chain and ask.chain[0].spec.is_value:
            return self.outcomes.get(ask) or self._file(ask, Outcome(ask.chain[0].spec.value))
        if self._runs >= self.fresh_runs and ask in self.outcomes:
            return self.outcomes[ask].again()
        if ask in self._running:
            return Outcome(error=CycleError(self._path_to(ask)))
        self._running[ask] = None
        try:
            outcome = self._obey(ask, world) if len(self._running) % HOP else _on_a_fresh_stack(self._obey, ask, world)
        finally:
            del self._running[ask]
        return self._file(ask, outcome)

    def _obey(self, ask: Ask, world: World) -> Outcome:
        said = ask.chain[0].spec if ask.chain else None
        if said is None or said.fn is None:
            return self._run(Run(ask, world, None), ask.node.function.__wrapped__)
        if said.reads_beneath:
            beneath = self._answer(evolve(ask, chain=ask.chain[1:]), world)
            return attempt(lambda: said.fn(beneath.get(), *said.args))  # type: ignore[misc]  # it was there a line before
        return self._run(Run(ask, world, ask.chain[1:] if said.replaces else None), said.fn)

    def _run(self, run: Run, body: Callable[..., Any]) -> Outcome:
        self._runs += 1
        return run.execute(body, self._read)

    def _read(self, run: Run, node: Node[Any]) -> Any:
        """Answers a call that a running body makes, within the contexts that it has opened since."""
        if node._function.stream is not None:
            self._stream = node
        opened = _layers_of(run.opened())
        world = enter_all(run.world, opened)
        chain = world.hear(node)
        if run.beneath is not None and node == run.node:
            inside = enter_all(World(), opened).hear(node)
            chain = inside if inside and inside[-1].spec.is_final else inside + run.beneath
        ask = Ask(node, world.likeness, chain)
        run.reads.append(ask)
        return self._answer(ask, world).get()

    def _file(self, ask: Ask, outcome: Outcome) -> Outcome:
        """Keeps an outcome and returns it; an error of dug's own is none of the node's, so it is not kept."""
        error = outcome.error
        if not isinstance(error, (DugError, RecursionError, MemoryError)):
            kept = None if error is None else Failure.of(error, error.__traceback__, is_out=True)
            self.outcomes[ask] = evolve(outcome, failure=kept)
        return outcome

    def _path_to(self, ask: Ask) -> tuple[Node[Any], ...]:
        running = list(self._running)
        return (*(open_ask.node for open_ask in running[running.index(ask) :]), ask.node)


def _on_a_fresh_stack(call: Callable[..., R], *args: Any) -> R:
    """Returns ``call(*args)``, made in a thread of its own, because the recursion limit counts the frames of one thread."""
    # Loading the threads' module takes as long as loading dug, and few chains are deep.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(copy_context().run, call, *args).result()


def _layers_of(contexts: Sequence[Context]) -> list[Mapping[Any, Any]]:
    """Returns the tweaks of the contexts now, the outermost first; a context of several joined scenarios gives several."""
    return [layer for ctx in reversed(contexts) for layer in ctx._scenario.layers]
