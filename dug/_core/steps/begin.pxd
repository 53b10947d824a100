# How begin.py is compiled.

cimport cython

from dug._core.facts.homes cimport Homes, args_of
from dug._core.facts.memo cimport Memo, NodeMemos
from dug._core.facts.extra cimport OuterCall
from dug._core.state.cache cimport Cache
from dug._core.state.group cimport CacheGroup
from dug._core.state.scenario cimport ActiveTweaks, Tweak
from dug._core.state.view cimport View
from dug._core.steps.find cimport find, match
cimport dug._core.native.machine as machine
from dug._core.steps.watch cimport inherit
from dug._core.steps.frame cimport Joined, Run, _AnyFrame

cdef NodeMemos ABSENT
cdef object BENEATH, NO_HOMES, LATE, DefaultFrame


@cython.locals(
    place=_AnyFrame, view=View, call=OuterCall, cache=Cache, tweaks=ActiveTweaks, group=CacheGroup, filings=cython.longlong, home=NodeMemos,
    at_hand=Memo, handle=Tweak, memo=Memo, run=Run, is_quick=bint, is_beneath=bint, is_known=bint, is_absent=bint, is_common=bint)
cpdef object begin(object frame, object key, bint has_waited=*, NodeMemos known=*)

cdef _settle_before(object frame, object key, OuterCall call, CacheGroup group)

cdef object _join_or_open(View view, object frame, object key, Tweak handle, NodeMemos home, bint is_patient)

cdef Memo _recall(Cache cache, object key, NodeMemos home, ActiveTweaks tweaks)

@cython.locals(met=Tweak, run=Run)
cdef Run _prepare(View view, _AnyFrame frame, object key, Tweak handle, NodeMemos home)

@cython.locals(home=NodeMemos, group=CacheGroup)
cdef Run _open_alone(Run run, long long filings)

@cython.locals(home=NodeMemos)
cdef Run _register(Run run)

cpdef Memo serve(View view, object key, Memo memo, bint is_heard=*)

@cython.locals(home=NodeMemos, running=dict)
cpdef take_out(Run run)

@cython.locals(run=Run)
cpdef object _in_full(object frame, object key)
