"""Turns memos and tweaks into rows: `RowWriter` numbers nodes and functions, encodes values, and hands each row to a `Sink`.

`collect` picks the memos, `rows` has the classes of the rows.  No object of the user's can make this fail: one that raises
while it is written is left out, with the reason.

`make_writer` returns what writes a view; memos that it brought in itself (`_shelves`) go out as they came.  `RowWriter` writes
nodes (`_write_node`), functions, tweaks and errors.  Values are encoded by `_encode`, `_write_value` and `_encode_stream`;
`_tell_unwritten` says what was left out.  `_number_of` and `_number_firsts` number, `_write_tweak`, `_write_error` and
`_tell_function` write rows.
"""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from attrs import define, evolve, field

from .. import codec
from .._contexts.forms import FORMS
from .._core.read import Cache, Function, Key, Memo, Target, TweakSpec, View
from .._functions.stream import AnyStream
from .._inspect.stream_nodes import see, show_seen
from .._text.values import show
from ..errors import CodecError, SnapshotError
from ..fingerprint import reach, source_of
from . import rows
from .collect import Picked
from .errors import write_error
from .nodes import call_of, clean, find_unreachable, name_of
from .rows import Absent, Content, ErrorRow, FunctionRow, NodeRow, Sink, TweakRow
from .shelf import Shelf
from .streams import content_of, is_open_stream


