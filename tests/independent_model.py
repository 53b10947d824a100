"""A second opinion on the engine: random programs and scripts, judged by a model that shares no code with dug.

It was written from the design alone, and it uses the public interface only.
Run it with ``python tests/independent_model.py --programs 100000 --seed 1 --jobs 2``.

Every program is a handful of memoised functions and sources whose reads depend on values, with values modulo 3, errors
raised and caught, contexts opened (and tweaked halfway) inside bodies, and bumps, replacements and ``UNTWEAKED``.
Every script enters, leaves, re-enters, tweaks, drops and calls.
The model evaluates each call without a cache: a result is kept only for the very same node under the very same complete
stack of tweaks and the same outside world.
While it does so it notes which tweaks each run consulted, and from that follows what may run.

What is checked, by the word the report uses:

* ``wrong``: a call gives the model's value (same type and representation) or raises its error (same type and
  arguments); looks show nothing else; what must be refused is refused, and changes nothing.
* ``needless``: in one outermost call a body, a replacement or a bump runs at most once for each combination of the
  tweaks it really reads, and not at all when that combination has already run, its tweaks are held by living contexts
  and the memo is filed in a cache that the call can see.
  A repeated call, leaving a child, sharing among siblings and scenarios that run descendants only are all cases of it.
  Reruns are allowed after a failure, after a source's error was met anywhere below, after an invalidation of something
  that ran, after ``clear``, after an exception that is not an ``Exception``, and, within a body that opens contexts,
  once for each context it opens.
  A combination counts ``UNTWEAKED`` and the tweaks beneath a bump or a replacement, also when it makes no difference;
  a node that is ``UNTWEAKED`` under a tweak of its function may be filed, held and rerun apart from the untweaked one.
  A tweak is held by the living contexts that have it and were entered over the cache, or one it is layered with.
  A tweak to something mutable is another tweak each time that it is stated, by whatever context and by a body that runs.
* ``cutoff``: a body does not run when its memo for the scenario with no relevant tweak is there and all that it had
  read directly has a substitutable value now (bodies that opened a context or met an error are excepted).
  A mutable value is substitutable only while it is that of the same combination.
* ``leak``: after a context is dropped or a tweak replaced, ``len(cache)`` is at most the number of combinations
  evaluated there whose tweaks are still held, with no help from the cycle collector; after a program is dropped none
  of its contexts and caches survive a collection.
  Here a kept context also holds the tweaks around its last entry, which looks use.
* ``look``: looking runs nothing, agrees with what a call finds, says what is masked, and names the dependencies in
  first-read order.

What is not counted, only compared in value: scripts with a union ``a | b`` of scenarios that tweak the same function.

It stays in one file because a second opinion should be readable without the rest of the test-suite.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import random
import sys
import time
import weakref
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import dug  # the script also runs from a checkout that is not installed

FUNCTIONS = 7  # the most functions a program has


class Refused(Exception):
    """An error that bodies raise, and sometimes catch."""


class Odd(ValueError):
    """Another one, with a builtin for a base."""


class Stop(BaseException):
    """Exceptions that are never remembered: no memo of the node that raised one, nor of one that caught it."""


ERRORS = (Refused, Odd)


class Touchy:
    """A value that must never be compared with ``==``."""

    __hash__ = None

    def __eq__(self, other):
        raise AssertionError("an unknown type was compared")


def a_callable(*args):
    """Be a value that happens to be callable."""
    return args


EXOTIC = {
    "True": True, "1.0": 1.0, "0.0": 0.0, "-0.0": -0.0, "nan": float("nan"), "[1]": [1], "[1] again": [1],
    "callable": a_callable, "touchy": Touchy(), "'1'": "1", "None": None, "(1, 0.0)": (1, 0.0),
    "(True, -0.0)": (True, -0.0), "False": False, "2**70": 2**70,
}  # fmt: skip
NUMBERS = {list: 1, Touchy: 1, type(a_callable): 2, str: 1, type(None): 0, tuple: 1}
RUNS = Counter()  # the runs since it was last emptied
TELLINGS = itertools.count(1)


def number(value):
    """Give a number modulo 3 for any value a program can meet."""
    if type(value) is int:
        return value % 3
    if value != value if type(value) is float else False:
        return 2
    known = NUMBERS.get(type(value))
    return int(value) % 3 if known is None else known


def value_of(token):
    """Give the value of a token: itself, or an exotic one."""
    return token if type(token) is int else EXOTIC[token]


def is_mutable(value):
    """Say whether something may be changed in place."""
    return isinstance(value, (list, Touchy))


def told(items):
    """Give pairs of keys and descriptions in which mutable values are described again each time."""
    is_told = [spec[0] == "v" and is_mutable(value_of(spec[1])) for _, spec in items]
    return [(key, (*spec[:2], next(TELLINGS)) if anew else spec) for (key, spec), anew in zip(items, is_told, strict=True)]


def same(left, right):
    """Say whether two values cannot be told apart by their type and representation."""
    return left is right or (type(left) is type(right) and repr(left) == repr(right))


def substitutable(left, right):
    """Say whether the design calls two values of different combinations equal."""
    if left is right:
        return not is_mutable(left)
    scalar = (int, bool, float, str, tuple, type(None))
    return type(left) is type(right) and isinstance(left, scalar) and repr(left) == repr(right)


def _add(value, by):
    return value + by


def _double(value):
    return value * 2


def _boom(value, at):
    if number(value) == at:
        raise Odd(7, at)
    return value


def _flat(value, to):
    return to


def _counted(name, fn):
    def bumped(value, *args):
        RUNS["bump", name, args] += 1
        return fn(value, *args)

    return bumped


PLAIN_BUMPS = {
    "add": _add, "double": _double, "boom": _boom, "flat": _flat,
    "shift": _add, "scale": lambda value, by: value * by,
}  # fmt: skip
BUMPS = {name: _counted(name, PLAIN_BUMPS[name]) for name in ("add", "double", "boom", "flat")}


def interpret(statements, frame):
    """Run a body's statements in a frame, the engine's or the model's."""
    for statement in statements:
        VERBS[statement[0]](statement, frame)


def _read(statement, frame):
    _, function, how, weight = statement
    argument = frame.acc if how == "acc" else frame.argument if how == "arg" else how
    frame.raw = frame.read(function, argument)
    frame.acc = (frame.acc * weight + number(frame.raw)) % 3


def _again(statement, frame):
    frame.raw = frame.read(*frame.node)
    frame.acc = (frame.acc * statement[1] + number(frame.raw)) % 3


def _if(statement, frame):
    interpret(statement[2] if frame.acc == statement[1] else statement[3], frame)


def _raise(statement, frame):
    if frame.acc == statement[1]:
        raise ERRORS[statement[2]](statement[3], frame.acc)


def _try(statement, frame):
    try:
        interpret(statement[1], frame)
    except ERRORS as error:
        frame.acc = (frame.acc + error.args[0]) % 3
        interpret(statement[2], frame)


def _stop(statement, frame):
    if frame.acc == statement[1]:
        raise Stop(1, frame.acc)


def _outlast(statement, frame):
    try:
        interpret(statement[1], frame)
    except Stop as error:
        frame.acc = (frame.acc + error.args[0]) % 3


def _meddle(statement, frame):
    frame.meddle()


def _with(statement, frame):
    frame.enter(_filled(statement[1], frame), private=statement[3])
    try:
        interpret(statement[2], frame)
    finally:
        frame.leave()


def _retweak(statement, frame):
    frame.retweak(_filled(statement[1], frame))


def _plus(statement, frame):
    frame.acc = (frame.acc + statement[1]) % 3


def _filled(items, frame):
    """Give tweaks with the accumulator's value where they ask for it."""
    return [(key, ("v", frame.acc) if spec == ("v", "acc") else spec) for key, spec in items]


VERBS = {
    "read": _read, "again": _again, "if": _if, "raise": _raise, "try": _try, "with": _with, "retweak": _retweak,
    "plus": _plus, "stop": _stop, "outlast": _outlast, "meddle": _meddle,
}  # fmt: skip


def outcome(how, frame):
    """Give the result of a body once its statements have run."""
    if how == "raw":
        return frame.raw
    if how == "list":
        return [frame.acc]
    return frame.acc // 2 if how == "half" else frame.acc


# The engine's side: functions decorated once, whose bodies are those of the program that is current.


