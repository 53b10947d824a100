"""``dug run`` calls a function of the current folder, under tweaks."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dug

ROOT = Path(dug.__file__).parent.parent

pytestmark = pytest.mark.usefixtures("pricing")


def test_a_function_is_called(dug_says):
    """The value of a memoised function is printed."""
    said = dug_says("run", "pricing:book")

    assert (said.status, said.out, said.err) == (0, "39500.0\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ["pricing:position", "AAPL", "2"],
        ["pricing:position", "AAPL", "quantity=2"],
        ["pricing:position('AAPL', 2)"],
        ["pricing:position(AAPL, 2)"],
        ["pricing:position(AAPL, quantity=2)"],
    ],
)
def test_arguments_are_literals(dug_says, words):
    """Words, keywords and the text of a node, with or without quotes, name the same call."""
    assert dug_says("run", *words).out == "380.0\n"


def test_a_negative_number_is_an_argument(dug_says):
    """A minus sign does not make an option."""
    assert dug_says("run", "pricing:position", "AAPL", "-2").out == "-380.0\n"


def test_a_plain_function_is_called_in_a_context(dug_says):
    """A function that is not memoised may call one that is; text is printed as it is."""
    assert dug_says("run", "pricing:report", "AAPL", "MSFT", "separator=';'").out == "AAPL:190.0;MSFT:410.0\n"


def test_a_coroutine_function_is_awaited(dug_says):
    """An awaitable is awaited, on asyncio."""
    assert dug_says("run", "pricing:later", "AAPL").out == "190.0\n"


@pytest.mark.parametrize(
    ("tweak", "value"),
    [
        ("pricing:spot('AAPL')=100.0", 30500.0),
        ("pricing:spot=scale(0.5)", 19750.0),
        ("pricing:position('AAPL', years=1, quantity=100)=shift(1)", 39501.0),
        ("spot('AAPL')=100.0", 30500.0),
        ("spot(AAPL)=100.0", 30500.0),
        ("spot(ticker=AAPL)=100.0", 30500.0),
        ("spot=x0.5", 19750.0),
        ("spot(AAPL)=+10", 40500.0),
        ("spot(AAPL)=+-10", 38500.0),
        ("position(AAPL, 100)=-1", 20499.0),
        ("book=5", 5),
        ("book()=5", 5),
    ],
)
def test_a_tweak_changes_the_value(dug_says, tweak, value):
    """A node to a value, a function or a node to a bump; a function without parameters is its only node."""
    assert dug_says("run", "pricing:book", "--tweak", tweak).out == f"{value}\n"


DESK = """\
import datetime

import dug
from pricing import book, spot
from pricing import spot as quote


@dug.memoize
def path(office: str) -> str:
    return f"{office}.csv"


@dug.memoize
def today() -> datetime.date:
    return datetime.date(2024, 1, 31)


@dug.memoize
def report(day: datetime.date, office: str, *offices: str) -> str:
    return f"{type(day).__name__} {today():%d.%m.} {quote('AAPL')} {' '.join(map(path, (office, *offices)))}"


def plain(day: datetime.date, scale: float = 1):
    return f"{day:%d.%m.} {spot('MSFT') * scale}"
"""


@pytest.fixture
def desk(pricing):
    """A module that takes functions from another one, and whose functions are annotated."""
    (pricing / "desk.py").write_text(DESK)
    yield pricing
    sys.modules.pop("desk", None)


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["desk:report", "2024-01-31", "lisbon", "600519"], "date 31.01. 190.0 lisbon.csv 600519.csv"),
        (["desk:report(2024-01-31, lisbon, 600519)"], "date 31.01. 190.0 lisbon.csv 600519.csv"),
        (["desk:plain", "2024-01-31", "scale=2"], "31.01. 820.0"),
        (["desk:plain(2024-01-31, scale=2)"], "31.01. 820.0"),
        (["desk:report", "2024-01-31", "oslo", "--tweak", "path(oslo)=2024"], "date 31.01. 190.0 2024"),
        (["desk:report", "2024-01-31", "oslo", "--tweak", "path(oslo)=a/b.csv"], "date 31.01. 190.0 a/b.csv"),
        (["desk:report", "2024-01-31", "oslo", "--tweak", "today=2025-12-24"], "date 24.12. 190.0 oslo.csv"),
        (["desk:report", "2024-01-31", "oslo", "--tweak", "quote(AAPL)=5"], "date 31.01. 5 oslo.csv"),
        (["desk:report", "2024-01-31", "oslo", "--tweak", "spot=x0.5"], "date 31.01. 95.0 oslo.csv"),
        (["desk:plain", "2024-01-31", "--tweak", "pricing:spot(MSFT)=1"], "31.01. 1"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_words_are_what_the_annotations_say(dug_says, words, out):
    """Digits are text where text is taken and a day is a date; a function is found where the target's module has it."""
    said = dug_says("run", *words)

    assert (said.out, said.err) == (f"{out}\n", "")


