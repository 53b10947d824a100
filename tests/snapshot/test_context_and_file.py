"""A context and the file that it was saved to say the same: ``explain``, ``compare`` and ``failures`` have one text."""

import re
from contextlib import ExitStack, suppress

import kept_book
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle import attempt
from support.program_on_dug import ProgramOnDug
from support.programs import FUNCTIONS
from support.strategies import outsides, programs, targets, tweaks

import dug
from dug import snapshot
from dug.demo import book, market

UNKNOWN_TO_A_FILE = (
    # The contexts around: a file is one context with all that was in force.
    (r"inherited from [^,]*, (.*) in ([^:]*): nothing that it read is tweaked within that", r"\1 here in \2"),
    (r"in the (?:context (?:around|\d+ around|'[^']*')|outermost context)", "here"),
    (r"as if no context around that tweaked it", "as if no context around tweaked it"),
    (r"\(inherited", "(computed"),
    # Why a node has no value, and what is known of it elsewhere.
    (r"code-changed", "not-run"),
    (r"\n  (?:not run here, and not known around|it ran once|it rested on|it was |what was known of its function).*", ""),
    (r"\n  not run here", ""),
    (r"masked here: known .*, which read", "masked here: what is known of it read"),
    # What would run.
    (r"\n  asked now, .*", ""),
    # What only a file knows.
    (r"\n  its value is not kept: .*", ""),
    # Whether two values are one object.
    (r"\(one object, which may have been changed in place\)", "(they differ where the text does not show it)"),
)
"""What stands in one text and not in the other, and what both share; `dug.snapshot._details` has the reasons."""
RESTS_ON = ((r"\n  rests on .*(\n    by way of .*)?", ""),)
"""What is not compared where a body opens a context: to a file, a read under its tweaks is one under those in force."""


def as_of_a_file(text, also=()):
    """Return what a context and a file can both know of a text."""
    for said, left in (*UNKNOWN_TO_A_FILE, *also):
        text = re.sub(said, left, str(text))
    return text


def save(ctx, path):
    """Save a context and return the file, which is looked at."""
    snapshot.save(ctx, path)
    return snapshot.look(path)


def assert_explained_alike(ctx, looked, also=()):
    """Explain each node that a context knows, by the context and by its file."""
    for node in ctx.graph():
        assert as_of_a_file(ctx.explain(node), also) == as_of_a_file(looked.explain(node), also), str(node)


@pytest.fixture
def path(tmp_path):
    """Where to save."""
    return tmp_path / "x.dug"


SCENARIOS = {
    "untweaked": ({},),
    "a value": ({kept_book.price.node("A"): 7.0},),
    "a bump": ({kept_book.position.node("B", 5): dug.shift(1.0)},),
    "bumps": ({kept_book.price: dug.scale(2)}, {kept_book.price.node("A"): dug.shift(1.0)}),
    "a replacement": ({kept_book.position: lambda ticker, quantity=10: kept_book.price(ticker)},),
    "untweaked again": ({kept_book.price: dug.scale(2)}, {kept_book.price.node("A"): dug.UNTWEAKED}),
    "below nothing": ({kept_book.book.node(): 1.0}, {kept_book.price.node("A"): 7.0}),
}


@pytest.mark.parametrize("layers", SCENARIOS.values(), ids=SCENARIOS)
def test_a_book_is_explained_alike(path, layers):
    """Values, tweaks of each kind in contexts around, an error that was passed on, and a value that is not kept."""
    with ExitStack() as stack:
        for number, layer in enumerate(layers):
            ctx = stack.enter_context(dug.Context(layer, name=f"layer {number}"))
        kept_book.report()
        with suppress(KeyError):
            kept_book.position("X")
        with save(ctx, path) as looked:
            assert_explained_alike(ctx, looked)
            assert str(ctx.failures()) == str(looked.tabulate_failures())


def test_what_is_masked_is_explained_alike(path):
    """What is known around and does not answer here names the same tweaks."""
    with dug.Context(name="base"):
        kept_book.report()
        with dug.Context({kept_book.price.node("A"): 7.0}) as ctx, save(ctx, path) as looked:
            assert ctx.graph().filter(state="masked")
            assert_explained_alike(ctx, looked)


