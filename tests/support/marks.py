"""Marks for tests of one of the two call paths."""

import pytest

import dug

compiled_only = pytest.mark.skipif(not dug.COMPILED, reason="the compiled call path is not in use")
pure_only = pytest.mark.skipif(dug.COMPILED, reason="stops between lines of the pure call path")
