"""What the tests of operators share."""

from __future__ import annotations

import pytest
from support.feeds import Feeds


@pytest.fixture
def feeds() -> Feeds:
    """Streams that give what the test sends."""
    return Feeds()
