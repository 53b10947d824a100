"""P9: a handler may do anything with an error, and changes nothing for anybody else who meets the same failure."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from support.script import ask, play_threads, until, until_waiting
from support.sync_points import Signal

import dug
from dug import snapshot
from dug._core.facts import imprint


class WantsMore(Exception):
    """Cannot be made from its arguments, and counts how often it is made."""

    made = 0

    def __init__(self, code, *, where):
        super().__init__(f"{code} at {where}")
        self.code, self.where, self.trail = code, where, []
        type(self).made += 1


class InSlots(Exception):
    """Keeps its content in slots."""

    __slots__ = ("places", "unset")

    def __init__(self, *places):
        super().__init__("places")
        self.places = list(places)


class Odd(ValueError):
    """Wants two arguments before it is there."""

    def __new__(cls, left, right):
        return super().__new__(cls, left, right)


def raise_chained():
    """Raises one error because of another, while a third is handled."""
    try:
        {}["inner"]
    except KeyError as inner:
        raise ValueError("outer") from inner


def raise_in_handler():
    """Raises one error while another is handled."""
    try:
        {}["inner"]
    except KeyError:
        raise ValueError("outer")  # noqa: B904  the context is what is tested


def raise_group():
    """Raises a group with a group in it."""
    raise ExceptionGroup("several", [ValueError(1), ExceptionGroup("more", [KeyError(2)])])


def raise_noted():
    """Raises an error that has a note already."""
    error = LookupError([1, {"deep": [2]}])
    error.add_note("first")
    raise error


def raise_it(make):
    """Return a function that raises an error that is made each time."""

    def act():
        raise make()

    return act


ACTS = {
    "plain": raise_it(lambda: KeyError("X")),
    "noted": raise_noted,
    "of the system": lambda: os.open("/there/is/no/such/file", os.O_RDONLY),
    "unicode": b"\xff".decode,
    "syntax": lambda: compile("x y", "file", "exec"),
    "attribute": lambda: object().missing,
    "wants more": raise_it(lambda: WantsMore(7, where="here")),
    "slots": raise_it(lambda: InSlots("a", "b")),
    "odd": raise_it(lambda: Odd(1, 2)),
    "chained": raise_chained,
    "in a handler": raise_in_handler,
    "group": raise_group,
}


def add_note(error):
    """Say more."""
    error.add_note("mine")


def add_argument(error):
    """Add an argument."""
    error.args = (*error.args, "mine")


def set_attribute(error):
    """Set a new attribute and change those that are there, in place too."""
    error.mine = 1
    for value in vars(error).values():
        if isinstance(value, list):
            value.append("mine")
    for name in ("places", "trail"):
        getattr(error, name, []).append("mine")


def set_field(error):
    """Change an object that is not an attribute of a dict."""
    for name, value in {"errno": 99, "reason": "mine", "lineno": 99, "name": "mine", "places": []}.items():
        if hasattr(error, name):
            setattr(error, name, value)
    error.args[0].append("mine") if error.args and isinstance(error.args[0], list) else None


def set_cause(error):
    """Give it another cause, and the cause it had a note."""
    for other in (error.__cause__, error.__context__):
        if other is not None:
            other.add_note("mine")
    error.__cause__ = OSError("mine")


def set_context(error):
    """Give it another context."""
    error.__context__ = OSError("mine")


def drop_traceback(error):
    """Take its traceback away."""
    error.__traceback__ = None


def change_members(error):
    """Change the members of a group."""
    for one in getattr(error, "exceptions", ()):
        one.add_note("mine")
        change_members(one)


CHANGES = [add_note, add_argument, set_attribute, set_field, set_cause, set_context, drop_traceback, change_members]


def tell(error, depth=0):
    """Return all that an exception says, as text."""
    if error is None:
        return None
    members = [tell(one, depth + 1) for one in getattr(error, "exceptions", ())]
    fields = {name: repr(getattr(error, name, None)) for name in ("errno", "filename", "reason", "lineno", "name", "places")}
    said = {name: repr(value) for name, value in vars(error).items()}
    places = traceback.extract_tb(error.__traceback__)
    tail = [place.name for place in places if place.filename == __file__]
    others = None if depth > 3 else (tell(error.__cause__, depth + 1), tell(error.__context__, depth + 1))
    args = () if members else error.args
    tail = tail[tail.index("body") :] if "body" in tail else tail
    return type(error), str(error), repr(args), said, fields, others, error.__suppress_context__, members, tail


def make(act):
    """Return a memoised function that fails, and the content of its error when called plainly."""

    @dug.memoize
    def body():
        act()

    try:
        body.__wrapped__()
    except Exception as exc:  # noqa: BLE001  any of the kinds
        return body, tell(exc)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ACTS)
def test_a_handler_changes_nothing_for_the_next_caller(kind, change):
    """Each caller in one call meets the failure as it was filed, whatever those before did to it."""
    body, plain = make(ACTS[kind])
    met = []

    @dug.memoize
    def leg(n):
        try:
            body()
        except Exception as exc:
            met.append(tell(exc))
            change(exc)
            raise

    @dug.memoize
    def book():
        for n in range(3):
            try:
                leg(n)
            except Exception as exc:  # noqa: BLE001  any of the kinds
                change(exc)

    with dug.Context() as ctx:
        book()

        assert met == [plain] * 3
        said = tell(ctx.memo(body.node()).error)
        assert (said[:4], said[4]) == (plain[:4], plain[4])


@pytest.mark.parametrize("kind", ACTS)
def test_the_first_caller_gets_the_very_exception(kind):
    """A node raises its own object, untouched; no class of errors is called to make another."""
    body, plain = make(ACTS[kind])
    WantsMore.made = 0
    caught = []

    @dug.memoize
    def book():
        for _ in range(3):
            try:
                body()
            except Exception as exc:  # noqa: BLE001  any of the kinds
                caught.append(exc)

    with dug.Context():
        book()

    assert [tell(one) for one in caught] == [plain] * 3
    assert len(set(map(id, caught))) == 3
    assert WantsMore.made == (kind == "wants more")


def test_the_caller_of_a_caller_gets_what_that_made_of_it():
    """A node that passes an error on with a note has failed with that note, for all askers; and the origin without."""

    @dug.memoize
    def spot():
        raise KeyError("X")

    @dug.memoize
    def leg(n):
        try:
            spot()
        except KeyError as exc:
            exc.add_note(f"leg {n}")
            raise

    met = []

    @dug.memoize
    def book():
        for n in (0, 1, 0, 1):
            try:
                leg(n)
            except KeyError as exc:
                met.append((exc.args, exc.__notes__[:]))
                exc.add_note("book")

    with dug.Context() as ctx:
        book()
        failed = {str(one.node.function.__name__): one for one in ctx.failures()}
        notes = {one.node: getattr(one.error, "__notes__", []) for one in ctx.failures()}

    assert met == [(("X",), ["leg 0"]), (("X",), ["leg 1"])] * 2
    assert notes == {spot.node(): [], leg.node(0): ["leg 0"], leg.node(1): ["leg 1"]}
    assert failed["leg"].origin == spot.node()


def test_a_batch_keeps_each_error_apart():
    """In a batch the origin has no note of its readers, and each of those has its own only."""

    @dug.memoize
    def spot():
        raise KeyError("X")

    @dug.memoize
    def leg(n):
        try:
            spot()
        except KeyError as exc:
            exc.add_note(f"leg {n}")
            exc.seen = n
            raise

    with dug.Context() as ctx:
        batch = ctx.run_all([leg.node(n) for n in range(3)])
    batch.failures[spot.node()].error.add_note("looked at")
    with pytest.raises(KeyError) as caught:
        batch[leg.node(1)]
    caught.value.add_note("raised")

    assert not hasattr(batch.failures[spot.node()].error, "__notes__")
    assert [batch.not_run[leg.node(n)].error.__notes__ for n in range(3)] == [["leg 0"], ["leg 1"], ["leg 2"]]
    assert [batch.not_run[leg.node(n)].error.seen for n in range(3)] == [0, 1, 2]


def test_the_targets_of_a_sweep_keep_their_errors_apart():
    """Targets that read one failure have each its own error, and raising it again and again adds nothing."""

    @dug.memoize
    def rate():
        return 0

    @dug.memoize
    def spot():
        return 1 / rate()

    @dug.memoize
    def leg(n):
        try:
            return spot()
        except ZeroDivisionError as exc:
            exc.add_note(f"leg {n}")
            raise

    targets = [leg.node(n) for n in range(3)]
    with dug.Context():
        for result in dug.sweep(targets, [{}, {rate.node(): 0}]):
            for _ in range(2):
                for target in targets:
                    with pytest.raises(ZeroDivisionError) as caught:
                        result[target]
                    caught.value.add_note("raised")

            assert [result.errors[target].__notes__ for target in targets] == [["leg 0"], ["leg 1"], ["leg 2"]]


def test_what_is_gathered_fails_apart(play):
    """Tasks that wait for one run get each an error of their own."""

    @dug.memoize
    async def spot():
        raise WantsMore(1, where="there")

    @dug.memoize
    async def leg(n):
        try:
            return await spot()
        except WantsMore as exc:
            before = len(exc.trail), len(getattr(exc, "__notes__", ()))
            exc.add_note(f"leg {n}")
            exc.trail.append(n)
            return before

    played = play(dug.Context(), [ask(n, leg, n) for n in range(5)])

    assert played.results == dict.fromkeys(range(5), (0, 0))


def test_a_gather_that_returns_errors_returns_one_for_each():
    """Errors that ``asyncio.gather`` returns for several nodes that pass one failure on each say the same as that one."""

    @dug.memoize
    async def spot():
        raise KeyError("X")

    @dug.memoize
    async def leg(n):
        try:
            await spot()
        except KeyError as exc:
            exc.args = (*exc.args, n)
            raise

    @dug.memoize
    async def book():
        errors = await asyncio.gather(*(leg(n) for n in range(3)), return_exceptions=True)
        return [error.args for error in errors]

    async def main():
        with dug.Context():
            return await book()

    assert asyncio.run(main()) == [("X", 0), ("X", 1), ("X", 2)]


def test_threads_that_wait_for_one_run_fail_apart():
    """The thread that runs and those that wait have each an error of their own."""
    started, go = Signal(), Signal()

    @dug.memoize
    def spot():
        started.set()
        go.wait_here()
        raise InSlots("a")

    def leg(n):
        try:
            spot()
        except InSlots as exc:
            exc.places.append(n)
            exc.add_note("mine")
            return exc.places, exc.__notes__

    others = [ask(n, leg, n) for n in (1, 2, 3)]
    played = play_threads(dug.Context(), ask(0, leg, 0), until(started), others, until_waiting(spot.node(), 3), go.set)

    assert played.results == {n: (["a", n], ["mine"]) for n in range(4)}


def test_a_sweep_on_threads_keeps_errors_apart():
    """Scenarios that meet one failure at the same time have each its own error."""

    @dug.memoize
    def key(n):
        return n

    @dug.memoize
    def spot():
        raise KeyError("X")

    @dug.memoize
    def leg():
        try:
            spot()
        except KeyError as exc:
            exc.add_note(str(key(0)))
            raise

    with ThreadPoolExecutor(4) as pool, dug.Context():
        results = list(dug.sweep(leg.node(), [{key.node(0): n} for n in range(8)], executor=pool))

    assert [result.error.__notes__ for result in results] == [[str(n)] for n in range(8)]


def test_a_saved_failure_says_what_was_filed(tmp_path):
    """A file holds each error as its node raised it."""
    with dug.Context() as ctx:
        ctx.run_all([saved_leg.node(n) for n in range(2)])
        for failed in ctx.failures():
            failed.error.add_note("looked at")
        snapshot.save(ctx, tmp_path / "failed.dug")
    with snapshot.load(tmp_path / "failed.dug") as loaded:
        texts = {failed.node: failed.traceback for failed in loaded.failures()}

    assert [name in texts[saved_spot.node()] for name in ("leg 0", "leg 1", "looked")] == [False] * 3
    assert [name in texts[saved_leg.node(1)] for name in ("leg 0", "leg 1", "looked")] == [False, True, False]


@dug.memoize
def saved_spot():
    """Fails."""
    raise KeyError("X")


@dug.memoize
def saved_leg(n):
    """Passes the failure on with a note."""
    try:
        saved_spot()
    except KeyError as exc:
        exc.add_note(f"leg {n}")
        raise


def test_what_a_caller_was_handling_is_not_part_of_the_failure():
    """The next caller's error has for a context the exception which that caller handles, not that of the first one."""

    @dug.memoize
    def spot():
        raise KeyError("X")

    @dug.memoize
    def leg(n):
        try:
            os.open(f"/no/{n}", os.O_RDONLY)
        except OSError:
            try:
                spot()
            except KeyError as exc:
                return exc.__context__.filename

    @dug.memoize
    def bare():
        try:
            spot()
        except KeyError as exc:
            return exc.__context__

    @dug.memoize
    def book():
        return leg(0), leg(1), bare()

    with dug.Context():
        assert book() == ("/no/0", "/no/1", None)


