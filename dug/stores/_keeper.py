"""`RunKeeper`: tells the engine of runs that other processes did, as older memos to verify, and keeps the runs of this one.

**What is kept** of a run is its path: what it read, and the digest of what each read gave, in order; and its value.  It lies
where its call leads (`place_of`): the name of the function, its fingerprint, its arguments.

**A look** takes the row there as an older memo of the node, and the engine verifies it: it asks for each read in the scenario at
hand, in order, up to the first that gives another digest.  When all give the same, the value is filed with what was read here and
now.  At the first that differs, the look goes on where runs lie that parted there (`branch_of`), and so on, until a row holds or
there is none.

A read of a node that is tweaked to a value counts by the digest of that value, taken before a body can change it.

**Why that is right.**  A deterministic body asks for its first read without knowing anything, and for each next one knowing what
the reads before have given.  Two runs of one body with one call whose reads gave the same so far ask for the same next, and when
all gave the same, give the same value.  Nothing else enters: no tweak, no footprint, no time.  What a body can see besides is
what its fingerprint is made of.  A row is verified as a whole however it was found, so the place where it lies matters for speed
only.  `KeptMemo` is a run of another process as an older memo.  Verbs: `begin_search`, `recall` and `recall_items` find
(`find_path`, `find_key`, `_look`, `_go_on`, `_make` a memo); `landed`, `keep_row` and `_keep` keep, if it `is_worth` it; `pause`,
`dropped`, `forget`.  `_find_place` finds where a run belongs, `_look_at_tweaks` takes digests of values of tweaks.
"""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .. import codec
from .._core.read import BENEATH, INNER, LIVE, Function, Key, Memo, Node, Origin, Run, Target
from .._functions.definition.watching import tell_while_running
from .._functions.stream import AnyStream
from .._functions.tape import Tape
from .._text.values import STOPPING, describe_error
from ..codec import CodecError, Encoded
from ..sources._check import load_own
from ._backend import Found, Row, StoreError
from ._digest import (
    NO_DIGEST,
    branch_of,
    digest_data,
    digest_given,
    digest_landed,
    join,
    leave_digest,
    place_of,
    with_classes,
    write_call,
)
from ._path import Path, has_needs, pack, unpack
from ._reading import Asked, Readers, make_read
from ._reads import NotTold, ReadTeller, is_kept, is_plain, write_back
from ._search import NO_ORDER, Search
from ._streams import StreamKeeper

if TYPE_CHECKING:
    from ._store import AnyStore


class KeptMemo(Memo):
    """A run of another process as an older memo; its value is read once all of its reads hold."""

    __slots__ = ("at", "found", "store")
    at: bytes
    found: Found
    store: "AnyStore"

    def is_readable(self) -> bool:
        """Reads the value; False where it is damaged or cannot be decoded here."""
        value = self.store.read_value(self.at, self.found)
        if value is None:
            return False
        (self.value,) = value
        self.is_stored = False
        return True


DAMAGED = "a kept run of it was damaged, or changed by somebody else; it is not used, and computed again"
UNTOLD = "the store did not say, before a run, whether the function had been invalidated"
_MOST_TWEAKS = 100_000
_NOTHING: Any = object()
"""Says that a run is not looked for."""


