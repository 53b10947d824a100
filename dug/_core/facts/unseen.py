"""The warning of an argument whose changes no key shows, loaded with the first: `warn_of_unseen`, at the line of the user.

It counts the frames of dug and of the decorator (`_count_own_frames`), to find that line.
"""

import sys
from warnings import warn

from ..._text.values import name_type, show
from .equality import settle

_PACKAGE, _DEMO = "dug.", "dug.demo"
_GENERATED = "<dug "


def warn_of_unseen(function: object, parameter: str, argument: object, unseen: object) -> None:
    """Tells the user of a part that `find_unseen` found in an argument, and looks at objects of its class no more.

    Warns:
        RuntimeWarning: names the function, the parameter and the class, and says what to type.
    """
    name = name_type(unseen).rpartition(":")[2]
    held = "" if unseen is argument else f" holds {show(unseen)}, which"
    warn(
        f"{function}: the argument {parameter}={show(argument)}{held} can be changed, and Python tells it from others by its "
        f"identity: when it changes, earlier results stay. Make {name} immutable (@attrs.frozen, or @dataclass(frozen=True)); or "
        "give it __eq__ and __hash__, where __hash__ = object.__hash__ says that the identity is what counts; or leave the "
        f'argument out where it makes no difference: ignore=("{parameter}",).',
        RuntimeWarning,
        stacklevel=_count_own_frames(),
    )
    settle(type(unseen))  # afterwards: who makes the warning an error gets it each time


def _count_own_frames() -> int:
    """Returns how many frames lie between `warn` and the user's line, as `warn` counts."""
    count, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__"), frame.f_code.co_filename):
        count, frame = count + 1, frame.f_back
    return count


def _is_own(name: object, file: str) -> bool:
    said = str(name)
    return file.startswith(_GENERATED) or (said.startswith(_PACKAGE) and not said.startswith(_DEMO))