def test_a_function_without_its_module_is_found_where_it_is(dug_says, desk):
    """What the module of the target has not imported is found in the module that has it; two of one name are named."""
    (desk / "front.py").write_text("import desk\n\n\ndef both():\n    return desk.path('oslo')\n")
    assert dug_says("run", "front:both", "--tweak", "path(oslo)=x.csv").out == "x.csv\n"

    (desk / "front.py").write_text((desk / "front.py").read_text().replace("import desk\n", "import desk\nimport other\n"))
    (desk / "other.py").write_text("import dug\n\n\n@dug.memoize\ndef path(office):\n    return office\n")
    sys.modules.pop("front")
    complaint = dug_says("run", "front:both", "--tweak", "path(oslo)=x.csv").complaint
    sys.modules.pop("other")
    sys.modules.pop("front")

    assert "path can be desk:path, other:path. Write it with its module." in complaint


@pytest.mark.parametrize("name", ["json", "dug.sources:json"])
def test_a_source_of_dug_needs_no_module(dug_says, pricing, name):
    """A source of `dug.sources` is found by its name alone, before a program has read a file."""
    (pricing / "pricing.py").write_text("from dug import sources\n\n\ndef rate():\n    return sources.json('a.json')['EUR']\n")

    assert dug_says("run", "pricing:rate", "--tweak", f"{name}(a.json)={{'EUR': 2}}").out == "2\n"


@pytest.mark.usefixtures("desk")
def test_a_value_that_no_annotation_takes_is_one_readable_line(dug_says):
    """The refusal of a tweak names the node and what to type."""
    said = dug_says("run", "desk:report", "2024-01-31", "oslo", "--tweak", "today=tomorrow")

    assert said.status == 2
    assert "desk:today() is annotated -> datetime.date, and cannot be 'tomorrow', a str." in said.complaint


def test_several_tweaks_are_in_force_together(dug_says):
    """The option may be repeated, and come before the function."""
    said = dug_says("run", "--tweak", "pricing:spot('AAPL')=1.0", "pricing:book", "--tweak", "pricing:spot('MSFT')=1.0")

    assert said.out == "150.0\n"


def test_a_dict_is_printed_in_its_own_order(dug_says, pricing):
    """The keys of a value stand as the program put them, in one line or in several."""
    (pricing / "pricing.py").write_text("def short():\n    return {'rates': 1, 'equity': [{'b': 1, 'a': 2}]}\n")
    with (pricing / "pricing.py").open("a") as code:
        code.write("\n\ndef long():\n    return {'z' * 60: 1, 'a' * 60: 2}\n")

    assert dug_says("run", "pricing:short").out == "{'rates': 1, 'equity': [{'b': 1, 'a': 2}]}\n"
    assert dug_says("run", "pricing:long").out == f"{{'{'z' * 60}': 1,\n '{'a' * 60}': 2}}\n"


def test_json_is_json(dug_says):
    """A program can read the value."""
    said = json.loads(dug_says("run", "pricing:book", "--json").out)

    assert said == {"value": 39500.0, "error": None, "unread_tweaks": []}


def test_json_tells_an_error(dug_says):
    """A program reads one form, whether the call succeeds or fails."""
    said = dug_says("run", "pricing:spot", "IBM", "--json")
    error = json.loads(said.out)["error"]

    assert said.status == 1
    assert (error["type"], error["text"]) == ("builtins:KeyError", "'IBM'")
    assert 'return {"AAPL": 190.0' in error["traceback"]
    assert "/dug/" not in error["traceback"]


def test_an_error_is_one_line(dug_says):
    """The function's exception is named, and the status is 1."""
    said = dug_says("run", "pricing:spot", "IBM")

    assert said.status == 1
    assert said.out == ""
    assert said.complaint == "dug run: pricing:spot failed: KeyError: 'IBM'"


