"""The folder of a test about files."""

from __future__ import annotations

import pytest
from support.folder import Folder


@pytest.fixture
def folder(tmp_path):
    """A folder of the test's own."""
    return Folder(tmp_path)