class Frame:
    """The interface of a body of the program when the engine runs it."""

    def __init__(self, node):
        self.node = node
        self.argument = node[1] or 0
        self.acc = self.argument
        self.raw = self.acc
        self.contexts = []

    def read(self, function, argument):
        """Call a memoised function."""
        return call_engine((function, argument), self.acc)

    def enter(self, items, *, private):
        """Open a context with these tweaks, sometimes with a cache of its own."""
        context = dug.Context(tweaks=engine_tweaks(items), cache=dug.Cache() if private else None)
        context.__enter__()
        self.contexts.append(context)

    def leave(self):
        """Leave the context opened last."""
        self.contexts.pop().__exit__(None, None, None)

    def meddle(self):
        """Try to change a context that this run did not open."""
        try:
            CurrentProgram.outer.tweak(engine_node(self.node), 1)
        except dug.ContextError:
            return
        raise AssertionError("a running node changed a context that it did not open")

    def retweak(self, items):
        """Change the tweaks of the context opened last."""
        if self.contexts:
            change(self.contexts[-1], items)


class CurrentProgram:
    """The program that is current: the memoised functions are decorated once, their bodies change with it."""

    program = None
    world = None
    outer = None  # the context of the call in hand

    @classmethod
    def run(cls, node):
        """Run the body of a node."""
        RUNS[node] += 1
        if cls.program.kinds[node[0]][0] == "s":
            return read_world(cls.world, node)
        statements, how = cls.program.bodies[node[0]]
        frame = Frame(node)
        interpret(statements, frame)
        return outcome(how, frame)

    @classmethod
    def replacement(cls, index, takes_argument):
        """Make the callable that replaces a function."""

        def run(argument):
            function, statements, how = cls.program.replacements[index]
            RUNS["replacement", index, argument] += 1
            frame = Frame((function, argument))
            interpret(statements, frame)
            return outcome(how, frame)

        return (lambda a, b=0: run(a)) if takes_argument else lambda: run(None)


def read_world(world, node):
    """Give the value of a source, or raise its error."""
    state = world[node]
    if state >= 3:
        raise ERRORS[state - 3](state, node[0])
    return state


def _decorated(index, kind):
    name = f"independent_model:{kind}_{index}" if index % 2 else None  # of a module; all others are local functions
    mark = (dug.source if kind[0] == "s" else dug.memoize)(name=name, ignore_globals=("CurrentProgram",))  # meant to change
    if kind.endswith("one"):

        @mark
        def one(a, b=0):
            return CurrentProgram.run((index, a))

        return one

    @mark
    def zero():
        return CurrentProgram.run((index, None))

    return zero


KINDS = ("zero", "one", "szero", "sone")
POOL = {(index, kind): _decorated(index, kind) for index in range(FUNCTIONS) for kind in KINDS}
SPELLINGS = (
    lambda fn, a: fn(a),
    lambda fn, a: fn(a=a),
    lambda fn, a: fn(b=0, a=a),
    lambda fn, a: fn.node(a)(),
    lambda fn, a: fn(a, 0),
)


def function_of(index):
    """Give the memoised function with this index in the current program."""
    return POOL[index, CurrentProgram.program.kinds[index]]


def call_engine(node, spelling=0):
    """Call a node in one of the spellings that name it."""
    fn = function_of(node[0])
    if node[1] is None:
        return fn() if spelling != 3 else fn.node()()
    return SPELLINGS[spelling](fn, node[1])


def engine_node(key):
    """Give dug's name for a key: a node for a pair, a memoised function for an index."""
    if type(key) is int:
        return function_of(key)
    return function_of(key[0]).node() if key[1] is None else function_of(key[0]).node(key[1])


def engine_tweak(spec):
    """Give dug's tweak for a description of one."""
    kind = spec[0]
    if kind == "v":
        return value_of(spec[1])
    if kind == "u":
        return dug.UNTWEAKED
    if kind == "r":
        return CurrentProgram.program.callables[spec[1]]
    if spec[1] == "shift":
        return dug.shift(*spec[2])
    return dug.scale(*spec[2]) if spec[1] == "scale" else dug.bump(BUMPS[spec[1]], *spec[2])


def engine_tweaks(items):
    """Give a mapping of tweaks from pairs of keys and descriptions."""
    return {engine_node(key): engine_tweak(spec) for key, spec in items}


def change(context, items):
    """Tweak a context: one key by position, several by a mapping."""
    if len(items) == 1:
        context.tweak(engine_node(items[0][0]), engine_tweak(items[0][1]))
    else:
        context.tweak(engine_tweaks(items))


# The model's side.


class Scenario:
    """A stack of layers of tweaks, outermost first, with everything the model worked out under it."""

    __slots__ = ("labels", "layers", "results", "walks")

    def __init__(self, layers):
        self.layers = layers
        self.results = {}
        self.walks = {}
        self.labels = {}

    def walk(self, node):
        """Give the tweaks in force on a node, innermost first, down to the first that hides the rest."""
        found = self.walks.get(node)
        if found is None:
            found = self.walks[node] = _walk(self.layers, (node, node[0]))
        return found

    def label(self, node):
        """Give this scenario's tweaks of a node and of its function, to compare with those of another one."""
        found = self.labels.get(node)
        if found is None:
            walks = (self.walk(node), _walk(self.layers, (node[0],)))
            found = self.labels[node] = tuple(tuple((key, spec) for _, key, spec in walk) for walk in walks)
        return found

    def reaches(self, node, depth):
        """Say whether the tweaks in force on a node depend on the layers below a depth."""
        walk = self.walk(node)
        return not (walk and walk[-1][0] >= depth and walk[-1][2][0] in "vu")

    def may_reach(self, node, depth):
        """Say whether a node that is UNTWEAKED above a depth has a function that is tweaked below it."""
        walk = self.walk(node)
        wide = _walk(self.layers, (node[0],))
        return walk[-1][1:] == (node, ("u",)) and bool(wide) and wide[-1][0] < depth


def _walk(layers, keys):
    found = []
    for depth in range(len(layers) - 1, -1, -1):
        for key in keys:
            spec = layers[depth].get(key)
            if spec is not None:
                found.append((depth, key, spec))
                if spec[0] in "vu":
                    return found
    return found


def _without_untweaked(part):
    return tuple(item for item in part if item[1][0] != "u")


class Fact:
    """A combination: one way of running a node, and the tweaks it really reads."""

    __slots__ = ("kind", "node", "others", "runs", "specs", "stacked", "vague")

    def __init__(self, kind, node, labels, runs):
        self.kind = kind
        self.node = node
        self.runs = runs
        self.specs = frozenset(item for _, label in labels for part in label for item in part)
        self.stacked = frozenset(item for _, label in labels for part in label for item in part[:-1])
        self.vague = False  # whether a node is UNTWEAKED and its function tweaked: then it may count as untweaked, too
        self.others = ()  # the same said in fewer words: no UNTWEAKED over nothing, no function's tweak under a node's


class Result:
    """The model's facts about one node in one scenario."""

    __slots__ = (
        "doubtful", "error", "fact", "facts", "fleeting", "footprint", "opened", "private", "ran", "reads", "repeats", "scenario",
        "taint", "value",
    )  # fmt: skip


