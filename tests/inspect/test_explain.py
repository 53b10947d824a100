"""Why a node has its value, word for word."""

import re
from contextlib import suppress

import pytest

import dug


@dug.source(name="m:file")
def file(ticker):
    """Looks outside, and fails for one."""
    if ticker == "bad":
        raise FileNotFoundError(ticker)
    return 2.0


@dug.memoize(name="m:spot")
def spot(ticker):
    """Reads nothing."""
    return 100.0


@dug.memoize(name="m:volatility")
def volatility(ticker):
    """Reads a source."""
    return file(ticker)


@dug.memoize(name="m:price")
def price(ticker):
    """Reads both."""
    return spot(ticker) * volatility(ticker)


@dug.memoize(name="m:double")
def double(ticker):
    """Reads a price."""
    return 2 * price(ticker)


@pytest.fixture
def base():
    """A context that knows a price and its dependencies, entered."""
    with dug.Context(name="base") as ctx:
        double("A")
        yield ctx


def explain(ctx, node):
    """Return the explanation with times and line numbers left out."""
    text = re.sub(r" in [\d.,]+ (?:s|ms|us)(?: \([\d.,]+ (?:s|ms|us) by itself\))?", " in T s", str(ctx.explain(node)))
    text = re.sub(r", [\d.,]+ (?:s|ms|us)\)", ")", text)
    return re.sub(r"(\w+\.py):\d+", r"\1:L", text)


def paragraph(text):
    """Return a text without the indentation of the test that it is in."""
    return re.sub(r"^ {8}", "", text.strip("\n"), flags=re.MULTILINE).rstrip()


def test_computed_here(base):
    """A value that was computed here names its dependencies."""
    assert explain(base, price.node("A")) == paragraph("""
        m:price('A') = 200.0
          computed here in T s
          from
            m:spot('A') = 100.0  (computed)
            m:volatility('A') = 2.0  (computed)
    """)


def test_inherited(base):
    """A value that is shared with a context around says with which."""
    with dug.Context(), dug.Context({spot.node("B"): 1.0}) as ctx:
        assert explain(ctx, volatility.node("A")) == paragraph("""
        m:volatility('A') = 2.0
          inherited from the context 'base', computed in T s: nothing that it read is tweaked within that
          from
            m:file('A') = 2.0  (inherited)
        """)


def test_in_a_cache_of_its_own(base):
    """A memo in a cache that the contexts around do not read is computed here, though it read nothing tweaked."""
    with dug.Context(cache=dug.Cache()) as ctx:
        spot("B")

        assert explain(ctx, spot.node("B")) == paragraph("""
        m:spot('B') = 100.0
          computed here in T s
        """)


def test_tweaked_to_a_value(base):
    """A node that is tweaked to a value names the value, and the context."""
    with dug.Context({spot.node("A"): 110.0}, name="up") as ctx, dug.Context() as inner:
        here, inside = explain(ctx, spot.node("A")), explain(inner, spot.node("A"))

    assert here == paragraph("""
        m:spot('A') = 110.0
          tweaked to 110.0 here
          its body does not run
    """)
    assert inside == here.replace("here", "in the context 'up'")


def test_computed_from_tweaks(base):
    """A value that depends on tweaks names each, and the path from there."""
    with dug.Context({spot.node("A"): 110.0}) as ctx:
        double("A")

        assert explain(ctx, double.node("A")) == paragraph("""
        m:double('A') = 440.0
          computed here in T s
          from
            m:price('A') = 220.0  (computed)
          rests on m:spot('A'), tweaked to 110.0 here
            by way of m:price('A')
        """)


def test_bumped(base):
    """A bumped node names the bump, and its value beneath it."""
    with dug.Context({price.node("A"): dug.shift(5)}) as ctx:
        price("A")

        assert explain(ctx, price.node("A")) == paragraph("""
        m:price('A') = 205.0
          bumped by shift(5) here
          computed here in T s
          from
            m:spot('A') = 100.0  (inherited)
            m:volatility('A') = 2.0  (inherited)
        """)


def test_replaced(base):
    """A node whose function is replaced names the function that runs."""

    def flat(ticker):
        return spot(ticker) / 100

    with dug.Context({volatility: flat}) as ctx:
        volatility("A")

        assert explain(ctx, volatility.node("A")) == paragraph("""
        m:volatility('A') = 1.0
          its function is replaced by test_replaced.<locals>.flat here
          computed here in T s
          from
            m:spot('A') = 100.0  (inherited)
        """)


def test_masked_by_a_tweak_of_a_grandparent(base):
    """A masked node names the tweak, the context, and the path of the tweak to it."""
    with dug.Context({spot.node("A"): 110.0}, name="up"), dug.Context(), dug.Context() as ctx:
        assert explain(ctx, double.node("A")) == paragraph("""
        m:double('A'): masked
          masked here: known in the context 'base' = 400.0, which read something tweaked differently here
          masked by m:spot('A'), tweaked to 110.0 in the context 'up'
            by way of m:price('A')
          asked now, 1 would run, and maybe 1 more
        """)


