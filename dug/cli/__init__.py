"""The command line of dug: ``python -m dug``."""

from ._main import main

__all__ = ["main"]
