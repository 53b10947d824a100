"""Messages, bases and answers as plain data; here they are answered in the process that made them."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
import types

import pytest
import remote_book
from remote_book import Opaque, anything, at_least, book, coupons, mood, paid, risky, scaled, seldom, spot, switched, trade

import dug
from dug import CodeDiffersError, Scenario, TweakError, streams
from dug.executors import _remote, _worker
from dug.executors._bases import BASES
from dug.executors._errors import RemoteTraceback
from dug.fingerprint import reach
from dug.snapshot import RecordedError, SnapshotError

FORMS = pytest.mark.parametrize("pickles", [True, False], ids=["pickle", "json"])


def take(tmp_path, nodes, *, tweaks=None, pickles=True, ships="path"):
    """Ask nodes, and take them as a base."""
    with dug.Context(tweaks) as ctx:
        for node in nodes:
            node()
        return _remote.take_base(ctx._here(), nodes, tmp_path / "base.dug", pickles=pickles, ships=ships)


def send(base, nodes, scenarios):
    """Send scenarios to a worker, which is here, through what carries them; return what it said."""
    packed = [_remote.pack_scenario(Scenario(one), pickles=base.pickles) for one in scenarios]
    message = _remote.make_message(base, nodes, packed)
    carry = (lambda said: pickle.loads(pickle.dumps(said))) if base.pickles else (lambda said: json.loads(json.dumps(said)))
    return carry(_worker.answer(carry(message)))


def ask(base, nodes, scenarios):
    """Return the answers to scenarios."""
    return _remote.read_answer(send(base, nodes, scenarios))


@FORMS
@pytest.mark.parametrize("ships", ["path", "bytes"])
def test_a_worker_gives_what_a_loop_gives(tmp_path, pickles, ships):
    """Values, and the numbers of runs, are those of a sweep in this process, whatever the form and the way of the base."""
    scenarios = [{}, {spot.node(3): 0.5}, {spot: dug.scale(2.0)}, {spot.node(1): dug.bump(at_least, 500.0)}, {mood.node(): "x"}]
    nodes = [book.node(), trade.node(3)]
    with dug.Context():
        sweep = dug.sweep(nodes, scenarios)
        base, expected = sweep.base, [(result.value, result.recomputed) for result in sweep]

    answers = ask(take(tmp_path, nodes, pickles=pickles, ships=ships), nodes, scenarios)

    assert base.value == expected[0][0]
    assert [((one.values[0], one.values[1]), one.recomputed) for one in answers] == expected


@FORMS
def test_a_bump_of_each_item_goes_to_a_worker(tmp_path, pickles):
    """What `dug.streams.each` made of a function with a name is in force there; a lambda is refused by its name."""
    each = streams.each(at_least, 3.0)

    (answered,) = ask(take(tmp_path, [paid.node()], pickles=pickles), [paid.node()], [{coupons: each}])

    assert answered.values[0] == 3.0 + 4.0 + 3.0
    with pytest.raises(TweakError, match=r"coupons .*lambda.* cannot go .* Define it at the top of a module"):
        _remote.pack_scenario(Scenario({coupons: streams.each(lambda item: item)}), pickles=pickles)


def test_tweaks_around_are_in_force_on_the_worker(tmp_path):
    """The base has the tweaks of the contexts around, and a scenario is inside them."""
    base = take(tmp_path, [book.node()], tweaks={spot: dug.scale(0.5)})
    with dug.Context({spot: dug.scale(0.5)}), dug.Context({spot.node(1): dug.shift(7.0)}):
        expected = book()

    (answered,) = ask(base, [book.node()], [{spot.node(1): dug.shift(7.0)}])

    assert answered.values[0] == expected


@FORMS
def test_an_error_comes_with_its_type_its_line_and_its_traceback(tmp_path, pickles):
    """The user's exception is itself again, and its cause has the traceback of the worker, with the user's line."""
    base = take(tmp_path, [risky.node(), book.node()], pickles=pickles)

    (answered,) = ask(base, [risky.node(), book.node()], [{mood.node(): "value"}])

    failure = answered.failures[0]
    assert (type(failure.error), failure.error.args) == (ValueError, ("bad mood", 7))
    assert 'raise ValueError("bad mood", 7)' in failure.text
    assert type(failure.error.__cause__) is RemoteTraceback
    assert 'raise ValueError("bad mood", 7)' in str(failure.error.__cause__)
    assert list(answered.values) == [1]


def test_what_pickle_notes_on_a_class_is_no_code():
    """A class whose instances were pickled is the same code as in a process that pickled none."""

    def make():
        return Opaque(1.0)

    make().__reduce_ex__(2)

    assert "__slotnames__" in vars(Opaque)
    assert [place for place in reach(make).parts if "__slotnames__" in place] == []


@FORMS
def test_an_odd_exception_is_recorded(tmp_path, pickles):
    """One that cannot be made again is a RecordedError with its type, its message and its line."""
    (answered,) = ask(take(tmp_path, [risky.node()], pickles=pickles), [risky.node()], [{mood.node(): "odd"}])

    error = answered.failures[0].error
    assert (type(error), str(error)) == (RecordedError, "OddError: odd 5 (as said)")
    assert "hint=" in answered.failures[0].text


def test_a_value_without_a_codec_is_pickled_or_refused(tmp_path):
    """Where nothing is pickled, a value that no codec knows is an error that names its type; one that nobody can write always."""
    opaque, generator = {mood.node(): "opaque"}, {mood.node(): "generator"}

    asked = [risky.node(), book.node()]
    pickled = ask(take(tmp_path, asked), [risky.node()], [opaque, generator])
    plain = ask(take(tmp_path, asked, pickles=False), [risky.node()], [opaque])

    assert type(pickled[0].values[0]) is Opaque
    assert "a value of dict cannot come back from a worker" in str(pickled[1].failures[0].error)
    assert "a value of Opaque cannot come back from a worker" in str(plain[0].failures[0].error)


def test_a_base_is_loaded_once_a_process(tmp_path):
    """The second message finds the base, though its file is gone."""
    base = take(tmp_path, [book.node()])
    ask(base, [book.node()], [{}])
    base.path.unlink()

    (answered,) = ask(base, [book.node()], [{}])

    assert answered.recomputed == 0


def test_few_bases_are_kept(tmp_path):
    """A worker that answers for ever keeps the newest bases only."""
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        ask(take(tmp_path / str(number), [seldom.node()]), [seldom.node()], [{}])

    assert len(BASES._known) == 2


def test_a_base_that_is_gone_is_told(tmp_path):
    """A worker that does not see the folder says so by the name of the file."""
    base = take(tmp_path, [book.node()])
    base.path.unlink()

    with pytest.raises(SnapshotError, match=r"cannot read the base of the sweep: .*base\.dug"):
        ask(base, [book.node()], [{}])


@FORMS
def test_other_code_is_refused_by_the_name_of_the_function(tmp_path, monkeypatch, pickles):
    """A worker whose helper was edited answers nothing: the error names the function and the place."""
    base = take(tmp_path, [book.node()], pickles=pickles)
    monkeypatch.setattr(remote_book, "scaled", lambda value: value * 1.25)

    with pytest.raises(CodeDiffersError, match=r"differs .*: remote_book:trade \(remote_book\.scaled") as caught:
        ask(base, [book.node()], [{}])

    assert list(caught.value.functions) == ["remote_book:trade"]


IMPORTING = {
    "a function": "from remote_helper import rate\n    return rate()",
    "a module": "import remote_helper\n    return remote_helper.rate()",
    "a class": "from remote_helper import Rate\n    return Rate().rate()",
}
HELPER = "def rate():\n    return 2\n\nclass Rate:\n    def rate(self):\n        return rate()\n"


@FORMS
@pytest.mark.parametrize("name", IMPORTING)
def test_other_code_of_what_a_body_imports_is_refused(tmp_path, monkeypatch, pickles, name):
    """A worker imports the helpers that functions of the base have imported when they ran, and refuses an edited one."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = types.ModuleType("remote_importing")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(f"import dug\n@dug.memoize\ndef top():\n    {IMPORTING[name]}\n", vars(module))
    (tmp_path / "remote_helper.py").write_text(HELPER)
    base = take(tmp_path, [module.top.node()], pickles=pickles)

    sys.modules.pop("remote_helper")
    (answered,) = ask(base, [module.top.node()], [{}])
    sys.modules.pop("remote_helper")
    (tmp_path / "remote_helper.py").write_text(HELPER.replace("return 2", "return 3 "))
    BASES._known.clear()
    with pytest.raises(CodeDiffersError, match=r"differs .*: remote_importing:top \(remote_helper\.(rate|Rate)"):
        ask(base, [module.top.node()], [{}])
    sys.modules.pop("remote_helper")

    assert (answered.values, answered.recomputed) == ({0: 2}, 0)


