"""`Keeper`: tells the engine of runs that other processes did, as older memos to verify, and keeps the runs of this one.

**What is kept** of a run is its path: what it read, and the digest of what each read gave, in order; and its value.  It lies
where its call leads (`place_of`): the name of the function, its fingerprint, its arguments.

**A look** takes the row there as an older memo of the node, and the engine verifies it: it asks for each read in the scenario at
hand, in order, up to the first that gives another digest.  When all give the same, the value is filed with what was read here and
now.  At the first that differs, the look goes on where runs lie that parted there (`branch_of`), and so on, until a row holds or
there is none.

**Why that is right.**  A deterministic body asks for its first read without knowing anything, and for each next one knowing what
the reads before have given.  Two runs of one body with one call whose reads gave the same so far ask for the same next, and when
all gave the same, give the same value.  Nothing else enters: no tweak, no footprint, no time.  What a body can see besides is
what its fingerprint is made of.  A row is verified as a whole however it was found, so the place where it lies matters for
speed only.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .. import codec
from .._core.read import BENEATH, LIVE, Function, Key, Memo, Node, NodeMemos, Origin, PartialKey, Run, Target, plain_key
from .._functions.definition.watching import tell_while_running
from .._text.values import STOPPING, describe_error
from ..codec import CodecError, Encoded
from ..sources._check import load_own
from ._backend import Found, Row, StoreError
from ._digest import (
    NO_DIGEST,
    branch_of,
    digest_as_read,
    digest_data,
    digest_given,
    digest_landed,
    digest_of,
    join,
    leave_digest,
    place_of,
    with_classes,
    write_arguments,
    write_call,
)
from ._path import Path, make_path, pack, unpack
from ._search import NO_ORDER, Search

if TYPE_CHECKING:
    from ._store import AnyStore


class KeptRead(Memo):
    """Stands for what a run of another process read, by the digest of what that gave."""

    __slots__ = ("digest", "of_tweaks")
    digest: bytes
    of_tweaks: Mapping[object, bytes]
    """As the keeper has them."""

    def knows_same(self, new: Memo) -> bool:
        """True when a memo of today gives what was read then."""
        digest = digest_of(new, self.of_tweaks)
        return digest == self.digest and digest != NO_DIGEST


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


_MOST_TWEAKS = 100_000
_NO_CODEC = "whose value or arguments have no codec"
_NOTHING: Any = object()
"""Says that a run is not looked for."""


class Keeper:
    """Keeps the runs of contexts in a store; the engine calls it, see ``state/protocols``."""

    def __init__(self, store: "AnyStore") -> None:
        self.store = store
        self._keys: dict[tuple[str, str], Key] = {}
        """By name and arguments: the keys of nodes that were read."""
        self._forgotten: set[Any] = set()
        """Functions and keys whose kept runs hold no more, and could not be removed yet."""
        self._of_tweaks: dict[object, bytes] = {}
        """By their tellings: the digests of the values of tweaks that can be changed in place, from before they were read."""
        self._seen: WeakSet[Any] = WeakSet()
        """The views whose tweaks are among them."""

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
        """Gives the leases of a run back."""
        search = run.recalled
        if type(search) is Search and search.leases:
            leases, search.leases = search.leases, []
            self.store.writer.give_back(leases)

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
        key = self._find_key(row.function, row.arguments)
        return key is None or key == target

    # Looking

    def _begin(self, run: Run) -> Any:
        """Returns a search for a run; `_NOTHING` for one that is never kept."""
        function = run.key[0]
        if run.handle is not None or function is BENEATH or not is_kept(function):
            return _NOTHING
        if self._forgotten and (function in self._forgotten or run.key in self._forgotten):
            return _NOTHING
        definition = self.store.definitions.find(function)
        if definition.print is None:
            self.store.refuse(function.name, definition.reason or "")
            return _NOTHING
        call = write_call(run.key)
        if call is None:
            self.store.refuse(function.name, "an argument has no codec")
            return _NOTHING
        prints = [*self.store.list_accepted(definition), definition.print]
        return Search(definition, call, [place_of(function.name, print_, call) for print_ in prints])

    def _look(self, run: Run, search: Search) -> Memo | None:
        """Returns the kept run at the place where a search is, and in other places if there is none."""
        while True:
            found = self.store.get(search.at)
            path = None if found is None else unpack(found.path, search.at, found.digest)
            if found is not None and path is None:
                self.store.forget(search.at)
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

    def _go_on(self, run: Run, search: Search) -> bool:
        """Moves a search on to where runs lie that parted from the row as this one has; False when that cannot be told."""
        path: Any = search.path
        asked = {memo.home.find_key(): memo for memo in run.failed_check_reads or ()}
        for position, (call, digest) in enumerate(zip(path.calls, path.digests, strict=True)):
            key = self._find_key(*call)
            memo = None if key is None else asked.get(key)
            if memo is None:
                break
            now = digest_of(memo, self._of_tweaks)
            if now == NO_DIGEST:
                search.reason = f"an earlier run has read {call[0]}{call[1]}, whose value cannot be told now"
                break
            if now != digest:
                search.at, search.path = branch_of(search.at, position, now), None
                if search.slot is None:
                    search.parted.append((position, call, now))
                return True
        else:  # all holds, and the value cannot be read: the next run takes its place
            search.slot = search.slot or search.at
        search.is_over = True
        return False

    def _make(self, run: Run, search: Search, found: Found, path: Path) -> Memo | None:
        """Returns a kept run as an older memo; None where something that it read is of no function that is here."""
        cache, reads = run.view.cache, list[Memo]()
        for (name, arguments), digest in zip(path.calls, path.digests, strict=True):
            key = self._find_key(name, arguments)
            if key is None:
                search.is_over, search.reason = True, f"an earlier run has read {name}{arguments}, which is not here"
                self.store.misses += 1
                return None
            read = KeptRead(cache.find_home(key) or NodeMemos(key, None), None, 0)
            read.digest, read.of_tweaks = digest, self._of_tweaks
            read.is_stored = True
            reads.append(read)
        memo = KeptMemo(run.home, None, 0, tuple(reads))
        memo.at, memo.found, memo.store = search.at, found, self.store
        memo.is_stored = True
        memo.seconds, memo.own_seconds = found.seconds, found.own_seconds
        memo.read_starts = path.starts() if run.has_task else None
        memo.origin = Origin(_digest_with_classes(found) if run.key[0].digest is None else None)
        return memo

    def _find_key(self, name: str, arguments: str) -> Key | None:
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
                if spec.telling not in self._of_tweaks and len(self._of_tweaks) < _MOST_TWEAKS:
                    # never again: a run may have changed it by then
                    self._of_tweaks[spec.telling] = digest_given(key, spec.value)
            self._seen.add(view)
            view = view.parent

    def _keep(self, run: Run, memo: Memo, search: Any) -> None:
        """Keeps a run, if it is worth it and can be told."""
        if memo.status != LIVE or memo.failure is not None:
            return
        store, function = self.store, run.key[0]
        if type(search) is not Search or not _is_plain(run, memo):
            return
        own = memo.own_seconds if memo.own_seconds > 0 or not run.has_task else memo.seconds
        search.definition.note_run(own)
        if store.is_read_only or (own < store.min_seconds and not function.store):
            return
        definition = store.definitions.find(function)
        if definition is not search.definition:
            words = tell_while_running(function, search.definition.find_changed(definition))
            store.refuse(function.name, words or definition.reason or "something that it reaches was changed while it ran")
            return
        path = self._path_of(function, memo)
        if path is None:
            return
        try:
            encoded = codec.encode(memo.value, allow_pickle=store.allow_pickle)
        except CodecError as exc:
            store.refuse(function.name, str(exc))
            return
        data = join(encoded)
        digest = digest_data(encoded.codec, data)
        if function.digest is None:
            leave_digest(memo, NO_DIGEST if encoded.codec == "pickle" else with_classes(digest, encoded.needs))
        at = self._find_place(search, path)
        if at is None:
            store.refuse(function.name, search.reason)
            return
        store.note(definition, function)
        needs, print_ = "\n".join(sorted(encoded.needs)), definition.print or ""
        arguments = self._write_call_back(run.key) or search.call
        packed = pack(path, at, digest)
        said = (at, function.name, print_, arguments, packed, digest, encoded.codec, needs, data, len(data))
        row = Row(*said, memo.seconds, own, store.now())
        leases, search.leases = search.leases, []
        store.writer.put(row, leases)

    def _path_of(self, function: Function, memo: Memo) -> Path | None:
        """Returns the path of a run; None, with the reason noted, where some read cannot be told."""
        calls, digests = list[tuple[str, str]](), list[bytes]()
        for read in memo.dependencies:
            key = read.home.find_key()
            reader: Any = key[0]
            arguments = None if reader is BENEATH or reader.owned or "<" in reader.name else self._write_call_back(key)
            digest = NO_DIGEST if arguments is None else digest_as_read(read, self._of_tweaks)
            if digest is None:
                self.store.refuse(function.name, f"it reads {Node._of(key)}, which may have been changed in place")
                return None
            if arguments is None or digest == NO_DIGEST:
                if read.failure is None:
                    what = "whose digest= gives neither bytes nor a text" if _is_unsaid(key, arguments) else _NO_CODEC
                    self.store.refuse(function.name, f"it reads {Node._of(key)}, {what}")
                return None
            calls.append((reader.name, arguments))
            digests.append(digest)
        return make_path(calls, digests, memo.read_starts)

    def _write_call_back(self, key: Key) -> str | None:
        """Returns the arguments of a node from which it can be made again; None also where one was changed since the call.

        That can be where ``key=`` says what a list is taken for: the key stays, and the list does not.
        """
        arguments = write_arguments(key)
        if arguments is not None and type(key) is PartialKey and self._find_key(key[0].name, arguments) != key:
            return None
        return arguments

    def _find_place(self, search: Search, path: Path) -> bytes | None:
        """Returns where a run belongs; None where it does not ask as the runs did that parted from it."""
        for position, call, digest in search.parted:
            if position >= len(path.calls) or path.calls[position] != call or path.digests[position] != digest:
                search.reason = NO_ORDER
                return None
        return search.slot


def _is_unsaid(key: Key, arguments: str | None) -> bool:
    """True for a node that can be told, and whose ``digest=`` has said nothing of its value."""
    return arguments is not None and plain_key(key)[0].digest is not None


def is_kept(function: Any) -> bool:
    """True for functions whose runs a store may keep: no sources, no streams, none that says ``store=False``."""
    return not function.is_source and function.stream is None and function.store is not False


def _is_plain(run: Run, memo: Memo) -> bool:
    """True for the memo of a node's own body that did nothing but read; also not one that caught a failure."""
    if memo.opened or memo.inner_nodes or memo.made or memo.call is not None or memo.transient:
        return False
    return memo.home.find_key()[0] is run.key[0]


def _digest_with_classes(found: Found) -> bytes:
    if found.codec == "pickle":
        return NO_DIGEST
    return with_classes(found.digest, frozenset(found.needs.split("\n"))) if found.needs else found.digest
