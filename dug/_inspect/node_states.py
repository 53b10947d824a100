"""The state of each node by the memos in one view: `NodeStates`, `find_state`, `views_around`, `list_reads`, `passed_from`.

Nothing runs.  The glossary defines the states; `find_state` is the one place that tells them apart.  A memo does not know where
it was computed, and a memo that read none of a context's own tweaks belongs to the contexts around at once.  So a memo with which
these answer too counts as inherited, whichever context asked first.  `masked`, `provider`, `known`, `forgotten`, `is_inherited`
and `_has_changed_code` are the questions behind a state.

It can `see` a node: `_find_answering` finds its memo, `is_redefined` a changed function.
"""

from collections.abc import Iterator
from itertools import accumulate
from operator import or_
from typing import Any

from attrs import define, field

from .._core.read import BENEATH, DEAD, FORGOTTEN, INNER, LIVE, BitSet, Key, Memo, Tweak, View, find_answer, plain_key
from .record import read_keys, seen_key
from .stream_nodes import see


@define(eq=False)
class NodeStates:
    """The states of nodes in one view, each found when it is asked for; may be used for one look only."""

    view: View
    _around: list[tuple[View, set[object], BitSet]] = field(init=False)
    """The views around, the nearest first; for each, which caches it sees, and the bits at which this view may differ from it."""
    _verdicts: dict[Memo, bool] = field(factory=dict, init=False)
    """By memo: whether a node that it read, directly or through others, was redefined."""

    def __attrs_post_init__(self) -> None:
        self.view.group.drain(fully=True)
        around = list(views_around(self.view))
        deltas = accumulate([view.delta for view in (self.view, *around[:-1])], or_)
        self._around = [(view, set(view.cache.tokens()), delta) for view, delta in zip(around, deltas, strict=False)]

    def memo(self, key: Key) -> Memo | None:
        """Returns the memo that answers for a node here, errors of earlier calls included."""
        home = self.view.cache.find_home(key) if key[0] is not BENEATH else None
        at_hand = None if home is None else home.recall(self.view.tweaks)
        return at_hand or find_answer(self.view, key)

    def see(self, key: Key) -> Memo | None:
        """Returns what a look shows for a node: the memo that answers, of a stream with what its items rest on."""
        memo = self.memo(key)
        return memo if memo is None or key[0].stream is None else see(self.view, memo)

    def handle(self, key: Key) -> Tweak | None:
        """Returns the tweak that a node meets here, if it changes anything."""
        handle = self.view.handle_of(key)
        return None if handle is None or handle.spec.is_untweak else handle

    def known(self, key: Key) -> Memo | None:
        """Returns the last known memo of a node without an answer here: one around, else one from before it was forgotten."""
        memo = self.masked(key)
        cache = self.view.cache if memo is None else None
        while memo is None and cache is not None:
            home = cache.find_home(key)
            memo = None if home is None else home.plain or home.newest
            cache = cache.beneath
        return memo

    def masked(self, key: Key) -> Memo | None:
        """Returns a memo that does not answer for a node here, but does in a context around or without any tweak."""
        for view, _, _ in self._around:
            memo = find_answer(view, key)
            if memo is not None:
                return memo
        cache: Any = self.view.cache
        while cache is not None:
            home = cache.find_home(key)
            if home is not None and home.plain is not None and home.plain.footprint & self.view.tweaks.mask:
                return home.plain  # type: ignore[no-any-return]
            cache = cache.beneath
        return None

    def provider(self, memo: Memo) -> View:
        """Returns the outermost view that answers with the same memo; this one if no other does."""
        found = self.view
        for view in self._find_answering(memo):
            found = view
        return found

    def is_inherited(self, memo: Memo) -> bool:
        """True when a context around answers with a memo too."""
        return next(self._find_answering(memo), None) is not None

    def _find_answering(self, memo: Memo) -> Iterator[View]:
        """Yields the views around in which a memo answers that answers here."""
        for view, tokens, delta in self._around:
            if memo.home.token not in tokens:
                continue
            # A memo that reads nothing that may differ answers; of the others, most have a tweak that is not in force there.
            if not memo.footprint & delta or (memo.restriction <= view.tweaks.serials and view.matches(memo)):
                yield view

    def find_state(self, key: Key, memo: Memo | None) -> str:
        """Returns the state of a node, by the memo that answers for it; one of `graph.STATES`."""
        if memo is None:
            if self.masked(key) is not None:
                return "masked"
            return "code-changed" if self._has_changed_code(key) else "not-run"
        if memo.failure is not None:
            return "failed"
        if self.view.tweaks.content and self.handle(key) is not None:
            return "tweaked"
        return "inherited" if self._around and self.is_inherited(memo) else "computed"

    def forgotten(self, key: Key) -> Iterator[Key]:
        """Yields the forgotten nodes that took the memo of a node with them."""
        known = self.known(key)
        if known is None or known.status == DEAD:
            if self._is_forgotten(key):
                yield key
            return
        seen, pending = {known}, [known]
        while pending:
            memo = pending.pop()
            for read in memo.dependencies:
                if read.status != LIVE and read not in seen:
                    seen.add(read)
                    pending.append(read)
                    if read.status == DEAD and read.footprint & FORGOTTEN:
                        yield seen_key(read.home.key)

    def _has_changed_code(self, key: Key) -> bool:
        """True when a node that was redefined took the memo of a node with it: the question is asked once for each memo."""
        known = self.known(key)
        if known is None or known.status == DEAD:
            return self._is_forgotten(key) and self.is_redefined(key)
        verdicts, pending = self._verdicts, [known]
        while pending:
            memo = pending[-1]
            gone = [read for read in memo.dependencies if read.status != LIVE]
            if memo not in verdicts:
                verdicts[memo] = False
                pending += [read for read in gone if read not in verdicts]
            else:
                verdicts[pending.pop()] = any(verdicts.get(read) or self._was_redefined(read) for read in gone)
        return verdicts[known]

    def _was_redefined(self, memo: Memo) -> bool:
        return memo.status == DEAD and bool(memo.footprint & FORGOTTEN) and self.is_redefined(plain_key(memo.home.key))

    def is_redefined(self, key: Key) -> bool:
        """True when the function of a node that was forgotten has been redefined."""
        redefined = self.view.group.redefined.get(key[0])
        return redefined is not None and any(state.forgotten <= redefined for state in self._states(key))

    def _is_forgotten(self, key: Key) -> bool:
        return any(state.forgotten for state in self._states(key))

    def _states(self, key: Key) -> Iterator[Any]:
        cache: Any = self.view.cache
        while cache is not None:
            home = cache.find_home(key)
            if home is not None:
                yield home
            cache = cache.beneath


def views_around(view: View) -> Iterator[View]:
    """The views around one, the nearest first."""
    around = view.parent
    while around is not None:
        yield around
        around = around.parent


def list_reads(memo: Memo) -> list[Key]:
    """Returns the nodes that a memo read, in the order of the first reads, and those that ran under contexts that it opened."""
    own = memo.home.key
    if own[0] is not BENEATH and not memo.inner_nodes:  # the common case, and quicker
        keys = [read.home.key for read in memo.dependencies]
        if all(key[0] is not BENEATH and key[0].kind != INNER and key != own for key in keys):
            return list(dict.fromkeys(keys))
    own = plain_key(own)
    return [key for key in dict.fromkeys(map(seen_key, read_keys(memo))) if key != own]


def passed_from(memo: Memo) -> Memo | None:
    """Returns the dependency that a failed node had its error from; None when the error is its own."""
    failure = memo.failure
    for read in memo.dependencies:
        if failure is not None and read.failure is not None and read.failure.mark is failure.mark:
            return read
    return None
