"""The story of ``examples/etl_in_services.py``: a service is killed in the middle of 200 files, and each is loaded once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.servers import serving

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_row_of_200_files_is_in_the_database(tmp_path):
    """The process that extracts is killed after 80 files, the next one goes on, and no row is missing or there twice."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with serving("redis", tmp_path / "redis") as server:
        command = [sys.executable, ROOT / "examples" / "etl_in_services.py", server.url]
        environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}

        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "200 files are loaded, and extract was begun 2 times\n10,000 rows are in the database, and their sum is 245,000\n"
    )
