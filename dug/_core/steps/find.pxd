# How find.py is compiled.

cimport cython

from dug._core.facts.memo cimport Memo, NodeMemos
from dug._core.facts.extra cimport OuterCall
cimport dug._core.native.machine as machine
from dug._core.state.cache cimport Cache
from dug._core.state.scenario cimport ActiveTweaks, Tweak
from dug._core.state.view cimport View

cdef object BENEATH


cpdef Memo find(View view, object key, Tweak handle, OuterCall call)

@cython.locals(around=View)
cpdef Memo find_masked(View view, object key)

cdef Memo _find_computed(View view, object key)

@cython.locals(memo=Memo, cache=Cache)
cpdef Memo value_memo(View view, object key, Tweak handle)

@cython.locals(cache=Cache, home=NodeMemos, memo=Memo)
cdef Memo _find_filed(View view, object key, Tweak handle, OuterCall call)

@cython.locals(plain=Memo, lone=Memo, memo=Memo, variants=object, alike=dict)
cpdef Memo match(NodeMemos home, ActiveTweaks tweaks, OuterCall call)