class ModelFrame:
    """The interface of a body when the model runs it; it notes everything the body consults."""

    def __init__(self, model, node, scenario, hidden):
        self.model = model
        self.node = node
        self.argument = node[1] or 0
        self.acc = self.argument
        self.raw = self.acc
        self.base = self.scenario = scenario
        self.hidden = hidden  # the place of the running replacement, to be left out when it calls its own node
        self.footprint = {node}
        self.doubtful = set()  # nodes that a run under UNTWEAKED may or may not consult
        self.facts = {}
        self.repeats = Counter()
        self.seen = set()
        self.reads = []
        self.ran = set()
        self.private = Counter()
        self.fleeting = False
        self.taint = False
        self.opened = False
        self.episodes = []  # of each context opened: its tweaks, the facts met and the results seen in it

    def read(self, function, argument):
        """Evaluate another node, and note its cost."""
        node = (function, argument)
        scenario = self.scenario
        if self.hidden is not None and node == self.node:
            scenario = self.model.without(scenario, *self.hidden)
        result = self.model.evaluate(node, scenario)
        if not any(episode[3] for episode in self.episodes):
            self.reads.append((node, result))
        self.taint |= result.taint
        self.fleeting |= result.fleeting
        self.ran |= result.ran
        if not self.episodes:
            self.footprint |= result.footprint
            self.doubtful |= result.doubtful
        else:
            self._translate(result)
        self._note(result)
        if result.error is not None:
            raise result.error[0](*result.error[1])
        return result.value

    def _translate(self, result):
        depth = len(self.base.layers)
        for key in result.footprint | result.doubtful:
            if self.scenario.reaches(key, depth):
                (self.footprint if key in result.footprint else self.doubtful).add(key)
            elif self.scenario.may_reach(key, depth):
                self.doubtful.add(key)

    def _note(self, result):
        facts, seen = self.episodes[-1][1:3] if self.episodes else (self.facts, self.seen)
        facts.update(result.facts)
        if result not in seen:
            seen.add(result)
            self.reruns.update(result.repeats)
            self.private.update(result.private)

    @property
    def reruns(self):
        """Give where to count the runs of an opened context: its own cache, if it is in one, shares none of them."""
        return self.private if any(episode[3] for episode in self.episodes) else self.repeats

    def meddle(self):
        """Do nothing: it is refused."""

    def enter(self, items, *, private):
        """Open a layer."""
        self.opened = True
        self.episodes.append((dict(told(items)), {}, set(), private))
        self._rebase()

    def leave(self):
        """Close the innermost layer: nodes that read its tweaks may have to run again in the next one."""
        self._flush()
        self.episodes.pop()
        self._rebase()

    def retweak(self, items):
        """Change the innermost layer."""
        if self.episodes:
            self._flush()
            self.episodes[-1][0].update(told(items))
            self._rebase()

    def _rebase(self):
        layers = [episode[0] for episode in self.episodes]
        self.scenario = self.model.scenario([*self.base.layers, *layers]) if layers else self.base

    def _flush(self):
        layer, facts, _, private = self.episodes[-1]
        outer = self.episodes[-2][1] if len(self.episodes) > 1 else self.facts
        items = set(layer.items())
        for fact, result in facts.items():
            if private:
                self.private[fact] += 1
            elif fact.specs & items:
                self.reruns[fact] += 1
            else:
                outer[fact] = result
        self.episodes[-1] = (layer, {}, set(), private)


class Model:
    """Evaluate nodes of a program with no cache at all, and say which tweaks each run consulted."""

    def __init__(self, program, world):
        self.program = program
        self.world = world
        self.scenarios = {}
        self.known = {}

    def scenario(self, layers):
        """Give the one scenario with these layers."""
        key = tuple([frozenset(layer.items()) for layer in layers])
        found = self.scenarios.get(key)
        if found is None:
            found = self.scenarios[key] = Scenario([dict(layer) for layer in layers])
        return found

    def without(self, scenario, depth, key):
        """Give the scenario with one tweak left out."""
        layers = list(scenario.layers)
        layers[depth] = {other: spec for other, spec in layers[depth].items() if other != key}
        return self.scenario(layers)

    def forget(self):
        """Drop all results: the outside changed."""
        for scenario in self.scenarios.values():
            scenario.results.clear()

    def fact(self, kind, node, scenario, footprint, runs):
        """Give the one fact for the tweaks that a run consulted."""
        labels = frozenset([(key, label) for key in footprint if (label := scenario.label(key)) != ((), ())])
        fact = self.intern(kind, node, labels, runs)
        if labels and not fact.others:
            bare = [(key, (_without_untweaked(own), _without_untweaked(wide))) for key, (own, wide) in labels]
            narrow = [(key, (own, ())) for key, (own, _) in labels]
            both = [(key, (_without_untweaked(own), ())) for key, (own, _) in labels]
            fact.vague = any(own and own[-1] == (key, ("u",)) and wide for key, (own, wide) in labels)
            fact.others = tuple(
                self.intern(kind, node, frozenset(pair for pair in pairs if pair[1] != ((), ())), runs)
                for pairs in (bare, narrow, both)
            )
        return fact

    def intern(self, kind, node, labels, runs):
        """Give the one fact with these labels."""
        found = self.known.get((kind, node, labels))
        if found is None:
            found = self.known[kind, node, labels] = Fact(kind, node, labels, runs)
        return found

    def evaluate(self, node, scenario):
        """Give the result of a node in a scenario."""
        found = scenario.results.get(node)
        if found is None:
            found = scenario.results[node] = self._evaluate(node, scenario)
        return found

    def _evaluate(self, node, scenario):
        walk = scenario.walk(node)
        if not walk or walk[0][2][0] == "u":
            return self._body(("body", node), node, scenario, None, self.program.bodies[node[0]])
        depth, key, spec = walk[0]
        if spec[0] == "v":
            return self._value(node, scenario, value_of(spec[1]))
        if spec[0] == "b":
            return self._bump(node, scenario, self.evaluate(node, self.without(scenario, depth, key)), spec)
        run = ("replacement", spec[1], node[1])
        kind = ("replacement", run)
        return self._body(kind, node, scenario, (depth, key), self.program.replacements[spec[1]][1:])

    def _body(self, kind, node, scenario, hidden, body):
        frame = ModelFrame(self, node, scenario, hidden)
        statements, how = body
        result = Result()
        result.value = result.error = None
        try:
            if kind[0] == "body" and self.program.kinds[node[0]][0] == "s":
                result.value = read_world(self.world, node)
            else:
                interpret(statements, frame)
                result.value = outcome(how, frame)
        except (*ERRORS, TypeError, Stop) as error:
            result.error = (type(error), error.args)
            frame.fleeting |= isinstance(error, Stop)
            frame.taint |= self.program.kinds[node[0]][0] == "s"
        frame.ran.add(node if kind[0] == "body" else ("instead", node))
        return self._finish(result, frame, kind)

    def _bump(self, node, scenario, beneath, spec):
        frame = ModelFrame(self, node, scenario, None)
        result = Result()
        result.value, result.error = None, beneath.error
        frame.footprint |= beneath.footprint
        frame.doubtful |= beneath.doubtful
        frame.taint, frame.ran = beneath.taint, beneath.ran | {("instead", node)}
        frame.facts.update(beneath.facts)
        frame.repeats.update(beneath.repeats)
        frame.private.update(beneath.private)
        frame.fleeting = beneath.fleeting
        frame.reads.append((node, beneath))
        if result.error is None:
            try:
                result.value = PLAIN_BUMPS[spec[1]](beneath.value, *spec[2])
            except (*ERRORS, TypeError) as error:
                result.error = (type(error), error.args)
                frame.taint |= self.program.kinds[node[0]][0] == "s"
        return self._finish(result, frame, ("bump", ("bump", spec[1], spec[2])))

    def _value(self, node, scenario, value):
        frame = ModelFrame(self, node, scenario, None)
        result = Result()
        result.value, result.error = value, None
        return self._finish(result, frame, ("value", None))

    def _finish(self, result, frame, kind):
        result.scenario = frame.base
        result.footprint = frozenset(frame.footprint)
        result.doubtful = frozenset(frame.doubtful)
        narrow = self.fact(kind[0], frame.node, frame.base, result.footprint, kind[1])
        result.fact = self.fact(kind[0], frame.node, frame.base, result.footprint | result.doubtful, kind[1])
        if narrow is not result.fact:
            result.fact.others = tuple({*result.fact.others, narrow, *narrow.others})
        result.facts = {**frame.facts, result.fact: result}
        result.repeats, result.private, result.fleeting = frame.repeats, frame.private, frame.fleeting
        result.reads, result.ran = frame.reads, frozenset(frame.ran)
        result.taint, result.opened = frame.taint, frame.opened
        return result


# The script: operations on both sides at once.


class Failure(Exception):
    """A discrepancy: its kind and the observation."""


class Kept:
    """A context of the script, with the model's view of it."""

    __slots__ = (
        "around",
        "cache",
        "context",
        "deepest",
        "last",
        "latest",
        "layers",
        "number",
        "over",
        "rooted",
        "since",
        "union",
    )

    def __init__(self, number, context, layers, cache):
        self.number = number
        self.context = context
        self.layers = layers
        self.cache = cache
        self.over = set()  # the lowest caches beneath its entries
        self.rooted = None  # whether it is entered outermost or nested: a context without cache= is used one way only
        self.union = False
        self.last = None  # the stack of its last entry once it is left, and how often tweaks had changed by then
        self.since = -1
        self.deepest = 0  # how deep it was entered last
        self.around = self.latest = frozenset()  # the tweaks in force when it was left and entered last, for looks


