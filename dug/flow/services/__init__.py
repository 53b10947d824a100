"""Flows whose processors are in several processes: `Services` shares runs through a server of Redis or Valkey.

``@services.processor`` registers a function by name, ``await flow.start(inputs, on=services)`` starts a run, ``await
services.serve()`` works on all runs.  Each value is on its tape exactly once, whatever process is killed.
"""

from ._checkpoints import checkpoint, last_checkpoint
from ._crew import Dispatch
from ._declared import declared
from ._errors import (
    RunCancelledError,
    RunGoneError,
    ServerLostError,
    ServicesError,
    StarterLostError,
    StateLostError,
    TamperedError,
)
from ._looking import RunState, StepState
from ._running import ServicesRun
from ._services import Services
from ._skipping import DeadLetter

__all__ = [
    "DeadLetter",
    "Dispatch",
    "RunCancelledError",
    "RunGoneError",
    "RunState",
    "ServerLostError",
    "Services",
    "ServicesError",
    "ServicesRun",
    "StarterLostError",
    "StateLostError",
    "StepState",
    "TamperedError",
    "checkpoint",
    "declared",
    "last_checkpoint",
]