@pytest.mark.parametrize(("tickers", "status"), [("'AAPL'", 0), ("'AAPL', 'IBM'", 1)])
def test_a_batch_that_failed_in_part_is_no_success(dug_says, pricing, tickers, status):
    """Where ``run_all`` could not compute everything, the status says so; any other value has none."""
    code = (pricing / "pricing.py").read_text()
    batch = f"def night():\n    return dug.current_context().run_all(map(spot.node, ({tickers},)))\n"
    (pricing / "pricing.py").write_text(f"{code}\n\n{batch}")
    said = dug_says("run", "pricing:night")

    assert said.status == status
    assert said.out.startswith("<Batch: 1 computed, ")


def test_a_traceback_is_printed_when_asked_for(dug_says):
    """``--traceback`` prints the full traceback."""
    said = dug_says("run", "pricing:spot", "IBM", "--traceback")

    assert said.status == 1
    assert 'return {"AAPL": 190.0' in said.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere:book"], "No module named 'nowhere'"),
        (["pricing:nothing"], "no attribute 'nothing'"),
        (["pricing:bok"], "Did you mean pricing:book?"),
        (["pricing.py:book"], "Write the module as import does: pricing:book."),
        (["./desk/pricing.py:book"], "Write the module as import does: desk.pricing:book."),
        (["pricing"], "Write it as module:function"),
        (["pricing:number"], "cannot be called"),
        (["pricing:book", "1"], "book() takes 0 positional arguments"),
        (["pricing:report", "separators=1"], "unexpected keyword argument 'separators'"),
        (["pricing:spot", "[1"], "'[1' is not a literal"),
        (["pricing:spot", "[1]"], "cannot be part of a node"),
        (["pricing:spot('AAPL')", "1"], "has its arguments already"),
        (["pricing:spot(AAPL)x"], "there is no 'pricing:spot(AAPL)x'"),
        (["pricing:spot(<Trade>)"], "With --load FILE, the text of a node of the file will do"),
        (["pricng:book"], "Did you mean pricing:book?"),
        (["book"], "Write it as module:function"),
        (["pricing:book", "--tweak", "pricing:spot"], "is not a tweak"),
        (["pricing:book", "--tweak", "pricing:spot=5"], "Write pricing:spot(ticker)=5 with the arguments of the node, or"),
        (["pricing:book", "--tweak", "spt(AAPL)=5"], "there is no memoised function spt in pricing. Did you mean spot?"),
        (["pricing:book", "--tweak", "pricing:spt(AAPL)=5"], "Did you mean pricing:spot?"),
        (["pricing:book", "--tweak", "report=x2"], "pricing:report is not a memoised function. Decorate it with @dug.memoize."),
        (["pricing:book", "--tweak", "spot(AAPL, 2)=5"], "spot(AAPL, 2) is not possible: spot() takes"),
        (["pricing:book", "--tweak", "pricing:nothing(1)=5"], "pricing:nothing"),
        (["pricing:book", "--tweak", "pricing:spot('A')=[1"], "'[1' is not a literal"),
    ],
)
def test_a_wrong_command_line_is_one_readable_line(dug_says, words, complaint):
    """A word that cannot be read is named, nothing runs, and the status is not 0."""
    said = dug_says("run", *words)

    assert said.status in (1, 2)
    assert said.out == ""
    assert complaint in said.complaint


def test_an_error_of_many_lines_is_one(dug_says, pricing):
    """Whatever the message of a failing module or function is, the complaint is one line."""
    (pricing / "broken.py").write_text('raise ImportError("first\\nsecond")\n')
    (pricing / "pricing.py").write_text('def fail():\n    raise ValueError("first\\nsecond")\n')

    assert "first second" in dug_says("run", "broken:f").complaint
    assert "first\\nsecond" in dug_says("run", "pricing:fail").complaint


def test_typed_text_is_not_run(dug_says, tmp_path):
    """No argument, tweak or node is evaluated."""
    canary = tmp_path / "canary"
    attack = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    for words in (
        [f"pricing:spot({attack})"],
        ["pricing:spot", attack],
        ["pricing:book", "--tweak", f"pricing:spot('A')={attack}"],
    ):
        assert dug_says("run", *words).status == 2

    assert not canary.exists()


def test_the_current_folder_comes_first(dug_says, tmp_path):
    """A module is found without being installed."""
    assert str(tmp_path) not in sys.path
    assert dug_says("run", "pricing:book").status == 0


