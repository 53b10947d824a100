"""What a store compares where ``memoize(digest=)`` says what a value is."""

from __future__ import annotations

import asyncio
import sys
import types

import numpy as np
import pytest

import dug
from dug.stores import _digest


class Model:
    """Has no codec, and says what it is."""

    def __init__(self, version, text="a"):
        self.version, self.text = version, text


ASKED = []
OUTSIDE = {"model": ("1", "a"), "level": 0.31}


def say(value):
    """Return what a model is, and note that it was asked."""
    ASKED.append(value)
    return value.version


@dug.source(digest=say)
def model():
    """Return a model of the outside."""
    return Model(*OUTSIDE["model"])


@dug.memoize(digest=say)
def fitted(number):
    """Return a model that is made anew in each process."""
    return Model(f"{model().version}.{number}")


@dug.memoize
def price(trade):
    """Return something of a model."""
    return [trade, model().version]


@dug.memoize
def total(trade):
    """Return something of a fitted model."""
    return [trade, fitted(trade % 2).version]


@dug.source(digest=lambda value: f"{value:.1f}")
def level():
    """Return a level of the outside."""
    return OUTSIDE["level"]


@dug.memoize
def doubled():
    """Return twice the level."""
    return 2 * level()


@pytest.fixture(autouse=True)
def _outside():
    """Have the outside as it was before and after each test."""
    before = dict(OUTSIDE)
    ASKED.clear()
    yield
    OUTSIDE.update(before)


def names(log):
    """Return the names of the functions that ran."""
    return [node.function.__name__ for node in log.computed]


def test_what_reads_a_value_without_a_codec_is_kept(begin):
    """A value without a codec is made anew in each process, and what read one of the same digest is not computed."""
    with begin():
        first = [total(1), price(1)]
    with begin() as log:
        assert [total(1), price(1)] == first
    assert names(log) == ["model", "fitted"]


def test_a_value_of_another_digest_is_noticed(begin):
    """What had read a value of another digest runs again; one of the same digest may be another value."""
    with begin():
        price(1)
    OUTSIDE["model"] = ("1", "b")
    with begin() as log:
        price(1)
    assert names(log) == ["model"]

    OUTSIDE["model"] = ("2", "a")
    with begin() as log:
        assert price(1) == [1, "2"]
    assert names(log) == ["model", "price"]


def test_a_digest_tolerates_what_it_leaves_out(begin):
    """A value that says the same as the one before serves those who had read that, as ``eq=`` does in memory."""
    with begin():
        assert doubled() == 0.62
    OUTSIDE["level"] = 0.3099
    with begin():
        assert doubled() == 0.62
    OUTSIDE["level"] = 0.36
    with begin():
        assert doubled() == 0.72


def test_a_tweak_is_compared_in_the_same_way(begin):
    """The value of a tweak, and what a replacement gives, has the digest that the function says."""
    with begin():
        base = price(1)
    with begin({model.node(): Model("1", "b")}) as log:
        assert price(1) == base
    assert names(log) == []
    with begin({model: lambda: Model("1", "c")}) as log:
        assert price(1) == base
    assert names(log) == ["model"]
    with begin({model.node(): Model("3")}):
        assert price(1) == [1, "3"]


def test_a_value_that_is_kept_itself_has_the_digest_that_is_said(begin):
    """What a store serves is compared as what was computed: by its digest= and not by its bytes."""

    @dug.memoize(name="said:rounded", digest=lambda value: str(round(value)))
    def rounded():
        return level() + 0.001

    @dug.memoize(name="said:reader")
    def reader():
        return rounded() * 2

    with begin():
        first = reader()
    OUTSIDE["level"] = 0.45
    with begin() as log:
        assert reader() == first
    assert names(log) == ["level", "rounded"]
    with begin() as log:
        assert reader() == first
    assert names(log) == ["level"]


@pytest.mark.parametrize("is_tweaked", [False, True])
def test_a_digest_is_taken_once_for_each_memo(begin, is_tweaked):
    """However many runs have read a value, computed or found, its digest= is called once."""
    tweaks = {model.node(): Model("1")} if is_tweaked else {}
    for _ in range(2):
        ASKED.clear()
        with begin(tweaks):
            for trade in range(20):
                price(trade)
        assert len(ASKED) == 1


@dug.source
def curve():
    """Return numbers to which nobody can write."""
    numbers = np.arange(1_000.0)
    numbers.setflags(write=False)
    return numbers


@dug.memoize
def point(number):
    """Return one of them."""
    return float(curve()[number])


