"""A loaded snapshot as a context."""

from __future__ import annotations

import gc
import io
import sys
import types
import weakref

import attrs
import kept_book
import pytest
from kept_book import blob, book, delta, handle, position, price, report
from support.calls import list_calls

import dug
from dug import codec, snapshot
from dug.errors import SnapshotError
from dug.testing import EventLog


def add_twice(value, amount):
    """Bump a value."""
    return value + 2 * amount


def test_values_are_served_from_the_file(saved, load, ran):
    """Asking for saved nodes runs nothing."""
    with load(saved):
        assert book() == 20.0

    assert ran == []


def test_a_tweak_runs_its_dependents_only(saved, load, ran):
    """Over a loaded file, a tweak runs its dependents, and takes the rest from the file."""
    with load(saved), dug.Context(tweaks={price.node("B"): 3.0}):
        assert book() == 25.0

    assert ran == ["position(B)", "book"]


def test_a_loaded_file_can_be_tweaked_itself(saved, load, ran):
    """``ctx.tweak`` on the snapshot is a tweak like any other."""
    with load(saved) as ctx:
        ctx.tweak(price.node("B"), 3.0)
        assert book() == 25.0
        ctx.untweak(price.node("B"))
        assert book() == 20.0

    assert ran == ["position(B)", "book"]


def test_early_cut_off_works_over_a_file(saved, load, ran):
    """A node that is computed again to the value in the file stops the running there."""
    with load(saved), dug.Context(tweaks={price.node("B"): dug.bump(float)}):
        assert book() == 20.0

    assert ran == []


def test_an_absent_value_is_computed_when_it_is_asked_for(saved, load, ran):
    """A value that was left out is not a reason to run its dependents."""
    with load(saved) as ctx:
        assert report() == (20.0, True)
        assert ran == []
        handle()

        assert ran == ["handle"]
    assert [(one.what, "no codec" in one.reason) for one in ctx.absent] == [("kept_book:handle()", True)]


def test_a_tweak_beneath_an_absent_value_runs_what_read_it(saved, load, ran):
    """A memo that depends on a left-out value is masked as every other."""
    with load(saved), dug.Context(tweaks={handle.node(): None}):
        assert report() == (20.0, False)

    assert ran == ["report"]


def test_a_failure_is_there_to_look_at_and_is_tried_again(saved, load, ran):
    """A failed node shows its exception and traceback, and the next call runs it again."""
    with load(saved) as ctx:
        memo = ctx.memo(position.node("X"))
        assert (memo.kind, type(memo.error), memo.error.args) == ("failed", KeyError, ("X",))
        assert "return PRICES[ticker]" in memo.traceback
        with pytest.raises(KeyError):
            position("X")

    assert ran == ["position(X)", "price(X)"]


def test_a_failure_runs_again_when_its_cause_is_tweaked(saved, load, ran):
    """Tweaking the source that failed computes the nodes that failed with it, and nothing else."""
    with load(saved), dug.Context(tweaks={price.node("X"): 4.0}):
        assert position("X") == 40.0
        assert book() == 20.0

    assert ran == ["position(X)"]


def test_an_exception_of_an_unknown_class_is_stood_for(tmp_path, load):
    """An exception that is neither builtin nor registered comes back as a RecordedError with the same message."""

    class OwnError(Exception):
        pass

    @dug.memoize(name="kept_book:own")
    def own():
        raise OwnError("no luck")

    with dug.Context() as ctx:
        with pytest.raises(OwnError):
            own()
        snapshot.save(ctx, tmp_path / "x.dug")

    error = load(tmp_path / "x.dug").memo(own.node()).error

    assert isinstance(error, snapshot.RecordedError)
    assert str(error).endswith("OwnError: no luck")


def test_invalidation_reaches_into_the_file(saved, load, ran):
    """A source that is invalidated runs again, and so do its dependents when the value is another one."""
    with load(saved) as ctx:
        ctx.invalidate(price.node("B"))
        kept_book.PRICES["B"] = 3.0
        try:
            assert book() == 25.0
        finally:
            kept_book.PRICES["B"] = 2.0

    assert ran == ["price(B)", "position(B)", "book"]


