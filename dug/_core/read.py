"""The door for looks: hands on the engine's data types, and questions that run and file nothing; has no code of its own.

Nobody outside the engine imports another file of it than this one and `drive`.  All data types are handed on here, with the
literals that their fields hold, to looks and to drivers: nodes and their keys, functions, memos, tweaks, views, caches,
runs, frames, events and failures.  So are the questions: which memo answers (`find_answer`), what a call would verify (`Lookup`),
which frame and which contexts are in force (`frame_in_force`, `entries_in_force`), whether a value is the same as before.

Nothing here runs a body, files a memo or puts anything in force: code that does so imports `drive`.  A look that finds no memo
says so, and leaves running the node to its caller.
"""

from .facts.binding import Binding, Key, PartialKey
from .facts.equality import Fixed, is_immutable, is_same, substitution_key
from .facts.events import INNER, KINDS, Event, Listener, Subscription
from .facts.extra import IN_THREAD, OuterCall
from .facts.failure import Failure
from .facts.function import Function
from .facts.homes import Homes
from .facts.imprint import Imprint
from .facts.memo import DEAD, FORGOTTEN, LIVE, NO_TWEAKS, TWEAKED, Memo, NodeMemos, Origin
from .facts.node import BENEATH, Node, plain_key
from .facts.sparse import BitSet
from .facts.tweak import UNTWEAK, VALUE, Layer, Target, TweakSpec
from .native.choose import COMPILED
from .state.cache import Cache
from .state.group import CacheGroup
from .state.scenario import ActiveTweaks, HeldTweaks, Tweak
from .state.view import View
from .steps.find import find_answer
from .steps.finish import is_consumable
from .steps.frame import DEFAULT_FRAME, Frame, Joined, OpenContext, Run, current
from .steps.open_context import entries_in_force, frame_in_force
from .steps.verify import Lookup, is_as_before

__all__ = [
    "BENEATH",
    "COMPILED",
    "DEAD",
    "DEFAULT_FRAME",
    "FORGOTTEN",
    "INNER",
    "IN_THREAD",
    "KINDS",
    "LIVE",
    "NO_TWEAKS",
    "TWEAKED",
    "UNTWEAK",
    "VALUE",
    "ActiveTweaks",
    "Binding",
    "BitSet",
    "Cache",
    "CacheGroup",
    "Event",
    "Failure",
    "Fixed",
    "Frame",
    "Function",
    "HeldTweaks",
    "Homes",
    "Imprint",
    "Joined",
    "Key",
    "Layer",
    "Listener",
    "Lookup",
    "Memo",
    "Node",
    "NodeMemos",
    "OpenContext",
    "Origin",
    "OuterCall",
    "PartialKey",
    "Run",
    "Subscription",
    "Target",
    "Tweak",
    "TweakSpec",
    "View",
    "current",
    "entries_in_force",
    "find_answer",
    "frame_in_force",
    "is_as_before",
    "is_consumable",
    "is_immutable",
    "is_same",
    "plain_key",
    "substitution_key",
]