class Play:
    """One program and one script, played on the engine and on the model."""

    def __init__(self, program):
        CurrentProgram.program, CurrentProgram.world = program, dict(program.world)
        program.callables = [
            CurrentProgram.replacement(index, program.kinds[function].endswith("one"))
            for index, (function, _, _) in enumerate(program.replacements)
        ]
        self.program = program
        self.world = CurrentProgram.world
        self.model = Model(program, self.world)
        self.kept = {}
        self.stack = []  # pairs of a context's number and the cache in force
        self.caches = {}  # the Cache objects, by number
        self.bound = {}  # a cache's number: that of the cache beneath it, or None
        self.done = {}  # a cache's number: the facts that must not run again
        self.filed = {}  # a cache's number: the facts that may have a memo
        self.held = self.shown = set()
        self.holders = Counter()
        self.twins = {}  # a fact: the vague facts that may have been filed for it
        self.epoch = 0  # how often tweaks were changed or dropped
        self.healed = set()  # the sources that recovered without a word
        self.calls = 0
        self.blind = False  # where the design does not say enough to count runs
        self.watched = []

    def play(self, script):
        """Play a script; raise Failure with the index of the operation that went wrong."""
        try:
            for index, operation in enumerate(script):
                self.at = index
                RUNS.clear()
                getattr(self, "do_" + operation[0])(*operation[1:])
            self.at = len(script)
            self.end()
        finally:
            while self.stack:
                self.kept[self.stack.pop()[0]].context.__exit__(None, None, None)

    def end(self):
        """Leave everything and drop all but the roots: only memos that read no tweak of theirs stay."""
        while self.stack:
            self.do_exit()
        for number in list(self.kept):
            if self.kept[number].cache is None or self.bound.get(self.kept[number].cache, 0) is not None:
                self.do_drop(number)
        for number in self.kept:
            self.do_enter(number)
            self.do_exit()
        self.hold()
        self.see_leaks()

    def scenario(self, stack=None):
        """Give the model's scenario for a stack of entries."""
        entries = self.stack if stack is None else stack
        return self.model.scenario([layer for number, _ in entries for layer in self.kept[number].layers])

    def visible(self, cache):
        """Give a cache and those beneath it."""
        while cache is not None:
            yield cache
            cache = self.bound.get(cache)

    def fail(self, kind, text):
        """Report a discrepancy."""
        raise Failure(kind, text)

    # contexts

    def do_new(self, number, items, how, cache):
        """Make a context; how says in which of the ways."""
        if number in self.kept:
            return
        options = {}
        if cache is not None:
            self.caches.setdefault(cache, None)
            if self.caches[cache] is None:
                self.caches[cache] = dug.Cache()
                self.watched.append(weakref.ref(self.caches[cache]))
                self.done[cache], self.filed[cache] = {}, {}
            options["cache"] = self.caches[cache]
        if how == "late":
            context = dug.Context(**options)
            if items:
                change(context, items)
        else:
            tweaks = engine_tweaks(items)
            context = dug.Context(dug.Scenario(tweaks) if how == "scenario" else tweaks, **options)
        self.kept[number] = Kept(number, context, [dict(told(items))], cache)
        self.watched.append(weakref.ref(context))
        self.hold()

    def do_union(self, number, outer, inner):
        """Make a context that is equivalent to entering one scenario inside another."""
        if number in self.kept:
            return
        union = dug.Scenario(engine_tweaks(outer)) | dug.Scenario(engine_tweaks(inner))
        self.kept[number] = Kept(number, dug.Context(union), [dict(told(outer)), dict(told(inner))], None)
        self.kept[number].union = True
        self.watched.append(weakref.ref(self.kept[number].context))
        functions = [{key if type(key) is int else key[0] for key, _ in items} for items in (outer, inner)]
        self.blind |= bool(functions[0] & functions[1])
        self.hold()

    def entry(self, kept):
        """Give the cache that entering a context here puts in force; "refused", or None where the design is silent."""
        top = self.stack[-1][1] if self.stack else None
        if kept.cache is None:
            if kept.rooted not in (None, top is None):
                return None
            return ("own", kept.number) if top is None else top
        if top is None:
            return kept.cache if self.bound.get(kept.cache) is None else None
        if top == kept.cache:
            return top
        if kept.cache in self.visible(top):
            return None
        if self.bound.setdefault(kept.cache, top) == top:
            return kept.cache
        return "refused" if self.bound[kept.cache] is not None else None

    def do_enter(self, number):
        """Enter a context, or see it refused because its cache lies on another one."""
        kept = self.kept.get(number)
        cache = None if kept is None else self.entry(kept)
        if cache is None:
            return
        if cache == "refused":
            self.refused(dug.ContextError, kept.context.__enter__)
            return
        if not self.stack:
            self.bound[cache] = None
            if kept.cache is None:
                self.done[cache], self.filed[cache] = {}, {}
        self.note_entry(kept, cache)
        if kept.context.__enter__() is not kept.context:
            self.fail("wrong", "a context does not give itself on entry")
        self.stack.append((number, cache))
        kept.latest, kept.deepest, kept.last, kept.since = self.around(), len(self.stack), list(self.stack), -1
        self.see_current()

    def do_exit(self):
        """Leave the innermost context."""
        if self.stack:
            number = self.stack[-1][0]
            self.kept[number].around = self.around()
            self.kept[number].latest |= self.around()
            if self.kept[number].deepest == len(self.stack):
                self.kept[number].last, self.kept[number].since = list(self.stack), self.epoch
            self.stack.pop()
            self.kept[number].context.__exit__(None, None, None)
            self.see_current()

    def around(self, stack=None):
        """Give the tweaks in force in a stack of entries."""
        entries = self.stack if stack is None else stack
        return frozenset(item for number, _ in entries for layer in self.kept[number].layers for item in layer.items())

    def see_current(self):
        """Check which context is current."""
        if self.stack and dug.current_context() is not self.kept[self.stack[-1][0]].context:
            self.fail("wrong", "current_context() is not the innermost one")

    def refused(self, error, act, *args):
        """Check that something raises the error it must."""
        try:
            act(*args)
        except error:
            return
        self.fail("wrong", f"{error.__name__} was not raised")

    def do_tweak(self, number, items):
        """Tweak a context, open or not."""
        kept = self.kept.get(number)
        if kept is not None and not kept.union:
            change(kept.context, items)
            kept.layers[0].update(told(items))
            self.hold()
            self.see_own(kept)
            self.see_leaks()

    def do_untweak(self, number, keys):
        """Drop tweaks of a context's own, all of them or, when one is missing, none."""
        kept = self.kept.get(number)
        if kept is None or kept.union:
            return
        keys = list(dict.fromkeys(keys))
        if any(key not in kept.layers[0] for key in keys):
            self.refused(dug.TweakError, kept.context.untweak, *map(engine_node, keys))
            return
        kept.context.untweak(*map(engine_node, keys))
        for key in keys:
            del kept.layers[0][key]
        self.hold()
        self.see_own(kept)
        self.see_leaks()

    def see_own(self, kept):
        """Check the own tweaks that a context reports."""
        if set(kept.context.tweaks) != {engine_node(key) for key in kept.layers[0]}:
            self.fail("wrong", f"the tweaks of context {kept.number} are {dict(kept.context.tweaks)}")

    def do_badtweak(self, number, items, function):
        """Tweak something well and a function with a mere value: refused, and nothing changes."""
        if number in self.kept:
            bad = {**engine_tweaks(items), function_of(function): 5}
            self.refused(dug.TweakError, self.kept[number].context.tweak, bad)
            if not self.kept[number].union:
                self.see_own(self.kept[number])

    def do_drop(self, number):
        """Drop a context that is not open."""
        if number in self.kept and all(number != entry for entry, _ in self.stack):
            cache = self.kept.pop(number).cache
            if cache is not None and all(kept.cache != cache for kept in self.kept.values()):
                self.caches.pop(cache)
            self.hold()
            self.see_leaks()

    def hold(self):
        """Work out which tweaks are held, and forget the facts that read others."""
        self.epoch += 1
        self.held = {item for kept in self.kept.values() for layer in kept.layers for item in layer.items()}
        shown = self.shown = self.held.union(*[kept.around | kept.latest for kept in self.kept.values()])
        shown |= {(key[0], spec) for key, spec in shown if type(key) is tuple}  # a function's tweak may be filed as
        shown |= {  # that of the node it was met for, and both sorts of key then hold it
            (node, spec) for key, spec in shown if type(key) is int for node in ((key, None), *((key, a) for a in range(3)))
        }
        self.count_holders()
        for cache in self.done:
            for facts, held in ((self.done[cache], self.held_over(cache)), (self.filed[cache], shown)):
                for fact in [fact for fact in facts if not fact.specs <= held]:
                    del facts[fact]

    def count_holders(self):
        """Forget the facts that read a tweak on top of another, or UNTWEAKED on top of a function's, when a holder drops it."""
        before, items = self.holders, [layer.items() for kept in self.kept.values() for layer in kept.layers]
        self.holders = Counter(item for layer in items for item in layer)
        fewer = {item for item, count in before.items() if self.holders[item] < count}
        untweaked = {item for item in fewer if item[1][0] == "u"}
        for facts in self.done.values() if fewer else ():
            for fact in [fact for fact in facts if fact.stacked & fewer or (fact.vague and fact.specs & untweaked)]:
                del facts[fact]

    def held_over(self, cache):
        """Give the tweaks of the contexts that were entered over a cache, or over one that it is layered with."""
        lowest = list(self.visible(cache))[-1]
        over = [kept for kept in self.kept.values() if lowest in kept.over]
        return {item for kept in over for layer in kept.layers for item in layer.items()}

    def note_entry(self, kept, cache):
        """Note that a context was entered over a cache."""
        kept.rooted = kept.rooted if kept.rooted is not None else not self.stack
        kept.over.add(list(self.visible(cache))[-1])

    def see_leaks(self):
        """Check that no cache has more memos than facts whose tweaks are held."""
        if self.blind:
            return
        for number, cache in self.caches.items():
            if cache is not None and len(cache) > len(self.filed[number]):
                known = sorted(f"{fact.kind} {fact.node} {sorted(map(str, fact.specs))}" for fact in self.filed[number])
                self.fail("leak", f"cache {number} has {len(cache)} memos, at most {len(known)} expected: {known}")

    # calls

    def do_call(self, node, spelling):
        """Call a node here."""
        if self.stack:
            self.compare(node, self.scenario(), self.stack[-1][1], lambda: call_engine(node, spelling))

    def do_again(self, node, spelling):
        """Call a node twice: the second time nothing runs, unless something failed."""
        for _ in range(2):
            RUNS.clear()
            self.do_call(node, spelling)

    def do_run(self, number, node):
        """Call a node through a context's run."""
        kept = self.kept.get(number)
        cache = None if kept is None or not self.stack else self.entry(kept)
        if cache in (None, "refused"):
            return
        self.note_entry(kept, cache)
        stack = [*self.stack, (number, cache)]
        kept.latest = kept.around = self.around(stack)
        kept.deepest, kept.last, kept.since = 0, stack, -1
        self.compare(node, self.scenario(stack), cache, lambda: kept.context.run(call_engine, node))

    def do_naked(self, node):
        """Call a node outside any context: refused."""
        if not self.stack:
            self.refused(dug.NoContextError, call_engine, node)

    def do_default(self, number, node):
        """Call a node where only the process-wide default is in force."""
        kept = self.kept.get(number)
        if self.stack or kept is None or kept.cache is None or self.entry(kept) is None:
            return
        self.bound[kept.cache] = None
        self.note_entry(kept, kept.cache)
        kept.since = -1
        kept.context.activate()
        try:
            here = self.scenario([(number, kept.cache)])
            self.compare(node, here, kept.cache, lambda: call_engine(node), outer=kept.context)
        finally:
            kept.context.deactivate()

    def compare(self, node, scenario, cache, act, *, outer=None):
        """Compare a call on both sides: its outcome, its runs, and its memos."""
        expected = self.model.evaluate(node, scenario)
        self.calls += 1
        CurrentProgram.outer = outer or self.kept[self.stack[-1][0]].context
        try:
            value, error = act(), None
        except (Exception, Stop) as exc:  # noqa: BLE001 - whatever the engine raises is compared
            value, error = None, (type(exc), exc.args)
        CurrentProgram.outer = None
        if error != expected.error or not (error or same(value, expected.value)):
            wanted = f"value {expected.value!r}" if expected.error is None else f"error {expected.error}"
            got = f"value {value!r}" if error is None else f"error {error}"
            self.fail("wrong", f"{name(node)} gave {got}, expected {wanted}")
        reached = self.reach(expected, [self.done[number] for number in self.visible(cache)])
        if RUNS and not self.blind:
            self.see_runs(reached, expected)
            self.see_cutoff(reached, expected, cache)
        self.remember(reached, expected, cache)

    def reach(self, expected, done):
        """Give the facts that the call needs again: those met on the way down before one that must not run again."""
        reached, todo = {}, [expected]
        while todo:
            result = todo.pop()
            if result.fact not in reached and not any(result.fact in facts for facts in done):
                reached[result.fact] = result
                todo.extend(read for _, read in result.reads)
        return reached

    def see_runs(self, reached, expected):
        """Check that nothing ran that had no reason to."""
        allowed = Counter()
        for fact, result in reached.items():
            allowed[fact.runs] += sys.maxsize if result.fleeting else fact not in expected.repeats
        for fact, count in (*expected.repeats.items(), *expected.private.items()):
            allowed[fact.runs] += count
        for run, count in RUNS.items():
            if count > allowed[run]:
                self.fail("needless", f"{run} ran {count} times, at most {allowed[run]} expected")

    def see_cutoff(self, reached, expected, cache):
        """Check that nothing ran whose untweaked memo still holds."""
        bodies = Counter(fact.node for fact in {**reached, **expected.repeats} if fact.kind == "body")
        bodies.update({fact.node: 2 for fact in expected.private})
        for fact, result in reached.items():
            plain = self.model.known.get(("body", fact.node, frozenset()))
            old = self.done[cache].get(plain)
            if fact.kind != "body" or not RUNS[fact.node] or bodies[fact.node] > 1 or old is None or old.opened:
                continue
            if all(self.still(*read, result.scenario) for read in old.reads):
                self.fail("cutoff", f"{fact.node} ran, though what it read has not changed")

    def still(self, node, result, scenario):
        """Say whether a node has in a scenario the value it was read with."""
        now = self.model.evaluate(node, scenario)
        is_same_run = now.fact is result.fact
        return now.error is None and result.error is None and (is_same_run or substitutable(now.value, result.value))

    def remember(self, reached, expected, cache):
        """Note the facts after the call: those that must not run again, and those that may have a memo."""
        held = self.held_over(cache)
        for fact in reached:
            for other in fact.others if fact.vague else ():
                self.twins.setdefault(other, set()).add(fact)
        for fact, result in reached.items():
            self.filed[cache].update((other, result) for other in (fact, *fact.others) if other.specs <= self.shown)
            if fact.specs <= held:
                lasts = (fact not in expected.repeats or fact in expected.facts) and not self.has_twin(fact)
                if lasts and result.error is None and not result.taint and not result.fleeting:
                    self.done[cache][fact] = result

    def has_twin(self, fact):
        """Say whether another fact may have been filed for this one, or for what this one, being vague, may count as."""
        alike = (fact, *(fact.others if fact.vague else ()))
        return any(self.twins.get(other, set()) - {fact} for other in alike)

    # the outside

    def do_outside(self, node, state):
        """Change the value of a source, and tell every cache."""
        self.world[node] = state
        self.model.forget()
        self.do_invalidate(node)

    def do_heal(self, node, state):
        """Change the value of a failing source, and tell nobody: a failure is tried again by the next call."""
        if self.world[node] >= 3:
            self.world[node] = state
            self.healed.add(node)
            self.model.forget()

    def do_invalidate(self, key):
        """Forget the memos that ran a node or any node of a function."""
        target = engine_node(key)
        covered = set()
        for number, cache in reversed(self.stack):
            if cache not in covered:
                self.kept[number].context.invalidate(target)
                covered.update(self.visible(cache))
        for number, kept in self.kept.items():
            if kept.rooted is not None and not any(number == entry for entry, _ in self.stack):
                kept.context.invalidate(target)
        hit = (lambda ran: key in ran) if type(key) is tuple else lambda ran: any(item[0] == key for item in ran)
        for facts in self.done.values():
            for fact in [fact for fact, result in facts.items() if _touched(result.ran, hit)]:
                del facts[fact]
        for facts in self.filed.values():
            for fact in [fact for fact, result in facts.items() if hit(result.ran)]:
                del facts[fact]
        self.see_leaks()

    def do_clear(self, number):
        """Empty the cache of a context that has its own."""
        kept = self.kept.get(number)
        if kept is None or kept.cache is None:
            return
        if kept.rooted is None:
            return
        kept.context.clear()
        self.done[kept.cache].clear()
        for facts in self.done.values():  # a node that is UNTWEAKED here may have been served from there
            for fact in [fact for fact in facts if any(spec[0] == "u" for _, spec in fact.specs)]:
                del facts[fact]
        self.filed[kept.cache].clear()
        self.see_leaks()

    # looks

    def do_look(self, number, node):
        """Look at a node in a context: in its innermost entry, else in its last one, else as if it were entered here."""
        kept = self.kept.get(number)
        stack = None if kept is None else self.view(kept)
        if stack is None:
            return
        target, cache = engine_node(node), stack[-1][1]
        expected = self.model.evaluate(node, self.scenario(stack))
        if target in kept.context:
            self.see_memo(kept.context, target, node, expected)
        else:
            self.refused(KeyError, kept.context.__getitem__, target)
            known = [self.done[number] for number in self.visible(cache)]
            if not self.blind and any(expected.fact in facts for facts in known) and expected.fact.kind != "value":
                self.fail("look", f"{name(node)} has a memo that is not seen")
        self.see_mask(kept.context, target, node, stack)
        if RUNS:
            self.fail("look", f"looking at {name(node)} ran {dict(RUNS)}")

    def view(self, kept):
        """Give the stack of entries that a look at a context uses; None where the design is silent."""
        depths = [depth for depth, (entry, _) in enumerate(self.stack) if entry == kept.number]
        if depths:
            return self.stack[: depths[-1] + 1]
        if kept.last is not None:
            alive = kept.since == self.epoch and all(number in self.kept for number, _ in kept.last)
            return kept.last if alive else None
        cache = self.entry(kept) if self.stack and kept.cache is None and kept.rooted is None else None
        return None if cache is None else [*self.stack, (kept.number, cache)]

    def see_mask(self, context, target, node, stack):
        """Check whether the enclosing scenario's memo of a node is valid here."""
        if len(stack) < 2 or self.blind or len({cache for _, cache in stack}) > 1:
            return  # with caches in layers, the one beneath may know the node by another memo
        around, here = (self.model.evaluate(node, self.scenario(entries)) for entries in (stack[:-1], stack))
        if around.fact.kind == "value" or not any(around.fact in self.done[cache] for cache in self.visible(stack[-1][1])):
            return
        outer = [self.scenario(stack[:depth]) for depth in range(len(stack))]
        told = any(scene.label(key) != here.scenario.label(key) for scene in outer for key in around.footprint)
        scenes = (around.scenario, here.scenario)
        bare = [[_without_untweaked(scene.label(key)[0]) for key in around.footprint] for scene in scenes]
        masked = context.is_masked(target)
        if (masked and not told) or (not masked and bare[0] != bare[1]):
            self.fail("look", f"is_masked({name(node)}) is wrong")

    def see_memo(self, context, target, node, expected):
        """Check the record that a look shows of a node with a memo."""
        if expected.taint or expected.fleeting or expected.ran & self.healed:
            return  # an older call's failure of a source may still be on show
        try:
            value, error = context[target], None
        except Exception as exc:  # noqa: BLE001 - whatever the engine raises is compared
            value, error = None, (type(exc), exc.args)
        if error != expected.error or not (error or same(value, expected.value)):
            self.fail("look", f"a look at {name(node)} gave {value!r} {error}, not {expected.value!r} {expected.error}")
        if expected.fact.kind == "body" and not expected.opened:
            wanted = tuple(dict.fromkeys(engine_node(read) for read, _ in expected.reads))
            if context.memo(target).dependencies != wanted:
                self.fail("look", f"{name(node)} has dependencies {context.memo(target).dependencies}, not {wanted}")


