"""``dug run``: reads tweaks, imports a module, calls its function in a context, prints the value, and loads or saves memos.

`_read_tweaks` reads ``--tweak`` and ``--replace``, `_invalidate` forgets, `_loading` and `_replaying` start from a file, `_tell`
prints, `_check_files` and `_check_place` refuse paths, `_save` writes the file.  Its options: ``--tweak``, ``--replace``,
``--from``, ``--load``, ``--save``, ``--invalidate``, ``--refresh``, ``--recompute-changed``, ``--trust``, ``--progress``.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._batch.batch import Batch
from .._contexts.context import Context
from .._contexts.literals import TWEAKS, split_tweak
from .._contexts.scenario import Scenario
from ._asked import Asked
from ._calling import check_words, describe, make_call, readable_errors, show_value
from ._file import READABLE, Command
from ._frames import format_error
from ._json import words_of, words_of_error
from ._names import import_module_of
from ._output import one_line, tell
from ._replacing import FORMS, import_replacements, read_replacements
from ._tables import print_json
from ._targets import find_call, parse_target, parse_tweak
from ._watch import watch

if TYPE_CHECKING:
    from ..snapshot import Snapshot
    from ._since import Since

EPILOG = """\
\b
Examples:
  dug run pricing:book
  dug run pricing:position AAPL 100 years=1
  dug run "pricing:position(AAPL, 100)" --tweak "spot(AAPL)=96.0"
  dug run pricing:book --tweak spot=x0.5 --tweak "rate(USD)=+0.01" --save crash.dug
  dug run batch:report --load night.dug --tweak "path(EMEA)=fixed.csv" --save morning.dug
  dug run batch:report --load night.dug --invalidate "trades(EMEA)"
  dug run pricing:book --from monday.dugrec --replace mid=trial:mid
