"""The runs of a namespace: `Runs` finds them by their ids, looks at them, and cancels, retries and deletes them; it blocks.

`_check_kept` refuses a retry whose values are dropped.  Its verbs: `status`, `show`, `cancel`, `retry`, `delete`, `dead_letters`,
`count_dead_letters`; `_link`, `_read_plan` and `_list_ids` reach a run, `_settle` takes a run that has ended from those that go
on.  `_find_open` finds those that go on, `_name_errors` looks at one with the errors of its steps.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..._inspect.table import Table
from ...stores._signing import Signing
from ._claims import Link, find_checkpoint
from ._entries import Sealing
from ._errors import OtherKeyError, RunGoneError, ServicesError, TamperedError
from ._keys import Keys
from ._looking import RunState, StepState, find_error, find_kept, look, tabulate_runs, tabulate_steps
from ._plan import Plan, Step
from ._skipping import DeadLetter, list_letters

if TYPE_CHECKING:
    from ._redis import Server  # it needs redis-py

MOST_LINKS = 256
"""So many plans stay in memory; after that they are read again."""

_OVER = ("ended", "failed")


class Runs:
    """The runs of a namespace, and the server on which they are."""

    def __init__(self, server: "Server", keys: Keys, signing: Signing | None, *, allow_pickle: bool) -> None:
        self._server, self._keys, self._signing, self._allow_pickle = server, keys, signing, allow_pickle
        self._links: dict[str, Link] = {}

    # Looks and changes

    def runs(self) -> Table[RunState]:
        """Returns the runs that are there as a table, the oldest first; each row a `RunState`; blocks for a few trips."""
        return tabulate_runs([state for run in self._list_ids(self._keys.runs) if (state := self._look(run)) is not None])

    def status(self, run: str) -> RunState:
        """Returns how far a run is, with the errors of steps that failed; blocks for a few trips.

        Raises:
            RunGoneError: it is not there.
        """
        return self._name_errors(self._link(run))

    def show(self, run: str) -> Table[StepState]:
        """Returns how far the steps of a run are as a table; blocks for a few trips.

        Raises:
            RunGoneError: it is not there.
        """
        return tabulate_steps(self.status(run))

    def cancel(self, run: str) -> None:
        """Cancels a run: all bodies are closed, wherever they are, and readers get a RunCancelledError; blocks for a trip.

        Raises:
            RunGoneError: it is not there.
        """
        link, server = self._link(run), self._server
        word = server.run("cancel", [link.names.run], [self._keys.news, f"{run}/"])
        link.check(b"gone" if word == b"gone" else b"")

    def retry(self, run: str) -> tuple[str, ...]:
        """Lets the steps that failed begin again at their last checkpoints, and takes back a cancellation; blocks for some trips.

        Returns:
            The names of those steps.

        Raises:
            RunGoneError: the run is not there.
            ServicesError: with ``keep=``, a step that failed reads what is dropped, as its writer went on; nothing is changed.
        """
        link, server = self._link(run), self._server
        failed = [step.name for step in look(link).steps if step.state == "failed"]
        names, keys, args = link.names, [link.names.run], [self._keys.news, f"{run}/", server.ttl_ms]
        for step in link.plan.steps:
            kept = [tape for tape in step.inputs if tape in link.plan.keep]
            begins = find_checkpoint(link, step).inputs if kept else {}
            if step.name in failed:
                _check_kept(link, step, begins)
            keys += [names.step(step.name), *map(names.tape, step.outputs), *map(names.readers, kept)]
            args += [step.name, len(step.outputs), len(kept), *[begins.get(tape, 0) for tape in kept]]
        link.check(server.run("retry", keys, args))
        self._note_run(run, link.plan.started)
        server.publish(run)
        return tuple(failed)

    def delete(self, run: str) -> None:
        """Removes all keys of a run; whoever works on it stops; blocks for a few trips."""
        server = self._server
        try:
            keys = list(self._link(run).all_keys)
        except TamperedError:  # whatever begins with its name
            keys = [*server.trip(lambda: [*server.client.scan_iter(match=f"{self._keys.of(run).prefix}*")])]
        except RunGoneError:
            keys = []
        if keys:  # in one go: of a run that is half there, nobody knows the keys
            server.trip(server.client.unlink, *keys)
        for index in (self._keys.runs, self._keys.open):
            server.trip(server.client.zrem, index, run)
        self._links.pop(run, None)
        server.publish(run)

    def dead_letters(self, run: str) -> Table[DeadLetter]:
        """Returns the values that processors with ``on_error="skip"`` skipped as a table, each row a `DeadLetter`; blocks.

        Raises:
            RunGoneError: the run is not there.
            TamperedError: one was not written by a service with the key.
        """
        return list_letters(self._link(run))

    def count_dead_letters(self, run: str) -> int:
        """Returns how many values processors with ``on_error="skip"`` skipped; blocks for a few trips.

        Raises:
            RunGoneError: the run is not there.
        """
        link = self._link(run)
        keys = [link.names.letters(step.name) for step in link.plan.steps]
        return sum(self._server.trip(self._server.client.hlen, key) for key in keys)

    def _note_run(self, run: str, started: float) -> None:
        self._server.trip(self._note, run, started)

    def _note(self, run: str, started: float) -> None:
        with self._server.client.pipeline(transaction=False) as pipeline:
            for key in (self._keys.runs, self._keys.open):
                pipeline.zadd(key, {run: started})
                pipeline.pexpire(key, self._server.ttl_ms)
            pipeline.execute()

    # Plans

    def _make_link(self, plan: Plan) -> Link:
        sealing = Sealing(plan.run, self._signing, self._allow_pickle)
        return Link(self._server, self._keys.of(plan.run), sealing, plan)

    def _link(self, run: str) -> Link:
        """Returns a run; blocks.

        Raises:
            RunGoneError: it is not there.
            TamperedError: its plan was not written by a service with the key.
        """
        try:
            found = self._server.trip(self._server.client.get, self._keys.of(run).plan)
        except OtherKeyError as exc:
            raise TamperedError(run, "the plan", None, "was not written by a service") from exc
        if found is None:
            self._links.pop(run, None)
            raise RunGoneError(run, self._server.shown)
        known = self._links.get(run)
        if known is None:
            data = Sealing(run, self._signing).open("p", "plan", found)
            if data is None:
                raise TamperedError(run, "the plan")
            known = self._make_link(self._read_plan(run, data))
            if len(self._links) >= MOST_LINKS:
                self._links.clear()
            self._links[run] = known
        return known

    @staticmethod
    def _read_plan(run: str, data: bytes) -> Plan:
        try:
            return Plan.read(data)
        except (ValueError, LookupError, TypeError, AttributeError) as exc:  # without a key, whatever somebody wrote
            raise TamperedError(run, "the plan", None, "was not written by a service") from exc

    def _list_ids(self, index: str) -> Iterable[str]:
        return [one.decode() for one in self._server.trip(self._server.client.zrange, index, 0, -1)]

    def _look(self, run: str) -> RunState | None:
        """Returns how far a run is; forgets one that is gone."""
        try:
            return self._name_errors(self._link(run))
        except (TamperedError, OtherKeyError):
            return RunState(run, "?", "tampered", 0.0, ())
        except RunGoneError:
            for index in (self._keys.runs, self._keys.open):
                self._server.trip(self._server.client.zrem, index, run)
            return None

    def _find_open(self) -> list[Link]:
        """Returns the runs that go on; blocks."""
        found = []
        for run in self._list_ids(self._keys.open):
            try:
                found.append(self._link(run))
            except RunGoneError:
                self._server.trip(self._server.client.zrem, self._keys.open, run)
            except TamperedError as exc:
                self._server.leave(exc)
        return found

    def _settle(self, state: RunState) -> None:
        """Takes a run that has ended from those that go on, unless it was tried again since it was looked at; blocks."""
        server, run = self._server, state.run
        if state.state not in _OVER or not server.trip(server.client.zrem, self._keys.open, run):
            return
        try:
            if look(self._link(run)).state not in _OVER:
                self._note_run(run, state.started)
        except (RunGoneError, TamperedError):
            return

    @staticmethod
    def _name_errors(link: Link) -> RunState:
        state = look(link)
        steps: list[StepState] = []
        for step, planned in zip(state.steps, link.plan.steps, strict=True):
            error = find_error(link, planned) if step.state == "failed" else None
            steps.append(step if error is None else step.with_error(error))
        return state.with_steps(tuple(steps))


def _check_kept(link: Link, step: Step, begins: Mapping[str, int]) -> None:
    """Raises a ServicesError if what a step that failed has to read is dropped; blocks."""
    for tape in step.inputs:
        first, kept = begins.get(tape, 0), find_kept(link, tape) if tape in link.plan.keep else 0
        if kept > first:
            raise ServicesError(
                f"{step.name!r} of the run {link.run!r} cannot begin again: it reads {tape!r} from value {first} on, and those "
                f"up to {kept} are dropped (keep={link.plan.keep[tape]}), as their writer went on. Start the flow again, without "
                "keep= if a step that failed is to be tried again."
            )
