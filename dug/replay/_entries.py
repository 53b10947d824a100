"""Writes nodes as lines: `EntryWriter.write`, what a context has of a node now, once for each memo; `digest_of` a value.

The first line of a node says what the node is; others name it by its number, and may come before that line where several threads
write.  A node has a line for each memo that it had in the recorded scenario, the last of which counts.

`Ran` is when a run ended and how long it took; `digest_of_record` and `digest_of_error` are for what a node has; `_encode_now`
writes a value so that no change reaches it.  `EntryWriter` numbers nodes and remembers what was written (`write`,
`_spell_simple`).  A value that may change is encoded early (`take`, `hold`, `hold_all`) and forgotten by `let_go`; `loosen` has a
node written again; `_write_one`, `_write_content` and `_tell_run` write lines, `_number` numbers a node, `write_lost` what is
gone.  `_find_why` says why a replay is to give a value, `_name_thread` names a thread.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from threading import RLock, current_thread, local
from time import perf_counter
from typing import Any

from attrs import frozen

from .._contexts.context import Context
from .._core.read import Function, Node, Target, TweakSpec, View, frame_in_force, is_immutable
from .._functions.proxy import function_of
from .._inspect.record import Record, find_record, look_up
from .._portable.errors import write_error
from .._portable.nodes import call_of, find_unreachable
from .._text.values import describe_error
from ..codec import CodecError, Encoded, encode
from ._content import digest_of, put_content, text_of_error, text_of_value, words_of_error
from ._items import ItemWriter, items_of, open_stream_of, token_of
from ._log import Line, Log, encode_text
from ._names import name_of

WIRING = frozenset({"dug.flow:definitions", "dug.flow:definition", "dug.flow:beneath", "dug.flow:start"})
"""Functions of which a flow is made: a replay has the wires of the flow that is there, and not those of the recorded one."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")
_SHORT, _SHORT_INT = 40, 10**9
"""How long a text is, and how large a number, that is written as it stands."""