def _touched(ran, hit):
    return hit(ran) or hit({item[1] for item in ran if item[0] == "instead"})


# Random programs and scripts.


class Program:
    """Functions by index: the kind, the body and the way it ends; the replacements; the outside world."""

    def __init__(self, kinds, bodies, replacements, world):
        self.kinds = kinds
        self.bodies = bodies
        self.replacements = replacements
        self.world = world
        self.callables = []

    def nodes(self, index):
        """Give the nodes of a function."""
        return [(index, None)] if self.kinds[index].endswith("zero") else [(index, value) for value in range(3)]


class Maker:
    """Makes one random program and one random script."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.exotic = self.random.random() < 0.15
        self.nesting = self.random.choice((0, 0, 0.16, 0.16, 0.35))  # how often a statement opens a context
        self.wild = self.random.random() < 0.1
        self.domain = self.random.choice((2, 3))
        self.focus = self.random.choice((0.0, 0.3, 0.6, 0.9))  # how often tweaks and calls go for the same few things
        self.kinds = []
        self.replacements = []

    def chance(self, share):
        """Give True with this probability."""
        return self.random.random() < share

    def program(self):
        """Make a program."""
        for index in range(self.random.choice((2, 3, 3, 4, 5, 6, FUNCTIONS))):
            wide = "one" if self.chance(0.35) else "zero"
            self.kinds.append(("s" if index == 0 or self.chance(0.2) else "") + wide)
        count = len(self.kinds)
        self.hot = self.random.randrange(max(1, count - 2))
        bodies = [self.body(index) for index in range(count)]
        self.replacements.extend(
            (function, *self.body(function, replaces=True))
            for function in (self.random.randrange(count) for _ in range(self.random.randint(1, 3)))
        )
        sources = [node for index in range(count) if self.kinds[index][0] == "s" for node in self.nodes(index)]
        world = {node: self.state() for node in sources}
        return Program(self.kinds, bodies, self.replacements, world)

    def state(self):
        """Give the result of a source: a value, sometimes an error."""
        return self.random.choice((3, 4)) if self.chance(0.12) else self.random.randrange(3)

    def nodes(self, index):
        """Give the nodes of a function."""
        return [(index, None)] if self.kinds[index].endswith("zero") else [(index, value) for value in range(3)]

    def body(self, index, *, replaces=False):
        """Make a body: statements and how it ends."""
        ends = ("acc", "acc", "acc", "half", "raw", "list") if self.exotic else ("acc", "acc", "acc", "half")
        budget = [self.random.randint(2, 6)]
        statements = self.block(index, budget, 0, replaces=replaces)
        return statements, self.random.choice(ends)

    def block(self, index, budget, depth, *, inside=False, replaces=False):
        """Make a list of statements."""
        statements = []
        for _ in range(self.random.randint(1, 3)):
            if budget[0] <= 0:
                break
            budget[0] -= 1
            statements.append(self.statement(index, budget, depth, inside=inside, replaces=replaces))
        return statements

    def statement(self, index, budget, depth, *, inside, replaces):
        """Make one statement."""
        more = {"inside": inside, "replaces": replaces}
        pick = self.random.random()
        if depth < 3 and pick < 0.16:
            first, second = (self.block(index, budget, depth + 1, **more) for _ in range(2))
            return ("if", self.random.randrange(3), first, second)
        if depth < 3 and pick < 0.25:
            first, second = (self.block(index, budget, depth + 1, **more) for _ in range(2))
            return ("try", first, second)
        if pick < 0.32:
            return ("raise", self.random.randrange(3), self.random.randrange(2), self.random.randrange(3))
        if index and depth < 3 and pick < 0.32 + self.nesting:
            budget[0] += 1
            inner = self.block(index, budget, depth + 1, inside=True, replaces=replaces)
            return ("with", self.items(index, dynamic=True), inner, self.chance(0.1))
        if inside and pick < 0.4 + self.nesting:
            return ("retweak", self.items(index, dynamic=True))
        if self.wild and pick > 0.94:
            return self.random.choice((("stop", self.random.randrange(3)), ("meddle",)))
        if self.wild and pick > 0.85 and depth < 3:
            return ("outlast", self.block(index, budget, depth + 1, **more))
        if 0.4 + self.nesting < pick < 0.45 + self.nesting or not index:
            return ("plus", self.random.randint(1, 2))
        if replaces and self.chance(0.3):
            return ("again", self.random.randint(0, 2))
        return self.reading(index)

    def reading(self, index):
        """Make a statement that reads a function of a lower index."""
        function = self.random.randrange(index) if self.chance(0.5) else index - 1
        if self.hot < index and self.chance(self.focus / 2):
            function = self.hot
        choices = ("acc", "arg", *range(self.domain))
        how = None if self.kinds[function].endswith("zero") else self.random.choice(choices)
        return ("read", function, how, self.random.randint(0, 2))

    def items(self, below, *, dynamic=False):
        """Make tweaks of functions with an index below this one."""
        items = {}
        for _ in range(1 if self.chance(0.65) else self.random.randint(2, 3)):
            function = min(self.hot, below - 1) if self.chance(self.focus) else self.random.randrange(below)
            if self.chance(0.3):
                items[function] = self.wide(function)
            else:
                items[self.random.choice(self.nodes(function)[: self.domain])] = self.narrow(dynamic=dynamic)
        return list(items.items())

    def wide(self, function):
        """Make a tweak for a whole function."""
        fitting = [index for index, entry in enumerate(self.replacements) if entry[0] == function]
        if fitting and self.chance(0.6):
            return ("r", self.random.choice(fitting))
        return self.bump() if self.chance(0.7) else ("u",)

    def narrow(self, *, dynamic):
        """Make a tweak for a node."""
        pick = self.random.random()
        if pick < 0.55:
            if dynamic and self.chance(0.3):
                return ("v", "acc")
            exotic = self.exotic and self.chance(0.4)
            return ("v", self.random.choice(list(EXOTIC)) if exotic else self.random.randrange(3))
        return self.bump() if pick < 0.85 else ("u",)

    def bump(self):
        """Make a bump."""
        names = (
            ("add", 1),
            ("add", 2),
            ("add", 1),
            ("add", 2),
            ("shift", 1),
            ("double",),
            ("boom", 1),
            ("flat", 1),
            ("shift", 1),
            ("scale", 2),
        )
        fn, *args = self.random.choice(names)
        return ("b", fn, tuple(args))

    def script(self, program):
        """Make a script for a program."""
        self.count = len(program.kinds)
        self.sources = list(program.world)
        self.top = [node for index in range(self.count) for node in self.nodes(index)]
        self.target = self.random.choice(self.nodes(self.random.randrange(self.hot, self.count)))
        self.made = 2
        self.own = {}  # the most likely targets of tweaks
        script = [("new", 0, self.items(self.count) if self.chance(0.25) else [], "dict", "root"), ("enter", 0)]
        if self.chance(0.1):
            script.append(("new", 1, self.maybe_items(), "dict", self.random.choice(("root", "other"))))
        verbs, weights = zip(*OPERATIONS.items(), strict=True)
        for verb in self.random.choices(verbs, weights, k=self.random.randint(8, 36)):
            script.extend(getattr(self, "make_" + verb)())
        return script + self.audit()

    def audit(self):
        """Call nodes in the first root and in a context kept: memos that a script left behind must not be wrong."""
        last = [node for index in range(self.hot, self.count) for node in self.nodes(index)[: self.domain]][-6:]
        calls = [("call", node, 0) for node in last]
        out = [("exit",)] * 6
        return [*out, ("enter", 0), *calls, ("enter", self.some()), *calls]

    def maybe_items(self):
        """Make tweaks, sometimes none."""
        return [] if self.chance(0.1) else self.items(self.count)

    def node(self):
        """Choose a node, the later functions more often."""
        if self.chance(self.focus):
            return self.target
        if self.chance(0.5):
            return self.random.choice(self.nodes(self.count - 1))
        return self.random.choice(self.top)

    def some(self):
        """Choose a context made so far, the recent ones more often."""
        return self.random.randrange(max(0, self.made - 3) if self.chance(0.5) else 0, self.made)

    def make_call(self):
        """Call."""
        return [("call" if self.chance(0.8) else "again", self.node(), self.random.randrange(5))]

    def make_new(self):
        """Make a context, and enter it."""
        number, self.made = self.made, self.made + 1
        cache = number if self.chance(0.12) else None
        if cache is None and self.chance(0.08):
            return [("union", number, self.maybe_items(), self.maybe_items()), ("enter", number), *self.make_call()]
        how, items = self.random.choice(("dict", "dict", "scenario", "late")), self.maybe_items()
        self.own[number] = [key for key, _ in items]
        return [("new", number, items, how, cache), ("enter", number), *self.make_call()]

    def make_enter(self):
        """Re-enter."""
        return [("enter", self.some())]

    def make_exit(self):
        """Leave, sometimes several."""
        return [("exit",)] * (1 if self.chance(0.8) else 2)

    def make_tweak(self):
        """Tweak."""
        number, items = self.some(), self.items(self.count)
        self.own[number] = list(dict.fromkeys([*self.own.get(number, ()), *(key for key, _ in items)]))
        return [("tweak", number, items)]

    def make_untweak(self):
        """Drop tweaks, mostly some that are there."""
        number = self.some()
        keys = [key for key, _ in self.items(self.count)]
        own = self.own.get(number)
        if own and self.chance(0.8):
            keys = self.random.sample(own, self.random.randint(1, len(own)))
            self.own[number] = [key for key in own if key not in keys]
        return [("untweak", number, keys)]

    def make_drop(self):
        """Drop a context, often after leaving it."""
        return [("exit",)] * self.chance(0.5) + [("drop", self.some() or 1)]

    def make_outside(self):
        """Change the outside, or say that it changed."""
        if self.chance(0.3):
            node = self.random.choice(self.top)
            return [("invalidate", node[0] if self.chance(0.3) else node)]
        return [("outside", self.random.choice(self.sources), self.state())]

    def make_heal(self):
        """Let a failing source recover."""
        return [("heal", self.random.choice(self.sources), self.random.randrange(3))]

    def make_look(self):
        """Look."""
        return [("look", self.some(), self.node()) for _ in range(2)]

    def make_rare(self):
        """Do something rare."""
        rare = self.random.choice(("clear", "naked", "default", "badtweak", "empty"))
        if rare == "clear":
            return [("clear", self.some())]
        if rare == "badtweak":
            return [("badtweak", self.some(), self.items(self.count), self.random.randrange(self.count))]
        if rare == "empty":
            return [("exit",)] * 6 + [("enter", self.random.choice((0, 1)))]
        out = ("naked", self.node()) if rare == "naked" else ("default", self.random.randrange(2), self.node())
        return [("exit",)] * 6 + [out, ("enter", 0)]

    def make_run(self):
        """Call through a context."""
        return [("run", self.some(), self.node())]


OPERATIONS = {
    "call": 30, "new": 14, "enter": 12, "exit": 14, "tweak": 8, "untweak": 4, "drop": 6, "outside": 5, "heal": 1,
    "look": 4, "run": 3, "rare": 2,
}  # fmt: skip


def make(seed):
    """Make the program and the script of a seed."""
    maker = Maker(seed)
    program = maker.program()
    return program, maker.script(program)


# Readable programs and scripts.


def name(key):
    """Give a key as a person would write it."""
    if type(key) is int:
        return f"f{key}"
    return f"f{key[0]}.node({'' if key[1] is None else key[1]})"


def written(spec):
    """Give a tweak as a person would write it."""
    if spec[0] == "v":
        return str(spec[1]) if spec[1] != "callable" else "a_callable"
    if spec[0] == "u":
        return "dug.UNTWEAKED"
    if spec[0] == "r":
        return f"g{spec[1]}"
    args = ", ".join(map(str, spec[2]))
    return f"dug.{spec[1]}({args})" if spec[1] in ("shift", "scale") else f"dug.bump({spec[1]}, {args})"


def mapping(items):
    """Give tweaks as a person would write them."""
    return "{" + ", ".join(f"{name(key)}: {written(spec)}" for key, spec in items) + "}"


def code(statements, node, indent, opened=0):
    """Give the lines of a body."""
    lines = []
    for statement in statements:
        lines.extend(indent + line for line in LINES[statement[0]](statement, node, opened))
    return lines or [indent + "pass"]


def _read_lines(statement, node, opened):
    _, function, how, weight = statement
    argument = "" if how is None else "a" if how == "arg" and node[1] is not None else 0 if how == "arg" else how
    return [f"raw = f{function}({argument})", f"acc = (acc * {weight} + number(raw)) % 3"]


def _again_lines(statement, node, opened):
    return [f"raw = f{node[0]}({node[1] or ''})", f"acc = (acc * {statement[1]} + number(raw)) % 3"]


def _if_lines(statement, node, opened):
    first, second = (code(block, node, "    ", opened) for block in statement[2:])
    return [f"if acc == {statement[1]}:", *first, *(["else:", *second] if statement[3] else [])]


def _try_lines(statement, node, opened):
    first, second = (code(block, node, "    ", opened) for block in statement[1:])
    caught = "    acc = (acc + error.args[0]) % 3"
    return ["try:", *first, "except (Refused, Odd) as error:", caught, *(second if statement[2] else [])]


def _with_lines(statement, node, opened):
    inner = code(statement[2], node, "    ", opened + 1)
    cache = ", cache=dug.Cache()" if statement[3] else ""
    return [f"with dug.Context({mapping(statement[1])}{cache}) as c{opened}:", *inner]


def _outlast_lines(statement, node, opened):
    inner = code(statement[1], node, "    ", opened)
    return ["try:", *inner, "except Stop as error:", "    acc = (acc + error.args[0]) % 3"]


def _raise_lines(statement, node, opened):
    return [f"if acc == {statement[1]}:", f"    raise {ERRORS[statement[2]].__name__}({statement[3]}, acc)"]


LINES = {
    "read": _read_lines, "again": _again_lines, "if": _if_lines, "try": _try_lines, "with": _with_lines,
    "raise": _raise_lines,
    "retweak": lambda statement, node, opened: [f"c{opened - 1}.tweak({mapping(statement[1])})"],
    "plus": lambda statement, node, opened: [f"acc = (acc + {statement[1]}) % 3"],
    "outlast": _outlast_lines,
    "meddle": lambda statement, node, opened: ["meddle()  # ContextError"],
    "stop": lambda statement, node, opened: [f"if acc == {statement[1]}:", "    raise Stop(1, acc)"],
}  # fmt: skip
ENDS = {"acc": "acc", "half": "acc // 2", "raw": "raw", "list": "[acc]"}


def transcript(program, script):
    """Give a program and a script as a person would write them."""
    text = "\n".join(map(operation_line, script))
    blocks = []
    for index, (function, statements, how) in enumerate(program.replacements):
        blocks.append((f"g{index}", function_lines(program, function, f"g{index}", statements, how, replaces=True)))
    for index, (statements, how) in reversed(list(enumerate(program.bodies))):
        blocks.append((f"f{index}", function_lines(program, index, f"f{index}", statements, how)))
    for title, lines in blocks:
        if title in text:
            text = "\n".join(lines) + "\n" + text
    return f"WORLD = {program.world}\n{text}"


def function_lines(program, index, title, statements, how, *, replaces=False):
    """Give the lines of a function, or of its replacement."""
    kind = program.kinds[index]
    wide = kind.endswith("one")
    head = [] if replaces else ["@dug.source" if kind[0] == "s" else "@dug.memoize"]
    head.append(f"def {title}({'a, b=0' if wide else ''}):")
    if kind[0] == "s" and not replaces:
        return [*head, f"    return read(WORLD, ({index}, {'a' if wide else None}))"]
    node = (index, "a" if wide else None)
    start = f"    acc = raw = {'a' if wide else 0}"
    return [*head, start, *code(statements, node, "    "), f"    return {ENDS[how]}"]


def operation_line(operation):
    """Give an operation of a script as a person would write it."""
    verb, *rest = operation
    if verb == "new":
        cache = "" if rest[3] is None else f", cache=cache_{rest[3]}"
        return f"c{rest[0]} = dug.Context({mapping(rest[1])}{cache})  # {rest[2]}"
    if verb == "union":
        return f"c{rest[0]} = dug.Context(dug.Scenario({mapping(rest[1])}) | dug.Scenario({mapping(rest[2])}))"
    if verb in ("tweak", "badtweak"):
        return f"c{rest[0]}.{verb}({mapping(rest[1])})" + (f"  # and f{rest[2]}: 5" if verb == "badtweak" else "")
    if verb == "untweak":
        return f"c{rest[0]}.untweak({', '.join(map(name, rest[1]))})"
    return f"{verb} " + " ".join(name(part) if type(part) is tuple else str(part) for part in rest)


# Running, shrinking, reporting.


class Report:
    """The result of a batch of programs."""

    def __init__(self):
        self.programs = self.calls = 0
        self.kinds = Counter()
        self.failures = []

    def add(self, other):
        """Add another batch."""
        self.programs += other.programs
        self.calls += other.calls
        self.kinds.update(other.kinds)
        self.failures.extend(other.failures)

    def line(self):
        """Give the summary in one line."""
        figures = " ".join(f"{kind} {self.kinds[kind]}" for kind in ("wrong", "needless", "cutoff", "leak", "look"))
        return f"programs {self.programs} calls {self.calls} {figures}"


def attempt(program, script):
    """Play a script; give the failure's kind and text or None, the number of calls, and what must die afterwards."""
    play = Play(program)
    try:
        play.play(script)
    except Failure as failure:
        found = (*failure.args, play.at)
    except Exception as exc:  # noqa: BLE001 - an engine that breaks is a finding
        found = ("wrong", f"{type(exc).__name__}: {exc}", play.at)
    else:
        found = None
    return found, play.calls, play.watched