def test_a_run_starts_from_a_file(dug_says, pricing):
    """With ``--load``, only nodes that a tweak changes run; all others come from the file."""
    pytest.importorskip("dug.snapshot")
    log = pricing / "log.txt"
    code = pricing / "pricing.py"
    note = f'    with open({str(log)!r}, "a") as log:\n        log.write(ticker + " ")\n'
    code.write_text(code.read_text().replace('    """A position."""\n', note))
    dug_says("run", "pricing:book", "--save", "a.dug")
    log.unlink()
    said = dug_says("run", "pricing:book", "--load", "a.dug", "--tweak", "pricing:spot('MSFT')=400.0", "--save", "b.dug")

    assert said.out == "39000.0\n"
    assert log.read_text() == "MSFT "


def test_a_run_from_a_file_says_what_changed(dug_says):
    """A table on the error stream has the nodes that are not what the file says, the targets first, and why."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    said = dug_says("run", "pricing:book", "--load", "night.dug", "--tweak", "spot(AAPL)=x0.5")

    assert (said.status, said.out) == (0, "30000.0\n")
    assert said.err.splitlines() == [
        "since night.dug, 3 of 5 nodes changed",
        "node                              was      is       because",
        "pricing:book()                    39500.0  30000.0  pricing:position('AAPL', 100, 1)",
        "pricing:position('AAPL', 100, 1)  19000.0  9500.0   pricing:spot('AAPL')",
        "pricing:spot('AAPL')              190.0    95.0     a tweak",
    ]


def test_a_program_reads_what_changed(dug_says):
    """With ``--json`` the changes are part of the object, and the error stream is empty."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    said = dug_says("run", "pricing:book", "--load", "night.dug", "--tweak", "spot(AAPL)=x0.5", "--json")
    changed = json.loads(said.out)["changed"]

    assert said.err == ""
    assert changed[-1] == {"node": "pricing:spot('AAPL')", "was": "190.0", "now": "95.0", "because": "a tweak"}
    assert json.loads(dug_says("run", "pricing:book", "--load", "night.dug", "--json").out)["changed"] == []


@pytest.fixture
def started(pricing, tmp_path_factory):
    """A file that a program saved which was started itself: its three nodes are of ``__main__``."""
    pytest.importorskip("dug.snapshot")
    program = tmp_path_factory.mktemp("started") / "pricing.py"
    save = "\n\nfrom dug import snapshot\n\nwith dug.Context() as ctx:\n    position('AAPL', 2)\n    position('AAPL', 3)\n"
    program.write_text(f"{(pricing / 'pricing.py').read_text()}{save}    snapshot.save(ctx, 'my night.dug')\n")
    subprocess.run([sys.executable, str(program)], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("pricing:position", "AAPL", "2"), "pricing:position AAPL 2"),
        (("pricing:position('AAPL', 2)",), """'pricing:position('"'"'AAPL'"'"', 2)'"""),
    ],
)
@pytest.mark.slow
def test_nodes_of_a_started_program_are_said_to_be_unused(dug_says, words, typed):
    """Nodes of ``__main__`` are those of no module: a line says so and what to type, and ``--json`` lists them."""
    said = dug_says("run", *words, "--load", "my night.dug")
    pending = json.loads(dug_says("run", *words, "--load", "my night.dug", "--json").out)["pending"]

    assert (said.status, said.out) == (0, "380.0\n")
    assert said.complaint == (
        "dug run: 3 of 3 nodes of my night.dug are of __main__, the program that saved it, and were not used. "
        f"To save them by the name of their module, type: dug run {typed} --save 'my night.dug'"
    )
    nodes = ("position('AAPL', 2, 1)", "position('AAPL', 3, 1)", "spot('AAPL')")
    assert sorted(pending) == [f"__main__:{node}" for node in nodes]