@define(eq=False)
class RowWriter:
    """Numbers functions, nodes and tweaks, and makes their rows."""

    sink: Sink
    allow_pickle: bool
    lost: dict[str, str]
    """The values that could not be taken from carriers that were brought in: the reason, by the text of the node."""
    recorded: dict[str, FunctionRow]
    """The functions that have changed since they were brought in and whose values go on: they are written as they were then.

    Memos that such a function has computed since are written so too, and are taken for older than they are, but never for newer.
    """
    values: int = 0
    absent: list[Absent] = field(factory=list)
    _functions: dict[Function, int] = field(factory=dict)
    _numbers: dict[Key, int] = field(factory=dict)
    """The number of each node, by its key."""
    _errors: dict[int, ErrorRow] = field(factory=dict)
    """The written row of each failure, by its identity."""
    _texts: dict[str, int] = field(factory=dict)
    """The number of the first node with each text."""
    _alike: dict[str, int] = field(factory=dict)
    """How many nodes share each text that several have."""
    _view: Any = None
    """The view that is written."""
    _others: Iterator[int] = field(factory=lambda: count(1))
    """The numbers of all other rows."""

    def write(self, view: View, found: list[Picked]) -> Iterator[None]:
        """Writes the nodes, one for each step, and then the tweaks."""
        self._view = view
        self._numbers = {one.key: number for number, one in enumerate(found, 1)}
        for one in found:
            self._write_node(one)
            yield
        layers = [around.layers for around in _views_around(view)]
        said = [layer for entered in reversed(layers) for layer in entered]
        for number, layer in enumerate(said):
            for target, spec in layer.items():
                self._write_tweak(number, target, spec)
        self._number_firsts()

    def _function(self, function: Function) -> int:
        number = self._functions.get(function)
        if number is None:
            number = self._functions[function] = len(self._functions) + 1
            self.sink.keep_function(self._tell_function(number, function))
        return number

    def _tell_function(self, number: int, function: Function) -> FunctionRow:
        name, unreachable = clean(function.name), find_unreachable(function)
        before = self.recorded.get(function.name)
        if before is not None:
            return evolve(before, number=number, name=name, kind=function.kind, unreachable=unreachable)
        body: object = function.body
        if isinstance(body, AnyStream):  # of its marks
            stream = body.node._function
            return FunctionRow(number, name, rows.OF_MARKS, None, None, None, find_unreachable(stream), None)
        source, reached = source_of(function.body), reach(function.newest or function.body)
        version = None if function.version is None else show(function.version)
        said = {**reached.parts, **{f"{rows.OF_IMPORT}{place}": one for place, one in reached.imported.items()}}
        parts = json.dumps({clean(place): clean(one) for place, one in said.items()})
        return FunctionRow(number, name, function.kind, version, source and clean(source), reached.print, unreachable, parts)

    def _write_node(self, one: Picked) -> None:
        number, memo = self._numbers[one.key], one.memo
        text, arguments = call_of(one.key)
        text = self._only(number, text)
        shown, content = "", Content(number, None, None, None, None, None)
        if one.has_value and memo is not None and one.flags & rows.MARK:
            shown = show(memo.value)
        elif one.has_value and memo is not None:
            shown, content = self._write_value(number, text, memo)
            one.flags |= rows.STREAM if not memo.is_stored and is_open_stream(memo.value) else 0
            self.values += content.codec is not None
        elif one.state == rows.FAILED and memo is not None:
            self._write_error(number, memo.failure)
        if arguments is None and one.state != rows.NOT_RUN:
            self.absent.append(
                Absent(
                    text,
                    "its arguments cannot be written (they need a codec and are never pickled), so that it is for looking only.",
                )
            )
        elif not one.answers and text in self.lost:
            self.absent.append(Absent(text, self.lost[text]))
        edges = [(kind, self._numbers[key]) for kind, key in one.edges]
        for target in one.consulted:
            self.sink.keep_consulted(next(self._others), number, *self._target(target))
        seconds, own = (0.0, 0.0) if memo is None else (float(memo.seconds), max(0.0, float(memo.own_seconds)))
        function = self._function(one.key[0])
        self.sink.keep_node(
            NodeRow(number, function, arguments, text, one.state, one.flags, seconds, own, one.times_read, content, shown, edges)
        )

    def _write_value(self, number: int, text: str, memo: Memo) -> tuple[str, Content]:
        """Writes the value of a node and returns it as text, and its columns."""
        try:
            value = memo.value
        except SnapshotError as exc:  # it lies with a carrier that was brought in
            if not isinstance(exc.__cause__, CodecError):
                raise
            self.absent.append(Absent(text, str(exc)))
            return "", Content(number, None, None, None, None, clean(str(exc)))
        if isinstance(value, AnyStream):
            return show_seen(see(self._view, memo)), self._encode_stream(number, text, value)
        return show(value), self._encode(number, text, value)

    def _encode_stream(self, number: int, text: str, stream: AnyStream[Any]) -> Content:
        """Writes what there is of a stream and returns its columns."""
        try:
            content = content_of(stream, self._view)
        except CodecError as exc:
            self.absent.append(Absent(text, str(exc)))
            return Content(number, None, None, None, None, clean(str(exc)))
        return self._encode(number, text, content)

    def _only(self, number: int, text: str) -> str:
        """Returns a text that no other node has."""
        if self._texts.setdefault(text, number) == number:
            return text
        times = self._alike[text] = self._alike.get(text, 1) + 1
        return self._only(number, f"{text} #{times}")

    def _number_firsts(self) -> None:
        """Gives the first of several nodes with one text a number, too: the bare text could mean any of them."""
        for text in self._alike:
            number, numbered = self._texts[text], f"{text} #1"
            if numbered in self._texts:  # a node has this text by itself
                continue
            self.sink.rename_node(number, numbered)
            self.absent = [Absent(numbered, one.reason) if one.what == text else one for one in self.absent]

    def _encode(self, number: int, what: str, value: Any) -> Content:
        """Writes a value and returns its columns."""
        try:
            encoded = codec.encode(value, allow_pickle=self.allow_pickle)
        except CodecError as exc:
            self.absent.append(Absent(what, str(exc)))
            return Content(number, None, None, None, None, clean(str(exc)))
        self.sink.keep_value(number, encoded)
        needs = "\n".join(sorted(encoded.needs)) or None
        return Content(number, encoded.codec, needs, encoded.size_bytes, rows.digest(encoded.codec, encoded.parts), None)

    def _write_error(self, number: int, failure: Any) -> None:
        said = self._errors.get(id(failure))
        if said is None:  # many nodes pass one error on, and its traceback is as long as they are many
            said = self._errors[id(failure)] = write_error(number, failure)
        self.sink.keep_error(evolve(said, number=number))

    def _target(self, target: Target) -> tuple[int, int | None]:
        """Returns the number of a function, and that of the node when it is one."""
        if isinstance(target, Function):
            return self._function(target), None
        return self._function(target[0]), self._number_of(target)

    def _number_of(self, key: Key) -> int:
        """Returns the number of a node; adds one that nothing is known of."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers) + 1
            self._write_node(Picked(key, None, rows.NOT_RUN))
        return number

    def _write_tweak(self, layer: int, target: Target, spec: TweakSpec) -> None:
        number = next(self._others)
        what = f"the tweak of {target if isinstance(target, Function) else call_of(target)[0]}"
        form = FORMS[spec.kind]
        name, reason = (None, None) if form.function is None else name_of(form.function(spec))
        content = Content(-number, None, None, None, None, reason)
        if reason is not None:
            self.absent.append(Absent(what, reason))
        elif form.content is not None:
            content = self._encode(-number, what, form.content(spec))
        self._tell_unwritten(what, target)
        function, node = self._target(target)
        self.sink.keep_tweak(TweakRow(number, layer, function, node, spec.kind, name, content, spec.text))

    def _tell_unwritten(self, what: str, target: Target) -> None:
        """Notes a tweak that cannot be stated again in the process that reads the rows."""
        if isinstance(target, Function):
            reason = find_unreachable(target)
        else:
            reason = find_unreachable(target[0])
            if reason is None and call_of(target)[1] is None:
                reason = "the arguments of the node cannot be written"
        if reason is not None:
            self.absent.append(Absent(what, f"{reason}, so that nodes that depend on it do not answer where the file is loaded."))


def make_writer(view: View, sink: Sink, *, allow_pickle: bool = False) -> RowWriter:
    """Returns a function that writes a view to a sink; memos that the view brought in itself are written as they came."""
    shelves = list(_shelves(view))
    lost = {one.what: one.reason for shelf in shelves for one in shelf.absent}
    return RowWriter(sink, allow_pickle, lost, {row.name: row for shelf in shelves for row in shelf.as_they_were()})


def _shelves(view: View) -> Iterator[Shelf]:
    cache: Cache | None = view.cache
    while cache is not None:
        if isinstance(cache, Shelf):
            yield cache
        cache = cache.beneath


def _views_around(view: View) -> Iterator[View]:
    around: View | None = view
    while around is not None:
        yield around
        around = around.parent
