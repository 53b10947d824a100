"""Ctrl-C, wherever it strikes, comes out as KeyboardInterrupt and leaves nothing in force, nothing half done, nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import interrupts
import pytest
from interrupts import in_thread, strike_everywhere
from support.sync_points import run_on

import dug
from dug._core.steps import scope
from dug._core.steps.frame import DEFAULT_FRAME, current
from dug.executors.threads import ContextThreadPoolExecutor
from dug.testing import EventLog, isolated


class Book:
    """A small program, a context that has computed it, and one that tweaks it."""

    def __init__(self):
        @dug.memoize
        def rate(of=0):
            return 2

        @dug.memoize
        def level():
            return 1

        @dug.memoize
        def value(of=0):
            return rate(of) * 10 * level()

        @dug.memoize
        def whatif(of=0):
            with dug.Context({rate.node(of): 5}):
                return value(of) + level()

        @dug.memoize
        async def later(of=0):
            await asyncio.sleep(0)
            return rate(of) * 10

        self.rate, self.level, self.value, self.whatif, self.later = rate, level, value, whatif, later
        self.base = dug.Context(name="base")
        self.ctx = dug.Context({rate.node(): 5}, name="ctx")
        self.base.run(value)
        with self.base, self.ctx:
            value()

    def check(self, *, base=20, under=50):
        """Everything is as it was: for this thread and for another one."""
        if DEFAULT_FRAME.entry is None:
            with pytest.raises(dug.NoContextError):
                self.value()
        for _ in range(2):
            assert self.base.run(self.value) == base
            with self.base, self.ctx:
                assert self.value() == under
        assert in_thread(lambda: (self.base.run(self.value), self.base.run(self.value, 1))) == (base, base)
        assert in_thread(lambda: self.base.run(self.whatif)) == self.base.run(self.whatif)
        assert in_thread(lambda: dug.Context().run(self.value)) == 20  # in a cache that is made and bound there
        left = (*self.base._entries, *self.ctx._entries)
        assert all(entry.has_ended() or entry.watch is entry.outer is None for entry in left), "an entry is left"
        assert not self.base._last.tweaks.running
        assert not self.base.cache.group.blocked


def enter(book):
    """Enter and leave."""
    with book.ctx:
        pass


def nest(book):
    """Enter several contexts, one of them twice."""
    with book.base, book.ctx, dug.Context({book.rate.node(): 7}), book.ctx:
        book.value()


def run(book):
    """Run a function in a context."""
    book.base.run(book.value, 2)


def compute(book):
    """Compute under a tweak."""
    with book.base, dug.Context({book.rate.node(): 7}):
        book.value()
        book.value(1)


def verify(book):
    """Verify an older value."""
    with book.base, dug.Context({book.level.node(): dug.shift(0)}):
        book.value()


def bump(book):
    """Meet a bump and a replacement."""
    with book.base, dug.Context({book.rate.node(): dug.shift(1), book.value: lambda of=0: book.rate(of)}):
        book.value()


def enter_inside(book):
    """Enter a context inside a node."""
    book.base.run(book.whatif)


def listen(book):
    """Listen."""
    with book.base, EventLog(book.base):
        book.value(3)


def activate(book):
    """Activate a context and end that."""
    book.ctx.activate()
    try:
        book.value()
    finally:
        book.ctx.deactivate()


def clear(book):
    """Clear a cache."""
    book.base.clear()


def first_tweak(book):
    """Tweak a node that was never tweaked."""
    with book.base, dug.Context({book.level.node(): 1, book.value: lambda of=0: 0}):
        pass


def drop(book):
    """Drop tweaks, and the memos that read them."""
    with book.base:
        for number in range(2):
            with dug.Context({book.rate.node(): number}):
                book.value()
        book.value(5)


def sweep(book):
    """Sweep."""
    with book.base:
        dug.sweep(book.value.node(), [{book.rate.node(): 1}, {book.rate.node(): 2}]).to_dict()


def run_all(book):
    """Compute many nodes."""
    book.base.run_all([book.value.node(i) for i in range(3)])


def isolate(book):
    """Run a function in a fresh context."""
    isolated()(book.rate)()


def look(book):
    """Look at a context that was never entered."""
    dug.Context({book.rate.node(): 7}).graph()


ACTIONS = [
    *(enter, nest, run, compute, verify, bump, enter_inside, listen, activate, clear, first_tweak, drop, sweep, run_all, isolate),
    look,
]


def end_activation():
    """Leave the default context, where the interrupt came before the test itself could."""
    if DEFAULT_FRAME.entry is not None:
        DEFAULT_FRAME.entry.context.deactivate()


def strike(act, by, most, also=None):
    """Strike at so many places of an action, each time on a new book; returns how many there were."""
    act(Book())  # a module that is loaded at the first use has more places
    count, books = 0, [Book()]
    for place, came in strike_everywhere(by, lambda: act(books[0]), most=most, also=also):
        is_of_parser = isinstance(came, SystemError) and "AST constructor" in str(came)  # CPython makes this of one that it meets
        assert not place or is_of_parser or type(came) is KeyboardInterrupt, f"{came!r} came out of {place}"
        try:
            end_activation()
            books[0].check()
        except BaseException as exc:
            raise AssertionError(f"interrupted in {place}: {exc!r}") from exc
        count += bool(place)
        books[:] = [Book()]
    return count


@pytest.mark.parametrize("act", ACTIONS, ids=lambda act: act.__name__)
def test_an_interrupt_at_some_places_leaves_nothing_behind(act):
    """At places all over an action."""
    assert strike(act, "line", most=10) > 5


@pytest.mark.parametrize(
    "act",
    [act if act is listen else pytest.param(act, marks=pytest.mark.slow) for act in ACTIONS if act is not clear],  # compiled
    ids=lambda act: act.__name__,
)
def test_an_interrupt_at_the_word_try_leaves_nothing_behind(act):
    """A trace function, as a debugger has one, may raise where CPython lets no handler guard the line."""
    assert strike(act, "try", most=99) > 0


def test_reads_that_an_interrupt_lost_leave_no_memo():
    """A node that goes on after an interrupt struck while its reads were handed on is not remembered with these for ever."""
    number, outside = 1, [1]

    @dug.memoize
    def source():
        return outside[0]

    while True:
        interrupter = interrupts.Interrupter(number, "try")

        @dug.memoize
        def careful():
            got = [0]
            with contextlib.suppress(KeyboardInterrupt), interrupter, dug.Context():  # noqa: B023
                got[0] = source()
            return got[0]

        with dug.Context() as base:
            outside[0] = 1
            careful()
            outside[0] = 2
            base.invalidate(source)
            assert careful() in {0, 2}, interrupter.place  # 0 where the interrupt came first
        if not interrupter.has_struck:
            break
        number += 1
    assert number > 1


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTIONS, ids=lambda act: act.__name__)
def test_an_interrupt_at_any_line_leaves_nothing_behind(act):
    """At every line of the library, call and return that an action comes by."""
    assert strike(act, "line", most=60) > 10


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTIONS, ids=lambda act: act.__name__)
def test_an_interrupt_at_any_bytecode_leaves_nothing_behind(act):
    """Between any two steps of the interpreter, also where it raises no interrupt by itself."""
    assert strike(act, "opcode", most=60) > 10


@pytest.mark.parametrize("by", ["line", "opcode"])
def test_an_interrupt_in_the_frame_of_the_statement_leaves_it(by):
    """Also between the last step of the body and the call of ``__exit__``, where nothing is called at all."""
    assert strike(enter, by, also=enter, most=20) > 5


def test_what_is_asked_in_the_handler_is_asked_outside():
    """A handler of the interrupt asks outside of the statement, though the traceback is still held."""
    book = Book()

    def act():
        with book.ctx:
            pass

    def caught(number):
        with book.base:
            try:
                with interrupts.Interrupter(number, "line") as interrupter:
                    act()
            except KeyboardInterrupt:
                return interrupter.has_struck, book.value(), dug.current_context() is book.base
            return interrupter.has_struck, book.value(), dug.current_context() is book.base

    number, answers = 1, set()
    while (answer := caught(number))[0]:
        answers.add(answer)
        number += 1
    assert answers == {(True, 20, True)}
    assert number > 5


@pytest.mark.parametrize("change", ["tweak", "untweak", "invalidate"])
@pytest.mark.parametrize(
    ("by", "step"), [("line", 41), *(pytest.param(*one, marks=pytest.mark.slow) for one in [("line", 2), ("opcode", 7)])]
)
def test_a_change_of_an_open_context_is_made_as_a_whole_or_not_at_all(change, by, step):
    """Two nodes tweaked together never differ afterwards, in the context and in one inside it that is open elsewhere."""
    seen, number = set(), 1
    while True:
        book, outside = Book(), [2]
        inner = dug.Context({book.level.node(): 3})

        @dug.memoize
        def source():
            return outside[0]  # noqa: B023

        @dug.memoize
        def both():
            return source() + book.rate(1), source() - book.rate(2)  # noqa: B023

        with book.base, dug.Context(name="open") as ctx, inner:
            if change == "untweak":
                ctx.tweak({book.rate.node(1): 7, book.rate.node(2): 7})
            before = book.value(1), book.value(2), *both()
            outside[0] = 4
            with interrupts.Interrupter(number, by) as interrupter, contextlib.suppress(KeyboardInterrupt):
                if change == "tweak":
                    ctx.tweak({book.rate.node(1): 7, book.rate.node(2): 7})
                elif change == "untweak":
                    ctx.untweak(book.rate.node(1), book.rate.node(2))
                else:
                    ctx.invalidate(source)
            after = book.value(1), book.value(2), *both()
        if not interrupter.has_struck:
            break
        assert after[0] == after[1], interrupter.place
        assert after[2] + after[3] in (4, 8), interrupter.place
        seen.add(after == before)
        book.check()
        number += step
    assert step > 40 or seen == {True, False}


def test_a_change_that_was_interrupted_shows_in_every_entry(monkeypatch):
    """An interrupt between the entries of a context that two threads are in: its latest tweaks show in both."""
    book, entered, changed = Book(), threading.Event(), threading.Event()
    ctx, renewed = dug.Context(name="open"), []
    renew_within = scope.renew_within

    def ask_later():
        with book.base, ctx:
            entered.set()
            changed.wait()
            return book.value(1)

    def interrupt_the_second(entry):
        renewed.append(entry)
        if len(renewed) == 2:
            raise KeyboardInterrupt
        renew_within(entry)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(ask_later)
        entered.wait()
        with book.base, ctx:
            monkeypatch.setattr(scope, "renew_within", interrupt_the_second)
            try:
                with pytest.raises(KeyboardInterrupt):
                    ctx.tweak(book.rate.node(1), 7)
            finally:
                changed.set()

            assert (book.value(1), other.result()) == (70, 70)


def test_a_context_that_was_entered_by_hand_stays():
    """Only leaving ends a context entered by hand, whatever became of the method that was looked up before."""
    book = Book()
    leave = book.base.__exit__
    book.base.__enter__()
    del leave
    gc.collect()
    assert book.value() == 20
    book.ctx.__enter__()
    with contextlib.suppress(KeyboardInterrupt), interrupts.Interrupter(5, "line"):
        book.value(4)
    assert book.value() == 50
    book.ctx.__exit__(None, None, None)
    assert book.value() == 20
    book.base.__exit__(None, None, None)
    book.check()


def test_a_context_that_one_function_enters_is_left_by_another():
    """The frame that entered a context by hand, or by a stack, may be gone."""
    book, stack = Book(), contextlib.ExitStack()

    def open_all():
        stack.enter_context(book.base)
        stack.enter_context(book.ctx)

    open_all()
    assert book.value() == 50
    stack.close()
    book.check()


def test_an_interrupt_in_a_stack_inside_a_statement_leaves_all_of_it():
    """A context that a stack entered and lost is left with the context around it."""
    book = Book()
    with pytest.raises(KeyboardInterrupt), book.base:  # noqa: PT012  what is lost, and then the interrupt
        contextlib.ExitStack().enter_context(book.ctx)
        raise KeyboardInterrupt
    book.check()


def test_a_generator_keeps_its_context_and_its_caller_has_its_own():
    """A context in a generator that is suspended is in force until the generator goes on or is closed, as before."""
    book = Book()

    def values():
        with book.ctx:
            yield book.value()
            yield book.value()

    with book.base:
        given = values()
        assert next(given) == 50
        assert book.value() == 50
        assert next(given) == 50
        given.close()
        assert book.value() == 20
    book.check()


@pytest.mark.slow
def test_a_subclass_with_its_own_exit_is_left_as_well():
    """Code around entering and leaving changes nothing."""
    book = Book()

    class Loud(dug.Context):
        def __enter__(self):
            return super().__enter__()

        def __exit__(self, *exc):
            return super().__exit__(*exc)

    loud = Loud({book.rate.node(): 6})

    def act(book):
        with loud:
            pass

    number = 1
    while True:
        with pytest.raises(KeyboardInterrupt) if number else contextlib.nullcontext():
            with interrupts.Interrupter(number, "line") as interrupter:
                act(book)
            if not interrupter.has_struck:
                raise KeyboardInterrupt
        book.check()
        if not interrupter.has_struck:
            break
        number += 1
    assert number > 10
    assert not loud._entries


@pytest.mark.slow
def test_the_context_is_freed_after_an_interrupt():
    """Once something is asked, nothing holds a context that an interrupt ended."""
    book = Book()
    with contextlib.suppress(KeyboardInterrupt):

        def leave(frame, event, arg):
            if frame.f_code.co_name == "__exit__":
                sys.settrace(None)
                raise KeyboardInterrupt

        with dug.Context({book.rate.node(): 9}, name="ended by an interrupt"):
            sys.settrace(leave)
    sys.settrace(None)
    with pytest.raises(dug.NoContextError):
        dug.current_context()
    gc.collect()
    assert current.get() is DEFAULT_FRAME
    contexts = [one for one in gc.get_objects() if type(one) is dug.Context]
    assert book.base in contexts
    assert not [one for one in contexts if one.name == "ended by an interrupt"]


def test_a_task_that_carries_the_variables_goes_on_as_it_was():
    """An interrupt ends the statement of its thread; a copy of the variables made inside it keeps its frame."""
    book = Book()
    copies = []

    def leave(frame, event, arg):
        if frame.f_code.co_name == "__exit__":
            sys.settrace(None)
            raise KeyboardInterrupt

    with book.base:
        with contextlib.suppress(KeyboardInterrupt), book.ctx:
            copies.append(contextvars.copy_context())
            sys.settrace(leave)
        sys.settrace(None)
        assert copies[0].run(book.value) == 50
        assert book.value() == 20
        assert copies[0].run(book.value) == 50
    book.check()


@pytest.mark.slow
def test_a_body_that_catches_an_interrupt_goes_on_outside_of_the_context():
    """A node whose inner context is interrupted and that goes on reads for itself again, and nothing wrong is remembered."""
    book, number = Book(), 1
    while True:
        book = Book()

        @dug.memoize
        def careful():
            with contextlib.suppress(KeyboardInterrupt), interrupts.Interrupter(number, "line") as interrupter:  # noqa: B023
                with dug.Context({book.rate.node(6): 100}):  # noqa: B023
                    book.value(6)  # noqa: B023
            struck.append(interrupter.has_struck)  # noqa: B023
            return book.value(6)  # noqa: B023

        struck = []
        with book.base:
            assert careful() == 20
            with dug.Context({book.rate.node(6): 3}):
                assert careful() == 30
            book.base.invalidate(book.level)
            assert careful() == 20
        book.check()
        if not any(struck):
            break
        number += 4
    assert number > 40


@pytest.mark.slow
def test_a_sweep_that_was_interrupted_goes_on_where_it_was():
    """Iterating again gives every scenario once, in order, wherever the interrupt struck."""
    number = 1
    while True:
        book = Book()
        with book.base:
            swept = dug.sweep(book.value.node(), {str(i): {book.rate.node(): i} for i in range(3)})
            with contextlib.suppress(KeyboardInterrupt), interrupts.Interrupter(number, "line") as interrupter:
                for _ in swept:
                    pass
            assert swept.to_dict() == {"0": 0, "1": 10, "2": 20}, interrupter.place
        book.check()
        if not interrupter.has_struck:
            break
        number += 5
    assert number > 100


@pytest.mark.slow
@pytest.mark.parametrize("make_pool", [ThreadPoolExecutor, ContextThreadPoolExecutor])
def test_an_interrupt_while_threads_work_leaves_nothing_behind(make_pool):
    """In the thread that waits for those of an executor."""
    number = 1
    with make_pool(2) as pool:
        while True:
            book = Book()
            with contextlib.suppress(KeyboardInterrupt), interrupts.Interrupter(number, "line") as interrupter, book.base:
                dug.sweep(book.value.node(), [{book.rate.node(): i} for i in range(3)], executor=pool).to_dict()
                book.base.run_all([book.value.node(i) for i in range(4)], executor=pool)
            pool.submit(int).result()
            book.check()
            if not interrupter.has_struck:
                break
            number += 61
    assert number > 100


def strike_loop(backend, interrupter):
    """Ask in a loop that is interrupted, and in another one after that."""
    book = Book()

    @dug.memoize
    async def twice(of):
        await anyio.lowlevel.checkpoint()
        return book.rate(of) * 2

    async def be_struck():
        with interrupter, anyio.fail_after(interrupts.PATIENCE_S), book.base:
            with dug.Context({book.rate.node(): 5}):
                await twice(0)
            await twice(1)

    async def ask():
        with book.base:
            return await twice(0), await twice(1)

    try:
        anyio.run(be_struck, backend=backend)
    except BaseException as exc:  # noqa: BLE001  trio wraps what went out of a system task
        assert has_interrupt(exc), f"{exc!r} at {interrupter.place}"  # noqa: PT017
        exc.__traceback__ = None
        del exc
    finally:
        sys.settrace(None)
    gc.collect()
    assert run_on(backend, ask) == (4, 4), interrupter.place
    book.check()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a task that the loop which was ended never began
@pytest.mark.filterwarnings("ignore:coroutine '_drive' was never awaited")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_interrupt_in_a_loop_leaves_nothing_behind(backend):
    """A loop that an interrupt ends leaves no run behind that another one would wait for."""
    counter = interrupts.Interrupter(sys.maxsize, "line")
    strike_loop(backend, counter)
    assert counter.seen > 100
    for number in interrupts.choose_places(counter.seen, most=40):
        strike_loop(backend, interrupts.Interrupter(number, "line"))


WAKING = ("wake", "_set", "_run_there")


@pytest.mark.parametrize(("backend", "within"), [("asyncio", WAKING), ("trio", WAKING), ("trio", ("carry",))])
def test_an_interrupt_where_a_task_begins_or_ends_lets_nobody_sleep(backend, within):
    """A waiter of the run is woken: it is not left to a loop that has nothing more to do."""
    counter = interrupts.Interrupter(sys.maxsize, "line", within=within)
    strike_loop(backend, counter)
    assert counter.seen > 5
    for number in range(1, counter.seen + 1, 3):
        interrupts.in_thread(lambda: strike_loop(backend, interrupts.Interrupter(number, "line", within=within)) or True)  # noqa: B023


def has_interrupt(error):
    """True for an interrupt, also in a group or as the cause of an error that the program is in trouble."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        if isinstance(error, BaseExceptionGroup):
            return any(map(has_interrupt, error.exceptions))
        error = error.__cause__ or error.__context__
    return False


@pytest.mark.slow
def test_real_interrupts_leave_nothing_behind():
    """Signals to a process that asks for ever; ``python tests/interrupts.py`` sends more."""
    assert set(interrupts.run(25, seed=3)) == {"right"}
