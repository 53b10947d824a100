"""``dug store`` on a folder that a program has filled."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dug

PROGRAM = """
import dug

@dug.memoize(store=True)
def price(trade):
    return 2 * trade

@dug.memoize(store=True)
def book(count):
    return sum(map(price, range(count)))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with the store of a small program, whose module is ``stored_desk``."""
    (tmp_path / "stored_desk.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("stored_desk", None)
    with dug.Context(store="desk.store"):
        assert import_module("stored_desk").book(3) == 6
    yield tmp_path
    sys.modules.pop("stored_desk", None)


def says(dug_says, status, *words):
    """Return the output of a command that ends with this status."""
    said = dug_says(*words)
    assert said.status == status, said
    return said


def test_info_and_ls_say_what_is_there(folder, dug_says):
    """``info`` counts by function, and ``ls`` lists the runs."""
    said = dug_says("store", "info", "desk.store").out
    assert said.startswith("4 runs, ")
    assert "stored_desk:price" in said
    rows = json.loads(dug_says("store", "ls", "desk.store", "stored_desk:price", "--json").out)
    assert sorted(row["arguments"] for row in rows) == ["[[0],{}]", "[[1],{}]", "[[2],{}]"]


def test_why_and_accept_name_a_function(folder, dug_says):
    """``why`` tells of a node, and ``accept`` of an older definition."""
    assert "is kept: a run of" in dug_says("store", "why", "desk.store", "stored_desk:price(1)").out
    assert "No run of" in dug_says("store", "why", "desk.store", "stored_desk:price(9)").out
    said = says(dug_says, 1, "store", "accept", "desk.store", "stored_desk:price", "nonsense")
    assert "knows no older definitions of stored_desk:price" in said.err


def test_check_finds_damage_and_gc_makes_room(folder, dug_says):
    """``check`` exits with 1 while something is damaged, and ``gc`` removes what it is told to."""
    assert "all whole" in dug_says("store", "check", "desk.store").out
    db = sqlite3.connect(folder / "desk.store" / "dug.db")
    db.execute("UPDATE value SET data = ? WHERE data = ?", (b"7", b"4"))
    db.commit()
    db.close()
    assert "1 damaged" in says(dug_says, 1, "store", "check", "desk.store").out
    assert "removed" in dug_says("store", "check", "desk.store", "--fix").out
    assert "say what may go" in says(dug_says, 2, "store", "gc", "desk.store").err
    assert "would be removed" in dug_says("store", "gc", "desk.store", "--max-bytes", "0", "--dry-run").out
    assert dug_says("store", "gc", "desk.store", "--max-bytes", "0").out.startswith("3 runs")


def test_a_folder_without_a_store_is_told(folder, dug_says):
    """Nothing is made of a folder that is not a store."""
    assert "has no dug.db" in says(dug_says, 1, "store", "info", str(folder)).err


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["info", "redis://localhost:6379/0"], 2, "is a server. These commands take a folder; ask a server by RedisStore(url)"),
        (["why", "desk.store", "stored_desk:price()"], 1, "stored_desk:price() is not a call of its function: price() missing 1"),
        ([], 2, "Missing command. Type: "),
    ],
)
def test_a_slip_is_one_line(folder, dug_says, words, status, told):
    """The address of a server, a node without its arguments and a verb left out are told, with no traceback and no manual."""
    assert told in says(dug_says, status, "store", *words).complaint


@pytest.mark.slow
def test_the_command_loads_no_numpy(folder):
    """Looking into a store needs neither numpy nor pandas."""
    root = str(Path(__file__).parents[2])
    code = f"import sys; sys.path.insert(0, {root!r}); from dug.cli import main; main(['store', 'info', 'desk.store']); "
    code += "print({'numpy', 'pandas', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
