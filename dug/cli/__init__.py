"""The command line of dug: ``dug``, or ``python -m dug``."""

from ._main import main

__all__ = ["main"]
