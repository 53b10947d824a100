"""How a node failed: `Failure` serves the error to each asker; `Keeper` makes the form kept after its call, with a `Trace`.

The first asker gets the very exception that the node raised.  Each later asker gets an exception of its own that says the
same as that did when it was filed (`imprint`), so that no handler changes the exception of another.

A kept failure holds no frames: its traceback is a `Trace`, the places by name.  An error that is served again and passed on
shares a part of its way with others, so a trace is a few places of its own and the trace that it goes on with.

A node that passes on the error of a node that it read has its failure from `pass_on`; `Serving` raises an exception so that it
keeps its context; `empty_own_frames` empties frames of dug; `Summary` is a traceback without frames; an `Asker` is a run to which
a failure is served.
"""

from collections.abc import Iterator
from gc import get_referents
from types import TracebackType
from typing import Any, Protocol, Self

from attrs import define, field

from .imprint import Imprint

_OWN = ("dug._core.", "dug._functions.")
"""What the names of modules begin with whose functions stand between two nodes in a traceback."""


class Asker(Protocol):
    """A run, as a failure that is served to it sees it."""

    served: "dict[Any, BaseException] | None"


@define(eq=False, repr=False)
class Failure:
    """How a node failed: the imprint of its exception, and its traceback as filed (frames in the call, a summary afterwards)."""

    imprint: Imprint
    traceback: Any
    summary: Any = None
    """Replaces the traceback when that is gone: gives the places (`stack`) and the text (`format`)."""
    mark: object = field(factory=object)
    """Shared by the failures of all nodes that passed the error on."""
    raised: BaseException | None = None
    """The exception that the node raised; None once its call has ended."""
    again: "Failure | None" = None
    """The place where the exception was served again: the failure that served it."""
    calls: set[Any] = field(factory=set)
    """The open calls within which it is raised again."""
    _unserved: list[BaseException] = field(factory=list)
    """The exception of the node, until an asker gets it."""
    _shown: BaseException | None = None

    @classmethod
    def of(cls, error: BaseException, traceback: Any, *, is_out: bool = False) -> Self:
        """Returns a failure of a node that read no failed node.

        Args:
            error: the exception.
            traceback: its origin.
            is_out: whether an asker has it already; else the first asker gets it.
        """
        return cls(Imprint.of(error), traceback, raised=error, unserved=[] if is_out else [error])

    @property
    def error(self) -> BaseException:
        """An exception that says the same as the filed one, and that nobody else has."""
        return self.imprint.make().with_traceback(self.traceback)

    @property
    def shown(self) -> BaseException:
        """The same for all lookers: one exception, which is not raised."""
        if self._shown is None:
            self._shown = self.error
        return self._shown

    @property
    def text(self) -> str:
        """The traceback as text."""
        return "".join(self.summarize().format())

    def summarize(self) -> Any:
        """Returns the traceback without frames: its places (`stack`), and its text (`format`)."""
        return self.summary or _read_traceback(self.error, self.traceback)

    def serve(self, to: Asker | None = None, memo: Any = None) -> "Serving":
        """Returns the exception to raise for an asker, with the traceback as it was filed.

        Args:
            to: the run that asks, if one does; it notes the exception, to recognise it should it pass it on.
            memo: the memo that it asks for.
        """
        try:
            error = self._unserved.pop()
        except IndexError:
            error = self.imprint.make()
        if to is not None:
            if to.served is None:
                to.served = {}
            to.served[memo] = error
        return Serving(error.with_traceback(self.traceback))


class Serving:
    """Raises an exception in a ``with`` of this, so that it keeps the context that it has.

    Raising replaces its context with the exception handled here.  Once it is out, nobody here holds it: its traceback leads here.
    """

    __slots__ = ("_context", "_error")

    def __init__(self, error: BaseException) -> None:
        self._error = [error]
        self._context = error.__context__

    def pop(self) -> BaseException:
        """Returns the exception, once."""
        return self._error.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        context, self._context = self._context, None
        if context is not None and error is not None and error.__context__ is not context:
            error.__context__ = context