def test_a_node_that_opened_contexts_is_served_and_masked(tmp_path, load, ran):
    """A delta is taken from the file, until something that it read is tweaked."""
    with dug.Context() as ctx:
        delta("A")
        snapshot.save(ctx, tmp_path / "x.dug")
    ran.clear()
    with load(tmp_path / "x.dug"):
        assert delta("A") == 10.0
        assert ran == []
        with dug.Context(tweaks={price.node("B"): 5.0}):
            assert delta("A") == 10.0
            assert "delta(A)" in ran


def test_tweaks_are_in_force_again(tmp_path, load, ran):
    """Values, bumps and ``UNTWEAKED`` of the saved scenario are those of the loaded one."""
    tweaks = {price.node("A"): 4.0, price.node("B"): dug.scale(2.0)}
    with dug.Context(tweaks=tweaks), dug.Context(tweaks={price.node("A"): dug.shift(1.0)}) as ctx:
        assert book() == 70.0
        snapshot.save(ctx, tmp_path / "x.dug")
    ran.clear()
    loaded = load(tmp_path / "x.dug")
    with loaded:
        assert book() == 70.0
        assert ran == []
        assert position("A", 1) == 5.0
        assert position("B", 1) == 4.0
        with dug.Context(tweaks={price.node("A"): dug.UNTWEAKED}):
            assert book() == 30.0


def test_a_bump_by_an_own_function_is_found_where_it_is_given(tmp_path, load):
    """A function that a file names is not looked up: the reader gives it, or gets an error when it is needed."""
    with dug.Context(tweaks={price.node("A"): dug.bump(add_twice, 1.0)}) as ctx:
        book()
        snapshot.save(ctx, tmp_path / "x.dug")

    with load(tmp_path / "x.dug", functions=[add_twice]):
        assert position("A", 1) == 3.0
    with load(tmp_path / "x.dug") as ctx:
        assert book() == 40.0
        ctx.invalidate(price.node("A"))
        with pytest.raises(snapshot.SnapshotError, match=r"add_twice is not known here.*functions="):
            position("A", 1)


def test_a_tweak_that_cannot_be_written_is_reported(tmp_path, load):
    """Memos computed with it answer all the same, and a new computation names the missing function."""
    with dug.Context(tweaks={price.node("A"): dug.bump(lambda value: value + 1)}) as ctx:
        book()
        report = snapshot.save(ctx, tmp_path / "x.dug")

    assert [one.what for one in report.absent] == ["the tweak of kept_book:price('A')"]
    with load(tmp_path / "x.dug") as ctx:
        assert book() == 30.0
        ctx.invalidate(price.node("A"))
        with pytest.raises(snapshot.SnapshotError, match="Tweak it again"):
            position("A", 1)


def test_a_value_is_read_when_it_is_asked_for(tmp_path, load, monkeypatch):
    """Entering, looking around and tweaking read no value; asking for one reads that one, once."""
    with dug.Context() as ctx:
        book()
        snapshot.save(ctx, tmp_path / "x.dug")
    read = []
    real = snapshot._file.SavedFile.read
    monkeypatch.setattr(
        snapshot._file.SavedFile, "read", lambda self, number, *args: read.append(number) or real(self, number, *args)
    )

    with load(tmp_path / "x.dug") as loaded:
        assert book.node() in loaded
        assert loaded.memo(book.node()).dependencies
        with dug.Context(tweaks={price.node("B"): 3.0}):
            pass
        assert read == []
        assert (book(), book(), loaded[book.node()]) == (20.0, 20.0, 20.0)
        assert len(read) == 1


def test_a_read_value_costs_what_any_other_does(saved, load):
    """Once its value was read, a call is answered from a memo with no more calls than from one that was computed."""
    with dug.Context():
        book()
        expected = list_calls(book)
    with load(saved) as ctx:
        book()
        memo = ctx.memo(book.node())._memo

        assert list_calls(book) == expected
        assert not memo.is_stored
        assert memo.open_footprint == memo.footprint


def test_what_is_large_is_written_and_read_in_pieces(tmp_path, load, monkeypatch):
    """A value larger than a chunk comes back whole."""
    monkeypatch.setattr(snapshot._save, "_CHUNK_BYTES", 1_000)
    with dug.Context() as ctx:
        expected = blob(10_240)
        snapshot.save(ctx, tmp_path / "x.dug")

    with load(tmp_path / "x.dug") as loaded:
        rows = loaded._file._select("SELECT length(data) FROM chunks", ())
        assert max(size for (size,) in rows) == 1_000
        assert blob(10_240) == expected


