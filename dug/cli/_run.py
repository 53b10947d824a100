"""``dug run``: call a function in a context, and keep what it computed."""

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pprint import pformat
from traceback import extract_tb, print_exception
from typing import TYPE_CHECKING, Any

import click

from .._context import Context
from .._core._node import Node, load_function
from .._run_all import Batch
from .._tweaks import Scenario
from ._literals import parse_arguments, parse_tweak
from ._tables import one_line, print_json, text_of
from ._watch import watch

if TYPE_CHECKING:
    from ..snapshot import Snapshot

EPILOG = """\
\b
Examples:
  dug run pricing:book
  dug run pricing:position AAPL 100 years=1
  dug run "pricing:position('AAPL', 100, 1)" --tweak "pricing:spot('AAPL')=96.0"
  dug run pricing:book --tweak "pricing:spot=scale(0.5)" --save crash.dug
  dug run batch:report --load night.dug --tweak "batch:path('EMEA')=fixed.csv" --save morning.dug
"""


@click.command("run", epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("target", metavar="MODULE:FUNCTION")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@click.option("--tweak", "tweaks", multiple=True, metavar="NODE=VALUE", help="Say what is different; may be given several times.")
@click.option("--load", "loaded", type=click.Path(dir_okay=False), help="Start from what a file knows, and run only the rest.")
@click.option("--save", "saved", type=click.Path(dir_okay=False), help="Write what is known afterwards to a file, failures too.")
@click.option("--recompute-changed", is_flag=True, help="Run functions whose code changed since the file of --load was saved.")
@click.option("--trust", is_flag=True, help="Read and write pickles, too: only for files of your own.")
@click.option("--progress", "wants_progress", is_flag=True, help="Show on a terminal how many nodes ran and were saved.")
@click.option("--traceback", "wants_traceback", is_flag=True, help="Print the whole traceback of an error.")
@click.option("--json", "wants_json", is_flag=True, help="Print the value as JSON.")
def command(
    target: str,
    arguments: tuple[str, ...],
    tweaks: tuple[str, ...],
    loaded: str | None,
    saved: str | None,
    *,
    recompute_changed: bool,
    trust: bool,
    wants_progress: bool,
    wants_traceback: bool,
    wants_json: bool,
) -> int:
    """Call a function with arguments in a context of its own, and print its value.

    ARGS are Python literals; a plain word is text, and name=value passes a keyword.
    VALUE is a literal, scale(x), shift(x) or UNTWEAKED.
    Modules are looked for in the current folder first.
    """
    _check_words(arguments)
    if recompute_changed and loaded is None:
        raise click.UsageError("--recompute-changed is about the file of --load, and there is none. Add --load FILE.")
    for named in (target, *tweaks):
        _import_module(named)
    with _readable_errors():
        call = find_call(target, arguments)
    if saved is not None:
        _check_place(saved)
    with ExitStack() as stack:
        find = None
        if loaded is not None:
            find = stack.enter_context(_loading(loaded, trust=trust, recompute_changed=recompute_changed)).find
        with _readable_errors():
            scenario = Scenario(dict(parse_tweak(tweak, find) for tweak in tweaks))
        ctx = stack.enter_context(Context(scenario))
        try:
            with watch(ctx, wanted=wants_progress):
                value, error = _call(call)
            return _tell(value, error, target, wants_traceback=wants_traceback, wants_json=wants_json)
        finally:  # also when nobody reads what is printed, and when what ran was stopped
            if saved is not None:
                _save(ctx, saved, trust=trust, wants_progress=wants_progress)


def _check_words(words: tuple[str, ...]) -> None:
    """Refuses a word that looks like an option: one that was mistyped must not be taken for an argument."""
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and name[1:].lstrip("-")[:1].isalpha() and word != "-inf":
            known = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
            near = get_close_matches(name, known, 1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise click.UsageError(f"there is no option {name}. {meant}To pass it as text, put it in quotes: \"'{word}'\".")


def _import_module(named: str) -> None:
    """Imports the module of a function or node, so that what is wrong inside it is told as that.

    Raises:
        click.ClickException: the module raises an error.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as ``python -m`` does
    module, colon, _ = named.partition(":")
    if not colon or not all(part.isidentifier() for part in module.split(".")):
        return  # whoever reads the words says so
    try:
        import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name is None or f"{module}.".startswith(f"{exc.name}."):  # likewise
            return
        raise click.ClickException(f"{module} cannot be imported: {exc}") from exc
    except Exception as exc:
        last = extract_tb(exc.__traceback__)[-1]
        where = "" if isinstance(exc, SyntaxError) else f" ({last.filename}, line {last.lineno})"  # it names its own
        raise click.ClickException(f"{module} cannot be imported: {type(exc).__name__}: {text_of(exc, str)}{where}") from exc


def find_call(target: str, words: tuple[str, ...]) -> Callable[[], Any]:
    """Returns the node, or the call of a plain function, that was typed.

    Raises:
        ValueError: it cannot be read.
        LookupError: there is no such function.
        TypeError: the function cannot be called like that.
    """
    if "(" in target:
        if words:
            raise ValueError(f"{target!r} has its arguments already: leave out {' '.join(words)!r}.")
        return Node.parse(target)
    args, kwargs = parse_arguments(words)
    function = find_function(target)
    if hasattr(function, "node"):
        node: Node[Any] = function.node(*args, **kwargs)
        return node
    inspect.signature(function).bind(*args, **kwargs)
    return lambda: function(*args, **kwargs)


def find_function(name: str) -> Any:
    """Returns the function, memoised or plain, that ``module:function`` names.

    Raises:
        LookupError: there is none.
    """
    module, colon, qualname = name.partition(":")
    if not colon:
        raise LookupError(f"{name!r} is no function. Write it as module:function, such as pricing:book.")
    try:
        found: Any = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as exc:
        try:
            return load_function(name).wrapper()  # it may have been given that name
        except LookupError:
            raise LookupError(f"there is no {name!r}: {exc}.") from exc
    if not callable(found):
        raise LookupError(f"{name!r} cannot be called: it is a {type(found).__name__}.")  # noqa: TRY004  its name is wrong
    return found


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Turns what is wrong with a command line into a complaint about it."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as exc:  # a DugError passes: it is readable already
        raise click.UsageError(str(exc.args[0] if exc.args else exc)) from exc


def _call(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Makes the call, and returns what it gave and what it raised."""
    try:
        value = call()
        return asyncio.run(_wait(value)) if inspect.isawaitable(value) else value, None
    except Exception as exc:  # noqa: BLE001  whatever the user's function raises is told, and what it computed is saved
        return None, exc


def _tell(value: Any, error: Exception | None, target: str, *, wants_traceback: bool, wants_json: bool) -> int:
    """Prints what a call gave or raised, and returns the exit status."""
    if error is not None:
        if wants_traceback:
            print_exception(error)
        click.echo(f"dug run: {target} failed: {type(error).__name__}: {one_line(text_of(error, str))}", err=True)
        return 1
    if wants_json:
        print_json(value)
    elif value is not None:
        click.echo(value if isinstance(value, str) else text_of(value, pformat))
    return 1 if isinstance(value, Batch) and value.failures else 0


async def _wait(value: Any) -> Any:
    return await value


@contextmanager
def _loading(path: str, *, trust: bool, recompute_changed: bool) -> Iterator["Snapshot"]:
    """Starts from what a file knows, and says at the end what of it was not what it seems."""
    from .. import snapshot  # only commands that name a file need it

    loaded = snapshot.load(path, trust=trust, recompute_changed=recompute_changed)
    try:
        with loaded:
            yield loaded
    finally:
        if loaded.changed and not recompute_changed:
            names = ", ".join(loaded.changed)
            click.echo(
                f"dug run: {one_line(names)} changed since {path} was saved, and what it gave then was used. "
                "To run it again, add --recompute-changed",
                err=True,
            )
        if loaded.absent:
            click.echo(
                f"dug run: {len(loaded.absent):,} of {path} could not be used: {one_line(str(loaded.absent[0]))}", err=True
            )


def _check_place(path: str) -> None:
    """Refuses a file that cannot be written before the work is done that it is for."""
    from ..snapshot._atomic import check_place  # only commands that name a file need it

    try:
        check_place(Path(path))
    except OSError as exc:
        raise click.UsageError(f"{path} cannot be written: {exc.strerror}. Nothing has run yet: name another file.") from exc


def _save(ctx: Context, path: str, *, trust: bool, wants_progress: bool) -> None:
    from .. import snapshot  # only commands that name a file need it

    report = snapshot.save(ctx, path, allow_pickle=trust, progress=wants_progress)
    click.echo(str(report), err=True)
