"""The pytest plugin, which brings one fixture: `dug_context`.

pytest imports this file at every start, so it imports nothing that `import dug` does not.
"""

from collections.abc import Iterator

import pytest

from .._contexts.context import Context
from ._isolated import fresh_context


@pytest.fixture
def dug_context() -> Iterator[Context]:
    """A fresh, active dug.Context for each test: nothing tweaked and nothing remembered."""
    with fresh_context() as ctx:
        yield ctx