@pytest.mark.parametrize("is_tweaked", [False, True])
def test_numbers_that_nobody_can_write_to_are_digested_once(begin, monkeypatch, is_tweaked):
    """An array that cannot be written to is encoded once for its digest, however many runs have read it."""
    encode, encoded = _digest.codec.encode, []
    monkeypatch.setattr(_digest.codec, "encode", lambda value, **options: encoded.append(value) or encode(value, **options))
    tweaks = {curve.node(): curve.__wrapped__()} if is_tweaked else {}
    for _ in range(2):
        encoded.clear()
        with begin(tweaks):
            for number in range(20):
                point(number)
        assert len([value for value in encoded if isinstance(value, np.ndarray)]) == 1


@dug.source
def window():
    """Return numbers that cannot be written to here, and can through the array that they are a part of."""
    numbers = np.arange(3.0)[:]
    numbers.setflags(write=False)
    return numbers


@dug.memoize
def writes_elsewhere():
    """Change the numbers by that array."""
    found = window()
    found.base[0] += 10.0
    return float(found.sum())


def test_numbers_that_can_be_written_to_elsewhere_are_looked_at_again(begin):
    """An array that shows a part of one that can be written to counts as one that can be."""
    with begin() as log:
        writes_elsewhere()
        assert "changed in place" in log.store.refused[f"{__name__}:writes_elsewhere"]


def test_another_function_says_another_digest(begin, monkeypatch):
    """What one digest= has said of a value is not compared with what another one says, be it the same text."""
    name = "said_edited"
    text = (
        "import dug\n@dug.source(digest=lambda value: value[:1])\ndef word(): return WORD\n"
        "@dug.memoize\ndef first(): return word()\n"
    )

    def run(text, word):
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(text, f"{name}.py", "exec"), vars(module))
        module.WORD = word
        with begin():
            return module.first()

    assert run(text, "ab") == "ab"
    assert run(text, "ac") == "ab"
    assert run(text.replace("value[:1]", "value"), "a") == "a"


@pytest.mark.parametrize(
    ("digest", "said"),
    [(lambda value: 3, "gave 3"), (lambda value: None, "gave None"), (lambda value: value.missing, "raised AttributeError")],
    ids=["number", "none", "failure"],
)
def test_what_is_no_digest_is_refused_by_the_name_of_the_node(begin, request, digest, said):
    """A digest that is no bytes and no text is named once, with its node; what reads that is computed and not kept."""
    name = f"said:bad_{request.node.callspec.id}"

    @dug.memoize(name=name, digest=digest)
    def bad(number):
        return number

    @dug.memoize(name=f"{name}_reads")
    def reads_bad(number):
        return bad(number)

    with begin() as log:
        with pytest.warns(RuntimeWarning, match=rf"digest= of {name}\(1\) {said}.* Write digest="):
            assert reads_bad(1) == 1
        assert reads_bad(2) == 2
        refused = log.store.refused[f"{name}_reads"]

    assert refused == f"it reads {name}(2), whose digest= gives neither bytes nor a text"


def test_bytes_and_a_text_are_two_digests(begin):
    """The same letters as bytes and as a text stand for different values."""
    kinds = iter(("a", b"a"))

    @dug.source(name="said:letters", digest=lambda value: value)
    def letters():
        return next(kinds)

    @dug.memoize(name="said:kind")
    def kind():
        return type(letters()).__name__

    with begin():
        assert kind() == "str"
    with begin():
        assert kind() == "bytes"


def test_a_coroutine_function_has_one(begin):
    """The digest of what a coroutine function gives is what its digest= says."""

    @dug.memoize(name="said:slow", digest=say, store=False)
    async def slow():
        return Model("1")

    @dug.memoize(name="said:waits")
    async def waits():
        return (await slow()).version

    for computed in (["waits", "slow"], ["slow"]):
        with begin() as log:
            assert asyncio.run(waits()) == "1"
        assert sorted(names(log)) == sorted(computed)


@pytest.mark.parametrize(("digest", "error"), [(5, "digest must be a function"), ("sha256", "digest must be a function")])
def test_an_option_that_is_no_function_is_refused(digest, error):
    """The error names the option, and says what to write."""
    with pytest.raises(TypeError, match=rf"{error}.* Write digest="):
        dug.memoize(digest=digest)


def test_a_stream_has_no_digest():
    """A generator function is refused by its name, with what to leave out."""
    with pytest.raises(TypeError, match=r"rows gives a stream, which has no digest: leave digest= out"):

        @dug.memoize(digest=repr)
        def rows():
            yield 1
