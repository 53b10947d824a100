"""The door for drivers and services: what carries a call from the question to the memo, and changes what the engine knows.

Nobody outside the engine imports another file of it than this one and `read`.  What a driver of functions needs is here: look a
call up (`begin`), verify what an older run left, close the run (`finish`, `fail`, `abandon`), wait for the run of somebody
else (`join`, `follow`, `part`).  So is what contexts need to be opened, closed and renewed, what decorators need to make a
function callable, and what a snapshot needs to bring memos in.

Who only wants to know something goes to `read`; so does everybody for the data themselves: nodes, memos, runs, frames, tweaks.

What is not for those who come in here: the files behind it, and what they hold.  A memo is filed by `finish` alone, a wait is
entered by `join` alone, and a frame gets its hits from `refresh` alone.  Where the compiled call path is in use, `begin`,
`finish`, `join` and `part` are compiled, so a driver takes them from here, never from the file that specifies them.
"""

from ._accel import make_lock, renew_lock
from ._begin import take
from ._binding import prepare
from ._cache import BINDING
from ._call import let_call, make_class
from ._drive import answer_from_driver, evaluate_without_cache
from ._entry import (
    close_entry,
    closing_unless_active,
    frame_here,
    frame_then,
    leave,
    note,
    open_entry,
    outer_here,
    put_in_force,
    refresh,
    refresh_within,
    renew_within,
    settle_within,
    step_back,
    take_back,
)
from ._failure import Serving, fail_with
from ._find import make_value_memo
from ._finish import abandon, check_value, fail, give_up, is_within, keep, leave_alone, leave_interrupted, refuse, unwind
from ._flight import PATIENCE_S, outcome_of
from ._frame import GONE, LATE, ORIGINS, PUT, UNTRUE, here, step_out
from ._leaving import Ended, find_exit, watch_own_exit, watched
from ._local import make_local
from ._node import call_at_next_run, disarm, publish, trust, watched_functions
from ._order import batches, starts_of
from ._registry import free_locks
from ._scenario import let_go
from ._verbs import begin, finish, join, join_own, make_fetch, part
from ._verify import forget_reads, raise_later
from ._view import enter
from ._watch import follow, look_at

__all__ = [
    "BINDING",
    "GONE",
    "LATE",
    "ORIGINS",
    "PATIENCE_S",
    "PUT",
    "UNTRUE",
    "Ended",
    "Serving",
    "abandon",
    "answer_from_driver",
    "batches",
    "begin",
    "call_at_next_run",
    "check_value",
    "close_entry",
    "closing_unless_active",
    "disarm",
    "enter",
    "evaluate_without_cache",
    "fail",
    "fail_with",
    "find_exit",
    "finish",
    "follow",
    "forget_reads",
    "frame_here",
    "frame_then",
    "free_locks",
    "give_up",
    "here",
    "is_within",
    "join",
    "join_own",
    "keep",
    "leave",
    "leave_alone",
    "leave_interrupted",
    "let_call",
    "let_go",
    "look_at",
    "make_class",
    "make_fetch",
    "make_local",
    "make_lock",
    "make_value_memo",
    "note",
    "open_entry",
    "outcome_of",
    "outer_here",
    "part",
    "prepare",
    "publish",
    "put_in_force",
    "raise_later",
    "refresh",
    "refresh_within",
    "refuse",
    "renew_lock",
    "renew_within",
    "settle_within",
    "starts_of",
    "step_back",
    "step_out",
    "take",
    "take_back",
    "trust",
    "unwind",
    "watch_own_exit",
    "watched",
    "watched_functions",
]
