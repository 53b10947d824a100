"""A command loads only the modules that it needs, so that it answers at once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOW = """
import sys
sys.path.insert(0, {root!r})
import dug
before = set(sys.modules)
from dug.cli import main
main(["show", {file!r}])
print(*sorted(name for name in sys.modules if name.startswith("dug") or name not in before), file=sys.stderr)
"""


@pytest.fixture
def loaded(pricing, dug_says):
    """The modules of dug that ``dug show`` loads, and those of others that it loads on top of ``import dug``."""
    pytest.importorskip("dug.snapshot")
    dug_says("run", "pricing:book", "--save", "book.dug")
    code = SHOW.format(root=str(ROOT), file=str(pricing / "book.dug"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.split()


@pytest.mark.slow
def test_show_loads_no_more_than_it_needs(loaded):
    """``show`` loads neither rich, which a pipe does not need, nor modules of other commands, nor codecs."""
    needless = "rich graphviz numpy pandas tqdm pickle dug.draw dug.demo dug.testing dug.cli._run dug.cli._diff"

    assert {"click", "sqlite3"} <= set(loaded)
    assert set(needless.split()) & set(loaded) == set()


@pytest.mark.slow
def test_show_loads_few_modules(loaded):
    """The number of modules decides how long a command takes to start."""
    own = [name for name in loaded if name.partition(".")[0] == "dug"]
    assert len(own) <= 105  # the folders of the engine, files, known sources, folded marks and columns count, too
    assert len(loaded) - len(own) <= 32