def test_failed(base):
    """A node that failed by itself says where in its file."""
    with suppress(FileNotFoundError):
        price("bad")

    assert explain(base, file.node("bad")) == paragraph("""
        m:file('bad') raised FileNotFoundError: bad
          its own run raised that at test_explain.py:L; asked again, it is tried again
    """)


def test_failed_by_what_it_read(base):
    """A node that passed an error on names the node in which it began, and the path."""
    with suppress(FileNotFoundError):
        price("bad")

    assert explain(base, price.node("bad")) == paragraph("""
        m:price('bad') raised FileNotFoundError: bad
          passed on: the error began in m:file('bad') at test_explain.py:L
          by way of m:file('bad') > m:volatility('bad') > m:price('bad')
          from
            m:spot('bad') = 100.0  (computed)
            m:volatility('bad') raised FileNotFoundError: bad  (failed)
    """)


def test_source(base):
    """A source says that it looked outside."""
    assert explain(base, file.node("A")) == paragraph("""
        m:file('A') = 2.0
          read from outside, as a source, here in T s
    """)


def test_untweaked(base):
    """A node that is untweaked here says so, and where its value comes from."""
    with dug.Context({spot.node("A"): 110.0}), dug.Context({spot.node("A"): dug.UNTWEAKED}) as ctx:
        assert explain(ctx, spot.node("A")) == paragraph("""
        m:spot('A') = 100.0
          untweaked here: as if no context around tweaked it
          inherited from the context 'base', computed in T s: nothing that it read is tweaked within that
        """)


def test_never_run(base):
    """For a node that never ran, the text says that nothing is known of it."""
    assert explain(base, price.node("C")) == paragraph("""
        m:price('C'): not-run
          not run here, and not known around
          asked now, it would run; its dependencies are not known
    """)


def test_invalidated(base):
    """A node that was invalidated says so."""
    base.invalidate(spot.node("A"))

    assert explain(base, spot.node("A")) == paragraph("""
        m:spot('A'): not-run
          it ran once, and then it was invalidated
          asked now, it would run; its dependencies are not known
    """)


def test_rested_on_what_was_invalidated(base):
    """A node that depended on an invalidated one names that, and its own old value."""
    base.invalidate(spot.node("A"))

    assert explain(base, double.node("A")) == paragraph("""
        m:double('A'): not-run
          it rested on m:spot('A'), and then it was invalidated
          it was 400.0 before
          asked now, 1 would run, and maybe 2 more; some of their dependencies are not known
    """)


def test_code_changed(base):
    """A node that depended on a redefined function names that."""

    def define(rate):
        return dug.memoize(name="m:rate")(lambda: rate)

    reader = dug.memoize(name="m:reader")(lambda: rate() + 1)
    rate = define(1)
    reader()
    rate = define(2)

    assert explain(base, reader.node()) == paragraph("""
        m:reader(): code-changed
          it rested on m:rate(), and then closure rate changed, which its function reaches
          it was 2 before
          asked now, 1 would run, and maybe 1 more; some of their dependencies are not known
    """)


def test_an_explanation_runs_nothing(base):
    """To explain is to look: no event and no memo."""
    heard, before = [], len(base.cache)
    with dug.Context({spot.node("A"): 110.0}) as ctx, ctx.listen(heard.append):
        ctx.explain(double.node("A")), ctx.explain(price.node("C"))

    assert heard == []
    assert len(base.cache) == before


def test_only_a_node_can_be_explained(base):
    """Anything but a node is refused with the way to make one."""
    with pytest.raises(TypeError, match=r"is not a node. Write f.node\(x\)"):
        base.explain(price)


@dug.memoize(name="m:step")
def step(number):
    """Reads the step before, and a source at last."""
    return step(number - 1) if number else spot("A") if file("A") else None


def test_a_long_way_is_folded(base):
    """Of many nodes between a tweak and the change, or an error and its effect, the first and the last are named."""
    said = {file.node("A"): 3.0}
    with dug.Context(said) as ctx:
        step(100)
        lines = explain(ctx, step.node(100)).splitlines()
    assert lines[-1] == (
        "    by way of m:step(0) > m:step(1) > m:step(2) > m:step(3) > m:step(4) > m:step(5) > ... 88 more ... > "
        "m:step(94) > m:step(95) > m:step(96) > m:step(97) > m:step(98) > m:step(99)"
    )


def test_an_explanation_is_an_object_that_prints_lines(base):
    """Its text, its representation and its lines are one; two that say the same are equal; a notebook gets a table of reads."""
    told = base.explain(price.node("A"))

    assert not isinstance(told, str)
    assert repr(told) == str(told) == "\n".join(told.lines)
    assert told == base.explain(price.node("A"))
    assert told != base.explain(spot.node("A"))
    assert hash(told) == hash(base.explain(price.node("A")))
    assert told.lines[0] == "m:price('A') = 200.0"
    assert "<th>read</th><th>value</th><th>state</th><th>took</th>" in told._repr_html_()