def test_a_file_of_another_program_is_said_to_be_unused(dug_says, pricing):
    """Where no function of the file is there, a line names some, and says how to list the nodes."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    (pricing / "later.py").write_text("def f():\n    return 1\n")
    sys.modules.pop("pricing")
    gc.collect()
    said = dug_says("run", "later:f", "--load", "night.dug")
    sys.modules.pop("later")

    assert (said.status, said.out) == (0, "1\n")
    assert said.complaint == (
        "dug run: nothing of night.dug was used: later:f imports none of its functions, such as pricing:book. "
        "To list its nodes, type: dug show night.dug --all"
    )


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (("pricing:book", "--refresh"), None),
        (("pricing:book",), None),
        (("pricing:spot('MSFT')", "--tweak", "spot(AAPL)=5"), None),
        (("pricing:book", "--tweak", "spot(AAPL)=190.0"), None),
        (("pricing:book", "--tweak", "book=5"), "since night.dug, 1 of 5 nodes changed"),
        (("pricing:book", "--tweak", "position=+1"), "since night.dug, 3 of 5 nodes changed"),
        (("pricing:both", "--tweak", "spot(AAPL)=5"), "since night.dug, 3 of 5 nodes changed, 2 are new"),
    ],
)
def test_what_is_as_in_the_file_is_not_listed(dug_says, pricing, words, first):
    """A node that ran again and is the same has not changed, nor has one that nobody asked for; new ones are counted."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    code = pricing / "pricing.py"
    code.write_text(f"{code.read_text()}\n\n@dug.memoize\ndef both():\n    return book() + position('AAPL', 1)\n")
    del sys.modules["pricing"]
    lines = dug_says("run", *words, "--load", "night.dug").err.splitlines()
    table = [line for line in lines if not line.startswith("dug run: no node read the tweak")]

    assert table[:1] == ([first] if first else [])
    assert not table or table[-1].endswith("a tweak")


def test_a_failure_that_is_mended_has_changed(dug_says):
    """What failed in the file and has a value now is told with its error; what fails again as it did is not."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:position", "IBM", "2", "--save", "night.dug")
    mended = dug_says("run", "pricing:position", "IBM", "2", "--load", "night.dug", "--tweak", "spot(IBM)=5")
    again = dug_says("run", "pricing:position", "IBM", "2", "--load", "night.dug")

    assert mended.out == "10\n"
    assert "pricing:position('IBM', 2, 1)  failed: KeyError: 'IBM'  10  pricing:spot('IBM')" in mended.err
    assert "since" not in again.err


def test_a_failed_run_is_saved(dug_says, pricing):
    """A file is written whatever failed: then it is needed most."""
    pytest.importorskip("dug.snapshot")
    said = dug_says("run", "pricing:spot", "IBM", "--save", "failed.dug")

    assert said.status == 1
    assert "1 failure from 1 error" in said.err
    assert (pricing / "failed.dug").exists()


ODD = """\
import dug


class Odd(Exception):
    def __str__(self):
        raise RuntimeError


@dug.memoize
def odd():
    raise Odd


class Shy:
    def __repr__(self):
        raise RuntimeError


@dug.memoize
def shy():
    return Shy()


@dug.memoize
def half():
    return "\\ud800"


@dug.memoize
def long():
    return 10**5000


@dug.memoize
def pairs():
    return {(1, 2): float("nan"), 3: [(float("-inf"), None)]}


@dug.memoize
def circle():
    found = []
    found.append(found)
    return found


@dug.memoize
def stopped():
    pairs()
    raise KeyboardInterrupt
"""


@pytest.fixture
def odd(pricing):
    """A module whose values are hard to print."""
    (pricing / "odd.py").write_text(ODD)
    yield pricing
    sys.modules.pop("odd", None)


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("name", ["odd", "shy", "half", "long", "pairs", "circle"])
def test_what_cannot_be_printed_is_saved_all_the_same(dug_says, odd, name, options):
    """However a value or an error prints, there is no traceback, and the file is written."""
    pytest.importorskip("dug.snapshot")
    said = dug_says("run", f"odd:{name}", "--save", "odd.dug", *options)

    assert said.status == (1 if name == "odd" else 0)
    assert "odd.dug: 1 node, " in said.err
    assert "Traceback" not in said.err


def test_a_value_that_json_has_no_word_for_has_a_tag(dug_says, odd):
    """Any program can read the output: neither NaN nor infinity is JSON, nor is a key that is not a text."""

    def refuse(word):
        raise AssertionError(word)

    said = dug_says("run", "odd:pairs", "--json").out
    pairs = [[{"$tuple": [1, 2]}, {"$float": "nan"}], [3, [{"$tuple": [{"$float": "-inf"}, None]}]]]

    assert json.loads(said, parse_constant=refuse)["value"] == {"$dict": pairs}


def test_an_interrupted_run_is_saved(dug_says, odd):
    """Nodes computed before Ctrl-C are in the file."""
    pytest.importorskip("dug.snapshot")
    said = dug_says("run", "odd:stopped", "--save", "odd.dug")

    assert said.status == 130
    assert (odd / "odd.dug").exists()


@pytest.mark.parametrize("words", [["broken:f"], ["broken:f(1)"], ["pricing:book", "--tweak", "broken:f(1)=2"]])
@pytest.mark.parametrize(
    ("code", "what"), [("1 / 0", "ZeroDivisionError"), ("def f(:", "SyntaxError"), ("int('x')", "ValueError")]
)
def test_a_module_that_fails_is_one_readable_line(dug_says, pricing, words, code, what):
    """The complaint names the module, the error and the place."""
    (pricing / "broken.py").write_text(f"\n{code}\n")
    said = dug_says("run", *words)

    assert said.status == 1
    assert f"broken cannot be imported: {what}: " in said.complaint
    assert "line " in said.complaint


def test_code_that_changed_since_a_file_is_said_and_run_when_asked(dug_says, pricing):
    """Values of a changed function are never used without a word."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "a.dug")
    code = pricing / "pricing.py"
    code.write_text(code.read_text().replace("return quantity", "return 10 * quantity"))
    del sys.modules["pricing"]
    said = dug_says("run", "pricing:book", "--load", "a.dug")

    assert said.out == "39500.0\n"
    assert "pricing:position changed since a.dug was saved" in said.complaint
    assert said.complaint.endswith("--recompute-changed")
    said = dug_says("run", "pricing:book", "--load", "a.dug", "--recompute-changed")

    assert said.out == "395000.0\n"
    assert "--recompute-changed" not in said.err
    assert "its function" in said.err