def shrink(program, script, kind):
    """Give a smaller program and script that fail in the same way."""

    def fails(candidate, operations):
        found = attempt(candidate, operations)[0]
        return found is not None and found[0] == kind

    smaller = True
    while smaller:
        smaller = False
        for index in reversed(range(len(script))):
            less = script[:index] + script[index + 1 :]
            if fails(program, less):
                script, smaller = less, True
        for candidate in slimmer(program):
            if fails(candidate, script):
                program, smaller = candidate, True
                break
        for index, operation in enumerate(script):
            for other in plainer(operation):
                less = [*script[:index], other, *script[index + 1 :]]
                if fails(program, less):
                    script, smaller = less, True
                    break
    return program, script


def plainer(operation):
    """Give an operation with fewer tweaks."""
    for place, part in enumerate(operation):
        if type(part) is list and len(part) > 1:
            for index in range(len(part)):
                yield (*operation[:place], part[:index] + part[index + 1 :], *operation[place + 1 :])


def slimmer(program):
    """Give programs with one statement less."""
    for index, (statements, how) in enumerate(program.bodies):
        for less in fewer(statements):
            bodies = [*program.bodies[:index], (less, how), *program.bodies[index + 1 :]]
            yield Program(program.kinds, bodies, program.replacements, program.world)
    for index, (function, statements, how) in enumerate(program.replacements):
        for less in fewer(statements):
            entry = (function, less, how)
            replacements = [*program.replacements[:index], entry, *program.replacements[index + 1 :]]
            yield Program(program.kinds, program.bodies, replacements, program.world)


