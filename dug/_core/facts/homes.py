"""`Homes`, the table of the nodes of a cache, which every call looks in first; and what hides nodes from the garbage collector.

Most programs have far more homes and memos than anything else, and the collector would look at all of them again and again.
So what was filed is hidden from it (`untrack`), and the table shows it what these refer to, where that may be part of a circle
(``native/collector.h``); whatever leaves its place is shown again first (`track_again`).  As Python nothing is hidden.

`args_of` and `find_args` say what a home is found by among the nodes of its function (`function_of`): the arguments.  `Homes` has
`get`, `put`, `take_out`, `take_all`, `move_to`, `list_all`, `let_go`.
"""

from collections.abc import Iterable
from itertools import count
from typing import Any, Protocol

from ..native import machine
from .binding import Key
from .memo import Memo, NodeMemos
from .node import BENEATH, plain_key

_SERIALS = count(1)
Nodes = dict[Any, NodeMemos]
"""The homes of the nodes of one function, by their arguments; see `args_of`."""


def args_of(key: Key) -> Any:
    """Returns what a node is found by among the nodes of its function: the arguments; the only one itself, unless it is a tuple.

    A key from which the arguments cannot be told, and one beneath a tweak, stand for themselves.
    """
    if type(key) is not tuple:
        return key
    plain = key
    if plain[0] is BENEATH:
        return key
    if len(plain) == 2:
        only = plain[1]
        if not machine.is_tuple(only):
            return only
    return plain[1:]


def function_of(key: Key) -> Any:
    """Returns the function of a node, for a key beneath one of its tweaks too."""
    first = machine.first(key)
    return first if first is not BENEATH else plain_key(key)[0]


def find_args(home: NodeMemos) -> Any:
    """Returns what a home is found by among the nodes of its function."""
    return home._args if home._key is None else args_of(home._key)


def leave_key(home: NodeMemos, args: Any) -> None:
    """Leaves the function of a new home to the table, where the arguments lead nowhere: the collector has no key to look at."""
    key = home._key
    if type(key) is tuple and machine.are_atoms(key):
        function = key[0]
        home._owner, home._args, home._key = function.mark, args, None
        if type(args) is tuple:
            machine.hide(args)


class HasHomes(Protocol):
    """A cache, as its homes see it."""

    homes: "Homes"


class Homes:
    """The homes of the nodes of a cache, by function and arguments: where every call looks first.

    One table serves all scenarios: a home says itself which of its memos answers where, see `NodeMemos.recall`.
    """

    __slots__ = ("serial", "tables")

    def __init__(self) -> None:
        self.tables: dict[Any, Nodes] = {}
        """By the first element of their keys; once they are in other homes, none."""
        self.serial = next(_SERIALS)
        """A number that no others have, and that is another one whenever nodes of a function have left `tables`."""

    def get(self, key: Key, args: Any = None) -> NodeMemos | None:
        """Returns the home of a node, if it has one; `args` are what it is found by, if they are known."""
        nodes = self.tables.get(machine.first(key))
        return None if nodes is None else nodes.get(args_of(key) if args is None else args)

    def put(self, key: Key, made: NodeMemos, args: Any = None) -> NodeMemos | None:
        """Puts in a home, unless there is one; returns the one that is there, None when the nodes of its function have moved."""
        serial = self.serial
        function = machine.first(key)
        nodes = self.tables.get(function)
        if nodes is None:
            nodes = self.tables.setdefault(function, {})
        home = nodes.setdefault(find_args(made) if args is None else args, made)
        return home if self.serial == serial else None  # looked at afterwards, so that none is lost

    def __len__(self) -> int:
        return sum(map(len, self.tables.copy().values()))

    def list_all(self) -> "list[NodeMemos]":
        """Returns every home; may miss those that other threads add or take out at the same time."""
        return [home for nodes in list(self.tables.values()) for home in list(nodes.values())]  # a copy would compare arguments

    def list_of(self, function: object) -> "list[NodeMemos]":
        """Returns the homes of the nodes of a function."""
        return list(self.tables.get(function, _NO_NODES).values())

    def take_out(self, home: NodeMemos) -> bool:
        """Takes out a home; False when it is not here."""
        function, args = home.find_function(), find_args(home)
        nodes = self.tables.get(function)
        if nodes is None or nodes.get(args) is not home:
            return False
        nodes.pop(args, None)  # an argument may have been compared, and have taken it out itself
        if not nodes:
            self._forget(function, nodes)
        return True

    def _forget(self, function: object, nodes: Nodes) -> None:
        """Lets go of a function without nodes; a thread that puts one in at the same time sees it, or its home is put back."""
        if self.tables.get(function) is not nodes:  # an argument that was compared emptied the table, and others came
            return
        self.serial = next(_SERIALS)
        self.tables.pop(function, None)
        if nodes:
            known = self.tables.setdefault(function, nodes)
            for args, home in list(nodes.items()) if known is not nodes else ():
                if known.setdefault(args, home) is not home:
                    home.alive = False

    def take_all(self) -> list[NodeMemos]:
        """Takes out every home, none of which is alive from then on, and returns them; who puts one in meanwhile sees that.

        No key is compared, and nothing is asked that fails when another thread changes a table in between.
        """
        for home in self.list_all():
            home.alive = False  # first: an interrupt leaves none alive that nobody finds
        tables = self.tables
        self.let_go()
        gone = [home for nodes in list(tables.values()) for home in list(nodes.values())]
        for home in gone:
            home.alive = False
        return gone

    def move_to(self, made: "Homes", cache: "HasHomes") -> None:
        """Moves all homes into empty ones, which become those of a cache, so that those who still look here find nothing."""
        made.tables = self.tables  # first: a thread that puts a home in has it in both, or sees that it has none here
        cache.homes = made
        self.let_go()

    def let_go(self) -> None:
        """Lets go of all homes, which are elsewhere, or gone."""
        self.serial = next(_SERIALS)
        self.tables = {}

    def make_empty(self) -> "Homes":
        """Returns new homes of the same kind."""
        return Homes()

    def take_apart(self) -> None:
        """Empties the homes of a cache that is gone, so that nothing waits for the garbage collector.

        A memo that somebody still holds must not free a chain of others when it is freed: in 3.13 that takes as much of the stack
        as the chain is deep.
        """
        for nodes in list(self.tables.values()):
            for home in list(nodes.values()):  # a thread that is on its way out may still add some
                show_node(home)
                home.take_apart()