TRADES = """\
import attrs
import dug
from dug import codec


@codec.register
@attrs.frozen
class Trade:
    ticker: str

    @dug.memoize
    def value(self):
        return {"AAPL": 100.0}[self.ticker]


@dug.memoize
def book():
    return sum(trade.value() for trade in (Trade("AAPL"), Trade("NOPE")))
"""


def test_a_node_of_the_file_is_tweaked_by_its_text(dug_says, pricing, monkeypatch):
    """With ``--load``, the text that dug prints of a node names it, also if its arguments are not literals."""
    monkeypatch.delitem(sys.modules, "trades", raising=False)
    (pricing / "trades.py").write_text(TRADES)
    assert dug_says("run", "trades:book", "--save", "night.dug").status == 1
    tweak = "trades:Trade.value(Trade(ticker='NOPE'))=5.0"

    assert dug_says("run", "trades:book", "--load", "night.dug", "--tweak", tweak).out == "105.0\n"
    said = dug_says("run", "trades:book", "--tweak", tweak)
    assert said.status == 2
    assert "With --load FILE, the text of a node of the file will do" in said.complaint
    said = dug_says("run", "trades:book", "--load", "night.dug", "--tweak", tweak.replace("NOPE", "GONE"))
    assert "The file has no such node" in said.complaint


def test_a_tweak_that_cannot_be_called_is_named(dug_says):
    """The error of a wrong number of arguments names the tweak."""
    said = dug_says("run", "pricing:book", "--tweak", "pricing:spot('AAPL', 2)=3")

    assert said.status == 2
    assert "pricing:spot('AAPL', 2) is not possible" in said.complaint


def test_a_file_that_cannot_be_written_is_refused_before_the_work(dug_says, pricing):
    """A night's work is not lost to a folder that is not there."""
    said = dug_says("run", "pricing:spot", "AAPL", "--save", "nowhere/night.dug")

    assert (said.status, said.out) == (2, "")
    assert "nowhere/night.dug cannot be written: No such file or directory. Nothing has run yet" in said.complaint


def link_to_device(path):
    """Make a link to a device that swallows all."""
    path.symlink_to("/dev/null")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
