"""Makes the call that a command line names: `make_call`, `show_value`; `check_words` and `readable_errors` before it.

`describe` is the message of an exception, also of ``sys.exit``.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from pprint import pformat
from typing import Any

import click

from .._functions.async_driver import is_awaited
from ..errors import TweakError
from ._output import echo, text_by


def check_words(words: Sequence[str], params: Sequence[click.Parameter]) -> None:
    """Refuses a word that looks like an option: one that was mistyped must not be taken for an argument."""
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and name[1:].lstrip("-")[:1].isalpha() and word != "-inf":
            known = [option for parameter in params for option in parameter.opts if option.startswith("--")]
            near = get_close_matches(name, known, 1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise click.UsageError(f"there is no option {name}. {meant}To pass it as text, put it in quotes: \"'{word}'\".")


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turns an error in a command line into a usage error."""
    try:
        yield
    except TweakError as exc:
        raise click.UsageError(str(exc)) from exc
    except (ValueError, LookupError, TypeError) as exc:  # any other DugError passes: it is readable already
        raise click.UsageError(str(exc.args[0] if exc.args else exc)) from exc


def make_call(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Makes the call, and returns its value and its error; ``sys.exit`` raises, too.

    A stream that the user's code put in place of a standard stream is removed: the value is printed on the original one.
    """
    streams = sys.stdout, sys.stderr
    try:
        value = call()
        return asyncio.run(_wait(value)) if is_awaited(value) else value, None
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # noqa: BLE001  whatever the user's function raises is told, and what it computed is saved
        return None, exc
    finally:
        sys.stdout, sys.stderr = streams


async def _wait(value: Any) -> Any:
    return await value


def describe(error: BaseException) -> str:
    """Returns the message of an exception, with its type."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({text_by(error.code, repr)}) and gave no value"
    text = text_by(error, str)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def show_value(value: object) -> None:
    """Prints the value of a call, if there is one."""
    if value is not None:
        echo(value if isinstance(value, str) else text_by(value, partial(pformat, sort_dicts=False)))