def test_changed_code_is_reported(saved, load, ran, monkeypatch):
    """A function whose code changed is named; its values answer all the same."""
    monkeypatch.setattr("dug.fingerprint.has_changed", lambda before, now: before == saved_print)
    saved_print = next(one.fingerprint for one in looked(saved).functions if one.name == "kept_book:position")
    with load(saved) as ctx:
        assert ctx.changed == ("kept_book:position",)
        assert book() == 20.0

    assert ran == []


def test_changed_code_is_recomputed_when_asked(saved, load, ran, monkeypatch):
    """With ``recompute_changed`` changed functions run again, and their dependents only when they give something else."""
    saved_print = next(one.fingerprint for one in looked(saved).functions if one.name == "kept_book:position")
    monkeypatch.setattr("dug.fingerprint.has_changed", lambda before, now: before == saved_print)
    with load(saved, recompute_changed=True):
        assert book() == 20.0

    assert sorted(ran) == ["position(A)", "position(B)"]


def looked(path):
    """Return a file that was looked at."""
    with snapshot.look(path) as found:
        found.functions  # noqa: B018  read before it is closed
        return found


def define(name, source):
    """Run a module that defines memoised functions."""
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), vars(module))
    return module


LATE = "import dug\nRAN = []\n@dug.memoize\ndef low():\n    RAN.append('low')\n    return 1\n"


@pytest.fixture
def late(tmp_path):
    """A file of two modules, the lower of which is not there any more."""
    low = define("late_low", LATE)
    high = define(
        "late_high",
        "import dug, sys\n@dug.memoize\ndef high():\n    return sys.modules['late_low'].low() + 1\n",
    )
    with dug.Context() as ctx:
        high.high()
        snapshot.save(ctx, tmp_path / "late.dug")
    del low, ctx
    del sys.modules["late_low"]
    gc.collect()
    yield tmp_path / "late.dug", high
    sys.modules.pop("late_low", None)
    sys.modules.pop("late_high", None)


def test_nothing_is_imported_and_what_comes_late_is_served(late, load):
    """Memos that depend on a missing function wait for it; nothing is imported for that."""
    path, high = late
    with load(path) as ctx:
        assert ctx.pending == ("late_low:low()", "late_high:high()")
        assert "late_low" not in sys.modules
        low = define("late_low", LATE)
        assert high.high() == 2
        assert (low.low(), low.RAN, ctx.pending) == (1, [], ())


def test_what_comes_late_after_a_doubt_is_served(late, load):
    """When a function was in doubt the nodes are in another table, which asks the file as the first one did."""
    path, high = late
    with load(path) as ctx:
        ctx.cache.group.doubt(high.high.node()._key[0], lambda _: None)
        low = define("late_low", LATE)
        assert high.high() == 2

        assert (low.low(), low.RAN, ctx.pending) == (1, [], ())


def test_what_comes_late_after_an_invalidation_is_not_served(late, load):
    """A file cannot know which nodes were invalidated before its functions were there."""
    path, high = late
    with load(path) as ctx:
        low = define("late_low", LATE)
        ctx.invalidate(low.low)
        assert high.high() == 2

        assert low.RAN == ["low"]
        assert "invalidated" in ctx.absent[-1].reason


def test_a_late_function_may_be_tweaked_first(late, load):
    """A tweak of a node that is not in yet masks its dependents when they come in."""
    path, high = late
    with load(path):
        low = define("late_low", LATE)
        with dug.Context(tweaks={low.low: lambda: 5}):
            assert high.high() == 6
        with dug.Context(tweaks={low.low.node(): 7}):
            assert high.high() == 8
        assert low.RAN == []


def test_a_file_that_tweaks_what_is_not_there_says_what_to_import(tmp_path):
    """Tweaks must be in force from the beginning, so their functions must be there."""
    low = define("late_low", LATE)
    with dug.Context(tweaks={low.low.node(): 3}) as ctx:
        low.low()
        snapshot.save(ctx, tmp_path / "x.dug")
    del low, ctx
    del sys.modules["late_low"]
    gc.collect()

    with pytest.raises(snapshot.SnapshotError, match="import late_low before"):
        snapshot.load(tmp_path / "x.dug")


