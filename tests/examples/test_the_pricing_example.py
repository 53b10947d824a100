"""The examples of the testing tools pass: a tested module that covers every tool, and those in the docstrings."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import dug.testing

pytest_plugins = ["pytester"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "test_pricing.py"


@pytest.mark.slow
def test_the_example_passes(pytester, request):
    """A user who runs ``pytest examples/test_pricing.py`` sees no failure."""
    plugin = () if request.config.pluginmanager.has_plugin("dug") else ("-p", "dug.testing._plugin")
    result = pytester.runpytest_inprocess(EXAMPLE, *plugin, "-p", "no:cacheprovider")

    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


@pytest.mark.parametrize("tool", [*dug.testing.__all__, "dug_context"])
def test_the_example_shows_each_tool(tool):
    """Nothing public is left out of the example."""
    assert tool in EXAMPLE.read_text()


@pytest.mark.parametrize("module", ["_event_log", "_isolated"])
def test_the_examples_in_the_docstrings_pass(module):
    """What a docstring shows is what happens."""
    results = doctest.testmod(import_module(f"dug.testing.{module}"))

    assert results.attempted
    assert not results.failed
