"""``dug flow``: the runs that services share through a server: how far each is, what was skipped, and cancel, retry, remove.

It runs no processor and needs no code of the user's: all that it tells lies in the server.

A command for each: ``ls``, ``show``, ``letters``, ``cancel``, ``retry``, ``rm``; `_where` adds the options that say which server
and run.  `_open` opens the server of the options, `_look` reads the state of a run, `_row_of` makes its row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._text.values import describe_error
from ._file import Command
from ._output import echo, tell
from ._tables import as_json, print_rows

if TYPE_CHECKING:
    from ..flow.services import RunState, Services

EPILOG = """\
\b
Examples:
  export DUG_SERVICES_URL=redis://localhost:6379/0
  dug flow ls --namespace etl
  dug flow show 5d0c1f2a9b3e4f60 --namespace etl --key-file etl.key
  dug flow retry 5d0c1f2a9b3e4f60 --namespace etl --key-file etl.key

\b
The environment may say --url (DUG_SERVICES_URL), --namespace (DUG_SERVICES_NAMESPACE)
and --key-file (DUG_SERVICES_KEY_FILE); a key itself is never a word of a command line.
"""

PATIENCE_S = 2.0
"""How long a server that has answered before is asked again; a program may wait longer, a person does not."""


@click.group("flow", epilog=EPILOG, no_args_is_help=False)
def command() -> None:
    """Look at the runs that services share, and cancel, retry or remove them."""


def _where(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which runs are meant."""
    for option in (
        click.option("--key-file", type=click.Path(exists=True, dir_okay=False), envvar="DUG_SERVICES_KEY_FILE",
                     metavar="FILE", help="The file with the key of the services, if they have one."),
        click.option("--namespace", default="dug", envvar="DUG_SERVICES_NAMESPACE", show_default=True,
                     help="The namespace of the services."),
        click.option("--url", required=True, envvar="DUG_SERVICES_URL",
                     help="Where the server is, such as redis://localhost:6379/0."),
    ):  # fmt: skip
        fn = option(fn)
    return fn


_one_run = click.argument("run", metavar="RUN")
_runs = click.argument("runs", nargs=-1, required=True, metavar="RUN...")


@contextmanager
def _open(url: str, namespace: str, key_file: str | None) -> "Iterator[Services]":
    try:
        from ..flow.services import RunGoneError, Services  # with the engine, which the help needs not

        key = None if key_file is None else Path(key_file).read_bytes().rstrip(b"\r\n")
        services = Services(url, key=key, namespace=namespace, patience_seconds=PATIENCE_S)
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    except ValueError as exc:  # redis-py says what it takes
        raise click.UsageError(f"--url: {exc}") from exc
    try:
        yield services
    except RunGoneError as exc:
        known = f"type: dug flow ls --namespace {namespace}"
        signed = " A run that was signed is there only for those who have its key: --key-file FILE." if key is None else ""
        raise click.ClickException(f"there is no run {exc.run!r} in the namespace {namespace!r}; {known}.{signed}") from exc
    finally:
        services.close()


@command.command("ls", cls=Command)
@_where
@as_json
def ls(url: str, namespace: str, key_file: str | None, *, wants_json: bool) -> None:
    """List the runs, the oldest first."""
    with _open(url, namespace, key_file) as services:
        states = list(services.runs())
    if not states and not wants_json:
        tell(f"no run is in the namespace {namespace!r}{'' if key_file else ' that was not signed (--key-file)'}")
        return
    columns = ("run", "flow", "state", "started", "items", "ended", "failed", "steps")
    print_rows(columns, [_row_of(state) for state in states], wants_json=wants_json)


def _row_of(state: "RunState") -> list[Any]:
    ways = [step.state for step in state.steps]
    return [state.run, state.flow, state.state, _day(state.started), state.items, ways.count("ended"), ways.count("failed"),
            len(ways)]  # fmt: skip


def _day(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else None


@command.command("show", cls=Command)
@_one_run
@_where
@as_json
def show(run: str, url: str, namespace: str, key_file: str | None, *, wants_json: bool) -> None:
    """Say how far each step of a run is, who works on it, and why it failed."""
    with _open(url, namespace, key_file) as services:
        state, skipped = services.status(run), services.count_dead_letters(run)
    if not wants_json:
        if skipped:
            tell(f"{skipped:,} value{'s were' if skipped > 1 else ' was'} skipped; type: dug flow letters {run}")
        echo(f"{state.run} of {state.flow}: {state.state}, started {_day(state.started)} UTC")
    rows = [
        [step.name, step.processor or None, step.state, sum(step.items.values()), step.owner, step.epoch, step.error]
        for step in state.steps
    ]
    print_rows(("step", "processor", "state", "items", "owner", "begun", "error"), rows, wants_json=wants_json)


@command.command("letters", cls=Command)
@_one_run
@_where
@as_json
def letters(run: str, url: str, namespace: str, key_file: str | None, *, wants_json: bool) -> None:
    """List the dead letters of a run: the values that its processors skipped, and why."""
    with _open(url, namespace, key_file) as services:
        rows = [[one.step, one.number, one.shown, one.attempts, describe_error(one.error)] for one in services.dead_letters(run)]
    if not rows and not wants_json:
        tell(f"no value of the run {run!r} was skipped")
        return
    print_rows(("step", "number", "value", "attempts", "error"), rows, wants_json=wants_json)


@command.command("cancel", cls=Command)
@_runs
@_where
def cancel(runs: tuple[str, ...], url: str, namespace: str, key_file: str | None) -> None:
    """Close every body of runs, wherever it is; their readers get a RunCancelledError."""
    with _open(url, namespace, key_file) as services:
        for run in runs:
            services.cancel(run)
            echo(f"{run} is cancelled")


@command.command("retry", cls=Command)
@_runs
@_where
def retry(runs: tuple[str, ...], url: str, namespace: str, key_file: str | None) -> None:
    """Begin again what failed in runs, and take back a cancellation; what is on the tapes stays."""
    with _open(url, namespace, key_file) as services:
        for run in runs:
            failed = services.retry(run)
            what = f"{', '.join(failed)} begin again" if len(failed) > 1 else f"{failed[0]} begins again" if failed else "goes on"
            echo(f"{run}: {what}")


@command.command("rm", cls=Command)
@_runs
@_where
@click.option("--yes", is_flag=True, help="Remove what is still at work, too.")
def rm(runs: tuple[str, ...], url: str, namespace: str, key_file: str | None, *, yes: bool) -> None:
    """Remove runs with all that is on their tapes; one that is open needs --yes."""
    with _open(url, namespace, key_file) as services:
        for run in runs:
            state = _look(services, run)
            if state == "open" and not yes:
                raise click.UsageError(f"the run {run!r} is open. Cancel it first, or remove it nevertheless: --yes")
            services.delete(run)
            echo(f"{run} is removed")


def _look(services: "Services", run: str) -> str:
    """Returns the state of a run; one whose plan is tampered with has none, and can be removed."""
    from ..flow.services import TamperedError  # as above

    try:
        return services.status(run).state
    except TamperedError:
        return "tampered"