def test_results_of_local_functions_do_not_serve(tmp_path, load):
    """A local function has no name by which it could be found; its dependents are computed again."""

    @dug.memoize
    def local():
        return book()

    with dug.Context() as ctx:
        local()
        snapshot.save(ctx, tmp_path / "x.dug")

    with load(tmp_path / "x.dug") as loaded:
        assert "local function" in loaded.absent[0].reason
        assert local.node() not in loaded
        assert book.node() in loaded


def test_arguments_of_registered_classes_are_matched(tmp_path, load):
    """A node whose argument is of a registered class is found by an equal one; others are left out and said."""

    @codec.register
    class Key(tuple):
        _fields = ("a",)
        __slots__ = ()

    @dug.memoize(name="kept_book:by_key")
    def by_key(key):
        return 1

    with dug.Context() as ctx, EventLog(ctx):
        by_key(Key((1,)))
        by_key(object())
        saved = snapshot.save(ctx, tmp_path / "x.dug")

    assert "arguments cannot be written" in saved.absent[0].reason
    with load(tmp_path / "x.dug") as loaded, EventLog(loaded) as log:
        by_key(Key((1,)))
        assert log.computed == []


def test_a_snapshot_inside_another_context_sees_its_tweaks(saved, load, ran):
    """Entered inside a context, a snapshot answers for nodes that the context does not tweak."""
    with dug.Context(tweaks={price.node("B"): 3.0}), load(saved):
        assert book() == 25.0
        assert position("A") == 10.0

    assert ran == ["position(B)", "book"]


def test_dropping_a_snapshot_frees_it(saved):
    """Nothing holds a loaded file that was dropped, and it is closed."""
    loaded = snapshot.load(saved)
    with loaded:
        book()
    file = weakref.ref(loaded._file)
    del loaded
    gc.collect()

    assert file() is None


def test_a_closed_file_says_so(saved, load):
    """A value that was not read before the file was closed cannot be read any more."""
    ctx = load(saved)
    ctx.close()

    with ctx, pytest.raises(snapshot.SnapshotError, match="was closed"):
        book()


def test_a_pickled_value_takes_trust(tmp_path, load, ran):
    """A pickled value is computed again, unless the file is trusted."""
    with dug.Context(tweaks={handle.node(): types.SimpleNamespace(a=1)}) as ctx:
        with pytest.raises(snapshot.SnapshotError):
            snapshot.save(ctx, tmp_path / "no" / "folder.dug")
        handle()
        snapshot.save(ctx, tmp_path / "x.dug", allow_pickle=True)

    with load(tmp_path / "x.dug", trust=True):
        assert handle() == types.SimpleNamespace(a=1)
    with load(tmp_path / "x.dug"), pytest.raises(snapshot.SnapshotError, match="trust=True"):
        handle()


def test_a_failure_is_explained_as_it_was(saved, load):
    """An error that a loaded node passed on began where it did when saved, and the place of the raise is named."""
    with dug.Context() as ctx:
        ctx.run_all([kept_book.position.node("X")])
    loaded = load(saved)
    said = [(failed.node, failed.origin) for failed in loaded.failures()]

    assert said == [(failed.node, failed.origin) for failed in ctx.failures()]
    for node, _ in said:
        assert loaded.explain(node) == ctx.explain(node)


def test_an_error_that_says_the_same_is_not_taken_for_one_that_was_passed_on(tmp_path, load):
    """A node that raises an error of its own, equal to one that it caught, is the one in which that began."""

    @dug.memoize(name="saved_errors:inner")
    def inner():
        raise KeyError(1)

    @dug.memoize(name="saved_errors:outer")
    def outer():
        try:
            inner()
        except KeyError:
            raise KeyError(1) from None

    with dug.Context() as ctx:
        ctx.run_all([outer.node()])
        snapshot.save(ctx, tmp_path / "errors.dug")

    assert all(failed.origin == failed.node for failed in load(tmp_path / "errors.dug").failures())