def fewer(statements):
    """Give lists of statements with one removed, one replaced by its parts, or one made smaller inside."""
    for index, statement in enumerate(statements):
        before, after = statements[:index], statements[index + 1 :]
        yield before + after
        for place, part in enumerate(statement):
            if type(part) is list and part and type(part[0][0]) is str:
                yield before + part + after
                for less in fewer(part):
                    yield [*before, (*statement[:place], less, *statement[place + 1 :]), *after]
            elif type(part) is list and len(part) > 1:
                for gone in range(len(part)):
                    yield [*before, (*statement[:place], part[:gone] + part[gone + 1 :], *statement[place + 1 :]), *after]


def batch(first, count, most=1, collect=200):
    """Play the programs of a range of seeds; shrink the first failures."""
    report, watched = Report(), []
    collects = gc.isenabled()
    gc.disable()  # a leak that only the collector would find is a leak
    try:
        for seed in range(first, first + count):
            found, calls, remains = attempt(*make(seed))
            report.programs += 1
            report.calls += calls
            watched.extend(remains)
            if found is not None:
                report.kinds[found[0]] += 1
                if len(report.failures) < most:
                    report.failures.append((seed, found[0]))
            if len(watched) > collect:
                survivors(report, watched, seed)
                watched.clear()
        survivors(report, watched, first + count - 1)
    finally:
        if collects:
            gc.enable()
    return report