def empty_own_frames(traceback: TracebackType | None) -> None:
    """Empties the ended frames of dug that an error has come up through last: a traceback must hold no context.

    The variables of these frames lead to runs and entries, and from there to contexts that the program has dropped, whose tweaks
    must go at once.  Each frame also leads to that of its caller, so all code of dug that leads to a body empties its variables
    itself as it ends, in a ``finally`` that refers to this.
    """
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__", "").startswith(_OWN):
        frame = traceback.tb_frame
        if frame.f_code in get_referents(frame):  # it has ended: since then it is its own, and refers to its code
            frame.clear()
        traceback = traceback.tb_next


def pass_on(
    error: BaseException, traceback: Any, passed: Failure | None, handled: BaseException | None, *, is_out: bool
) -> Failure:
    """Returns the failure of a node with an exception that, unless `passed` is None, it got from a node that it read.

    Args:
        error: the exception.
        traceback: its origin.
        passed: the failure of that node.
        handled: the exception that the asker was handling; see `Imprint.of`.
        is_out: as for `Failure.of`.

    Complexity: O(1) if the error still says the same.
    """
    unserved = [] if is_out else [error]
    if passed is None:
        return Failure(Imprint.of(error, handled), traceback, raised=error, unserved=unserved)
    imprint = passed.imprint if passed.imprint.matches(error, handled) else Imprint.of(error, handled)
    again = passed.again if passed.raised is error else passed
    return Failure(imprint, traceback, None, passed.mark, error, again, unserved=unserved)


class Keeper:
    """Makes the kept form of the failures of an ended call, the outermost first: one for all nodes that an error passed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int], Failure] = {}
        self._traces: dict[int, Trace | None] = {}

    def keep(self, failure: Failure) -> Failure:
        """Returns a failure without frames."""
        if failure.raised is None:
            return failure
        place = id(failure.raised), id(failure.imprint)
        kept = self._kept.get(place)
        if kept is None:  # made once, as it takes as long as the traceback is deep
            said = _read_traceback(failure.imprint.make(), failure.traceback if failure.again is None else None)
            trace = Trace(list(said.stack), None) if failure.again is None else self._trace(id(failure.raised), failure)
            summary = Summary(said, self._traces.setdefault(id(failure.raised), trace))
            kept = self._kept[place] = Failure(failure.imprint.without_frames(), None, summary, failure.mark)
        return kept

    def _trace(self, name: int, failure: Failure | None) -> "Trace | None":
        """Returns the places that a failure passed; those before it was served again are shared by all."""
        missing: list[tuple[int, Failure]] = []
        while failure is not None and name not in self._traces:
            missing.append((name, failure))
            failure = failure.again
            if failure is not None:
                name = id(failure.traceback)
        trace = None if failure is None else self._traces[name]
        for this, one in reversed(missing):
            until = None if one.again is None else one.again.traceback
            length = _count_frames(one.traceback, until)
            places = _read_traceback(Exception(), one.traceback, limit=length).stack if length else []
            trace = self._traces[this] = Trace(list(places), None if until is None else trace)
        return trace


class Trace:
    """The places of a traceback: some, and then those of another trace."""

    __slots__ = ("_below", "_places")

    def __init__(self, places: list[Any], below: "Trace | None") -> None:
        self._places = places
        self._below = below

    def __iter__(self) -> Iterator[Any]:
        trace: Trace | None = self
        while trace is not None:
            yield from trace._places
            trace = trace._below


class Summary:
    """A traceback without frames."""

    __slots__ = ("_said", "_trace")

    def __init__(self, said: Any, trace: Trace | None) -> None:
        self._said = said
        self._trace = trace

    @property
    def stack(self) -> list[Any]:
        """The places, the innermost last."""
        return list(self._trace or ())

    def format(self) -> list[str]:
        """The lines of the traceback."""
        from traceback import StackSummary  # imported only once something has failed

        self._said.stack = StackSummary.from_list(self.stack)
        return list(self._said.format())


def _count_frames(traceback: Any, until: Any) -> int:
    length = 0
    while traceback is not None and traceback is not until:
        length += 1
        traceback = traceback.tb_next
    return length


def _read_traceback(error: BaseException, traceback: Any, limit: int | None = None) -> Any:
    from traceback import TracebackException  # imported only once something has failed

    return TracebackException(type(error), error, traceback, lookup_lines=False, limit=limit)