def test_only_a_file_says_what_is_not_kept(path):
    """The reason why a value is not in a file stands in what it explains."""
    with dug.Context() as ctx:
        kept_book.handle()
        with save(ctx, path) as looked:
            told = looked.explain(kept_book.handle.node()).lines
            own = [line for line in told if line.startswith("  its value is not kept: builtins.object has no codec")]

            assert tuple(line for line in told if line not in own) == ctx.explain(kept_book.handle.node()).lines
            assert len(own) == 1


@pytest.mark.parametrize(
    "crash",
    [
        {market.spot: dug.scale(0.7), market.volatility: dug.scale(1.5)},
        {market.rate.node(): 0.1},
        {market.spot.node("ALFA"): dug.shift(1.0)},
    ],
    ids=["functions", "a value", "a node"],
)
def test_a_crash_is_compared_alike(tmp_path, crash):
    """Two scenarios of the demo, as contexts and as files."""
    with dug.Context() as base:
        book.book_value()
        with dug.Context(crash) as crashed:
            book.book_value()
            told = str(base.compare(crashed, book.book_value.node()))
            one, other = save(base, tmp_path / "a.dug"), save(crashed, tmp_path / "b.dug")
    with one, other:
        found = one.compare(other, book.book_value.node())

        assert str(found) == as_of_a_file(told)
        assert set(found.nodes) <= {change.node for change in one.compare(other)}


def test_a_file_is_compared_with_a_file(path):
    """Anything but a file, and a node that one of them does not have, is refused."""
    with dug.Context() as ctx:
        kept_book.book()
        with save(ctx, path) as looked:
            with pytest.raises(TypeError, match="is not an open file"):
                looked.compare(ctx)
            with pytest.raises(KeyError, match="is not in"):
                looked.compare(looked, kept_book.report.node())


def test_a_replacement_that_asks_for_its_own_node_inside_a_context_does_not_read_itself(tmp_path):
    """A node whose replacement opens a context and asks for the original there has no read of itself, in a file either."""

    @dug.memoize(name="told:x")
    def x():
        return 1

    def replacement():
        with dug.Context(cache=dug.Cache()):
            return x() + 1

    with dug.Context({x: replacement}) as ctx:
        x()
        with save(ctx, tmp_path / "replaced.dug") as looked:
            assert_explained_alike(ctx, looked)


def name_replacements(on_dug):
    """Give each replacement of a program a name of its own, by which a file tells it from the others."""
    for number, replacement in enumerate(on_dug.replacements.values()):
        replacement.__qualname__ = f"replacement{number}"


@st.composite
def pairs(draw):
    """A program and two scenarios of it."""
    return draw(programs), draw(outsides), draw(tweaks(FUNCTIONS)), draw(tweaks(FUNCTIONS)), draw(targets)


@pytest.mark.slow
@settings(max_examples=30)  # each saves and opens two files
@given(pairs())
def test_random_programs_are_told_alike(tmp_path_factory, pair):
    """Whatever a program does, a context and its file explain, list and compare it in the same words."""
    folder = tmp_path_factory.mktemp("told")
    program, outside, first, second, target = pair
    on_dug, opens = ProgramOnDug(program, dict(outside)), "Within" in repr(pair)
    contexts, files = [], []
    for number, tweaked in enumerate((first, second)):
        ctx = dug.Context(on_dug.tweaks(tweaked))
        name_replacements(on_dug)
        with ctx:
            attempt(on_dug.node(target))
        contexts.append(ctx)
        files.append(save(ctx, folder / f"{number}.dug"))
    with files[0], files[1]:
        for ctx, looked in zip(contexts, files, strict=True):
            assert_explained_alike(ctx, looked, RESTS_ON if opens else ())
            assert {str(one.node): one.text for one in ctx.failures()} == {
                one.node: one.text for one in looked.tabulate_failures()
            }
        told = str(contexts[0].compare(contexts[1], on_dug.node(target)))

        assert str(files[0].compare(files[1], str(on_dug.node(target)))) == as_of_a_file(told)