@pytest.mark.parametrize("kind", ["pipe", "link to a device"])
def test_a_target_that_is_no_file_is_refused_before_the_work(dug_says, pricing, tmp_path, monkeypatch, kind):
    """A pipe or a device is left alone, and nothing has run for it."""
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "night.dug"
    {"pipe": os.mkfifo, "link to a device": link_to_device}[kind](target)
    before = target.lstat()

    said = dug_says("run", "pricing:spot", "AAPL", "--save", "night.dug")

    assert (said.status, said.out) == (2, "")
    assert "only a regular file can be replaced. Nothing has run yet" in said.complaint
    assert (target.lstat().st_mode, target.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert list(pricing.glob(".*.saving")) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("pricing:position", "AAPL", "quantity=1", "quantity=2"), "quantity is given twice: quantity=1 and quantity=2"),
        (("pricing:book", "--save", "a.dug", "--save", "b.dug"), "--save is given twice"),
        (("pricing:book", "--tweak", "pricing:spot('AAPL')=1", "--tweak", 'pricing:spot(ticker="AAPL")=2'), "is tweaked twice"),
        (("pricing:book", "--invalidate", "pricing:spot"), "--invalidate is about the file of --load"),
        (("pricing:book", "--refresh"), "--refresh is about the file of --load"),
        (("pricing:report", "AAPL", "--sav", "x.dug"), "there is no option --sav. Did you mean --save?"),
        (("pricing:report", "-x"), "there is no option -x. To pass it as text"),
        (("pricing:book", "--tweak", "pricing:spot('AAPL')=false"), "Write False, or"),
        (("pricing:book", "--tweak", "pricing:spot('AAPL')=untweaked"), "Write UNTWEAKED, or"),
        (("pricing:book", "--tweak", "pricing:spot('AAPL')=scale"), "Write scale(x), or"),
        (("pricing:book", "--tweak", "pricing:spot('AAPL')=scale('x')"), "scale() takes a number"),
        (("pricing:book", "--tweak", "pricing:spot('AAPL')=scale(1, 2)"), "scale() takes 1 positional argument but 2 were given"),
        (("pricing:book", "--recompute-changed"), "Add --load FILE"),
    ],
)
def test_a_slip_is_no_value(dug_says, words, complaint):
    """A word that is nearly an option, a truth value or a bump is not taken for text."""
    said = dug_says("run", *words)

    assert (said.status, said.out) == (2, "")
    assert complaint in said.complaint


def test_a_module_that_lacks_another_says_which(dug_says, pricing):
    """The module is there; a module that it imports is not."""
    (pricing / "lacking.py").write_text("import nonexistent_package\n")
    said = dug_says("run", "lacking:f")

    assert said.status == 1
    assert "lacking cannot be imported: No module named 'nonexistent_package'" in said.complaint


def test_a_source_that_changed_is_read_again(dug_says, pricing):
    """With ``--load``, one source or all are read again, and their dependents run if the values changed."""
    pytest.importorskip("dug.snapshot")
    code = pricing / "pricing.py"
    prices = pricing / "prices.txt"
    prices.write_text("1.0")
    read = f"float(__import__('pathlib').Path({str(prices)!r}).read_text())"
    code.write_text(code.read_text().replace('{"AAPL": 190.0, "MSFT": 410.0}[ticker]', read))
    dug_says("run", "pricing:book", "--save", "night.dug")
    prices.write_text("2.0")

    def run(*words):
        return dug_says("run", "pricing:book", "--load", "night.dug", *words).out

    assert run() == "150.0\n"
    assert run("--refresh") == "300.0\n"
    assert run("--invalidate", "pricing:spot") == "300.0\n"
    assert run("--invalidate", "pricing:spot('MSFT')") == "200.0\n"
    assert run("--invalidate", "pricing:spot('MSFT')", "--invalidate", "pricing:spot('AAPL')") == "300.0\n"
    assert run("--invalidate", "pricing:book") == "150.0\n"


def test_a_file_without_sources_has_nothing_to_refresh(dug_says, pricing):
    """``--refresh`` says so when it selects no node, and the value is that of the file."""
    pytest.importorskip("dug.snapshot")
    (pricing / "plain.py").write_text("import dug\n\n@dug.memoize\ndef one():\n    return 1\n")
    dug_says("run", "plain:one", "--save", "night.dug")
    said = dug_says("run", "plain:one", "--load", "night.dug", "--refresh")

    assert (said.status, said.out) == (0, "1\n")
    assert "night.dug has no node of a source, so --refresh reads nothing again" in said.complaint


