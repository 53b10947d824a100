"""`FileCheck` finds the file nodes of a cache group whose files have changed, before each outermost call; `check_of` sets it.

A check forgets nodes as ``ctx.invalidate`` does, and nothing else: what depends on them is verified, and kept where a value is
the same.  It holds no value and no memo but those that a loaded context asked it to spare.

`_Watched` is the memo of a file; `find_changed` only lists what changed, `load_own` finds dug's own readers.  `add` has the nodes
of a function watched, `_list` lists the memos of files.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from attrs import define, field

from .._core.drive import Scope
from .._core.read import LIVE, CacheGroup, Function, Key, Memo, Node, plain_key
from .._text.values import show
from ..errors import DugError
from ._stamp import File, Signature, holds, locate

_OWN = "dug.sources:"
FILE, TARGET = f"{_OWN}file", f"{_OWN}target"
"""The names of the functions whose nodes are files; a snapshot of another process has them, too."""


@define(eq=False)
class _Watched:
    """The memo of a file."""

    memo: Memo
    file: File | None
    """None where its path does not lead there any more."""
    signature: Signature | None

    def has_changed(self) -> bool:
        """True when the file has another content now, or is gone."""
        if self.file is None:
            return True
        is_same, self.signature = holds(self.file, self.signature)
        return not is_same


@define(eq=False)
class FileCheck:
    """What one cache group knows of the files that were read in it."""

    _functions: set[Function] = field(factory=set)
    """The functions whose nodes are files."""
    _signatures: dict[Key, tuple[File, Signature]] = field(factory=dict)
    """By node: the signature that stands for the digest of a file, as the run of the node found it."""
    _spared: set[Memo] = field(factory=set)
    _listed: tuple[Any, list[_Watched]] = (None, [])
    """What was filed and forgotten so far and which folder was current, and the memos that were found then."""

    def __call__(self, frame: Any) -> None:
        """Invalidates the nodes of changed files, for an outermost call that is made in a frame."""
        nodes = [Node._of(memo.home.key) for memo in self.find_changed(frame.view.group) if memo.status == LIVE]
        if nodes and frame.context is not None:
            frame.context.invalidate(*nodes)
        elif nodes:
            frame.view.group.forget([node._key for node in nodes])

    def find_changed(self, group: CacheGroup) -> list[Memo]:
        """Returns the memos of files that have changed, or are gone.

        Complexity: O(files), a call of the system for each.
        """
        return [watched.memo for watched in self._list(group) if watched.has_changed()]

    def add(self, function: Function) -> None:
        """Watches the nodes of a function, too."""
        self._functions.add(function)

    def note(self, key: Key, file: File, signature: Signature | None) -> None:
        """Notes the signature of a file that was read just now."""
        if signature is not None:
            self._signatures[plain_key(key)] = file, signature

    def spare(self, memos: Iterable[Memo]) -> None:
        """Lets some memos answer whatever becomes of their files, until they are invalidated."""
        self._spared.update(memos)
        self._listed = None, []

    def _list(self, group: CacheGroup) -> list[_Watched]:
        """Returns the memos of files: the same as before, where nothing was filed or forgotten since."""
        folder = None
        with suppress(OSError):  # it is gone
            folder = os.getcwd()
        now = group.filings, group.generation, folder
        before, listed = self._listed
        if before == now:
            return listed
        known = {watched.memo: watched for watched in listed} if before is not None and before[2] == folder else {}
        listed = [known.get(memo) or self._watch(memo) for memo in self._find_memos(group)]
        self._signatures.clear()  # each is in the list by now
        self._listed = now, listed
        return listed

    def _find_memos(self, group: CacheGroup) -> list[Memo]:
        """Returns the memos of files that were read; not those of tweaks and failures."""
        caches: Any = group.list_caches()
        homes = [home for cache in caches for function in self._functions for home in cache.homes.list_of(function)]
        memos = [memo for home in homes for memo in home.memos()]
        return [memo for memo in memos if memo.body == 0 and memo.failure is None and memo not in self._spared]

    def _watch(self, memo: Memo) -> _Watched:
        key = memo.home.key
        (path,), _ = key[0].binding.arguments(key)
        try:
            file: File | None = memo.take_value()
            if file is not None and locate(path) != file.path:
                file = None
        except (DugError, OSError):  # the file of a snapshot is damaged or closed, or no folder is current
            file = None
        noted = self._signatures.get(key)
        return _Watched(memo, file, noted[1] if noted is not None and noted[0] is file else None)


def check_of(group: CacheGroup, function: Function) -> FileCheck:
    """Returns the check of a group, which watches the nodes of a function from now on."""
    with group.lock:
        check: Any = group.check
        if check is None:
            group.doubt(function, _do_nothing)  # frames that are open find nothing at once, and look whether there is a check
            check = group.check = FileCheck()  # last: an interrupt in between leaves a doubt, and no check that open frames miss
        check.add(function)
    return check  # type: ignore[no-any-return]  # nothing else sets one


def load_own(names: Iterable[str]) -> None:
    """Imports dug's own sources among the names of functions: a program may read a file without naming the reader before."""
    for name in names:
        if name.startswith(_OWN):
            with suppress(LookupError):  # of a later version
                Function.load(name)


def _do_nothing(function: Function) -> None:
    """Settles the doubt of a function that is as it was."""


def find_changed(ctx: Any) -> tuple[Node[Any], ...]:
    """Returns the nodes of the files that were read in a context and have changed since, or are gone; runs and forgets nothing.

    The next outermost call notices these by itself.  Ask before a look, which shows what is known: ``ctx.plan`` says what the
    next call runs after ``ctx.invalidate(*find_changed(ctx))``.

    Raises:
        TypeError: it is not a context.

    Complexity: O(files), a call of the system for each.
    """
    if not isinstance(ctx, Scope):
        raise TypeError(f"{show(ctx)} is not a context. Write find_changed(ctx).")
    group = ctx._here().group
    check: Any = group.check
    return () if check is None else tuple(Node._of(memo.home.key) for memo in check.find_changed(group))
