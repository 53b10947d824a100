"""Checks a user's program with mypy and pyright against the dug that a Python has, as it was installed there.

    python tests/installed_types.py path/to/python

The program is `tests/typing/user_program.py`, copied to a folder that has nothing else: a type checker that does not find dug
reports other lines than those that are marked.  Both checkers are those of the Python that runs this.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from support.type_checkers import find_marks, read_mypy, run_mypy, run_pyright

PROGRAM = Path(__file__).parent / "typing" / "user_program.py"


def main() -> int:
    """Print what differs from the marks, and return the exit status."""
    parser = argparse.ArgumentParser(description="Check a user's program against the dug that a Python has.")
    parser.add_argument("python", type=Path, help="the Python that has dug")
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(PROGRAM, folder))
        marks = find_marks(copy)
        by_mypy = run_mypy([copy], cache=Path(folder, "cache"), python=python)[copy.name]
        by_pyright = run_pyright([copy], python=python)[copy.name]
    status = 0
    if read_mypy(by_mypy) != marks:
        print("mypy does not report what is marked:", *by_mypy, sep="\n  ")
        status = 1
    if {line for line, _ in by_pyright} != {line for line, _ in marks}:
        print("pyright does not report the lines that are marked:", *by_pyright, sep="\n  ")
        status = 1
    if not status:
        print(f"mypy and pyright see dug in {python}: {len(marks)} errors where they are marked, and no other")
    return status


if __name__ == "__main__":
    sys.exit(main())