def test_an_error_that_a_body_changed_began_where_it_did(tmp_path, load):
    """An error that a body changed and raised again began in the same node for a context, its file, and where that is loaded."""

    @dug.memoize(name="saved_errors:first")
    def first():
        raise KeyError(1)

    @dug.memoize(name="saved_errors:between")
    def between():
        return first()

    @dug.memoize(name="saved_errors:changing")
    def changing():
        try:
            between()
        except KeyError as error:
            error.args = (2,)
            raise error  # noqa: TRY201  this adds a place to the traceback

    with dug.Context() as ctx:
        ctx.run_all([between.node(), changing.node()])
        snapshot.save(ctx, tmp_path / "errors.dug")
    loaded = load(tmp_path / "errors.dug")
    said = str(loaded.failures())
    snapshot.save(loaded, tmp_path / "again.dug")
    with snapshot.look(tmp_path / "errors.dug") as looked, snapshot.look(tmp_path / "again.dug") as again:
        told = [str(look.tabulate_failures()) for look in (looked, again)]

    assert [said, *told] == 3 * [str(ctx.failures())]
    assert [(one.text, one.origin) for one in ctx.failures()][2:] == [("KeyError: 2", first.node())]


def test_a_value_that_cannot_be_read_hinders_neither_a_graph_nor_a_save(tmp_path, load):
    """A class that has other fields by now makes one value absent, and a graph reads no value at all."""

    @codec.register(name="kept_book:Pair")
    @attrs.frozen
    class Pair:
        one: int

    @dug.memoize(name="kept_book:pair")
    def pair():
        return Pair(1)

    with dug.Context() as ctx:
        pair()
        snapshot.save(ctx, tmp_path / "x.dug")
    codec.register(name="kept_book:Pair")(attrs.make_class("Pair", ["one", "two"]))
    loaded = load(tmp_path / "x.dug")
    report = snapshot.save(loaded, tmp_path / "y.dug")

    assert loaded.graph().fact(pair.node()).size is None
    assert [(one.what, "the fields one" in one.reason) for one in report.absent] == [("kept_book:pair()", True)]


def test_what_a_file_could_not_give_is_told_when_it_is_saved_again(tmp_path, load, ran):
    """A pickled value that nobody trusted is not in the next file, and the report says why."""

    @dug.memoize(name="kept_book:things")
    def things():
        return types.SimpleNamespace(a=1)

    with dug.Context() as ctx:
        things()
        snapshot.save(ctx, tmp_path / "x.dug", allow_pickle=True)
    report = snapshot.save(load(tmp_path / "x.dug"), tmp_path / "y.dug")

    assert [(one.what, "trust=True" in one.reason) for one in report.absent] == [("kept_book:things()", True)]


def test_a_closed_file_is_not_saved_as_an_empty_one(saved, load):
    """A save that could not write any value leaves the file as it was."""
    loaded = load(saved)
    loaded.close()
    with pytest.raises(SnapshotError, match="was closed"):
        snapshot.save(loaded, saved)

    assert snapshot.look(saved).info.values == 6


def test_a_file_that_was_looked_at_elsewhere_says_to_load_it_once_more(saved, load):
    """Memos read from a file depend on the caches around it, so they cannot be carried into others."""
    loaded = load(saved)
    loaded.failures()
    with dug.Context(), pytest.raises(dug.ContextError, match=r"Load it once more: snapshot.load\("):
        loaded.__enter__()


def test_an_error_that_lost_what_it_said_is_stood_for(tmp_path, load):
    """An exception whose arguments do not make it again keeps its message, and not half of it."""

    @codec.register
    class MissingFile(OSError):
        pass

    @dug.memoize(name="kept_book:missing")
    def missing():
        raise MissingFile(2, "No such file", "prices.csv")

    with dug.Context() as ctx:
        ctx.run_all([missing.node()])
        snapshot.save(ctx, tmp_path / "x.dug")

    assert str(load(tmp_path / "x.dug").memo(missing.node()).error).endswith("No such file: 'prices.csv'")


PRICED = """
import dug
@dug.memoize
def price(ticker, currency={!r}):
    return 100.0 if currency == "EUR" else 7.0
@dug.memoize
def book():
    return 3 * price("A")
"""


def test_callers_of_what_has_another_default_run(tmp_path, load):
    """With ``recompute_changed``, a caller of a function with a new default now asks for another node."""
    with dug.Context() as ctx:
        define("kept_default", PRICED.format("EUR")).book()
        snapshot.save(ctx, tmp_path / "x.dug")
    module = define("kept_default", PRICED.format("USD"))

    with load(tmp_path / "x.dug", recompute_changed=True):
        assert (module.book(), module.price("A")) == (21.0, 7.0)
        with dug.Context(tweaks={module.price.node("A"): 1.0}):
            assert module.book() == 3.0