class RunKeeper:
    """Keeps the runs of contexts in a store; the engine calls it, see ``state/protocols``."""

    def __init__(self, store: "AnyStore") -> None:
        self.store = store
        self._keys: dict[tuple[str, str], Key] = {}
        """By name and arguments: the keys of nodes that were read."""
        self._forgotten: set[Any] = set()
        """Functions and keys whose kept runs hold no more, and could not be removed yet."""
        self.of_tweaks: dict[object, bytes] = {}
        """By their tellings: the digests of the values of tweaks that can be changed in place, from before they were read."""
        self._seen: WeakSet[Any] = WeakSet()
        """The views whose tweaks are among them."""
        self._streams = StreamKeeper(self)

    # The engine's questions

    def recall(self, run: Run) -> Memo | None:
        """Returns the next kept run that may hold; None when there is none."""
        search = run.recalled
        try:
            if search is None:
                self._look_at_tweaks(run.view)
                search = run.recalled = self._begin(run)
            if search is _NOTHING or search.is_over or (search.path is not None and not self._go_on(run, search)):
                return None
            return self._look(run, search)
        except StoreError as exc:
            self.store.writer.tell(exc)
            trouble = f"the store did not answer when it was looked for: {exc}"
        except STOPPING:
            raise
        except Exception as exc:  # noqa: BLE001  whatever is wrong with what is kept, the run must be done
            self.store.note_trouble(str(run.key[0]), exc)
            trouble = f"a look for it failed: {describe_error(exc)}"
        if type(search) is Search:
            search.is_over, search.reason = True, trouble
        return None

    def pause(self, run: Run) -> float:
        """Returns in how many seconds to look again before the body runs, as another process does so; 0 for a body to run now."""
        search = run.recalled
        return search.pause if type(search) is Search else 0.0

    def landed(self, run: Run, memo: Memo, held: Memo | None) -> None:
        """Keeps a run that has ended."""
        search = run.recalled
        try:
            if run.key[0] is not BENEATH and run.key[0].kind == INNER:  # of a stream
                if isinstance(memo.value, Tape):
                    self._streams.keep(run, memo, memo.value)
                return
            if held is None:
                self._keep(run, memo, search)
            elif type(held) is KeptMemo:
                self.store.hits += 1
            digest_landed(memo)
        except STOPPING:
            raise
        except Exception as exc:  # noqa: BLE001  the run has its value, whatever is wrong here
            self.store.note_trouble(str(run.key[0]), exc)
        finally:
            self.dropped(run)

    def dropped(self, run: Run) -> None:
        """Gives the leases of a run back, and leaves the streams that were read for it."""
        search = run.recalled
        if type(search) is not Search:
            return
        if search.readers is not None:
            search.readers.close()
        if search.leases:
            leases, search.leases = search.leases, []
            self.store.writer.give_back(leases)

    def recall_items(self, run: Run, stream: AnyStream[Any]) -> Any:
        """Returns what gives the items of a stream in the place of its generator, for a pump; None where that must run."""
        try:
            self._look_at_tweaks(run.view)
            return self._streams.begin(run, stream)
        except StoreError as exc:
            self.store.writer.tell(exc)
        except STOPPING:
            raise
        except Exception as exc:  # noqa: BLE001  as in `recall`
            self.store.note_trouble(str(stream.node._function), exc)
        return None

    def forget(self, targets: Iterable[Target]) -> None:
        """Removes the kept runs of nodes and functions: the outside has changed, for every process."""
        for target in targets:
            function: Any = target if isinstance(target, Function) else target[0]
            if not is_kept(function):
                continue
            try:
                self.store.forget_runs(function.name, partial(self._is_of, target), partial(self._forgotten.discard, target))
            except StoreError as exc:
                self.store.writer.tell(exc)
                self._forgotten.add(target)
            if self.store.is_read_only:
                self._forgotten.add(target)

    def _is_of(self, target: Target, row: Row) -> bool:
        """True for a kept run of a function or a node; 1 and 1.0 are one node, as are calls that differ in what is ignored."""
        if isinstance(target, Function):
            return True
        key = self.find_key(row.function, row.arguments)
        return key is None or key == target

    # Looking

    def _begin(self, run: Run) -> Any:
        """Returns a search for a run; `_NOTHING` for one that is never kept."""
        function = run.key[0]
        if run.handle is not None or function is BENEATH or function.stream is not None:
            return _NOTHING
        return self.begin_search(run.key)

    def begin_search(self, key: Key) -> Any:
        """Returns a search for the runs of a node; `_NOTHING` for one that is never kept."""
        function = key[0]
        if not is_kept(function):
            return _NOTHING
        if self._forgotten and (function in self._forgotten or key in self._forgotten):
            return _NOTHING
        definition = self.store.definitions.find(function)
        if definition.print is None:
            self.store.refuse(function.name, definition.reason or "")
            return _NOTHING
        call = write_call(key)
        if call is None:
            self.store.refuse(function.name, "an argument has no codec")
            return _NOTHING
        prints = [*self.store.list_accepted(definition), definition.print]
        search = Search(definition, call, [place_of(function.name, print_, call) for print_ in prints])
        search.since = self.store.writer.find_invalidation(function.name)
        return search

    def _look(self, run: Run, search: Search) -> Memo | None:
        """Returns the kept run at the place where a search is, and in other places if there is none."""
        while True:
            found, path = self.find_path(search)
            if found is None or path is None:
                if search.slot is None:
                    search.slot = search.at
                if search.places:
                    search.at, search.path = search.places.pop(), None
                elif self.store.waits(search, run.has_task):
                    search.at = search.slot
                    if search.pause and run.has_task:
                        return None
                else:
                    search.is_over = True
                    self.store.misses += 1
                    return None
                continue
            search.path = path
            return self._make(run, search, found, path)

    def find_path(self, search: Search) -> tuple[Found | None, Path | None]:
        """Returns the row where a search is, with its path; forgets one that is damaged, and tells of it."""
        found = self.store.get(search.at)
        if found is None:
            return None, None
        path, is_readable = unpack(found, search.at), has_needs(found)
        if path is None or not is_readable:
            self.store.forget(search.at, None if is_readable else found.digest)
            self.store.refuse(search.definition.function, DAMAGED)
            return found, None
        return found, path

    def _go_on(self, run: Run, search: Search) -> bool:
        """Moves a search on to where runs lie that parted from the row as this one has; False when that cannot be told."""
        path: Any = search.path
        asked = Asked(run.failed_check_reads or (), self.of_tweaks)
        for position, told in enumerate(path.reads):
            key = self.find_key(*told.call)
            now = None if key is None else asked.digest(key, told.span)
            if not now:
                search.reason = f"an earlier run has read {told.call[0]}{told.call[1]}, whose value cannot be told now"
                break
            if now != told.digest:
                search.at, search.path = branch_of(search.at, position, now), None
                if search.slot is None:
                    search.parted.append((position, told, now))
                return True
        else:  # all holds, and the value cannot be read: the next run takes its place
            search.slot = search.slot or search.at
        search.is_over = True
        return False

    def _make(self, run: Run, search: Search, found: Found, path: Path) -> Memo | None:
        """Returns a kept run as an older memo; None where something that it read is of no function that is here."""
        cache, reads = run.view.cache, list[Memo]()
        for told in path.reads:
            key = self.find_key(*told.call)
            if key is None or (told.span is not None and key[0].stream is None):
                search.is_over, search.reason = True, f"an earlier run has read {told.call[0]}{told.call[1]}, which is not here"
                self.store.misses += 1
                return None
            if told.span is not None and search.readers is None:
                search.readers = Readers(are_of_body=False)
            reads.append(make_read(cache, key, told, run.home, self.of_tweaks))
        memo = KeptMemo(run.home, None, 0, tuple(reads))
        memo.at, memo.found, memo.store = search.at, found, self.store
        memo.is_stored = True
        memo.seconds, memo.own_seconds = found.seconds, found.own_seconds
        if run.has_task:
            memo.make_extra().read_starts = path.starts()
        memo.origin = Origin(_digest_with_classes(found) if run.key[0].digest is None else None)
        return memo

    def find_key(self, name: str, arguments: str) -> Key | None:
        """Returns the key of a node, None where its function is not here or cannot be called so."""
        function = Function.find(name)
        if function is None:
            load_own((name,))
            function = Function.find(name)
        known = self._keys.get((name, arguments))
        if known is not None and known[0] is function and function.binding.fits(known):
            return known
        if function is None:
            return None
        try:
            args, kwargs = codec.decode(Encoded("json", (arguments.encode(),)))
            key = Node._of_call(function, tuple(args), kwargs)._key
        except STOPPING:
            raise
        except Exception:  # noqa: BLE001  other parameters, a class that is not here, a key= function that fails
            return None
        if len(self._keys) > 100_000:
            self._keys.clear()
        self._keys[name, arguments] = key
        return key

    # Keeping

    def _look_at_tweaks(self, view: Any) -> None:
        """Takes the digests of those values of tweaks which the body that is about to run could change."""
        while view is not None and view not in self._seen:
            told = [pair for layer in view.layers for pair in tuple(layer.items())]
            for key, spec in [pair for pair in told if pair[1].is_value and pair[1].telling is not None]:  # values are of nodes
                if spec.telling not in self.of_tweaks and len(self.of_tweaks) < _MOST_TWEAKS:
                    # never again: a run may have changed it by then
                    self.of_tweaks[spec.telling] = digest_given(key, spec.value)
            self._seen.add(view)
            view = view.parent

    def _keep(self, run: Run, memo: Memo, search: Any) -> None:
        """Keeps a run, if it is worth it and can be told."""
        if memo.status != LIVE or memo.failure is not None:
            return
        function = run.key[0]
        if type(search) is not Search or not is_plain(memo) or memo.home.find_key()[0] is not function:
            return
        own = memo.own_seconds if memo.own_seconds > 0 or not run.has_task else memo.seconds
        search.definition.note_run(own)
        if not self.is_worth(search, function, own):
            return
        try:
            path = ReadTeller(self).tell_run(memo, run.home)
        except NotTold as exc:
            exc.note(self.store, function)
        else:
            self.keep_row(search, run.key, path, memo.value, memo.seconds, own, memo)

    def is_worth(self, search: Search, function: Function, own: float) -> bool:
        """True for a run that took so long by itself that it is to be kept, of a function that is still the same."""
        store = self.store
        if store.is_read_only or (own < store.min_seconds and not function.store):
            return False
        definition = store.definitions.find(function)
        if definition is not search.definition:
            words = tell_while_running(function, search.definition.find_changed(definition))
            store.refuse(function.name, words or definition.reason or "something that it reaches was changed while it ran")
            return False
        return True

    def keep_row(  # noqa: PLR0917  all that a row has
        self, search: Search, key: Key, path: Path, value: Any, seconds: float, own: float, memo: Memo | None = None
    ) -> None:
        """Keeps what a run gave, and leaves its digest with the memo, if it has one."""
        store, function, definition = self.store, key[0], search.definition
        try:
            encoded = codec.encode(value, allow_pickle=store.allow_pickle)
        except CodecError as exc:
            store.refuse(function.name, str(exc))
            return
        data = join(encoded)
        digest = digest_data(encoded.codec, data)
        if memo is not None and function.digest is None:
            leave_digest(memo, NO_DIGEST if encoded.codec == "pickle" else with_classes(digest, encoded.needs))
        at = self._find_place(search, path)
        if at is None:
            store.refuse(function.name, search.reason)
            return
        if search.since is None:
            store.refuse(function.name, UNTOLD)
            return
        store.note(definition, function)
        needs, print_ = "\n".join(sorted(encoded.needs)), definition.print or ""
        arguments = write_back(self, key) or search.call
        packed = pack(path, at, digest, function=function.name, arguments=arguments, needs=needs)
        said = (at, function.name, print_, arguments, packed, digest, encoded.codec, needs, data, len(data))
        row = Row(*said, seconds, own, store.now())
        leases, search.leases = search.leases, []
        store.writer.put(row, leases, search.since)

    def _find_place(self, search: Search, path: Path) -> bytes | None:
        """Returns where a run belongs; None where it does not ask as the runs did that parted from it."""
        if any(read.span is not None for read in path.reads):  # nobody knows what was read between two items
            return search.slot
        for position, told, digest in search.parted:
            read = path.reads[position] if position < len(path.reads) else None
            if read is None or read.call != told.call or read.digest != digest:
                search.reason = NO_ORDER
                return None
        return search.slot


def _digest_with_classes(found: Found) -> bytes:
    if found.codec == "pickle":
        return NO_DIGEST
    return with_classes(found.digest, frozenset(found.needs.split("\n"))) if found.needs else found.digest