def test_other_code_that_has_not_run_yet_is_refused(tmp_path, monkeypatch):
    """A function that only a scenario reaches is compared too."""
    base = take(tmp_path, [switched.node()])
    changed = {**base.prints, "remote_book:seldom": base.prints["remote_book:seldom"].replace("0", "1")}
    other = _remote.Base(base.path, "other", base.pickles, base.ships, changed, {})

    with pytest.raises(CodeDiffersError, match="remote_book:seldom"):
        ask(other, [switched.node()], [{}])


def test_a_function_that_is_not_there_is_named(tmp_path):
    """A worker without the module says which function it misses."""
    base = take(tmp_path, [seldom.node()])
    said = _remote.make_message(base, [seldom.node()], [])
    said["nodes"] = [["nowhere:f", "[[],{}]"]]
    said["base"] = {**said["base"], "digest": "new"}

    with pytest.raises(CodeDiffersError, match="has no nowhere:f"):
        _remote.read_answer(_worker.answer(said))


def test_what_cannot_go_is_refused_here(tmp_path):
    """A lambda, a local function, an object that cannot be written: nothing is sent, and the message says what to type."""

    @dug.memoize
    def local():
        return 1

    for tweaks, said in [
        ({spot: dug.bump(lambda value: value)}, r"remote_book:spot .*lambda.* cannot go .* Define it at the top of a module"),
        ({local.node(): 2}, "it is a local function"),
        ({anything.node(): {"no": lambda: None}}, "cannot be pickled"),
    ]:
        with pytest.raises(TweakError, match=said):
            _remote.pack_scenario(Scenario(tweaks), pickles=True)
    with pytest.raises(TweakError, match="Opaque has no codec"):
        _remote.pack_scenario(Scenario({anything.node(): Opaque(1.0)}), pickles=False)
    with pytest.raises(TweakError, match="which is in force around, cannot go to another process"):
        take(tmp_path, [book.node()], tweaks={spot: dug.bump(lambda value: value)})
    with pytest.raises(TypeError, match=r"local.* cannot go to another process: it is a local function"):
        _remote.check_node(local.node())


