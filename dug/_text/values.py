"""Text of anything, bounded, in one line: `show`, `spell` in full, `describe_error`, `number_alike`, `name_type`, `in_seconds`.

For any value these return a text that can be printed, and raise nothing: the ``repr`` of a user's class may raise, may give no
text or one without end, and Python itself refuses to write an int of more than a few thousand digits.  A shortened text says so,
with a digest of all of it, so that two values that differ in the omitted part have two texts, in every process.

An exception of a user's class is never passed on, whatever its type: the panics of libraries in other languages are not an
`Exception`.  Only those that stop the process pass, as a signal may have come while a text was made.

`show_whole` shows more, `show_str` gives the ``str``, `tell_error` an exception by its class and message, `spell_call` a call,
`drop_main` a name without ``__main__``, `describe_data` a frame or array; `visible` and `shorten` make a text safe; `Short` is
the ``repr`` behind them.  `_spell_parts` and `_spell_int` spell containers and long ints.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from reprlib import Repr
from typing import Any

STOPPING = (KeyboardInterrupt, SystemExit)
"""The exceptions that the handlers of signals raise."""
LONGEST = 10_000
"""How many characters of a value are spelled."""
LONGEST_TEXT = 20_000
"""How many characters of an exception's message are written down."""
_LONGEST_ERROR = 400
_MOST_BITS, _FEW_BITS = 14_000, 2_000
"""How large an int may be to be written in digits: some 4,200 of them, and 600, which every process writes."""
_DEEPEST, _FEW = 20, 100
"""How many levels of small containers are spelled item by item."""
_CONTAINERS = frozenset({tuple, list, dict, set, frozenset})
FRAMES = frozenset({"numpy", "pandas", "polars"})
"""The packages that have frames and arrays."""
_TEXTS: dict[type[Any], Callable[[Any], bytes]] = {
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: bytes,
    bytearray: bytes,
}


def show(value: object) -> str:
    """Returns a short text of a value: its ``repr`` in one line, long parts cut; a frame in words; else a description."""
    return _short.repr(value)


def show_whole(value: object, length: int) -> str:
    """Returns a value in one line, by its ``repr`` or as `show` does; the middle is left out where it is longer than `length`."""
    try:
        return visible(shorten(describe_data(value) or str.__str__(repr(value)), length))
    except STOPPING:
        raise
    except BaseException as exc:  # noqa: BLE001  the user's class raises where nobody expects it
        return _describe(value, exc)


def show_str(value: object, length: int) -> str:
    """Returns the ``str`` of a value in a form that can be written anywhere, a long one with its middle left out."""
    try:
        text = shorten(str.__str__(str(value)), length)
    except STOPPING:
        raise
    except BaseException as exc:  # noqa: BLE001  the user's class raises where nobody expects it
        return _describe(value, exc)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def describe_error(error: BaseException) -> str:
    """Returns an exception in one line and bounded in length, as the last line of a traceback has it."""
    return tell_error(name_type(error), show_str(error, LONGEST_TEXT))


def tell_error(kind: str, text: str) -> str:
    """Returns the same for an exception of which only the class, as ``module:qualname``, and the message are known."""
    name = kind.rpartition(":")[2]
    return visible(shorten(f"{name}: {text}" if text else name, _LONGEST_ERROR))


def spell(value: object, _level: int = 0) -> str:
    """Returns the ``repr`` of a value in one line; a very long one as its ends and a description.

    A value that has one text in this process has it in every other: the items of sets are sorted by theirs.
    """
    kind = type(value)
    if kind is int:
        return _spell_int(value)  # type: ignore[arg-type]
    if kind in _TEXTS and len(value) > LONGEST:  # type: ignore[arg-type]
        return _cut_text(value)
    if kind in _CONTAINERS and _level < _DEEPEST and _has_parts(value):
        return _spell_parts(value, _level + 1)
    try:
        text = repr(value)
    except STOPPING:
        raise
    except BaseException as exc:  # noqa: BLE001  the user's class, or an int of too many digits inside
        if kind not in _CONTAINERS:
            return _describe(value, exc)
        return _spell_parts(value, _level + 1) if _level < _DEEPEST else show(value)
    return _cut(str.__str__(text), kind.__name__)  # a subclass of str may do anything


def spell_call(name: str, args: Iterable[object], kwargs: Mapping[str, object]) -> str:
    """Returns a call with its arguments spelled."""
    shown = ", ".join([*map(spell, args), *(f"{parameter}={spell(value)}" for parameter, value in kwargs.items())])
    return f"{visible(name)}({_cut(shown, 'arguments')})"


def visible(text: str) -> str:
    """Returns `text` with every character that is invisible, or that moves the text around it, as an escape sequence.

    Line ends, control characters, marks that turn the direction of writing and halves of surrogate pairs are such.
    """
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else repr(char)[1:-1] for char in text])


def shorten(text: str, length: int) -> str:
    """Returns `text`, the middle left out where it is longer than `length`."""
    if len(text) <= length:
        return text
    head = length * 2 // 3
    return f"{text[:head]}…{text[head + 1 - length :]}"


def drop_main(text: str) -> str:
    """Returns the text of a node or function as people read it: without the module if that is the script or notebook itself."""
    return text.removeprefix("__main__:")


def number_alike(texts: list[str]) -> list[str]:
    """Returns texts of different things, each with a number behind it where another one has the same text."""
    if len(set(texts)) == len(texts):
        return texts
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    numbers: dict[str, int] = {}
    told = []
    for text in texts:
        numbers[text] = numbers.get(text, 0) + 1
        told.append(f"{text} #{numbers[text]}" if counts[text] > 1 else text)
    return told