@pytest.mark.parametrize("name", ["pricing:spot('IBM')", "pricing:later", "pricing:nothing", "pricing:spot(", "nowhere:f"])
def test_what_is_not_in_the_file_cannot_be_invalidated(dug_says, name):
    """A slip in a name does not pass for a source that was read again."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    said = dug_says("run", "pricing:book", "--load", "night.dug", "--invalidate", name)

    assert (said.status, said.out) == (2, "")
    assert name.rstrip("(") in said.complaint


@pytest.mark.parametrize(
    ("target", "tweak", "hint"),
    [
        ("pricing:book", "pricing:spot('IBM')=5.0", "these were read: pricing:spot('AAPL'), pricing:spot('MSFT')."),
        ("pricing:book", "pricing:later=scale(2)", "Nobody asked for a node of its function."),
        ("pricing:book", "pricing:position('AAPL', 100, 2)=5.0", "these were read: pricing:position('AAPL', 100, 1)"),
        ("pricing:report('MSFT')", "pricing:spot('AAPL')=5.0", "these were read: pricing:spot('MSFT')."),
        ("pricing:book", "spot(APPL)=5.0", "Did you mean pricing:spot('AAPL')? Of its function, these were read: "),
    ],
)
def test_a_tweak_that_nobody_read_is_said(dug_says, target, tweak, hint):
    """A tweak of a node that the call does not depend on changes nothing, and is reported, to programs too."""
    words = ("pricing:report", "MSFT") if target.startswith("pricing:report") else (target,)
    said = dug_says("run", *words, "--tweak", tweak, "--json")
    name = tweak.rpartition("=")[0]

    assert said.status == 0
    assert said.complaint.startswith(f"dug run: no node read the tweak of {name}. ")
    assert said.complaint.endswith(hint) or hint in said.complaint
    assert json.loads(said.out)["unread_tweaks"] == [name]


def test_what_read_a_tweak_in_the_file_only_has_not_read_it(dug_says):
    """Memos of the file under other tweaks, which nobody asked for, do not count."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    said = dug_says("run", "pricing:spot('MSFT')", "--load", "night.dug", "--tweak", "pricing:spot('AAPL')=5.0")

    assert (said.status, said.out) == (0, "410.0\n")
    assert "no node read the tweak of pricing:spot('AAPL')" in said.complaint


@pytest.mark.parametrize(
    ("words", "tweak"),
    [
        (("pricing:book",), "pricing:spot('AAPL')=5.0"),
        (("pricing:book",), "pricing:spot=scale(2)"),
        (("pricing:book",), "pricing:book()=5.0"),
        (("pricing:book",), "pricing:position=shift(1)"),
        (("pricing:book",), "pricing:spot('AAPL')=UNTWEAKED"),
        (("pricing:report", "MSFT"), "pricing:spot('MSFT')=5.0"),
        (("pricing:report", "MSFT"), "pricing:spot=scale(2)"),
        (("pricing:book", "--load", "night.dug"), "pricing:spot('AAPL')=5.0"),
        (("pricing:book", "--load", "night.dug"), "pricing:position=shift(1)"),
    ],
)
def test_a_tweak_that_was_read_is_not_complained_of(dug_says, words, tweak):
    """Whether a node or a plain function read it, in this process or on top of a file."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "night.dug")
    said = dug_says("run", *words, "--tweak", tweak)

    assert said.status == 0
    assert "no node read the tweak" not in said.err


def test_no_text_that_is_printed_steers_a_terminal(dug_says, pricing):
    """Texts keep their lines and tabs; characters that move a cursor, set a title or turn the writing direction are shown."""
    (pricing / "pricing.py").write_text('def paint():\n    return "a\\tb\\r\\n\\x1b[2J\\x9b1m\\u202e\\x07 \u65e5"\n')
    said = dug_says("run", "pricing:paint")

    assert said.out == "a\tb\\r\n\\x1b[2J\\x9b1m\\u202e\\x07 \u65e5\n"
    assert "\x9b" not in dug_says("run", "pricing:paint", "--json").out


def test_a_traceback_has_the_users_frames_only(dug_says):
    """Between two functions of the user's there is no frame of the library's."""
    said = dug_says("run", "pricing:position", "IBM", "5", "--traceback")

    assert said.err.count('File "') == 2
    assert "in position" in said.err
    assert "in spot" in said.err
    assert "/dug/" not in said.err


def test_a_module_that_leaves_is_one_readable_line(dug_says, pricing):
    """Importing it ends neither the command nor the story."""
    (pricing / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    said = dug_says("run", "leaving:f")

    assert said.status == 1
    assert "leaving cannot be imported: it called sys.exit(3)" in said.complaint


def test_a_file_is_saved_where_it_was_named(dug_says, pricing):
    """Code that goes to another folder does not take the file with it."""
    pytest.importorskip("dug.snapshot")
    (pricing / "elsewhere").mkdir()
    code = pricing / "pricing.py"
    code.write_text("import os\n" + code.read_text().replace('    """Both."""\n', '    os.chdir("elsewhere")\n'))
    said = dug_says("run", "pricing:book", "--save", "here.dug")

    assert said.err.startswith("here.dug: ")
    assert (pricing / "here.dug").exists()
