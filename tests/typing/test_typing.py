"""mypy and pyright see the types of decorated functions: they check the examples beside this file.

A file `ok_*.py` has no error.  In a file `fail_*.py` each line with an error ends in ``# E: code``, the codes being those of
mypy, and no other line has one.  ``user_program.py`` is both.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest
from support.type_checkers import find_marks, read_mypy, run_mypy, run_pyright

import dug

HERE = Path(__file__).parent
EXAMPLES = sorted([*HERE.glob("ok_*.py"), *HERE.glob("fail_*.py"), HERE / "user_program.py"])
ROOT = Path(dug.__file__).parents[1]
IS_INSTALLED = ROOT.name in ("site-packages", "dist-packages")

needs_pyright = pytest.mark.skipif(find_spec("pyright") is None, reason='needs pyright: pip install "dug[typing]"')


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Runs mypy once on all examples, and returns its lines by the name of the file."""
    variables = {} if IS_INSTALLED else {"MYPYPATH": str(ROOT)}
    return run_mypy(EXAMPLES, cache=tmp_path_factory.mktemp("mypy"), **variables)


@pytest.fixture(scope="module")
def pyright_reports():
    """Runs pyright once on all examples, and returns what it reports by the name of the file."""
    return run_pyright(EXAMPLES, **({} if IS_INSTALLED else {"PYTHONPATH": str(ROOT)}))


def test_the_examples_are_found():
    """There are examples that must pass and examples that must fail."""
    assert {path.name.partition("_")[0] for path in EXAMPLES} == {"ok", "fail", "user"}
    assert all(find_marks(path) for path in EXAMPLES if not path.name.startswith("ok"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_mypy_reports_what_is_marked(path, reports):
    """The errors that mypy finds are those that are marked, on their lines."""
    assert read_mypy(reports[path.name]) == find_marks(path), "\n".join(reports[path.name])


@needs_pyright
@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_pyright_reports_the_lines_that_are_marked(path, pyright_reports):
    """The lines on which pyright finds errors are those that are marked."""
    assert {line for line, _ in pyright_reports[path.name]} == {line for line, _ in find_marks(path)}, pyright_reports[path.name]


def test_the_users_program_runs():
    """It is right but for the lines that are marked: `main` gives numbers."""
    namespace = {"__name__": "user_program"}
    exec(compile((HERE / "user_program.py").read_text(), "user_program.py", "exec"), namespace)

    assert set(map(type, namespace["main"]().values())) == {float}