def in_seconds(seconds: float) -> str:
    """Returns a time with three digits and a unit that suits it.

    >>> in_seconds(0.01234), in_seconds(75.0), in_seconds(4e-6)
    ('12.3 ms', '75 s', '4 us')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{float(f'{seconds / size:.3g}'):,g} {unit}"
    return f"{float(f'{seconds / 1e-6:.3g}'):g} us"


class Short(Repr):
    """Cuts long parts at each level, and describes an int of many digits and an object without a text."""

    def __init__(self, characters: int, items: int) -> None:
        super().__init__()
        self.maxstring = self.maxother = characters
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = items
        self.maxlevel = 4

    def repr(self, x: object) -> str:
        """Returns a short text of a value."""
        try:
            return visible(shorten(super().repr(x), 10 * self.maxother))
        except STOPPING:
            raise
        except BaseException as exc:  # noqa: BLE001  the user's class raises where nobody expects it
            return _describe(x, exc)

    def repr_int(self, x: int, level: int) -> str:
        if type(x) is not int:
            return self.repr_instance(x, level)
        return super().repr_int(x, level) if x.bit_length() < _FEW_BITS else _spell_int(x)

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if not x or level <= 0:
            return "{...}" if x else "{}"
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(item, level - 1)}" for key, item in islice(x.items(), self.maxdict)]
        return f"{{{', '.join(shown)}{', ...' if len(x) > self.maxdict else ''}}}"  # in its order; that of `reprlib` sorts

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(x, level) if type(x) is str else self.repr_instance(x, level)

    def repr_instance(self, x: object, level: int) -> str:  # noqa: ARG002  the name and the arguments are those of `reprlib`
        try:
            words = describe_data(x)
            text = words or str.__str__(repr(x))
        except STOPPING:
            raise
        except BaseException as exc:  # noqa: BLE001  it is the user's
            return _describe(x, exc)
        if words or len(text) <= self.maxother:
            return text
        head = (self.maxother - 3) // 2
        return f"{text[:head]}...{text[head + 3 - self.maxother :]}"


_short = Short(60, 8)
_module_of: Callable[[type[Any]], Any] = vars(type)["__module__"].__get__
"""Returns the module of a class, whatever its metaclass says."""


def name_type(value: object) -> str:
    """Returns the class of a value as ``module:qualname``, whatever its metaclass says; a module that is not a text is "?"."""
    kind = type(value)
    module = vars(type)["__module__"].__get__(kind)
    name = f"{module if isinstance(module, str) else '?'}:{vars(type)['__qualname__'].__get__(kind)}"
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def describe_data(value: object) -> str | None:
    """Returns a frame or an array in words: shape, columns or dtype, memory; None for any other value."""
    module = _module_of(type(value))
    if type(module) is not str or module.partition(".")[0] not in FRAMES:
        return None
    from .frames import describe  # loaded once there is such a value

    return describe(value)


def _describe(value: object, error: BaseException) -> str:
    try:
        return visible(f"<{type(value).__name__}, which cannot be shown: {type(error).__name__}>")
    except STOPPING:
        raise
    except BaseException:  # noqa: BLE001  even the name of its class is the user's
        return "<an object, which cannot be shown>"


def _spell_int(value: int) -> str:
    bits = value.bit_length()
    if bits <= _MOST_BITS:
        try:
            return repr(value)
        except ValueError:  # this process writes fewer digits than others
            pass
    sign, head = "-" if value < 0 else "", hex(abs(value) >> (bits - 64))
    return f"<int {sign}{head}… of {bits:,} bits, {_digest(value.to_bytes(bits // 8 + 1, 'big', signed=True))}>"


def _has_parts(value: Any) -> bool:
    """True for a value that is spelled part by part, because its own ``repr`` may be another in another process."""
    kind = type(value)
    return kind is frozenset or kind is set or (len(value) < _FEW and any(type(item) in _CONTAINERS for item in value))


def _spell_parts(value: Any, level: int) -> str:
    kind = type(value)
    if kind is dict:
        return _cut("{" + ", ".join([f"{spell(key, level)}: {spell(item, level)}" for key, item in value.items()]) + "}", "dict")
    parts = [spell(item, level) for item in value]
    if kind is tuple:
        return _cut(f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})", "tuple")
    if kind is list:
        return _cut(f"[{', '.join(parts)}]", "list")
    inside = "{" + ", ".join(sorted(parts)) + "}" if parts else ""
    return _cut(f"frozenset({inside})" if kind is frozenset else inside or "set()", kind.__name__)


def _cut(text: str, what: str) -> str:
    """Returns a text in one line; a long one as its ends and a description."""
    if len(text) <= LONGEST:
        return visible(text)
    ends = f"{visible(text[: LONGEST // 4])}…{visible(text[-LONGEST // 4 :])}"
    return f"{ends} <{what} of {len(text):,} characters, {_digest(text.encode('utf-8', 'surrogatepass'))}>"


def _cut_text(value: Any) -> str:
    """Returns the ends of a long text, or of long bytes, and a description."""
    kind, unit = type(value), "characters" if type(value) is str else "bytes"
    ends = f"{value[: LONGEST // 4]!r}…{value[-LONGEST // 4 :]!r}"
    return f"{ends} <{kind.__name__} of {len(value):,} {unit}, {_digest(_TEXTS[kind](value))}>"


def _digest(data: bytes) -> str:
    from hashlib import blake2b  # loaded once something is so long

    return f"digest {blake2b(data, digest_size=6).hexdigest()}"