def test_an_error_of_which_c_may_keep_more_is_put_back(monkeypatch):
    """If no other exception can say the same for sure, the one there is gets its old content back."""
    monkeypatch.setattr(imprint, "_builtin_base", lambda kind: None)  # as for a class that an extension made
    met = []

    @dug.memoize
    def spot():
        raise WantsMore(1, where="there")

    @dug.memoize
    def book():
        for n in range(3):
            try:
                spot()
            except WantsMore as exc:
                met.append((exc, exc.args, exc.trail[:], hasattr(exc, "__notes__")))
                exc.args = ("mine", n)
                exc.trail.append(n)
                exc.add_note("mine")

    with dug.Context():
        book()

    assert [said for _, *said in met] == [[("1 at there",), [], False]] * 3
    assert len({id(error) for error, *_ in met}) == 1


def test_a_long_chain_that_passes_one_error_on_takes_no_longer_for_each():
    """A chain of nodes that pass an error on compares it once for each, and keeps one imprint."""
    depth = 1_100

    @dug.memoize
    def chain(n):
        if not n:
            raise WantsMore(1, where="below")
        return chain(n - 1)

    WantsMore.made = 0
    with dug.Context() as ctx:
        with pytest.raises(WantsMore) as caught:
            chain(depth)
        imprints = {id(one._failure.imprint) for one in ctx.failures()}

    assert WantsMore.made == 1
    assert len(imprints) == 1
    assert caught.value.where == "below"
    assert sys.getrecursionlimit() < depth


trouble = Event()


@dug.source
def level_read():
    """Return a number that is tweaked below."""
    return 1


@dug.memoize
def troubled():
    """Return a number, or read one and fail."""
    if trouble.is_set():
        raise ValueError(level_read())
    return 2


def test_a_node_that_was_tried_again_leaves_no_failure():
    """The failure of an earlier call goes, also where it read a tweak that the value does not read."""
    with dug.Context() as ctx, dug.Context({level_read.node(): 5}):
        trouble.set()
        with pytest.raises(ValueError, match="5"):
            troubled()
        count = len(ctx.cache)
        trouble.clear()

        assert troubled() == 2
        assert len(ctx.cache) == count