def test_a_text_names_no_function_of_its_choice(tmp_path):
    """Without pickle a message can call plain functions of the modules whose nodes the base has, and no others."""
    base = take(tmp_path, [book.node()], pickles=False)
    text = _remote.pack_scenario(Scenario({spot.node(1): dug.bump(at_least, 1)}), pickles=False)
    hostile = _remote.make_message(base, [book.node()], [text.replace("remote_book:at_least", "os:getenv")])

    (answered,) = _remote.read_answer(_worker.answer(hostile))

    assert "os:getenv, which is not known here" in str(answered.failures[0].error)


def test_a_message_is_small(tmp_path):
    """Besides the scenarios a message has less than a kilobyte."""
    base = take(tmp_path, [book.node()])
    message = _remote.make_message(base, [book.node()], [])

    assert len(pickle.dumps(message)) < 1_000
    assert scaled(1.0) == 1.5


@FORMS
def test_a_worker_that_got_other_code_since_is_refused(tmp_path, monkeypatch, pickles):
    """A module that is brought to a worker after it has loaded the base is compared again before the next answer."""
    monkeypatch.syspath_prepend(tmp_path)
    code = f"import dug\n@dug.memoize\ndef doubled(x): return 2 * x\n@dug.memoize\ndef top_{pickles}(): return doubled(3)\n"
    file = tmp_path / f"brought_{pickles}.py"
    file.write_text(code, encoding="utf-8")
    module = importlib.import_module(file.stem)
    node = getattr(module, f"top_{pickles}").node()
    base = take(tmp_path, [node], pickles=pickles)
    scenarios = [{module.doubled.node(3): 7}]
    assert [one.values for one in ask(base, [node], scenarios)] == [{0: 7}]

    file.write_text(code.replace("doubled(3)", "10 * doubled(3)"), encoding="utf-8")
    importlib.invalidate_caches()
    importlib.reload(module)

    with pytest.raises(CodeDiffersError, match=f"top_{pickles}"):
        ask(base, [node], scenarios)