def test_a_change_of_code_is_known_after_it_was_saved_again(tmp_path, load):
    """Values of old code are written with the old code, so that a later load still says that it changed."""
    for number, currency in enumerate(("EUR", "USD")):
        define("kept_twice", PRICED.format(currency))
        with load(tmp_path / "0.dug") if number else dug.Context() as ctx:
            sys.modules["kept_twice"].book()
            snapshot.save(ctx, tmp_path / f"{number}.dug")
    with load(tmp_path / "1.dug") as again:
        assert again.changed == ("kept_twice:price", "kept_twice:book")  # whose call means another node
        assert [one.fingerprint for one in looked(tmp_path / "1.dug").functions] == [
            one.fingerprint for one in looked(tmp_path / "0.dug").functions
        ]
    with load(tmp_path / "1.dug", recompute_changed=True) as mended:
        assert sys.modules["kept_twice"].book() == 21.0
        snapshot.save(mended, tmp_path / "2.dug")
    with load(tmp_path / "2.dug") as last:
        assert last.changed == ()


def test_other_options_for_keys_are_a_change(tmp_path, load):
    """A part that decides which node a call means belongs to the function."""
    text = "import dug\n@dug.memoize{}\ndef f(a):\n    return a * 10\n@dug.memoize\ndef g():\n    return f(1.4) + f(1.2)\n"
    with dug.Context() as ctx:
        assert define("kept_options", text.format("(key={'a': round})")).g() == 28.0
        snapshot.save(ctx, tmp_path / "x.dug")
    module = define("kept_options", text.format(""))
    with load(tmp_path / "x.dug", recompute_changed=True):
        assert module.g() == 26.0


def test_the_function_of_a_key_belongs_to_the_callers(tmp_path, load):
    """With ``recompute_changed``, a caller runs again where its callee makes keys with the same name and another function."""
    text = (
        "import dug\ndef part(a): return a {}\n@dug.memoize(key={{'a': part}})\ndef f(a): return a\n"
        "@dug.memoize\ndef g(): return f(3), f(5)\n"
    )
    with dug.Context() as ctx:
        assert define("kept_parts", text.format("% 2")).g() == (3, 3)
        snapshot.save(ctx, tmp_path / "x.dug")
    module = define("kept_parts", text.format("% 3"))
    with load(tmp_path / "x.dug", recompute_changed=True) as loaded:
        assert "kept_parts:g" in loaded.changed
        assert module.g() == (3, 5)


def test_a_file_is_looked_at_by_node_too(saved):
    """A node names itself; the nodes of a file can be iterated."""
    with snapshot.look(saved) as found:
        assert book.node() in found
        assert found[book.node()].node == str(book.node())
        assert list(found) == list(found.nodes())


def test_a_batch_runs_inside_a_loaded_file(saved, load, ran):
    """``run_all`` and its like work in a loaded file, and its memos answer."""
    with load(saved):
        batch = dug.current_context().run_all([book.node(), position.node("X")])

    assert batch.values == {book.node(): 20.0}
    assert [str(failed.node) for failed in batch.failures.values()] == ["kept_book:price('X')"]
    assert "book" not in ran


def test_a_failure_of_a_loaded_file_is_debugged_inside_it(saved, load, monkeypatch, capsys):
    """The debugger is entered from inside a loaded file, too."""
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))

    with load(saved) as loaded:
        loaded.debug(position.node("X"))

    assert "price" in capsys.readouterr().out


def test_a_loaded_file_says_which_part_changed(tmp_path, monkeypatch):
    """``changes`` has the place of a changed part, and ``explain`` names it where it counts."""
    module = types.ModuleType("changed_part")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    cell = "import dug\nRATE = {}\ndef half(): return RATE / 2\n@dug.memoize\ndef f(): return half()\n"
    exec(cell.format(1), vars(module))
    with dug.Context() as ctx:
        module.f()
        snapshot.save(ctx, tmp_path / "x.dug")
    exec(cell.format(4), vars(module))

    with snapshot.load(tmp_path / "x.dug") as loaded:
        assert dict(loaded.changes) == {"changed_part:f": ("changed_part.RATE",)}
        assert module.f() == 0.5
    with snapshot.load(tmp_path / "x.dug", recompute_changed=True) as loaded:
        assert "changed_part.RATE changed" in str(loaded.explain(module.f.node()))
        assert module.f() == 2.0
