"""Functions of a script go to worker processes as plain functions do."""

from __future__ import annotations

import pickle
import runpy
import subprocess
import sys
import types
from operator import attrgetter

import pytest

import dug
from dug.fingerprint import reach

SCRIPT = """
import concurrent.futures as futures, multiprocessing, os, sys
import dug

def double(x):
    return 2 * x

@dug.memoize
def spot(ticker, factor=1):
    return len(ticker) * factor

@dug.source
def feed(*names, **options):
    return len(names) + len(options)

@dug.memoize
async def later(x):
    return x + 1

@dug.memoize(name="market:volatility")
def volatility(x):
    return x * 10

class Trade:
    def __init__(self, size):
        self.size = size
    def __eq__(self, other):
        return type(other).__name__ == "Trade" and other.size == self.size
    def __hash__(self):
        return hash(self.size)
    @dug.memoize
    def value(self, x):
        return self.size * x
    @classmethod
    @dug.memoize
    def of_class(cls, x):
        return cls.__name__, x
    @dug.memoize
    @classmethod
    def below(cls, x):
        return cls.__name__, x
    @dug.memoize
    @staticmethod
    def fixed(x):
        return x

def call(fn, *args):
    with dug.Context():
        return fn(*args), os.getpid()

def ask_under(scenario, node):
    with dug.Context(tweaks=scenario):
        return node(), os.getpid()

def send_back(thing):
    return thing, str(thing), os.getpid()

CALLS = [
    (spot, ("ab",), 2), (spot.node("ab", factor=3), (), 6), (feed, ("a", "b"), 2), (feed.node("a", b=1), (), 2),
    (volatility, (2,), 20), (volatility.node(3), (), 30),
    (Trade(3).value, (2,), 6), (Trade(3).value.node(4), (), 12), (Trade.value.node(Trade(2), 4), (), 8),
    (Trade.of_class, (1,), ("Trade", 1)), (Trade.below, (1,), ("Trade", 1)),
    (Trade.below.node(2), (), ("Trade", 2)), (Trade.fixed, (5,), 5), (Trade.fixed.node(6), (), 6),
]
SCENARIO = dug.Scenario({spot.node("ab"): dug.bump(double), feed.node(): 7, volatility: double})

def main(method):
    with futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        for fn, args, expected in CALLS:
            value, pid = pool.submit(call, fn, *args).result(60)
            assert value == expected and pid != os.getpid(), (fn, args, value)
        assert pool.submit(ask_under, SCENARIO, spot.node("ab")).result(60)[0] == 4
        assert pool.submit(ask_under, SCENARIO, volatility.node(2)).result(60)[0] == 4
        for thing in (spot, spot.node("ab"), later, later.node(1), Trade.value, Trade.fixed.node(1)):
            back, text, pid = pool.submit(send_back, thing).result(60)
            assert back == thing and text == str(thing) and pid != os.getpid(), (thing, back, text)
        assert pool.submit(send_back, SCENARIO).result(60)[0] == SCENARIO
    print("done")

if __name__ == "__main__":
    main(sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_a_script_defines_arrives_in_its_workers(tmp_path, method):
    """Functions, methods, nodes and scenarios of a script go to workers and back, whichever way these are started."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, method], capture_output=True, text=True, timeout=120, check=False)

    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


TEXT = """
import dug

@dug.memoize
def price_of(ticker):
    return len(ticker)

RATE = 2

@dug.memoize
def rated(x):
    return RATE * x + Desk.LEVEL

class Desk:
    LEVEL = 3
    @dug.memoize
    @classmethod
    def limit(cls, x):
        return x
    @dug.memoize
    def value(self):
        return 1
"""


def make_main(monkeypatch):
    """Put a module in the place of the script, with its functions, and return it."""
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(TEXT, vars(main))
    return main


def run_again(monkeypatch, tmp_path):
    """Run the script as a worker that was spawned does, under another name, and return the module that it makes of it."""
    script = tmp_path / "script.py"
    script.write_text(TEXT)
    main = types.ModuleType("__mp_main__")
    vars(main).update(runpy.run_path(str(script), run_name="__mp_main__"))
    for name in ("__main__", "__mp_main__"):
        monkeypatch.setitem(sys.modules, name, main)
    return main


def test_what_a_script_defines_is_pickled_by_its_name(monkeypatch):
    """A function, a class method and a node of the script come back as themselves."""
    main = make_main(monkeypatch)

    for thing in (main.price_of, main.price_of.node("tea"), main.Desk.limit.node(2)):
        assert pickle.loads(pickle.dumps(thing)) == thing
    assert pickle.loads(pickle.dumps(main.price_of)) is main.price_of


@pytest.mark.parametrize("is_known", [False, True])
def test_a_script_that_a_worker_runs_again_has_the_same_names(monkeypatch, tmp_path, is_known):
    """A script that multiprocessing runs again under another name gives the same nodes, and takes its names over."""
    before = make_main(monkeypatch) if is_known else None
    main = run_again(monkeypatch, tmp_path)

    assert before is None or before.price_of.node("tea") == main.price_of.node("tea")
    assert str(main.price_of.node("tea")) == "__main__:price_of('tea')"
    assert dug.Node.parse("__main__:price_of('tea')") == main.price_of.node("tea")
    assert pickle.loads(pickle.dumps(main.price_of)) is main.price_of


def test_a_script_that_a_worker_runs_again_has_the_same_fingerprints(monkeypatch, tmp_path):
    """What a function of the script reads of its globals counts under one name in both, so that no worker refuses it."""
    here = reach(make_main(monkeypatch).rated)
    there = reach(run_again(monkeypatch, tmp_path).rated)

    assert "__main__.RATE" in here.parts
    assert there.parts.keys() == here.parts.keys()
    assert there.print.partition("/text")[0] == here.print.partition("/text")[0]  # one of the two has no text here


@pytest.mark.parametrize("pick", ["price_of", "Desk.value"])
@pytest.mark.parametrize("is_node", [False, True])
def test_what_is_not_there_on_arrival_says_what_to_type(monkeypatch, pick, is_node):
    """Where another script runs, or none, the error names the function and says to define it in a module."""
    thing = attrgetter(pick)(make_main(monkeypatch))
    said = load_elsewhere(pickle.dumps(thing.node("tea") if is_node else thing))

    assert f"'__main__:{pick}'" in said
    assert "Define the function in a module" in said


def load_elsewhere(sent):
    """Return the error of loading a pickle in a process that runs another script."""
    code = "import pickle, sys\ntry: pickle.load(sys.stdin.buffer)\nexcept LookupError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    return done.stdout.decode()


def test_a_local_function_of_a_script_stays_refused(monkeypatch):
    """A function without an importable name cannot be pickled, as a plain function could not."""
    main = make_main(monkeypatch)
    exec("def make():\n    @dug.memoize\n    def inner(x): return x\n    return inner\n", vars(main))
    inner = main.make()

    for thing in (inner, inner.node(1)):
        with pytest.raises((TypeError, pickle.PicklingError), match="local"):
            pickle.dumps(thing)


def test_what_took_the_name_of_a_function_is_not_sent_for_it(monkeypatch):
    """A function of the script whose name leads to something else now is refused, and the error says so."""
    main = make_main(monkeypatch)
    node = main.price_of.node("tea")
    main.price_of = len

    with pytest.raises(pickle.PicklingError, match="leads to something else"):
        pickle.dumps(node)