"""


@click.command("run", cls=Command, epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("target", metavar="MODULE:FUNCTION")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@click.option("--tweak", "tweaks", multiple=True, metavar="NODE=VALUE",
              help=f"Say what is different: VALUE is a literal, {TWEAKS}; may be given several times.")  # fmt: skip
@click.option("--replace", "replaced", multiple=True, metavar="NODE=VALUE",
              help=f"Replace a node or function: VALUE is {FORMS}; may be given several times.")  # fmt: skip
@click.option("--from", "recorded", type=READABLE, help="Take what a recording has of sources, and run the others.")
@click.option("--load", "loaded", type=READABLE, help="Start from what a file knows, and run only the rest.")
@click.option("--save", "saved", type=click.Path(dir_okay=False), help="Write what is known afterwards to a file, failures too.")
@click.option("--invalidate", "invalidated", multiple=True, metavar="NODE_OR_FUNCTION",
              help="Run this again, whatever the file of --load says; may be given several times.")  # fmt: skip
@click.option("--refresh", is_flag=True, help="Read all sources of the file of --load again.")
@click.option("--recompute-changed", is_flag=True, help="Run functions whose code changed since the file of --load was saved.")
@click.option("--trust", is_flag=True, help="Read and write pickles, too: only for files of your own.")
@click.option("--progress", "wants_progress", is_flag=True, help="Show on a terminal how many nodes ran and were saved.")
@click.option("--traceback", "wants_traceback", is_flag=True, help="Print the traceback of an error.")
@click.option("--json", "wants_json", is_flag=True, help="Print the value, or the error, as JSON.")
def command(
    target: str,
    arguments: tuple[str, ...],
    tweaks: tuple[str, ...],
    loaded: str | None,
    saved: str | None,
    *,
    replaced: tuple[str, ...],
    recorded: str | None,
    invalidated: tuple[str, ...],
    refresh: bool,
    recompute_changed: bool,
    trust: bool,
    wants_progress: bool,
    wants_traceback: bool,
    wants_json: bool,
) -> int:
    """Call a function with arguments in a context of its own, and print its value.

    ARGS are Python literals; a plain word is text, and name=value passes a keyword.
    Modules are looked for in the current folder first.
    """
    check_words(arguments, command.params)
    options = {"--recompute-changed": recompute_changed, "--invalidate": invalidated, "--refresh": refresh}
    _check_files(loaded, recorded, options)
    _import((target, *tweaks, *invalidated), replaced)
    with readable_errors():
        call = find_call(target, arguments)
    place = None if saved is None else _check_place(saved)
    with ExitStack() as stack:
        around = None if recorded is None else stack.enter_context(_replaying(recorded))
        loading = nullcontext() if loaded is None else _loading(loaded, trust=trust, recompute_changed=recompute_changed)
        file = stack.enter_context(loading)
        _invalidate(file, invalidated, target.partition(":")[0], refresh=refresh)
        with readable_errors():
            said, scenario = _read_tweaks(tweaks, replaced, target.partition(":")[0], file, around)
        ctx = stack.enter_context(Context(scenario))
        asked = stack.enter_context(Asked.watch(ctx, said, call))
        since = None if file is None else stack.enter_context(_watch_changes(ctx, file))
        try:
            with watch(ctx, wanted=wants_progress):
                value, error = make_call(call)
            unread = asked.find_unread(error)
            if since is not None:
                since.tweaked = [one for name, (one, _) in said.items() if name not in unread]
            words = (target, *arguments)
            return _tell(value, error, words, unread, since, wants_traceback=wants_traceback, wants_json=wants_json)
        finally:  # also when nobody reads the output, and when the run was stopped
            if saved is not None and place is not None:
                _save(ctx, place, saved, trust=trust, wants_progress=wants_progress)


def _import(named: Sequence[str], replaced: Sequence[str]) -> None:
    """Imports the modules of what was typed."""
    for name in named:
        import_module_of(name)
    import_replacements(replaced)


def _check_files(loaded: str | None, recorded: str | None, options: dict[str, object]) -> None:
    """Refuses options about a file that is not there, and two files that say what sources gave."""
    if loaded is not None:
        if recorded is not None:
            raise click.UsageError("--from and --load both say what sources gave. Leave one out.")
        return
    for name, given in options.items():
        if given:
            raise click.UsageError(f"{name} is about the file of --load, and there is none. Add --load FILE.")


def _replaying(path: str) -> AbstractContextManager[Context]:
    """Starts from a recording: what it has of sources, and of what was cut, is given, and other sources run."""
    from .. import replay  # only commands that name a recording need it

    return replay.open(path).replay(strict=False)


def _read_tweaks(
    words: Sequence[str], replaced: Sequence[str], home: str, file: "Snapshot | None", around: Context | None
) -> tuple[dict[str, tuple[Any, Any]], Scenario]:
    """Returns by typed text: each node or function that is tweaked or replaced, and its tweak; and all these as a scenario.

    Raises:
        ValueError: one cannot be read, or is tweaked twice.
    """
    find = None if file is None else file.find
    known = read_replacements(replaced, home, find, {} if around is None else around.tweaks)
    said = {name: (one.target, one.tweak) for name, one in known.items()}
    for word in words:
        tweak = parse_tweak(word, home, find)
        name = split_tweak(word)[0]
        if any(tweak[0] == target for target, _ in said.values()):
            raise ValueError(f"{name} is tweaked twice. Leave one --tweak or --replace out.")
        said[name] = tweak
    return said, Scenario(dict(said.values()))


def _invalidate(file: "Snapshot | None", named: Sequence[str], home: str, *, refresh: bool) -> None:
    """Forgets the file's memos of some nodes and functions, and of all sources.

    Raises:
        click.UsageError: the file says nothing of one of them.
    """
    if file is None or not (named or refresh):
        return
    facts = file.graph().facts
    with readable_errors():
        for name in named:
            target = parse_target(name, home, file.find)
            if not any(target in (fact.node, fact.node.function) for fact in facts):
                raise LookupError(
                    f"{name} is not in {file.info.path}, so it cannot be invalidated. 'dug show FILE --all' lists its nodes."
                )
            file.invalidate(target)
    sources = [fact.node for fact in facts if fact.is_source]
    if refresh and not sources:
        tell(f"dug run: {one_line(str(file.info.path))} has no node of a source, so --refresh reads nothing again")
    elif refresh:
        file.invalidate(*sources)


def _watch_changes(ctx: Context, file: "Snapshot") -> AbstractContextManager["Since"]:
    from ._since import Since  # only commands that name a file need it

    return Since.watch(ctx, file)


def _tell(
    value: Any,
    error: BaseException | None,
    words: Sequence[str],
    unread: dict[str, str],
    since: "Since | None",
    *,
    wants_traceback: bool,
    wants_json: bool,
) -> int:
    """Prints the value or the error of a call, which tweaks nobody read, and what changed; returns the exit status."""
    for name, hint in unread.items():
        tell(f"dug run: no node read the tweak of {one_line(name)}. {one_line(hint)}")
    for line in () if since is None else since.tell_pending(words):
        tell(line)
    if error is not None:
        if wants_traceback:
            tell(format_error(error))
        tell(f"dug run: {words[0]} failed: {one_line(describe(error))}")
    if wants_json:
        said = None if error is None else {**words_of_error(error), "traceback": format_error(error)}
        told = {} if since is None else since.words()
        print_json({"value": words_of(value), "error": said, "unread_tweaks": list(unread), **told})
    else:
        show_value(value)
    for line in since.tell() if since is not None and not wants_json else ():
        tell(line)
    return 1 if error is not None or (isinstance(value, Batch) and value.failures) else 0


@contextmanager
def _loading(path: str, *, trust: bool, recompute_changed: bool) -> Iterator["Snapshot"]:
    """Starts from the memos of a file, and reports at the end which were changed or absent."""
    from .. import snapshot  # only commands that name a file need it

    loaded = snapshot.load(path, trust=trust, recompute_changed=recompute_changed)
    try:
        with loaded:
            yield loaded
    finally:
        if loaded.changed and not recompute_changed:
            names = one_line(", ".join(loaded.changed))
            tell(
                f"dug run: {names} changed since {one_line(path)} was saved, and their old values were used. "
                "To run it again, add --recompute-changed"
            )
        if loaded.absent:
            tell(f"dug run: {len(loaded.absent):,} of {one_line(path)} could not be used: {one_line(str(loaded.absent[0]))}")


def _check_place(path: str) -> Path:
    """Refuses a file that cannot be written before the work is done, and returns where it is: code may change the folder."""
    from ..snapshot._atomic import check_place  # only commands that name a file need it

    try:
        place = Path(path).absolute()
        with suppress(FileNotFoundError):
            place.lstat()  # a name may be so long that the temporary name beside it is too long
        check_place(place)
    except (OSError, RuntimeError) as exc:  # a circle of links is the one or the other
        reason = exc.strerror if isinstance(exc, OSError) else "Too many levels of symbolic links"
        raise click.UsageError(f"{path} cannot be written: {reason}. Nothing has run yet: name another file.") from exc
    return place


def _save(ctx: Context, place: Path, name: str, *, trust: bool, wants_progress: bool) -> None:
    from .. import snapshot  # only commands that name a file need it

    report = snapshot.save(ctx, place, allow_pickle=trust, progress=wants_progress)
    tell(str(attrs.evolve(report, path=Path(name))))