class Tracked(Homes):
    """Homes whose nodes the collector looks at: of a cache that a finalizer brought back, which is taken apart no more."""

    __slots__ = ()


_NO_NODES: Nodes = {}
NO_HOMES = Homes()
"""Replaces the homes of a cache in a frame if each call made there must come to `begin`; never written to."""


def untrack(homes: Homes, memo: Memo) -> None:
    """Spares the garbage collector a memo that was just filed, and its home: the homes show it what these refer to.

    Those of a local function, or of a file, stay tracked.
    """
    if not machine.hides():
        return
    home = memo.home
    if type(homes) is not Homes or type(memo) is not Memo or home.link is not None or not home.alive:
        return
    reads = memo.dependencies
    if memo.extra is None:
        if reads:
            machine.hide(reads)
        machine.hide(memo)
    if not machine.is_hidden(home):
        if type(home.readers) is list:
            machine.hide(home.readers)
        machine.hide(home)
    if not home.shown:
        home.shown = not machine.is_hidden(memo) or machine.may_be_tracked(memo.value) or _are_shown(reads)


def _are_shown(reads: tuple[Memo, ...]) -> bool:
    for read in reads:  # noqa: SIM110  quicker than any()
        if not machine.is_hidden(read):
            return True
    return False


def track_again(gone: Iterable[Any]) -> None:
    """Has the garbage collector look again at memos that left their places, and at homes that left the table of a cache."""
    for one in gone if machine.hides() else ():
        if type(one) is NodeMemos:
            one._key = one.find_key()  # while the table still holds the function
            show_node(one)
        elif type(one) is Memo:
            show_memo(one)


def show_memo(memo: Memo) -> None:
    """Has the garbage collector look at a memo again."""
    if machine.is_hidden(memo):
        if memo.dependencies:
            machine.show(memo.dependencies)
        machine.show(memo)
        if memo.home.newest is memo:  # it waits to be verified, and keeps that place
            memo.home.shown = True


def show_node(home: NodeMemos) -> None:
    """Has the garbage collector look at a home again, and at its memos."""
    if machine.is_hidden(home):
        if type(home.readers) is list:
            machine.show(home.readers)
        memo, newest = home.plain, home.newest
        if memo is not None:
            show_memo(memo)
        if newest is not None and newest is not memo:
            show_memo(newest)
        if home.variants is not None:
            for memo in home.memos():
                show_memo(memo)
        machine.show(home)