def survivors(report, watched, seed):
    """Count the contexts and caches that outlive a collection."""
    CurrentProgram.program = CurrentProgram.world = CurrentProgram.outer = None
    gc.collect()
    alive = sum(reference() is not None for reference in watched)
    if alive:
        report.kinds["leak"] += 1
        report.failures.append((seed, f"{alive} contexts or caches alive after a collection"))


def explain(seed, kind):
    """Print the smallest failing form of a seed."""
    program, script = make(seed)
    found = attempt(program, script)[0]
    print(f"\nseed {seed}: {kind}")
    if found is None:
        print("it needs the programs before it to fail")
        return
    program, script = shrink(program, script, found[0])
    found = attempt(program, script)[0]
    print(transcript(program, script))
    print(f"operation {found[2]}: {found[0]}: {found[1]}")


def main(arguments=None):
    """Run from the command line; give the exit code."""
    parser = argparse.ArgumentParser(description="Compare dug with an independent model on random programs.")
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", type=int, default=1, help="how many failures to print")
    options = parser.parse_args(arguments)
    gc.disable()  # so that a failure can be seen again
    began = time.perf_counter()
    first = options.seed * 10_000_000
    report = Report()
    if options.jobs == 1:
        report.add(batch(first, options.programs, options.show))
    else:
        sizes = [min(500, options.programs - start) for start in range(0, options.programs, 500)]
        with ProcessPoolExecutor(options.jobs) as pool:
            starts = range(first, first + options.programs, 500)
            for part in pool.map(batch, starts, sizes, [options.show] * len(sizes)):
                report.add(part)
    print(report.line(), f"seconds {time.perf_counter() - began:.1f}")
    for seed, kind in report.failures[: options.show]:
        explain(seed, kind)
    return int(bool(report.kinds))


if __name__ == "__main__":
    sys.exit(main())