def digest_of_error(error: BaseException) -> str:
    """Returns the same for how a node failed, whatever the addresses of objects in its message are."""
    text = _ADDRESS.sub("", describe_error(error))
    return blake2b(f"error {text}".encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def digest_of_record(record: Record) -> str | None:
    """Returns the digest of what a node has; None where its value has no codec."""
    if record.error is not None:
        return digest_of_error(record.error)
    try:
        return digest_of(encode(items_of(record)))
    except CodecError:
        return None


@frozen
class Ran:
    """When a run ended, by the clock of `perf_counter`, and how many seconds it took."""

    ended: float
    seconds: float


class EntryWriter:
    """Writes what a context has of nodes; any thread may call it."""

    def __init__(
        self,
        ctx: Context,
        log: Log,
        cut: frozenset[Target],
        clock: Callable[[], float],
        report: Callable[[str, Exception], object],
        *,
        digests: bool,
    ) -> None:
        self._ctx, self._log, self._cut, self._digests = ctx, log, cut, digests
        self._clock, self._start = clock, clock()
        self._began = perf_counter()
        self._numbers: dict[Node[Any], int] = {}
        self._named = 0
        """How many numbers were given."""
        self._written: dict[Node[Any], object] = {}
        """What tells the memo that was written last of each node from others."""
        self._held: dict[Node[Any], tuple[TweakSpec, Encoded | None]] = {}
        """The values of tweaks, as they were when they were told; None for one that could not be written then."""
        self._taken: dict[tuple[Node[Any], int], tuple[Any, Encoded]] = {}
        """By node and the identity of the value: what a run gave, as it was then, until it is written."""
        self._thread = local()
        self._threads: dict[tuple[int | None, str], str] = {}
        """The names of threads, as they are written."""
        self._lock = RLock()
        self._streams: dict[Node[Any], None] = {}
        self._items = ItemWriter(log, self._now, report, self._is_here)

    def _here(self) -> View:
        """Returns the view of the context: not the one, without a parent, in which the function of a bump reads its stream."""
        view, last = self._ctx._here(), self._ctx._last
        return view if last is None or view.parent is not None else last

    def close(self) -> None:
        """Ends the recording of items."""
        self._items.close()

    def list_streams(self) -> list[Node[Any]]:
        """Returns the nodes of streams that were written."""
        return list(self._streams)

    def loosen(self, key: Any) -> None:
        """Has a node, or the nodes of a function, written again when somebody has read them."""
        if isinstance(key, Node):
            self._written.pop(key, None)
            return
        function = function_of(key)
        for node in tuple(self._written):
            if node._function is function:
                self._written.pop(node, None)

    def hold_all(self) -> None:
        """Encodes the values of all tweaks in force that are not held yet."""
        for key, handle in tuple(self._here().tweaks.content.items()):
            if handle.is_value and isinstance(key, tuple):
                self.hold(Node._of(key))

    def hold(self, node: Node[Any]) -> None:
        """Encodes the value to which a node is tweaked: before anybody reads it, and perhaps changes it."""
        handle = self._here().tweaks.handle_of(node._key)
        if handle is None or not handle.is_value:
            self._held.pop(node, None)
            return
        known = self._held.get(node)
        if known is None or known[0] is not handle.spec:
            self._held[node] = handle.spec, None
            with suppress(CodecError):  # what is missing is told when it is written
                self._held[node] = handle.spec, _encode_now(handle.spec.said)

    def take(self, view: View, node: Node[Any], value: Any) -> None:
        """Encodes the value of a run, if it will be written and something in it can be changed."""
        if is_immutable(value) or node._function.stream is not None:
            return
        if self._find_why(node, view) or (self._digests and view.tweaks is self._here().tweaks):
            self.let_go()
            place = self._thread.place = node, id(value)
            self._taken[place] = value, _encode_now(value)

    def let_go(self) -> None:
        """Forgets what this thread has taken."""
        place = getattr(self._thread, "place", None)
        if place is not None:
            self._thread.place = None
            self._taken.pop(place, None)

    def _find_held(self, record: Record) -> Encoded | None:
        """Returns what a node has as it was when its tweak was told, or its run ended, if that was encoded then."""
        taken = self._taken.get((record.node, id(record._memo.value)))
        if taken is not None:
            return taken[1]
        handle = record._view.tweaks.handle_of(record.node._key)
        spec, held = self._held.get(record.node, (None, None))
        return held if handle is not None and handle.spec is spec else None

    def write_lost(self, node: Node[Any]) -> None:
        """Writes that a source gave a value of which no memo is left, unless that is known: an earlier one must not count."""
        view = self._here()
        is_ours = self._find_why(node, view) == "source" and node._function.stream is None
        if is_ours and find_record(view, node) is None:
            self._written.pop(node, None)
            number, words = self._number(node)
            line: Line = {"is": "memo", "n": number, **words, "at": self._now(), "reads": [], "given": "source"}
            self._log.append({**line, "absent": "it was invalidated while it ran, and its value was not kept"})

    def write(self, node: Node[Any], ran: Ran | None = None) -> bool:
        """Writes what the context has of a node, and of what it has read, unless that is written already.

        Args:
            node: the node.
            ran: its run, which has just ended in this thread; None if it did not run.

        Returns whether the context has a memo of the node.

        Raises:
            OSError: the file takes nothing more.
        """
        view = self._here()
        opened: set[Node[Any]] = set()
        pending = [node]
        has_memo, found = False, None
        while pending:  # without recursion, as chains are long
            one = pending[-1]
            record = look_up(view, one)
            found = record if one is node else found
            has_memo = has_memo or (one is node and record is not None)
            token = None if record is None else token_of(record)
            if record is None or self._written.get(one) == token:  # another scenario has it, or it is written
                pending.pop()
                continue
            memo = record._memo
            reads = record.dependencies if memo.dependencies or memo.inner_nodes else ()
            known = self._written
            first = [] if one in opened else [read for read in reads if read not in known and read not in opened]
            if first:
                opened.add(one)
                pending.extend(first)
                continue
            pending.pop()
            self._written[one] = token
            run, ran = (self._tell_run(record, ran), None) if one is node else ({}, ran)
            self._write_one(record, reads, view, run)
        if found is not None and ran is not None:  # a reader in another thread was quicker, and wrote the memo
            self._log.append({"is": "ran", "n": self._find_number(node), **self._tell_run(found, ran)})
        return has_memo

    def _tell_run(self, record: Record, ran: Ran | None) -> Line:
        """Returns what is written of a run, in whole nanoseconds, which take less time to write than parts of a second.

        When it ended, how long it took, with and without those it led to, its thread, and whether a task had it.
        """
        if ran is None:
            return {}
        ended, took, own = round((ran.ended - self._began) * 1e9), round(ran.seconds * 1e9), round(record.own_seconds * 1e9)
        return {"ran": (ended, took, own, self._name_thread(), record.node._function.is_async)}

    def _name_thread(self) -> str:
        """Returns the name of this thread, with a number where another one is called so, too."""
        thread = current_thread()
        key = thread.ident, thread.name
        name = self._threads.get(key)
        if name is None:
            with self._lock:
                alike = sum(other == thread.name for _, other in self._threads)
                name = self._threads[key] = f"{thread.name} {alike + 1}" if alike else thread.name
        return name

    def _write_one(self, record: Record, reads: Sequence[Node[Any]], view: View, run: Line) -> None:
        node = record.node
        numbers = [self._find_number(read) for read in reads]
        number, words = self._number(node)
        line: Line = {"is": "memo", "n": number, **words, "at": self._now(), "kind": record.kind, "reads": numbers, **run}
        given = self._find_why(node, view)
        if given:
            line["given"] = given
        self._write_content(record, line, is_given=bool(given))

    def _write_content(self, record: Record, line: Line, *, is_given: bool) -> None:
        failure = record._memo.failure
        stream, error = open_stream_of(record), None if failure is None else failure.error
        parts: tuple[Any, ...] = ()
        if error is not None and failure is not None:
            line |= {"digest": digest_of_error(error), "shown": text_of_error(error)}
            line["error"] = words_of_error(write_error(0, failure), error)
        elif is_given or self._digests:
            try:
                encoded = self._find_held(record) or encode(items_of(record))
            except CodecError as exc:
                if is_given and stream is None:
                    line["absent"] = str(exc)
            else:
                if is_given and stream is None:  # its text can be made of it
                    parts = put_content(line, encoded)
                else:
                    line["digest"] = digest_of(encoded)
            if "data" not in line:
                line["shown"] = text_of_value(record.value)
        if stream is not None:
            self._streams[record.node] = None
            line["stream"] = True
        self._log.append(line, parts)
        if stream is not None and is_given:
            self._items.follow(record, stream, line["n"])

    def _find_why(self, node: Node[Any], view: View) -> str:
        """Returns why a replay is to give the value of a node; empty if it is not."""
        handle = view.tweaks.handle_of(node._key)
        if handle is not None and not handle.spec.is_untweak:
            return "" if node._function.name in WIRING else "tweak"
        if node._function.is_source:
            return "source"
        return "cut" if node._key in self._cut or node._function in self._cut else ""

    def _find_number(self, node: Node[Any]) -> int:
        """Returns the number of a node, which has a line of its own if nothing else was written of it."""
        number = self._numbers.get(node)
        if number is None:
            number, words = self._number(node)
            if words:
                self._log.append({"is": "node", "n": number, **words})
        return number

    def _number(self, node: Node[Any]) -> tuple[int, Line]:
        """Returns the number of a node, and what to write of it if it has just been given that."""
        number = self._numbers.get(node)
        if number is not None:
            return number, {}
        function: Function = node._function
        simple = _spell_simple(node)
        text, arguments = simple or call_of(node._key)
        why = find_unreachable(function)
        with self._lock:
            number = self._numbers.setdefault(node, len(self._numbers))
            is_known, self._named = number < self._named, max(self._named, number + 1)
        if is_known:  # another thread was quicker
            return number, {}
        words = {"text": text, "function": function.name, "arguments": arguments, "source": function.is_source}
        name = name_of(node) if why or simple is None else None
        key = {} if name is None or name[1] == arguments else {"key": name[1]}
        return number, words | key | ({"why": why} if why else {})

    def _is_here(self) -> bool:
        """True in a run of the recorded scenario, and not of a what-if inside."""
        return frame_in_force("a recording").view.tweaks is self._here().tweaks

    def _now(self) -> float:
        return round((self._clock() - self._start) * 1e6) / 1e6  # to round to so many digits goes by way of a text


def _encode_now(value: Any) -> Encoded:
    """Returns a value as bytes of their own, which no change of the value reaches.

    Raises:
        CodecError: it has no codec.
    """
    made = encode(value)
    return Encoded(made.codec, tuple(map(bytes, made.parts)), made.needs)


def _spell_simple(node: Node[Any]) -> tuple[str, str] | None:
    """Returns what `call_of` does, in a quarter of the time, if all arguments are short and plain; None for others."""
    function, args = node._function, node._key[1:]
    if not function.is_simple or type(node._key) is not tuple or not function.binding.fits(node._key):
        return None
    for one in args:
        kind = type(one)
        if not (kind is str and len(one) < _SHORT and one.isascii() and one.isprintable()) and not (
            kind is int and -_SHORT_INT < one < _SHORT_INT
        ):
            return None
    spelled = ",".join([encode_text(one) if type(one) is str else str(one) for one in args])
    return f"{function.name}({', '.join(map(repr, args))})", f"[[{spelled}],{{}}]"
